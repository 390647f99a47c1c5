//! The Lease and `/metrics` on a real API server.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;
use controller_runtime::admin::{AdminServer, Health, MetricsSecurity, Readiness};
use controller_runtime::flags::CommonFlags;
use controller_runtime::lease::{Fence, LeaseKeeper, LeaseLost, LeaseOptions};
use controller_runtime::metrics::Metrics;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/example";
/// The shortest that lets a test see three renewals in a second.
const DURATION: Duration = Duration::from_secs(3);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

async fn client(kubeconfig: &Path) -> kube::Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

fn keeper(client: &kube::Client, identity: &str) -> LeaseKeeper {
    let options = LeaseOptions {
        namespace: "default".to_owned(),
        name: "example".to_owned(),
        identity: identity.to_owned(),
        duration: DURATION,
    };
    LeaseKeeper::start(client.clone(), options)
}

#[test]
fn a_lease_is_taken_renewed_handed_over_and_lost() {
    let Some(control_plane) = ControlPlane::start_without_openshift() else {
        return;
    };
    let kubeconfig = control_plane.kubeconfig(&Identity::Admin);
    let holder = || control_plane.get(LEASE)["spec"]["holderIdentity"].clone();
    let runtime = runtime();
    let (client, a) = runtime.block_on(async {
        let client = client(&kubeconfig).await;
        let a = keeper(&client, "a");
        a.fence().leading().await.unwrap();
        (client, a)
    });
    assert_eq!(holder(), "a");
    // What we do not know of a Lease stays, and a write by somebody else costs nothing.
    control_plane.merge(
        LEASE,
        &json!({"metadata": {"annotations": {"note": "kept"}}}),
    );
    let b = runtime.block_on(async {
        let b = keeper(&client, "b");
        tokio::time::sleep(DURATION * 2).await;
        assert!(a.fence().is_leading() && !b.fence().is_leading());
        let start = Instant::now();
        a.release().await;
        b.fence().leading().await.unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
        b
    });
    let lease = control_plane.get(LEASE);
    assert_eq!(lease["metadata"]["annotations"]["note"], "kept");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    // The API server forgets it: it is made again.
    control_plane.delete(LEASE);
    control_plane.wait_for(LEASE, |lease| lease["spec"]["holderIdentity"] == "b");
    assert!(b.fence().is_leading());
    control_plane.merge(LEASE, &json!({"spec": {"holderIdentity": "thief"}}));
    let mut b = b;
    let lost = runtime.block_on(b.lost());
    assert_eq!(lost, LeaseLost::Taken("thief".to_owned()));
}

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    flags: CommonFlags,
}

fn flags(more: &[&str]) -> CommonFlags {
    let any = [
        "test",
        "--health-probe-bind-address=127.0.0.1:0",
        "--metrics-bind-address=127.0.0.1:0",
    ];
    Program::parse_from([&any, more].concat()).flags
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
    token: &str,
) -> (u16, String) {
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(path)
        .header("Host", "localhost")
        .header("Authorization", format!("Bearer {token}"))
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn token(kubeconfig: &Path) -> String {
    let text = std::fs::read_to_string(kubeconfig).unwrap();
    let config: Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"]["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A connection that trusts this certificate alone.
async fn tls(
    address: std::net::SocketAddr,
    certificate: &rcgen::Certificate,
) -> Option<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .ok()
}

/// A certificate in the files of the flags.
fn write_certificate(folder: &Path) -> rcgen::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    made.cert
}

#[test]
fn probes_are_open_and_metrics_are_for_whom_the_api_server_allows() {
    let Some(control_plane) = ControlPlane::start_without_openshift() else {
        return;
    };
    let account = |name: &str| {
        let (namespace, name) = ("default".to_owned(), name.to_owned());
        token(&control_plane.kubeconfig(&Identity::ServiceAccount { namespace, name }))
    };
    let (scraper, stranger) = (account("scraper"), account("stranger"));
    let api = "rbac.authorization.k8s.io";
    control_plane.create(&json!({"apiVersion": format!("{api}/v1"), "kind": "ClusterRole",
        "metadata": {"name": "metrics"}, "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}));
    control_plane.create(&json!({"apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": "metrics"}, "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "metrics"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "scraper"}]}));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let certificate = write_certificate(folder.path());
    let flags = flags(&[
        "--tls-cert-file",
        &file("tls.crt"),
        "--tls-private-key-file",
        &file("tls.key"),
    ]);
    let kubeconfig = control_plane.kubeconfig(&Identity::Admin);
    runtime().block_on(async {
        let health = Health::default();
        let metrics = Metrics::new("1", "a", Fence::always());
        let security = MetricsSecurity::of_flags(&flags, client(&kubeconfig).await);
        let server = AdminServer::start(&flags, health.clone(), metrics, security)
            .await
            .unwrap();
        let probe =
            async |path| get(TcpStream::connect(server.probes).await.unwrap(), path, "").await;
        assert_eq!(probe("/livez").await, (200, "ok\n".to_owned()));
        assert_eq!(probe("/readyz").await.0, 200);
        health.report("watches", Readiness::NotReady("MachineSet".to_owned()));
        assert_eq!(probe("/readyz").await.0, 503);
        assert_eq!(probe("/metrics").await.0, 404);

        let scrape = async |token: &str| {
            let stream = tls(server.metrics, &certificate).await.unwrap();
            get(stream, "/metrics", token).await
        };
        let (status, text) = scrape(&scraper).await;
        assert_eq!(status, 200);
        assert!(text.contains("osimage_leader 1"), "{text}");
        assert_eq!(scrape(&stranger).await.0, 403);
        assert_eq!(scrape("expired").await.0, 401);
        assert_eq!(scrape("").await.0, 401);

        // Files that are no certificate change nothing; a new one is used at once.
        std::fs::write(folder.path().join("tls.crt"), "no PEM").unwrap();
        assert_eq!(scrape(&scraper).await.0, 200);
        let renewed = write_certificate(folder.path());
        assert!(tls(server.metrics, &certificate).await.is_none());
        assert!(tls(server.metrics, &renewed).await.is_some());
    });
    // An answer of the API server is remembered: four callers of which one came twice.
    let reviews = control_plane.audit();
    let reviews = reviews
        .iter()
        .filter(|call| call.resource.starts_with("tokenreviews"));
    assert_eq!(reviews.count(), 3);
}
