//! The roles of the guide are enough, and no more than that.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use std::collections::BTreeSet;
use std::path::Path;

use live_support::{Cluster, Run};
use serde_json::{Value, json};
use test_control_plane::{AuditEvent, Identity};

/// Namespace, verb, group, resource and name; an empty name is every object.
type Right = (String, String, String, String, String);

/// What is there only on other clusters than the one of this test: namespace, resource, name.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("kube-system", "configmaps", "cluster-config-v1"),
    ("kube-system", "secrets", "vsphere-creds"),
    ("openshift-machine-api", "secrets", "aws-cloud-credentials"),
    // Of the usual names a cluster has those that it needs.
    ("openshift-machine-api", "secrets", "master-user-data"),
    (
        "openshift-machine-api",
        "secrets",
        "master-user-data-managed",
    ),
    (
        "openshift-machine-api",
        "secrets",
        "worker-user-data-managed",
    ),
];

/// Rights that this run does not show: verb, resource, name.
const NOT_SHOWN: &[(&str, &str, &str)] = &[
    // The stub that is converted here is in a Secret of another name.
    ("patch", "secrets", "worker-user-data"),
    // An apply that makes its object needs this as well, and the audit log calls it a patch.
    ("create", "configmaps", "osimage-boot-images"),
    // No pool has a layered image here: `layer_build_local` writes one.
    ("create", "machineconfigs", ""),
    ("patch", "machineconfigs", ""),
    ("delete", "machineconfigs", ""),
    // No pod builds here.
    ("get", "pods/log", ""),
];

fn documents() -> Vec<Value> {
    let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
    let read = |file: &str| std::fs::read_to_string(guides.join(file)).unwrap();
    let parse = |text: String| serde_saphyr::from_multiple::<Value>(&text).unwrap();
    ["live-clusters-roles.yaml", "layering-roles.yaml"]
        .map(read)
        .into_iter()
        .flat_map(parse)
        .collect()
}

/// Every right that roles give.
fn granted(documents: &[Value]) -> BTreeSet<Right> {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten();
        texts
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let mut rights = BTreeSet::new();
    for role in documents.iter().filter(|one| one["rules"].is_array()) {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for rule in role["rules"].as_array().unwrap() {
            let mut names = texts(&rule["resourceNames"]);
            if names.is_empty() {
                names.push(String::new());
            }
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        let right = |name: &String| {
                            let [namespace, verb] = [namespace, &verb].map(str::to_owned);
                            (
                                namespace,
                                verb,
                                group.clone(),
                                resource.clone(),
                                name.clone(),
                            )
                        };
                        rights.extend(names.iter().map(right));
                    }
                }
            }
        }
    }
    rights
}

/// What a call needs: the right to the object, or to all of them.
fn used(call: &AuditEvent) -> [Right; 2] {
    let (resource, group) = call
        .resource
        .split_once('.')
        .unwrap_or((&call.resource, ""));
    [call.name.as_str(), ""].map(|name| {
        let parts = [&call.namespace, &call.verb, group, resource, name];
        parts.map(str::to_owned).into()
    })
}

/// Lets members of a group plan, and nothing else.
fn bind_reader(cluster: &Cluster, group: &str) {
    for role in documents() {
        let kind = role["kind"].as_str().unwrap();
        if role["metadata"]["name"] != "osimage-reader" || !role["rules"].is_array() {
            continue;
        }
        let mut metadata = role["metadata"].clone();
        metadata["name"] = json!("osimage-reader-alone");
        cluster.control_plane.create(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"),
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind,
                "name": "osimage-reader"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        }));
    }
}

/// As the guide says it: a role for user data of another name.
fn allow_other_user_data(cluster: &Cluster) {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "osimage-other-user-data", "namespace": "openshift-machine-api"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch"],
            "resourceNames": ["worker-user-data-spec2"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": role["metadata"],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role",
            "name": "osimage-other-user-data"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
            "name": "node-image-appliers"},
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
            "name": "node-image-readers"}]});
    cluster.control_plane.create(&role);
    cluster.control_plane.create(&binding);
}

#[test]
fn the_roles_of_the_guide_are_the_least_that_is_needed() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    for document in documents() {
        cluster.control_plane.create(&document);
    }
    bind_reader(&cluster, "planners");
    allow_other_user_data(&cluster);
    let [planner, reader, applier] = ["planners", "node-image-readers", "node-image-appliers"]
        .map(|group| Identity::Member(group.to_owned()));
    let mut rights = BTreeSet::new();
    let mut ran = |identity: &Identity, arguments: &[&str], code: i32| -> Run {
        let kubeconfig = cluster.control_plane.kubeconfig(identity);
        let run = cluster.run_with(&kubeconfig, arguments);
        assert_eq!(
            run.code, code,
            "{arguments:?}: {}{}",
            run.stdout, run.stderr
        );
        let allowed = run.calls.iter().filter(|call| call.code != 403);
        rights.extend(allowed.flat_map(used));
        run
    };
    let refused = |run: &Run| run.calls.iter().find(|call| call.code == 403).cloned();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();

    // A plan without the right to read Secrets says so, and is one that can be applied.
    let blind = ran(&planner, &["plan", "--save", plan], 0);
    assert_eq!(refused(&blind).unwrap().resource, "secrets");
    assert!(
        blind.stderr.contains("osimage-user-data-reader"),
        "{}",
        blind.stderr
    );
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    let update = |target: &&Value| target["decision"] == "Update";
    let targets = saved["targets"].as_array().unwrap();
    let updates: Vec<_> = targets.iter().filter(update).collect();
    assert!(!updates.is_empty());
    for target in updates {
        assert_eq!(target["userData"]["decision"], "Unknown", "{target}");
    }
    ran(
        &applier,
        &[
            "apply",
            plan,
            "--dry-run=server",
            "--only",
            "machineset/demo-7xk2p-worker-b",
        ],
        0,
    );

    for arguments in [
        &["plan", "--save", plan][..],
        &["explain", "machineset/demo-7xk2p-worker-b"],
        &["skew"],
        &["inventory"],
        &["history"],
        &["layer", "outdated"],
        &["layer", "status"],
    ] {
        assert_eq!(refused(&ran(&reader, arguments, 0)), None, "{arguments:?}");
    }
    // There is no build here; what builds leave is looked for all the same.
    let none = ran(&reader, &["layer", "why", "none"], 3);
    assert_eq!(refused(&none), None);
    let denied = ran(&reader, &["set-mode", "all", "--control-plane", "none"], 4);
    assert!(
        denied.stderr.contains("live-clusters.md"),
        "{}",
        denied.stderr
    );
    let denied = ran(&reader, &["apply", plan], 4);
    assert!(denied.stdout.contains("forbidden"), "{}", denied.stdout);
    for arguments in [
        &["apply", plan, "--dry-run=server"][..],
        &["apply", plan],
        &["set-mode", "all", "--control-plane", "none"],
    ] {
        assert_eq!(refused(&ran(&applier, arguments, 0)), None, "{arguments:?}");
    }
    assert_eq!(cluster.events().len(), 6);
    assert!(!cluster.history().is_empty());

    let unused: Vec<_> = granted(&documents())
        .into_iter()
        .filter(|right| !rights.contains(right))
        .filter(|(namespace, verb, _, resource, name)| {
            !ELSEWHERE.contains(&(namespace, resource, name))
                && !NOT_SHOWN.contains(&(verb, resource, name))
        })
        .collect();
    assert_eq!(unused, [], "rights that nothing needs");
}
