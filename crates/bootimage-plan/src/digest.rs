//! Digests of the parts of objects that rules read.

use std::fmt;
use std::str::FromStr;

use openshift_model::{Kind, RawObject, RawValue, canonical, raw_json};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Computes digests, one after the other, in the same buffer.
#[derive(Debug, Default)]
pub struct Digester {
    buffer: Vec<u8>,
}

/// SHA-256 over canonical JSON; written as `sha256:` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest: sha256: and 64 hex digits are expected")]
pub struct NoDigest(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let error = || NoDigest(text.chars().take(80).collect());
        let digits = text.strip_prefix("sha256:").ok_or_else(error)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(error());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| error())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl Digester {
    /// The digest of an object: SHA-256 over the canonical JSON of the part that rules read, so
    /// that it moves exactly when a plan could. Of a MachineSet that is labels, annotations,
    /// `ownerReferences`, `deletionTimestamp`, `authoritativeAPI` and the template: scaling or a
    /// change of status moves nothing.
    pub fn digest(&mut self, object: &RawObject<'_>) -> Digest {
        self.buffer.clear();
        self.buffer.push(b'{');
        match object.kind {
            Kind::MachineSet | Kind::ControlPlaneMachineSet => self.machine_resource(object),
            kind => {
                for part in parts(kind) {
                    self.member(part, at(object, part));
                }
            }
        }
        self.buffer.push(b'}');
        Digest::of(&self.buffer)
    }

    fn machine_resource(&mut self, object: &RawObject<'_>) {
        let text = |member: &str| object.member(member).map_or("", RawValue::get);
        let [annotations, deletion, labels, owners] = raw_json::members(
            text("metadata"),
            [
                "annotations",
                "deletionTimestamp",
                "labels",
                "ownerReferences",
            ],
        );
        let [authority, template] =
            raw_json::members(text("spec"), ["authoritativeAPI", "template"]);
        let in_status = raw_json::member(text("status"), "authoritativeAPI");
        // In the order of canonical JSON.
        self.member("annotations", annotations);
        self.member(
            "authoritativeAPI",
            in_status.filter(|text| *text != "null").or(authority),
        );
        self.member("deletionTimestamp", deletion);
        self.member("labels", labels);
        self.member("ownerReferences", owners);
        self.member("template", template);
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
    fn member(&mut self, key: &str, text: Option<&str>) {
        let Some(text) = text.filter(|text| *text != "null") else {
            return;
        };
        self.key(key);
        canonical::write(text, &mut self.buffer);
    }
}

/// The text of a value in an object, by member names with a slash between them.
fn at<'a>(object: &RawObject<'a>, path: &str) -> Option<&'a str> {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let mut text = object.member(first)?.get();
    for name in rest.split('/').filter(|name| !name.is_empty()) {
        text = raw_json::member(text, name)?;
    }
    Some(text)
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
        Kind::FeatureGate => &[
            "spec/customNoUpgrade",
            "spec/featureSet",
            "status/featureGates",
        ],
        Kind::ClusterOperator => &["status/conditions"],
        Kind::Provisioning => &["spec"],
        Kind::ConfigMap => &["data"],
        Kind::Secret => &["data", "metadata/annotations", "stringData"],
        Kind::Node => &["status/nodeInfo/architecture"],
        Kind::MachineConfigPool => &[
            "spec/configuration",
            "status/configuration",
            "status/updatedMachineCount",
        ],
        Kind::MachineConfig => &["metadata/annotations", "spec/osImageURL"],
        // Inventories and image layering; no boot image depends on them.
        Kind::Machine => &["spec/providerSpec"],
        Kind::MachineOSConfig
        | Kind::MachineOSBuild
        | Kind::ControllerConfig
        | Kind::Job
        | Kind::Pod => &["spec"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn digest(value: &Value) -> Digest {
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
        assert_eq!(digest(&machine_set()), Digest(Sha256::digest(text).into()));
    }

    #[test]
    fn a_digest_is_written_and_read() {
        let empty = Digest(Sha256::digest(b"").into());
        let text = empty.to_string();
        assert_eq!(text.len(), 7 + 64);
        assert!(text.starts_with("sha256:e3b0c44298fc1c14"));
        assert_eq!(text.parse(), Ok(empty));
        for wrong in [
            "",
            "sha256:",
            "sha1:00",
            text.get(..70).unwrap_or_default(),
            &text.replace('e', "g"),
            &text.replace('e', "é"),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
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
