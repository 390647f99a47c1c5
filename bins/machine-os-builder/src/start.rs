//! From the command line to a running builder, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_io::cluster::{Cluster, ClusterError, ConnectOptions};
use cluster_io::store::{Store, StoreOptions, WatchSpec};
use controller_runtime::admin::{AdminError, AdminServer, Health, MetricsSecurity};
use controller_runtime::lease::{Fence, LeaseKeeper, LeaseLost, LeaseOptions, process_identity};
use controller_runtime::metrics::Metrics;
use controller_runtime::queue::WorkQueue;
use controller_runtime::signals::Shutdown;
use controller_runtime::{exit, logging};
use osbuild_plan::{BUILD_NAMESPACE, builder_reads};

use crate::controller::{Controller, FenceGuard};
use crate::flags::{Flags, Mode};
use crate::metrics::BuildMetrics;
use crate::registries::Registries;

/// IL-301: the name of the Lease, which the stock builder takes too.
const LEASE: &str = "machine-os-builder";
/// How the program calls itself in the audit log of a cluster.
const USER_AGENT: &str = concat!(
    "osimage/",
    env!("CARGO_PKG_VERSION"),
    " (machine-os-builder)"
);
/// Which commit it was built from, where the build says so.
const REVISION: &str = match option_env!("OSIMAGE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The builder could not be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
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

/// Runs the builder until it is asked to stop; its exit code.
pub fn run(flags: &Flags) -> u8 {
    logging::init(flags.common.log_format, flags.common.log_level);
    // Two threads: the Lease is renewed while a decision is made.
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
    let shutdown = Shutdown::on_signals().map_err(StartError::Signals)?;
    let options = ConnectOptions {
        kubeconfig: flags.common.kubeconfig.clone(),
        context: flags.common.context.clone(),
        user_agent: USER_AGENT.to_owned(),
    };
    let (cluster, warnings) = Cluster::connect(&options).await?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let mut keeper = keeper(flags, &cluster);
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
        server = cluster.server(),
        "started"
    );
    let guard = FenceGuard {
        fence: fence.clone(),
        metrics: metrics.clone(),
    };
    let table = builder_reads();
    let specs = table.iter().filter_map(WatchSpec::of);
    let store = Store::start(cluster.client().clone(), specs, StoreOptions::default());
    let controller = Controller {
        store: Arc::new(store),
        registries: Registries::new(cluster.clone()),
        cluster: cluster.guarded(Arc::new(guard)),
        build_metrics: BuildMetrics::register(&metrics),
        mode: flags.mode,
        fence,
        health,
        metrics,
        queue: WorkQueue::default(),
        decisions: BTreeMap::default(),
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

/// What takes the Lease; none in mode `observe`, and without leader election.
fn keeper(flags: &Flags, cluster: &Cluster) -> Option<LeaseKeeper> {
    if flags.mode == Mode::Observe || !flags.common.leader_elect {
        return None;
    }
    let pod = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let options = LeaseOptions {
        namespace: BUILD_NAMESPACE.to_owned(),
        name: LEASE.to_owned(),
        identity: process_identity(pod.as_deref().unwrap_or(LEASE)),
        duration: flags.common.lease_duration(),
    };
    Some(LeaseKeeper::start(cluster.client().clone(), options))
}

async fn lost(keeper: &mut Option<LeaseKeeper>) -> LeaseLost {
    match keeper {
        Some(keeper) => keeper.lost().await,
        None => std::future::pending().await,
    }
}
