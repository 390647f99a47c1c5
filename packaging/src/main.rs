//! Makes what is released, the same bytes each time: `cargo xtask dist`.

mod architecture;
mod build;
mod check;
mod command;
mod contents;
mod crates;
mod deb;
mod image;
mod krew;
mod licences;
mod paths;
mod program;
mod provenance;
mod release;
mod rpm_package;
mod runner;
mod sbom;
mod sums;
mod tools;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::architecture::Architecture;
use crate::release::Options;

/// Make what is released: archives, packages, images, bills of materials, provenance, sums.
#[derive(Parser)]
#[command(name = "cargo xtask dist", bin_name = "cargo xtask dist")]
struct Cli {
    /// Where everything is written; what is there is removed first
    #[arg(long, default_value = "target/shipped")]
    out: PathBuf,
    /// For which processors; give it again for each
    #[arg(long = "arch", value_enum, default_values_t = Architecture::ALL)]
    architectures: Vec<Architecture>,
    /// The profile of Cargo; another one than dist is for trying
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Sign the sums with this key, by ssh-keygen
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// The address that the files will be downloaded from; the manifest for krew needs it
    #[arg(long, value_name = "URL")]
    download_url: Option<String>,
    /// Who builds, as a URI, for the statement of provenance
    #[arg(long, value_name = "URI", default_value = "urn:osimage:builder:local")]
    builder: String,
    /// Build twice, in two folders, and compare; what the first gave is kept
    #[arg(long)]
    check: bool,
    /// Take a work tree with changes that are not committed
    #[arg(long)]
    allow_dirty: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("dist: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), String> {
    let root = paths::root();
    let out = root.join(cli.out);
    let options = Options {
        architectures: cli.architectures,
        profile: cli.profile,
        download_url: cli.download_url,
        builder: cli.builder,
    };
    if !cli.allow_dirty {
        release::refuse_changes(&root)?;
    }
    if cli.check {
        check::build_twice(&root, &out, &options)?;
    } else {
        release::make(&root, &out, &paths::target(), &options)?;
    }
    if let Some(key) = cli.sign_key {
        sums::sign(&out, &key)?;
    }
    say(&format!("dist: written into {}", out.display()));
    Ok(())
}

/// A line on standard error: standard output belongs to what is run.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
