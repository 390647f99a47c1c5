//! Names of MachineOSBuilds and of everything that a build creates, byte for byte as the Machine
//! Config Operator forms them.
//!
//! The name of a build holds a digest of its inputs. Whoever takes over a cluster must arrive at
//! the same name, or every layered node is rebuilt and rebooted (IL-136); so the YAML that is
//! hashed is written here to the byte, and nothing else.
//!
//! ```
//! use mosb_naming::{Inputs, name};
//! use openshift_model::{LayeredPool, MachineOSConfig, OsMachineConfig, RawObject};
//!
//! let pool = r#"{"apiVersion": "machineconfiguration.openshift.io/v1",
//!     "kind": "MachineConfigPool", "metadata": {"name": "worker"},
//!     "spec": {"configuration": {"name": "rendered-worker-1"}}}"#;
//! let config = r#"{"apiVersion": "machineconfiguration.openshift.io/v1",
//!     "kind": "MachineOSConfig", "metadata": {"name": "worker"}, "spec": {
//!     "machineConfigPool": {"name": "worker"}, "imageBuilder": {"imageBuilderType": "Job"},
//!     "renderedImagePushSecret": {"name": "push"}, "renderedImagePushSpec": "quay.io/org/os:x"}}"#;
//! let rendered = r#"{"apiVersion": "machineconfiguration.openshift.io/v1",
//!     "kind": "MachineConfig", "metadata": {"name": "rendered-worker-1", "annotations": {
//!     "machineconfiguration.openshift.io/release-image-version": "4.20.3",
//!     "machineconfiguration.openshift.io/generated-by-controller-version": "1"}}}"#;
//! let pool = LayeredPool::read(&RawObject::parse(pool)?.unwrap())?;
//! let config = MachineOSConfig::read(&RawObject::parse(config)?.unwrap())?;
//! let rendered = OsMachineConfig::read(&RawObject::parse(rendered)?.unwrap())?;
//!
//! let named = name(Inputs {
//!     machine_config: Some(&rendered),
//!     machine_os_config: Some(&config),
//!     pool: Some(&pool),
//! })?;
//! assert_eq!(named.push_spec, format!("quay.io/org/os:{}", named.name));
//! assert!(named.name.as_str().starts_with("worker-"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod difference;
mod documents;
mod hash;
pub mod keys;
mod name;
mod objects;
#[cfg(test)]
mod testing;
mod yaml;

pub use difference::{Difference, explain_difference};
pub use hash::InputHash;
pub use name::{InputError, Inputs, LimitError, MosbName, NameError, Named, documents, hash, name};
pub use objects::{
    BuildConfigMap, BuildSecret, ConfigMapName, JobName, Marks, Optional, SecretName, StringMap,
    build_annotations, build_labels, builds_for, builds_of, entitlement_secret, ephemeral_objects,
    is_legacy_build, object_marks, objects_of, os_builds, secret_copies, secret_copy_labels,
};
pub use openshift_model;
