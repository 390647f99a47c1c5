//! A cluster with a pool that is to be layered, a registry, and the builder as a process.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    reason = "a part of tests; each suite uses its part of it"
)]

#[path = "../../../osimage/tests/layer_support/mod.rs"]
pub(crate) mod layer_support;
pub(crate) mod node_agent;
pub(crate) mod registry;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_control_plane::{AuditEvent, ControlPlane, Identity};

use layer_support::Buildah;
use node_agent::{Agent, NAMESPACE};
use registry::{PASSWORD, Registry, USER, k8s_base64};

pub(crate) const GROUP: &str = "/apis/machineconfiguration.openshift.io/v1";
/// On a busy machine everything takes its time.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Cluster {
    pub(crate) control_plane: Arc<ControlPlane>,
    pub(crate) registry: Registry,
    pub(crate) agent: Arc<Agent>,
    agent_thread: Option<JoinHandle<()>>,
    /// Oldest first.
    builders: Vec<Child>,
    folder: Option<tempfile::TempDir>,
}

impl Cluster {
    /// `None`, loudly, where the machine lacks a program.
    pub(crate) fn start() -> Option<Self> {
        let buildah = Buildah::new()?;
        if !registry::is_possible() {
            return None;
        }
        let control_plane = Arc::new(ControlPlane::start()?);
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::start(folder.path());
        let base = format!("{}/os/base:1", registry.host);
        buildah.make_base(&base);
        let credentials = format!("{USER}:{PASSWORD}");
        let place = format!("docker://{base}");
        buildah.good(&[
            "push",
            "--tls-verify=false",
            "--creds",
            &credentials,
            &base,
            &place,
        ]);
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/layering/cluster");
        control_plane.create_all(&fixtures);
        let agent = Agent::new(folder.path(), &registry.certificate());
        let (thread_agent, thread_plane) = (Arc::clone(&agent), Arc::clone(&control_plane));
        let agent_thread = std::thread::spawn(move || thread_agent.run(&thread_plane));
        let cluster = Self {
            control_plane,
            registry,
            agent,
            agent_thread: Some(agent_thread),
            builders: Vec::new(),
            folder: Some(folder),
        };
        let rendered = format!("{GROUP}/machineconfigs/{}", cluster.rendered());
        cluster.merge(
            &rendered,
            &json!({"spec": {"osImageURL": base,
            "baseOSExtensionsContainerImage": ""}}),
        );
        let certificate = std::fs::read(cluster.registry.certificate()).unwrap();
        let config = format!("{GROUP}/controllerconfigs/machine-config-controller");
        cluster.merge(
            &config,
            &json!({"spec": {"proxy": null,
            "additionalTrustBundle": k8s_base64(&certificate)}}),
        );
        for name in ["global-pull-secret-copy", "push"] {
            cluster.set_secret(name, PASSWORD);
        }
        for object in roles() {
            cluster.control_plane.create(&object);
        }
        Some(cluster)
    }

    pub(crate) fn rendered(&self) -> String {
        let pool = self.get("machineconfigpools/layered");
        pool["spec"]["configuration"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn set_secret(&self, name: &str, password: &str) {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": self.registry.credentials(password)}});
        self.control_plane
            .send("DELETE", &format!("{path}/{name}"), &Value::Null)
            .ok();
        self.control_plane.create(&secret);
    }

    pub(crate) fn push_spec(&self) -> String {
        format!("{}/os/layered:latest", self.registry.host)
    }

    pub(crate) fn config(&self, text: &str) -> Value {
        json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineOSConfig",
            "metadata": {"name": "layered"},
            "spec": {"machineConfigPool": {"name": "layered"},
                "imageBuilder": {"imageBuilderType": "Job"},
                "renderedImagePushSecret": {"name": "push"},
                "renderedImagePushSpec": self.push_spec(),
                "containerFile": [{"containerfileArch": "NoArch", "content": text}]}})
    }

    pub(crate) fn edit(&self, text: &str) {
        let entry = json!([{"containerfileArch": "NoArch", "content": text}]);
        let path = format!("{GROUP}/machineosconfigs/layered");
        self.merge(&path, &json!({"spec": {"containerFile": entry}}));
    }

    pub(crate) fn merge(&self, path: &str, change: &Value) {
        self.control_plane.merge(path, change);
    }

    /// An object of the Machine Config Operator's group; null where there is none.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.control_plane.get(&format!("{GROUP}/{path}"))
    }

    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let list = self.control_plane.get(path);
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn builds(&self) -> Vec<Value> {
        self.list(&format!("{GROUP}/machineosbuilds"))
    }

    pub(crate) fn start_builder(&mut self) {
        self.start_with(&["--mode", "replace"]);
    }

    /// As the shipped account, with its rights.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) {
        let log = self.folder().join("builder.log");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let kubeconfig = self.control_plane.kubeconfig(&Identity::ServiceAccount {
            namespace: "osimage-builder".to_owned(),
            name: "machine-os-builder".to_owned(),
        });
        let builder = Command::new(env!("CARGO_BIN_EXE_machine-os-builder"))
            .args(arguments)
            .args(["--leader-elect-lease-duration", "3"])
            .args([
                "--health-probe-bind-address",
                "127.0.0.1:0",
                "--metrics-secure=false",
            ])
            .args(["--metrics-bind-address", "127.0.0.1:0", "--kubeconfig"])
            .arg(kubeconfig)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.builders.push(builder.unwrap());
    }

    /// SIGKILL for the oldest one.
    pub(crate) fn kill_builder(&mut self) {
        if self.builders.is_empty() {
            return;
        }
        let mut builder = self.builders.remove(0);
        builder.kill().unwrap();
        builder.wait().unwrap();
    }

    /// SIGTERM for the oldest one; its exit code, and how long it took.
    pub(crate) fn stop_builder(&mut self) -> (Option<i32>, Duration) {
        let mut builder = self.builders.remove(0);
        let start = Instant::now();
        let killed = Command::new("kill")
            .args(["-TERM", &builder.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let status = builder.wait().unwrap();
        (status.code(), start.elapsed())
    }

    /// What the builder that was started last says at `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        let address = self.until("metrics are served", || {
            let log = self.log();
            let lines = log.lines().rev();
            let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let line = lines.find(|line| line["endpoint"] == "metrics")?;
            let address = line["address"].as_str()?;
            // Of the one before it nobody listens any more.
            std::net::TcpStream::connect(address).ok()?;
            Some(address.to_owned())
        });
        test_control_plane::scrape::get(&address, "/metrics")
    }

    /// The calls of builders.
    pub(crate) fn calls(&self) -> Vec<AuditEvent> {
        let mut calls = self.control_plane.audit();
        calls.retain(|call| call.user.ends_with(":osimage-builder:machine-os-builder"));
        calls
    }

    /// Who holds the Lease.
    pub(crate) fn holder(&self) -> Value {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/machine-os-builder"
        );
        self.control_plane.get(&path)["spec"]["holderIdentity"].clone()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("builder.log")).unwrap_or_default()
    }

    /// What pods printed that build.
    pub(crate) fn pod_logs(&self) -> String {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let logs = entries
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("log")).ok());
        logs.collect()
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Waits until something is there.
    pub(crate) fn until<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find() {
                return found;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{what}: it does not come\n{:#}\n{:#?}\n{}",
                self.get("machineosconfigs/layered"),
                self.builds(),
                self.log(),
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The image that the MachineOSConfig names once a condition of it is true, if it is another one
    /// than before.
    pub(crate) fn until_ready(&self, not: &str) -> String {
        self.until("Ready", || {
            let config = self.get("machineosconfigs/layered");
            let image = config["status"]["currentImagePullSpec"]
                .as_str()?
                .to_owned();
            let current =
                config["metadata"]["generation"] == config["status"]["observedGeneration"];
            let ready = condition(&config, "Ready")?["status"] == "True";
            (image != not && current && ready).then_some(image)
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        while !self.builders.is_empty() {
            self.kill_builder();
        }
        self.agent.end();
        if let Some(thread) = self.agent_thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the node agent failed"
            );
        }
        let refused = self.calls().into_iter().find(|call| call.code == 403);
        assert!(
            refused.is_none() || std::thread::panicking(),
            "the shipped roles are not enough: {refused:?}"
        );
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("logs of builds: {}", folder.keep().display());
        }
    }
}

/// The roles that ship, and who has them.
pub(crate) fn roles() -> Vec<Value> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/machine-os-builder");
    let files = [
        "base/namespace.yaml",
        "base/serviceaccount.yaml",
        "base/roles.yaml",
        "overlays/replace/roles.yaml",
    ];
    test_control_plane::roles::documents(&deploy, &files)
}

/// The role for `--stand-alone`, besides.
pub(crate) fn stand_alone_roles() -> Vec<Value> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/machine-os-builder");
    test_control_plane::roles::documents(&deploy, &["components/stand-alone/roles.yaml"])
}

pub(crate) fn condition(object: &Value, kind: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|it| it["type"] == kind).cloned()
}
