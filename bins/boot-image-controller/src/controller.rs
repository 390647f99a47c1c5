//! The controller: what it keeps from one pass to the next, and when the next one is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bootimage_plan::{InputObject, KnownInputs, Policy};
use cluster_io::cluster::Cluster;
use cluster_io::store::Store;
use controller_runtime::admin::Health;
use controller_runtime::lease::Fence;
use controller_runtime::metrics::{MetricResult, Metrics};
use controller_runtime::queue::{WorkQueue, backoff};
use controller_runtime::{exit, wait};
use openshift_model::ObjectRef;
use tokio::time::Instant;

use crate::facts::FactCache;
use crate::flags::{Flags, Mode};
use crate::imports::Imports;
use crate::memory::Memory;
use crate::metrics::PassMetrics;
use crate::report::Reporter;
use crate::view::Named;

/// How long changes are collected before a pass: more often than not one does not come alone.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// The controller: its state between passes, and what each pass works with.
pub(crate) struct Controller {
    pub(crate) flags: Flags,
    pub(crate) cluster: Cluster,
    pub(crate) store: Arc<Store>,
    pub(crate) fence: Fence,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) pass_metrics: PassMetrics,
    pub(crate) policy: Policy,
    /// The file of `--config`, as an input of plans.
    pub(crate) file: Option<InputObject>,
    pub(crate) facts: FactCache,
    pub(crate) imports: Imports,
    pub(crate) memory: Memory,
    pub(crate) reporter: Reporter,
    pub(crate) named: Named,
    /// Whom the cluster knows us as.
    pub(crate) user: Option<String>,
    /// What the last plan was made of.
    pub(crate) inputs: Option<KnownInputs>,
    /// What led to a pass that could not be finished.
    pub(crate) unfinished: Option<&'static str>,
    /// Updates that failed: when each is tried again.
    pub(crate) retries: WorkQueue<ObjectRef>,
    /// Why they failed.
    pub(crate) failures: BTreeMap<ObjectRef, String>,
    /// Sets whose opponent was looked for, and until when they are left alone.
    pub(crate) opponents: BTreeMap<ObjectRef, u64>,
    /// How many passes in a row have failed.
    pub(crate) failed_passes: u32,
}

impl Controller {
    /// Does passes for ever, or until it is clear that this is no OpenShift cluster; the exit code.
    pub(crate) async fn run(mut self) -> u8 {
        let mut changes = self.store.changes();
        let mut arrivals = self.facts.arrivals();
        let mut led = self.fence.is_leading();
        let mut next = None;
        loop {
            let has_snapshot = self.store.snapshot().is_some();
            if has_snapshot {
                next = Some(self.pass_and_count().await);
            }
            // Without a snapshot nothing is due, whatever was before the API server lost its data.
            let due = next.flatten().filter(|_| has_snapshot);
            if wait::report_watches(&self.store, &self.health).is_some() {
                return exit::CONFIGURATION;
            }
            tokio::select! {
                // The first whole lists are not waited for any longer than they take.
                () = changes.next() => if next.is_some() {
                    tokio::time::sleep(DEBOUNCE).await;
                },
                _ = arrivals.changed() => {}
                () = self.imports.ended() => {}
                () = wait::until(due) => {}
                () = wait::leading(&self.fence, led) => {}
            }
            led = self.fence.is_leading();
        }
    }

    /// One pass; when the next one is due.
    async fn pass_and_count(&mut self) -> Option<Instant> {
        let start = Instant::now();
        let passed = Box::pin(self.pass()).await;
        let result = match &passed {
            Ok(_) => MetricResult::Success,
            Err(_) => MetricResult::Error,
        };
        self.metrics.pass(result, start.elapsed());
        match passed {
            Ok(next) => {
                self.failed_passes = 0;
                next
            }
            Err(error) => {
                tracing::error!(%error, "the pass failed");
                let wait = backoff(self.failed_passes);
                self.failed_passes = self.failed_passes.saturating_add(1);
                Some(Instant::now() + wait)
            }
        }
    }

    /// Whether clouds may be asked: by who writes, and by who never does.
    pub(crate) fn may_ask_clouds(&self) -> bool {
        let observes = self.flags.mode == Mode::Observe;
        observes || self.fence.is_leading()
    }
}
