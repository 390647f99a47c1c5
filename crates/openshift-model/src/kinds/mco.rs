//! MachineConfigPools and MachineConfigs.

use crate::object::{ObjectMeta, RawObject};
use crate::read::ReadError;
use crate::{Condition, Text, names};

/// BI-015: a pool of nodes.
#[derive(Debug, Clone, Default)]
pub struct MachineConfigPool<'a> {
    /// The rendered MachineConfig that the pool is to run.
    pub target_configuration: Option<Text<'a>>,
    /// The rendered MachineConfig that the pool runs.
    pub current_configuration: Option<Text<'a>>,
    /// Nodes that run the target.
    pub updated_machine_count: Option<i64>,
    /// What the controller reports.
    pub conditions: Vec<Condition<'a>>,
}

view! {
    /// `MachineConfigPool.spec`.
    pub struct PoolSpec<'a> {
        /// The target.
        configuration: ConfigurationReference<'a> = "configuration",
    }
}

view! {
    /// `MachineConfigPool.status`.
    pub struct PoolStatus<'a> {
        /// What runs.
        configuration: ConfigurationReference<'a> = "configuration",
        /// All nodes.
        machine_count: i64 = "machineCount",
        /// Nodes that run the target and are ready.
        ready_machine_count: i64 = "readyMachineCount",
        /// Nodes that run the target.
        updated_machine_count: i64 = "updatedMachineCount",
        /// What the controller reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

view! {
    /// A reference to a rendered MachineConfig.
    pub struct ConfigurationReference<'a> {
        /// Its name.
        name: Text<'a> = "name",
    }
}

impl<'a> MachineConfigPool<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: PoolSpec<'a> = object.view("spec")?;
        let status: PoolStatus<'a> = object.view("status")?;
        Ok(Self {
            target_configuration: spec.configuration.and_then(|reference| reference.name),
            current_configuration: status.configuration.and_then(|reference| reference.name),
            updated_machine_count: status.updated_machine_count,
            conditions: status.conditions.into_iter().flatten().flatten().collect(),
        })
    }
}

/// BI-016: a MachineConfig.
#[derive(Debug, Clone, Default)]
pub struct MachineConfig<'a> {
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// `spec.osImageURL`.
    pub os_image_url: Option<Text<'a>>,
}

view! {
    /// `MachineConfig.spec`.
    pub struct MachineConfigSpec<'a> {
        /// The image that nodes run.
        os_image_url: Text<'a> = "osImageURL",
    }
}

impl<'a> MachineConfig<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: MachineConfigSpec<'a> = object.view("spec")?;
        Ok(Self {
            meta: object.meta()?,
            os_image_url: spec.os_image_url,
        })
    }

    /// BI-016: the release that rendered it.
    pub fn release_image_version(&self) -> Option<&str> {
        self.meta.annotation(names::RELEASE_ANNOTATION)
    }

    /// BI-016: the git hash of the controller that rendered it.
    pub fn controller_version(&self) -> Option<&str> {
        self.meta.annotation(names::CONTROLLER_ANNOTATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_015_a_pool_tells_target_and_current() {
        let text = r#"{"apiVersion":"machineconfiguration.openshift.io/v1","kind":"MachineConfigPool",
            "spec":{"configuration":{"name":"a"}},"status":{"configuration":{"name":"b"},
            "updatedMachineCount":3,"conditions":[{"type":"Updated","status":"True"},null]}}"#;
        let pool = MachineConfigPool::read(&RawObject::parse(text).unwrap().unwrap()).unwrap();
        assert_eq!(pool.target_configuration.as_deref(), Some("a"));
        assert_eq!(pool.current_configuration.as_deref(), Some("b"));
        assert_eq!(
            (pool.updated_machine_count, pool.conditions.len()),
            (Some(3), 1)
        );
    }

    #[test]
    fn bi_016_a_rendered_config_tells_who_rendered_it() {
        let text = r#"{"apiVersion":"machineconfiguration.openshift.io/v1","kind":"MachineConfig",
            "metadata":{"annotations":{"machineconfiguration.openshift.io/release-image-version":"4.22.3",
            "machineconfiguration.openshift.io/generated-by-controller-version":"abc"}},
            "spec":{"osImageURL":"quay.io/x@sha256:0"}}"#;
        let config = MachineConfig::read(&RawObject::parse(text).unwrap().unwrap()).unwrap();
        assert_eq!(config.release_image_version(), Some("4.22.3"));
        assert_eq!(config.controller_version(), Some("abc"));
        assert_eq!(config.os_image_url.as_deref(), Some("quay.io/x@sha256:0"));
    }
}
