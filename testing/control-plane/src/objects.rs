//! Objects in the API server, as plain JSON.

use std::path::{Path, PathBuf};

use std::time::Instant;

use serde_json::{Value, json};

use crate::ControlPlane;
use crate::control_plane::{PATIENCE, PAUSE};

/// Part of the error for a kind that was defined a moment ago and cannot be stored yet.
const INITIALISING: &str = "storage is (re)initializing";

/// The namespaces of OpenShift that tests need.
const NAMESPACES: &[&str] = &[
    "openshift-config",
    "openshift-config-managed",
    "openshift-machine-api",
    "openshift-machine-config-operator",
];

impl ControlPlane {
    /// Creates every object of a file or folder with YAML, in the order of paths, with its status,
    /// and the namespaces that OpenShift has. Lists are taken apart, and what an API server gives
    /// an object (uid, version) is left out: a must-gather does as it is. Kinds that the control
    /// plane does not have are passed over.
    pub fn create_all(&self, path: &Path) {
        for namespace in NAMESPACES {
            let object = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            // It fails where the namespace exists already.
            self.send("POST", "/api/v1/namespaces", &object).ok();
        }
        for file in files(path) {
            let text = std::fs::read_to_string(&file).expect("a file");
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("objects");
            for object in documents.into_iter().flat_map(elements) {
                match self.try_create(&object) {
                    Err(error) if is_absent(&error) => {}
                    Err(error) => panic!("{}: {error}", file.display()),
                    Ok(_) => {}
                }
            }
        }
    }

    /// Creates an object with its status.
    pub fn create(&self, object: &Value) -> Value {
        self.try_create(object)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Creates an object with its status, or says what the API server says.
    pub fn try_create(&self, object: &Value) -> Result<Value, String> {
        let (collection, path) = paths(object);
        let created = self.send("POST", &collection, object)?;
        match object.get("status") {
            None => Ok(created),
            Some(status) => self.send(
                "PUT",
                &format!("{path}/status"),
                &with(created, "status", status.clone()),
            ),
        }
    }

    /// The object at a path of the API; null where there is none.
    pub fn get(&self, path: &str) -> Value {
        match self.send("GET", path, &Value::Null) {
            Err(error) if is_absent(&error) => Value::Null,
            answer => answer.unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }

    /// Changes an object with a JSON merge patch.
    pub fn merge(&self, path: &str, change: &Value) -> Value {
        self.send("PATCH", path, change)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes an object back as it was when it was read; the object must still have the same uid.
    pub fn put_back(&self, object: &Value) {
        let (_, path) = paths(object);
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] =
            self.get(&path)["metadata"]["resourceVersion"].take();
        self.send("PUT", &path, &object)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Removes an object.
    pub fn delete(&self, path: &str) {
        self.send("DELETE", path, &Value::Null)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Sends one request; the error is the API server's message.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let bytes = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let content = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content)
            .body(bytes)
            .expect("a request");
        let start = Instant::now();
        let text = loop {
            let answer = self
                .runtime
                .block_on(self.client.request_text(request.clone()));
            match answer {
                Ok(text) => break text,
                // A kind that was defined a moment ago.
                Err(kube::Error::Api(status))
                    if status.message.contains(INITIALISING) && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(PAUSE);
                }
                Err(kube::Error::Api(status)) => return Err(status.message),
                Err(other) => return Err(other.to_string()),
            }
        };
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) fn token(&self, namespace: &str, name: &str) -> String {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name}});
        // It fails where the account exists already.
        self.send("POST", &accounts, &account).ok();
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {}});
        let path = format!("{accounts}/{name}/token");
        let answer = self.send("POST", &path, &request).expect("a token");
        answer["status"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }
}

/// The paths of an object's collection and of the object in the API.
pub(crate) fn paths(object: &Value) -> (String, String) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let version = text("/apiVersion").expect("an apiVersion");
    let kind = text("/kind").expect("a kind").to_lowercase();
    let name = text("/metadata/name").expect("a name");
    let root = if version.contains('/') { "apis" } else { "api" };
    let namespace = text("/metadata/namespace")
        .map(|namespace| format!("/namespaces/{namespace}"))
        .unwrap_or_default();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    let collection = format!("/{root}/{version}{namespace}/{plural}");
    let path = format!("{collection}/{name}");
    (collection, path)
}

/// The object is not there, or its kind is not.
fn is_absent(error: &str) -> bool {
    error.ends_with("not found") || error.contains("could not find the requested resource")
}

/// The YAML files of a folder and everything below it, sorted; or the file itself.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).expect("a folder");
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let is_yaml = |path: &PathBuf| {
        path.is_dir()
            || path
                .extension()
                .is_some_and(|extension| extension == "yaml")
    };
    paths
        .iter()
        .filter(|path| is_yaml(path))
        .flat_map(|path| files(path))
        .collect()
}

/// The objects of a document, lists taken apart, without what an API server adds.
fn elements(document: Value) -> Vec<Value> {
    let mut objects = match document {
        Value::Object(mut list) if list.contains_key("items") => {
            let kind = list["kind"]
                .as_str()
                .unwrap_or_default()
                .trim_end_matches("List")
                .to_owned();
            let version = list["apiVersion"].clone();
            let items = list.remove("items").unwrap_or_default();
            let mut items = items.as_array().cloned().unwrap_or_default();
            for item in items.iter_mut().filter(|item| item.get("kind").is_none()) {
                item["kind"] = json!(kind);
                item["apiVersion"] = version.clone();
            }
            items
        }
        Value::Null => Vec::new(),
        object => vec![object],
    };
    for object in &mut objects {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|name, _| !GIVEN_BY_THE_SERVER.contains(&name.as_str()));
        }
    }
    objects
}

/// Members of `metadata` that the API server sets itself.
const GIVEN_BY_THE_SERVER: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
];

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}
