//! The MachineConfig that gives an image to a pool (IL-055).

use openshift_model::{Address, Kind, PatchBody, PatchRequest, V1, Write, is_dns_subdomain};
use serde_json::{Map, Value, json};

/// The label that says which pool a MachineConfig is for.
pub const ROLE_LABEL: &str = "machineconfiguration.openshift.io/role";
/// Annotation of a MachineConfig: the image, by digest, that its image was put on top of.
pub const BASE_IMAGE: &str = "osimage.dev/base-image";
/// Annotation of a MachineConfig: where its image was pushed to, with its tag.
pub const PUSH_SPEC: &str = "osimage.dev/push-spec";

/// A name that no MachineConfig can have here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineConfigNameError {
    /// The API server refuses it.
    #[error(
        "--name {0:?} is no name of an object: lower case letters, digits, `-` and `.`, with a letter \
         or a digit at both ends"
    )]
    Syntax(String),
    /// The operator's own, which comes first and is overridden by every other one.
    #[error("--name {0:?}: names that start with `00-` are the Machine Config Operator's")]
    Operators(String),
}

/// A MachineConfig that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerMachineConfig<'a> {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: &'a str,
    /// The image, by digest.
    pub image: &'a str,
    /// The image that this one was put on top of, by digest.
    pub base_image: &'a str,
    /// Where the image was pushed to.
    pub push_spec: &'a str,
}

impl LayerMachineConfig<'_> {
    /// The name that a MachineConfig for a pool gets unless somebody chooses another one. It comes
    /// behind those that people number, since the last one that names an image counts.
    pub fn default_name(pool: &str) -> String {
        format!("os-layer-{pool}")
    }

    /// Whether a MachineConfig can have this name.
    pub fn check_name(name: &str) -> Result<(), MachineConfigNameError> {
        if !is_dns_subdomain(name) {
            return Err(MachineConfigNameError::Syntax(name.to_owned()));
        }
        if name.starts_with("00-") {
            return Err(MachineConfigNameError::Operators(name.to_owned()));
        }
        Ok(())
    }

    /// The object as a person creates it.
    pub fn object(&self) -> Value {
        let mut object = json!({
            "apiVersion": V1,
            "kind": Kind::MachineConfig.name(),
            "metadata": self.metadata(),
        });
        if let Value::Object(members) = &mut object {
            members.insert("spec".to_owned(), self.spec());
        }
        object
    }

    fn metadata(&self) -> Value {
        json!({
            "name": self.name,
            "labels": {ROLE_LABEL: self.pool},
            "annotations": {BASE_IMAGE: self.base_image, PUSH_SPEC: self.push_spec},
        })
    }

    fn spec(&self) -> Value {
        json!({"osImageURL": self.image})
    }

    /// Server-side apply of the same. Fields of others are left to them: it conflicts instead.
    pub fn write(&self, field_manager: &'static str) -> Write {
        let mut fields = Map::new();
        fields.insert("metadata".to_owned(), self.metadata());
        fields.insert("spec".to_owned(), self.spec());
        Write::Patch(PatchRequest {
            address: Address::of(Kind::MachineConfig, "", &self.name),
            subresource: None,
            body: PatchBody::Apply {
                fields,
                force: false,
            },
            guard: openshift_model::Guard::default(),
            field_manager: field_manager.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_055_a_machine_config_names_the_image_by_digest_for_one_pool() {
        let config = LayerMachineConfig {
            name: LayerMachineConfig::default_name("worker"),
            pool: "worker",
            image: "quay.io/o/os@sha256:1",
            base_image: "quay.io/base@sha256:2",
            push_spec: "quay.io/o/os:1",
        };
        let object = config.object();
        assert_eq!(
            object,
            json!({
                "apiVersion": "machineconfiguration.openshift.io/v1",
                "kind": "MachineConfig",
                "metadata": {
                    "name": "os-layer-worker",
                    "labels": {"machineconfiguration.openshift.io/role": "worker"},
                    "annotations": {
                        "osimage.dev/base-image": "quay.io/base@sha256:2",
                        "osimage.dev/push-spec": "quay.io/o/os:1",
                    },
                },
                "spec": {"osImageURL": "quay.io/o/os@sha256:1"},
            })
        );
        let Write::Patch(request) = config.write("me") else {
            panic!("it is applied");
        };
        assert_eq!(request.document(), object);
    }

    #[test]
    fn il_055_a_machine_config_has_a_name_that_can_count() {
        let check = |name: &str, expected: &str| {
            let found = LayerMachineConfig::check_name(name).err();
            let found = found.map(|error| error.to_string()).unwrap_or_default();
            assert!(found.contains(expected), "{found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
        };
        check("os-layer-worker", "");
        check("99-worker-image", "");
        check("00-worker-image", "Operator's");
        check("Worker", "lower case");
        check("", "no name");
    }
}
