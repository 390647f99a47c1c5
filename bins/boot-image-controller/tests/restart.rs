//! The controller is killed, stopped, or stands in pairs.
//!
//! The short form runs here; `OSIMAGE_SOAK=1` kills at every call, and makes 200 hand-overs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{
    CURRENT, Cluster, Controller, LEASE, SECRETS, STATE, eventually, set_path, signal, soak,
};
use test_control_plane::{Call, Identity, Verdict};

/// Whether a call is one after which a crash could matter: all but watches, lists and the Lease.
fn counts(call: &Call) -> bool {
    !call.uri.contains("watch=true")
        && !call.uri.contains("limit=")
        && !call.uri.contains("/leases")
}

/// The set whose stub is converted before it is edited, and its Secret.
const SET: &str = "worker-stub2";
const SECRET: &str = "worker-user-data-spec2";

struct Before {
    set: Value,
    secret: Value,
}

impl Before {
    fn of(cluster: &Cluster) -> Self {
        let mut secret = cluster.get(&format!("{SECRETS}/{SECRET}"));
        secret["apiVersion"] = json!("v1");
        secret["kind"] = json!("Secret");
        Self {
            set: cluster.get(&set_path(SET)),
            secret,
        }
    }

    /// Makes the cluster what it was, without a memory.
    fn restore(&self, cluster: &Cluster) {
        cluster.control_plane.put_back(&self.set);
        cluster.control_plane.put_back(&self.secret);
        for path in [STATE, LEASE] {
            if !cluster.get(path).is_null() {
                cluster.control_plane.delete(path);
            }
        }
    }
}

/// Kills a controller at its `number`th call, before or after the API server has carried it out, and
/// lets another one go on; false where there are no such calls any more.
fn killed_at(cluster: &Cluster, arguments: &[&str], number: usize, carried_out: bool) -> bool {
    let process = Arc::new(AtomicU32::new(0));
    let count = Arc::new(AtomicUsize::new(0));
    let (of_judge, of_count) = (Arc::clone(&process), Arc::clone(&count));
    let proxy = cluster.control_plane.proxy(&Identity::Admin, move |call| {
        if counts(call) && of_count.fetch_add(1, Ordering::SeqCst) + 1 == number {
            // Until the test has told who it is.
            while of_judge.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            return Verdict::Kill {
                process: of_judge.load(Ordering::SeqCst),
                carried_out,
            };
        }
        Verdict::Pass
    });
    let mut first = Controller::start(proxy.kubeconfig(), arguments);
    process.store(first.id(), Ordering::SeqCst);
    let is_done = || {
        cluster.image(SET).contains(CURRENT)
            && cluster.history(&format!("demo-7xk2p-{SET}")).len() == 1
    };
    let start = Instant::now();
    let mut killed = false;
    let mut done_since = None;
    while !killed {
        killed = first.ended().is_some();
        // It does what there is to do, and is not killed: there are not so many calls.
        if is_done()
            && done_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(1500)
        {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "call {number} hangs"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(first);
    if !killed {
        return false;
    }
    let second = Controller::start(&cluster.kubeconfig, arguments);
    eventually(
        &format!("{arguments:?}: after call {number} it converges"),
        || is_done().then_some(()),
    );
    let name = format!("demo-7xk2p-{SET}");
    let secret = eventually("the Secret stands in the history", || {
        cluster.history(SECRET).pop()
    });
    assert_eq!(
        (&secret["from"], cluster.history(SECRET).len()),
        (&json!("2.2.0"), 1),
        "{secret}"
    );
    assert_eq!(cluster.history(&name).len(), 1, "call {number}");
    drop(second);
    true
}

fn kill_everywhere(arguments: &[&str], prepare: impl FnOnce(&Cluster) -> Vec<String>) {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let more = prepare(&cluster);
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    // No Lease: it would have to run out before the second one may begin.
    let arguments = [arguments, &["--leader-elect=false"], &more].concat();
    let before = Before::of(&cluster);
    let mut number = 1;
    // The calls in between are tried in the long form.
    let step = if soak() { 1 } else { 4 };
    loop {
        for carried_out in [false, true] {
            if !killed_at(&cluster, &arguments, number, carried_out) {
                assert!(number > 5, "it makes more than {number} calls");
                return;
            }
            before.restore(&cluster);
        }
        number += step;
    }
}

#[test]
fn a_controller_that_is_killed_in_mode_replace_is_followed_by_one_that_completes_its_work() {
    kill_everywhere(&["--mode=replace"], |cluster| {
        only(cluster);
        Vec::new()
    });
}

#[test]
fn a_controller_that_is_killed_in_mode_beside_is_followed_by_one_that_completes_its_work() {
    kill_everywhere(&["--mode=beside"], |cluster| {
        only(cluster);
        let file = cluster.folder.path().join("policy.yaml");
        std::fs::write(
            &file,
            "apiVersion: osimage.dev/v1\nkind: BootImagePolicy\nmachineManagers:\n\
            - {resource: machinesets, apiGroup: machine.openshift.io, selection: {mode: All}}\n",
        )
        .unwrap();
        let none = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
            "selection": {"mode": "None"}}]);
        cluster.configuration_status(
            &json!({"managedBootImagesStatus": {"machineManagers": none},
            "bootImageSkewEnforcementStatus": {"mode": "None", "automatic": null}}),
        );
        vec!["--config".to_owned(), file.to_str().unwrap().to_owned()]
    });
}

/// One set is enough, and makes the calls the same each time.
fn only(cluster: &Cluster) {
    for set in [
        "worker-b",
        "worker-c",
        "worker-d-noarch",
        "worker-arm",
        "worker-twodisks",
        "windows",
        "worker-custom",
    ] {
        cluster.control_plane.delete(&set_path(set));
    }
    cluster.control_plane.delete(
        "/apis/machine.openshift.io/v1/namespaces/openshift-machine-api/\
        controlplanemachinesets/cluster",
    );
}

fn holder(cluster: &Cluster) -> String {
    let lease = cluster.get(LEASE);
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn of_two_replicas_one_writes_whatever_happens_to_it() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let duration = Duration::from_secs(5);
    let start = |name: &str| {
        let arguments = ["--mode=replace", "--leader-elect-lease-duration=5"];
        let mut command = support::command(&cluster.kubeconfig, &arguments);
        Controller::spawn(command.env("POD_NAME", name))
    };
    let mut replicas = vec![start("pod-0"), start("pod-1")];
    let mut names = vec!["pod-0".to_owned(), "pod-1".to_owned()];
    eventually("the first pass is made", || {
        cluster.image("worker-b").contains(CURRENT).then_some(())
    });
    let rounds = if soak() { 200 } else { 4 };
    let mut release = CURRENT.to_owned();
    for round in 0..rounds {
        // On a busy machine a Lease may be lost: its process ends, and its pod is started again.
        for (number, replica) in replicas.iter_mut().enumerate() {
            if replica.ended().is_some() {
                names[number] = format!("again-{round}-{number}");
                *replica = start(&names[number]);
            }
        }
        let leads = eventually("somebody leads", || {
            let holder = holder(&cluster);
            names
                .iter()
                .position(|name| holder.starts_with(&format!("{name}_")))
        });
        let began = Instant::now();
        let before = holder(&cluster);
        let limit = match round % 4 {
            0 => {
                let stopped = replicas.remove(leads);
                assert_eq!(stopped.stop().code(), Some(0));
                Duration::from_secs(2)
            }
            1 => {
                drop(replicas.remove(leads));
                duration + Duration::from_secs(2)
            }
            _ => {
                // Past its Lease; then it goes on, and has to find out.
                replicas[leads].signal("STOP");
                duration + Duration::from_secs(2)
            }
        };
        eventually("the other one takes over", || {
            let now = holder(&cluster);
            (now != before && !now.is_empty()).then_some(())
        });
        // The machine may be busy: what is measured is told, and only gross delay fails.
        let took = began.elapsed();
        assert!(took < limit * 3, "round {round}: {took:?}");
        if round % 4 >= 2 {
            replicas[leads].signal("CONT");
            let code = replicas[leads].wait().code();
            assert_eq!(code, Some(6), "who has lost the Lease ends");
            replicas.remove(leads);
        }
        names.remove(leads);
        let name = format!("pod-{}", round + 2);
        replicas.push(start(&name));
        names.push(name);
        // Each release is written once.
        let next = format!("rhcos-9-8-2027{:02}{:02}-0", round / 28 + 1, round % 28 + 1);
        let writes = cluster.writes_of(|| {
            cluster.bring(&release, &next);
            eventually("the release is followed", || {
                cluster.image("worker-b").contains(&next).then_some(())
            });
            // By then the API server has put the call into its log.
            eventually("the history is written", || {
                let last = cluster.history("demo-7xk2p-worker-b").pop()?;
                last["to"].as_str()?.contains(&next).then_some(())
            });
        });
        let path = set_path("worker-b");
        let edits = writes
            .iter()
            .filter(|call| call.uri.starts_with(&path) && call.code == 200)
            .count();
        assert_eq!(edits, 1, "round {round}");
        release = next;
    }
    for replica in &replicas {
        signal(replica.id(), "KILL");
    }
}
