//! A cluster on vSphere, and the command run against it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "a part of tests; each suite uses its part of it"
)]

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_vcenter::cluster::{
    FOLDER, RELEASE, SERVER, WORKER_1, WORKER_2, credentials, fill, objects, templates,
};
use test_vcenter::{Machine, PASSWORD, Vcenter};

use crate::live_support::{Cluster, Run, command};

pub(crate) const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";

/// A cluster on a vCenter that has the templates of an old release.
pub(crate) struct Setting {
    pub(crate) cluster: Cluster,
    pub(crate) vcenter: Vcenter,
    pub(crate) files: TempDir,
    /// Authorities of further vCenters.
    pub(crate) authorities: Vec<PathBuf>,
}

impl Setting {
    pub(crate) fn start() -> Option<Self> {
        Self::on(|text, server| text.replace(SERVER, server))
    }

    /// `servers` makes of each document what it is on this vCenter.
    pub(crate) fn on(servers: impl Fn(&str, &str) -> String) -> Option<Self> {
        let vcenter = Vcenter::start(0)?;
        fill(&vcenter);
        let files = tempfile::tempdir().unwrap();
        let objects = objects(files.path(), &|text: &str| servers(text, &vcenter.server));
        let cluster = Cluster::with(&objects)?;
        cluster
            .control_plane
            .create(&json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "worker-user-data", "namespace": "openshift-machine-api"},
            "stringData": {"userData": r#"{"ignition":{"version":"3.4.0"}}"#}}));
        cluster
            .control_plane
            .create(&credentials(&vcenter, PASSWORD));
        vcenter.reset();
        Some(Self {
            cluster,
            vcenter,
            files,
            authorities: Vec::new(),
        })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.cluster.kubeconfig, arguments);
        let authorities = std::iter::once(self.vcenter.authority());
        for authority in authorities.chain(self.authorities.clone()) {
            command.arg("--vcenter-ca").arg(authority);
        }
        for variable in [
            "GOVC_URL",
            "GOVC_USERNAME",
            "GOVC_PASSWORD",
            "GOVC_INSECURE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.cluster.run_command(&mut self.command(arguments))
    }

    /// Saves a plan that knows what the vCenter has.
    pub(crate) fn plan(&self, options: &[&str]) -> String {
        let path = self.files.path().join("plan.json");
        let path = path.to_str().unwrap().to_owned();
        let run = self.run(&[&["plan", "--resolve", "--save", &path], options].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        path
    }

    pub(crate) fn apply_command(&self, plan: &str, options: &[&str]) -> Command {
        let mirror = format!("file://{}", self.files.path().display());
        let arguments = [
            "apply",
            plan,
            "--accept-deferred",
            "--artifact-mirror",
            &mirror,
        ];
        let mut command = self.command(&[&arguments[..], options].concat());
        command
            .arg("--artifact-cache")
            .arg(self.files.path().join("cache"));
        command
    }

    pub(crate) fn apply(&self, plan: &str, options: &[&str]) -> Run {
        self.cluster
            .run_command(&mut self.apply_command(plan, options))
    }

    /// The template that a set names.
    pub(crate) fn template_of(&self, set: &str) -> String {
        let set = self.cluster.control_plane.get(&format!("{SETS}/{set}"));
        let template = &set["spec"]["template"]["spec"]["providerSpec"]["value"]["template"];
        template.as_str().unwrap().to_owned()
    }

    pub(crate) fn machines(&self) -> Vec<Machine> {
        self.vcenter.machines(&format!("{FOLDER}/"))
    }

    /// Names in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let machines = self.machines();
        let name = |machine: &Machine| machine.path.rsplit('/').next().unwrap().to_owned();
        machines.iter().map(name).collect()
    }

    /// What a set of the plan names is there, whole, with its tag and its release.
    pub(crate) fn check_sets(&self, context: &str) {
        let machines = self.machines();
        for set in [WORKER_1, WORKER_2] {
            let path = format!("{FOLDER}/{}", self.template_of(set));
            let machine = machines.iter().find(|machine| machine.path == path);
            let machine = machine.unwrap_or_else(|| panic!("{context}: {set}: no {path}"));
            assert!(machine.template, "{context}: {machine:?}");
            let is_new = machine.version == RELEASE;
            assert!(
                !is_new || machine.tags == ["loom-2c8vf"],
                "{context}: {machine:?}"
            );
        }
    }

    /// The vCenter is as it was, and so are the sets.
    pub(crate) fn reset(&self, snapshot: &[Value]) {
        self.vcenter.remove(&format!("{FOLDER}/*"));
        templates(&self.vcenter);
        self.cluster.reset(snapshot);
        self.vcenter.reset();
    }
}
