//! What is written, each kind of write by a function of its own.

use http::Request;
use http::header::CONTENT_TYPE;
use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, TestOperation};
use kube::api::PostParams;
use openshift_model::{Edit, Kind, RawObject, names};
use serde::Deserialize;
use serde_json::json;

use super::call::Message;
use super::error::Call;
use super::read::{Resource, path_segment};
use super::{Cluster, ClusterError};

/// Field manager of edits of a boot image in a MachineSet or `ControlPlaneMachineSet`.
pub const APPLY_FIELD_MANAGER: &str = "osimage-apply";
/// Field manager of conversions of the stub of a Secret.
pub const USER_DATA_FIELD_MANAGER: &str = "osimage-user-data";
/// Field manager of changes of which sets are managed.
pub const MODE_FIELD_MANAGER: &str = "osimage-set-mode";

/// Whether the API server keeps what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// It is kept.
    Real,
    /// A dry run: the API server checks the write, admission included, and keeps nothing.
    DryRun,
}

/// The object that an edit was made for. A patch tests for both values, so that the API server
/// refuses it where the object was deleted, made again, or written by somebody else since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// `metadata.uid`
    pub uid: &'a str,
    /// `metadata.resourceVersion`
    pub resource_version: &'a str,
}

/// An Event of `events.k8s.io/v1` about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The kind of the object.
    pub kind: Kind,
    /// Its `apiVersion`.
    pub api_version: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// Part of the Event's name: an Event with the same object and key is written once only.
    pub key: &'a str,
    /// The program that writes it, e.g. `osimage`.
    pub reporter: &'a str,
    /// Why, as a code in `CamelCase`.
    pub reason: &'a str,
    /// Why, for people; at most 1,024 bytes.
    pub note: &'a str,
    /// RFC 3339 with microseconds.
    pub time: &'a str,
}

impl Cluster {
    /// Edits a MachineSet or `ControlPlaneMachineSet`.
    /// `field_manager` is that of the program, e.g. [`APPLY_FIELD_MANAGER`], with a slash and what
    /// tells one plan from another behind it.
    pub async fn patch_machine_resource(
        &self,
        (kind, namespace, name): (Kind, &str, &str),
        seen: Seen<'_>,
        edit: &Edit,
        field_manager: &str,
        mode: WriteMode,
    ) -> Result<String, ClusterError> {
        let call = patch(kind, namespace, name);
        self.patch(&call, seen, edit, field_manager, mode).await
    }

    /// Converts the stub of a Secret of the Machine API.
    pub async fn patch_user_data(
        &self,
        name: &str,
        seen: Seen<'_>,
        edit: &Edit,
        mode: WriteMode,
    ) -> Result<String, ClusterError> {
        let call = patch(Kind::Secret, names::MACHINE_API_NAMESPACE, name);
        self.patch(&call, seen, edit, USER_DATA_FIELD_MANAGER, mode)
            .await
    }

    /// Changes which machine resources are managed.
    pub async fn patch_machine_configuration(
        &self,
        seen: Seen<'_>,
        edit: &Edit,
        mode: WriteMode,
    ) -> Result<String, ClusterError> {
        let call = patch(Kind::MachineConfiguration, "", names::CLUSTER);
        self.patch(&call, seen, edit, MODE_FIELD_MANAGER, mode)
            .await
    }

    /// Whether somebody has written the object since it was seen. The API server calls a patch whose
    /// tests fail as invalid as one that it would never accept: this tells which it was.
    pub async fn was_overtaken(
        &self,
        (kind, namespace, name): (Kind, &str, &str),
        seen: Seen<'_>,
    ) -> Result<bool, ClusterError> {
        let json = self.object(kind, namespace, name).await?;
        let object = json
            .as_deref()
            .and_then(|json| RawObject::parse(json).ok().flatten());
        let meta = object
            .and_then(|object| object.meta().ok())
            .unwrap_or_default();
        Ok(meta.resource_version.as_deref() != Some(seen.resource_version))
    }

    async fn patch(
        &self,
        call: &Call<'_>,
        seen: Seen<'_>,
        edit: &Edit,
        manager: &str,
        mode: WriteMode,
    ) -> Result<String, ClusterError> {
        let segment =
            path_segment(call.name).ok_or_else(|| ClusterError::NotFound(call.name.to_owned()))?;
        let path = call.resource.path(call.namespace);
        let uri = format!("{path}/{segment}?");
        let query = uri.len();
        let mut uri = form_urlencoded::Serializer::for_suffix(uri, query);
        uri.append_pair("fieldManager", manager);
        if mode == WriteMode::DryRun {
            uri.append_pair("dryRun", "All");
        }
        let body = serde_json::to_vec(&guarded(seen, edit));
        let request = body
            .map_err(kube::core::request::Error::SerializeBody)
            .and_then(|body| {
                Request::patch(uri.finish())
                    .header(CONTENT_TYPE, "application/json-patch+json")
                    .body(body)
                    .map_err(kube::core::request::Error::BuildRequest)
            });
        let message = Message {
            request: call.request(request)?,
            // A second one fails its tests; the caller reads the object before it tries again.
            repeatable: false,
        };
        self.call(call, &message).await
    }

    /// Writes an Event about an object, once: one that is there already is left as it is.
    pub async fn record(&self, event: &Event<'_>) -> Result<(), ClusterError> {
        const EVENTS: Resource = Resource {
            kind: "Event",
            group: "events.k8s.io",
            version: "v1",
            plural: "events",
        };
        let kind = event.kind.name().to_lowercase();
        let name = format!("{}.{kind}.{}", event.name, event.key);
        let call = Call {
            verb: "create",
            resource: EVENTS,
            namespace: event.namespace,
            name: &name,
        };
        let object = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": name, "namespace": event.namespace},
            "eventTime": event.time,
            "type": "Normal",
            "reason": event.reason,
            "action": "Apply",
            "note": event.note,
            "reportingController": format!("osimage.dev/{}", event.reporter),
            "reportingInstance": event.reporter,
            "regarding": {"apiVersion": event.api_version, "kind": event.kind.name(),
                "namespace": event.namespace, "name": event.name, "uid": event.uid},
        });
        let path = kube::core::Request::new(EVENTS.path(event.namespace));
        let body = object.to_string().into_bytes();
        let message = Message {
            request: call.request(path.create(&PostParams::default(), body))?,
            // An Event with this name exists once only.
            repeatable: true,
        };
        match self.call(&call, &message).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The user name that the API server has authenticated us as.
    pub async fn user_name(&self) -> Result<String, ClusterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Review {
            status: ReviewStatus,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ReviewStatus {
            user_info: UserInfo,
        }
        #[derive(Deserialize)]
        struct UserInfo {
            username: String,
        }
        const REVIEWS: Resource = Resource {
            kind: "SelfSubjectReview",
            group: "authentication.k8s.io",
            version: "v1",
            plural: "selfsubjectreviews",
        };
        let call = Call {
            verb: "create",
            resource: REVIEWS,
            namespace: "",
            name: "",
        };
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = kube::core::Request::new(REVIEWS.path(""));
        let body = body.to_string().into_bytes();
        let message = Message {
            request: call.request(path.create(&PostParams::default(), body))?,
            // A review is answered and not stored.
            repeatable: true,
        };
        let answer = self.call(&call, &message).await?;
        let review: Review =
            serde_json::from_str(&answer).map_err(|error| self.not_an_api_server(&call, &error))?;
        Ok(review.status.user_info.username)
    }
}

fn patch<'a>(kind: Kind, namespace: &'a str, name: &'a str) -> Call<'a> {
    Call {
        verb: "patch",
        resource: Resource::of(kind),
        namespace,
        name,
    }
}

/// The operations of an edit, behind tests that the object is the one that was looked at.
fn guarded(seen: Seen<'_>, edit: &Edit) -> JsonPatch {
    let test = |path: [&'static str; 2], value: &str| {
        PatchOperation::Test(TestOperation {
            path: PointerBuf::from_tokens(path),
            value: value.into(),
        })
    };
    let mut operations = vec![
        test(["metadata", "uid"], seen.uid),
        test(["metadata", "resourceVersion"], seen.resource_version),
    ];
    operations.extend(edit.patch().0);
    JsonPatch(operations)
}
