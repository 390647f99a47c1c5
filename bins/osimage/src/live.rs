//! From a synchronous command to calls over the network.

use cluster_io::cluster::{Cluster, ConnectOptions};

use crate::cli::ClusterArgs;
use crate::commands::warn;
use crate::error::CommandError;

/// How the command calls itself in the audit log of a cluster.
const USER_AGENT: &str = concat!("osimage/", env!("CARGO_PKG_VERSION"));

/// Runs what waits for the network.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    // One thread: a command waits for one thing after the other.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(CommandError::Runtime)?;
    let result = runtime.block_on(work);
    // A plugin that does not end is not waited for.
    runtime.shutdown_background();
    Ok(result)
}

/// The cluster that the command line names.
pub(crate) async fn connect(args: &ClusterArgs) -> Result<Cluster, CommandError> {
    let options = ConnectOptions {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        user_agent: USER_AGENT.to_owned(),
    };
    let (cluster, warnings) = Cluster::connect(&options).await?;
    for warning in warnings {
        warn(warning);
    }
    Ok(cluster)
}
