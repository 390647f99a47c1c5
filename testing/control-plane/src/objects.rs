//! Objects in the API server, as plain JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::ControlPlane;

/// The namespaces of OpenShift that tests need.
const NAMESPACES: &[&str] = &["openshift-machine-api", "openshift-machine-config-operator"];

impl ControlPlane {
    /// Creates every object of a file or folder with YAML, in the order of names, with its status,
    /// and the namespaces that OpenShift has.
    pub fn create_all(&self, path: &Path) {
        for namespace in NAMESPACES {
            let object = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            // It may be there from before.
            self.send("POST", "/api/v1/namespaces", &object).ok();
        }
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            let entries = std::fs::read_dir(path).expect("a folder");
            files = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
            files.sort();
        }
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a file");
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("objects");
            for object in objects.iter().filter(|object| !object.is_null()) {
                self.try_create(object)
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
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
        self.send("GET", path, &Value::Null).unwrap_or_default()
    }

    /// Changes an object with a JSON merge patch.
    pub fn merge(&self, path: &str, patch: &Value) -> Value {
        self.send("PATCH", path, patch)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
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
        let answer = self.runtime.block_on(self.client.request_text(request));
        let text = answer.map_err(|error| match error {
            kube::Error::Api(status) => status.message,
            other => other.to_string(),
        })?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) fn token(&self, namespace: &str, name: &str) -> String {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name}});
        // It may be there from before.
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

/// Where an object's kind is in the API, and the object itself.
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

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}
