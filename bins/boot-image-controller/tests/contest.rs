//! Somebody else reverts what the controller writes.
//!
//! The short form runs here, with short pauses; `OSIMAGE_SOAK=1` fights for ten minutes, with those that
//! the controller has by itself.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{
    CONFIGURATION, CURRENT, Cluster, Controller, OPERATOR, eventually, set_path, within,
};

/// A fight: how long the opponent goes on, the first pause, and the most edits that are made. Three are
/// made at once; then a set is left alone for twice as long each time.
struct Fight {
    time: Duration,
    pause: &'static str,
    most_edits: usize,
    /// How long the last pause may be.
    last_pause: Duration,
}

fn fight() -> Fight {
    if support::soak() {
        return Fight {
            time: Duration::from_mins(10),
            pause: "60",
            most_edits: 11,
            last_pause: Duration::from_mins(17),
        };
    }
    Fight {
        time: Duration::from_secs(15),
        pause: "1",
        most_edits: 8,
        last_pause: Duration::from_mins(1),
    }
}

#[test]
fn bi_190_who_reverts_is_named_and_nobody_fights() {
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let old = cluster.image("worker-b");
    let fight = fight();
    let pause = format!("--contest-pause={}", fight.pause);
    let arguments = ["--mode=replace", &pause];
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
            std::thread::sleep(fight.time.saturating_sub(start.elapsed()));
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
    assert!((3..=fight.most_edits).contains(&edits), "{edits}");
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
    within(fight.last_pause, "it converges by itself", || {
        cluster.image("worker-b").contains(CURRENT).then_some(())
    });
    drop(again);
}
