//! The ends of logs of pods that build (IL-782).

use cluster_io::cluster::{Cluster, ClusterError, LogRequest};
use osbuild_check::LOG_LINES;
use osbuild_plan::{BUILD_CONTAINER, BUILD_NAMESPACE};

/// How much of a log is read: its last lines are some kilobytes, unless one of them never ends.
const LOG_BYTES: usize = 1 << 20;

/// The ends of the logs of pods, by pod. What will never be read any more, and with `is_last_try`
/// anything else, stands in place of the log.
pub(crate) async fn of_pods(
    cluster: &Cluster,
    pods: &[String],
    is_last_try: bool,
) -> Result<Vec<(String, String)>, ClusterError> {
    let mut logs = Vec::new();
    for pod in pods {
        let request = LogRequest {
            namespace: BUILD_NAMESPACE,
            pod,
            container: BUILD_CONTAINER,
            lines: LOG_LINES,
            bytes: LOG_BYTES,
        };
        let log = match cluster.log(&request).await {
            Ok(log) => log,
            Err(error) if is_last_try || is_final(&error) => {
                format!("the log cannot be read: {error}")
            }
            Err(error) => return Err(error),
        };
        logs.push((pod.clone(), log));
    }
    Ok(logs)
}

/// Whether asking again gives no other answer: the pod, or its container, is gone.
fn is_final(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::NotFound(_) | ClusterError::Invalid { .. }
    )
}
