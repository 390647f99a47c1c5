//! What was written to machine resources, kept in the cluster: every program that writes continues
//! the same history.

use bootimage_plan::{History, HistoryEntry, STATE_CONFIG_MAP, StateError, state_write};
use openshift_model::{Kind, RawObject};

use crate::backoff::doubled;
use crate::cluster::{Cluster, ClusterError, WriteMode};

/// How often the history is read and written again because somebody else continued it meanwhile.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles from one to the next.
const FIRST_WAIT: std::time::Duration = std::time::Duration::from_millis(100);

/// A history could not be continued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The API server refuses, or cannot be asked.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// What it answers is no ConfigMap.
    #[error("the state of osimage cannot be read: {0}")]
    State(#[from] StateError),
    /// It answers with no object at all.
    #[error("what the cluster calls ConfigMap {STATE_CONFIG_MAP} is none")]
    NoObject,
}

/// What became of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Continued {
    /// Why it was begun afresh: what stood there could not be read.
    pub begun_afresh: Option<StateError>,
}

/// Adds writes to the history in a namespace, each once; makes the ConfigMap where there is none. A
/// history that cannot be read is begun afresh.
pub async fn add_to_history(
    cluster: &Cluster,
    namespace: &str,
    entries: &[HistoryEntry],
) -> Result<Continued, HistoryError> {
    if entries.is_empty() {
        return Ok(Continued::default());
    }
    let mut attempt = 1;
    loop {
        match attempt_to_add(cluster, namespace, entries).await {
            Err(HistoryError::Cluster(error)) if attempt < ATTEMPTS && is_worth_another(&error) => {
                tokio::time::sleep(doubled(FIRST_WAIT, attempt)).await;
                attempt += 1;
            }
            ended => return ended,
        }
    }
}

/// Whether to read and write again: somebody was faster, or nobody knows what became of it. A write
/// that is told twice stands there once.
fn is_worth_another(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Conflict { .. }) || error.is_transient()
}

async fn attempt_to_add(
    cluster: &Cluster,
    namespace: &str,
    entries: &[HistoryEntry],
) -> Result<Continued, HistoryError> {
    let found = cluster
        .object(Kind::ConfigMap, namespace, STATE_CONFIG_MAP)
        .await?;
    let json = if let Some(json) = found {
        json
    } else {
        let made = state_write(namespace);
        cluster.execute(&made, WriteMode::Real).await?
    };
    let state = RawObject::parse(&json).ok().flatten();
    let state = state.ok_or(HistoryError::NoObject)?;
    let (known, begun_afresh) = match History::of_state(&state) {
        Ok(history) => (history, None),
        Err(error) => (History::default(), Some(error)),
    };
    let extended = known.clone().extended(entries.iter().cloned());
    if extended != known {
        cluster
            .execute(&extended.write(&state)?, WriteMode::Real)
            .await?;
    }
    Ok(Continued { begun_afresh })
}
