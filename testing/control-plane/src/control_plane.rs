//! Starts kube-apiserver and etcd, and stops them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::AuditEvent;
use crate::certificates::{Authority, Certificate, service_account_keys};
use crate::objects::files;
use crate::process::Process;
use crate::programs::{Programs, openshift_definitions, own_definitions};

/// How long to wait for a program or an object before the test fails: ten times what it takes on two
/// busy cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How often a control plane is started, where a program of it ends at once.
const ATTEMPTS: usize = 3;
/// How long to wait before asking again.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// The audit policy: one event for each call, with its metadata.
const AUDIT_POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"], "rules": [{"level": "Metadata"}]}"#;

/// Whose credentials a kubeconfig holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// May do everything; `test-admin` in the audit log.
    Admin,
    /// A user with a client certificate, in no group.
    User(String),
    /// A user with a client certificate, in this group.
    Member(String),
    /// A `ServiceAccount`, with a token.
    ServiceAccount {
        /// Where it is.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A token that the API server does not know.
    Nobody,
}

/// A running control plane. It stops when it is dropped; its logs stay where the test failed.
pub struct ControlPlane {
    folder: Option<TempDir>,
    port: u16,
    authority: Authority,
    pub(crate) runtime: Runtime,
    pub(crate) client: kube::Client,
    // Last, in this order: the API server goes before its store.
    api_server: Process,
    etcd: Process,
}

impl ControlPlane {
    /// The name of [`Identity::Admin`] in the audit log.
    pub const ADMIN: &'static str = "test-admin";

    /// Starts one with this repository's definitions of OpenShift's kinds; `None`, after a line
    /// that starts with `SKIPPED:`, where the machine has no programs for it.
    pub fn start() -> Option<Self> {
        let this = Self::start_without_openshift()?;
        this.define(&own_definitions());
        Some(this)
    }

    /// Starts one with OpenShift's own definitions; `None` as above, or, after a line that starts
    /// with `not here:`, where they do not lie beside the clone.
    pub fn start_with_openshift_definitions() -> Option<Self> {
        let definitions = openshift_definitions()?;
        let this = Self::start_without_openshift()?;
        this.define(&definitions);
        Some(this)
    }

    /// Starts one that knows the kinds of Kubernetes only; `None` as above.
    pub fn start_without_openshift() -> Option<Self> {
        let programs = Programs::find()?;
        // Somebody else may take a port between its choice and its use, and etcd ends where it waits
        // too long for the disk of a busy machine. Neither says anything about what is tested.
        for _ in 1..ATTEMPTS {
            let mut this = Self::start_programs(&programs);
            match this.wait_until_ready() {
                Ok(()) => return Some(this),
                Err(error) => eprintln!("a control plane is started again: {error}"),
            }
        }
        let mut this = Self::start_programs(&programs);
        this.expect_ready();
        Some(this)
    }

    /// Starts etcd and the API server on ports of their own, without waiting for them.
    fn start_programs(programs: &Programs) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        write_files(folder.path(), &authority);
        let (etcd, store) = start_etcd(programs, folder.path());
        let port = free_port();
        let arguments = api_server_arguments(folder.path(), port, &store);
        let log = folder.path().join("kube-apiserver.log");
        let api_server = Process::start(&programs.api_server, &arguments, log);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let admin = authority.client(Self::ADMIN, Some("system:masters"));
        let config = kubeconfig(port, &authority, &json!(client_certificate(&admin)));
        let client = runtime.block_on(client(config));
        Self {
            folder: Some(folder),
            port,
            authority,
            runtime,
            client,
            api_server,
            etcd,
        }
    }

    /// Ends the API server, and starts it again with everything that it had.
    pub fn restart(&mut self) {
        self.api_server.stop();
        self.api_server.start_again();
        self.expect_ready();
    }

    /// Ends the API server and its store, and starts both with nothing but this repository's
    /// definitions: versions of objects begin anew.
    pub fn restart_without_data(&mut self) {
        self.api_server.stop();
        self.etcd.stop();
        std::fs::remove_dir_all(self.path().join("etcd")).expect("the folder of etcd");
        self.etcd.start_again();
        self.api_server.start_again();
        self.expect_ready();
        self.define(&own_definitions());
    }

    /// The URL of the API server.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A kubeconfig with somebody's credentials, in a file that lives as long as the control plane.
    pub fn kubeconfig(&self, identity: &Identity) -> PathBuf {
        let (name, user) = match identity {
            Identity::Admin => {
                let admin = self.authority.client(Self::ADMIN, Some("system:masters"));
                ("admin".to_owned(), client_certificate(&admin))
            }
            Identity::User(name) => {
                let user = self.authority.client(name, None);
                (format!("user-{name}"), client_certificate(&user))
            }
            Identity::Member(group) => {
                let user = self.authority.client("member", Some(group));
                (format!("member-{group}"), client_certificate(&user))
            }
            Identity::ServiceAccount { namespace, name } => {
                let token = self.token(namespace, name);
                (format!("{namespace}-{name}"), json!({"token": token}))
            }
            Identity::Nobody => ("nobody".to_owned(), json!({"token": "expired"})),
        };
        let path = self.path().join(format!("{name}.kubeconfig"));
        let config = kubeconfig(self.port, &self.authority, &user);
        std::fs::write(&path, config.to_string()).expect("a kubeconfig");
        path
    }

    /// Every call that was answered so far, in the order of the answers.
    pub fn audit(&self) -> Vec<AuditEvent> {
        // The log is written before the answer is sent, except for what is still on its way.
        let log = std::fs::read_to_string(self.path().join("audit.log")).unwrap_or_default();
        log.lines().filter_map(AuditEvent::parse).collect()
    }

    /// The calls that osimage made while `work` ran; those of this crate are left out.
    pub fn calls_of(&self, work: impl FnOnce()) -> Vec<AuditEvent> {
        let before = self.audit().len();
        work();
        let mut calls = self.audit();
        calls.drain(..before);
        calls.retain(|call| call.user_agent.starts_with("osimage/"));
        calls
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.as_ref().expect("is there until the end").path()
    }

    fn expect_ready(&mut self) {
        if let Err(error) = self.wait_until_ready() {
            panic!("{error}");
        }
    }

    /// Waits until the API server answers; what is wrong where a program ended, or where it takes
    /// too long.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let request = http::Request::get("/readyz")
                .body(Vec::new())
                .expect("is one");
            let Err(error) = self.runtime.block_on(self.client.request_text(request)) else {
                return Ok(());
            };
            let mut programs = [&mut self.etcd, &mut self.api_server];
            if programs.iter_mut().any(|it| it.ended()) || start.elapsed() > PATIENCE {
                let logs: Vec<_> = programs.iter().map(|it| it.last_words()).collect();
                return Err(format!(
                    "kube-apiserver is not ready: {error}\n{}",
                    logs.join("\n")
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Creates the `CustomResourceDefinitions` of a folder, and waits until they are in force.
    fn define(&self, folder: &Path) {
        const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let mut names = Vec::new();
        for file in files(folder) {
            let text = std::fs::read_to_string(&file).expect("a definition");
            let definition: Value = serde_saphyr::from_str(&text).expect("a definition");
            names.push(
                definition["metadata"]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned(),
            );
            self.send("POST", PATH, &definition)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        for name in names {
            self.wait_for(&format!("{PATH}/{name}"), |definition| {
                let conditions = definition["status"]["conditions"].as_array();
                conditions.is_some_and(|conditions| {
                    conditions
                        .iter()
                        .any(|it| it["type"] == "Established" && it["status"] == "True")
                })
            });
        }
    }

    /// Reads an object again and again until `is` holds for it, and returns it.
    pub fn wait_for(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let object = self.get(path);
            if is(&object) {
                return object;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{path} stays as it is: {object}"
            );
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            let kept = folder.keep();
            eprintln!("logs of the control plane: {}", kept.display());
        }
    }
}

/// A client that reports an error at once instead of trying again.
pub(crate) async fn client(kubeconfig: Value) -> kube::Client {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .expect("a configuration");
    config.default_retry = false;
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_static("test"),
    ));
    kube::Client::try_from(config).expect("a client")
}

fn write_files(folder: &Path, authority: &Authority) {
    let server = authority.server();
    let (signing, checking) = service_account_keys();
    for (name, content) in [
        ("ca.crt", authority.certificate.clone()),
        ("server.crt", server.certificate),
        ("server.key", server.key),
        ("service-accounts.key", signing),
        ("service-accounts.pub", checking),
        ("audit-policy.json", AUDIT_POLICY.to_owned()),
    ] {
        std::fs::write(folder.join(name), content).expect("a file");
    }
}

/// Starts etcd; its process, and its URL.
fn start_etcd(programs: &Programs, folder: &Path) -> (Process, String) {
    let client = format!("http://127.0.0.1:{}", free_port());
    let peer = format!("http://127.0.0.1:{}", free_port());
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        // The data is gone after the test, so it need not reach the disk.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    let log = folder.join("etcd.log");
    (Process::start(&programs.etcd, &arguments, log), client)
}

fn api_server_arguments(folder: &Path, port: u16, store: &str) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--etcd-servers={store}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "--service-account-key-file={}",
            file("service-accounts.pub")
        ),
        format!(
            "--service-account-signing-key-file={}",
            file("service-accounts.key")
        ),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        // This plugin waits for ServiceAccounts, which a controller makes that is not running here.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        // OpenShift has it: who may not delete an object may not have others hold up its deletion.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
        format!("--audit-policy-file={}", file("audit-policy.json")),
        format!("--audit-log-path={}", file("audit.log")),
        "--audit-log-mode=blocking-strict".to_owned(),
    ]
}

fn kubeconfig(port: u16, authority: &Authority, user: &Value) -> Value {
    let cluster = json!({
        "server": format!("https://127.0.0.1:{port}"),
        "certificate-authority-data": base64(authority.certificate.as_bytes()),
    });
    with_cluster(&cluster, user)
}

pub(crate) fn with_cluster(cluster: &Value, user: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
}

fn client_certificate(certificate: &Certificate) -> Value {
    json!({
        "client-certificate-data": base64(certificate.certificate.as_bytes()),
        "client-key-data": base64(certificate.key.as_bytes()),
    })
}

/// Bytes as base64, by the type that Kubernetes' API has for them.
fn base64(bytes: &[u8]) -> Value {
    json!(k8s_openapi::ByteString(bytes.to_vec()))
}

/// A port that nobody listens on. Somebody else may take it before it is used; the program that
/// wants it then says so.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
