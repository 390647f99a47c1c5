//! Objects for tests.

use openshift_model::{RawObject, V1};
use serde_json::{Value, json};

/// The text of an object of this kind with these members.
pub(crate) fn object(kind: &str, members: &Value) -> String {
    let version = match kind {
        "Node" | "ConfigMap" | "Secret" | "Pod" => "v1",
        "Job" => "batch/v1",
        _ => V1,
    };
    let mut object = json!({"apiVersion": version, "kind": kind});
    let members = members.as_object().cloned().unwrap();
    object.as_object_mut().unwrap().extend(members);
    object.to_string()
}

/// The object that a text is.
pub(crate) fn raw(text: &str) -> RawObject<'_> {
    RawObject::parse(text).unwrap().unwrap()
}
