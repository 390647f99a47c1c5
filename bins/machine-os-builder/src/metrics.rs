//! Metrics of builds.

use std::collections::BTreeSet;

use controller_runtime::metrics::{GaugeSet, Metrics};
use osbuild_check::BuildState;
use osbuild_plan::{Action, BuilderSnapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Metric;

use crate::changes::Changes;
use crate::flags::Mode;
use crate::gauges::{Gauges, Pool, PoolReason, PoolState, ocl_state, seconds};

/// Names of metrics, as they are read by Prometheus; of counters, without the end `_total`.
pub mod names {
    /// Builds by pool and state.
    pub const BUILDS: &str = "osimage_layered_builds";
    /// Builds that ended.
    pub const ATTEMPTS: &str = "osimage_layered_build_attempts";
    /// Seconds that builds took.
    pub const DURATION: &str = "osimage_layered_build_duration_seconds";
    /// Pools whose image is not the one that it should be.
    pub const BEHIND: &str = "osimage_layered_pool_behind";
    /// §5.12: the state of the current build.
    pub const OCL_STATE: &str = "ocl_build_state";
    /// §5.12: the state of its Job.
    pub const OCL_JOB_STATE: &str = "ocl_build_job_state";
    /// §5.12: seconds that builds took.
    pub const OCL_DURATION: &str = "ocl_build_duration_seconds";
    /// §5.12: when the current build began.
    pub const OCL_START: &str = "ocl_build_start_timestamp_seconds";
    /// §5.12: when it ended.
    pub const OCL_END: &str = "ocl_build_end_timestamp_seconds";
    /// §5.12: seconds until Jobs ran.
    pub const OCL_QUEUE: &str = "ocl_build_queue_duration_seconds";
    /// §5.12: builds that ended.
    pub const OCL_TOTAL: &str = "ocl_build";
    /// §5.12: builds that run.
    pub const OCL_ACTIVE: &str = "ocl_active_builds";
    /// §5.12: pools that were given another rendered MachineConfig.
    pub const OCL_CHANGES: &str = "ocl_config_change";
    /// §5.12: attempts that failed, but for the last one.
    pub const OCL_RETRIES: &str = "ocl_build_retries";
    /// §5.12: the state of the push.
    pub const OCL_PUSH_STATE: &str = "ocl_image_push_state";
    /// §5.12: pushes that ended.
    pub const OCL_PUSHES: &str = "ocl_image_push";
    /// §5.12: seconds that builds with their pushes took.
    pub const OCL_PUSH_DURATION: &str = "ocl_image_push_duration_seconds";
    /// §5.12: nodes that run a layered image.
    pub const OCL_LAYERED: &str = "ocl_layered_nodes_count";
    /// §5.12: nodes that run what they are to run.
    pub const OCL_UPDATED: &str = "ocl_rollout_updated_nodes";
    /// §5.12: nodes.
    pub const OCL_NODES: &str = "ocl_rollout_total_nodes";
    /// §5.12: MachineOSConfigs.
    pub const CONFIGS: &str = "mco_mosc_count";
}

/// Every metric of the builder: its name, and what it means. Those whose names do not begin with `osimage_` are
/// the stock builder's, and there in the mode `replace` alone: beside it there would be two of each.
pub const ALL: &[(&str, &str)] = &[
    (names::BUILDS, "MachineOSBuilds by pool and state"),
    (
        "osimage_layered_build_attempts_total",
        "Builds that ended, and why they failed",
    ),
    (names::DURATION, "Seconds that builds took"),
    (
        names::BEHIND,
        "Set to 1 while the image that a pool should have is not its current one, and why",
    ),
    (
        names::OCL_STATE,
        "Set to 1 for the state of the build of a pool",
    ),
    (
        names::OCL_JOB_STATE,
        "Set to 1 for the state of the Job of that build",
    ),
    (names::OCL_DURATION, "Seconds that builds took"),
    (
        names::OCL_START,
        "When the build of a pool began, in Unix time",
    ),
    (
        names::OCL_END,
        "When the build of a pool ended, in Unix time",
    ),
    (names::OCL_QUEUE, "Seconds between builds and their Jobs"),
    ("ocl_build_total", "Builds that ended"),
    (names::OCL_ACTIVE, "Builds that run"),
    (
        "ocl_config_change_total",
        "How often a pool was to run another rendered MachineConfig",
    ),
    (
        "ocl_build_retries_total",
        "Attempts that failed, up to three of each build",
    ),
    (
        names::OCL_PUSH_STATE,
        "Set to 1 for the state of the Job that builds and pushes",
    ),
    (
        "ocl_image_push_total",
        "Jobs that ended: each builds and pushes",
    ),
    (
        names::OCL_PUSH_DURATION,
        "Seconds that Jobs took, which build and push",
    ),
    (
        names::OCL_LAYERED,
        "Nodes of a pool that run an image built for it",
    ),
    (
        names::OCL_UPDATED,
        "Nodes of a pool that run what it is to run",
    ),
    (names::OCL_NODES, "Nodes of a pool"),
    (names::CONFIGS, "MachineOSConfigs"),
];

fn register(metrics: &Metrics, name: &str, metric: impl Metric) {
    let known = |(known, _): &&(&str, &str)| known.trim_end_matches("_total") == name;
    let help = ALL.iter().find(known).map_or("", |(_, help)| help);
    metrics.register(name, help, metric);
}

/// §5.12: from a minute to an hour.
const BUILD_SECONDS: [f64; 10] = [
    60.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2400.0, 3000.0, 3600.0,
];
/// §5.12: from ten seconds to ten minutes.
const PUSH_SECONDS: [f64; 7] = [10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0];
/// §5.12: how long a build waits for its Job.
const QUEUE_SECONDS: [f64; 7] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolResult {
    pool: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolCause {
    pool: String,
    result: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

/// Metrics of builds.
#[derive(Clone)]
pub(crate) struct BuildMetrics {
    builds: GaugeSet<PoolState>,
    behind: GaugeSet<PoolReason>,
    states: GaugeSet<PoolState>,
    job_states: GaugeSet<PoolState>,
    starts: GaugeSet<Pool>,
    ends: GaugeSet<PoolState>,
    active: GaugeSet<Pool>,
    updated: GaugeSet<Pool>,
    nodes: GaugeSet<Pool>,
    configs: GaugeSet<NoLabels>,
    attempts: Family<PoolCause, Counter>,
    ended: Family<PoolState, Counter>,
    durations: Family<PoolResult, Histogram>,
    ocl_durations: Family<PoolState, Histogram>,
    queued: Family<Pool, Histogram>,
    changes: Family<Pool, Counter>,
    retries: Family<Pool, Counter>,
    push_states: GaugeSet<PoolState>,
    pushes: Family<PoolState, Counter>,
    push_durations: Family<PoolState, Histogram>,
    layered: GaugeSet<Pool>,
}

impl BuildMetrics {
    pub(crate) fn register(metrics: &Metrics, mode: Mode) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUILD_SECONDS);
        let queue: fn() -> Histogram = || Histogram::new(QUEUE_SECONDS);
        let push: fn() -> Histogram = || Histogram::new(PUSH_SECONDS);
        let this = Self {
            builds: GaugeSet::default(),
            behind: GaugeSet::default(),
            states: GaugeSet::default(),
            job_states: GaugeSet::default(),
            starts: GaugeSet::default(),
            ends: GaugeSet::default(),
            active: GaugeSet::default(),
            updated: GaugeSet::default(),
            nodes: GaugeSet::default(),
            configs: GaugeSet::default(),
            attempts: Family::default(),
            ended: Family::default(),
            durations: Family::new_with_constructor(histogram),
            ocl_durations: Family::new_with_constructor(histogram),
            queued: Family::new_with_constructor(queue),
            changes: Family::default(),
            retries: Family::default(),
            push_states: GaugeSet::default(),
            pushes: Family::default(),
            push_durations: Family::new_with_constructor(push),
            layered: GaugeSet::default(),
        };
        register(metrics, names::BUILDS, this.builds.clone());
        register(metrics, names::BEHIND, this.behind.clone());
        register(metrics, names::ATTEMPTS, this.attempts.clone());
        register(metrics, names::DURATION, this.durations.clone());
        if mode == Mode::Replace {
            this.register_as_stock_builder(metrics);
        }
        this
    }

    /// The metrics of the stock builder, under its names.
    fn register_as_stock_builder(&self, metrics: &Metrics) {
        let this = self;
        register(metrics, names::OCL_STATE, this.states.clone());
        register(metrics, names::OCL_JOB_STATE, this.job_states.clone());
        register(metrics, names::OCL_START, this.starts.clone());
        register(metrics, names::OCL_END, this.ends.clone());
        register(metrics, names::OCL_ACTIVE, this.active.clone());
        register(metrics, names::OCL_UPDATED, this.updated.clone());
        register(metrics, names::OCL_NODES, this.nodes.clone());
        register(metrics, names::CONFIGS, this.configs.clone());
        register(metrics, names::OCL_TOTAL, this.ended.clone());
        register(metrics, names::OCL_DURATION, this.ocl_durations.clone());
        register(metrics, names::OCL_QUEUE, this.queued.clone());
        register(metrics, names::OCL_CHANGES, this.changes.clone());
        register(metrics, names::OCL_RETRIES, this.retries.clone());
        register(metrics, names::OCL_PUSH_STATE, this.push_states.clone());
        register(metrics, names::OCL_PUSHES, this.pushes.clone());
        register(
            metrics,
            names::OCL_PUSH_DURATION,
            this.push_durations.clone(),
        );
        register(metrics, names::OCL_LAYERED, this.layered.clone());
    }

    /// What happened since the last look.
    pub(crate) fn count(&self, changes: &Changes) {
        for (pool, ..) in &changes.targets {
            let pool = pool.clone();
            self.changes.get_or_create(&Pool { pool }).inc();
        }
        for (pool, retries) in &changes.retries {
            let pool = pool.clone();
            self.retries.get_or_create(&Pool { pool }).inc_by(*retries);
        }
    }

    /// What is there now.
    pub(crate) fn update(&self, view: &BuilderSnapshot<'_>) {
        let gauges = Gauges::of(view);
        self.builds.replace(gauges.builds);
        self.active.replace(gauges.active);
        self.states.replace(gauges.states);
        self.job_states.replace(gauges.job_states);
        self.starts.replace(gauges.starts);
        self.ends.replace(gauges.ends);
        self.updated.replace(gauges.updated);
        self.nodes.replace(gauges.nodes);
        self.push_states.replace(gauges.pushes);
        self.layered.replace(gauges.layered);
        self.configs.replace([(NoLabels {}, gauges.configs)]);
    }

    /// Which pools wait for their image, each with the reason.
    pub(crate) fn set_behind(&self, pools: impl IntoIterator<Item = PoolReason>) {
        // Two MachineOSConfigs may be for one pool.
        let pools: BTreeSet<PoolReason> = pools.into_iter().collect();
        self.behind.replace(pools.into_iter().map(|pool| (pool, 1)));
    }

    /// Counts what a step did to a build.
    pub(crate) fn done(&self, action: &Action, view: &BuilderSnapshot<'_>, name: &str) {
        let Action::SetState {
            build,
            state,
            failure,
            ..
        } = action
        else {
            return;
        };
        let mut configs = view.layers.configs.iter();
        let config = configs.find(|config| config.name.as_str() == name);
        let pool = config.map_or_else(String::new, |config| config.pool().to_owned());
        let mut builds = view.layers.builds.iter();
        let found = builds.find(|found| found.name.as_str() == build.name);
        let created = found.and_then(|build| build.meta.creation_timestamp.as_deref());
        let age = created.and_then(seconds).map(|created| {
            let now = jiff::Timestamp::now().as_second();
            // A histogram takes seconds; a build of centuries is none.
            f64::from(i32::try_from(now.saturating_sub(created)).unwrap_or(i32::MAX))
        });
        if *state == BuildState::Building
            && let Some(age) = age
        {
            let labels = Pool { pool: pool.clone() };
            self.queued.get_or_create(&labels).observe(age);
        }
        if !state.is_terminal() {
            return;
        }
        let result = ocl_state(*state);
        let by_state = PoolState {
            pool: pool.clone(),
            state: result.to_owned(),
        };
        let by_cause = PoolCause {
            pool: pool.clone(),
            result,
            cause: failure.as_ref().map_or("", |failure| failure.cause),
        };
        self.ended.get_or_create(&by_state).inc();
        self.attempts.get_or_create(&by_cause).inc();
        // An interrupted Job is gone: nobody knows whether it has pushed.
        let is_pushed = *state != BuildState::Interrupted;
        if is_pushed {
            self.pushes.get_or_create(&by_state).inc();
        }
        if let Some(age) = age {
            if is_pushed {
                self.push_durations.get_or_create(&by_state).observe(age);
            }
            let labels = PoolResult { pool, result };
            self.durations.get_or_create(&labels).observe(age);
            self.ocl_durations.get_or_create(&by_state).observe(age);
        }
    }
}
