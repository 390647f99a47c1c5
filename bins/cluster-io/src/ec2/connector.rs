//! Connections, through a proxy where the environment asks for one.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use tower_service::Service;

type Tcp = <HttpConnector as Service<Uri>>::Response;
type Stream = MaybeHttpsStream<Tcp>;
type BoxError = Box<dyn Error + Send + Sync>;

/// A connection that has not been made in this time will hardly be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A proxy stands between, and no connection came of it.
#[derive(Debug, thiserror::Error)]
#[error("through the proxy {proxy}")]
struct ProxyError {
    /// Host and port; a name and a password in its URL are told to nobody.
    proxy: String,
    source: BoxError,
}

/// Connects to a host, or to the proxy that stands before it.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    proxies: Arc<Matcher>,
    to_host: HttpConnector,
    /// A proxy may speak TLS itself.
    to_proxy: HttpsConnector<HttpConnector>,
}

impl Connector {
    /// HTTP and HTTPS, with the certificates that the system trusts. `HTTPS_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY` are honoured for HTTPS; an http endpoint is a local one.
    pub(crate) fn https() -> Result<HttpsConnector<Self>, BoxError> {
        let https = HttpsConnectorBuilder::new().try_with_platform_verifier()?;
        let https = https.https_or_http().enable_http1();
        Ok(https.wrap_connector(Self::new()?))
    }

    /// The same with certificates checked as a configuration says; those of a proxy the system checks.
    pub(crate) fn https_with(config: ClientConfig) -> Result<HttpsConnector<Self>, BoxError> {
        let https = HttpsConnectorBuilder::new().with_tls_config(config);
        let https = https.https_or_http().enable_http1();
        Ok(https.wrap_connector(Self::new()?))
    }

    fn new() -> Result<Self, BoxError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let to_proxy = HttpsConnectorBuilder::new().try_with_platform_verifier()?;
        Ok(Self {
            proxies: Arc::new(Matcher::from_env()),
            to_host: tcp.clone(),
            to_proxy: to_proxy.https_or_http().enable_http1().wrap_connector(tcp),
        })
    }

    /// The way through a proxy, and its name.
    fn tunnel(&self, destination: &Uri) -> Option<(Tunnel<HttpsConnector<HttpConnector>>, String)> {
        let is_https = destination.scheme_str() == Some("https");
        let proxy = self.proxies.intercept(destination).filter(|_| is_https)?;
        let (host, port) = (
            proxy.uri().host().unwrap_or_default(),
            proxy.uri().port_u16(),
        );
        let name = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        let tunnel = match proxy.basic_auth() {
            Some(password) => tunnel.with_auth(password.clone()),
            None => tunnel,
        };
        Some((tunnel, name))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.to_host.poll_ready(context).map_err(Into::into)
    }

    /// TLS to the destination is spoken over what this gives.
    fn call(&mut self, destination: Uri) -> Self::Future {
        if let Some((mut tunnel, proxy)) = self.tunnel(&destination) {
            return Box::pin(async move {
                let connected = tunnel.call(destination).await;
                Ok(connected.map_err(|error| {
                    let source = error.into();
                    ProxyError { proxy, source }
                })?)
            });
        }
        let connecting = self.to_host.call(destination);
        Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
    }
}
