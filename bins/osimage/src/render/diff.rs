//! An edit with its surroundings, as a unified diff of YAML.

use bootimage_plan::{ClusterSnapshot, Target};
use openshift_model::RawObject;
use serde_json::{Map, Value};
use similar::TextDiff;

use crate::error::CommandError;
use crate::render::document;

/// Lines around a change: enough to see which disk of which set it is.
const CONTEXT_LINES: usize = 3;

/// The diff of a target that is updated; empty where it is not.
pub(crate) fn unified(
    target: &Target,
    cluster: &ClusterSnapshot<'_>,
) -> Result<String, CommandError> {
    let object = cluster.objects.iter().rev().find(|object| {
        object.kind == target.kind
            && object.name.as_str() == target.name
            && object.namespace.as_str() == target.namespace
    });
    let (Some(object), Some(edit)) = (object, &target.patch) else {
        return Ok(String::new());
    };
    let before = tree(object)?;
    let mut after = before.clone();
    edit.apply(&mut after)
        .map_err(|error| CommandError::Serialise {
            format: "a diff",
            problem: error.to_string(),
        })?;
    let (before, after) = (document::yaml(&before)?, document::yaml(&after)?);
    let path = format!("{}/{}/{}.yaml", target.kind, target.namespace, target.name);
    Ok(TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string())
}

/// The object as a tree: only what is shown is ever built.
fn tree(object: &RawObject<'_>) -> Result<Value, CommandError> {
    let member = |(name, raw): (&str, &openshift_model::RawValue)| {
        serde_json::from_str(raw.get()).map(|value| (name.to_owned(), value))
    };
    let members: Result<Map<String, Value>, _> = object.members().iter().map(member).collect();
    members
        .map(Value::Object)
        .map_err(|error| CommandError::Serialise {
            format: "a diff",
            problem: format!("{}: {error}", object.reference()),
        })
}
