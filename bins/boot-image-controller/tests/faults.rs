//! What becomes of a controller whose API server fails it, or refuses what it asks for. It is never
//! started again.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{CONFIGURATION, Cluster, Controller, eventually, set_path};
use test_control_plane::{Call, FaultProxy, Identity, Verdict};

/// The image of the samples' release, whatever the architecture.
const IMAGE: &str = "rhcos-9-8-20260715-0";
/// The most edits of a set that fails once: that one, the one that follows, and one more where a pass
/// ended in between.
const MOST_EDITS: usize = 3;
/// The most edits of a set that fails until it is told: four in the first pass, and one.
const MOST_EDITS_OF_BROKEN: usize = 5;

/// How the first edit of each set fails.
const FAULTS: [(&str, Verdict); 4] = [
    ("worker-b", answer(409, None)),
    ("worker-arm", answer(429, Some(1))),
    ("worker-d-noarch", Verdict::CutBefore),
    ("worker-stub2", Verdict::CutAfter),
];
/// The set that every edit fails of, until the cluster was told.
const BROKEN: &str = "worker-twodisks";

const fn answer(code: u16, retry_after: Option<u32>) -> Verdict {
    Verdict::Answer { code, retry_after }
}

fn is_edit(call: &Call, set: &str) -> bool {
    let path = call.uri.split('?').next().unwrap_or_default();
    call.method == "PATCH" && !call.uri.contains("dryRun") && path == set_path(set)
}

/// A proxy that fails the first edit of each set, and the first read of two kinds.
fn proxy(cluster: &Cluster, broken: Arc<AtomicBool>) -> FaultProxy {
    let failed = Mutex::new(BTreeSet::new());
    cluster.control_plane.proxy(&Identity::Admin, move |call| {
        let first = |what: &'static str| failed.lock().unwrap().insert(what);
        if is_edit(call, BROKEN) && broken.load(Ordering::SeqCst) {
            return answer(500, None);
        }
        let fault = FAULTS.iter().find(|(set, _)| is_edit(call, set));
        if let Some((_, verdict)) = fault.filter(|(set, _)| first(set)) {
            return verdict.clone();
        }
        if call.uri.contains("/infrastructures") && first("infrastructures") {
            return answer(500, None);
        }
        if call.uri.contains("/featuregates") && first("featuregates") {
            return answer(429, Some(1));
        }
        Verdict::Pass
    })
}

/// Waits until a set boots the release's image, and the history says so once.
fn updated_once(cluster: &Cluster, set: &str) {
    eventually(&format!("{set} is updated"), || {
        cluster.image(set).contains(IMAGE).then_some(())
    });
    let name = format!("demo-7xk2p-{set}");
    // An object of this name that was there before an API server lost its data is another one.
    let uid = cluster.get(&set_path(set))["metadata"]["uid"].take();
    let entries = eventually("the write stands in the history", || {
        let mut entries = cluster.history(&name);
        entries.retain(|entry| entry["uid"] == uid);
        Some(entries).filter(|entries| !entries.is_empty())
    });
    assert_eq!(entries.len(), 1, "{set}: {entries:?}");
}

/// The message of the cluster's Degraded condition, once it is true.
fn degraded(cluster: &Cluster) -> String {
    eventually("the cluster is told", || {
        let degraded = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
        let message = degraded["message"].as_str()?.to_owned();
        (degraded["status"] == "True").then_some(message)
    })
}

fn not_degraded(cluster: &Cluster) {
    eventually("nothing is degraded any more", || {
        let degraded = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
        (degraded["status"] == "False").then_some(())
    });
}

#[test]
fn w_04_a_fault_is_got_over_and_holds_up_its_own_set_alone() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let broken = Arc::new(AtomicBool::new(true));
    let proxy = proxy(&cluster, Arc::clone(&broken));
    let mut controller = Controller::start(proxy.kubeconfig(), &["--mode=replace"]);
    let message = degraded(&cluster);
    for words in ["unable to patch new machineset", "a fault of the test, 500"] {
        assert!(message.contains(words), "{message}");
    }
    for (set, _) in FAULTS {
        updated_once(&cluster, set);
    }
    assert!(!cluster.image(BROKEN).contains(IMAGE));
    broken.store(false, Ordering::SeqCst);
    updated_once(&cluster, BROKEN);
    not_degraded(&cluster);
    let calls = proxy.calls();
    let limits = FAULTS.iter().map(|(set, _)| (*set, MOST_EDITS));
    for (set, limit) in limits.chain([(BROKEN, MOST_EDITS_OF_BROKEN)]) {
        let edits = calls.iter().filter(|call| is_edit(call, set)).count();
        assert!((1..=limit).contains(&edits), "{set}: {edits} edits");
    }
    assert!(controller.ended().is_none());
}

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";
/// How the API server answers what a policy forbids.
const REFUSED: u16 = 422;
/// After how long what failed once is tried again.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// All patches of a set so far: whether it was a dry run, and the status.
fn patches_of(cluster: &Cluster, set: &str) -> Vec<(bool, u16)> {
    let path = set_path(set);
    let calls = cluster.control_plane.audit().into_iter();
    let patches = calls
        .filter(|call| call.verb == "patch" && call.uri.split('?').next() == Some(path.as_str()));
    patches
        .map(|call| (call.uri.contains("dryRun"), call.code))
        .collect()
}

/// A policy of somebody who does not want one set to be changed.
fn refuse(cluster: &Cluster, set: &str) {
    let group = "admissionregistration.k8s.io/v1";
    cluster.control_plane.create(
        &json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "frozen"}, "spec": {"failurePolicy": "Fail", "matchConstraints":
            {"resourceRules": [{"apiGroups": ["machine.openshift.io"], "apiVersions": ["v1beta1"],
                "operations": ["UPDATE"], "resources": ["machinesets"]}]},
            "validations": [{"expression": format!("object.metadata.name != 'demo-7xk2p-{set}'"),
                "message": "frozen until the audit is over"}]}}),
    );
    cluster.control_plane.create(&json!({"apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "frozen"},
        "spec": {"policyName": "frozen", "validationActions": ["Deny"]}}));
    let path = format!("{}?dryRun=All", set_path(set));
    let object = cluster.get(&set_path(set));
    eventually("the policy is in force", || {
        cluster.control_plane.send("PUT", &path, &object).err()
    });
}

#[test]
fn bi_197_what_admission_refuses_is_told_and_tried_again() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    refuse(&cluster, "worker-b");
    let mut controller = Controller::start(&cluster.kubeconfig, &["--mode=replace"]);
    let message = degraded(&cluster);
    for words in [
        "unable to patch new machineset",
        "frozen until the audit is over",
    ] {
        assert!(message.contains(words), "{message}");
    }
    for set in ["worker-arm", "worker-twodisks", "worker-stub2"] {
        updated_once(&cluster, set);
    }
    assert!(!cluster.image("worker-b").contains(IMAGE));
    // Tried once: what admission refuses is not asked again and again.
    let since = Instant::now();
    assert_eq!(patches_of(&cluster, "worker-b"), [(true, REFUSED)]);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(patches_of(&cluster, "worker-b"), [(true, REFUSED)]);
    for kind in [
        "validatingadmissionpolicybindings",
        "validatingadmissionpolicies",
    ] {
        cluster
            .control_plane
            .delete(&format!("{ADMISSION}/{kind}/frozen"));
    }
    updated_once(&cluster, "worker-b");
    // Nobody told the controller that it may now: half a minute after it failed it tried again.
    assert!(since.elapsed() > FIRST_RETRY / 2, "{:?}", since.elapsed());
    let expected = [(true, REFUSED), (true, 200), (false, 200)];
    assert_eq!(patches_of(&cluster, "worker-b"), expected);
    not_degraded(&cluster);
    assert!(controller.ended().is_none());
}

#[test]
fn an_api_server_that_was_away_or_has_lost_everything_is_followed_again() {
    let Some(mut cluster) = Cluster::gcp() else {
        return;
    };
    // A Lease that runs out meanwhile would end the process, which is another test.
    let arguments = ["--mode=replace", "--leader-elect=false"];
    let mut controller = Controller::start(&cluster.kubeconfig, &arguments);
    updated_once(&cluster, "worker-b");
    cluster.control_plane.restart();
    cluster.bring(IMAGE, "rhcos-9-8-20260901-0");
    eventually("the next release is followed", || {
        cluster.image("worker-b").contains("20260901").then_some(())
    });
    // A control plane out of nothing: the versions that the controller has seen are not there yet.
    cluster.control_plane.restart_without_data();
    cluster.fill("samples/valid");
    updated_once(&cluster, "worker-b");
    updated_once(&cluster, "worker-stub2");
    assert!(controller.ended().is_none());
    eventually("it is ready", || {
        let ready = controller.http("probes", "/readyz");
        ready.contains("200 OK").then_some(())
    });
}
