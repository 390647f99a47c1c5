//! A cluster with the samples in it, and the command run against it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "a part of tests; each suite uses its part of it"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_control_plane::{AuditEvent, ControlPlane, Identity};

/// What a run of the command left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What it asked of the API server.
    pub(crate) calls: Vec<AuditEvent>,
}

/// A control plane with a cluster in it.
pub(crate) struct Cluster {
    pub(crate) control_plane: ControlPlane,
    pub(crate) kubeconfig: PathBuf,
    folder: TempDir,
}

/// Where the objects are that plans look at.
const COLLECTIONS: &[&str] = &[
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets",
    "/apis/machine.openshift.io/v1/namespaces/openshift-machine-api/controlplanemachinesets",
    "/apis/operator.openshift.io/v1/machineconfigurations",
    "/apis/config.openshift.io/v1/infrastructures",
    "/apis/config.openshift.io/v1/clusterversions",
    "/apis/config.openshift.io/v1/featuregates",
    "/apis/machineconfiguration.openshift.io/v1/machineconfigpools",
    "/apis/machineconfiguration.openshift.io/v1/machineconfigs",
    "/api/v1/namespaces/openshift-machine-config-operator/configmaps",
    SECRETS,
];

const SECRETS: &str = "/api/v1/namespaces/openshift-machine-api/secrets";
const STATE: &str = "/api/v1/namespaces/osimage/configmaps/osimage-boot-images";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/openshift-machine-api/events";

impl Cluster {
    /// The samples: a cluster on GCP, with an outdated set and more.
    pub(crate) fn gcp() -> Option<Self> {
        Self::with(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/samples/valid"))
    }

    pub(crate) fn with(objects: &Path) -> Option<Self> {
        let control_plane = ControlPlane::start()?;
        control_plane.create_all(objects);
        control_plane.create(&json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "osimage"}}));
        Some(Self {
            kubeconfig: control_plane.kubeconfig(&Identity::Admin),
            control_plane,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(&self.kubeconfig, arguments)
    }

    pub(crate) fn run_with(&self, kubeconfig: &Path, arguments: &[&str]) -> Run {
        self.run_command(&mut command(kubeconfig, arguments))
    }

    pub(crate) fn run_command(&self, command: &mut Command) -> Run {
        let mut output = None;
        let calls = self
            .control_plane
            .calls_of(|| output = Some(command.output().unwrap()));
        let output = output.unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            calls,
        }
    }

    /// Saves a plan of the live cluster; the path of the file.
    pub(crate) fn save_plan(&self) -> String {
        let path = self.folder.path().join("plan.json");
        let path = path.to_str().unwrap().to_owned();
        let run = self.run(&["plan", "--save", &path]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        path
    }

    /// Every object that a plan looks at, as `oc get -o json` would write it.
    pub(crate) fn dump(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (number, objects) in self.state().iter().enumerate() {
            let path = folder.path().join(format!("{number}.json"));
            std::fs::write(path, objects.to_string()).unwrap();
        }
        folder
    }

    /// Every object that a plan looks at or an apply could write.
    pub(crate) fn state(&self) -> Vec<Value> {
        let list = |path: &&str| {
            let mut list = self.control_plane.get(path);
            // The version of a list moves with every write of the API server's own.
            list["metadata"].take();
            list
        };
        COLLECTIONS.iter().map(list).collect()
    }

    /// Events that apply has written, by name.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.control_plane.get(EVENTS)["items"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// The history that the cluster keeps: kind, name, from and to of each entry.
    pub(crate) fn history(&self) -> Vec<[String; 4]> {
        let text = self.control_plane.get(STATE)["data"]["history.json"].take();
        let entries: Vec<Value> = match text.as_str() {
            Some(text) => serde_json::from_str(text).unwrap(),
            None => Vec::new(),
        };
        let members = ["kind", "name", "from", "to"];
        let entry = |entry: &Value| members.map(|name| entry[name].as_str().unwrap().to_owned());
        entries.iter().map(entry).collect()
    }

    /// Everything that an apply could write, for [`Cluster::reset`].
    pub(crate) fn snapshot(&self) -> Vec<Value> {
        let lists = [COLLECTIONS[0], COLLECTIONS[1], SECRETS];
        let lists = lists.map(|path| self.control_plane.get(path));
        let items = lists.iter().filter_map(|list| list["items"].as_array());
        items.flatten().map(with_type).collect()
    }

    /// Makes the cluster what it was, uids and all.
    pub(crate) fn reset(&self, snapshot: &[Value]) {
        for object in snapshot {
            self.control_plane.put_back(object);
        }
        self.control_plane.delete(EVENTS);
        self.control_plane.send("DELETE", STATE, &Value::Null).ok();
    }

    /// Lets a set name the Secret whose stub is of Ignition 2.
    pub(crate) fn point_at_spec_2(&self, set: &str) {
        let path = format!("{}/{set}", COLLECTIONS[0]);
        let spec = json!({"spec": {"template": {"spec": {"providerSpec": {"value":
            {"userDataSecret": {"name": "worker-user-data-spec2"}}}}}}});
        self.control_plane.merge(&path, &spec);
    }
}

/// Elements of the core group's lists have no type of their own.
fn with_type(item: &Value) -> Value {
    let mut item = item.clone();
    if item["kind"].is_null() {
        item["apiVersion"] = json!("v1");
        item["kind"] = json!("Secret");
    }
    item
}

/// The command, with nothing of the environment that would lead it elsewhere.
pub(crate) fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("NO_COLOR", "1");
    for proxy in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_lowercase());
    }
    command
}

pub(crate) fn plan_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}
