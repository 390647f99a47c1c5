//! The boot image controller on a large cluster: how soon it decides, what it keeps in memory after many
//! events, how soon a set is edited that changed.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use test_control_plane::ControlPlane;

use super::live::{API, SETS};
use super::process::Controller;
use crate::say;

/// How many rendered MachineConfigs the cluster has, and how long each is, in bytes.
pub(super) const MACHINE_CONFIGS: usize = 200;
const MACHINE_CONFIG_BYTES: usize = 1 << 20;
/// How often the status of some set changes.
const STATUS_UPDATES: usize = 100_000;
/// How many sets are changed one after the other.
const CHANGES: usize = 9;

const CONFIGURATION: &str = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
const IMAGE: &str = "/spec/template/spec/providerSpec/value/image";

/// Measures in a cluster that [`super::live`] has filled.
pub(super) fn run(
    control_plane: &ControlPlane,
    binary: &Path,
    kubeconfig: &Path,
) -> Result<(), String> {
    prepare(control_plane)?;
    observe(control_plane, binary, kubeconfig)?;
    write(control_plane, binary, kubeconfig)
}

/// What a cluster has besides, and a status that is up to date.
fn prepare(control_plane: &ControlPlane) -> Result<(), String> {
    control_plane.create(&json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "osimage"}}));
    let path = format!("{CONFIGURATION}/status");
    let configuration = control_plane.get(CONFIGURATION);
    let generation = configuration.pointer("/metadata/generation");
    for status in [
        json!({"conditions": null}),
        json!({"observedGeneration": generation}),
    ] {
        control_plane.send("PATCH", &path, &json!({"status": status}))?;
    }
    let contents = format!("data:,{}", "x".repeat(MACHINE_CONFIG_BYTES));
    for number in 0..MACHINE_CONFIGS {
        let file = json!({"path": "/etc/large", "contents": {"source": contents}});
        control_plane.create(
            &json!({"apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig", "metadata": {"name": format!("rendered-worker-{number}")},
            "spec": {"config": {"ignition": {"version": "3.5.0"}, "storage": {"files": [file]}}}}),
        );
    }
    Ok(())
}

/// First decisions, and memory after many events.
fn observe(control_plane: &ControlPlane, binary: &Path, kubeconfig: &Path) -> Result<(), String> {
    let start = Instant::now();
    let controller = Controller::start(
        binary,
        kubeconfig,
        &["--mode=observe", "--namespace=osimage"],
    )?;
    controller.lines(SETS, |line| line.contains("\"name\":\"many-"))?;
    let decided = start.elapsed();
    let early = controller.memory("VmRSS:");
    let start = Instant::now();
    for number in 0..STATUS_UPDATES {
        let path = format!("{API}/many-{}/status", number % SETS);
        let status = json!({"status": {"replicas": number / SETS}});
        control_plane.send("PATCH", &path, &status)?;
    }
    let took = start.elapsed();
    std::thread::sleep(Duration::from_secs(5));
    say(&format!(
        "controller, {SETS} sets and {MACHINE_CONFIGS} MachineConfigs of 1 MiB: decided after {} ms; \
         {early} MiB, after {STATUS_UPDATES} changes of status within {} s {} MiB, at most {} MiB",
        decided.as_millis(),
        took.as_secs(),
        controller.memory("VmRSS:"),
        controller.peak(),
    ));
    Ok(())
}

/// How soon everything is written, and how soon a set that changed.
fn write(control_plane: &ControlPlane, binary: &Path, kubeconfig: &Path) -> Result<(), String> {
    let old = control_plane.get(&format!("{API}/many-0"));
    let old = old.pointer(IMAGE).cloned().unwrap_or_default();
    let start = Instant::now();
    let controller = Controller::start(
        binary,
        kubeconfig,
        &["--mode=replace", "--namespace=osimage"],
    )?;
    controller.lines(SETS, |line| line.contains("\"message\":\"updated\""))?;
    let all = start.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let mut times = Vec::new();
    for number in 0..CHANGES {
        let path = format!("{API}/many-{number}");
        let image =
            json!({"spec": {"template": {"spec": {"providerSpec": {"value": {"image": old}}}}}});
        let start = Instant::now();
        control_plane.send("PATCH", &path, &image)?;
        controller.lines(1, |line| line.contains("\"message\":\"updated\""))?;
        times.push(start.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    times.sort();
    let time = |index: usize| times.get(index).map_or(0, Duration::as_millis);
    say(&format!(
        "controller, {SETS} sets edited after {} ms, {} MiB at most; a set that changed after {} ms \
         ({}–{} ms)",
        all.as_millis(),
        controller.peak(),
        time(CHANGES / 2),
        time(0),
        time(CHANGES - 1),
    ));
    Ok(())
}
