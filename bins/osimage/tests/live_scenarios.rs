//! The life of a cluster, as far as people drive it (BI-210 … BI-216).

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use live_support::{Cluster, plan_of};
use serde_json::{Value, json};

const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
const CONFIGURATION: &str = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
const STREAM: &str =
    "/api/v1/namespaces/openshift-machine-config-operator/configmaps/coreos-bootimages";
const SECRET: &str = "/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data";
const IMAGE: &str = "/spec/template/spec/providerSpec/value/disks/0/image";

/// The Machine Config Operator's part: it takes the spec over into the status.
fn operator(cluster: &Cluster) {
    let object = cluster.control_plane.get(CONFIGURATION);
    let skew = &object["spec"]["bootImageSkewEnforcement"];
    let mut status = json!({"observedGeneration": object["metadata"]["generation"],
        "managedBootImagesStatus": object["spec"]["managedBootImages"]});
    if skew.is_object() {
        status["bootImageSkewEnforcementStatus"] =
            json!({"mode": skew["mode"], "manual": skew["manual"], "automatic": null});
    }
    cluster.control_plane.merge(
        &format!("{CONFIGURATION}/status"),
        &json!({"status": status}),
    );
}

/// A release brings another image.
fn upgrade(cluster: &Cluster, from: &str, to: &str) {
    let config_map = cluster.control_plane.get(STREAM);
    let stream = config_map["data"]["stream"].as_str().unwrap();
    assert!(stream.contains(from), "{stream}");
    let data = json!({"data": {"stream": stream.replace(from, to)}});
    cluster.control_plane.merge(STREAM, &data);
}

fn image(cluster: &Cluster, set: &str) -> String {
    let object = cluster
        .control_plane
        .get(&format!("{SETS}/demo-7xk2p-{set}"));
    object
        .pointer(IMAGE)
        .and_then(Value::as_str)
        .unwrap()
        .to_owned()
}

/// Plans and applies; what became of a set.
fn apply(cluster: &Cluster) {
    let plan = cluster.save_plan();
    let run = cluster.run(&["apply", &plan]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

fn decision(cluster: &Cluster, set: &str) -> String {
    let plan = plan_of(&cluster.run(&["plan", "-o", "json"]));
    let targets = plan["targets"].as_array().unwrap();
    let name = format!("demo-7xk2p-{set}");
    let target = targets
        .iter()
        .find(|target| target["name"] == name.as_str())
        .unwrap();
    let text = |member: &str| target[member].as_str().unwrap().to_owned();
    format!("{}/{}", text("decision"), text("reason"))
}

#[test]
fn bi_211_to_bi_214_a_cluster_is_upgraded_disabled_and_chosen_from() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    // BI-211: after an upgrade everything follows.
    apply(&cluster);
    assert!(image(&cluster, "worker-b").contains("9-8-20260715-0"));
    upgrade(&cluster, "9-8-20260715-0", "9-8-20260901-0");
    apply(&cluster);
    assert!(image(&cluster, "worker-b").contains("9-8-20260901-0"));
    // BI-215: what somebody chose stays.
    assert!(image(&cluster, "worker-custom").ends_with("my-golden-image"));

    // BI-212, BI-213: disabled, nothing goes back and nothing follows.
    let skew = json!({"spec": {"bootImageSkewEnforcement":
        {"mode": "Manual", "manual": {"mode": "OCPVersion", "ocpVersion": "4.22.3"}}}});
    cluster.control_plane.merge(CONFIGURATION, &skew);
    operator(&cluster);
    let disabled = cluster.run(&["set-mode", "none", "--control-plane", "none"]);
    assert_eq!(disabled.code, 0, "{}", disabled.stderr);
    operator(&cluster);
    upgrade(&cluster, "9-8-20260901-0", "9-8-20261001-0");
    upgrade(&cluster, "9-8-20261001-0", "9-8-20261101-0");
    assert_eq!(decision(&cluster, "worker-b"), "NotManaged/NotSelected");
    let plan = cluster.save_plan();
    let nothing = cluster.run(&["apply", &plan]);
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (0, ""),
        "{}",
        nothing.stderr
    );
    assert!(image(&cluster, "worker-b").contains("9-8-20260901-0"));

    // BI-214: of a part of the sets, a label decides.
    let partial = cluster.run(&["set-mode", "partial", "--selector", "update=yes"]);
    assert_eq!(partial.code, 0, "{}", partial.stderr);
    operator(&cluster);
    assert_eq!(decision(&cluster, "worker-b"), "NotManaged/NotSelected");
    let label = json!({"metadata": {"labels": {"update": "yes"}}});
    cluster
        .control_plane
        .merge(&format!("{SETS}/demo-7xk2p-worker-b"), &label);
    assert_eq!(decision(&cluster, "worker-b"), "Update/OutdatedImage");
    apply(&cluster);
    assert!(image(&cluster, "worker-b").contains("9-8-20261101-0"));
    assert!(image(&cluster, "worker-arm").contains("9-8-20260901-0"));

    // BI-212: enabled again, the others follow in one step, with no image in between.
    assert_eq!(
        cluster
            .run(&["set-mode", "all", "--control-plane", "all"])
            .code,
        0
    );
    operator(&cluster);
    apply(&cluster);
    assert!(image(&cluster, "worker-arm").contains("9-8-20261101-0"));
}

#[test]
fn bi_216_a_broken_secret_blocks_its_sets_and_no_other() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let good = cluster.control_plane.get(SECRET)["data"]["userData"].clone();
    cluster
        .control_plane
        .merge(SECRET, &json!({"data": {"userData": "bm8ganNvbg=="}}));
    assert_eq!(decision(&cluster, "worker-b"), "Blocked/UserDataInvalid");
    assert_eq!(decision(&cluster, "worker-stub2"), "Update/OutdatedImage");
    let explained = cluster.run(&["explain", "machineset/demo-7xk2p-worker-b"]);
    assert!(
        explained.stdout.contains("worker-user-data"),
        "{}",
        explained.stdout
    );
    assert!(
        !explained.stdout.contains("no json"),
        "{}",
        explained.stdout
    );
    apply(&cluster);
    assert!(image(&cluster, "worker-stub2").contains("9-8-20260715-0"));
    assert!(image(&cluster, "worker-b").contains("418-94"));
    cluster
        .control_plane
        .merge(SECRET, &json!({"data": {"userData": good}}));
    assert_eq!(decision(&cluster, "worker-b"), "Update/OutdatedImage");
    apply(&cluster);
    assert!(image(&cluster, "worker-b").contains("9-8-20260715-0"));
}
