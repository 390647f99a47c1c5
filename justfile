# What people type most. CI calls the same commands (.ci/run).

default: test

# All tests that need nothing but the toolchain.
test:
    cargo test --workspace --locked

# Everything that CI checks besides the tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
    cargo xtask check-layers
    cargo xtask gen --check

# Make the generated files anew.
gen:
    cargo xtask gen

# The site of the documentation, in target/book/html. Needs mdbook.
book:
    cargo xtask book

# What is released, in target/shipped.
dist:
    cargo xtask dist

# Golden cases: inputs with the results of the reference.
golden:
    cargo xtask golden fixtures/golden/*.jsonl > /dev/null

# Time and memory of the whole process.
bench:
    cargo xtask bench

# Time of the pieces.
bench-pieces:
    cargo bench --workspace
