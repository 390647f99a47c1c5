//! A statement of what was built from what: in-toto's, with the predicate of SLSA. It has no times, so
//! that it is the same each time; who signs the sums signs it too.

use std::process::Command;

use serde_json::{Value, json};

use crate::command::line;
use crate::paths;
use crate::release::{Options, Release};
use crate::sums::{Sums, sha256};

pub(crate) fn statement(
    release: &Release,
    options: &Options,
    sums: &Sums,
) -> Result<Value, String> {
    let compiler = line(
        Command::new("rustc")
            .arg("--version")
            .current_dir(&release.root),
    )?;
    let subjects: Vec<Value> = sums
        .iter()
        .map(|(name, digest)| json!({"name": name, "digest": {"sha256": digest}}))
        .collect();
    let input = |file: &str| -> Result<Value, String> {
        let digest = sha256(&paths::read(&release.root.join(file))?);
        Ok(json!({"name": file, "digest": {"sha256": digest}}))
    };
    let architectures: Vec<&str> = options.architectures.iter().map(|one| one.name()).collect();
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:osimage:build:cargo-xtask-dist:1",
                "externalParameters": {
                    "architectures": architectures,
                    "profile": options.profile,
                    "sourceDateEpoch": release.time,
                },
                "internalParameters": {"compiler": compiler},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": release.commit}},
                    input("Cargo.lock")?,
                    input("packaging/Cargo.lock")?,
                    input("packaging/requirements.txt")?,
                    input("rust-toolchain.toml")?,
                ],
            },
            "runDetails": {"builder": {"id": options.builder}},
        },
    }))
}
