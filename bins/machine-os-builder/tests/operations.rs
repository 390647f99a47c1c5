//! The builder on a real API server: how it stops, what it does in place of the operator, and its metrics.

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
use support::{Cluster, GROUP, condition};

const TEXT: &str = "FROM configs AS final\nRUN echo first > /first\n";
const KEY: &str = "machineconfiguration.openshift.io";

/// A build that succeeded a while ago, of the MachineOSConfig `layered`.
fn old_build(number: usize, config: &Value, host: &str) -> Value {
    json!({"apiVersion": format!("{KEY}/v1"), "kind": "MachineOSBuild",
        "metadata": {"name": format!("layered-{number:032x}"),
            "finalizers": ["osimage.dev/image"],
            "labels": {format!("{KEY}/machine-os-config"): "layered",
                format!("{KEY}/target-machine-config-pool"): "layered"},
            "ownerReferences": [{"apiVersion": format!("{KEY}/v1"), "kind": "MachineOSConfig",
                "name": "layered", "uid": config["metadata"]["uid"], "controller": true}]},
        "spec": {"machineOSConfig": {"name": "layered"}, "machineConfig": {"name": "rendered-old"},
            "renderedImagePushSpec": format!("{host}/os/old:{number}")}})
}

fn names(objects: &[Value]) -> Vec<&str> {
    let names = objects
        .iter()
        .map(|it| it["metadata"]["name"].as_str().unwrap());
    names.collect()
}

#[test]
fn il_380_il_382_deletions_that_were_begun_are_ended_before_the_builder_stops() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.agent.hold.store(true, Ordering::SeqCst);
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(TEXT));
    cluster.until("a pod", || {
        (cluster.agent.pods.load(Ordering::SeqCst) == 1).then_some(())
    });
    let config = cluster.get("machineosconfigs/layered");
    let status = json!({"status": {"conditions": [{"type": "Succeeded", "status": "True",
        "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "buildStart": "2026-01-01T00:00:00Z", "buildEnd": "2026-01-01T00:00:01Z",
        "digestedImagePushSpec": format!("{}/os/old@sha256:{}", cluster.registry.host, "0".repeat(64))}});
    for number in 0..12 {
        let build = old_build(number, &config, &cluster.registry.host);
        cluster.control_plane.create(&build);
        let name = build["metadata"]["name"].as_str().unwrap();
        cluster.merge(&format!("{GROUP}/machineosbuilds/{name}/status"), &status);
    }
    // All of them go in one decision. As soon as it is made the builder is asked to stop. (The garbage
    // collector, which would delete them as well, is slower in a cluster.)
    std::thread::sleep(Duration::from_secs(2));
    cluster.agent.keeps_orphans.store(true, Ordering::SeqCst);
    cluster
        .control_plane
        .delete(&format!("{GROUP}/machineosconfigs/layered"));
    while !cluster.log().contains("delete MachineOSBuild") {
        std::thread::sleep(Duration::from_millis(2));
    }
    let (code, took) = cluster.stop_builder();
    assert_eq!(code, Some(0));
    cluster.agent.keeps_orphans.store(false, Ordering::SeqCst);
    let builds = cluster.builds();
    let stay = builds
        .iter()
        .filter(|build| build["metadata"]["deletionTimestamp"].is_null());
    let stay: Vec<_> = stay.cloned().collect();
    assert_eq!(
        names(&stay),
        Vec::<&str>::new(),
        "after {took:?}: {}",
        cluster.log()
    );
    // It did not hold on to the Lease.
    assert!(cluster.holder().as_str().unwrap_or_default().is_empty());

    // What nobody deletes is told, and holds up nothing for longer than ten seconds.
    let orphan = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "digest-gone",
        "namespace": NAMESPACE, "labels": {format!("{KEY}/ephemeral-build-object"): "",
            format!("{KEY}/machine-os-build"): "gone"}}});
    cluster.control_plane.create(&orphan);
    cluster.start_builder();
    cluster.until("no builds", || cluster.builds().is_empty().then_some(()));
    let (code, took) = cluster.stop_builder();
    assert_eq!(code, Some(0));
    assert!(took >= Duration::from_secs(10), "{took:?}");
    let command = format!("oc delete configmap/digest-gone -n {NAMESPACE}");
    assert!(cluster.log().contains(&command), "{}", cluster.log());
    assert!(
        cluster
            .log()
            .contains("Some objects may be orphaned as a result.")
    );
}

#[test]
fn il_392_il_589_il_601_il_875_in_place_of_the_operator_secrets_are_copied() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    for role in support::stand_alone_roles() {
        cluster.control_plane.create(&role);
    }
    let secrets = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    let copy = format!("{secrets}/global-pull-secret-copy");
    let entitlement = format!("{secrets}/etc-pki-entitlement-layered");
    let plane = std::sync::Arc::clone(&cluster.control_plane);
    plane.delete(&copy);
    let secret = |namespace: &str, name: &str, kind: &str, key: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": {"name": name, "namespace": namespace}, "stringData": {key: value}})
    };
    let registry = "kubernetes.io/dockerconfigjson";
    let credentials = cluster.registry.credentials(support::registry::PASSWORD);
    plane.create(&secret(
        "openshift-config",
        "pull-secret",
        registry,
        ".dockerconfigjson",
        &credentials,
    ));
    let managed = "openshift-config-managed";
    plane.create(&secret(
        managed,
        "etc-pki-entitlement",
        "Opaque",
        "entitlement.pem",
        "a",
    ));
    // Of an older release.
    for (kind, name) in [
        ("ConfigMap", "dockerfile-rendered-layered-1"),
        ("Secret", "push-canonical"),
    ] {
        plane.create(&json!({"apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE}}));
    }
    cluster.start_with(&["--mode", "replace", "--stand-alone"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(plane.get(&copy).is_null(), "no pool is layered");
    cluster.control_plane.create(&cluster.config(TEXT));
    // The base image is pulled with the copy.
    cluster.until_ready("");
    let found = plane.get(&entitlement);
    assert_eq!(
        found["metadata"]["ownerReferences"][0]["kind"],
        "MachineConfigPool"
    );
    let left = cluster.list(&format!("/api/v1/namespaces/{NAMESPACE}/configmaps"));
    assert!(!names(&left).contains(&"dockerfile-rendered-layered-1"));
    assert!(plane.get(&format!("{secrets}/push-canonical")).is_null());
    let events = cluster.list("/apis/events.k8s.io/v1/namespaces/default/events");
    assert!(
        events
            .iter()
            .any(|event| event["reason"] == "SecretCopied"
                && event["regarding"]["name"] == "layered")
    );
    // Without a layered pool they go.
    plane.delete(&format!("{GROUP}/machineosconfigs/layered"));
    cluster.until("no copies", || {
        (plane.get(&copy).is_null() && plane.get(&entitlement).is_null()).then_some(())
    });
    assert!(cluster.builds().is_empty());
    // Each right of the role was used.
    let unused = test_control_plane::roles::unused(&support::stand_alone_roles(), &cluster.calls());
    let unused: Vec<_> = unused
        .iter()
        .map(|it| (it.resource.as_str(), it.verb.as_str()))
        .collect();
    // Of the pods of older releases there is none here.
    assert_eq!(unused, [("pods", "delete")]);
}

#[test]
fn il_557_prometheus_takes_the_metrics_of_a_build() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    let text = "FROM configs AS final\nRUN test -e /work/no-such-file\n";
    cluster.control_plane.create(&cluster.config(text));
    cluster.until("a failure", || {
        let config = cluster.get("machineosconfigs/layered");
        (condition(&config, "Failed")?["status"] == "True").then_some(())
    });
    cluster.edit(TEXT);
    cluster.until_ready("");
    cluster.until("all steps are counted", || {
        let text = cluster.metrics();
        text.contains("ocl_build_total{pool=\"layered\",state=\"succeeded\"} 1")
            .then_some(())
    });
    let text = cluster.metrics();
    let known = [
        controller_runtime::metrics::ALL,
        machine_os_builder::metrics::ALL,
    ];
    // Two of the stock builder's names are none that Prometheus would have given.
    let excused = ["mco_mosc_count", "ocl_layered_nodes_count"];
    test_control_plane::scrape::check(&text, &known.concat(), &excused);
    for series in [
        "ocl_build_total{pool=\"layered\",state=\"failed\"} 1",
        "ocl_build_retries_total{pool=\"layered\"} 2",
        "ocl_image_push_total{pool=\"layered\",state=\"succeeded\"} 1",
        "ocl_image_push_state{pool=\"layered\",state=\"succeeded\"} 1",
        "osimage_layered_build_attempts_total{pool=\"layered\",result=\"failed\",cause=\"StepFailed\"} 1",
        "osimage_layered_builds{pool=\"layered\",state=\"Succeeded\"} 1",
        "mco_mosc_count{} 1",
    ] {
        assert!(text.contains(series), "{series}\n{text}");
    }
    cluster.kill_builder();
    // Beside the stock builder there are no metrics of its names.
    cluster.start_with(&["--mode", "observe"]);
    let text = cluster.until("metrics", || {
        let text = cluster.metrics();
        text.contains("osimage_layered_builds{").then_some(text)
    });
    assert!(!text.contains("ocl_") && !text.contains("mco_"), "{text}");
}

#[test]
fn il_784_layers_are_kept_in_a_repository_and_one_that_fails_stops_nothing() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    let path = format!("{GROUP}/machineosconfigs/layered");
    let cache_in = |repository: &str| json!({"metadata": {"annotations": {"osimage.dev/layer-cache": repository}}});
    let mut config = cluster.config(TEXT);
    let cache = format!("{}/os/cache", cluster.registry.host);
    config["metadata"]["annotations"] = cache_in(&cache)["metadata"]["annotations"].clone();
    cluster.control_plane.create(&config);
    let first = cluster.until_ready("");
    let log = cluster.pod_logs();
    if log.contains("storage driver: vfs") {
        assert!(log.contains("layer cache: not used"), "{log}");
        return;
    }
    assert!(log.contains(&format!("Pushing cache {cache}")), "{log}");
    // A step more: the one before it is taken from there.
    cluster.edit(&format!("{TEXT}RUN echo more > /more\n"));
    let second = cluster.until_ready(&first);
    let log = cluster.pod_logs();
    assert!(log.contains("Cache pulled from remote"), "{log}");
    // A cache that cannot be reached.
    cluster.merge(&path, &cache_in("127.0.0.1:1/os/cache"));
    cluster.edit(&format!("{TEXT}RUN echo other > /other\n"));
    let third = cluster.until_ready(&second);
    assert!(cluster.pod_logs().contains("the image is built without it"));
    assert_eq!(cluster.agent.pods.load(Ordering::SeqCst), 3);
    // What is no repository is told, and nothing is built.
    cluster.merge(&path, &cache_in("cache:1"));
    cluster.edit(&format!("{TEXT}RUN echo last > /last\n"));
    cluster.until("it is told", || {
        let config = cluster.get("machineosconfigs/layered");
        let message = condition(&config, "Failed")?["message"].clone();
        message
            .as_str()?
            .contains("osimage.dev/layer-cache")
            .then_some(())
    });
    cluster.merge(&path, &cache_in(""));
    cluster.edit(&format!("{TEXT}RUN echo end > /end\n"));
    cluster.until_ready(&third);
}
