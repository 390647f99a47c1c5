//! The few things that are written, each by one function.

use http::Method;
use openshift_model::{Edit, Kind, RawObject, names};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Message;
use super::error::Call;
use super::read::{Resource, escaped, path_segment};
use super::{Cluster, ClusterError};

/// Who has written an image into a MachineSet or `ControlPlaneMachineSet`.
pub const APPLY_FIELD_MANAGER: &str = "osimage-apply";
/// Who has converted the stub of a Secret.
pub const USER_DATA_FIELD_MANAGER: &str = "osimage-user-data";
/// Who has changed which sets are managed.
pub const MODE_FIELD_MANAGER: &str = "osimage-set-mode";

/// Whether a write stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// It does.
    Real,
    /// The API server goes through everything, admission included, and keeps nothing.
    DryRun,
}

/// What the API server has to find for a patch to be carried out: the object that was looked at,
/// and nothing done to it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// `metadata.uid`
    pub uid: &'a str,
    /// `metadata.resourceVersion`
    pub resource_version: &'a str,
}

/// A line in an object's history.
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
    /// What makes the event one: the same key again is the same event.
    pub key: &'a str,
    /// One word.
    pub reason: &'a str,
    /// For people.
    pub note: &'a str,
    /// RFC 3339 with microseconds.
    pub time: &'a str,
}

impl Cluster {
    /// Edits a MachineSet or `ControlPlaneMachineSet`.
    /// `field_manager` is [`APPLY_FIELD_MANAGER`], with what tells one apply from another behind a
    /// slash.
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

    /// Whether a patch that the API server called invalid merely came too late: its tests fail
    /// where somebody has written the object since it was seen, and that is as invalid as an edit
    /// that is never taken.
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
        let dry_run = match mode {
            WriteMode::Real => "",
            WriteMode::DryRun => "&dryRun=All",
        };
        let path = call.resource.path(call.namespace);
        let message = Message {
            method: Method::PATCH,
            uri: format!(
                "{path}/{segment}?fieldManager={}{dry_run}",
                escaped(manager)
            ),
            content_type: "application/json-patch+json",
            body: guarded(seen, edit).to_string().into_bytes(),
            // Its tests would fail; the caller looks before it tries again.
            repeatable: false,
        };
        self.call(call, &message).await
    }

    /// Writes a line into an object's history. Said twice, it stands there once.
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
            "reportingController": "osimage.dev/osimage",
            "reportingInstance": "osimage",
            "regarding": {"apiVersion": event.api_version, "kind": event.kind.name(),
                "namespace": event.namespace, "name": event.name, "uid": event.uid},
        });
        let message = Message {
            method: Method::POST,
            uri: EVENTS.path(event.namespace),
            content_type: "application/json",
            body: object.to_string().into_bytes(),
            // By its name.
            repeatable: true,
        };
        match self.call(&call, &message).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The name by which the cluster knows us.
    pub async fn who_we_are(&self) -> Result<String, ClusterError> {
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
        let message = Message {
            method: Method::POST,
            uri: REVIEWS.path(""),
            content_type: "application/json",
            body: body.to_string().into_bytes(),
            // It creates nothing that stays.
            repeatable: true,
        };
        let answer = self.call(&call, &message).await?;
        let review: Review =
            serde_json::from_str(&answer).map_err(|error| ClusterError::Nonsense {
                server: self.server().to_owned(),
                what: call.to_string(),
                problem: error.to_string(),
            })?;
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
fn guarded(seen: Seen<'_>, edit: &Edit) -> Value {
    let test = |path: &str, value: &str| json!({"op": "test", "path": path, "value": value});
    let mut operations = vec![
        test("/metadata/uid", seen.uid),
        test("/metadata/resourceVersion", seen.resource_version),
    ];
    if let Ok(Value::Array(edits)) = serde_json::to_value(edit) {
        operations.extend(edits);
    }
    Value::Array(operations)
}
