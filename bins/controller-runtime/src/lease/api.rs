//! The Lease in the API server: `coordination.k8s.io/v1`.

use std::time::Duration;

use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// One Lease, and how it is asked for.
pub(super) struct LeaseApi {
    pub(super) client: kube::Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What is read of a Lease. What is not known of it survives: it is changed by merge patches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct LeaseObject {
    pub(super) metadata: LeaseMeta,
    #[serde(default)]
    pub(super) spec: LeaseSpec,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaseMeta {
    pub(super) resource_version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LeaseSpec {
    pub(super) holder_identity: Option<String>,
    pub(super) lease_duration_seconds: Option<i64>,
    /// Compared for equality alone: it tells one renewal from another.
    pub(super) renew_time: Option<String>,
    pub(super) acquire_time: Option<String>,
    pub(super) lease_transitions: Option<i64>,
}

/// Why a request about a Lease did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseRequestError {
    #[error("it is not there")]
    NotFound,
    /// Another process was faster.
    #[error("it was changed by somebody else")]
    Conflict,
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0}")]
    Other(Box<kube::Error>),
}

impl LeaseApi {
    pub(super) async fn get(&self, limit: Duration) -> Result<LeaseObject, LeaseRequestError> {
        self.send(Method::GET, self.path(), &Value::Null, limit)
            .await
    }

    pub(super) async fn create(
        &self,
        spec: Value,
        limit: Duration,
    ) -> Result<LeaseObject, LeaseRequestError> {
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace}, "spec": spec});
        self.send(Method::POST, self.collection(), &lease, limit)
            .await
    }

    /// Changes members of the spec, if the Lease is still at `version`: the API server takes a
    /// patch with a `resourceVersion` for that version alone.
    pub(super) async fn patch(
        &self,
        version: &str,
        spec: Value,
        limit: Duration,
    ) -> Result<LeaseObject, LeaseRequestError> {
        let change = json!({"metadata": {"resourceVersion": version}, "spec": spec});
        self.send(Method::PATCH, self.path(), &change, limit).await
    }

    async fn send(
        &self,
        method: Method,
        uri: String,
        body: &Value,
        limit: Duration,
    ) -> Result<LeaseObject, LeaseRequestError> {
        let content = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, content)
            .body(body)
            .map_err(|error| LeaseRequestError::Other(Box::new(kube::Error::HttpError(error))))?;
        let answer = tokio::time::timeout(limit, self.client.request(request)).await;
        match answer {
            Err(_) => Err(LeaseRequestError::Timeout(limit)),
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                Err(LeaseRequestError::NotFound)
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
                Err(LeaseRequestError::Conflict)
            }
            Ok(Err(error)) => Err(LeaseRequestError::Other(Box::new(error))),
        }
    }

    fn collection(&self) -> String {
        format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
            self.namespace
        )
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}
