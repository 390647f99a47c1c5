//! What is still done after the builder was asked to stop (§5.9).

use std::sync::Arc;
use std::time::Duration;

use cluster_io::store::Store;
use controller_runtime::lease::Fence;
use controller_runtime::signals::Shutdown;
use osbuild_plan::{BuilderSnapshot, Leftover};
use tokio::time::Instant;

/// IL-842: how long deletions that were begun are waited for.
const LONGEST: Duration = Duration::from_secs(10);
/// IL-842: how often it is looked whether they are through.
const POLL: Duration = Duration::from_millis(100);
/// After this the process ends whatever it does: longer than [`LONGEST`], so that what is left is told.
pub(crate) const LIMIT: Duration = Duration::from_secs(12);

/// Whether the builder may end, once it was asked to.
#[derive(Clone)]
pub(crate) struct HandOver {
    pub(crate) store: Arc<Store>,
    pub(crate) fence: Fence,
    pub(crate) shutdown: Shutdown,
}

impl HandOver {
    /// IL-380: from the moment when the builder was asked to stop, until nothing is left that should be
    /// on its way out. Who does not lead has deleted nothing.
    pub(crate) async fn over(&self) {
        self.shutdown.requested().await;
        if !self.fence.is_leading() {
            return;
        }
        let start = Instant::now();
        let mut left = self.leftovers();
        while !left.is_empty() && start.elapsed() < LONGEST {
            tokio::time::sleep(POLL).await;
            left = self.leftovers();
        }
        for object in &left {
            let (kind, name) = (object.kind.name(), &object.name);
            tracing::warn!(kind, name, "{}", object.command());
        }
        if !left.is_empty() {
            tracing::warn!(
                "Error occurred during graceful shutdown: {} objects should be on their way out and are \
                 not. Some objects may be orphaned as a result.",
                left.len()
            );
        }
    }

    /// IL-382: whether a MachineOSConfig is still worked on: always, until the builder is asked to stop;
    /// from then on where something of it is left to delete.
    pub(crate) fn concerns(&self, name: &str) -> bool {
        let left = || self.leftovers();
        !self.shutdown.is_requested() || left().iter().any(|object| object.config == name)
    }

    fn leftovers(&self) -> Vec<Leftover> {
        let Some(snapshot) = self.store.snapshot() else {
            return Vec::new();
        };
        BuilderSnapshot::of(snapshot.objects()).0.leftovers()
    }
}
