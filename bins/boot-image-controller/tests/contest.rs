//! Somebody else reverts what the controller writes.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{CONFIGURATION, CURRENT, Cluster, Controller, OPERATOR, eventually, set_path};

/// How long the opponent goes on. Each time it is left alone for twice as long.
const FIGHT: Duration = Duration::from_secs(15);
/// In that time: three edits at once, then after 1, 2, 4 and 8 seconds.
const MOST_EDITS: usize = 8;

#[test]
fn bi_190_who_reverts_is_named_and_nobody_fights() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let old = cluster.image("worker-b");
    let arguments = ["--mode=replace", "--contest-pause=1"];
    let controller = Controller::start(&cluster.kubeconfig, &arguments);
    let ended = AtomicBool::new(false);
    let writes = cluster.writes_of(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    if cluster.image("worker-b") != old {
                        cluster.revert("worker-b", &old, "argocd-controller");
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
            let start = Instant::now();
            let series = "osimage_boot_image_contested{kind=\"MachineSet\",\
                name=\"demo-7xk2p-worker-b\",manager=\"argocd-controller\"}";
            eventually("it is named in the metric", || {
                (controller.metric(series) > 0.0).then_some(())
            });
            // Other sets are updated in the meantime.
            eventually("another set is updated", || {
                cluster
                    .image("worker-arm")
                    .contains(CURRENT.trim_end_matches("-0"))
                    .then_some(())
            });
            std::thread::sleep(FIGHT.saturating_sub(start.elapsed()));
            let degraded = cluster.condition(CONFIGURATION, "BootImageUpdateDegraded");
            assert_eq!(degraded["status"], "False", "{degraded}");
            let contested = cluster.condition(OPERATOR, "BootImagesContested");
            let message = contested["message"].as_str().unwrap_or_default();
            assert!(message.contains("argocd-controller"), "{contested}");
            assert_eq!(cluster.condition(OPERATOR, "Degraded")["status"], "False");
            ended.store(true, Ordering::Relaxed);
        });
    });
    let path = set_path("worker-b");
    let edits = writes.iter().filter(|call| call.uri.starts_with(&path));
    let edits = edits.count();
    assert!((3..=MOST_EDITS).contains(&edits), "{edits}");
    let named = cluster
        .events("demo-7xk2p-worker-b")
        .into_iter()
        .any(|event| {
            let note = event["note"].as_str().unwrap_or_default();
            event["reason"] == "Contested" && note.contains("argocd-controller")
        });
    assert!(named);
    // Who has stopped is not waited for any longer than the pause; a restart forgets nothing.
    assert!(controller.stop().success());
    let again = Controller::start(&cluster.kubeconfig, &arguments);
    eventually("it converges by itself", || {
        cluster.image("worker-b").contains(CURRENT).then_some(())
    });
    drop(again);
}
