//! An API server that has one Lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde_json::{Value, json};

/// What becomes of the requests of somebody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// HTTP 500.
    Refuse,
    /// No answer; nothing is carried out.
    Hang,
    /// Carried out, but the answer is lost.
    LoseAnswer,
}

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    faults: HashMap<String, Fault>,
}

#[derive(Clone, Default)]
pub(super) struct ApiServer(Arc<Mutex<State>>);

impl ApiServer {
    pub(super) fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// From now on requests of this holder fail; looks of everybody else pass.
    pub(super) fn fail(&self, who: &str, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.faults.insert(who.to_owned(), fault);
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().faults.clear();
    }

    pub(super) fn lease(&self) -> Value {
        self.0.lock().unwrap().lease.clone().unwrap()
    }

    pub(super) fn remove(&self) {
        self.0.lock().unwrap().lease = None;
    }

    /// Somebody else writes the Lease, with a clock that is wrong.
    pub(super) fn take(&self, holder: &str) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        state.lease = Some(json!({"metadata": {"name": "l",
            "resourceVersion": state.version.to_string()}, "spec": {"holderIdentity": holder,
            "leaseDurationSeconds": 30, "renewTime": "2000-01-01T00:00:00.000000Z",
            "strategy": "OldestEmulationVersion"}}));
    }

    async fn answer(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let holder = body["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let fault = self.0.lock().unwrap().faults.get(holder).copied();
        match fault {
            None => {}
            Some(Fault::Refuse) => return status(500, "InternalError"),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::LoseAnswer) => {
                self.carry_out(&parts.method, body);
                return std::future::pending().await;
            }
        }
        self.carry_out(&parts.method, body)
    }

    fn carry_out(&self, method: &Method, mut body: Value) -> Response<Full<Bytes>> {
        let mut state = self.0.lock().unwrap();
        let State { lease, version, .. } = &mut *state;
        match (method, &mut *lease) {
            (&(Method::GET | Method::PATCH), None) => return status(404, "NotFound"),
            (&Method::GET, Some(lease)) => return answer(200, lease),
            (&Method::POST, Some(_)) => return status(409, "AlreadyExists"),
            (&Method::PATCH, Some(lease)) => {
                let asked = &body["metadata"]["resourceVersion"];
                if *asked != lease["metadata"]["resourceVersion"] {
                    return status(409, "Conflict");
                }
                for (name, value) in body["spec"].as_object().unwrap() {
                    lease["spec"][name] = value.clone();
                }
            }
            (_, lease) => *lease = Some(body.take()),
        }
        *version += 1;
        let lease = lease.as_mut().unwrap();
        lease["metadata"]["resourceVersion"] = json!(version.to_string());
        answer(200, lease)
    }
}

fn status(code: u16, reason: &str) -> Response<Full<Bytes>> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": reason, "reason": reason, "code": code});
    answer(code, &body)
}

fn answer(code: u16, body: &Value) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(body.to_string()));
    Response::builder().status(code).body(body).unwrap()
}
