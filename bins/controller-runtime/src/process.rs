//! From the flags of a controller to its work, and to its end: connected to the cluster, with probes
//! and metrics, writing only while it leads, ended by a signal or with its Lease.

use std::sync::Arc;
use std::time::Duration;

use cluster_io::cluster::{Cluster, ClusterError, ConnectOptions, WriteGuard};

use crate::admin::{AdminError, AdminServer, Health, MetricsSecurity};
use crate::exit;
use crate::flags::CommonFlags;
use crate::lease::{Fence, LeaseKeeper, LeaseLost, LeaseOptions, process_identity};
use crate::metrics::{MetricResult, Metrics};
use crate::signals::Shutdown;

/// The version of all of osimage's programs.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Which commit it was built from, where the build says so.
const REVISION: &str = match option_env!("OSIMAGE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// A controller, as it is set up.
#[derive(Debug, Clone)]
pub struct Setup<'f> {
    /// What the audit log of the cluster calls it.
    pub name: &'static str,
    /// The name of its Lease.
    pub lease: &'static str,
    /// The namespace of its Lease.
    pub namespace: &'f str,
    /// The name of its mode, for the log.
    pub mode: &'static str,
    /// Whether it writes nothing, and so takes no Lease.
    pub observes: bool,
    /// How long its work may go on after it was asked to stop, if it does not end by itself before; it
    /// leads as long.
    pub hand_over: Duration,
    /// What every controller is told.
    pub flags: &'f CommonFlags,
}

/// What a controller works with.
#[derive(Debug)]
pub struct Process {
    /// Takes requests that write only while the process leads, and counts them.
    pub cluster: Cluster,
    /// Whether the process leads.
    pub fence: Fence,
    /// What its probes say.
    pub health: Health,
    /// What it counts.
    pub metrics: Metrics,
    /// Whether it was asked to stop.
    pub shutdown: Shutdown,
}

/// A controller could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster cannot be reached with what the command line and the environment say.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// An address that cannot be used was named on the command line.
    #[error("{0}")]
    Admin(#[from] AdminError),
    /// The operating system does not hand signals over.
    #[error("the operating system does not let SIGTERM and SIGINT be listened for: {0}")]
    Signals(std::io::Error),
    /// The operating system gives no threads.
    #[error(
        "the operating system gives no threads: {0}; look at the limits of processes and memory"
    )]
    Runtime(std::io::Error),
}

impl StartError {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Admin(_) => exit::USAGE,
            Self::Cluster(_) | Self::Signals(_) | Self::Runtime(_) => exit::CONFIGURATION,
        }
    }
}

/// Runs the work of a controller until it ends by itself, is asked to stop, or loses its Lease; the
/// exit code.
pub fn run<W: Future<Output = u8>>(setup: &Setup<'_>, work: impl FnOnce(Process) -> W) -> u8 {
    // Two threads: the Lease is renewed while a decision is made.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(StartError::Runtime);
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(Box::pin(start(setup, work)));
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "not started");
        error.exit_code()
    })
}

async fn start<W: Future<Output = u8>>(
    setup: &Setup<'_>,
    work: impl FnOnce(Process) -> W,
) -> Result<u8, StartError> {
    let shutdown = Shutdown::on_signals().map_err(StartError::Signals)?;
    let cluster = connect(setup).await?;
    let mut keeper = keeper(setup, &cluster);
    let fence = match &keeper {
        _ if setup.observes => Fence::observe_only(),
        Some(keeper) => keeper.fence(),
        None => Fence::always(),
    };
    let health = Health::default();
    let metrics = Metrics::new(VERSION, REVISION, fence.clone());
    let security = MetricsSecurity::of_flags(setup.flags, cluster.client().clone());
    let admin = AdminServer::start(setup.flags, health.clone(), metrics.clone(), security).await;
    let _admin = admin?;
    let (mode, namespace) = (setup.mode, setup.namespace);
    tracing::info!(mode, namespace, server = cluster.server(), "started");
    let guard = FenceGuard {
        fence: fence.clone(),
        metrics: metrics.clone(),
    };
    let work = work(Process {
        cluster: cluster.guarded(Arc::new(guard)),
        fence,
        health,
        metrics,
        shutdown: shutdown.clone(),
    });
    let code = tokio::select! {
        code = work => code,
        lost = lost(&mut keeper) => {
            tracing::error!(%lost, "stopping");
            return Ok(exit::LEASE_LOST);
        }
        () = handed_over(&shutdown, setup.hand_over) => exit::STOPPED,
    };
    if let Some(keeper) = keeper {
        keeper.release().await;
    }
    Ok(code)
}

async fn connect(setup: &Setup<'_>) -> Result<Cluster, ClusterError> {
    let options = ConnectOptions {
        kubeconfig: setup.flags.kubeconfig.clone(),
        context: setup.flags.context.clone(),
        user_agent: format!("osimage/{VERSION} ({})", setup.name),
    };
    let (cluster, warnings) = Cluster::connect(&options).await?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(cluster)
}

/// What takes the Lease; none for who only observes, and without leader election.
fn keeper(setup: &Setup<'_>, cluster: &Cluster) -> Option<LeaseKeeper> {
    if setup.observes || !setup.flags.leader_elect {
        return None;
    }
    let pod = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let options = LeaseOptions {
        namespace: setup.namespace.to_owned(),
        name: setup.lease.to_owned(),
        identity: process_identity(pod.as_deref().unwrap_or(setup.lease)),
        duration: setup.flags.lease_duration(),
    };
    Some(LeaseKeeper::start(cluster.client().clone(), options))
}

async fn handed_over(shutdown: &Shutdown, limit: Duration) {
    shutdown.requested().await;
    tokio::time::sleep(limit).await;
}

async fn lost(keeper: &mut Option<LeaseKeeper>) -> LeaseLost {
    match keeper {
        Some(keeper) => keeper.lost().await,
        None => std::future::pending().await,
    }
}

/// Lets writes pass while this process leads, and counts them.
struct FenceGuard {
    fence: Fence,
    metrics: Metrics,
}

impl WriteGuard for FenceGuard {
    fn remaining(&self) -> Result<Duration, String> {
        self.fence.remaining().map_err(|error| error.to_string())
    }

    fn done(&self, verb: &str, resource: &str, succeeded: bool) {
        let result = if succeeded {
            MetricResult::Success
        } else {
            MetricResult::Error
        };
        self.metrics.api_write(verb, resource, result);
    }
}
