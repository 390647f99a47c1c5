//! Every version in every stream document of the fixtures is read, and read right.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test reads fixtures, and stops where something is not as it should be"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bootimage_hazards::{BootImageVersion, read};
use openshift_model::{Architecture, Platform, Stream};
use serde_json::Value;

/// Every `release` and `version` below a value.
fn versions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if matches!(name.as_str(), "release" | "version") => {
                        found.insert(text.clone());
                    }
                    member => versions(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| versions(item, found)),
        _ => {}
    }
}

/// What the name of a document says its images are: `rhcos-4.16.json`, `rhcos-9.8.json`,
/// `scos-c10s.json`, `fcos-36.json`. A stream may carry a version of an earlier release in its
/// marketplace, but nothing newer.
fn is_of(name: &str, version: &BootImageVersion) -> bool {
    let Some((distribution, number)) = name.trim_end_matches(".json").split_once('-') else {
        return false;
    };
    let os = version.os().map(|os| os.to_string()).unwrap_or_default();
    let release = version.releases().map(|range| range.to_string());
    version.distribution().to_string().to_lowercase() == distribution
        && (os == number
            || format!("c{os}s") == number
            || release.as_deref() == Ok(number)
            || version
                .fedora()
                .is_some_and(|fedora| fedora.to_string() == number))
}

/// The names of documents with the newest version in each.
fn newest_of(folder: &Path) -> Vec<(BootImageVersion, String)> {
    let mut newest = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let mut found = BTreeSet::new();
        versions(&serde_json::from_str(&text).unwrap(), &mut found);
        let found = found
            .iter()
            .map(|text| BootImageVersion::parse(text).unwrap_or_else(|| panic!("{name}: {text}")));
        let last = found.max().unwrap();
        assert!(is_of(&name, &last), "{name}: {last}");
        check_views(&text, &name);
        newest.push((last, name));
    }
    newest.sort();
    newest
}

#[test]
fn the_versions_of_every_stream_document_are_read_right() {
    const OLDEST_FIRST: [&str; 6] = [
        "fcos-36.json",
        "scos-c10s.json",
        "rhcos-4.12.json",
        "rhcos-4.16.json",
        "rhcos-9.8.json",
        "rhcos-10.2.json",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["fixtures/streams", "../shared/golden/streams"] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            println!("no stream documents in {}", folder.display());
            continue;
        }
        let newest = newest_of(&folder);
        let order: Vec<_> = newest.iter().map(|(_, name)| name.as_str()).collect();
        let known: Vec<_> = OLDEST_FIRST
            .into_iter()
            .filter(|name| order.contains(name))
            .collect();
        let order: Vec<_> = order
            .into_iter()
            .filter(|name| known.contains(name))
            .collect();
        assert_eq!(order, known, "{}", folder.display());
    }
}

/// What the stream itself boots is read for every platform that is managed.
fn check_views(text: &str, name: &str) {
    let stream = Stream::parse(text).unwrap();
    for platform in ["AWS", "Azure", "BareMetal", "GCP", "VSphere"] {
        let platform = Platform::from_name(platform);
        let version = read::stream::version(&stream, &platform, &Architecture::X86_64);
        let version = version.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(is_of(name, &version), "{name} {platform}: {version}");
    }
}
