//! What two MachineConfigs have differently, member by member.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberChange {
    /// Where it stands, e.g. `config.storage.files[/etc/motd].mode`.
    pub member: String,
    /// What it was; contents of files, which may be secret, as a digest. `null` where it was not there.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
    /// The MachineConfig that it comes from, where the input has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_config: Option<String>,
}

/// Members by path.
pub(crate) type Members = BTreeMap<String, String>;

/// Members by which items of a list are known from one another.
const KEYS: [&str; 2] = ["path", "name"];
/// Members that may hold secrets, and are long.
const CONTENTS: [&str; 4] = ["source", "contents", "passwordHash", "sshAuthorizedKeys"];
/// Longer values are no help either.
const LONGEST: usize = 200;

/// The leaves of the `spec` of a MachineConfig.
pub(crate) fn members(spec: &Value) -> Members {
    let mut members = Members::new();
    collect(spec, "", &mut members);
    members
}

/// What differs, in the order of the paths.
pub(crate) fn member_changes(before: &Members, after: &Members) -> Vec<MemberChange> {
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let changed = paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path));
    changed
        .map(|path| MemberChange {
            member: path.clone(),
            before: before.get(path).cloned(),
            after: after.get(path).cloned(),
            machine_config: None,
        })
        .collect()
}

fn collect(value: &Value, path: &str, members: &mut Members) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        // What says nothing is as if it was not there.
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) if text.is_empty() => {}
        Value::Object(map) => {
            for (name, value) in map {
                let path = below(name);
                if CONTENTS.contains(&name.as_str()) && !value.is_object() {
                    members.insert(path, digest(value));
                } else {
                    collect(value, &path, members);
                }
            }
        }
        Value::Array(items) => collect_items(items, path, members),
        Value::String(text) => {
            members.insert(path.to_owned(), shown(text));
        }
        other => {
            members.insert(path.to_owned(), other.to_string());
        }
    }
}

fn collect_items(items: &[Value], path: &str, members: &mut Members) {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    if let Some(texts) = texts {
        members.insert(path.to_owned(), shown(&texts.join(" ")));
        return;
    }
    for (number, item) in items.iter().enumerate() {
        let mut keys = KEYS.iter().filter_map(|key| item.get(*key)?.as_str());
        let key = keys
            .next()
            .map_or_else(|| number.to_string(), str::to_owned);
        let path = format!("{path}[{key}]");
        // That it is there counts, even without anything in it.
        members.insert(path.clone(), "there".to_owned());
        collect(item, &path, members);
    }
}

fn shown(text: &str) -> String {
    if text.len() > LONGEST {
        return digest(&Value::from(text));
    }
    osbuild_check::redact(text)
}

/// The beginning of a digest, and how long the text is.
fn digest(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let digest = Sha256::digest(&text);
    let hex: Vec<String> = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{}… ({} bytes)", hex.concat(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn il_750_what_changed_is_named_and_contents_are_not_shown() {
        let before = json!({"kernelArguments": ["quiet"], "extensions": [], "config": {"storage": {"files": [
            {"path": "/etc/a", "mode": 420, "contents": {"source": "data:,secret"}},
            {"path": "/etc/b", "contents": {"source": "data:,same"}}]}}});
        let after = json!({"kernelArguments": ["quiet", "nosmt"], "fips": false, "kernelType": "",
            "config": {"storage": {"files": [
            {"path": "/etc/b", "contents": {"source": "data:,same"}},
            {"path": "/etc/a", "mode": 384, "contents": {"source": "data:,other"}},
            {"path": "/etc/c"}]}}});
        let changes = member_changes(&members(&before), &members(&after));
        let lines: Vec<String> = changes
            .iter()
            .map(|change| {
                let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                format!(
                    "{} {} > {}",
                    change.member,
                    text(&change.before),
                    text(&change.after)
                )
            })
            .collect();
        let all = lines.join("\n");
        assert!(!all.contains("secret") && !all.contains("other"), "{all}");
        let source = "config.storage.files[/etc/a].contents.source sha256:";
        assert!(lines[0].starts_with(source), "{all}");
        assert!(lines[0].contains("… (12 bytes) > sha256:"), "{all}");
        assert_eq!(
            lines[1..],
            [
                "config.storage.files[/etc/a].mode 420 > 384",
                "config.storage.files[/etc/c] - > there",
                "config.storage.files[/etc/c].path - > /etc/c",
                "fips - > false",
                "kernelArguments quiet > quiet nosmt",
            ]
        );
        assert_eq!(member_changes(&members(&before), &members(&before)), []);
    }
}
