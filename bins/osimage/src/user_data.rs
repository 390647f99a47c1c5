//! A stub in a file: by itself, or as the user data of a Secret.

use std::path::Path;

use bootimage_plan::user_data_edit;
use cluster_io::{files, yaml};
use openshift_model::{RawObject, decode_secret_value};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::cli::DocumentFormat;
use crate::error::CommandError;

/// The key of a Secret that holds its stub (BI-009).
const USER_DATA: &str = "userData";

/// A file that was read.
pub(crate) struct UserData {
    /// The file, for messages.
    pub(crate) path: String,
    /// What it held, byte for byte.
    pub(crate) bytes: Vec<u8>,
    pub(crate) content: Content,
}

/// What a file holds.
pub(crate) enum Content {
    /// Anything that is no Kubernetes object is taken for a stub.
    Stub,
    Secret(Secret),
}

/// A Secret with user data.
pub(crate) struct Secret {
    pub(crate) name: String,
    /// The stub; empty where there is none (BI-352).
    pub(crate) stub: Vec<u8>,
    pub(crate) format: DocumentFormat,
    object: Map<String, Value>,
}

impl UserData {
    /// Reads a file; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let bytes = files::read_bytes(path).map_err(CommandError::Unreadable)?;
        let path = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => path.display().to_string(),
        };
        match content(&bytes) {
            Ok(content) => Ok(Self {
                path,
                bytes,
                content,
            }),
            Err(problem) => Err(CommandError::NoStub { path, problem }),
        }
    }
}

fn content(bytes: &[u8]) -> Result<Content, String> {
    let Some((object, format)) = object(bytes) else {
        return Ok(Content::Stub);
    };
    match object.get("kind").and_then(Value::as_str) {
        Some("Secret") => Secret::of(object, format).map(Content::Secret),
        Some(kind) => Err(format!("a {kind}: name a stub, or one Secret")),
        None => Ok(Content::Stub),
    }
}

/// The Kubernetes object that a text is; `None` for everything else.
fn object(bytes: &[u8]) -> Option<(Map<String, Value>, DocumentFormat)> {
    /// A look at a JSON document that may be large and deep.
    #[derive(Deserialize)]
    struct Json {
        kind: Option<IgnoredAny>,
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (value, format) = match serde_json::from_str::<Json>(text) {
        Ok(Json { kind: None }) => return None,
        Ok(_) => (serde_json::from_str(text).ok()?, DocumentFormat::Json),
        Err(_) => (yaml::from_str(text).ok()?, DocumentFormat::Yaml),
    };
    match value {
        Value::Object(object) => Some((object, format)),
        _ => None,
    }
}

impl Secret {
    fn of(object: Map<String, Value>, format: DocumentFormat) -> Result<Self, String> {
        let member = |pointer: [&str; 2]| object.get(pointer[0])?.get(pointer[1]);
        let name = member(["metadata", "name"]).and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        // `stringData` is as it is, and an API server prefers it to `data` in base64 (BI-351).
        let stub = match member(["stringData", USER_DATA]) {
            Some(text) => {
                let text = text.as_str().ok_or("stringData.userData: is no string")?;
                text.as_bytes().to_vec()
            }
            None => decoded(member(["data", USER_DATA]))?,
        };
        Ok(Self {
            name,
            stub,
            format,
            object,
        })
    }

    /// The Secret with another stub and these annotations.
    pub(crate) fn with(
        self,
        stub: &str,
        annotations: &[(&'static str, String)],
    ) -> Result<Value, String> {
        let mut secret = Value::Object(self.object);
        let text = secret.to_string();
        let members = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        // A file may leave `apiVersion` out.
        let object = RawObject::with_type(members, "v1", "Secret").ok_or("it is no Secret")?;
        let edit = user_data_edit(&object, stub, annotations)?;
        edit.apply(&mut secret).map_err(|error| error.to_string())?;
        Ok(secret)
    }
}

/// The user data of `data`, which the API server holds in base64.
fn decoded(data: Option<&Value>) -> Result<Vec<u8>, String> {
    let Some(data) = data.filter(|data| !data.is_null()) else {
        return Ok(Vec::new());
    };
    let text = data.as_str().ok_or("data.userData: is no string")?;
    decode_secret_value(USER_DATA, text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, stub: &[u8]) -> Secret {
        let Ok(Content::Secret(secret)) = content(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(
            (secret.name.as_str(), secret.stub.as_slice()),
            (name, stub),
            "{text}"
        );
        secret
    }

    #[test]
    fn a_secret_has_its_stub_in_data_or_in_string_data() {
        check(
            r#"{"kind":"Secret","metadata":{"name":"s"},"data":{"userData":"e30="}}"#,
            "s",
            b"{}",
        );
        check(
            "kind: Secret\nmetadata: {name: s}\ndata:\n  userData: |\n    e3\n    0=\n",
            "s",
            b"{}",
        );
        check(
            "kind: Secret\nstringData: {userData: '{}'}\ndata: {userData: '?'}",
            "",
            b"{}",
        );
        check("kind: Secret\nmetadata:\ndata:", "", b"");
    }

    #[test]
    fn what_is_no_object_is_taken_for_a_stub() {
        for text in [
            "{}",
            "[]",
            "",
            "hello",
            "a: b",
            "{\"ignition\":{}}",
            "\"x\"",
        ] {
            assert!(
                matches!(content(text.as_bytes()), Ok(Content::Stub)),
                "{text}"
            );
        }
        assert!(matches!(content(b"\xff"), Ok(Content::Stub)));
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(matches!(content(deep.as_bytes()), Ok(Content::Stub)));
    }

    #[test]
    fn other_objects_are_refused() {
        let refused = |text: &str| content(text.as_bytes()).err().unwrap_or_default();
        assert_eq!(refused("kind: List"), "a List: name a stub, or one Secret");
        assert_eq!(
            refused(r#"{"kind":"MachineConfig"}"#),
            "a MachineConfig: name a stub, or one Secret"
        );
        assert!(refused("kind: Secret\ndata: {userData: '?'}").contains("is not base64"));
        assert!(refused("kind: Secret\ndata: {userData: 5}").contains("is no string"));
    }

    #[test]
    fn bi_353_all_else_stays() {
        let text = r#"{"kind":"Secret","type":"Opaque","data":{"disableTemplating":"dHJ1ZQ==","userData":"e30="},
            "metadata":{"name":"s","labels":null,"annotations":{"a":"b"}}}"#;
        let secret = check(text, "s", b"{}");
        let after = secret.with("[]", &[("c", "d".to_owned())]).unwrap();
        assert_eq!(
            after.to_string(),
            r#"{"kind":"Secret","type":"Opaque","data":{"disableTemplating":"dHJ1ZQ==","userData":"W10="},"metadata":{"name":"s","labels":null,"annotations":{"a":"b","c":"d"}}}"#
        );
        let secret = check("kind: Secret\nstringData: {userData: '{}'}", "", b"{}");
        let after = secret.with("[]", &[("c", "d".to_owned())]).unwrap();
        assert_eq!(
            after.to_string(),
            r#"{"kind":"Secret","stringData":{"userData":"[]"},"metadata":{"annotations":{"c":"d"}}}"#
        );
        let secret = check(
            "kind: Secret\nmetadata: {annotations: 5}\nstringData: {userData: x}",
            "",
            b"x",
        );
        assert_eq!(
            secret.with("", &[]).unwrap_err(),
            "metadata.annotations is no object"
        );
    }
}
