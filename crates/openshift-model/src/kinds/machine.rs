//! Machines, and what nodes and pools say of themselves, as an inventory looks at them.

use serde_json::value::RawValue;

use super::machine_set::MachineSpec;
use crate::object::{ObjectMeta, RawObject};
use crate::read::ReadError;
use crate::{Condition, Text};

/// One machine: the image that it was made from. Its status is not read.
#[derive(Debug, Clone)]
pub struct Machine<'a> {
    /// Name.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// The provider spec that it was made by, where there is one. A set that changes later does
    /// not change it.
    pub provider_spec: Option<&'a RawValue>,
}

/// On a machine: the MachineSet that made it.
const MACHINE_SET_LABEL: &str = "machine.openshift.io/cluster-api-machineset";
/// The kind that owns the machines of the control plane.
const CONTROL_PLANE_OWNER: &str = "ControlPlaneMachineSet";

impl<'a> Machine<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: MachineSpec<'a> = object.view("spec")?;
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            provider_spec: spec.provider_spec.and_then(|holder| holder.value),
        })
    }

    /// The name of the MachineSet that made it.
    pub fn machine_set(&self) -> Option<&str> {
        self.meta.label(MACHINE_SET_LABEL)
    }

    /// The name of the ControlPlaneMachineSet that owns it.
    pub fn control_plane_machine_set(&self) -> Option<&str> {
        let owners = self.meta.owner_references.iter().flatten().flatten();
        let mut owners = owners.filter(|owner| owner.kind.as_deref() == Some(CONTROL_PLANE_OWNER));
        owners.find_map(|owner| owner.name.as_deref())
    }
}

view! {
    /// `Node.status`, the part that tells whether the node is ready.
    pub struct NodeConditions<'a> {
        /// What the kubelet reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

impl NodeConditions<'_> {
    /// Whether the node is ready; `None` where it does not say.
    pub fn ready(&self) -> Option<bool> {
        let mut conditions = self.conditions.iter().flatten().flatten();
        let ready = conditions.find(|condition| condition.kind.as_deref() == Some("Ready"))?;
        Some(ready.status.as_deref() == Some("True"))
    }
}

/// On a node: the machine that it runs on, as `namespace/name`.
pub const NODE_MACHINE_ANNOTATION: &str = "machine.openshift.io/machine";
/// On a node: the rendered MachineConfig that it runs.
pub const NODE_CONFIG_ANNOTATION: &str = "machineconfiguration.openshift.io/currentConfig";
/// On a node of a pool with a layered image: the image that it runs.
pub const NODE_IMAGE_ANNOTATION: &str = "machineconfiguration.openshift.io/currentImage";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_tells_its_set_and_its_provider_spec() {
        let text = r#"{"apiVersion": "machine.openshift.io/v1beta1", "kind": "Machine",
            "metadata": {"name": "m", "labels": {"machine.openshift.io/cluster-api-machineset": "w"},
                "ownerReferences": [null, {"kind": "ControlPlaneMachineSet", "name": "cluster"}]},
            "spec": {"providerSpec": {"value": {"x": 1}}}, "status": []}"#;
        let object = RawObject::parse(text).unwrap().unwrap();
        let machine = Machine::read(&object).unwrap();
        assert_eq!(machine.machine_set(), Some("w"));
        assert_eq!(machine.control_plane_machine_set(), Some("cluster"));
        assert_eq!(
            machine.provider_spec.map(RawValue::get),
            Some(r#"{"x": 1}"#)
        );
    }

    #[test]
    fn a_node_is_ready_where_it_says_so() {
        let check = |status: &str, ready: Option<bool>| {
            let status: NodeConditions<'_> = serde_json::from_str(status).unwrap();
            assert_eq!(status.ready(), ready);
        };
        check(
            r#"{"conditions": [null, {"type": "Ready", "status": "True"}]}"#,
            Some(true),
        );
        check(
            r#"{"conditions": [{"type": "Ready", "status": "Unknown"}]}"#,
            Some(false),
        );
        check("{}", None);
    }
}
