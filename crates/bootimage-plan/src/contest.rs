//! Who reverted an edit, and who else writes a status: what `managedFields` tells.

use openshift_model::{Edit, RawObject};
use serde::Deserialize;
use serde_json::Value;

/// How long a status has to have been left alone by others before it is written, in seconds: two
/// controllers that write the same conditions would undo each other's work.
pub const STATUS_SETTLED_SECONDS: u64 = 60;

/// The longest name of a field manager (the API server refuses longer ones).
const MANAGER_MAX: usize = 128;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    managed_fields: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    manager: String,
    subresource: String,
    time: String,
    fields_v1: Value,
}

/// BI-190: the field manager that has now what an edit would change: the last one to write it but
/// for those whose name begins with `ours`. `object` is as the API server gives it, with its
/// `managedFields`.
pub fn reverted_by(object: &RawObject<'_>, edit: &Edit, ours: &str) -> Option<String> {
    let pointers: Vec<&str> = edit.changed_pointers().collect();
    let entries = entries(object).into_iter();
    let owners = entries.filter(|entry| {
        let owns = |pointer: &&str| owns(&entry.fields_v1, pointer);
        entry.subresource.is_empty()
            && !entry.manager.starts_with(ours)
            && pointers.iter().any(owns)
    });
    // RFC 3339 in UTC: later is greater as text, too.
    let last = owners.max_by(|a, b| a.time.cmp(&b.time))?;
    let end = last.manager.floor_char_boundary(MANAGER_MAX);
    last.manager.get(..end).map(str::to_owned)
}

/// BI-188: the field manager besides `ours` that was the last to write conditions into a status, if
/// that was later than `since` (RFC 3339 in UTC, to the second).
pub fn other_condition_writer(object: &RawObject<'_>, ours: &str, since: &str) -> Option<String> {
    let writes_conditions = |entry: &Entry| {
        let fields = entry.fields_v1.pointer("/f:status/f:conditions");
        entry.subresource == "status" && entry.manager != ours && fields.is_some()
    };
    let entries = entries(object).into_iter().filter(writes_conditions);
    let last = entries.max_by(|a, b| a.time.cmp(&b.time))?;
    // Such times sort as text in the order of time.
    (last.time.as_str() > since).then_some(last.manager)
}

fn entries(object: &RawObject<'_>) -> Vec<Entry> {
    let metadata: Metadata = object
        .member("metadata")
        .and_then(|metadata| serde_json::from_str(metadata.get()).ok())
        .unwrap_or_default();
    metadata.managed_fields
}

/// Whether somebody who owns these fields owns what a pointer leads to: the member itself, what is
/// below it, or a whole above it of which the API server does not look at the parts.
fn owns(fields: &Value, pointer: &str) -> bool {
    let mut at = fields;
    for token in pointer.split('/').skip(1) {
        if at.as_object().is_none_or(serde_json::Map::is_empty) {
            break;
        }
        let token = token.replace("~1", "/").replace("~0", "~");
        match at.get(format!("f:{token}")) {
            Some(below) => at = below,
            None => return false,
        }
    }
    // Who owns nothing of it has no members at all.
    fields
        .as_object()
        .is_some_and(|members| !members.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(entries: &[(&str, &str, Value)]) -> String {
        let entry = |(manager, time, fields): &(&str, &str, Value)| json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields});
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet", "metadata":
            {"name": "a", "managedFields": entries.iter().map(entry).collect::<Vec<_>>()}})
        .to_string()
    }

    #[test]
    fn bi_188_who_else_writes_conditions_now_is_found() {
        let conditions = json!({"f:status": {"f:conditions": {}}});
        let check = |entries: &[(&str, &str, &Value)], expected: Option<&str>| {
            let entry = |(manager, time, fields): &(&str, &str, &Value)| json!({"manager": manager, "subresource": "status", "time": time, "fieldsV1": fields});
            let entries: Vec<_> = entries.iter().map(entry).collect();
            let text = json!({"apiVersion": "operator.openshift.io/v1",
                "kind": "MachineConfiguration",
                "metadata": {"name": "cluster", "managedFields": entries}})
            .to_string();
            let object = RawObject::parse(&text).unwrap().unwrap();
            let found = other_condition_writer(&object, "ours", "2026-11-21T12:00:00Z");
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        let (before, after) = ("2026-11-21T12:00:00Z", "2026-11-21T12:00:01Z");
        check(&[("mco", after, &conditions)], Some("mco"));
        check(&[("mco", before, &conditions)], None);
        check(
            &[("ours", after, &conditions), ("mco", before, &conditions)],
            None,
        );
        check(
            &[(
                "mco",
                after,
                &json!({"f:status": {"f:observedGeneration": {}}}),
            )],
            None,
        );
        check(
            &[("a", before, &conditions), ("b", after, &conditions)],
            Some("b"),
        );
        check(&[], None);
    }

    #[test]
    fn bi_190_who_has_the_image_now_reverted_it() {
        let mut edit = Edit::default();
        edit.replace("/spec/value/disks/0/image", "old", "new")
            .unwrap();
        let disks = json!({"f:spec": {"f:value": {".": {}, "f:disks": {}}}});
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let (early, late) = ("2026-11-21T12:00:00Z", "2026-11-21T12:00:01Z");
        for (entries, expected) in [
            (vec![("argocd", early, disks.clone())], Some("argocd")),
            (
                vec![
                    ("argocd", late, disks.clone()),
                    ("kubectl", early, disks.clone()),
                ],
                Some("argocd"),
            ),
            (
                vec![("ours/1", late, disks.clone()), ("hive", early, disks)],
                Some("hive"),
            ),
            (vec![("autoscaler", late, replicas)], None),
            (
                vec![("odd", late, json!(5)), ("odder", late, json!({}))],
                None,
            ),
            (vec![], None),
        ] {
            let text = object(&entries);
            let object = RawObject::parse(&text).unwrap().unwrap();
            let found = reverted_by(&object, &edit, "ours");
            assert_eq!(found.as_deref(), expected, "{entries:?}");
        }
    }
}
