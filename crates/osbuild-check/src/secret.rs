//! Secrets with credentials for registries: are they right, and in one shape (IL-470 … IL-472).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openshift_model::read::push_token;
use openshift_model::{RawObject, ReadError, Secret, StringMap, Text, WrongType};
use serde_json::{Map, Value};

/// A Secret with its values decoded. `Debug` shows keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegistrySecret {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `type`.
    pub kind: String,
    /// Values by key.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for RegistrySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySecret")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("kind", &self.kind)
            .field("data", &self.data.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl RegistrySecret {
    /// Reads the object. An error names the key of a value that is not base64, never the value.
    pub fn read(object: &RawObject<'_>) -> Result<Self, ReadError> {
        // Names the place of what is no string, without the value.
        Secret::read(object)?;
        let kind: Text<'_> = object.view("type")?;
        let mut data = BTreeMap::new();
        for (key, encoded) in object.view::<StringMap<'_>>("data")?.iter() {
            // As the API server has it, line breaks do not count.
            let encoded = encoded.replace(['\r', '\n'], "");
            let decoded = STANDARD.decode(encoded).map_err(|_| {
                let mut pointer = "/data".to_owned();
                push_token(&mut pointer, key);
                let problem = "the value is not base64".to_owned();
                WrongType { pointer, problem }.of(object.reference())
            })?;
            data.insert(key.to_owned(), decoded);
        }
        // In manifests, and they win.
        for (key, text) in object.view::<StringMap<'_>>("stringData")?.iter() {
            data.insert(key.to_owned(), text.as_bytes().to_vec());
        }
        Ok(Self {
            name: object.name.to_string(),
            namespace: object.namespace.to_string(),
            kind: kind.into_string(),
            data,
        })
    }
}

const LEGACY_KEY: &str = ".dockercfg";
const KEY: &str = ".dockerconfigjson";
const LEGACY_TYPE: &str = "kubernetes.io/dockercfg";
const TYPE: &str = "kubernetes.io/dockerconfigjson";

/// IL-470, IL-471: a Secret holds no credentials for registries. The texts are the reference's,
/// who swaps name and namespace; no value of a Secret is in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("secret is nil")]
    Missing,
    /// Its shape is wrong.
    #[error("secret '{name}/{namespace}' {problem}")]
    Shape {
        /// The name.
        name: String,
        /// The namespace.
        namespace: String,
        /// What is wrong.
        problem: ShapeProblem,
    },
    /// Its contents are wrong.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// IL-470: what is wrong with the shape of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeProblem {
    /// No value at all.
    #[error("has no data")]
    NoData,
    /// No type.
    #[error("type field not set")]
    NoType,
    /// A type for something else.
    #[error("invalid secret key type {0}, expected '{LEGACY_TYPE}' or '{TYPE}'")]
    Type(String),
    /// The key that goes with the type is missing.
    #[error("type is '{kind}' but required key '{key}' is missing")]
    NoKey {
        /// The type.
        kind: String,
        /// The key.
        key: &'static str,
    },
    /// Its value is empty.
    #[error("type is '{kind}' but key '{key}' has an empty value")]
    EmptyValue {
        /// The type.
        kind: String,
        /// The key.
        key: &'static str,
    },
    /// The key of the other type is there as well.
    #[error("type is '{kind}' but also contains unexpected key '{key}'")]
    OtherKey {
        /// The type.
        kind: String,
        /// The other key.
        key: &'static str,
    },
}

/// IL-471: what is wrong with the credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Nothing.
    #[error("empty dockerconfig bytes")]
    Empty,
    /// `null`
    #[error("dockerconfig bytes contain JSON null")]
    Null,
    /// No JSON. (The reference quotes a character of the Secret.)
    #[error("the credentials are not JSON: wrong at line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It has members of the current schema, e.g. `auths`, and something that the schema lacks.
    #[error(
        "input has DockerConfigJSON-specific keys but failed to decode as DockerConfigJSON: {0}"
    )]
    DockerConfigJson(Mismatch),
    /// It fits neither schema.
    #[error("decoding DockerConfig / DockerConfigJSON: could not decode DockerConfig: {0}")]
    Neither(Mismatch),
}

/// Where JSON does not fit a schema, in the words of Go's JSON decoder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A member that the schema does not have.
    #[error("json: unknown field {0:?}")]
    UnknownField(String),
    /// A value of another type.
    #[error("json: cannot unmarshal {found} into Go value of type {expected}")]
    Type {
        /// The type that is there.
        found: &'static str,
        /// The type of the reference.
        expected: &'static str,
    },
}

/// IL-472: credentials in one shape.
#[derive(Clone, PartialEq, Eq)]
pub struct Normalised {
    /// `{"auths":{"<host>":{"username","password","email","auth"}}}`; empty members are left out.
    pub json: String,
    /// Members that were dropped: helpers that a build cannot call (IL-471).
    pub dropped: Vec<&'static str>,
}

impl fmt::Debug for Normalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Normalised")
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// IL-470: checks the shape of a Secret and returns the credentials, unread.
///
/// Upstream: `secrets.ValidateKubernetesImageRegistrySecret`.
pub fn check_secret(secret: Option<&RegistrySecret>) -> Result<&[u8], SecretError> {
    let secret = secret.ok_or(SecretError::Missing)?;
    shape(secret).map_err(|problem| SecretError::Shape {
        name: secret.name.clone(),
        namespace: secret.namespace.clone(),
        problem,
    })
}

fn shape(secret: &RegistrySecret) -> Result<&[u8], ShapeProblem> {
    if secret.data.is_empty() {
        return Err(ShapeProblem::NoData);
    }
    let kind = secret.kind.clone();
    let (key, other) = match kind.as_str() {
        "" => return Err(ShapeProblem::NoType),
        LEGACY_TYPE => (LEGACY_KEY, KEY),
        TYPE => (KEY, LEGACY_KEY),
        _ => return Err(ShapeProblem::Type(kind)),
    };
    match secret.data.get(key) {
        None => Err(ShapeProblem::NoKey { kind, key }),
        Some(value) if value.is_empty() => Err(ShapeProblem::EmptyValue { kind, key }),
        Some(_) if secret.data.contains_key(other) => {
            Err(ShapeProblem::OtherKey { kind, key: other })
        }
        Some(value) => Ok(value),
    }
}

/// IL-471, IL-472: the credentials of a Secret in one shape. Either schema is taken under either
/// key.
///
/// Upstream: `secrets.NewImageRegistrySecret`.
pub fn normalise_secret(secret: Option<&RegistrySecret>) -> Result<Normalised, SecretError> {
    Ok(normalise(check_secret(secret)?)?)
}

/// IL-471, IL-472: credentials in one shape.
pub fn normalise(credentials: &[u8]) -> Result<Normalised, ContentError> {
    if credentials.is_empty() {
        return Err(ContentError::Empty);
    }
    let value: Value =
        serde_json::from_slice(credentials).map_err(|error| ContentError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
    let members = match &value {
        Value::Null => return Err(ContentError::Null),
        Value::Object(members) => members,
        other => {
            return Err(ContentError::Neither(mismatch(
                other,
                "secrets.DockerConfig",
            )));
        }
    };
    let today = is_current_schema(members);
    let (auths, dropped) = match current_auths(members) {
        Ok(found) => found,
        Err(problem) if today => return Err(ContentError::DockerConfigJson(problem)),
        Err(_) => (entries(members).map_err(ContentError::Neither)?, Vec::new()),
    };
    let mut document = Map::new();
    if !auths.is_empty() {
        document.insert("auths".to_owned(), Value::Object(auths));
    }
    Ok(Normalised {
        json: Value::Object(document).to_string(),
        dropped,
    })
}

/// IL-471: whether the members are those of the current schema (`.dockerconfigjson`).
fn is_current_schema(members: &Map<String, Value>) -> bool {
    let auths = members.get("auths").and_then(Value::as_object);
    auths.is_some_and(|auths| !auths.is_empty())
        || DROPPED.iter().any(|name| members.contains_key(*name))
}

/// IL-471: what docker and podman keep beside credentials.
const DROPPED: [&str; 2] = ["credHelpers", "credsStore"];

type Auths = (Map<String, Value>, Vec<&'static str>);

fn current_auths(members: &Map<String, Value>) -> Result<Auths, Mismatch> {
    let mut auths = Map::new();
    let mut dropped = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("auths", Value::Null) => {}
            ("auths", Value::Object(members)) => auths = entries(members)?,
            ("auths", other) => return Err(mismatch(other, "secrets.DockerConfig")),
            (name, _) => match DROPPED.iter().find(|known| **known == name) {
                Some(known) => dropped.push(*known),
                None => return Err(Mismatch::UnknownField(name.to_owned())),
            },
        }
    }
    Ok((auths, dropped))
}

/// Hosts and their credentials, sorted, without what is empty.
fn entries(members: &Map<String, Value>) -> Result<Map<String, Value>, Mismatch> {
    let mut hosts: Vec<_> = members.iter().collect();
    hosts.sort_by_key(|(host, _)| *host);
    let mut entries = Map::new();
    for (host, value) in hosts {
        let entry = match value {
            Value::Null => Map::new(),
            Value::Object(members) => entry(members)?,
            other => return Err(mismatch(other, "secrets.DockerConfigEntry")),
        };
        entries.insert(host.clone(), Value::Object(entry));
    }
    Ok(entries)
}

/// IL-472: members of the credentials of one host, in the order in which they are written.
const ENTRY: [&str; 4] = ["username", "password", "email", "auth"];

fn entry(members: &Map<String, Value>) -> Result<Map<String, Value>, Mismatch> {
    if let Some(unknown) = members.keys().find(|name| !ENTRY.contains(&name.as_str())) {
        return Err(Mismatch::UnknownField(unknown.clone()));
    }
    let mut entry = Map::new();
    for name in ENTRY {
        match members.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => {
                entry.insert(name.to_owned(), Value::String(text.clone()));
            }
            Some(other) => return Err(mismatch(other, "string")),
        }
    }
    Ok(entry)
}

fn mismatch(value: &Value, expected: &'static str) -> Mismatch {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Mismatch::Type { found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret(kind: &str, data: &[(&str, &str)]) -> RegistrySecret {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()));
        RegistrySecret {
            name: "push".to_owned(),
            namespace: "mco".to_owned(),
            kind: kind.to_owned(),
            data: data.collect(),
        }
    }

    fn shape_error(secret: &RegistrySecret, expected: &str) {
        let error = check_secret(Some(secret)).unwrap_err().to_string();
        assert_eq!(error, format!("secret 'push/mco' {expected}"));
    }

    #[test]
    fn il_470_the_shape_fits_the_type() {
        assert_eq!(check_secret(None).unwrap_err().to_string(), "secret is nil");
        shape_error(&secret(TYPE, &[]), "has no data");
        shape_error(&secret("", &[(KEY, "x")]), "type field not set");
        shape_error(
            &secret("Opaque", &[(KEY, "x")]),
            "invalid secret key type Opaque, expected 'kubernetes.io/dockercfg' or \
             'kubernetes.io/dockerconfigjson'",
        );
        shape_error(
            &secret(TYPE, &[(LEGACY_KEY, "x")]),
            "type is 'kubernetes.io/dockerconfigjson' but required key '.dockerconfigjson' is \
             missing",
        );
        shape_error(
            &secret(LEGACY_TYPE, &[(LEGACY_KEY, "")]),
            "type is 'kubernetes.io/dockercfg' but key '.dockercfg' has an empty value",
        );
        shape_error(
            &secret(LEGACY_TYPE, &[(LEGACY_KEY, "x"), (KEY, "x")]),
            "type is 'kubernetes.io/dockercfg' but also contains unexpected key \
             '.dockerconfigjson'",
        );
        assert!(check_secret(Some(&secret(TYPE, &[(KEY, "x"), ("other", "y")]))).is_ok());
    }

    fn check(credentials: &str, expected: Result<&str, &str>) {
        let found = normalise(credentials.as_bytes());
        let found = found
            .map(|found| found.json)
            .map_err(|error| error.to_string());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{credentials}");
    }

    #[test]
    fn il_471_il_472_either_schema_becomes_the_current_one() {
        let normal = r#"{"auths":{"a.b":{"username":"u","password":"p","email":"e","auth":"x"}}}"#;
        check(normal, Ok(normal));
        check(
            r#"{"a.b":{"auth":"x","email":"e","password":"p","username":"u"}}"#,
            Ok(normal),
        );
        check("{}", Ok("{}"));
        check(r#"{"auths":{}}"#, Ok("{}"));
        check(
            r#"{"auths":{"b":{"auth":""},"a":null}}"#,
            Ok(r#"{"auths":{"a":{},"b":{}}}"#),
        );
        let helpers = r#"{"auths":{"a":{"auth":"x"}},"credHelpers":{},"credsStore":"p"}"#;
        check(helpers, Ok(r#"{"auths":{"a":{"auth":"x"}}}"#));
        assert_eq!(normalise(helpers.as_bytes()).unwrap().dropped, DROPPED);
    }

    #[test]
    fn il_471_what_is_neither_is_refused() {
        check("", Err("empty dockerconfig bytes"));
        check("null", Err("dockerconfig bytes contain JSON null"));
        check(
            "{,",
            Err("the credentials are not JSON: wrong at line 1, column 2"),
        );
        check(
            r#"{"auths":{"a":{"identitytoken":"y"}}}"#,
            Err(
                "input has DockerConfigJSON-specific keys but failed to decode as \
                 DockerConfigJSON: json: unknown field \"identitytoken\"",
            ),
        );
        check(
            r#"{"auths":{},"x":"value"}"#,
            Err(
                "decoding DockerConfig / DockerConfigJSON: could not decode DockerConfig: json: \
                 cannot unmarshal string into Go value of type secrets.DockerConfigEntry",
            ),
        );
    }

    #[test]
    fn a_value_that_is_not_base64_is_named_by_its_key() {
        let text = |value: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"push","namespace":"mco"}},
                    "type":"{TYPE}","data":{{"{KEY}":"{value}"}}}}"#
            )
        };
        let read = |text: &str| {
            RegistrySecret::read(&RawObject::parse(text).unwrap().unwrap())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(&text("e3\\n0=")).unwrap().data[KEY], b"{}");
        assert_eq!(
            read(&text("hunter2!")).unwrap_err(),
            "Secret mco/push: /data/.dockerconfigjson: the value is not base64"
        );
    }

    #[test]
    fn contents_show_nowhere() {
        let secret = secret(TYPE, &[(KEY, r#"{"a":{"password":"hunter2"}}"#)]);
        let shown = format!("{secret:?} {:?}", normalise_secret(Some(&secret)).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused_and_the_result_is_normal(text in r#"[{}\[\]":,a-z0-9]{0,40}"#) {
            if let Ok(found) = normalise(text.as_bytes()) {
                let again = normalise(found.json.as_bytes()).unwrap();
                prop_assert_eq!(again.json, found.json);
            }
        }
    }
}
