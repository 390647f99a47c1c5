//! What becomes of an `apply` that is killed, cut off or refused, at every call that it makes.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use live_support::{Cluster, command};
use serde_json::Value;
use test_control_plane::{FaultProxy, Identity, Verdict};

/// The set whose Secret has to be converted as well: all that can be done to a target.
const SET: &str = "machineset/demo-7xk2p-worker-stub2";
/// Another set, which is made to name the same Secret.
const OTHER_SET: &str = "machineset/demo-7xk2p-worker-b";

/// An end state without what differs from run to run: times, versions, the plan's digest.
fn settled(cluster: &Cluster) -> Vec<Value> {
    let mut state = cluster.state();
    for object in state
        .iter_mut()
        .flat_map(|list| list["items"].as_array_mut().into_iter().flatten())
    {
        for given in ["managedFields", "resourceVersion", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(given);
        }
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.retain(|name, _| !name.ends_with("stub-ignition-upgraded-at"));
        }
    }
    for list in &mut state {
        list["metadata"].take();
    }
    let events = cluster.events();
    // Killed before it could say so, it says so the next time, and once.
    let history = cluster.history();
    state.extend(history.into_iter().map(|entry| Value::from(entry.to_vec())));
    state.extend(
        events
            .iter()
            .map(|event| event["regarding"]["name"].clone()),
    );
    state
}

/// Runs apply through a proxy that answers call `number` with `verdict`; exit code (-1: killed),
/// what it said, and how many calls it made.
fn apply_with(
    cluster: &Cluster,
    arguments: &[&str],
    number: usize,
    verdict: impl Fn(u32) -> Verdict + Send + Sync + 'static,
) -> (i32, String, usize) {
    let process = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&process);
    let is_conflict = matches!(verdict(0), Verdict::Answer { code: 409, .. });
    let proxy: FaultProxy = cluster.control_plane.proxy(&Identity::Admin, move |call| {
        // What is to be created is answered with 409 only where it is there.
        let is_create = call.method == "POST";
        if call.number != number || is_create && is_conflict {
            return Verdict::Pass;
        }
        while shared.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        verdict(shared.load(Ordering::SeqCst))
    });
    let child = command(proxy.kubeconfig(), arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.store(child.id(), Ordering::SeqCst);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(text).unwrap(),
        proxy.calls().len(),
    )
}

/// Applies two targets that convert the same Secret: every kind of call, with few repetitions.
fn two_targets(plan: &str) -> [&str; 6] {
    ["apply", plan, "--only", SET, "--only", OTHER_SET]
}

#[test]
fn killed_at_any_call_and_run_again_it_completes() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    cluster.point_at_spec_2("demo-7xk2p-worker-b");
    let plan = cluster.save_plan();
    let start = cluster.snapshot();
    let arguments = two_targets(&plan);
    let (code, text, calls) = apply_with(&cluster, &arguments, 0, |_| Verdict::Pass);
    assert_eq!(code, 0, "{text}");
    let end = settled(&cluster);
    let mut kills = 0;
    for number in 1..=calls {
        for carried_out in [false, true] {
            cluster.reset(&start);
            let plan = cluster.save_plan();
            let arguments = two_targets(&plan);
            let kill = move |process| Verdict::Kill {
                process,
                carried_out,
            };
            let (code, text, _) = apply_with(&cluster, &arguments, number, kill);
            assert_eq!(code, -1, "call {number} was not killed: {text}");
            let again = cluster.run(&arguments);
            assert_eq!(
                again.code, 0,
                "call {number}: {}{}",
                again.stdout, again.stderr
            );
            assert!(
                settled(&cluster) == end,
                "call {number}, carried out: {carried_out}"
            );
            kills += 1;
        }
    }
    assert_eq!(kills, 2 * calls);
    println!("killed before and after {calls}/{calls} calls");
}

#[test]
fn a_fault_at_any_call_is_a_clear_line_and_bounded_and_loses_nothing() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let plan = cluster.save_plan();
    let start = cluster.snapshot();
    let arguments = ["apply", &plan, "--only", SET];
    let (code, text, calls) = apply_with(&cluster, &arguments, 0, |_| Verdict::Pass);
    assert_eq!(code, 0, "{text}");
    let end = settled(&cluster);
    let answer = |code, retry_after| Verdict::Answer { code, retry_after };
    let faults = [
        answer(409, None),
        answer(429, Some(1)),
        answer(500, None),
        Verdict::CutBefore,
        Verdict::CutAfter,
    ];
    let mut seen = 0;
    for number in 1..=calls {
        for fault in &faults {
            cluster.reset(&start);
            let plan = cluster.save_plan();
            let arguments = ["apply", &plan, "--only", SET];
            let verdict = fault.clone();
            let (code, text, made) =
                apply_with(&cluster, &arguments, number, move |_| verdict.clone());
            let what = format!("call {number}, {fault:?}: {text}");
            assert!([0, 4].contains(&code), "{what}");
            assert!(
                code == 0 || text.contains("127.0.0.1") || text.contains('`'),
                "{what}"
            );
            // Even where the answer to the conversion was lost.
            let named = text.contains("Secret worker-user-data-spec2 converted");
            assert!(code != 0 || named, "{what}");
            // A target is looked at again from the start at most once for one fault.
            assert!(made <= calls + 8, "{what}: {made} calls instead of {calls}");
            // What does not say that it may be repeated stops the run before anything is written.
            if code != 0 {
                let again = cluster.run(&arguments);
                assert_eq!(again.code, 0, "{what}: {}{}", again.stdout, again.stderr);
            }
            assert!(settled(&cluster) == end, "{what}");
            seen += 1;
        }
    }
    assert_eq!(seen, calls * faults.len());
}

#[test]
fn what_moves_after_the_first_write_fails_by_itself() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let plan = cluster.save_plan();
    let first = AtomicU32::new(0);
    let proxy = cluster.control_plane.proxy(&Identity::Admin, move |call| {
        // The first write takes its time, and the world goes on.
        let is_first = call.method == "PATCH" && first.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first {
            Verdict::Delay(Duration::from_secs(4))
        } else {
            Verdict::Pass
        }
    });
    let child = command(proxy.kubeconfig(), &["apply", &plan])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !proxy.calls().iter().any(|call| call.method == "PATCH") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let sets = "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
    let path = |name: &str| format!("{sets}/demo-7xk2p-worker-{name}");
    let control_plane = &cluster.control_plane;
    control_plane.delete(&path("twodisks"));
    control_plane.merge(
        &path("d-noarch"),
        &serde_json::json!({"metadata": {"labels": {"a": "b"}}}),
    );
    // What no rule reads does not matter.
    control_plane.merge(&path("b"), &serde_json::json!({"spec": {"replicas": 7}}));
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{text}");
    let line = |name: &str| {
        let line = text.lines().find(|line| line.contains(name));
        line.unwrap_or_else(|| panic!("nothing of {name}: {text}"))
    };
    assert!(
        line("worker-twodisks").contains("moved: it is gone; plan again"),
        "{text}"
    );
    assert!(
        line("worker-d-noarch").contains("moved: it was changed"),
        "{text}"
    );
    for name in ["cluster", "worker-arm", "worker-b", "worker-stub2"] {
        assert!(line(name).contains("updated"), "{text}");
    }
    let scaled = control_plane.get(&path("b"));
    assert_eq!(scaled["spec"]["replicas"], 7);
    let changed = control_plane.get(&path("d-noarch"));
    assert!(changed.to_string().contains("rhcos-418-94"), "{changed}");
}

#[test]
fn a_fault_that_stays_is_bounded_and_the_rest_is_said() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let before = settled(&cluster);
    let answer = |code, retry_after| Verdict::Answer { code, retry_after };
    for (fault, says) in [
        (answer(500, None), "HTTP 500"),
        (answer(409, None), "came too late"),
        (answer(429, Some(1)), "HTTP 429"),
        (answer(429, Some(3600)), "HTTP 429"),
        (Verdict::CutBefore, "could not be reached"),
    ] {
        let plan = cluster.save_plan();
        let verdict = fault.clone();
        let proxy = cluster.control_plane.proxy(&Identity::Admin, move |call| {
            if call.method == "PATCH" {
                verdict.clone()
            } else {
                Verdict::Pass
            }
        });
        let only = "machineset/demo-7xk2p-worker-b";
        let output = command(proxy.kubeconfig(), &["apply", &plan, "--only", only])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(4), "{fault:?}: {text}");
        assert!(
            text.contains("failed: ") && text.contains(says),
            "{fault:?}: {text}"
        );
        let patches = proxy
            .calls()
            .iter()
            .filter(|call| call.method == "PATCH")
            .count();
        assert!((1..=4).contains(&patches), "{fault:?}: {patches} patches");
        assert!(settled(&cluster) == before, "{fault:?}");
    }
    // The cluster goes away in the middle: no target is passed over in silence.
    let plan = cluster.save_plan();
    let gone = Arc::new(AtomicU32::new(0));
    let proxy = cluster.control_plane.proxy(&Identity::Admin, move |call| {
        let is_write = call.method == "PATCH";
        match gone.fetch_max(u32::from(is_write), Ordering::SeqCst) {
            0 => Verdict::Pass,
            _ => Verdict::CutBefore,
        }
    });
    let output = command(proxy.kubeconfig(), &["apply", &plan])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
    assert_eq!(text.matches("not tried").count(), 4, "{text}");
    let again = cluster.run(&["apply", &plan]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
}
