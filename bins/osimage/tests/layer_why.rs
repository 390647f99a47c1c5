//! `osimage layer why`, `logs` and `status` of a live cluster, with the real API server. Skipped, loudly, where
//! it is missing.

use std::process::Command;

use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};

const V1: &str = "machineconfiguration.openshift.io/v1";
const NAMESPACE: &str = "openshift-machine-config-operator";
const BUILD: &str = "layered-0123456789abcdef0123456789abcdef";

fn rendered(name: &str, arguments: &[&str]) -> Value {
    json!({"apiVersion": V1, "kind": "MachineConfig", "metadata": {"name": name, "annotations":
        {"machineconfiguration.openshift.io/release-image-version": "4.20.1",
        "machineconfiguration.openshift.io/generated-by-controller-version": "a"}},
        "spec": {"osImageURL": "quay.io/release/os@sha256:1", "kernelArguments": arguments}})
}

fn build(name: &str, rendered: &str) -> Value {
    json!({"apiVersion": V1, "kind": "MachineOSBuild", "metadata": {"name": name},
        "spec": {"machineConfig": {"name": rendered}, "machineOSConfig": {"name": "layered"},
        "renderedImagePushSpec": format!("registry.example.com/org/os:{name}")}})
}

/// A pool whose image was built once, and whose next build failed.
fn fill(control_plane: &ControlPlane) {
    let source = json!({"apiVersion": V1, "kind": "MachineConfig", "name": "99-nosmt"});
    let log = "one\nhttps://me:secret@mirror/ is down\nError: exit status 42";
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        rendered("rendered-layered-1", &["quiet"]),
        rendered("rendered-layered-2", &["quiet", "nosmt"]),
        rendered("99-nosmt", &["nosmt"]),
        json!({"apiVersion": V1, "kind": "MachineConfigPool", "metadata": {"name": "layered"},
            "spec": {"configuration": {"name": "rendered-layered-2", "source": [source]}}}),
        json!({"apiVersion": V1, "kind": "MachineOSConfig", "metadata": {"name": "layered"},
            "spec": {"machineConfigPool": {"name": "layered"},
            "imageBuilder": {"imageBuilderType": "Job"}, "renderedImagePushSecret": {"name": "push"},
            "renderedImagePushSpec": "registry.example.com/org/os:latest"}}),
        build(
            "layered-ffffffffffffffffffffffffffffffff",
            "rendered-layered-1",
        ),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("log-{BUILD}"),
            "namespace": NAMESPACE,
            "labels": {"machineconfiguration.openshift.io/ephemeral-build-object": ""}},
            "data": {"build-pod": log}}),
    ] {
        control_plane.create(&object);
    }
    // The API server counts in seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    control_plane.create(&build(BUILD, "rendered-layered-2"));
    let status = format!("/apis/{V1}/machineosbuilds/{BUILD}/status");
    let at = "2026-01-01T00:00:00Z";
    let condition = |kind: &str, status: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": "Build", "message": message,
            "lastTransitionTime": at})
    };
    control_plane.merge(
        &status,
        &json!({"status": {"buildStart": at, "conditions": [
            condition("Failed", "True", "Build Failed: a step of the Containerfile failed (stage step)"),
            condition("Succeeded", "False", "-")]}}),
    );
}

#[test]
fn il_750_il_782_a_live_cluster_says_why_a_build_was_made_and_why_it_failed() {
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    fill(&control_plane);
    let kubeconfig = control_plane
        .kubeconfig(&Identity::Admin)
        .display()
        .to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
            .arg("layer")
            .args(arguments)
            .args(["--kubeconfig", &kubeconfig])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let why = run(&["why", "layered"]);
    for expected in [
        &format!("layered: MachineOSBuild {BUILD} (Failed since 2026-01-01T00:00:00Z)"),
        "because  pool configuration rendered-layered-2 instead of rendered-layered-1 (supposed",
        "changed  kernelArguments: \"quiet\" before, \"quiet nosmt\" now (MachineConfig 99-nosmt)",
        "failed   Build Failed: a step of the Containerfile failed (stage step)",
        "https://***@mirror/ is down",
        "now      MachineOSBuild layered-",
    ] {
        assert!(why.contains(expected), "{expected:?} is not in {why}");
    }
    let document: Value = serde_json::from_str(&run(&["why", BUILD, "-o", "json"])).unwrap();
    assert_eq!(document["kind"], "LayerWhy");
    assert_eq!(document["build"]["state"], "Failed");
    let log = run(&["logs", "layered"]);
    assert_eq!(
        log,
        "one\nhttps://***@mirror/ is down\nError: exit status 42\n"
    );
    let status = run(&["status"]);
    assert!(
        status.contains("layered: to be layered; its first image is not built yet"),
        "{status}"
    );
    assert!(
        !status.contains("layered: the image of the release"),
        "{status}"
    );
}
