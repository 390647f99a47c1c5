//! The controller in a live cluster, as its users see it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{
    CONFIGURATION, CURRENT, Cluster, Controller, OPERATOR, SECRETS, STATE, STREAM, eventually,
    set_path, soak,
};
use test_control_plane::Moto;

const MANAGERS: &str = "/status/managedBootImagesStatus/machineManagers";

fn updated(cluster: &Cluster, set: &str, to: &str) {
    eventually(&format!("{set} boots {to}"), || {
        cluster.image(set).contains(to).then_some(())
    });
}

fn selection(mode: &Value) -> Value {
    json!({"spec": {"managedBootImages": {"machineManagers": [{"resource": "machinesets",
        "apiGroup": "machine.openshift.io", "selection": mode}]}}})
}

/// The mode of MachineSets that the cluster says is in force.
fn mode_in_force(cluster: &Cluster) -> Value {
    let object = cluster.get(CONFIGURATION);
    let managers = object.pointer(MANAGERS).and_then(Value::as_array).cloned();
    let managers = managers.unwrap_or_default();
    let of_sets = managers.iter().find(|it| it["resource"] == "machinesets");
    of_sets.map_or(Value::Null, |it| it["selection"]["mode"].clone())
}

#[test]
fn bi_210_to_bi_215_a_cluster_is_followed_in_mode_replace() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    updated(&cluster, "worker-b", CURRENT);
    updated(&cluster, "worker-stub2", CURRENT);
    // BI-215: what somebody chose stays, and is counted.
    let progressing = eventually("the pass is told", || {
        let condition = cluster.condition(CONFIGURATION, "BootImageUpdateProgressing");
        let message = condition["message"].as_str()?.to_owned();
        message.contains("skipped").then_some(condition)
    });
    assert_eq!(progressing["status"], "False");
    assert!(cluster.image("worker-custom").ends_with("my-golden-image"));
    let degraded = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
    assert_eq!(degraded["status"], "False", "{degraded}");
    eventually("the operator is told", || {
        let upgradeable = cluster.condition(OPERATOR, "Upgradeable");
        (upgradeable["status"] == "True").then_some(())
    });
    // BI-243: the stub was converted, and both writes stand in the history.
    eventually("the history is written", || {
        let secret = cluster.history("worker-user-data-spec2").len();
        let set = cluster.history("demo-7xk2p-worker-stub2").len();
        ((secret, set) == (1, 1)).then_some(())
    });
    assert_eq!(cluster.events("demo-7xk2p-worker-b").len(), 1);

    // At rest nothing is written, and nothing is read but by watches.
    std::thread::sleep(Duration::from_secs(2));
    let rest = if soak() {
        Duration::from_mins(10)
    } else {
        Duration::from_secs(4)
    };
    let calls = cluster.control_plane.calls_of(|| std::thread::sleep(rest));
    let others: Vec<_> = calls
        .iter()
        .filter(|call| call.resource != "leases.coordination.k8s.io" && call.verb != "watch")
        // Whether a kind that the cluster lacks is there by now is asked again and again.
        .filter(|call| call.code != 404)
        .collect();
    assert!(others.is_empty(), "{others:?}");

    // BI-211: the new images come early, and nothing is written until the upgrade is complete.
    let writes = cluster.writes_of(|| {
        cluster.release("4.22.4", "Partial");
        cluster.merge(STREAM, &json!({"data": {"releaseVersion": "4.22.4"}}));
        cluster.bring(CURRENT, "rhcos-9-8-20260901-0");
        eventually("the upgrade is seen", || {
            controller.line("message", "updates are deferred")
        });
        std::thread::sleep(Duration::from_secs(3));
    });
    assert!(writes.is_empty(), "{writes:?}");
    cluster.release("4.22.4", "Completed");
    updated(&cluster, "worker-b", "20260901");
    updated(&cluster, "worker-c", "20260901");
    eventually("the reason is the release", || {
        let condition = cluster.condition(CONFIGURATION, "BootImageUpdateProgressing");
        (condition["reason"] == "ClusterVersionStable").then_some(())
    });

    // BI-212, BI-213: without management nothing goes back and nothing follows.
    let skew = json!({"spec": {"bootImageSkewEnforcement":
        {"mode": "Manual", "manual": {"mode": "OCPVersion", "ocpVersion": "4.22.3"}}}});
    cluster.merge(CONFIGURATION, &skew);
    eventually("the skew mode is in force", || {
        let object = cluster.get(CONFIGURATION);
        let mode = &object["status"]["bootImageSkewEnforcementStatus"]["mode"];
        (mode == "Manual").then_some(())
    });
    cluster.merge(CONFIGURATION, &selection(&json!({"mode": "None"})));
    eventually("None is in force", || {
        (mode_in_force(&cluster) == "None").then_some(())
    });
    cluster.bring("rhcos-9-8-20260901-0", "rhcos-9-8-20261001-0");
    std::thread::sleep(Duration::from_secs(3));
    assert!(cluster.image("worker-b").contains("20260901"));

    // BI-214: of a part of the sets, a label decides.
    let partial = json!({"mode": "Partial", "partial":
        {"machineResourceSelector": {"matchLabels": {"update": "yes"}}}});
    cluster.merge(CONFIGURATION, &selection(&partial));
    eventually("Partial is in force", || {
        (mode_in_force(&cluster) == "Partial").then_some(())
    });
    let label = json!({"metadata": {"labels": {"update": "yes"}}});
    cluster.merge(&set_path("worker-b"), &label);
    updated(&cluster, "worker-b", "20261001");
    assert!(cluster.image("worker-c").contains("20260901"));

    // BI-074: without the stanza the default takes the cluster in again.
    cluster.merge(CONFIGURATION, &json!({"spec": {"managedBootImages": null}}));
    updated(&cluster, "worker-c", "20261001");
    assert_eq!(mode_in_force(&cluster), "All");
    assert!(controller.metric("osimage_leader") > 0.0);
    assert!(controller.http("probes", "/readyz").contains("200 OK"));
    assert_eq!(controller.stop().code(), Some(0));
}

#[test]
fn w_05_bad_input_concerns_what_it_is_about_and_is_looked_at_again() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    cluster
        .control_plane
        .create(&json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "osimage-boot-images", "namespace": "osimage"},
        "data": {"hot-loops.json": "garbage", "history.json": "{"}}));
    let secret = format!("{SECRETS}/worker-user-data-spec2");
    let stub = cluster.get(&secret)["data"]["userData"].clone();
    // The base64 of a stub of an Ignition that nobody knows.
    let broken = "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiOS45LjAifX0=";
    cluster.merge(&secret, &json!({"data": {"userData": broken}}));
    let odd = json!({"spec": {"template": {"spec": {"providerSpec": {"value": {"disks": 5}}}}}});
    cluster.merge(&set_path("worker-twodisks"), &odd);
    let controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    updated(&cluster, "worker-b", CURRENT);
    // BI-216: it is told, with the part that people look for.
    let part = "converting ignition stub failed: failed to parse Ignition config";
    for path in [CONFIGURATION, OPERATOR] {
        let kind = if path == OPERATOR {
            "Degraded"
        } else {
            "BootImageUpdateDegraded"
        };
        eventually("it is degraded", || {
            let condition = cluster.condition(path, kind);
            let message = condition["message"].as_str()?;
            (condition["status"] == "True" && message.contains(part)).then_some(())
        });
    }
    assert_eq!(
        cluster.condition(OPERATOR, "Upgradeable")["status"],
        "False"
    );
    for set in ["worker-stub2", "worker-twodisks"] {
        let name = format!("demo-7xk2p-{set}");
        eventually("an Event says so", || cluster.events(&name).pop());
    }
    assert!(controller.line("reason", "StateReset").is_some());
    eventually("the history begins anew", || {
        cluster.history("demo-7xk2p-worker-b").pop()
    });
    assert!(
        cluster.get(STATE)["data"]["hot-loops.json"]
            .as_str()
            .unwrap()
            .starts_with('[')
    );
    // A repaired Secret is seen without touching the set.
    cluster.merge(&secret, &json!({"data": {"userData": stub}}));
    updated(&cluster, "worker-stub2", CURRENT);
    // A stream document of a megabyte of garbage.
    let garbage = json!({"data": {"stream": "x".repeat(1 << 20)}});
    let before = cluster.get(STREAM)["data"]["stream"].clone();
    cluster.control_plane.send("PATCH", STREAM, &garbage).ok();
    cluster.merge(STREAM, &json!({"data": {"stream": "no JSON"}}));
    eventually("it is degraded by the stream", || {
        let condition = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
        let message = condition["message"].as_str()?;
        message
            .contains("failed to parse CoreOS stream metadata")
            .then_some(())
    });
    cluster.merge(STREAM, &json!({"data": {"stream": before}}));
    eventually("only the odd set is left", || {
        let condition = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
        let message = condition["message"].as_str()?;
        message
            .starts_with("1 Degraded MAPI MachineSets")
            .then_some(())
    });
}

#[test]
fn observing_and_standing_beside() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let file = cluster.folder.path().join("policy.yaml");
    let policy = "apiVersion: osimage.dev/v1\nkind: BootImagePolicy\nmachineManagers:\n\
        - {resource: machinesets, apiGroup: machine.openshift.io, selection: {mode: All}}\n";
    std::fs::write(&file, policy).unwrap();
    let writes = cluster.writes_of(|| {
        let observer = Controller::start(&cluster.kubeconfig, &[]);
        eventually("it is decided", || {
            observer.line("name", "demo-7xk2p-worker-b")
        });
        let line = observer.line("name", "demo-7xk2p-worker-b").unwrap();
        assert_eq!(
            (&line["decision"], &line["reason"]),
            (&json!("Update"), &json!("OutdatedImage"))
        );
        assert!(line["rule"].as_str().unwrap().starts_with("BI-"), "{line}");
        std::thread::sleep(Duration::from_secs(2));
        let series = "osimage_boot_image_target_info{kind=\"MachineSet\",\
            namespace=\"openshift-machine-api\",name=\"demo-7xk2p-worker-b\",decision=\"Update\"";
        assert!((observer.metric(series) - 1.0).abs() < f64::EPSILON);
        assert!(observer.stop().success());
        assert!(
            cluster.get(support::LEASE).is_null(),
            "who observes leads nobody"
        );
    });
    assert!(writes.is_empty(), "{writes:?}");

    let config = file.to_str().unwrap();
    let arguments = ["--mode=beside", "--config", config];
    let controller = Controller::start(&cluster.kubeconfig, &arguments);
    // BI-086: the stock controller manages the sets: nothing is written.
    let writes = cluster.writes_of(|| {
        eventually("it says why it only observes", || {
            let ready = controller.http("probes", "/readyz");
            ready
                .contains("MachineConfiguration cluster has machinesets in mode All")
                .then_some(())
        });
        std::thread::sleep(Duration::from_secs(2));
    });
    assert!(writes.is_empty(), "{writes:?}");
    let held_back = "osimage_boot_image_held_back{reason=\"stock-controller-manages\"}";
    assert!(controller.metric(held_back) > 0.0);
    let none = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
        "selection": {"mode": "None"}}]);
    let writes = cluster.writes_of(|| {
        cluster.configuration_status(
            &json!({"managedBootImagesStatus": {"machineManagers": none},
            "bootImageSkewEnforcementStatus": {"mode": "None", "automatic": null}}),
        );
        updated(&cluster, "worker-b", CURRENT);
        updated(&cluster, "worker-stub2", CURRENT);
        eventually("the history is written", || {
            cluster.history("demo-7xk2p-worker-b").pop()
        });
    });
    let foreign: Vec<_> = writes
        .iter()
        .filter(|call| {
            ["machineconfigurations", "clusteroperators"]
                .iter()
                .any(|plural| call.resource.starts_with(plural))
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    // A set that nobody selected is left alone: the file names no control plane.
    let control_plane = "/apis/machine.openshift.io/v1/namespaces/openshift-machine-api/\
        controlplanemachinesets/cluster";
    assert!(!cluster.get(control_plane).to_string().contains(CURRENT));
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let head = "apiVersion: osimage.dev/v1\nkind: BootImagePolicy\n";
    let all = "{resource: machinesets, apiGroup: machine.openshift.io, selection: {mode: All}}";
    for (text, expected) in [
        (format!("{head}managers: []"), "managers: unknown member"),
        (
            format!("{head}machineManagers: [{all}, {all}]"),
            "machineManagers[1]: Duplicate value",
        ),
        ("kind: [".to_owned(), "--config"),
        ("5".to_owned(), "it is no object"),
        (
            "apiVersion: v1\nkind: Secret\n".to_owned(),
            "kind: it has to be BootImagePolicy",
        ),
    ] {
        let file = write("policy.yaml", &text);
        let arguments = ["--mode=beside", "--config", &file];
        let mut controller = Controller::start(folder.path(), &arguments);
        assert_eq!(controller.wait().code(), Some(3), "{text}");
        eventually("it says why", || {
            let line = controller.line("message", "not started")?;
            line["error"].as_str()?.contains(expected).then_some(())
        });
    }
    let mut controller = Controller::start(folder.path(), &["--mode=beside"]);
    assert_eq!(controller.wait().code(), Some(2));
}

#[test]
fn aws_sets_follow_once_ec2_has_answered() {
    let facts =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/aws-facts.json");
    let Some(moto) = Moto::start(&facts) else {
        return;
    };
    let Some(cluster) = Cluster::with("aws-must-gather") else {
        return;
    };
    let sets = cluster.get(support::SETS);
    let spec = |set: &Value| set["spec"]["template"]["spec"]["providerSpec"]["value"].clone();
    let names = sets["items"].as_array().unwrap().iter();
    let mut secrets: Vec<_> = names
        .map(|set| spec(set)["userDataSecret"]["name"].clone())
        .collect();
    secrets.sort_by_key(Value::to_string);
    secrets.dedup();
    let create = |name: &Value, data: &Value| {
        cluster
            .control_plane
            .create(&json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "openshift-machine-api"}, "stringData": data}));
    };
    for name in secrets.iter().filter(|name| name.is_string()) {
        create(
            name,
            &json!({"userData": r#"{"ignition":{"version":"3.4.0"}}"#}),
        );
    }
    let ami = |set: &str| {
        let path = format!("{}/till-9xk2p-{set}", support::SETS);
        spec(&cluster.get(&path))["ami"]["id"].clone()
    };
    let before = (ami("worker-us-east-1b"), ami("golden-us-east-1a"));
    let mut command = support::command(&cluster.kubeconfig, &["--mode=replace"]);
    let controller = Controller::spawn(command.env("AWS_ENDPOINT_URL", moto.url()));
    // W-05: there are no credentials yet, and what needs them is left alone.
    eventually("it is decided without EC2", || {
        controller
            .line("reason", "CloudRefused")
            .or_else(|| controller.line("reason", "NeedsFact"))
    });
    create(
        &json!("aws-cloud-credentials"),
        &json!({"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}),
    );
    eventually("the set is updated", || {
        (ami("worker-us-east-1b") != before.0).then_some(())
    });
    assert_eq!(
        ami("golden-us-east-1a"),
        before.1,
        "what somebody chose stays"
    );
}
