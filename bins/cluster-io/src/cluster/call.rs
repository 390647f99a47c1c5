//! One call of the API, bounded in time and in number.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;

use super::ClusterError;
use super::error::Call;
use crate::backoff::doubled;

/// How long one answer may take, its body included. A page of a list is about a megabyte.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a call is made at most. With the waits between them that is a quarter of a minute.
const ATTEMPTS: u32 = 4;
/// The wait before the second call; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest that a server may make us wait: longer than that is for the user to decide.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The largest answer: a hundred times a page of large objects.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A cluster that can be asked.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    server: String,
    guard: Option<Arc<dyn WriteGuard>>,
}

/// Says whether this process may write now, and for how long.
pub trait WriteGuard: Send + Sync {
    /// For how long; where it may not, why, for people.
    fn remaining(&self) -> Result<Duration, String>;

    /// A request was carried out, or was not: its verb, and its resource as `oc` takes it.
    fn done(&self, verb: &str, resource: &str, succeeded: bool);
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// A request, and whether it may be sent again.
pub(super) struct Message {
    pub(super) request: Request<Vec<u8>>,
    /// Whether sending it twice has no other effect than sending it once.
    pub(super) repeatable: bool,
}

impl Message {
    /// A request that may be sent twice.
    pub(super) fn repeatable(request: Request<Vec<u8>>) -> Self {
        Self {
            request,
            repeatable: true,
        }
    }
}

/// An attempt that failed.
struct Failure {
    error: ClusterError,
    /// What the server asks us to wait.
    retry_after: Option<Duration>,
    /// The server said that it did not carry the request out.
    refused: bool,
}

impl Cluster {
    /// A cluster behind a client. `server` is what messages call it, usually the URL of its API
    /// server.
    pub fn new(client: kube::Client, server: String) -> Self {
        Self {
            client,
            server,
            guard: None,
        }
    }

    /// The same cluster for whoever may write only while a guard says so. It is asked before each
    /// request that is no read, and before each step of one that is under way, which then takes no
    /// longer than it says.
    #[must_use]
    pub fn guarded(mut self, guard: Arc<dyn WriteGuard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Tells the guard what became of a write.
    pub(super) fn done(&self, verb: &str, resource: &str, succeeded: bool) {
        if let Some(guard) = &self.guard {
            guard.done(verb, resource, succeeded);
        }
    }

    /// What asks it.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The URL of its API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Makes a call whose answer is text, as [`Cluster::call_for_bytes`] does.
    pub(super) async fn call(
        &self,
        what: &Call<'_>,
        message: &Message,
    ) -> Result<String, ClusterError> {
        let answer = self.call_for_bytes(what, message).await?;
        String::from_utf8(answer.into()).map_err(|_| self.not_an_api_server(what, &"not UTF-8"))
    }

    /// Makes a call, again where that is safe: a repeatable one always is; another one only where
    /// the server says that it did nothing (HTTP 429).
    pub(super) async fn call_for_bytes(
        &self,
        what: &Call<'_>,
        message: &Message,
    ) -> Result<Bytes, ClusterError> {
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(what, message).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            // A call that timed out has taken long enough already.
            let silent = matches!(failure.error, ClusterError::Timeout { .. });
            let again =
                failure.error.is_transient() && !silent && (failure.refused || message.repeatable);
            if !again || attempt == ATTEMPTS {
                return Err(failure.error);
            }
            let asked = failure
                .retry_after
                .unwrap_or_else(|| doubled(FIRST_WAIT, attempt));
            if asked > LONGEST_WAIT {
                return Err(failure.error);
            }
            tokio::time::sleep(asked).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, what: &Call<'_>, message: &Message) -> Result<Bytes, Failure> {
        let is_read = message.request.method() == http::Method::GET;
        let guard = self.guard.as_deref().filter(|_| !is_read);
        let limit = guard.map_or(Ok(CALL_TIMEOUT), |guard| {
            let left = guard.remaining().map_err(Failure::of_guard)?;
            Ok(left.min(CALL_TIMEOUT))
        })?;
        let exchange = while_allowed(guard, self.exchange(what, message));
        let answered = tokio::time::timeout(limit, exchange).await;
        answered.unwrap_or_else(|_| {
            Err(Failure::of(ClusterError::Timeout {
                server: self.server.clone(),
                what: what.to_string(),
                seconds: limit.as_secs(),
            }))
        })
    }

    async fn exchange(&self, what: &Call<'_>, message: &Message) -> Result<Bytes, Failure> {
        let (parts, body) = message.request.clone().into_parts();
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.client.send(request).await;
        let response =
            response.map_err(|error| Failure::of(ClusterError::of_client(&self.server, &error)))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| Failure::of(self.unread(what, error.as_ref())))?;
        let body = body.to_bytes();
        if parts.status.is_success() {
            return Ok(body);
        }
        Err(Failure {
            error: ClusterError::of_answer(&self.server, what, parts.status, &body),
            retry_after: retry_after(&parts.headers),
            refused: parts.status == http::StatusCode::TOO_MANY_REQUESTS,
        })
    }

    /// Why a body could not be read.
    pub(super) fn unread(
        &self,
        what: &Call<'_>,
        error: &(dyn std::error::Error + 'static),
    ) -> ClusterError {
        let server = self.server.clone();
        let what = what.to_string();
        if error.is::<LengthLimitError>() {
            let mebibytes = MAX_ANSWER_BYTES >> 20;
            return ClusterError::TooLarge {
                server,
                what,
                mebibytes,
            };
        }
        ClusterError::Unreachable {
            server,
            problem: format!("the answer to `{what}` ends early: {error}"),
        }
    }

    /// An answer that no API server gives.
    pub(super) fn not_an_api_server(
        &self,
        what: &Call<'_>,
        problem: &impl ToString,
    ) -> ClusterError {
        ClusterError::NotAnApiServer {
            server: self.server.clone(),
            what: what.to_string(),
            problem: problem.to_string(),
        }
    }
}

/// Goes on with work as long as a guard allows it. The guard is asked each time, not a timer: a
/// process that was stopped (SIGSTOP) finds out before it does anything more.
async fn while_allowed<T>(
    guard: Option<&dyn WriteGuard>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|context| match guard.map(WriteGuard::remaining) {
        Some(Err(reason)) => Poll::Ready(Err(Failure::of_guard(reason))),
        _ => work.as_mut().poll(context),
    })
    .await
}

impl Failure {
    fn of_guard(reason: String) -> Self {
        Self::of(ClusterError::MayNotWrite { reason })
    }

    fn of(error: ClusterError) -> Self {
        Self {
            error,
            retry_after: None,
            refused: false,
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
