//! What a controller waits for between two passes, and what it says of its watches meanwhile.

use cluster_io::store::{Store, WatchProblem};
use openshift_model::Kind;
use tokio::time::Instant;

use crate::admin::{Health, Readiness};
use crate::lease::Fence;

/// Until a time; for ever where there is none.
pub async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Until this process leads, where it does not yet (`led`). For ever where it does: a Lease that is
/// lost ends the process.
pub async fn leading(fence: &Fence, led: bool) {
    if led || fence.leading().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Reports the watches of a store to the probes. A kind without which nothing works and that the API
/// server does not serve: then the cluster is no OpenShift cluster, and nothing is worth waiting for.
pub fn report_watches(store: &Store, health: &Health) -> Option<Kind> {
    let problems = store.problems();
    let text = |problem: &WatchProblem| match problem.problem.as_str() {
        "" => format!("{}: not read yet", problem.kind),
        text => format!("{}: {text}", problem.kind),
    };
    let texts: Vec<_> = problems.iter().map(text).collect();
    let texts = texts.join("; ");
    let blocks = problems.iter().any(|problem| problem.blocks);
    health.report(
        "watches",
        if blocks {
            Readiness::NotReady(texts)
        } else {
            Readiness::Ready(texts)
        },
    );
    let mut missing = problems.iter();
    let missing = missing.find(|problem| problem.blocks && problem.not_served)?;
    tracing::error!(
        "the API server does not serve {}: this is no OpenShift cluster",
        missing.kind
    );
    Some(missing.kind)
}
