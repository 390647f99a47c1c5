//! From the command line to a running controller, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use bootimage_plan::{Policy, reads, replace_reads};
use cluster_io::cluster::{Cluster, ClusterError, ConnectOptions};
use cluster_io::store::{Store, StoreOptions, WatchSpec};
use controller_runtime::admin::{AdminError, AdminServer, Health, MetricsSecurity};
use controller_runtime::lease::{Fence, LeaseKeeper, LeaseOptions, process_identity};
use controller_runtime::metrics::Metrics;
use controller_runtime::queue::WorkQueue;
use controller_runtime::signals::Shutdown;
use controller_runtime::{exit, logging};

use crate::configuration::{self, ConfigurationError};
use crate::controller::{Controller, FenceGuard};
use crate::facts::FactCache;
use crate::flags::{Flags, Mode};
use crate::memory::Memory;
use crate::metrics::PassMetrics;
use crate::report::Reporter;
use crate::view::Named;

/// The name of the Lease.
pub const LEASE: &str = bootimage_plan::CONTROLLER_LEASE;
/// How the program calls itself in the audit log of a cluster.
const USER_AGENT: &str = concat!(
    "osimage/",
    env!("CARGO_PKG_VERSION"),
    " (boot-image-controller)"
);
/// Which commit it was built from, where the build says so.
const REVISION: &str = match option_env!("OSIMAGE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The controller could not be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}")]
    Configuration(#[from] ConfigurationError),
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("{0}")]
    Admin(#[from] AdminError),
    #[error("signals cannot be listened for: {0}")]
    Signals(std::io::Error),
    #[error("no runtime: {0}")]
    Runtime(std::io::Error),
}

impl StartError {
    const fn exit_code(&self) -> u8 {
        match self {
            // An address that cannot be used was named on the command line.
            Self::Admin(_) => exit::USAGE,
            _ => exit::CONFIGURATION,
        }
    }
}

/// Runs the controller until it is asked to stop; its exit code.
pub fn run(flags: &Flags) -> u8 {
    logging::init(flags.common.log_format, flags.common.log_level);
    // Two threads: the Lease is renewed while a plan is made.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(StartError::Runtime);
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(Box::pin(start(flags)));
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "not started");
        error.exit_code()
    })
}

async fn start(flags: &Flags) -> Result<u8, StartError> {
    let (policy, file) = match (flags.mode, &flags.config) {
        (Mode::Beside, Some(path)) => {
            let (policy, input) = configuration::read(path)?;
            (policy, Some(input))
        }
        _ => (Policy::default(), None),
    };
    let shutdown = Shutdown::on_signals().map_err(StartError::Signals)?;
    let cluster = connect(flags).await?;
    let namespace = flags.common.namespace();
    let mut keeper = keeper(flags, &cluster, &namespace);
    let fence = match (&keeper, flags.mode) {
        (_, Mode::Observe) => Fence::observe_only(),
        (Some(keeper), _) => keeper.fence(),
        (None, _) => Fence::always(),
    };
    let health = Health::default();
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), REVISION, fence.clone());
    let security = MetricsSecurity::of_flags(&flags.common, cluster.client().clone());
    let admin = AdminServer::start(&flags.common, health.clone(), metrics.clone(), security).await;
    let _admin = admin?;
    tracing::info!(
        mode = flags.mode.name(),
        namespace,
        server = cluster.server(),
        "started"
    );
    let guard = FenceGuard {
        fence: fence.clone(),
        metrics: metrics.clone(),
    };
    let controller = Controller {
        store: Arc::new(store(&cluster, flags.mode)),
        facts: FactCache::new(cluster.clone()),
        cluster: cluster.guarded(Arc::new(guard)),
        pass_metrics: PassMetrics::register(&metrics),
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
    };
    let code = tokio::select! {
        code = controller.run() => code,
        lost = lost(&mut keeper) => {
            tracing::error!(%lost, "stopping");
            return Ok(exit::LEASE_LOST);
        }
        () = shutdown.requested() => exit::STOPPED,
    };
    if let Some(keeper) = keeper {
        keeper.release().await;
    }
    Ok(code)
}

async fn connect(flags: &Flags) -> Result<Cluster, ClusterError> {
    let options = ConnectOptions {
        kubeconfig: flags.common.kubeconfig.clone(),
        context: flags.common.context.clone(),
        user_agent: USER_AGENT.to_owned(),
    };
    let (cluster, warnings) = Cluster::connect(&options).await?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(cluster)
}

/// What takes the Lease; none in mode `observe`, and without leader election.
fn keeper(flags: &Flags, cluster: &Cluster, namespace: &str) -> Option<LeaseKeeper> {
    if flags.mode == Mode::Observe || !flags.common.leader_elect {
        return None;
    }
    let pod = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let options = LeaseOptions {
        namespace: namespace.to_owned(),
        name: LEASE.to_owned(),
        identity: process_identity(pod.as_deref().unwrap_or(LEASE)),
        duration: flags.common.lease_duration(),
    };
    Some(LeaseKeeper::start(cluster.client().clone(), options))
}

async fn lost(keeper: &mut Option<LeaseKeeper>) -> controller_runtime::lease::LeaseLost {
    match keeper {
        Some(keeper) => keeper.lost().await,
        None => std::future::pending().await,
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
