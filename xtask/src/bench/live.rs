//! A plan of a live cluster: many sets, and many Secrets that are none of its business.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};

use super::{RUNS, runs};
use crate::r#gen::root;
use crate::say;

/// How many sets the cluster has.
pub(super) const SETS: usize = 1_000;
/// How many Secrets lie in the namespace of the sets.
const SECRETS: usize = 30_000;
/// What a Secret of the Machine API's namespace holds, in bytes: a stub with a certificate.
const SECRET_BYTES: usize = 2_000;

pub(super) const API: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";

/// A set of the fixture with an image that is out of date.
const OUTDATED: &str = "mill-6tq4z-worker-northeurope2";

/// Fills a control plane and measures; says why not where there is none.
pub(super) fn run(binary: &Path, controller: &Path, builder: &Path) -> Result<(), String> {
    let Some(control_plane) = ControlPlane::start() else {
        return Ok(());
    };
    control_plane.create_all(&root().join("fixtures/azure-inspect"));
    fill(&control_plane)?;
    let kubeconfig = control_plane.kubeconfig(&Identity::Admin);
    let runs = runs(|| {
        let mut command = Command::new(binary);
        command
            .args(["plan", "-o", "patch"])
            .env("KUBECONFIG", &kubeconfig);
        command
    })?;
    if runs.iter().any(|run| run.lines < SETS) {
        return Err("the plan does not update every set".to_owned());
    }
    let of = |index: usize| runs.get(index);
    let time = |index: usize| of(index).map_or(0, |run| run.time.as_millis());
    let first = of(RUNS / 2).map_or(0, |run| run.first_line.as_millis());
    let memory = runs.iter().map(|run| run.peak_kib).max().unwrap_or(0);
    let lines = of(0).map_or(0, |run| run.lines);
    say(&format!(
        "live, {SETS} sets and {SECRETS} foreign Secrets, -o patch: first line after {first} ms, \
         {} ms ({}–{} ms), {} MiB, {lines} lines",
        time(RUNS / 2),
        time(0),
        time(RUNS - 1),
        memory.div_ceil(1024),
    ));
    super::controller::run(&control_plane, controller, &kubeconfig)?;
    super::builder::run(&control_plane, builder, &kubeconfig)
}

fn fill(control_plane: &ControlPlane) -> Result<(), String> {
    let outdated = control_plane.get(&format!("{API}/{OUTDATED}"));
    let pattern = outdated
        .get("spec")
        .ok_or_else(|| format!("the fixture has no MachineSet {OUTDATED}"))?;
    let labels = outdated.pointer("/metadata/labels");
    for number in 0..SETS {
        control_plane.create(&json!({
            "apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"name": format!("many-{number}"), "labels": labels,
                "namespace": "openshift-machine-api"},
            "spec": pattern,
        }));
    }
    let stub = format!(
        r#"{{"ignition":{{"version":"3.4.0"}},"x":"{}"}}"#,
        "x".repeat(SECRET_BYTES)
    );
    let secret = |name: String| -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"userData": stub},
            "metadata": {"name": name, "namespace": "openshift-machine-api"}})
    };
    control_plane.create(&secret("worker-user-data".to_owned()));
    for number in 0..SECRETS {
        control_plane.create(&secret(format!("foreign-{number}")));
    }
    Ok(())
}
