//! A cluster with the samples in it, and the controller run against it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "a part of tests; each suite uses its part of it"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_control_plane::{AuditEvent, ControlPlane, Identity};

pub(crate) const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
pub(crate) const CONFIGURATION: &str =
    "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
pub(crate) const STREAM: &str =
    "/api/v1/namespaces/openshift-machine-config-operator/configmaps/coreos-bootimages";
pub(crate) const VERSION: &str = "/apis/config.openshift.io/v1/clusterversions/version";
pub(crate) const OPERATOR: &str = "/apis/config.openshift.io/v1/clusteroperators/osimage";
pub(crate) const STATE: &str = "/api/v1/namespaces/osimage/configmaps/osimage-boot-images";
pub(crate) const LEASE: &str =
    "/apis/coordination.k8s.io/v1/namespaces/osimage/leases/boot-image-controller";
pub(crate) const SECRETS: &str = "/api/v1/namespaces/openshift-machine-api/secrets";
pub(crate) const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/openshift-machine-api/events";
const IMAGE: &str = "/spec/template/spec/providerSpec/value/disks/0/image";

/// What the samples' release has.
pub(crate) const CURRENT: &str = "rhcos-9-8-20260715-0";
/// How long is waited for what should happen within seconds: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(100);
const PAUSE: Duration = Duration::from_millis(50);

/// A control plane with a cluster in it.
pub(crate) struct Cluster {
    pub(crate) control_plane: ControlPlane,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl Cluster {
    /// The samples: a cluster on GCP, with outdated sets and more.
    pub(crate) fn gcp() -> Option<Self> {
        Self::with("samples/valid")
    }

    pub(crate) fn with(objects: &str) -> Option<Self> {
        Self::of(&[fixture(objects)])
    }

    /// A cluster of the objects in files and folders.
    pub(crate) fn of(objects: &[PathBuf]) -> Option<Self> {
        let control_plane = ControlPlane::start()?;
        let this = Self {
            kubeconfig: control_plane.kubeconfig(&Identity::Admin),
            control_plane,
            folder: tempfile::tempdir().unwrap(),
        };
        this.fill_with(objects);
        Some(this)
    }

    /// Gives the controller the roles of `deploy/`; a kubeconfig for it.
    pub(crate) fn install_roles(&self) -> PathBuf {
        for document in role_documents() {
            self.control_plane.create(&document);
        }
        self.control_plane.kubeconfig(&Identity::ServiceAccount {
            namespace: "osimage".to_owned(),
            name: "boot-image-controller".to_owned(),
        })
    }

    /// Makes the objects of a fixture, in a control plane that has none.
    pub(crate) fn fill(&self, objects: &str) {
        self.fill_with(&[fixture(objects)]);
    }

    fn fill_with(&self, objects: &[PathBuf]) {
        for path in objects {
            self.control_plane.create_all(path);
        }
        self.control_plane
            .create(&json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "osimage"}}));
        // Who made the samples is no controller that writes conditions.
        self.configuration_status(&json!({"conditions": null}));
        self.configuration_status(&json!({"observedGeneration": self.generation()}));
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.control_plane.get(path)
    }

    pub(crate) fn merge(&self, path: &str, change: &Value) {
        self.control_plane.merge(path, change);
    }

    pub(crate) fn configuration_status(&self, status: &Value) {
        let path = format!("{CONFIGURATION}/status");
        self.merge(&path, &json!({"status": status}));
    }

    pub(crate) fn generation(&self) -> Value {
        self.get(CONFIGURATION)["metadata"]["generation"].clone()
    }

    /// ClusterVersion with another release in front of its history.
    pub(crate) fn release(&self, version: &str, state: &str) {
        let mut object = self.get(VERSION);
        let status = &mut object["status"];
        status["desired"]["version"] = json!(version);
        let history = status["history"].as_array_mut().unwrap();
        history.retain(|entry| entry["version"] != version);
        let ended = (state == "Completed").then_some("2026-09-01T11:00:00Z");
        let newest = json!({"state": state, "version": version, "verified": true,
            "image": history[0]["image"], "startedTime": "2026-09-01T10:00:00Z",
            "completionTime": ended});
        history.insert(0, newest);
        let path = format!("{VERSION}/status");
        self.control_plane.send("PUT", &path, &object).unwrap();
    }

    /// What a set boots.
    pub(crate) fn image(&self, set: &str) -> String {
        let object = self.get(&set_path(set));
        let image = object.pointer(IMAGE).and_then(Value::as_str);
        image.unwrap_or_default().to_owned()
    }

    /// Somebody writes another image, as another field manager.
    pub(crate) fn revert(&self, set: &str, image: &str, manager: &str) {
        let mut object = self.get(&set_path(set));
        *object.pointer_mut(IMAGE).unwrap() = json!(image);
        let path = format!("{}?fieldManager={manager}", set_path(set));
        // It fails where the controller was faster; then there is a next time.
        self.control_plane.send("PUT", &path, &object).ok();
    }

    /// A release brings another image.
    pub(crate) fn bring(&self, from: &str, to: &str) {
        let config_map = self.get(STREAM);
        let stream = config_map["data"]["stream"].as_str().unwrap();
        assert!(stream.contains(from), "{stream}");
        let data = json!({"data": {"stream": stream.replace(from, to)}});
        self.merge(STREAM, &data);
    }

    pub(crate) fn condition(&self, path: &str, kind: &str) -> Value {
        let object = self.get(path);
        let conditions = object["status"]["conditions"].as_array().cloned();
        let found = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == kind);
        found.unwrap_or_default()
    }

    /// What the history has of an object, the oldest first.
    pub(crate) fn history(&self, name: &str) -> Vec<Value> {
        let state = self.get(STATE);
        let text = state["data"]["history.json"].as_str().unwrap_or("[]");
        let entries: Vec<Value> = serde_json::from_str(text).unwrap();
        entries
            .into_iter()
            .filter(|entry| entry["name"] == name)
            .collect()
    }

    /// The reasons of the Events about an object.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let events = self.get(EVENTS);
        let events = events["items"].as_array().cloned().unwrap_or_default();
        events
            .into_iter()
            .filter(|event| event["regarding"]["name"] == name)
            .collect()
    }

    /// What the controller wrote while `work` ran.
    pub(crate) fn writes_of(&self, work: impl FnOnce()) -> Vec<AuditEvent> {
        let mut calls = self.control_plane.calls_of(work);
        calls.retain(|call| call.is_write() && call.resource != "leases.coordination.k8s.io");
        calls
    }
}

/// Whether suites are to run in their long form.
pub(crate) fn soak() -> bool {
    std::env::var_os("OSIMAGE_SOAK").is_some_and(|value| !value.is_empty())
}

/// The roles of `deploy/`, and who has them.
pub(crate) fn role_documents() -> Vec<Value> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/boot-image-controller");
    let files = [
        "base/serviceaccount.yaml",
        "base/roles.yaml",
        "components/writer/roles.yaml",
        "overlays/replace/roles.yaml",
    ];
    test_control_plane::roles::documents(&deploy, &files)
}

fn fixture(objects: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    fixtures.join(objects)
}

pub(crate) fn set_path(set: &str) -> String {
    format!("{SETS}/demo-7xk2p-{set}")
}

/// Waits until something holds.
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

/// The same, for what is known to take its time.
pub(crate) fn within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "{what}");
        std::thread::sleep(PAUSE);
    }
}

/// A running controller. It is killed when this is dropped.
pub(crate) struct Controller {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Controller {
    pub(crate) fn start(kubeconfig: &Path, arguments: &[&str]) -> Self {
        Self::spawn(&mut command(kubeconfig, arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::from(line));
                shared.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// The first line that has this member with this value.
    pub(crate) fn line(&self, member: &str, value: &str) -> Option<Value> {
        let lines = self.log();
        lines.into_iter().find(|line| line[member] == value)
    }

    /// What an endpoint answers: `probes` or `metrics`.
    pub(crate) fn http(&self, endpoint: &str, path: &str) -> String {
        let address = eventually("the controller listens", || {
            let line = self.line("endpoint", endpoint)?;
            Some(line["address"].as_str()?.to_owned())
        });
        test_control_plane::scrape::get(&address, path)
    }

    /// The value of a series; 0 where there is none.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.http("metrics", "/metrics");
        let line = text.lines().find(|line| line.starts_with(series));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_default()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Asks it to stop; how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let log = self.log();
            let lines = log.iter().map(ToString::to_string);
            let text = lines.collect::<Vec<_>>().join("\n") + "\n";
            std::io::stderr().write_all(text.as_bytes()).ok();
        }
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let arguments = [format!("-{name}"), process.to_string()];
    let sent = Command::new("kill").args(arguments).status();
    assert!(sent.unwrap().success());
}

/// The command, with nothing of the environment that would lead it elsewhere.
pub(crate) fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boot-image-controller"));
    command
        .args([
            "--health-probe-bind-address=127.0.0.1:0",
            "--metrics-bind-address=127.0.0.1:0",
            "--metrics-secure=false",
            "--namespace=osimage",
        ])
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env_remove("GOVC_USERNAME")
        .env_remove("GOVC_PASSWORD")
        .env_remove("GOVC_URL")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_ROLE_ARN");
    for proxy in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_lowercase());
    }
    command
}
