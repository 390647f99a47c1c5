//! From the command line to a running builder.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_io::store::{Store, StoreOptions, WatchSpec};
use controller_runtime::logging;
use controller_runtime::process::{self, Process, Setup};
use controller_runtime::queue::WorkQueue;
use osbuild_plan::{BUILD_NAMESPACE, BUILDER_LEASE, builder_reads};

use crate::controller::Controller;
use crate::flags::{Flags, Mode};
use crate::metrics::BuildMetrics;
use crate::registries::Registries;

/// Runs the builder until it is asked to stop; its exit code.
pub fn run(flags: &Flags) -> u8 {
    logging::init(flags.common.log_format, flags.common.log_level);
    let setup = Setup {
        name: "machine-os-builder",
        lease: BUILDER_LEASE,
        namespace: BUILD_NAMESPACE,
        mode: flags.mode.name(),
        observes: flags.mode == Mode::Observe,
        flags: &flags.common,
    };
    process::run(&setup, |process| controller(flags.mode, process).run())
}

fn controller(mode: Mode, process: Process) -> Controller {
    let Process {
        cluster,
        fence,
        health,
        metrics,
    } = process;
    let table = builder_reads();
    let specs = table.iter().filter_map(WatchSpec::of);
    let store = Store::start(cluster.client().clone(), specs, StoreOptions::default());
    Controller {
        store: Arc::new(store),
        registries: Registries::new(cluster.clone()),
        cluster,
        build_metrics: BuildMetrics::register(&metrics),
        mode,
        fence,
        health,
        metrics,
        queue: WorkQueue::default(),
        situations: BTreeMap::default(),
        behind: BTreeMap::default(),
        moves: BTreeMap::default(),
        decisions: BTreeMap::default(),
    }
}
