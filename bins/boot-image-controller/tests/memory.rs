//! How much memory the controller takes, and how soon it decides, on a large cluster. It runs with
//! `OSIMAGE_SOAK=1` alone, since making the cluster takes longer than everything else; what it prints
//! is what a release build (`cargo test --release`) needs.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be, and prints what it measures"
)]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Cluster, Controller, SETS, eventually, set_path};

/// How many sets there are, and how often the status of each changes.
const SETS_COUNT: usize = 1000;
const ROUNDS: usize = 5;
/// What a controller may take, in KiB.
const MOST: u64 = 30 << 10;

#[test]
fn a_thousand_sets_and_their_status_take_little_memory() {
    if std::env::var_os("OSIMAGE_SOAK").is_none_or(|value| value.is_empty()) {
        return;
    }
    let Some(cluster) = Cluster::gcp() else {
        return;
    };
    let mut set = cluster.get(&set_path("worker-b"));
    let metadata = set["metadata"].as_object_mut().unwrap();
    metadata.retain(|name, _| ["namespace", "labels", "annotations"].contains(&name.as_str()));
    for number in 0..SETS_COUNT {
        set["metadata"]["name"] = json!(format!("large-{number}"));
        cluster.control_plane.send("POST", SETS, &set).unwrap();
    }
    let start = Instant::now();
    let controller = Controller::start(&cluster.kubeconfig, &[]);
    eventually("everything is decided", || {
        controller.line("name", &format!("large-{}", SETS_COUNT - 1))
    });
    let decided = start.elapsed();
    for round in 0..ROUNDS {
        for number in 0..SETS_COUNT {
            let path = format!("{SETS}/large-{number}/status");
            cluster.merge(&path, &json!({"status": {"replicas": round}}));
        }
    }
    std::thread::sleep(Duration::from_secs(3));
    let status = std::fs::read_to_string(format!("/proc/{}/status", controller.id())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let (now, peak) = (of("VmRSS"), of("VmHWM"));
    let passes = controller.metric("osimage_passes_total{result=\"success\"}");
    eprintln!(
        "{SETS_COUNT} sets, {} changes of status: decided after {decided:?}, {passes} passes, {now} KiB \
         now, {peak} KiB at most",
        ROUNDS * SETS_COUNT
    );
    if !cfg!(debug_assertions) {
        assert!(now <= MOST, "{now} KiB");
    }
}
