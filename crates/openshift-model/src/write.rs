//! Requests that change something in a cluster, as data. What is to be written is decided where
//! the rules are; who carries a request out decides nothing.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::{Edit, Kind, Resource};

/// One request to an API server.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Makes an object. That it exists already is for the executor to report.
    Create(CreateRequest),
    /// Changes an object.
    Patch(PatchRequest),
    /// Removes an object.
    Delete(DeleteRequest),
    /// Records something about an object, for people.
    Event(EventRequest),
}

/// Which object a request is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Its kind as the API's paths name it.
    pub resource: Resource,
    /// Its namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What the API server has to find for a request to be carried out. Without either member the
/// request is carried out on whatever has the name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// `metadata.uid`: the object that was looked at, not another one of its name.
    pub uid: Option<String>,
    /// `metadata.resourceVersion`: nobody has written it since.
    pub resource_version: Option<String>,
}

/// Makes an object.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRequest {
    /// Where.
    pub address: Address,
    /// The whole object.
    pub object: Value,
    /// Who writes, as `managedFields` will name it.
    pub field_manager: Cow<'static, str>,
}

/// Changes an object.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRequest {
    /// Which one.
    pub address: Address,
    /// Which part of it, where the API serves that on its own.
    pub subresource: Option<Subresource>,
    /// How.
    pub body: PatchBody,
    /// What has to be found.
    pub guard: Guard,
    /// Who writes, as `managedFields` will name it.
    pub field_manager: Cow<'static, str>,
}

/// A part of an object that the API serves on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subresource {
    /// `status`
    Status,
    /// `log` of a pod.
    Log,
    /// `finalizers`: nothing is there to be read, and who may write it may block the deletion.
    Finalizers,
}

impl Subresource {
    /// The last segment of the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Log => "log",
            Self::Finalizers => "finalizers",
        }
    }
}

/// How an object is changed.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchBody {
    /// BI-347: a JSON Patch that tests what it replaces.
    Json(Edit),
    /// Server-side apply of the fields that are ours.
    Apply {
        /// The members below `metadata`, e.g. `{"status": …}`.
        fields: Map<String, Value>,
        /// Whether fields of other managers are taken over.
        force: bool,
    },
}

/// Removes an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRequest {
    /// Which one.
    pub address: Address,
    /// What has to be found.
    pub guard: Guard,
}

/// Records something about an object, as `events.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRequest {
    /// The object that it is about.
    pub regarding: Address,
    /// Its uid.
    pub uid: String,
    /// Whether it is a `Warning`; else it is `Normal`.
    pub is_warning: bool,
    /// Why, as one word: a reason code.
    pub reason: Cow<'static, str>,
    /// What was done or tried, as one word.
    pub action: Cow<'static, str>,
    /// For people.
    pub note: String,
    /// What makes it this event: the same key again is the same event, and stands there once.
    pub key: String,
    /// The program that writes it, e.g. `osimage.dev/osimage`.
    pub reporter: Cow<'static, str>,
    /// RFC 3339 with microseconds.
    pub time: String,
}

/// The most bytes of a note that the API server takes.
const NOTE_MAX: usize = 1024;

impl Address {
    /// The object of a kind that is read as well.
    pub fn of(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            resource: kind.resource(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Write {
    /// The object that the request is about.
    pub fn address(&self) -> &Address {
        match self {
            Self::Create(request) => &request.address,
            Self::Patch(request) => &request.address,
            Self::Delete(request) => &request.address,
            Self::Event(request) => &request.regarding,
        }
    }

    /// The verb of an RBAC rule that allows the request.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) | Self::Event(_) => "create",
            Self::Patch(_) => "patch",
            Self::Delete(_) => "delete",
        }
    }
}

impl Guard {
    fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self {
            uid,
            resource_version,
        } = self;
        let uid = uid.as_deref().map(|uid| ("uid", uid));
        let version = resource_version.as_deref();
        uid.into_iter()
            .chain(version.map(|version| ("resourceVersion", version)))
    }
}

impl PatchRequest {
    /// The media type of the body.
    pub const fn content_type(&self) -> &'static str {
        match self.body {
            PatchBody::Json(_) => "application/json-patch+json",
            PatchBody::Apply { .. } => "application/apply-patch+yaml",
        }
    }

    /// The body that is sent: the change, behind what the API server has to find. A JSON Patch tests
    /// the guard first; an applied object names it in its metadata, which the API server compares.
    pub fn document(&self) -> Value {
        match &self.body {
            PatchBody::Json(edit) => {
                let test = |(name, value): (&str, &str)| json!({"op": "test", "path": format!("/metadata/{name}"), "value": value});
                let mut operations: Vec<Value> = self.guard.members().map(test).collect();
                if let Ok(Value::Array(edits)) = serde_json::to_value(edit) {
                    operations.extend(edits);
                }
                Value::Array(operations)
            }
            PatchBody::Apply { fields, .. } => {
                let mut metadata = identity(&self.address);
                for (name, value) in self.guard.members() {
                    metadata.insert(name.to_owned(), Value::from(value));
                }
                let mut object = json!({
                    "apiVersion": self.address.resource.api_version(),
                    "kind": self.address.resource.kind,
                    "metadata": metadata,
                });
                if let Value::Object(members) = &mut object {
                    members.extend(fields.clone());
                }
                object
            }
        }
    }
}

impl DeleteRequest {
    /// The body that is sent (`DeleteOptions`).
    pub fn document(&self) -> Value {
        let preconditions: Map<String, Value> = self
            .guard
            .members()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let mut options =
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions});
        // Unless it is said, an API server leaves the pods of a Job behind, for the sake of old
        // clients; anything else goes as its finalizers and its kind have it.
        if self.address.resource == Kind::Job.resource()
            && let Some(members) = options.as_object_mut()
        {
            members.insert("propagationPolicy".to_owned(), "Background".into());
        }
        options
    }
}

impl EventRequest {
    /// Where the event itself stands: beside the object, and that of a cluster-scoped object in
    /// `default`, as Kubernetes does it.
    pub fn address(&self) -> Address {
        let namespace = match self.regarding.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let kind = self.regarding.resource.kind.to_lowercase();
        Address {
            resource: Resource::EVENTS,
            namespace: namespace.to_owned(),
            name: format!("{}.{kind}.{}", self.regarding.name, self.key),
        }
    }

    /// The event. A note that the API server would refuse for its length is cut.
    pub fn document(&self) -> Value {
        let address = self.address();
        let mut regarding = identity(&self.regarding);
        regarding.insert("kind".to_owned(), self.regarding.resource.kind.into());
        let version = self.regarding.resource.api_version();
        regarding.insert("apiVersion".to_owned(), version.into());
        regarding.insert("uid".to_owned(), self.uid.as_str().into());
        let end = self.note.floor_char_boundary(NOTE_MAX);
        json!({
            "apiVersion": address.resource.api_version(),
            "kind": address.resource.kind,
            "metadata": identity(&address),
            "eventTime": self.time,
            "type": if self.is_warning { "Warning" } else { "Normal" },
            "reason": self.reason,
            "action": self.action,
            "note": self.note.get(..end),
            "reportingController": self.reporter,
            "reportingInstance": self.reporter.rsplit('/').next(),
            "regarding": regarding,
        })
    }
}

/// Name and namespace as they stand in `metadata`.
fn identity(address: &Address) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("name".to_owned(), address.name.as_str().into());
    if !address.namespace.is_empty() {
        members.insert("namespace".to_owned(), address.namespace.as_str().into());
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(body: PatchBody) -> PatchRequest {
        PatchRequest {
            address: Address::of(Kind::MachineConfiguration, "", "cluster"),
            subresource: Some(Subresource::Status),
            body,
            guard: Guard {
                uid: Some("u".to_owned()),
                resource_version: Some("7".to_owned()),
            },
            field_manager: "osimage-status".into(),
        }
    }

    #[test]
    fn subresources_have_the_names_of_the_api() {
        let all = [
            Subresource::Status,
            Subresource::Log,
            Subresource::Finalizers,
        ];
        assert_eq!(all.map(Subresource::name), ["status", "log", "finalizers"]);
    }

    #[test]
    fn a_json_patch_tests_its_guard_before_anything_else() {
        let mut edit = Edit::default();
        edit.replace("/status/a", "old", "new").unwrap();
        let request = patch(PatchBody::Json(edit));
        assert_eq!(request.content_type(), "application/json-patch+json");
        assert_eq!(
            request.document(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "test", "path": "/status/a", "value": "old"},
                {"op": "replace", "path": "/status/a", "value": "new"},
            ])
        );
    }

    #[test]
    fn an_applied_object_has_its_guard_in_its_metadata() {
        let fields = Map::from_iter([("status".to_owned(), json!({"a": 1}))]);
        let request = patch(PatchBody::Apply {
            fields,
            force: false,
        });
        assert_eq!(request.content_type(), "application/apply-patch+yaml");
        assert_eq!(
            request.document(),
            json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
                "metadata": {"name": "cluster", "uid": "u", "resourceVersion": "7"},
                "status": {"a": 1}})
        );
    }

    #[test]
    fn a_deletion_names_what_has_to_be_found() {
        let request = DeleteRequest {
            address: Address::of(Kind::Job, "n", "build-a"),
            guard: Guard {
                uid: Some("u".to_owned()),
                resource_version: None,
            },
        };
        assert_eq!(request.document()["preconditions"], json!({"uid": "u"}));
        assert_eq!(request.document()["propagationPolicy"], "Background");
        let write = Write::Delete(request);
        assert_eq!(
            (write.verb(), write.address().name.as_str()),
            ("delete", "build-a")
        );
    }

    #[test]
    fn an_event_stands_beside_its_object_once_and_its_note_fits() {
        let event = |namespace: &str, note: String| EventRequest {
            regarding: Address::of(Kind::MachineSet, namespace, "a"),
            uid: "u".to_owned(),
            is_warning: true,
            reason: "Contested".into(),
            action: "Apply".into(),
            note,
            key: "1".to_owned(),
            reporter: "osimage.dev/osimage".into(),
            time: "2026-11-21T12:00:00.000000Z".to_owned(),
        };
        let document = event("n", "é".repeat(1000)).document();
        assert_eq!(
            document["metadata"],
            json!({"name": "a.machineset.1", "namespace": "n"})
        );
        assert_eq!(document["note"].as_str().unwrap().len(), NOTE_MAX);
        assert_eq!(document["type"], "Warning");
        assert_eq!(document["reportingInstance"], "osimage");
        assert_eq!(
            document["regarding"],
            json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
                "namespace": "n", "name": "a", "uid": "u"})
        );
        assert_eq!(event("", String::new()).address().namespace, "default");
    }
}
