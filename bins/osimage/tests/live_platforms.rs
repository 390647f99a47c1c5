//! AWS, with a moto that answers for EC2, and Azure: from the plan to the cluster.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use live_support::{Cluster, Run, command, plan_of};
use serde_json::{Value, json};
use test_control_plane::{AuditEvent, Moto};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(name)
}

/// A stub that every boot image reads.
const STUB: &str = r#"{"ignition":{"version":"3.4.0"}}"#;

/// The user data that the sets name, which a must-gather does not hold.
fn create_user_data(cluster: &Cluster) {
    let sets = &cluster.state()[0];
    let name = |set: &Value| {
        let spec = &set["spec"]["template"]["spec"]["providerSpec"]["value"];
        spec["userDataSecret"]["name"].as_str().map(str::to_owned)
    };
    let names: BTreeSet<_> = sets["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(name)
        .collect();
    assert!(!names.is_empty());
    for name in names {
        create_secret(cluster, &name, &json!({"userData": STUB}));
    }
}

fn create_secret(cluster: &Cluster, name: &str, data: &Value) {
    cluster
        .control_plane
        .create(&json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "openshift-machine-api"}, "stringData": data}));
}

/// Carries out the plan, then there is nothing left to update.
fn applied(cluster: &Cluster, run: impl Fn(&[&str]) -> Run) {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    let first = run(&["plan", "--save", plan, "-o", "json"]);
    let first = plan_of(&first);
    let targets = first["targets"].as_array().unwrap();
    let updates: Vec<_> = targets
        .iter()
        .filter(|target| target["decision"] == "Update")
        .collect();
    assert!(updates.len() >= 2, "{targets:#?}");
    let before = cluster.state()[0].clone();
    // The status of the dump is of another generation than that of the object that was just created,
    // which looks as if the operator had not taken it in yet.
    let apply = cluster.run(&["apply", plan, "--accept-deferred"]);
    assert_eq!(apply.code, 0, "{}{}", apply.stdout, apply.stderr);
    assert_eq!(
        apply.stdout.lines().count(),
        updates.len(),
        "{}",
        apply.stdout
    );
    let after = run(&["plan", "-o", "patch"]);
    assert_eq!(after.stdout, "", "{}", after.stderr);
    // What the plan does not edit stays as it was.
    let untouched = |list: &Value| -> Vec<Value> {
        let is_edited = |set: &&Value| {
            updates
                .iter()
                .any(|target| target["name"] == set["metadata"]["name"])
        };
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|set| !is_edited(set))
            .cloned()
            .collect()
    };
    assert_eq!(untouched(&before), untouched(&cluster.state()[0]));
}

#[test]
fn azure_sets_are_updated() {
    let Some(cluster) = Cluster::with(&fixture("azure-inspect")) else {
        return;
    };
    create_user_data(&cluster);
    applied(&cluster, |arguments| cluster.run(arguments));
}

#[test]
fn aws_sets_are_updated_once_ec2_has_answered() {
    let Some(moto) = Moto::start(&fixture("aws-facts.json")) else {
        return;
    };
    let Some(cluster) = Cluster::with(&fixture("aws-must-gather")) else {
        return;
    };
    create_user_data(&cluster);
    create_secret(
        &cluster,
        "aws-cloud-credentials",
        &json!({"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}),
    );
    let run = |arguments: &[&str]| {
        let mut arguments = arguments.to_vec();
        arguments.push("--resolve");
        let mut command = command(&cluster.kubeconfig, &arguments);
        command
            .env("AWS_ENDPOINT_URL", moto.url())
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_ROLE_ARN");
        let run = cluster.run_command(&mut command);
        assert!(
            run.calls
                .iter()
                .any(|call| call.name == "aws-cloud-credentials")
        );
        let by_name = |call: &AuditEvent| call.resource != "secrets" || call.verb == "get";
        assert!(run.calls.iter().all(by_name), "{:?}", run.calls);
        run
    };
    let resolved = run(&["plan", "-o", "json"]);
    let resolved = plan_of(&resolved);
    assert_eq!(resolved["needs"], json!([]));
    let dump = cluster.dump();
    let facts = fixture("aws-facts.json");
    let files = [dump.path().to_str().unwrap(), facts.to_str().unwrap()];
    let arguments = ["plan", "-o", "json", "-f", files[0], "--facts", files[1]];
    let from_files = plan_of(&cluster.run(&arguments));
    let brief = |plan: &Value, name: &str| {
        let targets = plan["targets"].as_array().unwrap();
        let target = targets
            .iter()
            .find(|target| target["name"] == name)
            .unwrap()
            .clone();
        (
            target["decision"].clone(),
            target["reason"].clone(),
            target["patch"].clone(),
        )
    };
    for name in [
        "worker-us-east-1b",
        "market-us-east-1a",
        "golden-us-east-1a",
        "vault-us-east-1c",
    ] {
        let name = format!("till-9xk2p-{name}");
        // The image of the vault is one that EC2 does not tell about; moto knows no such image.
        if name.contains("vault") {
            assert_ne!(brief(&resolved, &name).0, "Undecided");
        } else {
            assert_eq!(brief(&resolved, &name), brief(&from_files, &name), "{name}");
        }
    }
    applied(&cluster, run);
}
