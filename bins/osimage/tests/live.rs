//! A live cluster: what is asked of a real API server, and what is written into it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use live_support::{Cluster, Run, plan_of};
use serde_json::{Value, json};
use std::time::Duration;

use test_control_plane::{ControlPlane, Identity, Verdict};

const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
const OPERATOR: &str = "/apis/config.openshift.io/v1/clusteroperators/machine-config";
const SECRETS: &str = "/api/v1/namespaces/openshift-machine-api/secrets";

/// Nothing is written, and no Secret is listed or watched.
fn assert_read_only(run: &Run) {
    assert!(!run.calls.is_empty());
    for call in &run.calls {
        assert!(!call.is_write(), "{call:?}");
        let named = !["list", "watch"].contains(&call.verb.as_str());
        assert!(call.resource != "secrets" || named, "{call:?}");
    }
}

#[test]
fn a_live_plan_is_that_of_a_dump() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let degraded = json!({"status": {"conditions": [{"type": "Degraded", "status": "True",
        "reason": "Broken", "message": "node a", "lastTransitionTime": "2026-11-30T00:00:00Z"}]}});
    let operator = cluster
        .control_plane
        .merge(&format!("{OPERATOR}/status"), &degraded);
    let live = cluster.run(&["plan", "-o", "json"]);
    assert_eq!(live.code, 0, "{}", live.stderr);
    assert_read_only(&live);
    let dump = cluster.dump();
    std::fs::write(dump.path().join("operator.json"), operator.to_string()).unwrap();
    let from_files = cluster.run(&["plan", "-o", "json", "-f", dump.path().to_str().unwrap()]);
    let (mut live_plan, mut dump_plan) = (plan_of(&live), plan_of(&from_files));
    assert_eq!(
        live_plan["metadata"]["inputs"],
        dump_plan["metadata"]["inputs"]
    );
    assert_eq!(live_plan["metadata"]["generatedFrom"], "cluster");
    let present = live_plan["present"].to_string();
    assert!(
        present.contains("machine-config: Degraded: Broken: node a"),
        "{present}"
    );
    live_plan["metadata"].take();
    dump_plan["metadata"].take();
    assert_eq!(live_plan.to_string(), dump_plan.to_string());
    // A plan of a dump is as good as one of the cluster that it is of.
    let saved = dump.path().join("plan");
    std::fs::write(&saved, &from_files.stdout).unwrap();
    let applies = |what: &str| {
        let run = cluster.run(&["apply", saved.to_str().unwrap(), "--dry-run=server"]);
        assert_eq!(run.code, 0, "{what}: {}{}", run.stdout, run.stderr);
        assert_eq!(
            run.stdout.matches("would be updated").count(),
            6,
            "{what}: {}",
            run.stdout
        );
    };
    applies("of a dump");
    let yaml = cluster.run(&["plan", "-o", "yaml"]);
    std::fs::write(&saved, &yaml.stdout).unwrap();
    applies("as YAML");
    let updates = live_plan["targets"].as_array().unwrap().iter();
    assert!(
        updates
            .filter(|target| target["decision"] == "Update")
            .count()
            >= 2
    );

    for arguments in [
        &["explain", "machineset/demo-7xk2p-worker-b"][..],
        &["skew"],
        &["plan"],
        &["plan", "-o", "diff"],
    ] {
        let run = cluster.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        assert!(!run.stdout.is_empty(), "{arguments:?}");
        assert_read_only(&run);
    }
}

#[test]
fn reads_are_counted_in_pages() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let few = cluster.run(&["plan", "-o", "patch"]).calls.len();
    let pattern = cluster
        .control_plane
        .get(&format!("{SETS}/demo-7xk2p-worker-b"));
    for number in 0..600 {
        let mut set = pattern.clone();
        set["metadata"] = json!({"name": format!("more-{number}"),
            "namespace": "openshift-machine-api", "labels": pattern["metadata"]["labels"]});
        set.as_object_mut().unwrap().remove("status");
        cluster.control_plane.create(&set);
    }
    let many = cluster.run(&["plan", "-o", "patch"]);
    assert!(many.stdout.lines().count() > 600);
    assert_eq!(many.calls.len(), few + 1, "one more page: {:?}", many.calls);
}

#[test]
fn apply_writes_what_the_plan_says_and_nothing_else() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    cluster.point_at_spec_2("demo-7xk2p-worker-b");
    let plan = cluster.save_plan();
    let before = cluster.state();

    let dry = cluster.run(&["apply", &plan, "--dry-run=server"]);
    assert_eq!(dry.code, 0, "{}{}", dry.stdout, dry.stderr);
    assert!(dry.calls.iter().any(|call| call.uri.contains("dryRun=All")));
    assert_read_only(&dry);
    assert_eq!(cluster.state(), before);

    let run = cluster.run(&["apply", &plan]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    let updates = document["targets"].as_array().unwrap().iter();
    let updates: Vec<_> = updates
        .filter(|target| target["decision"] == "Update")
        .collect();
    for target in &updates {
        let patches = run.calls.iter().filter(|call| {
            call.verb == "patch" && call.is_write() && target["name"] == call.name.as_str()
        });
        assert_eq!(patches.count(), 1, "{}", target["name"]);
    }
    let writes = run.calls.iter().filter(|call| call.is_write()).count();
    // Each set, its Event and its entry of the history, the Secret, and the state that was not there.
    assert_eq!(writes, 3 * updates.len() + 2, "{:?}", run.calls);
    let history = cluster.history();
    assert_eq!(history.len(), updates.len() + 1, "{history:?}");
    let shown = cluster.run(&["history", "secret/worker-user-data-spec2", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "{shown}");
    let entry = &shown["items"][0];
    assert_eq!(
        (&entry["from"], &entry["to"]),
        (&json!("2.2.0"), &json!("3.4.0"))
    );
    assert_eq!(entry["manager"], "osimage-apply");
    assert_eq!(entry["release"], "4.22.3");
    assert_eq!(run.stdout.lines().count(), updates.len());

    // W-38: the API server has said that it would take the set's edit before the Secret is touched.
    let place = |resource: &str, name: &str, dry: bool| {
        run.calls.iter().position(|call| {
            call.verb == "patch"
                && call.resource.starts_with(resource)
                && call.name == name
                && call.uri.contains("dryRun") == dry
        })
    };
    let dry = place("machinesets", "demo-7xk2p-worker-b", true).unwrap();
    let converted = place("secrets", "worker-user-data-spec2", false).unwrap();
    let edited = place("machinesets", "demo-7xk2p-worker-b", false).unwrap();
    assert!(dry < converted && converted < edited, "{:?}", run.calls);
    assert!(
        run.stdout
            .contains("Secret worker-user-data-spec2 converted"),
        "{}",
        run.stdout
    );

    let secret = cluster
        .control_plane
        .get(&format!("{SECRETS}/worker-user-data-spec2"));
    let annotations = &secret["metadata"]["annotations"];
    assert_eq!(
        annotations["machineconfiguration.openshift.io/stub-ignition-upgraded-to"],
        "3.4.0"
    );
    let events = cluster.events();
    assert_eq!(events.len(), updates.len());
    let note = events[0]["note"].as_str().unwrap();
    assert!(
        note.contains("test-admin") && note.contains("sha256:"),
        "{note}"
    );

    let after = cluster.run(&["plan", "--detailed-exitcode", "-o", "patch"]);
    assert_eq!(
        (after.code, after.stdout.as_str()),
        (0, ""),
        "{}",
        after.stderr
    );
    let again = cluster.run(&["apply", &plan]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    assert!(
        again
            .stdout
            .lines()
            .all(|line| line.contains("nothing to do")),
        "{}",
        again.stdout
    );
    assert_eq!(cluster.events().len(), updates.len());
}

#[test]
fn a_stale_plan_is_refused_and_says_what_moved() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let plan = cluster.save_plan();
    let control_plane = &cluster.control_plane;
    let set = format!("{SETS}/demo-7xk2p-worker-b");
    // What no rule reads may move.
    control_plane.merge(&set, &json!({"spec": {"replicas": 3}}));
    assert_eq!(cluster.run(&["apply", &plan, "--dry-run=server"]).code, 0);

    let check = |moved: &str, why: &str| {
        let run = cluster.run(&["apply", &plan]);
        assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(moved) && run.stderr.contains(why),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("nothing was written"), "{}", run.stderr);
        assert_read_only(&run);
    };
    control_plane.merge(&set, &json!({"metadata": {"labels": {"new": "label"}}}));
    check(
        "MachineSet openshift-machine-api/demo-7xk2p-worker-b",
        "was changed",
    );
    // The other set may go ahead by itself.
    let only = [
        "apply",
        &plan,
        "--only",
        "machineset/demo-7xk2p-worker-arm",
        "--dry-run=server",
    ];
    assert_eq!(cluster.run(&only).code, 0);
    control_plane.merge(&set, &json!({"metadata": {"labels": {"new": null}}}));
    assert_eq!(cluster.run(&["apply", &plan, "--dry-run=server"]).code, 0);

    let object = control_plane.get(&set);
    control_plane.delete(&set);
    check("demo-7xk2p-worker-b", "is gone");
    let mut again = object.clone();
    for given in ["uid", "resourceVersion", "managedFields"] {
        again["metadata"].as_object_mut().unwrap().remove(given);
    }
    control_plane.create(&again);
    check("demo-7xk2p-worker-b", "deleted and made again");
    let configuration = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
    control_plane.merge(configuration, &json!({"spec": {"managedBootImages": null}}));
    check("MachineConfiguration cluster", "was changed");
}

#[test]
fn w_38_a_set_that_is_refused_leaves_its_secret_alone() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let control_plane = &cluster.control_plane;
    let policies = "/apis/admissionregistration.k8s.io/v1";
    let create = |plural: &str, kind: &str, spec: Value| {
        let object = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": {"name": "not-stub2"}, "spec": spec});
        control_plane
            .send("POST", &format!("{policies}/{plural}"), &object)
            .unwrap();
    };
    create(
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        json!({"failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{"apiGroups": ["machine.openshift.io"],
                "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["machinesets"]}]},
            "validations": [{"expression": "object.metadata.name != 'demo-7xk2p-worker-stub2'",
                "message": "this one stays as it is"}]}),
    );
    create(
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        json!({"policyName": "not-stub2", "validationActions": ["Deny"]}),
    );
    let set = format!("{SETS}/demo-7xk2p-worker-stub2?dryRun=All");
    let mut tries = 0;
    while control_plane
        .send("PATCH", &set, &json!({"spec": {"replicas": 2}}))
        .is_ok()
    {
        tries += 1;
        assert!(tries < 600, "the policy does not take effect");
        std::thread::sleep(Duration::from_millis(100));
    }
    let plan = cluster.save_plan();
    let secret = control_plane.get(&format!("{SECRETS}/worker-user-data-spec2"));
    let run = cluster.run(&["apply", &plan]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    let refused = run
        .stdout
        .lines()
        .find(|line| line.contains("stub2"))
        .unwrap();
    assert!(
        refused.contains("failed: ") && refused.contains("this one stays as it is"),
        "{refused}"
    );
    assert_eq!(
        run.stdout.matches("updated: boots").count(),
        5,
        "{}",
        run.stdout
    );
    assert_eq!(
        control_plane.get(&format!("{SECRETS}/worker-user-data-spec2")),
        secret
    );
}

#[test]
fn a_set_that_somebody_else_updated_still_has_its_secret_converted() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let plan = cluster.save_plan();
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    let mut targets = document["targets"].as_array().unwrap().iter();
    let target = targets
        .find(|target| target["name"] == "demo-7xk2p-worker-stub2")
        .unwrap();
    let set = format!("{SETS}/demo-7xk2p-worker-stub2");
    let mut object = cluster.control_plane.get(&set);
    let image = object
        .pointer_mut(target["patch"][1]["path"].as_str().unwrap())
        .unwrap();
    *image = target["patch"][1]["value"].clone();
    cluster.control_plane.put_back(&object);
    let run = cluster.run(&[
        "apply",
        &plan,
        "--only",
        "machineset/demo-7xk2p-worker-stub2",
    ]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("nothing to do"), "{}", run.stdout);
    assert!(
        run.stdout
            .contains("Secret worker-user-data-spec2 converted"),
        "{}",
        run.stdout
    );
    // Somebody else wrote the image: no Event says that this plan did.
    assert_eq!(cluster.events().len(), 0);
}

#[test]
fn a_conversion_that_nobody_has_seen_is_refused() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let dump = cluster.dump();
    for file in std::fs::read_dir(dump.path()).unwrap() {
        let path = file.unwrap().path();
        // A must-gather leaves Secrets out.
        if std::fs::read_to_string(&path)
            .unwrap()
            .contains("\"SecretList\"")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let planned = cluster.run(&["plan", "-o", "json", "-f", dump.path().to_str().unwrap()]);
    let saved = dump.path().join("plan");
    std::fs::write(&saved, &planned.stdout).unwrap();
    let run = cluster.run(&["apply", saved.to_str().unwrap()]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    let line = run
        .stdout
        .lines()
        .find(|line| line.contains("stub2"))
        .unwrap();
    assert!(
        line.contains("refused: ") && line.contains("plan again with the Secret"),
        "{line}"
    );
    assert_eq!(
        run.stdout.matches("updated: boots").count(),
        5,
        "{}",
        run.stdout
    );
    let secret = cluster
        .control_plane
        .get(&format!("{SECRETS}/worker-user-data-spec2"));
    assert!(secret["metadata"]["annotations"].is_null(), "{secret}");
}

#[test]
fn a_plan_of_another_cluster_and_nobody_to_read_the_lines() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let plan = cluster.save_plan();
    let text = std::fs::read_to_string(&plan).unwrap();
    let version = "/apis/config.openshift.io/v1/clusterversions/version";
    let uid = cluster.control_plane.get(version)["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(&plan, text.replace(&uid, "another")).unwrap();
    let run = cluster.run(&["apply", &plan]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(
        run.stderr.contains("the plan is of another cluster"),
        "{}",
        run.stderr
    );
    assert_read_only(&run);
    std::fs::write(&plan, text).unwrap();
    // `osimage apply plan.json | true`
    let mut child = live_support::command(&cluster.kubeconfig, &["apply", &plan])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let after = cluster.run(&["plan", "-o", "patch"]);
    assert_eq!(after.stdout, "", "{}", after.stderr);
}

#[test]
fn what_is_no_plan_is_a_clear_error() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let file = file.to_str().unwrap();
    for (content, code, says) in [
        ("", 3, "it is empty"),
        ("[]", 3, "no plan"),
        ("{}", 3, "osimage plan --save"),
        (
            "{\"apiVersion\": \"osimage.dev/v2\", \"kind\": \"Plan\"}",
            3,
            "osimage.dev/v2",
        ),
        (
            "{\"apiVersion\": \"osimage.dev/v1\", \"kind\": \"Plan\"}",
            3,
            "damaged",
        ),
        ("\u{0}", 3, "osimage plan --save"),
    ] {
        std::fs::write(file, content).unwrap();
        let run = cluster.run(&["apply", file]);
        assert_eq!(run.code, code, "{content}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{content}: {}", run.stderr);
        assert!(run.calls.is_empty());
    }
    let plan = cluster.save_plan();
    let unknown = cluster.run(&["apply", &plan, "--only", "machineset/nobody"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("demo-7xk2p-worker-b"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn what_a_cluster_refuses_is_said_in_peoples_words() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let as_whom = |identity: Identity| {
        let kubeconfig = cluster.control_plane.kubeconfig(&identity);
        cluster.run_with(&kubeconfig, &["plan"])
    };
    let nobody = as_whom(Identity::Nobody);
    assert_eq!(nobody.code, 4);
    assert!(nobody.stderr.contains("oc login"), "{}", nobody.stderr);
    let forbidden = as_whom(Identity::User("eve".to_owned()));
    assert_eq!(forbidden.code, 4);
    for word in ["\"eve\"", "cannot", "role"] {
        assert!(forbidden.stderr.contains(word), "{}", forbidden.stderr);
    }
    let context = cluster.run(&["plan", "--context", "other"]);
    assert_eq!(context.code, 4);
    assert!(
        context.stderr.contains("no context \"other\"; it has test"),
        "{}",
        context.stderr
    );
    let control_plane = &cluster.control_plane;
    let written = std::fs::read_to_string(&cluster.kubeconfig).unwrap();
    let mut other: Value = serde_json::from_str(&written).unwrap();
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("other.kubeconfig");
    let mut with = |pointer: &str, value: Value| {
        let before = other.pointer_mut(pointer).unwrap().take();
        *other.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&path, other.to_string()).unwrap();
        *other.pointer_mut(pointer).unwrap() = before;
        cluster.run_with(&path, &["plan"])
    };
    let closed = with("/clusters/0/cluster/server", json!("https://127.0.0.1:1"));
    assert_eq!(closed.code, 4);
    assert!(
        closed.stderr.contains("could not be reached"),
        "{}",
        closed.stderr
    );
    let elsewhere = with(
        "/clusters/0/cluster/server",
        json!("https://no.such.host.invalid"),
    );
    assert_eq!(elsewhere.code, 4);
    assert!(
        elsewhere.stderr.contains("could not be reached"),
        "{}",
        elsewhere.stderr
    );
    let stranger = ControlPlane::start_without_openshift().unwrap();
    let untrusted = with("/clusters/0/cluster/server", json!(stranger.url()));
    assert_eq!(untrusted.code, 4);
    assert!(
        untrusted.stderr.contains("certificate-authority"),
        "{}",
        untrusted.stderr
    );
    let kubernetes = cluster.run_with(&stranger.kubeconfig(&Identity::Admin), &["plan"]);
    assert_eq!(kubernetes.code, 4);
    assert!(
        kubernetes.stderr.contains("not an OpenShift cluster"),
        "{}",
        kubernetes.stderr
    );
    let slow = control_plane.proxy(&Identity::Admin, |_| Verdict::Delay(Duration::from_mins(1)));
    let silent = cluster.run_with(slow.kubeconfig(), &["plan"]);
    assert_eq!(silent.code, 4);
    assert!(
        silent.stderr.contains("no answer to `"),
        "{}",
        silent.stderr
    );
    let page = control_plane.proxy(&Identity::Admin, |_| Verdict::Answer {
        code: 407,
        retry_after: None,
    });
    let proxy = cluster.run_with(page.kubeconfig(), &["plan"]);
    assert_eq!(proxy.code, 4);
    assert!(
        proxy.stderr.contains("a proxy asks for a user"),
        "{}",
        proxy.stderr
    );
    let missing = cluster.run(&["plan", "--kubeconfig", "/nowhere"]);
    assert_eq!(missing.code, 4);
    assert!(missing.stderr.contains("/nowhere"), "{}", missing.stderr);
}
