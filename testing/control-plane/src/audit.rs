//! The audit log of the API server: which calls it answered.

use serde::Deserialize;

/// One call, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// Plural, with the group where there is one, and the subresource behind a slash:
    /// `machinesets.machine.openshift.io`, `machineconfigurations.operator.openshift.io/status`.
    pub resource: String,
    /// Empty for what is cluster-scoped.
    pub namespace: String,
    /// Empty for a list.
    pub name: String,
    /// The user who called.
    pub user: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The HTTP status.
    pub code: u16,
    /// Path and query of the request.
    pub uri: String,
}

impl AuditEvent {
    /// Whether the call writes an object that is stored (a review is not).
    pub fn is_write(&self) -> bool {
        let reads = ["get", "list", "watch"];
        !reads.contains(&self.verb.as_str())
            && !self.uri.contains("dryRun=All")
            && !self.resource.starts_with("selfsubject")
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let Line {
            verb,
            user,
            user_agent,
            object_ref,
            response_status,
            request_uri,
        } = serde_json::from_str(line).ok()?;
        let object = object_ref.unwrap_or_default();
        let mut resource = object.resource;
        if !object.api_group.is_empty() {
            resource = format!("{resource}.{}", object.api_group);
        }
        if !object.subresource.is_empty() {
            resource = format!("{resource}/{}", object.subresource);
        }
        Some(Self {
            verb,
            resource,
            namespace: object.namespace,
            name: object.name,
            user: user.username,
            user_agent,
            code: response_status.unwrap_or_default().code,
            uri: request_uri,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<ObjectReference>,
    response_status: Option<ResponseStatus>,
    #[serde(rename = "requestURI")]
    request_uri: String,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectReference {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    subresource: String,
}

#[derive(Deserialize, Default)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}
