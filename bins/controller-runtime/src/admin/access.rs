//! Who may read `/metrics`: whom the API server knows (`TokenReview`) and allows
//! (`SubjectAccessReview` of the path).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// How long an answer of the API server holds: somebody who loses the right reads metrics for a
/// minute more, and a scrape costs no requests.
const REMEMBERED: Duration = Duration::from_mins(1);
/// How many answers are remembered: there are a few scrapers, and strangers take no memory.
const MOST_REMEMBERED: usize = 128;
/// How long the API server may take; a scrape gives up after ten seconds by default.
const LIMIT: Duration = Duration::from_secs(8);

/// Asks the API server, and remembers its answers.
pub(super) struct Access {
    client: kube::Client,
    /// By the digest of the token: the token itself is not kept.
    answers: Mutex<HashMap<[u8; 32], (StatusCode, Instant)>>,
}

#[derive(Deserialize)]
struct TokenReview {
    status: TokenReviewStatus,
}

#[derive(Deserialize)]
struct TokenReviewStatus {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    user: User,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    groups: Vec<String>,
    extra: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct AccessReview {
    status: AccessReviewStatus,
}

#[derive(Deserialize)]
struct AccessReviewStatus {
    #[serde(default)]
    allowed: bool,
}

impl Access {
    pub(super) fn new(client: kube::Client) -> Self {
        Self {
            client,
            answers: Mutex::default(),
        }
    }

    /// 200 where the caller with this `Authorization` may read `/metrics`; else what to answer.
    pub(super) async fn check(&self, authorization: &str) -> StatusCode {
        let Some(token) = bearer(authorization) else {
            return StatusCode::UNAUTHORIZED;
        };
        let key: [u8; 32] = Sha256::digest(token).into();
        if let Some(status) = self.remembered(&key) {
            return status;
        }
        match tokio::time::timeout(LIMIT, self.ask(token)).await {
            Ok(Ok(status)) => {
                self.remember(key, status);
                status
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "caller of /metrics not checked");
                StatusCode::SERVICE_UNAVAILABLE
            }
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    async fn ask(&self, token: &str) -> Result<StatusCode, kube::Error> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": token}});
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        let review: TokenReview = self.post(path, &review).await?;
        if !review.status.authenticated {
            return Ok(StatusCode::UNAUTHORIZED);
        }
        let User {
            username,
            uid,
            groups,
            extra,
        } = review.status.user;
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": username, "uid": uid, "groups": groups, "extra": extra,
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"}}});
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let review: AccessReview = self.post(path, &review).await?;
        Ok(if review.status.allowed {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        })
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, kube::Error> {
        let request = Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<StatusCode> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, until) = answers.get(key)?;
        (*until > Instant::now()).then_some(*status)
    }

    fn remember(&self, key: [u8; 32], status: StatusCode) {
        let now = Instant::now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_REMEMBERED {
            answers.retain(|_, (status, until)| *until > now && status.is_success());
        }
        if answers.len() < MOST_REMEMBERED {
            answers.insert(key, (status, now + REMEMBERED));
        }
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_counts() {
        for (authorization, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer ", None),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(bearer(authorization), expected, "{authorization}");
        }
    }
}
