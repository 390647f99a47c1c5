//! A page of a list, and a watch, as the API server sends them.

use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::core::Status;
use openshift_model::RawValue;
use serde::Deserialize;

use super::WatchSpec;
use super::lines::Lines;
use super::object::StoredObject;

/// The largest page: a hundred objects of the largest size that there is.
const MAX_PAGE_BYTES: usize = 256 << 20;
/// The most of an error's body that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// Whole objects.
pub(super) const JSON: &str = "application/json";

/// Why a list or watch did not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WatchError {
    /// The API server no longer knows what has changed since then (HTTP 410).
    #[error("the API server has forgotten what has changed since")]
    Expired,
    /// Nothing came, not even a bookmark.
    #[error("nothing has come for {} s", .0.as_secs())]
    Silent(Duration),
    /// It does not serve the kind.
    #[error("the API server does not serve the kind")]
    NoSuchKind,
    /// We may not.
    #[error("{0}")]
    Forbidden(String),
    /// It has too much to do, and did nothing.
    #[error("the API server is busy: {problem}")]
    Busy {
        /// What it says.
        problem: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Everything else: it cannot be reached, or says something that makes no sense.
    #[error("{0}")]
    Failed(String),
}

/// What a watch tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WatchEvent {
    /// An object was added or changed.
    Put(StoredObject),
    /// An object is gone.
    Removed(StoredObject),
    /// Everything up to this version has arrived.
    Bookmark(String),
    /// Something that has no name, and is left out.
    Unreadable,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) objects: Vec<StoredObject>,
    /// How many had no name.
    pub(super) unreadable: usize,
    /// Of the whole list.
    pub(super) version: String,
    /// Where the next page begins; empty on the last one.
    pub(super) token: String,
}

#[derive(Deserialize)]
struct PageText<'a> {
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    token: String,
}

#[derive(Deserialize)]
struct EventText<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// A running watch.
pub(super) struct Watch {
    body: Body,
    lines: Lines,
    /// How long it may be silent.
    silence: Duration,
}

pub(super) async fn page(
    client: &kube::Client,
    spec: &WatchSpec,
    size: usize,
    token: &str,
    limit: Duration,
) -> Result<Page, WatchError> {
    let uri = spec.list_uri(size, token);
    let body = answer(client, &uri, spec.list_media_type(), limit).await?;
    let nonsense = |error: &dyn std::fmt::Display| WatchError::Failed(format!("no list: {error}"));
    let text = std::str::from_utf8(&body).map_err(|error| nonsense(&error))?;
    let page: PageText<'_> = serde_json::from_str(text).map_err(|error| nonsense(&error))?;
    let items = page.items.unwrap_or_default();
    let count = items.len();
    let objects: Vec<_> = items
        .into_iter()
        .filter_map(|item| StoredObject::read(item.get()))
        .collect();
    Ok(Page {
        unreadable: count - objects.len(),
        objects,
        version: page.metadata.resource_version,
        token: page.metadata.token,
    })
}

/// One object by name, whole; `None` where it is not there.
pub(super) async fn object(
    client: &kube::Client,
    spec: &WatchSpec,
    name: &str,
    limit: Duration,
) -> Result<Option<StoredObject>, WatchError> {
    match answer(client, &spec.object_uri(name), JSON, limit).await {
        Err(WatchError::NoSuchKind) => Ok(None),
        Err(error) => Err(error),
        Ok(body) => {
            let object = std::str::from_utf8(&body).ok().and_then(StoredObject::read);
            let nonsense = || WatchError::Failed("the answer is no object".to_owned());
            object.map(Some).ok_or_else(nonsense)
        }
    }
}

/// A whole answer.
async fn answer(
    client: &kube::Client,
    uri: &str,
    media_type: &str,
    limit: Duration,
) -> Result<bytes::Bytes, WatchError> {
    let read = async {
        let response = send(client, uri, media_type).await?;
        let body = Limited::new(response.into_body(), MAX_PAGE_BYTES);
        let body = body.collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| WatchError::Failed(format!("the answer ends early: {error}")))
    };
    let answered = tokio::time::timeout(limit, read).await;
    answered.unwrap_or(Err(WatchError::Silent(limit)))
}

/// Starts a watch of what has changed since `version`. The server is asked to end it after
/// `lifetime`, so that connections move on when API servers come and go.
pub(super) async fn watch(
    client: &kube::Client,
    spec: &WatchSpec,
    version: &str,
    lifetime: Duration,
    silence: Duration,
) -> Result<Watch, WatchError> {
    let uri = spec.watch_uri(version, lifetime);
    let sent = send(client, &uri, spec.media_type());
    let response = tokio::time::timeout(silence, sent)
        .await
        .map_err(|_| WatchError::Silent(silence))??;
    Ok(Watch {
        body: response.into_body(),
        lines: Lines::default(),
        silence,
    })
}

impl Watch {
    /// The next event; `None` where the server has ended the watch.
    pub(super) async fn next(&mut self) -> Result<Option<WatchEvent>, WatchError> {
        loop {
            while let Some(line) = self.lines.next() {
                if !line.is_empty() {
                    return event(line).map(Some);
                }
            }
            let frame = tokio::time::timeout(self.silence, self.body.frame()).await;
            let frame = frame.map_err(|_| WatchError::Silent(self.silence))?;
            // A connection that is cut in the middle of a watch is as good as one that ends.
            let Some(Ok(frame)) = frame else {
                return Ok(None);
            };
            if let Some(bytes) = frame.data_ref() {
                let pushed = self.lines.push(bytes);
                pushed.map_err(|error| WatchError::Failed(error.to_string()))?;
            }
        }
    }
}

fn event(line: &[u8]) -> Result<WatchEvent, WatchError> {
    let nonsense = |error: &dyn std::fmt::Display| WatchError::Failed(format!("no event: {error}"));
    let line = std::str::from_utf8(line).map_err(|error| nonsense(&error))?;
    let event: EventText<'_> = serde_json::from_str(line).map_err(|error| nonsense(&error))?;
    if event.kind == "ERROR" {
        let status: Option<Status> = serde_json::from_str(event.object.get()).ok();
        let status = status.unwrap_or_default();
        let code = StatusCode::from_u16(status.code).unwrap_or_default();
        return Err(refusal(code, status.message, None));
    }
    if event.kind == "BOOKMARK" {
        // Of a bookmark the version is all there is.
        let metadata = openshift_model::raw_json::member(event.object.get(), "metadata");
        let version = metadata.and_then(|metadata| {
            let version = openshift_model::raw_json::member(metadata, "resourceVersion")?;
            serde_json::from_str(version).ok()
        });
        return Ok(WatchEvent::Bookmark(version.unwrap_or_default()));
    }
    Ok(match StoredObject::read(event.object.get()) {
        None => WatchEvent::Unreadable,
        Some(object) if event.kind == "DELETED" => WatchEvent::Removed(object),
        Some(object) => WatchEvent::Put(object),
    })
}

/// Sends a GET; an answer that is an error is one.
async fn send(
    client: &kube::Client,
    uri: &str,
    media_type: &str,
) -> Result<Response<Body>, WatchError> {
    let failed = |error: &dyn std::fmt::Display| WatchError::Failed(error.to_string());
    let request = Request::get(uri)
        .header(ACCEPT, media_type)
        .body(Body::empty())
        .map_err(|error| failed(&error))?;
    let response = client.send(request).await.map_err(|error| failed(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ERROR_BYTES).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes);
    let status: Option<Status> = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    let message = status.map_or_else(|| parts.status.to_string(), |status| status.message);
    let retry_after = parts.headers.get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    Err(refusal(parts.status, message, retry_after))
}

fn refusal(code: StatusCode, problem: String, retry_after: Option<Duration>) -> WatchError {
    match code {
        StatusCode::GONE => WatchError::Expired,
        StatusCode::NOT_FOUND => WatchError::NoSuchKind,
        StatusCode::FORBIDDEN => WatchError::Forbidden(problem),
        StatusCode::TOO_MANY_REQUESTS => WatchError::Busy {
            problem,
            retry_after,
        },
        code => WatchError::Failed(format!("{problem} (HTTP {})", code.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart() {
        let object = r#"{"metadata":{"name":"a","resourceVersion":"5"}}"#;
        let of = |kind: &str, object: &str| {
            event(format!(r#"{{"type":"{kind}","object":{object}}}"#).as_bytes())
        };
        assert!(matches!(of("ADDED", object), Ok(WatchEvent::Put(_))));
        assert!(matches!(of("MODIFIED", object), Ok(WatchEvent::Put(_))));
        assert!(matches!(of("DELETED", object), Ok(WatchEvent::Removed(_))));
        assert_eq!(
            of("BOOKMARK", object),
            Ok(WatchEvent::Bookmark("5".to_owned()))
        );
        assert_eq!(of("ADDED", "5"), Ok(WatchEvent::Unreadable));
        let gone = r#"{"kind":"Status","code":410,"message":"too old"}"#;
        assert_eq!(of("ERROR", gone), Err(WatchError::Expired));
        assert!(matches!(of("ERROR", "5"), Err(WatchError::Failed(_))));
        assert!(matches!(event(b"half a li"), Err(WatchError::Failed(_))));
    }
}
