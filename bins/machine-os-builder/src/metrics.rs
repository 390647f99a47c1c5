//! Metrics of builds.

use std::collections::BTreeMap;

use controller_runtime::metrics::{GaugeSet, Metrics};
use osbuild_check::{BuildState, state};
use osbuild_plan::{Action, BuilderSnapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Metric;

/// Names of metrics, as they are read by Prometheus.
pub mod names {
    /// Builds by pool and state.
    pub const BUILDS: &str = "osimage_layered_builds";
    /// Builds that ended; Prometheus sees it with `_total` behind.
    pub const ATTEMPTS: &str = "osimage_layered_build_attempts";
    /// Seconds that builds took.
    pub const DURATION: &str = "osimage_layered_build_duration_seconds";
    /// §5.12: 1 for the state of the current build.
    pub const OCL_STATE: &str = "ocl_build_state";
    /// §5.12: builds that ended; Prometheus sees it with `_total` behind.
    pub const OCL_TOTAL: &str = "ocl_build";
    /// §5.12: builds that run.
    pub const OCL_ACTIVE: &str = "ocl_active_builds";
    /// §5.12: MachineOSConfigs.
    pub const CONFIGS: &str = "mco_mosc_count";
}

/// Every metric of the builder: its name, and what it means.
pub const ALL: &[(&str, &str)] = &[
    (names::BUILDS, "Builds of layered images"),
    (
        "osimage_layered_build_attempts_total",
        "Builds that ended, and why",
    ),
    (names::DURATION, "Seconds that builds took"),
    (names::OCL_STATE, "1 for the state of the build of a pool"),
    ("ocl_build_total", "Builds that ended"),
    (names::OCL_ACTIVE, "Builds that run"),
    (names::CONFIGS, "MachineOSConfigs"),
];

fn register(metrics: &Metrics, name: &str, metric: impl Metric) {
    let known = |(known, _): &&(&str, &str)| known.trim_end_matches("_total") == name;
    let help = ALL.iter().find(known).map_or("", |(_, help)| help);
    metrics.register(name, help, metric);
}

/// §5.12: from a minute to an hour.
const SECONDS: [f64; 10] = [
    60.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2400.0, 3000.0, 3600.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct PoolState {
    pool: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct Pool {
    pool: String,
}

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
    states: GaugeSet<PoolState>,
    active: GaugeSet<Pool>,
    configs: GaugeSet<NoLabels>,
    attempts: Family<PoolCause, Counter>,
    ended: Family<PoolState, Counter>,
    durations: Family<PoolResult, Histogram>,
}

impl BuildMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let this = Self {
            builds: GaugeSet::default(),
            states: GaugeSet::default(),
            active: GaugeSet::default(),
            configs: GaugeSet::default(),
            attempts: Family::default(),
            ended: Family::default(),
            durations: Family::new_with_constructor(histogram),
        };
        register(metrics, names::BUILDS, this.builds.clone());
        register(metrics, names::OCL_STATE, this.states.clone());
        register(metrics, names::OCL_ACTIVE, this.active.clone());
        register(metrics, names::CONFIGS, this.configs.clone());
        register(metrics, names::ATTEMPTS, this.attempts.clone());
        register(metrics, names::OCL_TOTAL, this.ended.clone());
        register(metrics, names::DURATION, this.durations.clone());
        this
    }

    /// What is there now.
    pub(crate) fn update(&self, view: &BuilderSnapshot<'_>) {
        let mut builds: BTreeMap<PoolState, i64> = BTreeMap::new();
        let mut active: BTreeMap<Pool, i64> = BTreeMap::new();
        let mut states: BTreeMap<PoolState, i64> = BTreeMap::new();
        for config in &view.layers.configs {
            let pool = config.pool().to_owned();
            let current = config.meta.annotation(osbuild_plan::CURRENT_BUILD);
            let is_ours = |name: &str| name == config.name.as_str();
            let own = view
                .layers
                .builds
                .iter()
                .filter(|it| is_ours(it.machine_os_config()));
            for build in own {
                let state = state(build.conditions()).unwrap_or(BuildState::Initial);
                let label = |state: String| PoolState {
                    pool: pool.clone(),
                    state,
                };
                *builds.entry(label(state.name().to_owned())).or_default() += 1;
                if state.is_transient() {
                    let pool = pool.clone();
                    *active.entry(Pool { pool }).or_default() += 1;
                }
                if current == Some(build.name.as_str()) {
                    states.insert(label(ocl_state(state).to_owned()), 1);
                }
            }
        }
        self.builds.replace(builds);
        self.active.replace(active);
        self.states.replace(states);
        let count = i64::try_from(view.layers.configs.len()).unwrap_or(i64::MAX);
        self.configs.replace([(NoLabels {}, count)]);
    }

    /// Counts a build that ended.
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
        if !state.is_terminal() {
            return;
        }
        let mut configs = view.layers.configs.iter();
        let config = configs.find(|config| config.name.as_str() == name);
        let pool = config.map_or_else(String::new, |config| config.pool().to_owned());
        let result = ocl_state(*state);
        self.ended
            .get_or_create(&PoolState {
                pool: pool.clone(),
                state: result.to_owned(),
            })
            .inc();
        self.attempts
            .get_or_create(&PoolCause {
                pool: pool.clone(),
                result,
                cause: failure.as_ref().map_or("", |failure| failure.cause),
            })
            .inc();
        let mut builds = view.layers.builds.iter();
        let found = builds.find(|found| found.name.as_str() == build.name);
        let start = found.and_then(|build| build.meta.creation_timestamp.as_deref()?.parse().ok());
        if let Some(start) = start {
            let seconds = jiff::Timestamp::now().duration_since(start).as_secs_f64();
            let labels = PoolResult { pool, result };
            self.durations.get_or_create(&labels).observe(seconds);
        }
    }
}

/// §5.12: the states' names there.
const fn ocl_state(state: BuildState) -> &'static str {
    match state {
        BuildState::Initial | BuildState::Prepared => "pending",
        BuildState::Building => "building",
        BuildState::Succeeded => "succeeded",
        BuildState::Failed => "failed",
        BuildState::Interrupted => "interrupted",
    }
}
