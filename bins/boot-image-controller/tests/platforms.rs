//! The controller on other platforms, in older releases, with ControlPlaneMachineSets and with several
//! architectures.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{
    CONFIGURATION, CURRENT, Cluster, Controller, SETS, STREAM, VERSION, eventually, set_path,
};

const CONTROL_PLANE: &str = "/apis/machine.openshift.io/v1/namespaces/openshift-machine-api/\
    controlplanemachinesets/cluster";

fn updated(cluster: &Cluster, set: &str, to: &str) {
    eventually(&format!("{set} boots {to}"), || {
        cluster.image(set).contains(to).then_some(())
    });
}

/// What a set of Azure boots.
fn azure_image(cluster: &Cluster, set: &str) -> Value {
    let object = cluster.get(&format!("{SETS}/mill-6tq4z-{set}"));
    object["spec"]["template"]["spec"]["providerSpec"]["value"]["image"].clone()
}

#[test]
fn bi_290_bi_296_azure_sets_get_the_image_of_the_release_and_nobody_else_does() {
    let Some(cluster) = Cluster::with("azure-inspect") else {
        return;
    };
    cluster
        .control_plane
        .create(&json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "worker-user-data", "namespace": "openshift-machine-api"},
        "stringData": {"userData": r#"{"ignition":{"version":"3.4.0"}}"#}}));
    let others = [
        "golden-northeurope3",
        "canary-northeurope3",
        "secret-northeurope1",
    ];
    let before = others.map(|set| azure_image(&cluster, set));
    let controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    for set in ["worker-northeurope1", "worker-northeurope2"] {
        let image = eventually(&format!("{set} is updated"), || {
            let image = azure_image(&cluster, set);
            (image["version"] == "9.8.20260715").then_some(image)
        });
        assert_eq!(image["publisher"], "azureopenshift", "{image}");
        assert_eq!(image["resourceID"], "", "{image}");
    }
    // BI-290: who pays for a plan goes on with it.
    eventually("the paid image is updated", || {
        let image = azure_image(&cluster, "paid-northeurope1");
        let is_new = image["version"].as_str()?.starts_with("4.22.");
        (is_new && image["type"] == "MarketplaceWithPlan").then_some(())
    });
    assert_eq!(others.map(|set| azure_image(&cluster, set)), before);
    let writes = cluster.writes_of(|| std::thread::sleep(Duration::from_secs(3)));
    let of_sets = writes.iter().filter(|call| call.uri.starts_with(SETS));
    assert_eq!(of_sets.count(), 0, "nothing is written twice: {writes:?}");
    assert!(controller.stop().success());
}

#[test]
fn bi_167_w_06_a_control_plane_is_updated_with_either_strategy_and_who_is_of_no_architecture_waits()
{
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let architecture = json!({"status": {"desired": {"architecture": "Multi"}}});
    cluster.merge(&format!("{VERSION}/status"), &architecture);
    let strategy = |name: &str| {
        cluster.merge(
            CONTROL_PLANE,
            &json!({"spec": {"strategy": {"type": name}}}),
        );
    };
    let boots = |image: &str| {
        eventually(&format!("the control plane boots {image}"), || {
            let object = cluster.get(CONTROL_PLANE).to_string();
            object.contains(image).then_some(())
        });
    };
    strategy("OnDelete");
    let controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    boots(CURRENT);
    // The log is in order: what stands behind the update was said after everything about it.
    eventually("the update is logged", || {
        let mut lines = controller.log().into_iter();
        lines.find(|line| line["message"] == "updated" && line["name"] == "cluster")
    });
    let warning = "its strategy is RollingUpdate";
    let warned = || {
        let log = controller.log();
        log.iter().any(|line| line.to_string().contains(warning))
    };
    assert!(!warned(), "{:?}", controller.log());
    strategy("RollingUpdate");
    cluster.bring(CURRENT, "rhcos-9-8-20260901-0");
    boots("rhcos-9-8-20260901-0");
    eventually("what that leads to is told", || warned().then_some(()));
    eventually("both stand in the history", || {
        (cluster.history("cluster").len() == 2).then_some(())
    });

    // BI-166: of which architecture its machines are nobody knows; then somebody says so.
    updated(&cluster, "worker-b", "rhcos-9-8-20260901-0");
    assert!(!cluster.image("worker-d-noarch").contains("20260901"));
    let line = controller
        .line("name", "demo-7xk2p-worker-d-noarch")
        .unwrap();
    assert_eq!(line["reason"], "ArchitectureUnknown", "{line}");
    let annotation = json!({"metadata": {"annotations":
        {"capacity.cluster-autoscaler.kubernetes.io/labels": "kubernetes.io/arch=amd64"}}});
    cluster.merge(&set_path("worker-d-noarch"), &annotation);
    updated(&cluster, "worker-d-noarch", "rhcos-9-8-20260901-0");
}

#[test]
fn bi_070_bi_182_in_4_17_only_who_is_asked_for_is_managed_and_conditions_have_three_parts() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    cluster.merge(CONFIGURATION, &json!({"spec": {"managedBootImages": null}}));
    cluster.merge(STREAM, &json!({"data": {"releaseVersion": "4.17.9"}}));
    cluster.release("4.17.9", "Completed");
    let old = cluster.image("worker-b");
    let controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    eventually("it is decided", || {
        controller.line("name", "demo-7xk2p-worker-b")
    });
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(cluster.image("worker-b"), old, "nobody has asked for it");
    let all = json!({"spec": {"managedBootImages": {"machineManagers": [{"resource": "machinesets",
        "apiGroup": "machine.openshift.io", "selection": {"mode": "All"}}]}}});
    cluster.merge(CONFIGURATION, &all);
    updated(&cluster, "worker-b", CURRENT);
    let message = eventually("it is told", || {
        let condition = cluster.condition(CONFIGURATION, "BootImageUpdateProgressing");
        let message = condition["message"].as_str()?.to_owned();
        message.contains("MAPI MachineSets").then_some(message)
    });
    assert!(!message.contains("ControlPlaneMachineSet"), "{message}");
    assert_eq!(message.matches(" | ").count(), 2, "{message}");
    // Without the stanza nobody is managed again, and nothing goes back.
    cluster.merge(CONFIGURATION, &json!({"spec": {"managedBootImages": null}}));
    std::thread::sleep(Duration::from_secs(1));
    cluster.bring(CURRENT, "rhcos-9-8-20260901-0");
    std::thread::sleep(Duration::from_secs(3));
    assert!(cluster.image("worker-b").contains(CURRENT));
    assert!(controller.stop().success());
}
