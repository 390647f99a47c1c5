//! From the command line to a running controller.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bootimage_plan::{InputObject, Policy, reads, replace_reads};
use cluster_io::cluster::Cluster;
use cluster_io::store::{Store, StoreOptions, WatchSpec};
use controller_runtime::process::{self, Process, Setup};
use controller_runtime::queue::WorkQueue;
use controller_runtime::{exit, logging};

use crate::configuration::{self, ConfigurationError};
use crate::controller::Controller;
use crate::facts::FactCache;
use crate::flags::{Flags, Mode};
use crate::imports::Imports;
use crate::memory::Memory;
use crate::metrics::PassMetrics;
use crate::report::Reporter;
use crate::view::Named;

/// The name of the Lease.
pub const LEASE: &str = bootimage_plan::CONTROLLER_LEASE;

/// Runs the controller until it is asked to stop; its exit code.
pub fn run(flags: &Flags) -> u8 {
    logging::init(flags.common.log_format, flags.common.log_level);
    if flags.mode == Mode::Replace && flags.config.is_some() {
        tracing::error!(
            "not started: --config is for the modes beside and observe; in mode replace \
             MachineConfiguration says what is managed"
        );
        return exit::USAGE;
    }
    let (policy, file) = match read(flags.config.as_deref()) {
        Ok(configuration) => configuration,
        Err(error) => {
            tracing::error!(%error, "not started");
            return exit::CONFIGURATION;
        }
    };
    let namespace = flags.namespace.get();
    let setup = Setup {
        name: "boot-image-controller",
        lease: LEASE,
        namespace: &namespace,
        mode: flags.mode.name(),
        observes: flags.mode == Mode::Observe,
        hand_over: Duration::ZERO,
        flags: &flags.common,
    };
    process::run(&setup, |process| {
        controller(flags, process, namespace.clone(), policy, file).run()
    })
}

/// What the file of `--config` says; without one, the cluster's own configuration counts.
fn read(file: Option<&Path>) -> Result<(Policy, Option<InputObject>), ConfigurationError> {
    let Some(file) = file else {
        return Ok((Policy::default(), None));
    };
    let (policy, input) = configuration::read(file)?;
    Ok((policy, Some(input)))
}

fn controller(
    flags: &Flags,
    process: Process,
    namespace: String,
    policy: Policy,
    file: Option<InputObject>,
) -> Controller {
    let Process {
        cluster,
        fence,
        health,
        metrics,
        ..
    } = process;
    let imports = Imports::default();
    Controller {
        store: Arc::new(store(&cluster, flags.mode)),
        facts: FactCache::new(cluster.clone(), flags.certificates.clone()),
        cluster,
        pass_metrics: PassMetrics::register(&metrics, &imports.progress),
        imports,
        memory: Memory::new(namespace),
        flags: flags.clone(),
        fence,
        health,
        metrics,
        policy,
        file,
        reporter: Reporter::default(),
        named: Named::default(),
        user: None,
        inputs: None,
        unfinished: None,
        retries: WorkQueue::default(),
        failures: BTreeMap::new(),
        opponents: BTreeMap::new(),
        failed_passes: 0,
    }
}

fn store(cluster: &Cluster, mode: Mode) -> Store {
    let mut table = reads();
    if mode == Mode::Replace {
        table.extend(replace_reads());
    }
    let specs = table.iter().filter_map(WatchSpec::of);
    Store::start(cluster.client().clone(), specs, StoreOptions::default())
}
