//! What comes of a mode before it is set.

use bootimage_plan::{ClusterSnapshot, Plan, plan};
use bootimage_selection::{ModeChange, ModeStep};
use openshift_model::{Kind, RawObject};
use serde_json::{Value, json};

use crate::cli::InputArgs;
use crate::error::CommandError;
use crate::input::Snapshot;
use crate::render::document;

/// A MachineConfiguration after each step.
pub(super) struct Preview {
    steps: Vec<(ModeChange, Value)>,
    /// As it is now, where there is no step.
    before: Value,
}

impl Preview {
    pub(super) fn of(object: &RawObject<'_>, steps: &[ModeStep]) -> Result<Self, CommandError> {
        let invalid = |problem: String| CommandError::Invalid(problem);
        let before = object
            .to_value()
            .map_err(|error| invalid(error.to_string()))?;
        let mut object = before.clone();
        let mut after = Vec::new();
        for step in steps {
            if let Some(edit) = &step.edit {
                edit.apply(&mut object)
                    .map_err(|error| invalid(error.to_string()))?;
            }
            after.push((step.change, object.clone()));
        }
        Ok(Self {
            steps: after,
            before,
        })
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// `spec.managedBootImages` in the end.
    pub(super) fn managed(&self) -> &Value {
        let last = self.steps.last().map_or(&self.before, |(_, object)| object);
        last.pointer("/spec/managedBootImages")
            .unwrap_or(&Value::Null)
    }

    /// What somebody applies for one request, counted from 1: the object without what is not his to
    /// write. `None` where there is no such request.
    pub(super) fn manifest(&self, number: usize) -> Result<Option<String>, CommandError> {
        let Some((_, object)) = number
            .checked_sub(1)
            .and_then(|index| self.steps.get(index))
        else {
            return Ok(None);
        };
        let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
        let manifest = json!({
            "apiVersion": part("/apiVersion"), "kind": part("/kind"),
            "metadata": metadata(object), "spec": part("/spec"),
        });
        document::yaml(&manifest).map(Some)
    }

    /// What will happen next, set by set: the plan of the cluster as it then is.
    pub(super) fn plan(&self, snapshot: &Snapshot<'_>, args: &InputArgs) -> Plan {
        let text = self.taken_over().to_string();
        let configuration = RawObject::parse(&text).ok().flatten();
        let others = snapshot.cluster.objects.iter();
        let others = others.filter(|object| object.kind != Kind::MachineConfiguration);
        let then = ClusterSnapshot {
            completeness: snapshot.cluster.completeness,
            objects: others.cloned().chain(configuration).collect(),
            streams: snapshot.cluster.streams.clone(),
        };
        let mut plan = plan(&then, &snapshot.facts, &snapshot.policy(args));
        // That the operator is behind is of the preview's making.
        plan.deferred = snapshot.plan(args).deferred;
        plan
    }

    /// The last object as it is once the operator has looked at it: what it makes of the selection
    /// is for the plan to compute, so its generation is ahead of what was observed.
    fn taken_over(&self) -> Value {
        let Some((_, last)) = self.steps.last() else {
            return self.before.clone();
        };
        let mut object = last.clone();
        let generation = object
            .pointer("/metadata/generation")
            .and_then(Value::as_i64);
        set(
            &mut object,
            "metadata",
            "generation",
            json!(generation.unwrap_or_default() + 1),
        );
        if let Some(skew) = object.pointer("/spec/bootImageSkewEnforcement").cloned() {
            set(
                &mut object,
                "status",
                "bootImageSkewEnforcementStatus",
                skew,
            );
        }
        object
    }
}

/// The metadata that somebody writes: what is applied without labels and annotations would lose
/// those that were applied before.
fn metadata(object: &Value) -> Value {
    let mut metadata = json!({"name": object.pointer("/metadata/name")});
    for name in ["labels", "annotations"] {
        let Some(Value::Object(members)) = object.pointer(&format!("/metadata/{name}")) else {
            continue;
        };
        let mut members = members.clone();
        // `oc apply` writes it anew.
        members.remove("kubectl.kubernetes.io/last-applied-configuration");
        if !members.is_empty() {
            set_member(&mut metadata, name, Value::Object(members));
        }
    }
    metadata
}

fn set_member(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// Sets a member of a member that is an object, or absent.
fn set(object: &mut Value, parent: &str, name: &str, value: Value) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    let parent = members.entry(parent).or_insert_with(|| json!({}));
    set_member(parent, name, value);
}
