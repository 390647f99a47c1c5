//! The builder: what it keeps, and which MachineOSConfig is next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster_io::cluster::Cluster;
use cluster_io::store::Store;
use cluster_io::time;
use controller_runtime::admin::Health;
use controller_runtime::lease::Fence;
use controller_runtime::metrics::{MetricResult, Metrics};
use controller_runtime::queue::{Outcome, WorkQueue};
use controller_runtime::{exit, wait};
use openshift_model::Kind;
use osbuild_plan::{BuilderFacts, BuilderSnapshot, Situation};
use tokio::time::Instant;

use crate::changes::Seen;
use crate::flags::Mode;
use crate::gauges::PoolReason;
use crate::hand_over::HandOver;
use crate::logs::Logs;
use crate::metrics::BuildMetrics;
use crate::registries::Registries;
use crate::stand_alone::StandAlone;

/// How long changes are collected: a build is a dozen small steps, and each waits so long.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// What reconciles MachineOSConfigs, one after the other.
pub(crate) struct Controller {
    pub(crate) mode: Mode,
    pub(crate) cluster: Cluster,
    pub(crate) store: Arc<Store>,
    pub(crate) fence: Fence,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) build_metrics: BuildMetrics,
    pub(crate) registries: Registries,
    pub(crate) queue: WorkQueue<String>,
    /// What was seen of each, so that a change elsewhere is none of it.
    pub(crate) situations: BTreeMap<String, Situation>,
    /// The pools that wait for their image, by MachineOSConfig, and why.
    pub(crate) behind: BTreeMap<String, PoolReason>,
    /// How often in a row what was decided on had changed before it was written.
    pub(crate) moves: BTreeMap<String, u32>,
    /// The last decision about each, so that one that stays is logged once.
    pub(crate) decisions: BTreeMap<String, String>,
    pub(crate) logs: Logs,
    pub(crate) seen: Seen,
    /// With `--stand-alone`.
    pub(crate) stand_alone: Option<StandAlone>,
    pub(crate) hand_over: HandOver,
}

impl Controller {
    /// Reconciles until the builder is asked to stop and may do so (IL-380), or until it is clear that
    /// this is no OpenShift cluster; the exit code.
    pub(crate) async fn run(mut self) -> u8 {
        let hand_over = self.hand_over.clone();
        tokio::select! {
            code = self.follow() => code,
            () = hand_over.over() => exit::STOPPED,
        }
    }

    async fn follow(&mut self) -> u8 {
        let mut changes = self.store.changes();
        let mut led = self.fence.is_leading();
        let mut is_changed = true;
        loop {
            let has_snapshot = self.store.snapshot().is_some();
            if has_snapshot {
                if std::mem::take(&mut is_changed) {
                    self.add_changed().await;
                }
                self.work_stand_alone().await;
                self.work().await;
            }
            if wait::report_watches(&self.store, &self.health).is_some() {
                return exit::CONFIGURATION;
            }
            // Without a snapshot nothing is due, whatever was before the API server lost its data.
            let due = [self.queue.next_due(), self.stand_alone_due()];
            let due = due.into_iter().flatten().min();
            let due = due.filter(|_| has_snapshot);
            tokio::select! {
                () = changes.next() => {
                    tokio::time::sleep(DEBOUNCE).await;
                    is_changed = true;
                }
                () = wait::until(due) => {}
                () = wait::leading(&self.fence, led) => {
                    // What was decided without the Lease was not done.
                    self.situations.clear();
                    is_changed = true;
                }
            }
            led = self.fence.is_leading();
        }
    }

    /// Something has changed: the MachineOSConfigs that it concerns are looked at. The others wait on,
    /// e.g. before they are tried once more after a failure.
    async fn add_changed(&mut self) {
        let Some(snapshot) = self.store.snapshot() else {
            return;
        };
        let (view, errors) = BuilderSnapshot::of(snapshot.objects());
        for error in errors {
            tracing::warn!(%error, "an object cannot be read");
        }
        self.build_metrics.update(&view);
        self.count_changes(&view).await;
        let rendered = view.rendered();
        let rendered: Vec<&str> = rendered.iter().map(String::as_str).collect();
        let kept = self
            .store
            .keep_whole(Kind::MachineConfig, "", &rendered)
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "a rendered MachineConfig cannot be read");
        }
        // What was kept a moment ago is part of the situation.
        let Some(snapshot) = self.store.snapshot() else {
            return;
        };
        let view = BuilderSnapshot::of(snapshot.objects()).0;
        self.add_stand_alone(&view);
        let names = view.names();
        self.queue.retain(|name| names.contains(name));
        self.decisions.retain(|name, _| names.contains(name));
        self.situations.retain(|name, _| names.contains(name));
        self.moves.retain(|name, _| names.contains(name));
        self.behind.retain(|name, _| names.contains(name));
        let is_there = |uid: &str| view.has_build(uid);
        self.logs.retain(is_there);
        self.build_metrics.set_behind(self.behind.values().cloned());
        let now = Instant::now();
        for name in names {
            let Some(situation) = view.situation(&name, false, &BuilderFacts::default()) else {
                continue;
            };
            if self.situations.get(&name) != Some(&situation) {
                self.situations.insert(name.clone(), situation);
                self.queue.add(name, now);
            }
        }
    }

    /// IL-313: what happened since the last look is counted, and told on pools.
    async fn count_changes(&mut self, view: &BuilderSnapshot<'_>) {
        let changes = self.seen.look(view);
        self.build_metrics.count(&changes);
        for (pool, from, to) in &changes.targets {
            let event = view.pool_event(pool, from, to, &time::now());
            if let Some(event) = event.filter(|_| self.acts()) {
                // It is logged where it is not written.
                self.write(&event).await.ok();
            }
        }
    }

    async fn work(&mut self) {
        while let Some(name) = self.queue.take(Instant::now()) {
            if !self.hand_over.concerns(&name) {
                tracing::info!(kind = "MachineOSConfig", name, "left to who leads next");
                self.queue.done(&name, Outcome::Settled, Instant::now());
                continue;
            }
            let start = Instant::now();
            let reconciled = Box::pin(self.reconcile(&name)).await;
            let result = match &reconciled {
                Ok(_) => MetricResult::Success,
                Err(_) => MetricResult::Error,
            };
            self.metrics.pass(result, start.elapsed());
            let outcome = self.outcome(&name, reconciled).await;
            self.queue.done(&name, outcome, Instant::now());
        }
    }
}
