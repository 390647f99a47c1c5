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
use serde_json::Value;
use test_control_plane::{AuditEvent, Identity};

/// Verb, group and resource; the namespace is in the role that has the rule.
type Right = (String, String, String, String);

/// What is there only on other clusters than the one of this test.
const ELSEWHERE: &[(&str, &str)] = &[("kube-system", "configmaps"), ("kube-system", "secrets")];

fn documents() -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/live-clusters-roles.yaml");
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every right that the roles give.
fn granted() -> BTreeSet<Right> {
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let mut rights = BTreeSet::new();
    for role in documents()
        .iter()
        .filter(|document| document["rules"].is_array())
    {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for rule in role["rules"].as_array().unwrap() {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        rights.insert((
                            namespace.to_owned(),
                            verb,
                            group.clone(),
                            resource.clone(),
                        ));
                    }
                }
            }
        }
    }
    rights
}

fn used(call: &AuditEvent) -> Right {
    let (resource, group) = call
        .resource
        .split_once('.')
        .unwrap_or((&call.resource, ""));
    (
        call.namespace.clone(),
        call.verb.clone(),
        group.to_owned(),
        resource.to_owned(),
    )
}

#[test]
fn the_roles_of_the_guide_are_the_least_that_is_needed() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    for document in documents() {
        cluster.control_plane.create(&document);
    }
    let reader = Identity::Member("node-image-readers".to_owned());
    let applier = Identity::Member("node-image-appliers".to_owned());
    let mut rights = BTreeSet::new();
    let mut ran = |identity: &Identity, arguments: &[&str], code: i32| -> Run {
        let kubeconfig = cluster.control_plane.kubeconfig(identity);
        let run = cluster.run_with(&kubeconfig, arguments);
        assert_eq!(
            run.code, code,
            "{arguments:?}: {}{}",
            run.stdout, run.stderr
        );
        if code == 0 {
            let refused = run.calls.iter().find(|call| call.code == 403);
            assert_eq!(refused, None, "{arguments:?}");
        }
        rights.extend(run.calls.iter().filter(|call| call.code != 403).map(used));
        run
    };
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    ran(&reader, &["plan", "--save", plan], 0);
    ran(&reader, &["explain", "machineset/demo-7xk2p-worker-b"], 0);
    ran(&reader, &["skew"], 0);
    ran(&reader, &["inventory"], 0);
    let refused = ran(&reader, &["set-mode", "all", "--control-plane", "none"], 4);
    assert!(
        refused.stderr.contains("live-clusters.md"),
        "{}",
        refused.stderr
    );
    let refused = ran(&reader, &["apply", plan], 4);
    assert!(refused.stdout.contains("forbidden"), "{}", refused.stdout);
    ran(&applier, &["apply", plan, "--dry-run=server"], 0);
    ran(&applier, &["apply", plan], 0);
    ran(&applier, &["set-mode", "all", "--control-plane", "none"], 0);
    assert_eq!(cluster.events().len(), 6);

    let unused: Vec<_> = granted()
        .into_iter()
        .filter(|right| !rights.contains(right))
        .filter(|(namespace, _, _, resource)| !ELSEWHERE.contains(&(namespace, resource)))
        .collect();
    assert_eq!(unused, [], "rights that nothing needs");
}
