//! The roles of `deploy/` are enough for a controller that does everything, and no more than that.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use serde_json::json;
use support::{CONFIGURATION, CURRENT, Cluster, Controller, OPERATOR, eventually};
use test_control_plane::roles::{self, Right};

/// What this run does not need: resource, verb, name.
const NOT_HERE: &[(&str, &str, &str)] = &[
    // Metrics are served in the clear here; the controllers' runtime tests how they are secured.
    ("tokenreviews", "create", ""),
    ("subjectaccessreviews", "create", ""),
    // Other platforms.
    ("secrets", "get", "aws-cloud-credentials"),
    ("secrets", "get", "vsphere-creds"),
    ("configmaps", "get", "cluster-config-v1"),
    ("provisionings", "watch", "provisioning-configuration"),
    // An apply that makes its object needs this as well, and the audit log calls it a patch.
    ("configmaps", "create", "osimage-boot-images"),
    // Of the usual names a cluster has those that it needs.
    ("secrets", "get", "master-user-data"),
    ("secrets", "get", "master-user-data-managed"),
    ("secrets", "get", "worker-user-data-managed"),
    ("secrets", "patch", "master-user-data"),
    ("secrets", "patch", "master-user-data-managed"),
    ("secrets", "patch", "worker-user-data"),
    ("secrets", "patch", "worker-user-data-managed"),
    // Where the default takes a cluster in; where somebody else writes at the same time; where the
    // state is broken; and where the control plane is managed as well.
    ("machineconfigurations", "patch", "cluster"),
    ("clusteroperators", "get", "osimage"),
    ("events", "create", ""),
    ("controlplanemachinesets", "get", ""),
    ("controlplanemachinesets", "patch", ""),
];

/// As the guide says it: a role for user data of another name.
fn allow_other_user_data(cluster: &Cluster) {
    let metadata = json!({"name": "other-user-data", "namespace": "openshift-machine-api"});
    cluster
        .control_plane
        .create(&json!({"apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role", "metadata": metadata, "rules": [{"apiGroups": [""],
            "resources": ["secrets"], "verbs": ["get", "patch"],
            "resourceNames": ["worker-user-data-spec2", "windows-user-data"]}]}));
    cluster
        .control_plane
        .create(&json!({"apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role",
            "name": "other-user-data"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "osimage",
            "name": "boot-image-controller"}]}));
}

/// Prometheus has nothing to say against the metrics, and the reference has each of them.
fn check_metrics(controller: &Controller) {
    let answer = controller.http("metrics", "/metrics");
    let known = [
        controller_runtime::metrics::ALL,
        boot_image_controller::metrics::ALL,
    ]
    .concat();
    test_control_plane::scrape::check(&answer, &known, &[]);
}

#[test]
fn user_data_that_may_not_be_read_holds_up_its_set_alone() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let kubeconfig = cluster.install_roles();
    let before = cluster.image("worker-stub2");
    let controller = Controller::start(&kubeconfig, &["--mode=replace"]);
    eventually("the other sets are current", || {
        cluster.image("worker-b").contains(CURRENT).then_some(())
    });
    let degraded = eventually("the cluster is told of the set", || {
        let degraded = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
        (degraded["status"] == "True").then_some(degraded)
    });
    let message = degraded["message"].as_str().unwrap();
    assert!(message.contains("forbidden"), "{message}");
    assert_eq!(cluster.image("worker-stub2"), before);
    allow_other_user_data(&cluster);
    eventually("the set is current as well", || {
        cluster
            .image("worker-stub2")
            .contains(CURRENT)
            .then_some(())
    });
    assert!(controller.stop().success());
}

#[test]
fn the_roles_of_deploy_are_the_least_that_is_needed() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let kubeconfig = cluster.install_roles();
    allow_other_user_data(&cluster);
    let calls = cluster.control_plane.calls_of(|| {
        let controller = Controller::start(&kubeconfig, &["--mode=replace"]);
        eventually("the sets are current", || {
            let current = |set| cluster.image(set).contains(CURRENT);
            (current("worker-b") && current("worker-stub2")).then_some(())
        });
        eventually("the cluster is told", || {
            let told = cluster.condition(CONFIGURATION, "BootImageUpdateProgressing");
            let operator = cluster.condition(OPERATOR, "Upgradeable");
            let history = cluster.history("demo-7xk2p-worker-stub2");
            (told["status"] == "False" && operator["status"] == "True" && !history.is_empty())
                .then_some(())
        });
        check_metrics(&controller);
        assert!(controller.stop().success());
    });
    let refused: Vec<_> = calls.iter().filter(|call| call.code == 403).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let unused: Vec<_> = roles::unused(&support::role_documents(), &calls)
        .into_iter()
        .filter(|right| {
            let Right {
                verb,
                resource,
                name,
                ..
            } = right;
            !NOT_HERE.contains(&(resource, verb, name))
        })
        .collect();
    assert_eq!(unused, [], "rights that nothing needs");
}
