//! The licences of everything that is in a program, in one text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::crates::Crate;

/// What a file with a licence is called, in capitals, up to an ending or an addition.
const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
/// What may stand between two licences.
const RULE: &str =
    "\n--------------------------------------------------------------------------------\n";

/// Lists every crate with its licence, then every text of a licence once, with whom it is of.
///
/// `others` are texts of what is no crate: the C library and the standard library.
pub(crate) fn text(crates: &[Crate], others: &[(&str, String)]) -> Result<String, String> {
    let mut list = String::new();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |text: String, of: String| texts.entry(text).or_default().push(of);
    for (name, text) in others {
        list.push_str(&format!("{name}\n"));
        add(text.trim().to_owned(), (*name).to_owned());
    }
    for part in crates
        .iter()
        .filter(|part| part.is_foreign && !part.is_for_build)
    {
        let name = format!("{} {}", part.name, part.version);
        list.push_str(&format!("{name}: {}\n", part.licence));
        for file in files(&part.folder)? {
            let text = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let text = String::from_utf8_lossy(&text).trim().replace("\r\n", "\n");
            let inside = file.strip_prefix(&part.folder).unwrap_or(&file);
            add(text, format!("{name} ({})", inside.display()));
        }
    }
    let mut whole = format!(
        "This program holds the following parts. Where licences are a choice (OR), any one of them holds.\n\n{list}"
    );
    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|one, other| one.1.cmp(&other.1));
    for (text, of) in texts {
        whole.push_str(RULE);
        whole.push_str(&format!("{}:\n\n{text}\n", of.join(", ")));
    }
    Ok(whole)
}

/// Every file with a licence in a folder of a crate, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if is_licence(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_licence(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_uppercase();
    let is_source = path
        .extension()
        .is_some_and(|extension| ["json", "rs"].iter().any(|known| extension == *known));
    !is_source && NAMES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_known_by_their_names() {
        let check = |name: &str, expected: bool| {
            assert_eq!(is_licence(Path::new(name)), expected, "{name}");
        };
        check("LICENSE", true);
        check("LICENSE-MIT", true);
        check("license-apache-2.0", true);
        check("COPYING.txt", true);
        check("NOTICE.md", true);
        check("LICENSE-APACHE-2.0_WITH_LLVM", true);
        check("UNLICENSE", true);
        check("licence.rs", false);
        check("license-check.rs", false);
        check("README.md", false);
        check("license.json", false);
    }
}
