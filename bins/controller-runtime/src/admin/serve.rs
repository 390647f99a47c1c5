//! Two listeners: probes for the kubelet, metrics for Prometheus.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Health;
use super::access::Access;
use super::tls::{CertificateFiles, Certificates, TlsError};
use crate::flags::CommonFlags;
use crate::metrics::Metrics;

/// How long a caller may take for TLS, and for each request: who is slower holds a connection.
const SLOWEST: Duration = Duration::from_secs(10);
/// How many connections of each listener there are at most.
const MOST_CONNECTIONS: usize = 64;
/// After a connection that could not be accepted, e.g. for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the endpoints could not be served.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be used.
    #[error(
        "{endpoint}: {address} cannot be listened on: {source}; choose another one with {flag}"
    )]
    Listen {
        /// Which endpoint.
        endpoint: &'static str,
        /// Its address.
        address: SocketAddr,
        /// The flag that says so.
        flag: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// There is no usable certificate.
    #[error("/metrics: {0}; see --tls-cert-file and --tls-private-key-file")]
    Tls(#[from] TlsError),
}

/// Who reads `/metrics`, and how.
pub enum MetricsSecurity {
    /// Everybody, without TLS (`--metrics-secure=false`).
    Plain,
    /// With TLS, whom the API server allows.
    Secure {
        /// Certificate and key, PEM; without them a self-signed certificate is made.
        files: Option<(PathBuf, PathBuf)>,
        /// What asks the API server about callers.
        client: kube::Client,
    },
}

impl MetricsSecurity {
    /// As the flags say.
    pub fn of_flags(flags: &CommonFlags, client: kube::Client) -> Self {
        if !flags.metrics_secure {
            return Self::Plain;
        }
        let files = flags.tls_cert_file.clone();
        Self::Secure {
            files: files.zip(flags.tls_private_key_file.clone()),
            client,
        }
    }
}

/// The running endpoints; they end when this is dropped.
#[derive(Debug)]
pub struct AdminServer {
    /// Where `/livez` and `/readyz` are.
    pub probes: SocketAddr,
    /// Where `/metrics` is.
    pub metrics: SocketAddr,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What one listener serves.
enum Endpoint {
    Probes(Health),
    Metrics {
        metrics: Metrics,
        security: Option<Box<(Certificates, Access)>>,
    },
}

impl AdminServer {
    /// Listens on both addresses of the flags; a log line `listening` says on which.
    pub async fn start(
        flags: &CommonFlags,
        health: Health,
        metrics: Metrics,
        security: MetricsSecurity,
    ) -> Result<Self, AdminError> {
        let security = match security {
            MetricsSecurity::Plain => None,
            MetricsSecurity::Secure { files, client } => {
                let files = files.map(|(certificate, key)| CertificateFiles { certificate, key });
                Some(Box::new((Certificates::load(files)?, Access::new(client))))
            }
        };
        let address = flags.health_probe_bind_address;
        let (probes, probe_listener) =
            listen("probes", address, "--health-probe-bind-address").await?;
        let address = flags.metrics_bind_address;
        let (metrics_address, listener) =
            listen("metrics", address, "--metrics-bind-address").await?;
        let tasks = [
            (probe_listener, Endpoint::Probes(health)),
            (listener, Endpoint::Metrics { metrics, security }),
        ];
        let tasks =
            tasks.map(|(listener, endpoint)| tokio::spawn(accept(listener, Arc::new(endpoint))));
        Ok(Self {
            probes,
            metrics: metrics_address,
            tasks,
        })
    }
}

async fn listen(
    endpoint: &'static str,
    address: SocketAddr,
    flag: &'static str,
) -> Result<(SocketAddr, TcpListener), AdminError> {
    let failed = |source| AdminError::Listen {
        endpoint,
        address,
        flag,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let used = listener.local_addr().map_err(failed)?;
    tracing::info!(endpoint, address = %used, "listening");
    Ok((used, listener))
}

async fn accept(listener: TcpListener, endpoint: Arc<Endpoint>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let endpoint = Arc::clone(&endpoint);
                tokio::spawn(async move {
                    connection(stream, endpoint).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, endpoint: Arc<Endpoint>) {
    let Endpoint::Metrics {
        security: Some(security),
        ..
    } = &*endpoint
    else {
        return serve(stream, endpoint).await;
    };
    let handshake = security.0.acceptor().accept(stream);
    // A caller without TLS, or too slow for it, gets nothing.
    if let Ok(Ok(stream)) = tokio::time::timeout(SLOWEST, handshake).await {
        serve(stream, endpoint).await;
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, endpoint: Arc<Endpoint>) {
    let service = service_fn(move |request| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(answer(&endpoint, &request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SLOWEST);
    // What a caller does to its own connection is its own business.
    server
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn answer(endpoint: &Endpoint, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match (endpoint, request.uri().path()) {
        // That it answers is what there is to say.
        (Endpoint::Probes(_), "/livez") => text(StatusCode::OK, "ok\n".to_owned()),
        (Endpoint::Probes(health), "/readyz") => {
            let (ready, summary) = health.summary();
            let status = if ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            text(status, summary)
        }
        (Endpoint::Metrics { metrics, security }, "/metrics") => {
            if let Some(security) = security {
                let status = security.1.check(header(request, &AUTHORIZATION)).await;
                if status != StatusCode::OK {
                    let reason = status.canonical_reason().unwrap_or_default();
                    return text(status, format!("{reason}\n"));
                }
            }
            scrape(metrics, header(request, &ACCEPT))
        }
        _ => text(StatusCode::NOT_FOUND, "not found\n".to_owned()),
    }
}

fn scrape(metrics: &Metrics, accept: &str) -> Response<Full<Bytes>> {
    match metrics.encode(accept) {
        Ok((body, media_type)) => response(StatusCode::OK, media_type, body),
        Err(error) => {
            tracing::error!(%error, "metrics not written");
            text(StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    }
}

fn header<'a>(request: &'a Request<Incoming>, name: &http::HeaderName) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
