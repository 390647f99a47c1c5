//! One object as it is kept: its text, and what identifies it.

use std::cmp::Ordering;

use openshift_model::{Members, raw_json};

/// An object of the API server as text. `metadata.managedFields` is left out: it is as long as the
/// rest, and no rule looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// `metadata.namespace`; empty for a cluster-scoped object.
    pub namespace: Box<str>,
    /// `metadata.name`
    pub name: Box<str>,
    /// `metadata.uid`; empty where there is none.
    pub uid: Box<str>,
    /// `metadata.resourceVersion`; empty where there is none.
    pub resource_version: Box<str>,
    /// The object as JSON.
    pub json: Box<str>,
}

impl StoredObject {
    /// Reads the text of an object, whatever is wrong with it: that is for a plan to say. `None`
    /// where it is no object, or has no name.
    pub(super) fn read(json: &str) -> Option<Self> {
        let json = without_managed_fields(json)?;
        let metadata = raw_json::member(&json, "metadata").unwrap_or_default();
        let identity = raw_json::members(metadata, ["namespace", "name", "uid", "resourceVersion"]);
        let [namespace, name, uid, resource_version] = identity.map(|value| {
            let text = value.and_then(|value| serde_json::from_str::<String>(value).ok());
            text.unwrap_or_default().into_boxed_str()
        });
        (!name.is_empty()).then(|| Self {
            namespace,
            name,
            uid,
            resource_version,
            json: json.into_boxed_str(),
        })
    }

    /// Whether anything else differs that a plan may look at: not the version, and not the status
    /// where that does not count.
    pub(super) fn differs(&self, other: &Self, status_counts: bool) -> bool {
        let counts = |name: &str| name != "metadata" && (status_counts || name != "status");
        let members = |object: &Self| {
            let members: Option<Members<'_>> = serde_json::from_str(&object.json).ok();
            members.map(|members| texts(&members, counts))
        };
        let metadata = |object: &Self| {
            let text = raw_json::member(&object.json, "metadata")?;
            let members: Members<'_> = serde_json::from_str(text).ok()?;
            Some(texts(&members, |name| name != "resourceVersion"))
        };
        self.uid != other.uid
            || members(self) != members(other)
            || metadata(self) != metadata(other)
    }
}

/// The members that count, as they are written.
fn texts(members: &Members<'_>, counts: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let counted = members.iter().filter(|(name, _)| counts(name));
    counted
        .map(|(name, raw)| (name.to_owned(), raw.get().to_owned()))
        .collect()
}

/// Which of two versions of an object is newer. To a client they are opaque, but since Kubernetes
/// 1.35 they are promised to be decimal numbers that grow, as those of every API server on etcd have
/// always been. `None` for versions that are not: then what comes later counts.
pub(super) fn compare_versions(a: &str, b: &str) -> Option<Ordering> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(a) && is_number(b)).then(|| {
        let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    })
}

fn without_managed_fields(json: &str) -> Option<String> {
    let object: Members<'_> = serde_json::from_str(json).ok()?;
    let mut out = String::with_capacity(json.len());
    write_members(&object, &mut out, |name, value, out| {
        let metadata: Option<Members<'_>> = match name {
            "metadata" => serde_json::from_str(value).ok(),
            _ => None,
        };
        match metadata {
            Some(metadata) => write_members(&metadata, out, |name, value, out| {
                if name == "managedFields" {
                    return false;
                }
                out.push_str(value);
                true
            }),
            None => out.push_str(value),
        }
        true
    });
    out.shrink_to_fit();
    Some(out)
}

/// Writes an object of those members whose value `write` writes.
fn write_members(
    members: &Members<'_>,
    out: &mut String,
    write: impl Fn(&str, &str, &mut String) -> bool,
) {
    out.push('{');
    let start = out.len();
    for (name, raw) in members.iter() {
        let before = out.len();
        if before > start {
            out.push(',');
        }
        // A string is always valid JSON.
        out.push_str(&serde_json::to_string(name).unwrap_or_default());
        out.push(':');
        if !write(name, raw.get(), out) {
            out.truncate(before);
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> StoredObject {
        StoredObject::read(json).unwrap()
    }

    #[test]
    fn everything_but_managed_fields_stays_as_it_is_written() {
        for (json, kept) in [
            (
                r#"{"kind": "A", "metadata": {"managedFields": [1], "name": "a", "x": 1.0}, "new": {"b":  2}}"#,
                r#"{"kind":"A","metadata":{"name":"a","x":1.0},"new":{"b":  2}}"#,
            ),
            (
                r#"{"metadata":{"name":"a","managedFields":[]},"\u0061\"":5}"#,
                r#"{"metadata":{"name":"a"},"a\"":5}"#,
            ),
        ] {
            assert_eq!(&*read(json).json, kept);
        }
    }

    #[test]
    fn an_object_may_be_wrong_but_needs_a_name() {
        let object = read(r#"{"metadata":{"name":"a","uid":5,"labels":"no"},"spec":[]}"#);
        assert_eq!((&*object.name, &*object.uid), ("a", ""));
        for json in [
            "",
            "5",
            "[]",
            "{",
            r#"{"metadata":5}"#,
            r#"{"metadata":{}}"#,
        ] {
            assert_eq!(StoredObject::read(json), None, "{json}");
        }
    }

    #[test]
    fn a_version_or_a_status_that_does_not_count_is_no_difference() {
        let object = |version: u8, label: u8, spec: u8, status: u8| {
            read(&format!(
                r#"{{"metadata":{{"name":"a","resourceVersion":"{version}","labels":{{"a":"{label}"}}}},
                "spec":{spec},"status":{status}}}"#
            ))
        };
        let first = object(1, 1, 1, 1);
        for (other, status_counts, expected) in [
            (object(2, 1, 1, 1), true, false),
            (object(2, 1, 1, 2), true, true),
            (object(2, 1, 1, 2), false, false),
            (object(2, 1, 2, 2), false, true),
            (object(2, 2, 1, 1), false, true),
        ] {
            assert_eq!(first.differs(&other, status_counts), expected, "{other:?}");
        }
    }

    #[test]
    fn versions_are_numbers_or_cannot_be_compared() {
        for (a, b, expected) in [
            ("9", "10", Some(Ordering::Less)),
            ("10", "10", Some(Ordering::Equal)),
            ("99999999999999999999999", "9", Some(Ordering::Greater)),
            ("", "10", None),
            ("x", "10", None),
        ] {
            assert_eq!(compare_versions(a, b), expected, "{a} {b}");
        }
    }
}
