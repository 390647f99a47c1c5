//! Carries out requests that change something.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{Method, Request};
use openshift_model::{
    Address, Edit, Guard, ObjectMeta, PatchBody, PatchRequest, RawObject, Subresource, Write,
};

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError, path};

/// Field manager of edits of a boot image in a MachineSet or `ControlPlaneMachineSet`.
pub const APPLY_FIELD_MANAGER: &str = "osimage-apply";
/// Field manager of conversions of the stub of a Secret.
pub const USER_DATA_FIELD_MANAGER: &str = "osimage-user-data";
/// Field manager of changes of which sets are managed.
pub const MODE_FIELD_MANAGER: &str = "osimage-set-mode";

/// Field manager of MachineConfigs that give a layered image to a pool.
pub const LAYER_FIELD_MANAGER: &str = "osimage-layer";

const JSON: &str = "application/json";

/// Whether the API server keeps what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// It is kept.
    Real,
    /// A dry run: the API server checks the write, admission included, and keeps nothing.
    DryRun,
}

/// An edit of the object that was looked at: the API server refuses it where the object was deleted,
/// made again, or written by somebody else since.
pub fn guarded_edit(
    address: Address,
    meta: &ObjectMeta<'_>,
    edit: &Edit,
    field_manager: impl Into<Cow<'static, str>>,
) -> PatchRequest {
    let text = |text: &Option<openshift_model::Text<'_>>| {
        Some(text.as_deref().unwrap_or_default().to_owned())
    };
    PatchRequest {
        address,
        subresource: None,
        body: PatchBody::Json(edit.clone()),
        guard: Guard {
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
        },
        field_manager: field_manager.into(),
    }
}

impl Cluster {
    /// Carries out a request. The answer of the API server: the object as it is now, of a deletion
    /// what became of it.
    ///
    /// An Event that is there already is left as it is, and the answer is empty then.
    pub async fn execute(&self, write: &Write, mode: WriteMode) -> Result<String, ClusterError> {
        // An Event is no object of its own to whoever asks for it.
        let address = match write {
            Write::Event(event) => Cow::Owned(event.address()),
            _ => Cow::Borrowed(write.address()),
        };
        let call = Call {
            verb: write.verb(),
            resource: address.resource,
            namespace: &address.namespace,
            name: &address.name,
        };
        let request = request(&call, write, mode)?;
        let message = Message {
            request,
            // An Event with this name exists once only. After everything else whoever asks has to
            // look what became of it before trying again: a second patch fails its tests.
            repeatable: matches!(write, Write::Event(_)),
        };
        let answer = match (self.call(&call, &message).await, write) {
            (Err(ClusterError::AlreadyExists(_)), Write::Event(_)) => Ok(String::new()),
            (answer, _) => answer,
        };
        if mode == WriteMode::Real {
            let mut resource = call.resource.full_name();
            if let Write::Patch(PatchRequest {
                subresource: Some(part),
                ..
            }) = write
            {
                resource = format!("{resource}/{}", part.name());
            }
            self.done(call.verb, &resource, answer.is_ok());
        }
        answer
    }

    /// Whether somebody has written an object since a request for it was made. The API server calls
    /// a patch whose tests fail as invalid as one that it would never accept: this tells which it
    /// was.
    pub async fn was_overtaken(&self, request: &PatchRequest) -> Result<bool, ClusterError> {
        let Address {
            resource,
            namespace,
            name,
        } = &request.address;
        let Some(kind) = openshift_model::Kind::of(&resource.api_version(), resource.kind) else {
            return Ok(false);
        };
        let json = self.object(kind, namespace, name).await?;
        let object = json
            .as_deref()
            .and_then(|json| RawObject::parse(json).ok().flatten());
        let meta = object
            .and_then(|object| object.meta().ok())
            .unwrap_or_default();
        Ok(meta.resource_version.as_deref() != request.guard.resource_version.as_deref())
    }
}

fn request(
    call: &Call<'_>,
    write: &Write,
    mode: WriteMode,
) -> Result<Request<Vec<u8>>, ClusterError> {
    let collection = path::collection(&call.resource, call.namespace);
    let object = || match path::segment(call.name) {
        Some(segment) => Ok(format!("{collection}/{segment}")),
        None => Err(ClusterError::NotFound(call.name.to_owned())),
    };
    let (method, path, content_type, body) = match write {
        Write::Create(request) => (Method::POST, collection, JSON, request.object.clone()),
        Write::Event(request) => (Method::POST, collection, JSON, request.document()),
        Write::Delete(request) => (Method::DELETE, object()?, JSON, request.document()),
        Write::Patch(request) => {
            let part = request.subresource.map(Subresource::name);
            let path = object()? + &part.map(|part| format!("/{part}")).unwrap_or_default();
            let content_type = request.content_type();
            (Method::PATCH, path, content_type, request.document())
        }
    };
    let mut uri = path + "?";
    let query = uri.len();
    let mut uri = form_urlencoded::Serializer::for_suffix(std::mem::take(&mut uri), query);
    for (name, value) in parameters(write, mode) {
        uri.append_pair(name, value);
    }
    let uri = uri.finish();
    let request = Request::builder()
        .method(method)
        .uri(uri.trim_end_matches('?'))
        .header(CONTENT_TYPE, content_type)
        .body(encoded(&body).into_bytes());
    call.request(request.map_err(kube::core::request::Error::BuildRequest))
}

/// JSON as the API server itself writes it: when it carries out a `test` of a JSON Patch it compares
/// texts, and it escapes these characters in its own.
fn encoded(body: &serde_json::Value) -> String {
    let mut text = String::new();
    // In JSON these characters are inside strings only, so that each may be escaped wherever it is.
    for character in body.to_string().chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

fn parameters(write: &Write, mode: WriteMode) -> Vec<(&'static str, &str)> {
    let mut parameters = Vec::new();
    let manager = match write {
        Write::Create(request) => Some(&request.field_manager),
        Write::Patch(request) => Some(&request.field_manager),
        Write::Delete(_) | Write::Event(_) => None,
    };
    parameters.extend(manager.map(|manager| ("fieldManager", manager.as_ref())));
    if let Write::Patch(PatchRequest {
        body: PatchBody::Apply { force: true, .. },
        ..
    }) = write
    {
        parameters.push(("force", "true"));
    }
    if mode == WriteMode::DryRun {
        parameters.push(("dryRun", "All"));
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_347_what_is_tested_is_written_as_the_api_server_writes_it() {
        let body = serde_json::json!({"value": "a <b> && \u{2028}\u{2029} \"ö\""});
        let text = encoded(&body);
        assert_eq!(
            text,
            r#"{"value":"a \u003cb\u003e \u0026\u0026 \u2028\u2029 \"ö\""}"#
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).ok(),
            Some(body)
        );
    }
}
