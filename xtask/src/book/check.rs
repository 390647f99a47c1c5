//! Does every link of the site lead somewhere?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Every link of the pages of a site that leads nowhere, with its page. Pages in the folder `foreign`
/// are somebody else's business.
pub(super) fn broken(site: &Path, foreign: &str) -> Result<Vec<String>, String> {
    let mut pages = Vec::new();
    html(site, &mut pages)?;
    pages.retain(|page| !page.starts_with(site.join(foreign)));
    let mut texts = BTreeMap::new();
    for page in pages {
        let text =
            fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
        texts.insert(page, text);
    }
    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> = texts
        .iter()
        .map(|(page, text)| (page, values(text, " id=\"").collect()))
        .collect();
    let mut broken = Vec::new();
    for (page, text) in &texts {
        for link in values(text, " href=\"").chain(values(text, " src=\"")) {
            if !leads_somewhere(page, link, &ids) {
                let page = page.strip_prefix(site).unwrap_or(page);
                broken.push(format!("{}: {link} leads nowhere", page.display()));
            }
        }
    }
    Ok(broken)
}

fn leads_somewhere(page: &Path, link: &str, ids: &BTreeMap<&PathBuf, BTreeSet<&str>>) -> bool {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        plain(&page.parent().unwrap_or(page).join(file))
    };
    let target = if target.is_dir() {
        target.join("index.html")
    } else {
        target
    };
    match ids.get(&target) {
        Some(ids) => anchor.is_empty() || ids.contains(anchor),
        None => target.exists() && anchor.is_empty(),
    }
}

/// A path without steps upwards.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// What stands in quotes behind `start`.
fn values<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start)
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(value, _)| value))
}

fn html(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            html(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn links_that_lead_nowhere_are_named() {
    let site = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(site.path().join(name), text).unwrap();
    fs::create_dir(site.path().join("guides")).unwrap();
    write(
        "index.html",
        r#"<h1 id="top">x</h1><a href="guides/a.html#b">a</a><a href="gone.html">c</a>"#,
    );
    write(
        "guides/a.html",
        r##"<p id="b"><a href="../index.html#top">d</a><a href="#nothing">e</a>"##,
    );
    assert_eq!(
        broken(site.path(), "api").unwrap(),
        [
            "guides/a.html: #nothing leads nowhere",
            "index.html: gone.html leads nowhere"
        ]
    );
}
