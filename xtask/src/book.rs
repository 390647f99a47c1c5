//! `cargo xtask book`: the documentation as a site, with the API of the crates beside it.

mod check;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::r#gen::root;
use crate::say;

/// The folder of all pages, below the root of the repository.
const DOCS: &str = "docs";
/// The table of contents; it is no page.
const CONTENTS: &str = "SUMMARY.md";

/// Makes the site in `target/book/html`. Links that lead out of the documentation go to `source`, an
/// address where the repository can be read; without one they become plain text.
pub(crate) fn run(source: Option<&str>) -> Result<bool, String> {
    let root = root();
    let missing = missing(&root.join(DOCS))?;
    for page in &missing {
        say(&format!("book: {DOCS}/{page} is not in {DOCS}/{CONTENTS}"));
    }
    let site = root.join("target/book/html");
    empty(&root.join("target/book"))?;
    stage::copy(&root.join(DOCS), &root.join("target/book/src"), source)?;
    run_program(
        Command::new("mdbook").arg("build").current_dir(&root),
        "mdbook (cargo install --locked mdbook@0.5.4)",
    )?;
    let mut broken = crate::links::broken();
    broken.extend(check::broken(&site)?);
    for link in &broken {
        say(&format!("book: {link}"));
    }
    // After the check: what rustdoc links is rustdoc's business.
    api(&root, &site)?;
    say(&format!("book: written into {}", site.display()));
    Ok(missing.is_empty() && broken.is_empty())
}

/// Puts the documentation of the crates beside the pages.
fn api(root: &Path, site: &Path) -> Result<(), String> {
    run_program(
        Command::new(env!("CARGO"))
            .args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(root),
        "cargo doc",
    )?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    stage::copy_all(&target.join("doc"), &site.join("api"))
}

fn run_program(command: &mut Command, name: &str) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {status}"))
    }
}

fn empty(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(())
}

/// Pages that the table of contents does not name, relative to the folder of all pages.
fn missing(docs: &Path) -> Result<Vec<String>, String> {
    let contents = docs.join(CONTENTS);
    let contents = fs::read_to_string(&contents)
        .map_err(|error| format!("{}: {error}", contents.display()))?;
    let mut pages = Vec::new();
    crate::links::markdown(docs, &mut pages);
    let mut missing: Vec<String> = pages
        .iter()
        .filter_map(|page| page.strip_prefix(docs).ok())
        .map(|page| page.to_string_lossy().into_owned())
        .filter(|page| page != CONTENTS && !contents.contains(&format!("]({page})")))
        .collect();
    missing.sort();
    Ok(missing)
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    assert_eq!(missing(&root().join(DOCS)).unwrap(), Vec::<String>::new());
}
