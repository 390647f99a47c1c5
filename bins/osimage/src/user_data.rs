//! A stub in a file: by itself, or as the user data of a Secret.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cluster_io::{files, yaml};
use openshift_model::decode_secret_value;
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
    field: Field,
}

/// Where a Secret has its user data.
#[derive(Clone, Copy)]
enum Field {
    /// `data`, in base64 (BI-351).
    Data,
    /// `stringData`, as it is; an API server prefers it.
    StringData,
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
        let (stub, field) = match member(["stringData", USER_DATA]) {
            Some(text) => {
                let text = text.as_str().ok_or("stringData.userData: is no string")?;
                (text.as_bytes().to_vec(), Field::StringData)
            }
            None => (decoded(member(["data", USER_DATA]))?, Field::Data),
        };
        Ok(Self {
            name,
            stub,
            format,
            object,
            field,
        })
    }

    /// The Secret with another stub and these annotations; all else stays (BI-353).
    pub(crate) fn with(
        mut self,
        stub: &str,
        annotations: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Value, String> {
        let (field, stub) = match self.field {
            Field::Data => ("data", STANDARD.encode(stub)),
            Field::StringData => ("stringData", stub.to_owned()),
        };
        set(&mut self.object, field, [(USER_DATA, stub)])?;
        let metadata = self.object.entry("metadata").or_insert(Value::Null);
        let metadata = filled(metadata).ok_or("metadata: is no object")?;
        set(metadata, "annotations", annotations)?;
        Ok(Value::Object(self.object))
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

/// Sets texts in the object that is a member of another one.
fn set(
    object: &mut Map<String, Value>,
    name: &str,
    texts: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(), String> {
    let member = object.entry(name).or_insert(Value::Null);
    let member = filled(member).ok_or_else(|| format!("{name}: is no object"))?;
    member.extend(
        texts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.into())),
    );
    Ok(())
}

/// The members of an object, which null becomes; `None` for anything else.
fn filled(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
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
        let after = secret.with("[]", [("c", "d".to_owned())]).unwrap();
        assert_eq!(
            after.to_string(),
            r#"{"kind":"Secret","type":"Opaque","data":{"disableTemplating":"dHJ1ZQ==","userData":"W10="},"metadata":{"name":"s","labels":null,"annotations":{"a":"b","c":"d"}}}"#
        );
        let secret = check("kind: Secret\nstringData: {userData: '{}'}", "", b"{}");
        let after = secret.with("[]", [("c", "d".to_owned())]).unwrap();
        assert_eq!(
            after.to_string(),
            r#"{"kind":"Secret","stringData":{"userData":"[]"},"metadata":{"annotations":{"c":"d"}}}"#
        );
        let secret = check("kind: Secret\nmetadata: {annotations: 5}", "", b"");
        assert_eq!(
            secret.with("", []).unwrap_err(),
            "annotations: is no object"
        );
    }
}
