//! The texts of the rules in `docs/spec`: where each one is defined.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The folder of the specifications, below the root of the repository.
const FOLDER: &str = "docs/spec";

/// What stands in front of the text of a rule: `<a id="bi-042"></a>**BI-042** …`.
const ANCHOR: &str = "<a id=\"";

/// Links to the texts of all rules, by id, relative to `docs/reference`. A rule that is defined
/// twice is an error.
pub(crate) fn links(root: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut links = BTreeMap::new();
    for file in ["boot-images.md", "image-layering.md"] {
        let path = root.join(FOLDER).join(file);
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for anchor in anchors(&text) {
            let link = format!("../spec/{file}#{anchor}");
            if links.insert(anchor.to_uppercase(), link).is_some() {
                return Err(format!("{FOLDER}/{file}: {anchor} is defined twice"));
            }
        }
    }
    Ok(links)
}

/// The ids of the anchors in a Markdown text.
pub(crate) fn anchors(text: &str) -> impl Iterator<Item = &str> {
    text.split(ANCHOR)
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(id, _)| id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_found() {
        let text = "- <a id=\"bi-042\"></a>**BI-042** x\n| <a id=\"w-01\"></a>W-01 | y |";
        assert_eq!(anchors(text).collect::<Vec<_>>(), ["bi-042", "w-01"]);
    }

    #[test]
    fn every_kind_of_rule_has_a_text() {
        let links = links(&crate::r#gen::root()).unwrap();
        for id in ["BI-042", "IL-103", "IL-770", "T-04", "W-01"] {
            assert!(links.contains_key(id), "{id}");
        }
    }
}
