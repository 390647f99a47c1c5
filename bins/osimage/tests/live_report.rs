//! A report of live clusters: two real API servers, and a context that is refused.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use live_support::Cluster;
use serde_json::{Value, json};
use test_control_plane::{AuditEvent, Identity};

/// One kubeconfig with a context for each of others.
fn merged(folder: &Path, contexts: &[(&str, PathBuf)]) -> PathBuf {
    let mut merged = json!({"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [],
        "contexts": []});
    for (name, path) in contexts {
        let config: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (list, member) in [("clusters", "cluster"), ("users", "user")] {
            let entry = json!({"name": name, member: config[list][0][member]});
            merged[list].as_array_mut().unwrap().push(entry);
        }
        let context = json!({"name": name, "context": {"cluster": name, "user": name}});
        merged["contexts"].as_array_mut().unwrap().push(context);
    }
    let path = folder.join("config.json");
    std::fs::write(&path, merged.to_string()).unwrap();
    path
}

/// Every list is asked for once, every object once, and nothing is written.
fn check_calls(calls: &[AuditEvent]) {
    let mut asked = BTreeSet::new();
    for call in calls {
        assert!(!call.is_write(), "{call:?}");
        let what = format!(
            "{} {} {}/{}",
            call.verb, call.resource, call.namespace, call.name
        );
        assert!(asked.insert(what), "asked twice: {call:?}");
    }
    assert!(asked.contains("list nodes /"), "{asked:?}");
    assert!(
        asked.contains("list machineconfigpools.machineconfiguration.openshift.io /"),
        "{asked:?}"
    );
    assert!(
        asked.iter().all(|what| !what.contains("list secrets")),
        "{asked:?}"
    );
}

#[test]
fn contexts_are_lines_of_a_report_and_one_that_is_refused_is_one_too() {
    let azure = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/azure-inspect");
    let (Some(gcp), Some(azure)) = (Cluster::gcp(), Cluster::with(&azure)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = gcp.control_plane.kubeconfig(&Identity::Nobody);
    let contexts = [
        ("prod", gcp.kubeconfig.clone()),
        ("stage", azure.kubeconfig.clone()),
        ("old", refused),
    ];
    let kubeconfig = merged(folder.path(), &contexts);
    let arguments = [
        "report",
        "--contexts",
        "prod,stage,old,gone",
        "--today",
        "2026-11-30",
        "-o",
        "json",
    ];
    let mut run = None;
    let of_azure = azure.control_plane.calls_of(|| {
        run = Some(gcp.run_with(&kubeconfig, &arguments));
    });
    let run = run.unwrap();
    assert_eq!(run.code, 3, "{}", run.stderr);
    check_calls(&of_azure);
    let answered: Vec<_> = run
        .calls
        .into_iter()
        .filter(|call| call.code != 401)
        .collect();
    check_calls(&answered);

    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let line = |source: &str| {
        let clusters = report["clusters"].as_array().unwrap();
        clusters
            .iter()
            .find(|cluster| cluster["source"] == source)
            .unwrap()
            .clone()
    };
    assert_eq!(report["sums"]["clusters"], 4);
    assert_eq!(report["sums"]["unreadable"], 2);
    assert_eq!(
        (&line("prod")["platform"], &line("stage")["platform"]),
        (&json!("GCP"), &json!("Azure"))
    );
    for source in ["prod", "stage"] {
        assert!(
            !line(source)["sets"].as_array().unwrap().is_empty(),
            "{source}"
        );
        assert_eq!(line(source)["error"], Value::Null);
    }
    let error = line("old")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("log in again"), "{error}");
    let error = line("gone")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("gone"), "{error}");

    // The same cluster on its own, as an inventory, has the same verdicts.
    let inventory = gcp.run(&["inventory", "--today", "2026-11-30", "-o", "json"]);
    let inventory: Value = serde_json::from_str(&inventory.stdout).unwrap();
    let verdicts = |sets: &Value| -> Vec<Value> {
        let sets = sets.as_array().unwrap().iter();
        sets.map(|set| {
            json!([
                set["name"],
                set["verdict"],
                set["bootImage"],
                set["decision"]
            ])
        })
        .collect()
    };
    assert_eq!(
        verdicts(&line("prod")["sets"]),
        verdicts(&inventory["sets"])
    );
}
