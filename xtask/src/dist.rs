//! `cargo xtask dist`: makes what is released. The work is done in `packaging`, a workspace of its own:
//! its libraries would switch on features of libraries that are shipped and tested.

use std::ffi::OsString;
use std::process::Command;

use crate::r#gen::root;

/// Whether everything was made; what went wrong stands on standard error.
pub(crate) fn run(arguments: &[OsString]) -> Result<bool, String> {
    let root = root();
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| root.join("target").into());
    let status = Command::new(env!("CARGO"))
        .current_dir(&root)
        .args([
            "run",
            "--quiet",
            "--locked",
            "--manifest-path",
            "packaging/Cargo.toml",
            "--",
        ])
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .map_err(|error| format!("cargo run: {error}"))?;
    Ok(status.success())
}
