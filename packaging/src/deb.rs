//! Packages for Debian and Ubuntu.

use md5::{Digest, Md5};

use crate::architecture::Architecture;
use crate::program::COMMAND;
use crate::release::Release;
use crate::tree::{Entry, Tree, gzip};

/// A package of the command that installs `tree`.
pub(crate) fn package(
    release: &Release,
    architecture: Architecture,
    tree: &Tree,
) -> Result<Vec<u8>, String> {
    let mut control = Tree::default();
    control.add(
        "control",
        Entry::Text(description(release, architecture, tree).into_bytes()),
    );
    control.add("md5sums", Entry::Text(sums(tree).into_bytes()));
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", gzip(&control.tar("", release.time)?)?),
        ("data.tar.gz", gzip(&tree.tar("", release.time)?)?),
    ];
    let mut package = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let (time, size) = (release.time, content.len());
        let header = format!(
            "{name:<16}{time:<12}{0:<6}{0:<6}{mode:<8}{size:<10}`\n",
            0,
            mode = "100644"
        );
        package.extend_from_slice(header.as_bytes());
        package.extend_from_slice(&content);
        // Members start at even places.
        if size % 2 == 1 {
            package.push(b'\n');
        }
    }
    Ok(package)
}

fn description(release: &Release, architecture: Architecture, tree: &Tree) -> String {
    format!(
        "Package: {name}\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: The osimage authors\n\
         Installed-Size: {size}\n\
         Section: admin\n\
         Priority: optional\n\
         Description: {summary}\n",
        name = COMMAND.name,
        version = release.version,
        architecture = architecture.debian(),
        size = tree.size().div_ceil(1024),
        summary = COMMAND.summary,
    )
}

/// What `dpkg --verify` compares with.
fn sums(tree: &Tree) -> String {
    let mut lines = String::new();
    for (path, entry) in &tree.0 {
        if let Entry::Text(content) | Entry::Program(content) = entry {
            lines.push_str(&format!(
                "{}  {path}\n",
                crate::sums::hex(&Md5::digest(content))
            ));
        }
    }
    lines
}
