//! `cargo xtask book`: the documentation as a site, with the API of the crates beside it.

mod check;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::r#gen::{pure_crates, root};
use crate::say;

/// The folder of all pages, below the root of the repository.
const DOCS: &str = "docs";
/// The table of contents; it is no page.
const CONTENTS: &str = "SUMMARY.md";
/// The folder of the site with the documentation of the crates.
const API: &str = "api";

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
    link_api(&root)?;
    run_program(
        Command::new("mdbook").arg("build").current_dir(&root),
        "mdbook (cargo install --locked mdbook@0.5.4)",
    )?;
    api(&root, &site)?;
    let mut broken = crate::links::broken();
    broken.extend(check::broken(&site, API)?);
    for link in &broken {
        say(&format!("book: {link}"));
    }
    say(&format!("book: written into {}", site.display()));
    Ok(missing.is_empty() && broken.is_empty())
}

/// Names the documentation of the crates on the front page. In the repository it stands nowhere.
fn link_api(root: &Path) -> Result<(), String> {
    let page = root.join("target/book/src/README.md");
    let failed = |error: std::io::Error| format!("{}: {error}", page.display());
    let mut text = fs::read_to_string(&page).map_err(failed)?;
    text.push_str("\n## The crates\n\n");
    for name in pure_crates(root)? {
        text.push_str(&format!(
            "- [{name}]({API}/{}/index.html)\n",
            name.replace('-', "_")
        ));
    }
    fs::write(&page, text).map_err(failed)
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
    stage::copy_all(&target.join("doc"), &site.join(API))
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
