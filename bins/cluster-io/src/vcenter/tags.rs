//! Tags, over REST (BI-330, BI-337): SOAP does not know them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::body::Body;
use super::error::VcenterError;
use super::http::Answer;
use super::session::{Reference, Session};

const SESSION: &str = "/rest/com/vmware/cis/session";
const TAG: &str = "/rest/com/vmware/cis/tagging/tag";
const ASSOCIATION: &str = "/rest/com/vmware/cis/tagging/tag-association";
const SESSION_HEADER: &str = "vmware-api-session-id";

/// What a tag that is named by id begins with.
const ID_PREFIX: &str = "urn:";

/// What ids hold stays as it is, the colons of URNs included.
const NOT_OF_IDS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// A REST session beside a SOAP session.
pub(super) struct Tags<'s> {
    session: &'s Session,
    token: HeaderValue,
}

impl<'s> Tags<'s> {
    pub(super) async fn open(session: &'s Session) -> Result<Self, VcenterError> {
        let login = &session.login;
        let pair = STANDARD.encode(format!("{}:{}", login.user, login.password));
        let asked = session.asked("session of tags");
        let mut basic = HeaderValue::from_str(&format!("Basic {pair}"))
            .map_err(|error| asked.unusable(&error.to_string()))?;
        basic.set_sensitive(true);
        let header = (AUTHORIZATION.as_str(), &basic);
        let answer = send(session, Method::POST, SESSION, header, None).await?;
        if answer.status != StatusCode::OK {
            return Err(asked.status(answer.status));
        }
        let value = value(&answer.text).and_then(|value| value.as_str().map(str::to_owned));
        let token = value.and_then(|token| HeaderValue::from_str(&token).ok());
        let mut token = token.ok_or_else(|| asked.unusable("it gives no session"))?;
        token.set_sensitive(true);
        Ok(Self { session, token })
    }

    pub(super) async fn close(self) {
        self.call(Method::DELETE, SESSION, None).await.ok();
    }

    /// The id of a tag, which may be given by name; `None` where there is none of the name.
    pub(super) async fn id(&self, tag: &str) -> Result<Option<String>, VcenterError> {
        if tag.starts_with(ID_PREFIX) {
            return Ok(Some(tag.to_owned()));
        }
        let ids = self.call(Method::GET, TAG, None).await?;
        for id in ids
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let path = format!("{TAG}/id:{}", segment(id));
            let found = self.call(Method::GET, &path, None).await?;
            if found.get("name").and_then(Value::as_str) == Some(tag) {
                return Ok(Some(id.to_owned()));
            }
        }
        Ok(None)
    }

    /// Attaches a tag; attached already is fine.
    pub(super) async fn attach(&self, id: &str, object: &Reference) -> Result<(), VcenterError> {
        let path = format!("{ASSOCIATION}/id:{}?~action=attach", segment(id));
        let body = json!({"object_id": {"type": object.kind, "id": object.id}});
        self.call(Method::POST, &path, Some(body)).await.map(drop)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, VcenterError> {
        let asked = self.session.asked(path);
        let header = (SESSION_HEADER, &self.token);
        let answer = send(self.session, method, path, header, body).await?;
        match answer.status {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(value(&answer.text).unwrap_or_default()),
            status => Err(asked.status(status)),
        }
    }
}

/// An id as a part of a path: a provider spec may hold anything.
fn segment(id: &str) -> impl std::fmt::Display {
    utf8_percent_encode(id, NOT_OF_IDS)
}

/// What is inside `{"value": …}`.
fn value(text: &str) -> Option<Value> {
    let mut answer: Value = serde_json::from_str(text).ok()?;
    answer.get_mut("value").map(Value::take)
}

async fn send(
    session: &Session,
    method: Method,
    path: &str,
    (name, secret): (&str, &HeaderValue),
    body: Option<Value>,
) -> Result<Answer, VcenterError> {
    let asked = session.asked(path);
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(format!("https://{}{path}", session.server))
        .header(CONTENT_TYPE, "application/json")
        .header("vmware-use-header-authn", "true")
        .header(name, secret)
        .body(Body::from(body))
        .map_err(|error| asked.unusable(&error.to_string()))?;
    session
        .http
        .send(asked, request, session.limits.answer)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_part_of_a_path() {
        let id = "urn:vmomi:InventoryServiceTag:5736bf80-0c7d:GLOBAL";
        assert_eq!(segment(id).to_string(), id);
        assert_eq!(
            segment("urn:/../x?~action=a#ä b").to_string(),
            "urn:%2F..%2Fx%3F~action%3Da%23%C3%A4%20b"
        );
    }
}
