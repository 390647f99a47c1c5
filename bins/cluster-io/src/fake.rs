//! An API server for unit tests: objects in memory behind a `kube::Client`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// A request as the fake server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: String,
}

impl Asked {
    /// Whether the server would keep something of it.
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
            && !self.query.contains("dryRun")
            && !self.path.ends_with("selfsubjectreviews")
    }
}

/// What a test answers instead of the server; `None`: the server answers.
type Hook = dyn Fn(&Asked, &mut Objects) -> Option<(StatusCode, String)> + Send + Sync;

/// Objects by their path, each with a resource version of its own.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_path: BTreeMap<String, Value>,
    version: u64,
}

/// The server.
pub(crate) struct FakeServer {
    objects: Mutex<Objects>,
    asked: Mutex<Vec<Asked>>,
    hook: Box<Hook>,
}

impl Objects {
    /// Creates or replaces an object, and gives it a version.
    pub(crate) fn put(&mut self, path: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.by_path.insert(path.to_owned(), object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.by_path.get(path)
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.by_path.remove(path);
    }

    fn answer(&mut self, asked: &Asked) -> (StatusCode, String) {
        match asked.method {
            Method::PATCH => self.patch(asked),
            Method::POST if asked.path.ends_with("selfsubjectreviews") => {
                let review = json!({"status": {"userInfo": {"username": "tester"}}});
                (StatusCode::CREATED, review.to_string())
            }
            Method::POST => self.create(asked),
            _ => self.read(&asked.path),
        }
    }

    fn read(&self, path: &str) -> (StatusCode, String) {
        if let Some(object) = self.get(path) {
            return (StatusCode::OK, object.to_string());
        }
        let (collection, name) = path.rsplit_once('/').unwrap();
        // The plural of every kind ends in s, as no name in these tests does.
        if name.ends_with('s') {
            let below = format!("{path}/");
            let items = self.by_path.iter();
            let items = items.filter(|(path, _)| path.starts_with(&below));
            let items: Vec<_> = items.map(|(_, object)| object).collect();
            let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
            return (StatusCode::OK, list.to_string());
        }
        let message = format!("{collection} has no {name}");
        status(StatusCode::NOT_FOUND, "NotFound", &message)
    }

    fn create(&mut self, asked: &Asked) -> (StatusCode, String) {
        let object: Value = serde_json::from_str(&asked.body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{}/{name}", asked.path);
        if self.get(&path).is_some() {
            return status(StatusCode::CONFLICT, "AlreadyExists", "it is there");
        }
        self.put(&path, object.clone());
        (StatusCode::CREATED, object.to_string())
    }

    fn patch(&mut self, asked: &Asked) -> (StatusCode, String) {
        let Some(before) = self.get(&asked.path) else {
            return status(StatusCode::NOT_FOUND, "NotFound", "it is gone");
        };
        let mut object = before.clone();
        let patch: json_patch::Patch = serde_json::from_str(&asked.body).unwrap();
        if let Err(error) = json_patch::patch(&mut object, &patch) {
            return status(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Invalid",
                &error.to_string(),
            );
        }
        if !asked.query.contains("dryRun") {
            let manager = asked
                .query
                .split('&')
                .find_map(|pair| pair.strip_prefix("fieldManager="));
            let manager = manager.unwrap_or_default().replace("%2F", "/");
            object["metadata"]["managedFields"] = json!([{"manager": manager}]);
            self.put(&asked.path, object.clone());
        }
        (StatusCode::OK, object.to_string())
    }
}

/// An error as an API server writes it.
pub(crate) fn status(code: StatusCode, reason: &str, message: &str) -> (StatusCode, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": {"name": "x"}, "code": code.as_u16()});
    (code, status.to_string())
}

impl FakeServer {
    /// A server with these objects, by their paths.
    pub(crate) fn new(objects: impl IntoIterator<Item = (String, Value)>) -> Arc<Self> {
        Self::with_hook(objects, |_, _| None)
    }

    /// [`FakeServer::new`]; `hook` sees each request first.
    pub(crate) fn with_hook(
        objects: impl IntoIterator<Item = (String, Value)>,
        hook: impl Fn(&Asked, &mut Objects) -> Option<(StatusCode, String)> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let mut all = Objects::default();
        for (path, object) in objects {
            all.put(&path, object);
        }
        Arc::new(Self {
            objects: Mutex::new(all),
            asked: Mutex::default(),
            hook: Box::new(hook),
        })
    }

    /// A client of the server.
    pub(crate) fn cluster(self: &Arc<Self>) -> Cluster {
        let server = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = Arc::clone(&server);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let asked = Asked {
                    method: parts.method,
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                let (status, body) = server.answer(asked);
                let response = Response::builder().status(status);
                let response = response.body(Body::from(body.into_bytes()));
                Ok::<_, std::io::Error>(response.unwrap())
            }
        });
        Cluster::new(kube::Client::new(service, "default"), "fake".to_owned())
    }

    fn answer(&self, asked: Asked) -> (StatusCode, String) {
        let mut objects = self.objects.lock().unwrap();
        let answer = (self.hook)(&asked, &mut objects).unwrap_or_else(|| objects.answer(&asked));
        self.asked.lock().unwrap().push(asked);
        answer
    }

    /// An object as it is now.
    pub(crate) fn object(&self, path: &str) -> Value {
        let objects = self.objects.lock().unwrap();
        objects.get(path).cloned().unwrap_or_default()
    }

    /// Changes objects as somebody else would.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Objects)) {
        change(&mut self.objects.lock().unwrap());
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was written so far.
    pub(crate) fn writes(&self) -> Vec<Asked> {
        let asked = self.asked().into_iter();
        asked.filter(Asked::is_write).collect()
    }
}
