//! Builds the programs so that nothing of this machine is in them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::architecture::Architecture;
use crate::command::{line, run};
use crate::crates::Metadata;
use crate::program::PROGRAMS;
use crate::release::Release;
use crate::tools::Tools;

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// Builds all programs for one processor; the folder where they are.
pub(crate) fn build(
    release: &Release,
    tools: &Tools,
    metadata: &Metadata,
    architecture: Architecture,
) -> Result<PathBuf, String> {
    let target = architecture.target();
    run(Command::new("rustup")
        .args(["target", "add", &target])
        .current_dir(&release.root))?;
    let places = places(release, metadata)?;
    let flags = |flag: &str| -> Vec<String> {
        places
            .iter()
            .map(|(from, to)| format!("{flag}={}={to}", from.display()))
            .collect()
    };
    let mut path = OsString::from("CFLAGS_");
    path.push(target.replace('-', "_"));
    run(Command::new("cargo")
        .current_dir(&release.root)
        // cargo-auditable runs `cargo zigbuild`, and that `cargo rustc` with zig for a linker.
        .args(["auditable", "zigbuild", "--locked", "--quiet"])
        .args(["--profile", &release.profile, "--target", &target])
        .args(
            PROGRAMS
                .iter()
                .map(|program| format!("--package={}", program.name)),
        )
        .env("PATH", tools.search_path()?)
        .env("CARGO_TARGET_DIR", &release.target)
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", release.time.to_string())
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags("--remap-path-prefix").join(SEPARATOR),
        )
        .env(path, flags("-ffile-prefix-map").join(" ")))?;
    Ok(release.target.join(target).join(&release.profile))
}

/// Folders of this machine that would stand in programs, and what stands there instead.
fn places(release: &Release, metadata: &Metadata) -> Result<Vec<(PathBuf, String)>, String> {
    let mut places = vec![(release.target.clone(), "/target".to_owned())];
    for registry in metadata.registries() {
        places.push((registry, "/crates".to_owned()));
    }
    // Where the source of the standard library is installed, the compiler names it instead.
    let sysroot = line(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(&release.root),
    )?;
    let commit = commit_of_compiler(release)?;
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust");
    places.push((library, format!("/rustc/{commit}")));
    Ok(places)
}

fn commit_of_compiler(release: &Release) -> Result<String, String> {
    let version = line(Command::new("rustc").arg("-vV").current_dir(&release.root))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "));
    Ok(commit.unwrap_or("unknown").to_owned())
}
