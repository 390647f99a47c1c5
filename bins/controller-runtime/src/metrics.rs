//! Metrics: those that every controller has, and a place for its own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Metric, Registry};

use crate::lease::Fence;

/// Names of metrics, as they are read by Prometheus.
pub mod names {
    /// Version and revision of the program.
    pub const BUILD_INFO: &str = "osimage_build_info";
    /// Whether this process leads.
    pub const LEADER: &str = "osimage_leader";
    /// Passes; Prometheus sees it with `_total` behind.
    pub const PASSES: &str = "osimage_passes";
    /// How long passes took.
    pub const PASS_DURATION: &str = "osimage_pass_duration_seconds";
    /// Writes; Prometheus sees it with `_total` behind.
    pub const API_WRITES: &str = "osimage_api_writes";
}

/// Every metric that each controller has, as Prometheus sees it, and what it means.
pub const ALL: &[(&str, &str)] = &[
    (names::BUILD_INFO, "Version of the program"),
    (names::LEADER, "Whether this process may write"),
    ("osimage_passes_total", "Passes over the cluster"),
    (names::PASS_DURATION, "Seconds that passes took"),
    ("osimage_api_writes_total", "Writes to the API server"),
];

/// What a metric means, by the name that it is registered under.
fn help(name: &str) -> &'static str {
    let known = |(known, _): &&(&str, &str)| known.trim_end_matches("_total") == name;
    ALL.iter().find(known).map_or("", |(_, help)| help)
}

/// The media type of `OpenMetrics` text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of Prometheus' older text.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: String,
    revision: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    verb: String,
    resource: String,
    result: &'static str,
}

/// How something ended, as the value of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricResult {
    /// As it should.
    Success,
    /// It did not.
    Error,
}

impl MetricResult {
    /// The value of the label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

/// All metrics of a process. Clones are the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    passes: Family<ResultLabel, Counter>,
    durations: Family<ResultLabel, Histogram>,
    writes: Family<WriteLabels, Counter>,
}

impl Metrics {
    /// Those that every controller has (controllers' contract, §6). `version` and `revision` are
    /// those of the program; the fence tells whether it leads.
    pub fn new(version: &str, revision: &str, fence: Fence) -> Self {
        // 10 ms to 10 min: a pass that changes nothing, and one that waits for a slow cloud.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.01, 4.0, 9));
        let this = Self {
            registry: Arc::default(),
            passes: Family::default(),
            durations: Family::new_with_constructor(histogram),
            writes: Family::default(),
        };
        let build = Family::<BuildLabels, Gauge>::default();
        let labels = BuildLabels {
            version: version.to_owned(),
            revision: revision.to_owned(),
        };
        build.get_or_create(&labels).set(1);
        this.register(names::BUILD_INFO, help(names::BUILD_INFO), build);
        this.register(names::LEADER, help(names::LEADER), Leader(fence));
        let passes = this.passes.clone();
        this.register(names::PASSES, help(names::PASSES), passes);
        let durations = this.durations.clone();
        this.register(names::PASS_DURATION, help(names::PASS_DURATION), durations);
        let writes = this.writes.clone();
        this.register(names::API_WRITES, help(names::API_WRITES), writes);
        this
    }

    /// Adds a metric. The name of a counter has no `_total`: Prometheus sees it with one.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, metric);
    }

    /// Counts a pass.
    pub fn pass(&self, result: MetricResult, duration: Duration) {
        let labels = ResultLabel {
            result: result.label(),
        };
        self.passes.get_or_create(&labels).inc();
        let histogram = self.durations.get_or_create(&labels);
        histogram.observe(duration.as_secs_f64());
    }

    /// Counts a write; `resource` is plural and group, as `oc` takes it.
    pub fn api_write(&self, verb: &str, resource: &str, result: MetricResult) {
        let labels = WriteLabels {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            result: result.label(),
        };
        self.writes.get_or_create(&labels).inc();
    }

    /// All metrics as text, with its media type: `OpenMetrics` for who accepts it.
    pub(crate) fn encode(&self, accept: &str) -> Result<(String, &'static str), fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        text::encode(&mut text, &registry)?;
        if accept.contains("application/openmetrics-text") {
            return Ok((text, OPEN_METRICS));
        }
        Ok((prometheus_text(&text), PROMETHEUS_TEXT))
    }
}

/// `OpenMetrics` text as Prometheus' older text: there the name of a counter has its `_total` in its
/// descriptions too, and nothing marks the end.
fn prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let counters: Vec<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let described = ["# HELP ", "# TYPE "].iter().find_map(|prefix| {
            let (name, rest) = line.strip_prefix(prefix)?.split_once(' ')?;
            counters
                .contains(&name)
                .then(|| format!("{prefix}{name}_total {rest}"))
        });
        text.push_str(described.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

/// Whether this process leads, asked of the fence at each scrape.
#[derive(Debug)]
struct Leader(Fence);

impl EncodeMetric for Leader {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&i64::from(self.0.is_leading()))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

/// A gauge whose series are replaced all at once: what is gone leaves none, and no scrape ever sees
/// half of them. Clones are the same gauge.
#[derive(Debug)]
pub struct GaugeSet<L>(Arc<Mutex<Vec<(L, i64)>>>);

impl<L> Default for GaugeSet<L> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L> Clone for GaugeSet<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> GaugeSet<L> {
    /// From now on these are the series. Each set of labels may stand there once.
    pub fn replace(&self, series: impl IntoIterator<Item = (L, i64)>) {
        let series = series.into_iter().collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = series;
    }
}

impl<L: EncodeLabelSet> EncodeMetric for GaugeSet<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (labels, value) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            encoder.encode_family(labels)?.encode_gauge(value)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        <Self as TypedMetric>::TYPE
    }

    fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

impl<L> TypedMetric for GaugeSet<L> {
    const TYPE: MetricType = MetricType::Gauge;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
    struct Target {
        name: &'static str,
    }

    fn text(metrics: &Metrics, accept: &str) -> String {
        metrics.encode(accept).unwrap().0
    }

    #[test]
    fn generic_metrics_have_the_names_of_the_contract() {
        let metrics = Metrics::new("1.2.3", "abc", Fence::always());
        metrics.pass(MetricResult::Success, Duration::from_millis(20));
        metrics.api_write(
            "patch",
            "machinesets.machine.openshift.io",
            MetricResult::Error,
        );
        let text = text(&metrics, "");
        for line in [
            "# TYPE osimage_passes_total counter",
            "osimage_build_info{version=\"1.2.3\",revision=\"abc\"} 1",
            "osimage_leader 1",
            "osimage_passes_total{result=\"success\"} 1",
            "osimage_pass_duration_seconds_count{result=\"success\"} 1",
            "osimage_api_writes_total{verb=\"patch\",resource=\"machinesets.machine.openshift.io\",result=\"error\"} 1",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
        }
        assert!(!text.contains("EOF"));
        let observer = Metrics::new("1", "a", Fence::observe_only());
        assert!(
            observer
                .encode("")
                .unwrap()
                .0
                .contains("osimage_leader 0\n")
        );
    }

    #[test]
    fn who_accepts_open_metrics_gets_it() {
        let metrics = Metrics::new("1", "a", Fence::always());
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        assert!(text(&metrics, accept).ends_with("# EOF\n"));
    }

    #[test]
    fn a_target_that_is_gone_leaves_no_series() {
        let metrics = Metrics::new("1", "a", Fence::always());
        let targets = GaugeSet::default();
        metrics.register("osimage_targets", "Targets", targets.clone());
        targets.replace([(Target { name: "a" }, 1), (Target { name: "b" }, 1)]);
        assert!(text(&metrics, "").contains("osimage_targets{name=\"b\"} 1"));
        targets.replace([(Target { name: "a" }, 1)]);
        let after = text(&metrics, "");
        assert!(after.contains("name=\"a\"") && !after.contains("name=\"b\""));
    }
}
