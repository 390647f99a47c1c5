//! The ends of logs of pods that build (IL-782).

use std::collections::BTreeMap;

use cluster_io::cluster::{Cluster, ClusterError, LogRequest};
use osbuild_check::LOG_LINES;
use osbuild_plan::{BUILD_CONTAINER, BUILD_NAMESPACE};

/// How much of a log is read: its last lines are some kilobytes, unless one of them never ends.
const LOG_BYTES: usize = 1 << 20;
/// IL-782: after so many failures to read it, which take four minutes, a log is given up: an edit of its
/// MachineOSConfig must not wait for a node that is gone.
const LOG_FAILURES: u32 = 3;

/// Reads logs, and remembers which could not be read.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// How often in a row, by the uid of the build.
    failures: BTreeMap<String, u32>,
}

impl Logs {
    /// The ends of the logs of pods of a build, by pod. What will never be read any more, and in the end
    /// whatever could not be read, stands in place of the log.
    pub(crate) async fn read(
        &mut self,
        cluster: &Cluster,
        build: &str,
        pods: &[String],
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
                Err(error) if is_final(&error) || self.is_given_up(build) => {
                    format!("the log cannot be read: {error}")
                }
                Err(error) => return Err(error),
            };
            logs.push((pod.clone(), log));
        }
        self.failures.remove(build);
        Ok(logs)
    }

    /// Counts a failure to read; whether it was one too many.
    fn is_given_up(&mut self, build: &str) -> bool {
        let failures = self.failures.entry(build.to_owned()).or_default();
        *failures += 1;
        *failures > LOG_FAILURES
    }

    /// Forgets the builds that are gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.failures.retain(|build, _| is_there(build));
    }
}

/// Whether asking again gives no other answer: the pod, or its container, is gone.
fn is_final(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::NotFound(_) | ClusterError::Invalid { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_782_a_log_is_given_up_after_its_own_failures_alone() {
        let mut logs = Logs::default();
        let tries: Vec<_> = (0..4).map(|_| logs.is_given_up("one")).collect();
        assert_eq!(tries, [false, false, false, true]);
        assert!(!logs.is_given_up("other"));
        logs.retain(|build| build == "other");
        assert!(!logs.is_given_up("one"), "it is another build now");
    }
}
