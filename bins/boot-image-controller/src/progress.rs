//! How far imports into vCenters have come, as a metric and in the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cluster_io::vcenter::{Doing, Progress};
use controller_runtime::metrics::GaugeSet;
use prometheus_client::encoding::EncodeLabelSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ProgressLabels {
    server: String,
    template: String,
    doing: &'static str,
}

/// By vCenter: what is going on there, and how much of a hundred is done.
type Now = BTreeMap<String, (ProgressLabels, i64)>;

/// Imports that are under way. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImportProgress {
    now: Arc<Mutex<Now>>,
    gauge: GaugeSet<ProgressLabels>,
}

impl ImportProgress {
    /// The metric.
    pub(crate) fn gauge(&self) -> GaugeSet<ProgressLabels> {
        self.gauge.clone()
    }

    /// An import goes on; a line where it does something else than before.
    pub(crate) fn report(&self, progress: Progress<'_>) {
        let (doing, percent) = shown(progress.doing);
        let labels = ProgressLabels {
            server: progress.server.to_owned(),
            template: progress.template.to_owned(),
            doing,
        };
        let series = (labels.clone(), percent);
        let before = self.change(|now| now.insert(progress.server.to_ascii_lowercase(), series));
        if before.is_none_or(|(before, _)| before != labels) {
            tracing::info!(
                server = progress.server,
                template = progress.template,
                doing,
                "a template is imported"
            );
        }
    }

    /// Nothing is going on in a vCenter any more.
    pub(crate) fn ended(&self, server: &str) {
        self.change(|now| now.remove(server));
    }

    fn change<R>(&self, change: impl FnOnce(&mut Now) -> R) -> R {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut now);
        self.gauge.replace(now.values().cloned());
        changed
    }
}

/// A word for it, and how much of a hundred is done.
fn shown(doing: Doing) -> (&'static str, i64) {
    match doing {
        Doing::Download { done, total } => {
            let percent = total.map_or(0, |total| done.saturating_mul(100) / total.max(1));
            ("download", i64::try_from(percent).unwrap_or_default())
        }
        Doing::Import => ("import", 0),
        Doing::Upload { percent } => ("upload", i64::from(percent)),
        Doing::Finish => ("finish", 0),
        Doing::Rename => ("rename", 0),
        Doing::Remove => ("remove", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_has_one_series_for_each_vcenter_and_none_when_it_is_done() {
        let progress = ImportProgress::default();
        let report = |doing| {
            progress.report(Progress {
                server: "V",
                template: "t",
                doing,
            });
        };
        report(Doing::Download {
            done: 50,
            total: Some(200),
        });
        report(Doing::Upload { percent: 7 });
        let now = progress.now.lock().unwrap().clone();
        assert_eq!(now.len(), 1);
        assert_eq!(now["v"].1, 7);
        assert_eq!(now["v"].0.doing, "upload");
        progress.ended("v");
        assert!(progress.now.lock().unwrap().is_empty());
    }

    #[test]
    fn percents_are_of_what_is_known() {
        for (done, total, expected) in [(50, Some(200), 25), (5, None, 0), (0, Some(0), 0)] {
            assert_eq!(shown(Doing::Download { done, total }).1, expected);
        }
    }
}
