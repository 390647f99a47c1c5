//! Inputs for tests.

use openshift_model::{LayeredPool, MachineOSConfig, OsMachineConfig, RawObject};
use serde_json::{Value, json};

use crate::name::Inputs;

/// A MachineOSConfig, its pool and its rendered MachineConfig, as documents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Documents {
    pub(crate) machine_config: Value,
    pub(crate) machine_os_config: Value,
    pub(crate) pool: Value,
}

pub(crate) fn documents() -> Documents {
    let of = |kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": openshift_model::V1, "kind": kind});
        let members = rest.as_object().cloned().unwrap();
        object.as_object_mut().unwrap().extend(members);
        object
    };
    Documents {
        machine_config: of(
            "MachineConfig",
            json!({"metadata": {"name": "rendered-layered-1", "annotations": {
                OsMachineConfig::RELEASE_ANNOTATION: "4.20.3",
                OsMachineConfig::CONTROLLER_ANNOTATION: "7ff337a4",
            }}, "spec": {"osImageURL": "quay.io/os@sha256:1"}}),
        ),
        machine_os_config: of(
            "MachineOSConfig",
            json!({"metadata": {"name": "layered"}, "spec": {
                "machineConfigPool": {"name": "layered"},
                "imageBuilder": {"imageBuilderType": "Job"},
                "renderedImagePushSecret": {"name": "push"},
                "renderedImagePushSpec": "quay.io/org/os:latest",
                "containerFile": [{"containerfileArch": "NoArch", "content": "FROM configs"}],
            }}),
        ),
        pool: of(
            "MachineConfigPool",
            json!({"metadata": {"name": "layered"}, "spec": {"configuration": {
                "name": "rendered-layered-1",
                "source": [{"name": "00-worker"}, {"name": "99-worker-ssh"}],
            }}}),
        ),
    }
}

impl Documents {
    /// The same documents with one member of one of them changed.
    pub(crate) fn with(&self, object: &str, pointer: &str, value: Value) -> Self {
        let mut changed = self.clone();
        let object = match object {
            "MachineConfig" => &mut changed.machine_config,
            "MachineOSConfig" => &mut changed.machine_os_config,
            _ => &mut changed.pool,
        };
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
        changed
    }

    /// Runs a check on the documents as typed inputs.
    pub(crate) fn read<T>(&self, check: impl FnOnce(Inputs<'_>) -> T) -> T {
        let texts = [&self.machine_config, &self.machine_os_config, &self.pool];
        let texts = texts.map(Value::to_string);
        let [machine_config, machine_os_config, pool] = texts
            .each_ref()
            .map(|text| RawObject::parse(text).unwrap().unwrap());
        let machine_config = OsMachineConfig::read(&machine_config).unwrap();
        let machine_os_config = MachineOSConfig::read(&machine_os_config).unwrap();
        let pool = LayeredPool::read(&pool).unwrap();
        check(Inputs {
            machine_config: Some(&machine_config),
            machine_os_config: Some(&machine_os_config),
            pool: Some(&pool),
        })
    }
}
