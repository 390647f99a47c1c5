//! An edit with its surroundings, as a unified diff of YAML.

use std::collections::HashMap;

use bootimage_plan::{ClusterSnapshot, Target};
use openshift_model::{Edit, Kind, RawObject};
use serde_json::Value;
use similar::TextDiff;

use crate::error::CommandError;
use crate::render::document;
use crate::screen::shown;

/// Lines around a change: enough to see which disk of which set it is.
const CONTEXT_LINES: usize = 3;

/// The objects of a snapshot by what identifies them: a plan has a target for most of them.
pub(crate) struct Objects<'s>(HashMap<(Kind, &'s str, &'s str), &'s RawObject<'s>>);

impl<'s> Objects<'s> {
    /// Those of a snapshot. Of an object that is there twice the last one counts.
    pub(crate) fn of(cluster: &'s ClusterSnapshot<'s>) -> Self {
        let identity = |object: &'s RawObject<'s>| {
            let (namespace, name) = (object.namespace.as_str(), object.name.as_str());
            ((object.kind, namespace, name), object)
        };
        Self(cluster.objects.iter().map(identity).collect())
    }

    /// The diff of a target that is updated; empty where it is not.
    pub(crate) fn unified(&self, target: &Target) -> Result<String, CommandError> {
        let identity = (target.kind, target.namespace.as_ref(), target.name.as_ref());
        match (self.0.get(&identity), &target.patch) {
            (Some(object), Some(edit)) => unified(target, object, edit),
            _ => Ok(String::new()),
        }
    }
}

fn unified(target: &Target, object: &RawObject<'_>, edit: &Edit) -> Result<String, CommandError> {
    let before = tree(object)?;
    let mut after = before.clone();
    edit.apply(&mut after)
        .map_err(|error| CommandError::Serialise {
            format: "a diff",
            problem: error.to_string(),
        })?;
    keep_order(&before, &mut after);
    let (before, after) = (document::yaml(&before)?, document::yaml(&after)?);
    let (namespace, name) = (shown(&target.namespace), shown(&target.name));
    let path = format!("{}/{namespace}/{name}.yaml", target.kind);
    Ok(TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string())
}

/// Puts the members of `after` into the order that they have in `before`, new ones behind them: an
/// object has no order, and a line that only moved is no change.
fn keep_order(before: &Value, after: &mut Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let mut rest = std::mem::take(after);
            for (name, before) in before {
                if let Some(mut value) = rest.shift_remove(name) {
                    keep_order(before, &mut value);
                    after.insert(name.clone(), value);
                }
            }
            after.append(&mut rest);
        }
        (Value::Array(before), Value::Array(after)) => {
            for (before, after) in before.iter().zip(after) {
                keep_order(before, after);
            }
        }
        _ => {}
    }
}

/// The object as a tree: only what is shown is ever built.
fn tree(object: &RawObject<'_>) -> Result<Value, CommandError> {
    object.to_value().map_err(|error| CommandError::Serialise {
        format: "a diff",
        problem: format!("{}: {error}", object.reference()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_where_they_were_and_new_ones_come_last() {
        let check = |before: &str, after: &str, expected: &str| {
            let before: Value = serde_json::from_str(before).unwrap();
            let mut after: Value = serde_json::from_str(after).unwrap();
            keep_order(&before, &mut after);
            assert_eq!(after.to_string(), expected);
        };
        check(
            r#"{"offer":"","publisher":"","gone":1,"sku":""}"#,
            r#"{"type":"t","publisher":"p","offer":"o","sku":"s"}"#,
            r#"{"offer":"o","publisher":"p","sku":"s","type":"t"}"#,
        );
        check(
            r#"{"a":[{"x":1,"y":2},3]}"#,
            r#"{"a":[{"y":5,"x":1}]}"#,
            r#"{"a":[{"x":1,"y":5}]}"#,
        );
        check("{}", r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#);
        check("[]", "5", "5");
    }
}
