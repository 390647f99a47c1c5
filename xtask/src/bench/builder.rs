//! The builder of layered images on a large cluster: how soon it decides, and what it keeps in memory.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_control_plane::ControlPlane;

use super::controller::MACHINE_CONFIGS;
use super::process::Controller;
use crate::say;

/// How many pools are layered, and how many builds each has.
const POOLS: usize = 5;
const BUILDS_OF_POOL: usize = 100;
/// How long it runs before its memory is read again.
const LATER: Duration = Duration::from_secs(20);

const VERSION: &str = "machineconfiguration.openshift.io/v1";
const KEY: &str = "machineconfiguration.openshift.io";
const GROUP: &str = "/apis/machineconfiguration.openshift.io/v1";

/// Measures in a cluster that [`super::controller`] has filled with rendered MachineConfigs.
pub(super) fn run(
    control_plane: &ControlPlane,
    binary: &Path,
    kubeconfig: &Path,
) -> Result<(), String> {
    // It may be there.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "openshift-machine-config-operator"}});
    control_plane.try_create(&namespace).ok();
    for number in 0..POOLS {
        fill(control_plane, number)?;
    }
    let start = Instant::now();
    let builder = Controller::start(binary, kubeconfig, &["--mode=observe"])?;
    builder.lines(1, |line| line.contains("\"message\":\"decided\""))?;
    let first = start.elapsed();
    builder.lines(POOLS - 1, |line| line.contains("\"message\":\"decided\""))?;
    let all = start.elapsed();
    let early = builder.memory("VmRSS:");
    std::thread::sleep(LATER);
    say(&format!(
        "builder, {} builds of {POOLS} pools and {MACHINE_CONFIGS} MachineConfigs of 1 MiB: first decision \
         after {} ms, all {POOLS} after {} ms; {early} MiB, {} s later {} MiB, at most {} MiB",
        POOLS * BUILDS_OF_POOL,
        first.as_millis(),
        all.as_millis(),
        LATER.as_secs(),
        builder.memory("VmRSS:"),
        builder.peak(),
    ));
    Ok(())
}

/// A pool with its MachineOSConfig and its builds.
fn fill(control_plane: &ControlPlane, number: usize) -> Result<(), String> {
    let pool = format!("layered-{number}");
    let rendered = json!({"name": format!("rendered-worker-{number}")});
    control_plane.create(&json!({"apiVersion": VERSION, "kind": "MachineConfigPool",
        "metadata": {"name": pool}, "spec": {"configuration": rendered}}));
    control_plane.create(&json!({"apiVersion": VERSION, "kind": "MachineOSConfig",
        "metadata": {"name": pool}, "spec": {"machineConfigPool": {"name": pool},
            "imageBuilder": {"imageBuilderType": "Job"}, "renderedImagePushSecret": {"name": "push"},
            "renderedImagePushSpec": "registry.example/os/layered:latest",
            "containerFile": [{"containerfileArch": "NoArch", "content": "FROM configs AS final"}]}}));
    let config = control_plane.get(&format!("{GROUP}/machineosconfigs/{pool}"));
    let uid = config.pointer("/metadata/uid").cloned().unwrap_or_default();
    for build in 0..BUILDS_OF_POOL {
        let name = format!("{pool}-{build:032x}");
        control_plane.create(&object(&name, &pool, &uid));
        let status = json!({"status": {"buildStart": "2026-01-01T00:00:00Z",
            "buildEnd": "2026-01-01T00:10:00Z",
            "digestedImagePushSpec": format!("registry.example/os/layered@sha256:{build:064x}"),
            "conditions": conditions()}});
        control_plane.send(
            "PATCH",
            &format!("{GROUP}/machineosbuilds/{name}/status"),
            &status,
        )?;
    }
    Ok(())
}

fn object(name: &str, pool: &str, config_uid: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": "MachineOSBuild", "metadata": {"name": name,
            "finalizers": ["osimage.dev/image"],
            "labels": {format!("{KEY}/machine-os-config"): pool,
                format!("{KEY}/target-machine-config-pool"): pool},
            "annotations": {"osimage.dev/content-digest": format!("sha256:{name}"),
                "osimage.dev/trigger": "first build of the MachineOSConfig"},
            "ownerReferences": [{"apiVersion": VERSION, "kind": "MachineOSConfig", "name": pool,
                "uid": config_uid, "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"machineOSConfig": {"name": pool}, "machineConfig": {"name": "rendered-old"},
            "renderedImagePushSpec": format!("registry.example/os/layered:{name}")}})
}

/// As they stand on a build that succeeded.
fn conditions() -> Vec<Value> {
    let condition = |kind: &str| {
        json!({"type": kind, "status": if kind == "Succeeded" { "True" } else { "False" },
            "reason": "Ready", "message": "Build Ready",
            "lastTransitionTime": "2026-01-01T00:10:00Z"})
    };
    let kinds = ["Prepared", "Building", "Failed", "Interrupted", "Succeeded"];
    kinds.map(condition).to_vec()
}
