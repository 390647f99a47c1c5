//! How long a render takes: 5 µs, and 0.5 ms with 200 kB of user text, are the limits. It includes
//! the check of the text and the digest of the inputs.
#![expect(clippy::unwrap_used, reason = "the inputs are our own")]

use std::hint::black_box;

use containerfile_render::{CheckFor, Inputs, check, render};
use criterion::{Criterion, criterion_group, criterion_main};
use openshift_model::Architecture;

const CONTENT: &str = "FROM configs AS final\nRUN rpm-ostree install tree && \\\n  \
    ostree container commit\n";
const IMAGE: &str = "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:\
    1111111111111111111111111111111111111111111111111111111111111111";

fn bench(c: &mut Criterion, id: &str, content: &str) {
    let inputs = Inputs {
        base_image: IMAGE,
        extensions_image: IMAGE,
        extensions: &["usbguard", "kerberos"],
        kernel_type: "realtime",
        architecture: &Architecture::X86_64,
        machine_config: "rendered-layered-ad5a3cad36303c363cf458ab0524e7c0",
        pool: "layered",
        content: Some(content),
    };
    c.bench_function(id, |b| b.iter(|| render(black_box(&inputs)).unwrap()));
}

fn renders(c: &mut Criterion) {
    bench(c, "render", CONTENT);
    let line = "RUN rpm-ostree install tree && ostree container commit\n";
    let long = line.repeat(200_000 / line.len());
    bench(c, "render, 200 kB of text", &long);
    let continued = "    rpm-ostree install tree && \\\n".repeat(6_000);
    bench(
        c,
        "render, 200 kB in one instruction",
        &format!("RUN true; \\\n{continued}    true\n"),
    );
    c.bench_function("check, 200 kB of text", |b| {
        b.iter(|| check(black_box(&long), CheckFor::default()));
    });
}

criterion_group!(benches, renders);
criterion_main!(benches);
