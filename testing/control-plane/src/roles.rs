//! What roles allow, and which of it was needed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::AuditEvent;

/// One verb for one object, or for all of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Empty for what is cluster-scoped.
    pub namespace: String,
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// Plural, with a subresource behind a slash.
    pub resource: String,
    /// Empty for every object.
    pub name: String,
}

/// The documents of YAML files in a folder.
pub fn documents(folder: &Path, files: &[&str]) -> Vec<Value> {
    let read = |file| std::fs::read_to_string(folder.join(file)).expect("a file");
    let parse = |text: String| serde_saphyr::from_multiple::<Value>(&text).expect("objects");
    files.iter().map(read).flat_map(parse).collect()
}

/// The rights that roles give and that none of these calls needed.
pub fn unused(roles: &[Value], calls: &[AuditEvent]) -> Vec<Right> {
    let used: BTreeSet<_> = calls.iter().flat_map(used).collect();
    let granted = granted(roles).into_iter();
    granted.filter(|right| !used.contains(right)).collect()
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts
        .map(|text| text.as_str().expect("a string").to_owned())
        .collect()
}

/// Every right that roles give; other objects are passed over.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for role in objects {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for rule in role["rules"].as_array().into_iter().flatten() {
            let mut names = texts(&rule["resourceNames"]);
            if names.is_empty() {
                names.push(String::new());
            }
            let [group, resource] =
                ["apiGroups", "resources"].map(|member| texts(&rule[member]).remove(0));
            for verb in texts(&rule["verbs"]) {
                for name in &names {
                    rights.insert(Right {
                        namespace: namespace.to_owned(),
                        verb: verb.clone(),
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                    });
                }
            }
        }
    }
    rights
}

/// What a call needs: the right to the object, or to all of them.
fn used(call: &AuditEvent) -> [Right; 2] {
    let (resource, part) = call
        .resource
        .split_once('/')
        .unwrap_or((&call.resource, ""));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let resource = match part {
        "" => resource.to_owned(),
        part => format!("{resource}/{part}"),
    };
    [call.name.as_str(), ""].map(|name| Right {
        namespace: call.namespace.clone(),
        verb: call.verb.clone(),
        group: group.to_owned(),
        resource: resource.clone(),
        name: name.to_owned(),
    })
}
