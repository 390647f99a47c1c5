//! From the command line to a running builder.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_io::store::{Store, StoreOptions, WatchSpec};
use controller_runtime::process::{self, Process, Setup};
use controller_runtime::queue::WorkQueue;
use controller_runtime::{exit, logging};
use osbuild_plan::{BUILD_NAMESPACE, BUILDER_LEASE, builder_reads};

use crate::changes::Seen;
use crate::controller::Controller;
use crate::flags::{Flags, Mode};
use crate::hand_over::{self, HandOver};
use crate::logs::Logs;
use crate::metrics::BuildMetrics;
use crate::registries::Registries;
use crate::stand_alone::StandAlone;

/// Runs the builder until it is asked to stop; its exit code.
pub fn run(flags: &Flags) -> u8 {
    logging::init(flags.common.log_format, flags.common.log_level);
    if flags.stand_alone && flags.mode == Mode::Observe {
        tracing::error!("not started: --stand-alone writes, and needs --mode replace");
        return exit::USAGE;
    }
    if let Some(namespace) = flags
        .namespace
        .as_deref()
        .filter(|it| *it != BUILD_NAMESPACE)
    {
        tracing::warn!(
            namespace,
            "--namespace has no effect: the Lease is the stock builder's, in {BUILD_NAMESPACE}"
        );
    }
    let setup = Setup {
        name: "machine-os-builder",
        lease: BUILDER_LEASE,
        namespace: BUILD_NAMESPACE,
        mode: flags.mode.name(),
        observes: flags.mode == Mode::Observe,
        hand_over: hand_over::LIMIT,
        flags: &flags.common,
    };
    process::run(&setup, |process| controller(flags, process).run())
}

fn controller(flags: &Flags, process: Process) -> Controller {
    let Process {
        cluster,
        fence,
        health,
        metrics,
        shutdown,
    } = process;
    let table = builder_reads();
    let specs = table.iter().filter_map(WatchSpec::of);
    let store = Store::start(cluster.client().clone(), specs, StoreOptions::default());
    let store = Arc::new(store);
    Controller {
        hand_over: HandOver {
            store: Arc::clone(&store),
            fence: fence.clone(),
            shutdown,
        },
        store,
        registries: Registries::new(cluster.clone()),
        cluster,
        build_metrics: BuildMetrics::register(&metrics, flags.mode),
        mode: flags.mode,
        stand_alone: flags.stand_alone.then(StandAlone::default),
        fence,
        health,
        metrics,
        queue: WorkQueue::default(),
        situations: BTreeMap::default(),
        behind: BTreeMap::default(),
        moves: BTreeMap::default(),
        decisions: BTreeMap::default(),
        logs: Logs::default(),
        seen: Seen::default(),
    }
}
