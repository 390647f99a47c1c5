//! Who we are to the API server.

use kube::api::PostParams;
use openshift_model::{Resource, Scope};
use serde::Deserialize;
use serde_json::json;

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError, path};

const REVIEWS: Resource = Resource {
    kind: "SelfSubjectReview",
    group: "authentication.k8s.io",
    version: "v1",
    plural: "selfsubjectreviews",
    scope: Scope::Cluster,
};

#[derive(Deserialize)]
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

impl Cluster {
    /// The user name that the API server has authenticated us as.
    pub async fn user_name(&self) -> Result<String, ClusterError> {
        let call = Call {
            verb: "create",
            resource: REVIEWS,
            namespace: "",
            name: "",
        };
        let body = json!({"apiVersion": REVIEWS.api_version(), "kind": REVIEWS.kind});
        let path = kube::core::Request::new(path::collection(&REVIEWS, ""));
        let body = body.to_string().into_bytes();
        let request = call.request(path.create(&PostParams::default(), body))?;
        // A review is answered and not stored.
        let answer = self.call(&call, &Message::repeatable(request)).await?;
        let review: Review =
            serde_json::from_str(&answer).map_err(|error| self.not_an_api_server(&call, &error))?;
        Ok(review.status.user_info.username)
    }
}
