//! One call: made again while the service is busy, within a time, with an answer of bounded size.

use std::error::Error;
use std::time::{Duration, Instant};

use http::header::{HeaderMap, RETRY_AFTER};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::answer::{Meaning, ReadError, Refusal, is_busy};
use super::connector::Connector;
use crate::backoff::{doubled, jittered};

/// A page of a thousand images takes some three megabytes.
const MAX_ANSWER: usize = 16 << 20;

/// Nobody waits longer, whatever the limits; times of this size can be added.
const DAY: Duration = Duration::from_hours(24);

/// How long is waited for a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one answer.
    pub answer: Duration,
    /// For all answers about a region, pauses included.
    pub region: Duration,
    /// How often the same is asked, where the service is busy or does not answer.
    pub attempts: u32,
    /// Between the first two attempts, at most; later ones double.
    pub pause: Duration,
}

impl Default for Limits {
    /// A plan waits for a minute at most; EC2 answers within seconds when it is well. With pauses
    /// that double five attempts outlast the refill of a throttled account, some seconds.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(15),
            region: Duration::from_mins(1),
            attempts: 5,
            pause: Duration::from_millis(400),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The service's own words.
    #[error("{refusal}")]
    Refused {
        refusal: Refusal,
        /// When it may be asked again.
        after: Option<Duration>,
    },
    /// What answers is not the service, or only what stands before it.
    #[error("{endpoint} answers {status}")]
    Status {
        endpoint: String,
        status: StatusCode,
        after: Option<Duration>,
    },
    #[error("{endpoint} cannot be reached: {cause}")]
    Unreachable {
        endpoint: String,
        cause: String,
        /// Whether there was a connection, which was cut.
        connected: bool,
    },
    #[error("{endpoint} does not answer within {:.1} s", .time.as_secs_f32())]
    Late { endpoint: String, time: Duration },
    #[error("the answer of {endpoint} cannot be used: {cause}")]
    Unusable { endpoint: String, cause: String },
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(String),
}

impl CallError {
    /// How often to ask in all: who cannot be connected to is hardly back in a second.
    fn attempts(&self, limits: &Limits) -> u32 {
        match self {
            Self::Refused { refusal, .. } if refusal.meaning() == Meaning::Busy => limits.attempts,
            Self::Status { status, .. } if is_busy(*status) => limits.attempts,
            Self::Unreachable {
                connected: true, ..
            }
            | Self::Late { .. } => limits.attempts,
            Self::Unreachable {
                connected: false, ..
            } => limits.attempts.min(2),
            Self::Refused { .. }
            | Self::Status { .. }
            | Self::Unusable { .. }
            | Self::NotSent(_) => 1,
        }
    }

    fn after(&self) -> Option<Duration> {
        match self {
            Self::Refused { after, .. } | Self::Status { after, .. } => *after,
            _ => None,
        }
    }
}

/// Where a call goes.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) endpoint: &'a Uri,
    /// When no attempt is made any more.
    pub(super) deadline: Instant,
    /// What requests hold and words must not.
    pub(super) secret: Option<&'a str>,
}

/// What calls go through; connections are shared.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    client: Client<HttpsConnector<Connector>, String>,
    limits: Limits,
}

impl Caller {
    /// In words where there is no TLS.
    pub(super) fn new(limits: Limits) -> Result<Self, String> {
        let connector = Connector::https();
        let connector = connector.map_err(|error| format!("there is no TLS: {error}"))?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            limits,
        })
    }

    /// When a region that is begun now has had its time.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.limits.region.min(DAY)
    }

    /// Calls until there is an answer that `read` takes. Each attempt has a request of its own:
    /// signatures hold the time.
    pub(super) async fn call<T>(
        &self,
        target: Target<'_>,
        request: impl Fn() -> Result<Request<String>, String>,
        read: impl Fn(&str) -> Result<T, ReadError>,
    ) -> Result<T, CallError> {
        let mut attempt = 1;
        loop {
            let request = request().map_err(CallError::NotSent)?;
            let error = match self.attempt(target, request).await {
                Ok(answer) => {
                    return read(&answer)
                        .map_err(|error| unusable(target.endpoint, &error.to_string()));
                }
                Err(error) => error,
            };
            let pause = jittered(doubled(self.limits.pause, attempt))
                .max(error.after().unwrap_or_default());
            let left = target.deadline.saturating_duration_since(Instant::now());
            if attempt >= error.attempts(&self.limits) || pause >= left {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        target: Target<'_>,
        request: Request<String>,
    ) -> Result<String, CallError> {
        let left = target.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let region = self.limits.region.as_secs_f32();
            let words = format!("{} is not asked: {region:.1} s are over", target.endpoint);
            return Err(CallError::NotSent(words));
        }
        let time = self.limits.answer.min(left);
        let answer = tokio::time::timeout(time, self.send(target, request)).await;
        answer.unwrap_or_else(|_| {
            let endpoint = target.endpoint.to_string();
            Err(CallError::Late { endpoint, time })
        })
    }

    async fn send(
        &self,
        target: Target<'_>,
        request: Request<String>,
    ) -> Result<String, CallError> {
        let endpoint = target.endpoint;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| {
            // Its own words say only that it is an error of a client.
            let cause = error.source().unwrap_or(&error);
            unreachable_for(endpoint, cause, !error.is_connect())
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let words = format!("it is longer than {} MiB", MAX_ANSWER >> 20);
                return unusable(endpoint, &words);
            }
            unreachable_for(endpoint, error.as_ref(), true)
        })?;
        let body = String::from_utf8(body.to_bytes().into());
        if head.status == StatusCode::OK {
            return body.map_err(|_| unusable(endpoint, "it is no text"));
        }
        let after = retry_after(&head.headers);
        let refusal = Refusal::read(head.status, &body.unwrap_or_default(), target.secret);
        Err(match refusal {
            Some(refusal) => CallError::Refused { refusal, after },
            None => CallError::Status {
                endpoint: endpoint.to_string(),
                status: head.status,
                after,
            },
        })
    }
}

/// In seconds; a date is too rare to be read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

fn unusable(endpoint: &Uri, cause: &str) -> CallError {
    CallError::Unusable {
        endpoint: endpoint.to_string(),
        cause: cause.to_owned(),
    }
}

fn unreachable_for(endpoint: &Uri, cause: &dyn Error, connected: bool) -> CallError {
    CallError::Unreachable {
        endpoint: endpoint.to_string(),
        cause: chain(cause),
        connected,
    }
}

/// An error with its sources, each said once.
fn chain(error: &dyn Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !out.contains(&words) {
            out = format!("{out}: {words}");
        }
        next = source.source();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::io;

    #[test]
    fn endless_limits_do_not_overflow() {
        let endless = Limits {
            answer: Duration::MAX,
            region: Duration::MAX,
            attempts: u32::MAX,
            pause: Duration::MAX,
        };
        let caller = Caller::new(endless).unwrap();
        assert!(caller.deadline() > Instant::now());
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let check = |value: &str, expected: Option<u64>| {
            let value = HeaderValue::from_str(value).unwrap();
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs));
        };
        check("3", Some(3));
        check(" 0 ", Some(0));
        check("-1", None);
        check("Wed, 21 Oct 2026 07:28:00 GMT", None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn a_chain_of_errors_repeats_nothing() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: inner")]
        struct Outer(#[source] io::Error);
        assert_eq!(chain(&Outer(io::Error::other("inner"))), "outer: inner");
        assert_eq!(
            chain(&Outer(io::Error::other("cause"))),
            "outer: inner: cause"
        );
    }
}
