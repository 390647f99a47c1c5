//! A proxy in front of the API server that makes calls fail on purpose.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::control_plane::with_cluster;
use crate::{ControlPlane, Identity};

/// A call that a program is about to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Number of the call, from 1.
    pub number: usize,
    /// `GET`, `PATCH`, …
    pub method: String,
    /// Path and query of the request.
    pub uri: String,
}

/// What the proxy does with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The call is passed on.
    Pass,
    /// The call is passed on after a while.
    Delay(Duration),
    /// The API server never sees it; the connection ends.
    CutBefore,
    /// The API server has carried it out, but the answer is lost.
    CutAfter,
    /// The process that makes it is killed (SIGKILL), and never sees an answer.
    Kill {
        /// The id of the process.
        process: u32,
        /// Whether the API server has carried out the call by then.
        carried_out: bool,
    },
    /// The API server never sees it; the answer is an error.
    Answer {
        /// The HTTP status.
        code: u16,
        /// Seconds, as a header and in the body.
        retry_after: Option<u32>,
    },
}

type Judge = dyn Fn(&Call) -> Verdict + Send + Sync;

/// A running proxy. It speaks HTTP without TLS, and to the API server as whoever it stands for.
pub struct FaultProxy {
    kubeconfig: PathBuf,
    calls: Arc<Mutex<Vec<Call>>>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    client: kube::Client,
    judge: Box<Judge>,
    number: AtomicUsize,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl ControlPlane {
    /// Starts a proxy that asks `judge` about each call and speaks with the credentials of
    /// `identity`.
    pub fn proxy(
        &self,
        identity: &Identity,
        judge: impl Fn(&Call) -> Verdict + Send + Sync + 'static,
    ) -> FaultProxy {
        let upstream = std::fs::read_to_string(self.kubeconfig(identity)).expect("a kubeconfig");
        let upstream: Value = serde_json::from_str(&upstream).expect("a kubeconfig");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (listener, client) = self.runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("a port");
            (listener, crate::control_plane::client(upstream).await)
        });
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            client,
            judge: Box::new(judge),
            number: AtomicUsize::new(0),
            calls: Arc::clone(&calls),
        });
        let server = self.runtime.spawn(serve(listener, shared));
        let cluster = json!({"server": format!("http://127.0.0.1:{port}")});
        let kubeconfig = self.path().join(format!("proxy-{port}.kubeconfig"));
        let config = with_cluster(&cluster, &json!({}));
        std::fs::write(&kubeconfig, config.to_string()).expect("a kubeconfig");
        FaultProxy {
            kubeconfig,
            calls,
            server,
        }
    }
}

impl FaultProxy {
    /// A kubeconfig that leads to the proxy.
    pub fn kubeconfig(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panicked").clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            let connection = hyper::server::conn::http1::Builder::new();
            // A connection that was cut on purpose ends with an error.
            connection
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

/// The error that makes hyper cut the connection.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

/// A whole body, or that of a watch, which is passed on as it comes.
type Answer = Either<Full<Bytes>, kube::client::Body>;

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Answer>, Cut> {
    let call = Call {
        number: shared.number.fetch_add(1, Ordering::SeqCst) + 1,
        method: request.method().to_string(),
        uri: request.uri().to_string(),
    };
    shared
        .calls
        .lock()
        .expect("nobody panicked")
        .push(call.clone());
    // A verdict may take its time: killing a process does.
    let judged = Arc::clone(&shared);
    let verdict = tokio::task::spawn_blocking(move || (judged.judge)(&call)).await;
    match verdict.unwrap_or(Verdict::CutBefore) {
        Verdict::Pass => Ok(forward(&shared, request).await),
        Verdict::Delay(time) => {
            tokio::time::sleep(time).await;
            Ok(forward(&shared, request).await)
        }
        Verdict::CutBefore => Err(Cut),
        Verdict::CutAfter => {
            forward(&shared, request).await;
            Err(Cut)
        }
        Verdict::Kill {
            process,
            carried_out,
        } => {
            if carried_out {
                forward(&shared, request).await;
            }
            kill(process);
            Err(Cut)
        }
        Verdict::Answer { code, retry_after } => Ok(status(code, retry_after)),
    }
}

/// Kills a process by the shell's `kill`: the system call would need unsafe code.
fn kill(process: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
    assert!(
        killed.is_ok_and(|status| status.success()),
        "process {process} is not killed"
    );
}

async fn forward(shared: &Shared, request: Request<Incoming>) -> Response<Answer> {
    let is_watch = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    let (mut parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    parts.headers.remove(http::header::HOST);
    let request = Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    match shared.client.send(request).await {
        Err(_) => status(502, None),
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            // The length is that of the body that is sent on.
            parts.headers.remove(http::header::CONTENT_LENGTH);
            parts.headers.remove(http::header::TRANSFER_ENCODING);
            parts.version = http::Version::HTTP_11;
            if is_watch {
                return Response::from_parts(parts, Either::Right(body));
            }
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            let body = Full::new(body.unwrap_or_default());
            Response::from_parts(parts, Either::Left(body))
        }
    }
}

/// An error as the API server writes one.
fn status(code: u16, retry_after: Option<u32>) -> Response<Answer> {
    let mut body = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code, "reason": "Injected", "message": format!("a fault of the test, {code}")});
    let mut response = Response::builder()
        .status(StatusCode::from_u16(code).expect("a status"))
        .header(http::header::CONTENT_TYPE, "application/json");
    if let Some(seconds) = retry_after {
        body["details"] = json!({"retryAfterSeconds": seconds});
        response = response.header(http::header::RETRY_AFTER, seconds);
    }
    response
        .body(Either::Left(Full::new(Bytes::from(body.to_string()))))
        .expect("a response")
}
