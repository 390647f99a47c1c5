//! Packages for RHEL and Fedora.

use rpm::{BuildConfig, CompressionType, FileOptions, PackageBuilder};

use crate::architecture::Architecture;
use crate::contents::DOCUMENTS;
use crate::program::COMMAND;
use crate::release::{LICENCE, Release};
use crate::tree::{Entry, Tree};

/// A package of the command that installs `tree`.
pub(crate) fn package(
    release: &Release,
    architecture: Architecture,
    tree: &Tree,
) -> Result<Vec<u8>, String> {
    build(release, architecture, tree).map_err(|error| format!("rpm: {error}"))
}

fn build(
    release: &Release,
    architecture: Architecture,
    tree: &Tree,
) -> Result<Vec<u8>, rpm::Error> {
    let time = u32::try_from(release.time).unwrap_or(u32::MAX);
    let config = BuildConfig::v4()
        .compression(CompressionType::Gzip)
        .source_date(time);
    let mut builder = PackageBuilder::new(
        COMMAND.name,
        &release.version,
        LICENCE,
        architecture.name(),
        COMMAND.summary,
    );
    // Names of the machine that builds would differ from one to the next.
    builder
        .using_config(config)
        .release("1")
        .build_host("localhost")
        .description(COMMAND.summary);
    // What no other package owns goes with this one.
    builder.with_dir_entry(FileOptions::dir(format!("/{DOCUMENTS}")))?;
    for (path, entry) in &tree.0 {
        let path = format!("/{path}");
        match entry {
            Entry::Text(content) => {
                let options = FileOptions::new(path.clone()).permissions(0o644);
                let options = if path.contains(DOCUMENTS) {
                    options.doc()
                } else {
                    options
                };
                builder.with_file_contents(content.clone(), options)?;
            }
            Entry::Program(content) => {
                builder.with_file_contents(
                    content.clone(),
                    FileOptions::new(path).permissions(0o755),
                )?;
            }
            Entry::Link(to) => {
                builder.with_symlink(FileOptions::symlink(path, to.clone()))?;
            }
        }
    }
    let mut bytes = Vec::new();
    builder.build()?.write(&mut bytes)?;
    Ok(bytes)
}
