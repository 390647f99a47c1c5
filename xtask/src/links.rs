//! Links between the documents of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::r#gen::{anchors, root};

/// Folders that hold no documents of the repository.
const PASSED_OVER: &[&str] = &["target", ".git", "node_modules"];

/// Every link of a document that leads nowhere, with the document. Links to other sites are not
/// followed.
pub(crate) fn broken() -> Vec<String> {
    let mut documents = Vec::new();
    markdown(&root(), &mut documents);
    let mut broken = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).unwrap_or_default();
        let folder = document.parent().unwrap_or(document);
        for link in links(&text) {
            if !leads_somewhere(document, folder, link) {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    broken
}

fn leads_somewhere(document: &Path, folder: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if file.is_empty() {
        document.to_owned()
    } else {
        folder.join(file)
    };
    if anchor.is_empty() {
        return path.exists();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    anchors(&text).any(|id| id == anchor) || headings.map(slug).any(|slug| slug == anchor)
}

/// The anchor that a renderer gives a heading: lower case, blanks as hyphens, no punctuation.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The targets of the links in a Markdown text that lead into the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose
        .flat_map(|line| {
            // What stands between backquotes is code.
            let plain = line.split('`').step_by(2);
            let targets = plain.flat_map(|part| part.split("](").skip(1));
            targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        })
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

pub(crate) fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !PASSED_OVER.iter().any(|passed_over| name == *passed_over) {
                markdown(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    assert_eq!(broken(), Vec::<String>::new());
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](x.md#y) [b](https://example.com)\n```\n[c](z)\n```\n`[d](w)` [e](v)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["x.md#y", "v"]);
    assert_eq!(slug("## 8.3 What it's about"), "83-what-its-about");
}
