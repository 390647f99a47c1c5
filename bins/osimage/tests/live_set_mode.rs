//! `osimage set-mode` against the API server's own rules (BI-083, BI-086).

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use std::process::Stdio;

use live_support::{Cluster, command};
use serde_json::{Value, json};

const CONFIGURATION: &str = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";

fn managers(cluster: &Cluster) -> Value {
    let object = cluster.control_plane.get(CONFIGURATION);
    object["spec"]["managedBootImages"]["machineManagers"].clone()
}

fn modes(cluster: &Cluster) -> Vec<(String, String)> {
    let list = managers(cluster);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(&entry["resource"]), text(&entry["selection"]["mode"])))
        .collect()
}

/// Does what the operator does: takes skew enforcement over into the status.
fn operator(cluster: &Cluster) {
    let object = cluster.control_plane.wait_for(CONFIGURATION, |object| {
        object["spec"]["bootImageSkewEnforcement"].is_object()
    });
    let skew = object["spec"]["bootImageSkewEnforcement"].clone();
    let status = json!({"status": {"bootImageSkewEnforcementStatus":
        {"mode": skew["mode"], "manual": skew["manual"], "automatic": null}}});
    cluster
        .control_plane
        .merge(&format!("{CONFIGURATION}/status"), &status);
}

#[test]
fn bi_086_the_narrower_mode_takes_two_requests() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let before = cluster.control_plane.get(CONFIGURATION);

    let client = cluster.run(&["set-mode", "none", "--dry-run=client"]);
    assert_eq!(client.code, 0, "{}", client.stderr);
    assert_eq!(
        client.stdout.matches("kind: MachineConfiguration").count(),
        1,
        "{}",
        client.stdout
    );
    assert!(
        client.stderr.contains("request 1 of 2"),
        "{}",
        client.stderr
    );
    let second = cluster.run(&["set-mode", "none", "--dry-run=client", "--step", "2"]);
    assert!(second.stdout.contains("mode: None"), "{}", second.stdout);
    assert!(
        client.stdout.contains("ocpVersion: \"4.18.11\""),
        "{}",
        client.stdout
    );
    assert!(client.stderr.contains("NotManaged"), "{}", client.stderr);
    let server = cluster.run(&["set-mode", "none", "--dry-run=server"]);
    assert_eq!(server.code, 0, "{}", server.stderr);
    for run in [&client, &server] {
        assert!(
            run.calls.iter().all(|call| !call.is_write()),
            "{:?}",
            run.calls
        );
    }
    assert_eq!(cluster.control_plane.get(CONFIGURATION), before);

    // Nobody takes the first request over.
    let waiting = cluster.run(&["set-mode", "none", "--timeout", "1"]);
    assert_eq!(waiting.code, 4, "{}", waiting.stderr);
    assert!(
        waiting.stderr.contains("run the command again"),
        "{}",
        waiting.stderr
    );
    assert_eq!(modes(&cluster)[0].1, "All");

    let child = command(
        &cluster.kubeconfig,
        &["set-mode", "none", "--control-plane", "none"],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    operator(&cluster);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let pair = |resource: &str, mode: &str| (resource.to_owned(), mode.to_owned());
    assert_eq!(
        modes(&cluster),
        [
            pair("machinesets", "None"),
            pair("controlplanemachinesets", "None")
        ]
    );
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("NotManaged"), "{table}");

    let partial = cluster.run(&[
        "set-mode",
        "partial",
        "--selector",
        "update-boot-image=true",
    ]);
    assert_eq!(partial.code, 0, "{}", partial.stderr);
    assert_eq!(modes(&cluster)[0], pair("machinesets", "Partial"));
    assert_eq!(
        partial.calls.iter().filter(|call| call.is_write()).count(),
        1
    );
    let again = cluster.run(&[
        "set-mode",
        "partial",
        "--selector",
        "update-boot-image=true",
    ]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert!(again.calls.iter().all(|call| !call.is_write()));
    let all = cluster.run(&["set-mode", "all"]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    assert_eq!(
        modes(&cluster),
        [
            pair("machinesets", "All"),
            pair("controlplanemachinesets", "None")
        ]
    );
    assert!(all.stdout.contains("Update"), "{}", all.stdout);
}

#[test]
fn what_the_api_server_would_refuse_is_refused_before() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    for (arguments, says) in [
        (&["set-mode", "partial"][..], "--selector"),
        (&["set-mode", "all", "--selector", "a=b"], "partial"),
        (
            &["set-mode", "partial", "--selector", "a in b"],
            "KEY=VALUE",
        ),
        (&["set-mode", "all", "-f", "/dev/null"], "--dry-run=client"),
        (&["set-mode", "some"], "possible values"),
        (
            &["set-mode", "all", "--control-plane", "partial"],
            "possible values",
        ),
    ] {
        let run = cluster.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
        assert!(run.calls.is_empty(), "{:?}", run.calls);
    }
}
