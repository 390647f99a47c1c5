//! What comes of a mode before it is set.

use bootimage_plan::{ClusterSnapshot, Plan, plan};
use bootimage_selection::{ModeChange, ModeStep};
use openshift_model::{Kind, RawObject};
use serde_json::{Value, json};

use crate::cli::InputArgs;
use crate::error::CommandError;
use crate::input::{Snapshot, policy};
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

    /// What somebody applies, in order: the object without what is not his to write.
    pub(super) fn manifests(&self) -> Result<String, CommandError> {
        let mut text = String::new();
        for (change, object) in &self.steps {
            let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
            let manifest = json!({
                "apiVersion": part("/apiVersion"), "kind": part("/kind"),
                "metadata": {"name": part("/metadata/name")}, "spec": part("/spec"),
            });
            let yaml = document::yaml(&manifest)?;
            if !text.is_empty() {
                text.push_str("---\n");
            }
            if *change == ModeChange::SkewEnforcement {
                text.push_str(
                    "# First this; then wait until status.bootImageSkewEnforcementStatus.mode is \
                     no longer Automatic.\n",
                );
            }
            text.push_str(&yaml);
        }
        Ok(text)
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
        let mut plan = plan(&then, &snapshot.facts, &policy(args));
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

/// Sets a member of a member that is an object, or absent.
fn set(object: &mut Value, parent: &str, name: &str, value: Value) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    let parent = members.entry(parent).or_insert_with(|| json!({}));
    if let Some(members) = parent.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
