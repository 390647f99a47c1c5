//! What was written, kept in the cluster where that may be done.

use bootimage_plan::{STATE_CONFIG_MAP, Target};
use cluster_io::apply::{Executor, Outcome};
use cluster_io::cluster::Cluster;
use cluster_io::history::add_to_history;
use cluster_io::time;

use crate::commands::tell;

/// Continues the history until that fails once.
pub(super) struct HistoryWriter<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    /// It cannot be written, which was said.
    failed: bool,
}

impl<'a> HistoryWriter<'a> {
    pub(super) fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self {
            cluster,
            namespace,
            failed: false,
        }
    }

    /// Adds what was written of a target. That it cannot be added undoes nothing, and is said once.
    pub(super) async fn add(
        &mut self,
        executor: &Executor<'_>,
        target: &Target,
        outcome: &Outcome,
    ) {
        let now = time::now();
        let entries = executor.history(target, outcome, &now);
        if self.failed || entries.is_empty() {
            return;
        }
        let namespace = self.namespace;
        match add_to_history(self.cluster, namespace, &entries).await {
            Ok(continued) => {
                if let Some(problem) = continued.begun_afresh {
                    tell(&format!("warning: the history is begun afresh: {problem}"));
                }
            }
            Err(error) => {
                self.failed = true;
                tell(&format!(
                    "warning: nothing is added to the history in ConfigMap {namespace}/\
                     {STATE_CONFIG_MAP}: {error}; the Events on the objects say what was written"
                ));
            }
        }
    }
}
