//! HTTPS to a vCenter and its hosts, with a limit on every wait.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::body::Body;
use super::error::VcenterError;
use super::trust::{Pins, Trust};
use crate::ec2::connector::Connector;

/// A page of a thousand machines takes less than a megabyte.
const MAX_ANSWER: usize = 32 << 20;

/// What calls go through; connections are kept.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpsConnector<Connector>, Body>,
    /// A vCenter tells the thumbprints of its hosts.
    pub(super) pins: Pins,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// Whom is asked what, for messages.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) server: &'a str,
    pub(super) call: &'a str,
}

impl Http {
    pub(super) fn new(trust: &Trust) -> Result<Self, String> {
        let (config, pins) = trust.config().map_err(|error| error.to_string())?;
        let connector = Connector::https_with(config).map_err(|error| error.to_string())?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            pins,
        })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(
        &self,
        asked: Asked<'_>,
        request: Request<Body>,
        time: Duration,
    ) -> Result<Answer, VcenterError> {
        let answer = tokio::time::timeout(time, self.answer(asked, request)).await;
        answer.unwrap_or_else(|_| {
            Err(VcenterError::Late {
                server: asked.server.to_owned(),
                call: asked.call.to_owned(),
                seconds: time.as_secs(),
            })
        })
    }

    async fn answer(
        &self,
        asked: Asked<'_>,
        request: Request<Body>,
    ) -> Result<Answer, VcenterError> {
        let response = self.client.request(request).await;
        let response = response.map_err(|error| {
            // Its own words say only that it is an error of a client.
            asked.unreachable_for(error.source().unwrap_or(&error))
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| asked.unreachable_for(error.as_ref()))?;
        let text = String::from_utf8(body.to_bytes().into());
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            text: text.map_err(|_| asked.unusable("it is no text"))?,
        })
    }
}

impl Asked<'_> {
    pub(super) fn unusable(self, cause: &str) -> VcenterError {
        VcenterError::Unusable {
            server: self.server.to_owned(),
            call: self.call.to_owned(),
            cause: cause.to_owned(),
        }
    }

    pub(super) fn status(self, status: StatusCode) -> VcenterError {
        VcenterError::Status {
            server: self.server.to_owned(),
            call: self.call.to_owned(),
            status: status.as_u16(),
        }
    }

    fn unreachable_for(self, cause: &dyn Error) -> VcenterError {
        VcenterError::Unreachable {
            server: self.server.to_owned(),
            call: self.call.to_owned(),
            cause: chain(cause),
        }
    }
}

/// An error with its sources, each said once.
pub(super) fn chain(error: &dyn Error) -> String {
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
