//! How long a conversion takes. Targets: the stub of an installer at most 20 µs, 500 files at most
//! 5 ms (the reference: 445 µs and 1.44 s); what is larger grows with its length.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ignition_stub_convert::{TargetVersion, convert};

/// A pointer config as the installer of OpenShift 4.5 wrote it, with a CA of the usual length.
fn installer() -> String {
    format!(
        r#"{{"ignition":{{"config":{{"append":[{{"source":"https://api-int.cluster.example.com:22623/config/worker","verification":{{}}}}]}},"security":{{"tls":{{"certificateAuthorities":[{{"source":"data:text/plain;charset=utf-8;base64,{}","verification":{{}}}}]}}}},"timeouts":{{}},"version":"2.2.0"}},"networkd":{{}},"passwd":{{}},"storage":{{}},"systemd":{{}}}}"#,
        "QUJD".repeat(400)
    )
}

fn stub(others: &str) -> String {
    format!(r#"{{"ignition":{{"version":"2.2.0"}},{others}}}"#)
}

/// `count` files of `bytes` bytes each; of every ten, two have the same path.
fn files(count: usize, bytes: usize) -> String {
    let data = "A".repeat(bytes);
    let file = |index: usize| {
        let name = if index % 10 == 9 { index - 1 } else { index };
        format!(
            r#"{{"filesystem":"root","path":"/etc/folder/file-{name}","mode":420,"contents":{{"source":"data:,{data}","verification":{{}}}}}}"#
        )
    };
    let files: Vec<_> = (0..count).map(file).collect();
    stub(&format!(r#""storage":{{"files":[{}]}}"#, files.join(",")))
}

/// `count` units, every other one of a name that there is already.
fn units(count: usize) -> String {
    let unit = |index: usize| {
        format!(
            r#"{{"name":"unit-{}.service","enabled":true,"contents":"[Unit]\nDescription=x\n","dropins":[{{"name":"{index}.conf"}}]}}"#,
            index / 2
        )
    };
    let units: Vec<_> = (0..count).map(unit).collect();
    stub(&format!(r#""systemd":{{"units":[{}]}}"#, units.join(",")))
}

/// `count` units of one name, each with a drop-in of its own.
fn one_unit(count: usize) -> String {
    let unit =
        |index: usize| format!(r#"{{"name":"a.service","dropins":[{{"name":"{index}.conf"}}]}}"#);
    let units: Vec<_> = (0..count).map(unit).collect();
    stub(&format!(r#""systemd":{{"units":[{}]}}"#, units.join(",")))
}

/// `count` links and as many files, none below another.
fn links(count: usize) -> String {
    let entry = |kind: &str, more: &str, index: usize| {
        format!(r#"{{"filesystem":"root","path":"/a/b/{kind}-{index}"{more}}}"#)
    };
    let list = |kind: &str, more: &str| {
        (0..count)
            .map(|index| entry(kind, more, index))
            .collect::<Vec<_>>()
            .join(",")
    };
    stub(&format!(
        r#""storage":{{"files":[{}],"links":[{}]}}"#,
        list("file", r#","mode":420"#),
        list("link", r#","target":"/t""#)
    ))
}

/// `count` keys that spec 2 does not know.
fn unknown(count: usize) -> String {
    let members: Vec<_> = (0..count)
        .map(|index| format!(r#""key-{index}":0"#))
        .collect();
    stub(&members.join(","))
}

fn conversions(c: &mut Criterion) {
    let stubs = [
        ("installer's stub", installer()),
        ("500 files", files(500, 20)),
        ("10 MB of files", files(1000, 10_000)),
        ("100,000 units", units(100_000)),
        ("100,000 units of one name", one_unit(100_000)),
        ("100,000 links and files", links(100_000)),
        ("100,000 unknown keys", unknown(100_000)),
    ];
    for (name, stub) in &stubs {
        c.bench_function(name, |b| {
            b.iter(|| convert(black_box(stub.as_bytes()), TargetVersion::V3_4));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = conversions
}
criterion_main!(benches);
