//! Digests of the parts of objects that rules read (architecture §5).

use std::fmt::Write as _;

use openshift_model::{Kind, MachineResource, Members, RawObject, RawValue, canonical};
use sha2::{Digest as _, Sha256};

/// Computes digests, one after the other, in the same buffer.
#[derive(Debug, Default)]
pub struct Digester {
    buffer: Vec<u8>,
}

/// `sha256:` and 64 hex digits.
const DIGEST_LENGTH: usize = 7 + 64;

impl Digester {
    /// The digest of an object: SHA-256 over the canonical JSON of the part that rules read, so
    /// that it moves exactly when a plan could. Of a MachineSet that is labels, annotations,
    /// `ownerReferences`, `deletionTimestamp`, `authoritativeAPI` and the template: scaling or a
    /// change of status moves nothing.
    pub fn digest(&mut self, object: &RawObject<'_>) -> String {
        self.buffer.clear();
        match object.kind {
            Kind::MachineSet | Kind::ControlPlaneMachineSet => self.machine_resource(object),
            kind => self.members(object, parts(kind)),
        }
        hex(&self.buffer)
    }

    fn machine_resource(&mut self, object: &RawObject<'_>) {
        let resource = MachineResource::read(object).ok();
        let metadata = object
            .member("metadata")
            .and_then(members)
            .unwrap_or_default();
        let authority = resource
            .as_ref()
            .and_then(|resource| resource.authoritative_api.clone());
        let spec = || object.member("spec").and_then(members)?.get("template");
        let template = resource
            .as_ref()
            .map_or_else(spec, |resource| resource.template);
        // In the order of canonical JSON.
        self.buffer.push(b'{');
        self.member("annotations", metadata.get("annotations"));
        if let Some(authority) = authority {
            self.key("authoritativeAPI");
            // Writing a string to a vector cannot fail.
            let _ = serde_json::to_writer(&mut self.buffer, &authority);
        }
        self.member("deletionTimestamp", metadata.get("deletionTimestamp"));
        self.member("labels", metadata.get("labels"));
        self.member("ownerReferences", metadata.get("ownerReferences"));
        self.member("template", template);
        self.buffer.push(b'}');
    }

    fn members(&mut self, object: &RawObject<'_>, parts: &[&str]) {
        self.buffer.push(b'{');
        for part in parts {
            let mut raw = None;
            for (depth, name) in part.split('/').enumerate() {
                raw = match (depth, raw) {
                    (0, _) => object.member(name),
                    (_, Some(raw)) => members(raw).unwrap_or_default().get(name),
                    (_, None) => None,
                };
            }
            self.member(part, raw);
        }
        self.buffer.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if self.buffer.len() > 1 {
            self.buffer.push(b',');
        }
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    /// An absent member and a `null` one are the same.
    fn member(&mut self, key: &str, raw: Option<&RawValue>) {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
            return;
        };
        self.key(key);
        canonical::write(raw, &mut self.buffer);
    }
}

fn members(raw: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(raw.get()).ok()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(DIGEST_LENGTH);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What rules read of an object, sorted.
fn parts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MachineSet | Kind::ControlPlaneMachineSet => &[],
        Kind::MachineConfiguration => &[
            "metadata/generation",
            "spec/bootImageSkewEnforcement",
            "spec/managedBootImages",
            "status/bootImageSkewEnforcementStatus",
            "status/managedBootImagesStatus",
            "status/observedGeneration",
        ],
        Kind::Infrastructure => &[
            "spec/platformSpec",
            "status/controlPlaneTopology",
            "status/infrastructureName",
            "status/platformStatus",
        ],
        Kind::ClusterVersion => &["status/desired", "status/history"],
        Kind::FeatureGate => &["status/featureGates"],
        Kind::ClusterOperator => &["status/conditions"],
        Kind::Provisioning => &["spec"],
        Kind::ConfigMap => &["data"],
        Kind::Secret => &["data", "metadata/annotations", "stringData"],
        Kind::Node => &["metadata/labels", "status/nodeInfo"],
        Kind::MachineConfigPool => &[
            "spec/configuration",
            "status/configuration",
            "status/updatedMachineCount",
        ],
        Kind::MachineConfig => &["metadata/annotations", "spec/osImageURL"],
        // Image layering; no boot image depends on them.
        Kind::MachineOSConfig | Kind::MachineOSBuild | Kind::ControllerConfig | Kind::Job => {
            &["spec"]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn digest(value: &Value) -> String {
        let text = serde_json::to_string_pretty(value).unwrap();
        let object = RawObject::parse(&text).unwrap().unwrap();
        Digester::default().digest(&object)
    }

    fn machine_set() -> Value {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"name": "a", "labels": {"x": "1"}, "resourceVersion": "1"},
            "spec": {"replicas": 1, "template": {"spec": {"a": 1, "b": [1.5]}}},
            "status": {"replicas": 1}})
    }

    #[test]
    fn a_digest_is_sha_256_over_canonical_json() {
        let text = br#"{"labels":{"x":"1"},"template":{"spec":{"a":1,"b":[1.5]}}}"#;
        assert_eq!(digest(&machine_set()), hex(text));
        assert_eq!(hex(b"").len(), DIGEST_LENGTH);
        assert!(hex(b"").starts_with("sha256:e3b0c44298fc1c14"));
    }

    #[test]
    fn scaling_and_status_move_nothing_and_what_rules_read_does() {
        let before = digest(&machine_set());
        let moved = |pointer: &str, value: Value| {
            let mut object = machine_set();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            object.pointer_mut(parent).unwrap()[key] = value;
            digest(&object) != before
        };
        for still in [
            "/spec/replicas",
            "/status/replicas",
            "/metadata/resourceVersion",
        ] {
            assert!(!moved(still, json!(5)), "{still}");
        }
        assert!(!moved("/metadata/annotations", Value::Null));
        for part in ["labels", "annotations", "ownerReferences"] {
            assert!(
                moved(&format!("/metadata/{part}"), json!({"y": "z"})),
                "{part}"
            );
        }
        assert!(moved(
            "/metadata/deletionTimestamp",
            json!("2026-01-01T00:00:00Z")
        ));
        assert!(moved("/spec/authoritativeAPI", json!("ClusterAPI")));
        assert!(moved("/spec/template", json!({"spec": {"a": 2}})));
    }

    #[test]
    fn every_kind_has_parts_in_the_order_of_canonical_json() {
        for kind in Kind::ALL {
            assert!(parts(*kind).is_sorted(), "{kind}");
        }
    }
}
