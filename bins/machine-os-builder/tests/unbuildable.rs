//! What cannot be built: the MachineOSConfig says why, an Event tells, and nothing is created. (What the API
//! server refuses by itself, e.g. two MachineOSConfigs for one pool, never gets so far.)

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use support::node_agent::NAMESPACE;
use support::registry::PASSWORD;
use support::{Cluster, GROUP, condition};

const TEXT: &str = "FROM configs AS final\nRUN echo first > /first\n";

/// The condition `Failed` says this, an Event does as well, and there is no Job and no object of a build.
fn check(cluster: &Cluster, reason: &str, expected: &str) {
    cluster.until(expected, || {
        let config = cluster.get("machineosconfigs/layered");
        let failed = condition(&config, "Failed")?;
        let is_it = failed["status"] == "True"
            && failed["reason"] == reason
            && failed["message"].as_str()?.contains(expected);
        is_it.then_some(())
    });
    cluster.until("an Event", || {
        let events = cluster.list("/apis/events.k8s.io/v1/namespaces/default/events");
        let tells = |event: &Value| {
            let note = event["note"].as_str().unwrap_or_default();
            event["type"] == "Warning" && note.contains(expected)
        };
        events.iter().any(tells).then_some(())
    });
    assert_eq!(cluster.agent.pods.load(Ordering::SeqCst), 0);
    let label = "machineconfiguration.openshift.io/ephemeral-build-object";
    for path in ["/apis/batch/v1", "/api/v1"] {
        let kinds: &[&str] = match path {
            "/api/v1" => &["configmaps", "secrets"],
            _ => &["jobs"],
        };
        for kind in kinds {
            let objects = cluster.list(&format!("{path}/namespaces/{NAMESPACE}/{kind}"));
            let mut made = objects
                .iter()
                .filter(|object| object["metadata"]["labels"][label].is_string());
            assert!(made.next().is_none(), "{expected}: {kind}");
        }
    }
}

#[test]
fn il_460_il_702_il_815_what_cannot_be_built_is_told_and_nothing_is_made() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    let plane = std::sync::Arc::clone(&cluster.control_plane);
    let secrets = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    // The push Secret is not there.
    plane.delete(&format!("{secrets}/push"));
    plane.create(&cluster.config(TEXT));
    check(&cluster, "Blocked", "secret push from layered is not found");
    // It is of the wrong type. (Who waits half a minute sees that by itself; an edit is quicker.)
    plane.create(
        &json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "push", "namespace": NAMESPACE}, "stringData": {"password": "p"}}),
    );
    let edit = |number: u8| {
        cluster.edit(&format!("{TEXT}RUN echo {number} > /number\n"));
    };
    edit(1);
    check(&cluster, "Blocked", "invalid secret key type Opaque");
    cluster.set_secret("push", PASSWORD);
    // Nodes of the pool run on two architectures.
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other",
        "labels": {"node-role.kubernetes.io/layered": "", "node-role.kubernetes.io/worker": ""}}});
    plane.create(&node);
    let arm = json!({"status": {"nodeInfo": {"architecture": "arm64", "bootID": "", "machineID": "",
        "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "",
        "kubeletVersion": "", "operatingSystem": "linux", "osImage": "", "systemUUID": ""}}});
    plane.merge("/api/v1/nodes/other/status", &arm);
    edit(2);
    check(
        &cluster,
        "Blocked",
        "nodes of several architectures (aarch64, x86_64)",
    );
    // The pool has no node, and it is not clear which architecture it would have.
    for node in cluster.list("/api/v1/nodes") {
        let name = node["metadata"]["name"].as_str().unwrap();
        let off = json!({"metadata": {"labels": {"node-role.kubernetes.io/layered": null}}});
        plane.merge(&format!("/api/v1/nodes/{name}"), &off);
    }
    edit(3);
    check(&cluster, "Blocked", "add a node to the pool");
    assert!(cluster.builds().is_empty());
    plane.delete("/api/v1/nodes/other");
    // A text that ends in the middle: the build says so as well, and has no Job.
    cluster.edit("FROM configs AS final\nRUN echo first > /first\nCOPY");
    check(&cluster, "BuildFailed", "COPY instruction requires");
    // All is well again, in a pool without nodes: its nodes will be as those of the cluster are.
    cluster.edit(TEXT);
    cluster.until_ready("");
    // At rest nobody writes.
    std::thread::sleep(Duration::from_secs(1));
    plane.delete(&format!("{GROUP}/machineosconfigs/layered"));
    cluster.until("no builds", || cluster.builds().is_empty().then_some(()));
    // There is no such pool.
    let mut config = cluster.config(TEXT);
    config["spec"]["machineConfigPool"]["name"] = json!("ghost");
    config["metadata"]["name"] = json!("ghost");
    plane.create(&config);
    cluster.until("the pool is missing", || {
        let config = cluster.get("machineosconfigs/ghost");
        let message = condition(&config, "Failed")?["message"].clone();
        message
            .as_str()?
            .contains("could not get MachineConfigPool ghost")
            .then_some(())
    });
    // A second MachineOSConfig for a pool is refused at the door.
    let mut second = cluster.config(TEXT);
    second["metadata"]["name"] = json!("another");
    assert!(plane.try_create(&second).is_err());
}
