//! Kubernetes objects as raw text, and what identifies them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::read::{ReadError, WrongType, read};
use crate::{StringMap, Text, raw_json};

/// Which object something is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The kind as the API writes it, e.g. `MachineSet`.
    pub kind: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident in $group:literal, )*) => {
        /// The kinds of object that osimage reads. A kind counts in its own API group only: a
        /// `MachineSet` of `cluster.x-k8s.io` is another thing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $( $(#[$doc])* $kind, )*
        }

        impl Kind {
            /// Every kind that is read.
            pub const ALL: &[Kind] = &[$( Kind::$kind, )*];

            /// The kind with this `apiVersion` and `kind`, in any version of its group.
            pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
                let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
                match (group, kind) {
                    $( ($group, stringify!($kind)) => Some(Kind::$kind), )*
                    _ => None,
                }
            }

            /// The kind as the API writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Kind::$kind => stringify!($kind), )*
                }
            }

            /// The API group; empty for the core group.
            pub const fn group(self) -> &'static str {
                match self {
                    $( Kind::$kind => $group, )*
                }
            }
        }
    };
}

kinds! {
    /// The control plane's machines, on the platforms that have it (BI-008).
    ControlPlaneMachineSet in "machine.openshift.io",
    /// A set of worker machines (BI-007).
    MachineSet in "machine.openshift.io",
    /// A machine, for the image that it was made from.
    Machine in "machine.openshift.io",
    /// Configuration and status of the Machine Config Operator (BI-001).
    MachineConfiguration in "operator.openshift.io",
    /// The platform (BI-003).
    Infrastructure in "config.openshift.io",
    /// The release and its history (BI-004).
    ClusterVersion in "config.openshift.io",
    /// Which gates are open (BI-005).
    FeatureGate in "config.openshift.io",
    /// What operators report (BI-017).
    ClusterOperator in "config.openshift.io",
    /// Bare-metal provisioning (BI-014).
    Provisioning in "metal3.io",
    /// `coreos-bootimages` and others (BI-006, BI-013).
    ConfigMap in "",
    /// User data and credentials (BI-009).
    Secret in "",
    /// For the control plane's architecture.
    Node in "",
    /// A pool of nodes (BI-015).
    MachineConfigPool in "machineconfiguration.openshift.io",
    /// A machine configuration, rendered or not (BI-016).
    MachineConfig in "machineconfiguration.openshift.io",
    /// What the operating system image of a pool is to hold (IL-001).
    MachineOSConfig in "machineconfiguration.openshift.io",
    /// One build of such an image (IL-001).
    MachineOSBuild in "machineconfiguration.openshift.io",
    /// Cluster-wide inputs of a build: proxy and trust bundle (IL-243).
    ControllerConfig in "machineconfiguration.openshift.io",
    /// What carries out a build (IL-260).
    Job in "batch",
    /// One attempt of a build (IL-261).
    Pod in "",
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?;
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name.as_str())
            .ok_or_else(|| D::Error::custom(format!("{name:?} is not a kind that osimage reads")))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A JSON object with its members unparsed: what a Kubernetes object is before anybody looks at
/// it. Nothing is lost and nothing is built: every member is a slice of the text.
#[derive(Debug, Clone, Default)]
pub struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The raw value of a member. Of a member that is written twice the last one counts.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| *value)
    }

    /// All members in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }

    /// No members yet, with room for those that most objects have: `apiVersion`, `kind`,
    /// `metadata`, `spec`, `status`.
    pub fn with_room() -> Self {
        Self(Vec::with_capacity(5))
    }

    /// Adds a member.
    pub fn push(&mut self, name: Text<'a>, value: &'a RawValue) {
        self.0.push((name, value));
    }

    fn string(&self, name: &str) -> Option<Text<'a>> {
        self.get(name)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members::with_room();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    members.push(key, map.next_value::<&'de RawValue>()?);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// An object of a kind that osimage reads: its identity, and its members unparsed.
///
/// ```
/// use openshift_model::{Kind, RawObject};
///
/// let text = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "x": 1}"#;
/// let node = RawObject::parse(text)?.expect("a kind that is read");
/// assert_eq!((node.kind, node.name.as_str()), (Kind::Node, "a"));
/// assert_eq!(node.member("x").map(|raw| raw.get()), Some("1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RawObject<'a> {
    /// The kind.
    pub kind: Kind,
    /// `metadata.namespace`, empty where there is none.
    pub namespace: Text<'a>,
    /// `metadata.name`, empty where there is none.
    pub name: Text<'a>,
    members: Members<'a>,
}

impl<'a> RawObject<'a> {
    /// Reads one JSON document; `None` where it is of a kind that osimage does not read.
    pub fn parse(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        serde_json::from_str::<Members<'a>>(text).map(Self::from_members)
    }

    /// The object with these members; `None` where it is of a kind that osimage does not read.
    pub fn from_members(members: Members<'a>) -> Option<Self> {
        let api_version = members.string("apiVersion").unwrap_or_default();
        let kind = members.string("kind").unwrap_or_default();
        Self::with_type(members, &api_version, &kind)
    }

    /// The object with these members, of a given type: the elements of a `<Kind>List` as an API
    /// server sends them have no `apiVersion` and `kind` of their own.
    pub fn with_type(members: Members<'a>, api_version: &str, kind: &str) -> Option<Self> {
        let kind = Kind::of(api_version, kind)?;
        let [namespace, name] = members.get("metadata").map(identity).unwrap_or_default();
        Some(Self {
            kind,
            namespace: namespace.unwrap_or_default(),
            name: name.unwrap_or_default(),
            members,
        })
    }

    /// Which object it is.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            kind: self.kind.name().to_owned(),
            namespace: self.namespace.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
        }
    }

    /// The unparsed value of a top-level member.
    pub fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name)
    }

    /// All top-level members, unparsed, in the order of the text.
    pub fn members(&self) -> &Members<'a> {
        &self.members
    }

    /// `apiVersion` as the object has it, or that of its kind's group in version `v1`.
    pub fn api_version(&self) -> Text<'a> {
        self.members
            .string("apiVersion")
            .unwrap_or_else(|| match self.kind.group() {
                "" => Text::from("v1"),
                group => Text::from(format!("{group}/v1")),
            })
    }

    /// The whole object as a tree. An error names what no tree can hold, e.g. a number that is too
    /// large.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        let parsed = |(name, raw): (&str, &RawValue)| {
            serde_json::from_str(raw.get()).map(|value| (name.to_owned(), value))
        };
        let members: Result<Map<String, Value>, _> = self.members.iter().map(parsed).collect();
        members.map(Value::Object)
    }

    /// `status.conditions` as they are written, for an edit that keeps what it does not know
    /// (BI-186). `None` where the list is absent.
    pub fn condition_documents(&self) -> Result<Option<Vec<Value>>, ReadError> {
        let status: ConditionDocuments<'a> = self.view("status")?;
        // What was read as raw JSON is JSON.
        let parse = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_default();
        let list = status.conditions.map(|list| list.into_iter().map(parse));
        Ok(list.map(Iterator::collect))
    }

    /// The metadata.
    pub fn meta(&self) -> Result<ObjectMeta<'a>, ReadError> {
        self.view("metadata")
    }

    /// Who has written fields of the object that nobody else has written since:
    /// `metadata.managedFields[].manager`.
    pub fn field_managers(&self) -> Vec<Text<'a>> {
        let metadata: ManagedMeta<'a> = self.view("metadata").unwrap_or_default();
        let entries = metadata.managed_fields.unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|entry| entry.manager)
            .collect()
    }

    /// Reads a top-level member as a view; an absent member reads as the empty view.
    pub fn view<T>(&self, member: &str) -> Result<T, ReadError>
    where
        T: Deserialize<'a> + Default,
    {
        let Some(raw) = self.members.get(member) else {
            return Ok(T::default());
        };
        read(raw, &format!("/{member}")).map_err(|error: WrongType| error.of(self.reference()))
    }
}

/// Namespace and name, whatever else is wrong with the metadata: an error must be able to say
/// which object it is about.
fn identity(metadata: &RawValue) -> [Option<Text<'_>>; 2] {
    raw_json::members(metadata.get(), ["namespace", "name"])
        .map(|text| text.and_then(|text| serde_json::from_str(text).ok()))
}

view! {
    /// `status` of which the conditions alone are read.
    struct ConditionDocuments<'a> {
        /// The conditions, unparsed.
        conditions: Vec<&'a RawValue> = "conditions",
    }
}

view! {
    /// The part of `metadata` that tells who wrote what.
    struct ManagedMeta<'a> {
        /// `metadata.managedFields`.
        managed_fields: Vec<ManagedEntry<'a>> = "managedFields",
    }
}

view! {
    /// An entry of `managedFields`.
    struct ManagedEntry<'a> {
        /// `manager`
        manager: Text<'a> = "manager",
    }
}

view! {
    /// The part of `metadata` that rules look at.
    pub struct ObjectMeta<'a> {
        /// `metadata.uid`.
        uid: Text<'a> = "uid",
        /// `metadata.resourceVersion`.
        resource_version: Text<'a> = "resourceVersion",
        /// `metadata.generation`.
        generation: i64 = "generation",
        /// `metadata.labels`.
        labels: StringMap<'a> = "labels",
        /// `metadata.annotations`.
        annotations: StringMap<'a> = "annotations",
        /// `metadata.finalizers`.
        finalizers: Vec<Option<Text<'a>>> = "finalizers",
        /// `metadata.ownerReferences`.
        owner_references: Vec<Option<OwnerReference<'a>>> = "ownerReferences",
        /// `metadata.creationTimestamp`, RFC 3339.
        creation_timestamp: Text<'a> = "creationTimestamp",
        /// `metadata.deletionTimestamp`, RFC 3339.
        deletion_timestamp: Text<'a> = "deletionTimestamp",
    }
}

impl ObjectMeta<'_> {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref().and_then(|labels| labels.get(key))
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations
            .as_ref()
            .and_then(|annotations| annotations.get(key))
    }
}

view! {
    /// An entry of `metadata.ownerReferences`.
    pub struct OwnerReference<'a> {
        /// The owner's kind.
        kind: Text<'a> = "kind",
        /// The owner's name.
        name: Text<'a> = "name",
        /// The owner's uid.
        uid: Text<'a> = "uid",
        /// Whether the owner is the one controller of the object.
        controller: bool = "controller",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kind_counts_in_its_own_group_only() {
        let of = Kind::of;
        assert_eq!(
            of("machine.openshift.io/v1beta1", "MachineSet"),
            Some(Kind::MachineSet)
        );
        assert_eq!(
            of("machine.openshift.io/v1", "MachineSet"),
            Some(Kind::MachineSet)
        );
        assert_eq!(of("cluster.x-k8s.io/v1beta1", "MachineSet"), None);
        assert_eq!(of("v1", "ConfigMap"), Some(Kind::ConfigMap));
        assert_eq!(of("v1", "MachineSet"), None);
        for kind in Kind::ALL {
            let version = format!("{}/v1", kind.group());
            let version = version.trim_start_matches('/');
            assert_eq!(of(version, kind.name()), Some(*kind));
        }
    }

    #[test]
    fn identity_survives_what_is_wrong_with_the_rest() {
        let text = r#"{"apiVersion":"v1","kind":"Node",
            "metadata":{"labels":{"a":5},"name":"n","namespace":[]}}"#;
        let node = RawObject::parse(text).unwrap().unwrap();
        assert_eq!(node.name.as_str(), "n");
        let error = node.meta().unwrap_err();
        assert_eq!(
            error.to_string(),
            "Node n: /metadata/labels/a: invalid type: integer `5`, expected a string"
        );
    }

    #[test]
    fn elements_of_a_typed_list_need_no_type_of_their_own() {
        let members: Members<'_> = serde_json::from_str(r#"{"metadata":{"name":"a"}}"#).unwrap();
        let set = RawObject::with_type(members, "machine.openshift.io/v1beta1", "MachineSet");
        assert_eq!(set.unwrap().reference().to_string(), "MachineSet a");
    }

    #[test]
    fn metadata_null_reads_as_empty() {
        let text = r#"{"apiVersion":"v1","kind":"Node","metadata":null}"#;
        let node = RawObject::parse(text).unwrap().unwrap();
        assert!(node.name.is_empty() && node.meta().unwrap().uid.is_none());
    }

    #[test]
    fn bi_186_conditions_can_be_had_as_they_are_written() {
        let documents = |status: &str| {
            let text = format!(
                r#"{{"apiVersion":"operator.openshift.io/v1","kind":"MachineConfiguration",
                "metadata":{{"name":"cluster"}},"status":{status}}}"#
            );
            let object = RawObject::parse(&text).unwrap().unwrap();
            object.condition_documents()
        };
        assert_eq!(documents("{}"), Ok(None));
        assert_eq!(documents(r#"{"conditions":null}"#), Ok(None));
        assert_eq!(documents(r#"{"conditions":[]}"#), Ok(Some(Vec::new())));
        let foreign = json!({"type": "X", "new": {"a": 1.0}});
        let found = documents(&format!(r#"{{"conditions":[{foreign},null]}}"#));
        assert_eq!(found, Ok(Some(vec![foreign, Value::Null])));
        let error = documents(r#"{"conditions":{}}"#).unwrap_err().to_string();
        assert!(
            error.starts_with("MachineConfiguration cluster: /status/conditions"),
            "{error}"
        );
    }
}
