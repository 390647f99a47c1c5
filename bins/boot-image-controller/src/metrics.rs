//! The metrics of this controller.

use std::collections::BTreeMap;

use bootimage_plan::{Contested, DecisionKind, Plan, SkewForecast, Target};
use controller_runtime::metrics::{GaugeSet, MetricResult, Metrics};
use openshift_model::vcenter::VcenterStep;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::progress::ImportProgress;

/// Names of metrics, as they are read by Prometheus.
pub mod names {
    pub use bootimage_status::codes::SKEW_NONE_METRIC;

    /// How many sets there are, by what was decided about them.
    pub const TARGETS: &str = "osimage_boot_image_targets";
    /// What was decided about each set.
    pub const TARGET_INFO: &str = "osimage_boot_image_target_info";
    /// Sets that somebody else keeps reverting.
    pub const CONTESTED: &str = "osimage_boot_image_contested";
    /// The oldest boot images that the cluster is known to have.
    pub const OLDEST: &str = "osimage_boot_image_oldest";
    /// Why nothing is written although the mode says so.
    pub const HELD_BACK: &str = "osimage_boot_image_held_back";
    /// What vCenters did, or failed to do; Prometheus sees it with `_total` behind.
    pub const VCENTER_STEPS: &str = "osimage_boot_image_vcenter_steps";
    /// How far imports have come that are under way.
    pub const IMPORT_PROGRESS: &str = "osimage_boot_image_import_percent";
}

/// Every metric of this controller: its name, and what it means.
pub const ALL: &[(&str, &str)] = &[
    (
        names::TARGETS,
        "MachineSets and ControlPlaneMachineSets, by what was decided about them",
    ),
    (
        names::TARGET_INFO,
        "What was decided about each MachineSet and ControlPlaneMachineSet",
    ),
    (
        names::CONTESTED,
        "Sets whose boot image somebody else keeps reverting",
    ),
    (
        names::OLDEST,
        "The oldest version of boot images that the cluster has on record",
    ),
    (
        names::HELD_BACK,
        "Set to 1 while nothing is written although the mode says so",
    ),
    (
        "osimage_boot_image_vcenter_steps_total",
        "Imports and renames of templates that vCenters did, or failed to do",
    ),
    (
        names::IMPORT_PROGRESS,
        "How much of a hundred is done of imports into vCenters that are under way, by what they do now",
    ),
    (
        names::SKEW_NONE_METRIC,
        bootimage_status::codes::SKEW_NONE_METRIC_HELP,
    ),
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct DecisionLabels {
    kind: &'static str,
    decision: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    kind: &'static str,
    namespace: String,
    name: String,
    decision: &'static str,
    reason: &'static str,
    current: String,
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ContestedLabels {
    kind: String,
    name: String,
    manager: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    server: String,
    step: &'static str,
    result: &'static str,
}

/// The metrics that a pass sets anew. Clones are the same metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct PassMetrics {
    targets: GaugeSet<DecisionLabels>,
    infos: GaugeSet<TargetLabels>,
    contested: GaugeSet<ContestedLabels>,
    oldest: GaugeSet<VersionLabel>,
    held_back: GaugeSet<ReasonLabel>,
    skew_none: Gauge,
    vcenter_steps: Family<StepLabels, Counter>,
}

impl PassMetrics {
    pub(crate) fn register(metrics: &Metrics, imports: &ImportProgress) -> Self {
        let this = Self::default();
        for (name, help) in ALL {
            match name.trim_end_matches("_total") {
                names::VCENTER_STEPS => {
                    metrics.register(names::VCENTER_STEPS, help, this.vcenter_steps.clone());
                }
                names::IMPORT_PROGRESS => metrics.register(name, help, imports.gauge()),
                names::TARGETS => metrics.register(name, help, this.targets.clone()),
                names::TARGET_INFO => metrics.register(name, help, this.infos.clone()),
                names::CONTESTED => metrics.register(name, help, this.contested.clone()),
                names::OLDEST => metrics.register(name, help, this.oldest.clone()),
                names::HELD_BACK => metrics.register(name, help, this.held_back.clone()),
                _ => metrics.register(name, help, this.skew_none.clone()),
            }
        }
        this
    }

    /// What was decided.
    pub(crate) fn decided(&self, plan: &Plan) {
        let mut counts: BTreeMap<DecisionLabels, i64> = BTreeMap::new();
        for target in &plan.targets {
            *counts.entry(decision(target)).or_default() += 1;
        }
        self.targets.replace(counts);
        self.infos.replace(plan.targets.iter().map(info));
        self.oldest.replace(oldest(&plan.skew));
    }

    /// Who keeps reverting what.
    pub(crate) fn contested(&self, contested: &[Contested]) {
        let labels = contested
            .iter()
            .map(|Contested { hot_loop }| ContestedLabels {
                kind: hot_loop.object.kind.clone(),
                name: hot_loop.object.name.clone(),
                manager: hot_loop.reverted_by.clone().unwrap_or_default(),
            });
        self.contested.replace(labels.map(|labels| (labels, 1)));
    }

    /// Why nothing is written, or that nothing keeps us from writing.
    pub(crate) fn held_back(&self, reason: Option<&'static str>) {
        self.held_back
            .replace(reason.map(|reason| (ReasonLabel { reason }, 1)));
    }

    /// A vCenter did something, or failed to.
    pub(crate) fn vcenter_step(&self, step: &VcenterStep, result: MetricResult) {
        let labels = StepLabels {
            server: step.server().to_owned(),
            step: match step {
                VcenterStep::RenameTemplate { .. } => "rename",
                VcenterStep::ImportTemplate(_) => "import",
            },
            result: result.label(),
        };
        self.vcenter_steps.get_or_create(&labels).inc();
    }

    /// BI-107: 1 where nobody looks at how old boot images are.
    pub(crate) fn skew_none(&self, value: i64) {
        self.skew_none.set(value);
    }
}

fn decision(target: &Target) -> DecisionLabels {
    DecisionLabels {
        kind: target.kind.name(),
        decision: target.decision.name(),
        reason: target.reason.name(),
    }
}

fn info(target: &Target) -> (TargetLabels, i64) {
    let DecisionLabels {
        kind,
        decision,
        reason,
    } = decision(target);
    let labels = TargetLabels {
        kind,
        namespace: target.reference().namespace,
        name: target.name.clone(),
        decision,
        reason,
        current: target.current.clone().unwrap_or_default(),
        target: match target.decision {
            DecisionKind::NotManaged => String::new(),
            _ => target.target.clone().unwrap_or_default(),
        },
    };
    (labels, 1)
}

fn oldest(skew: &SkewForecast) -> Option<(VersionLabel, i64)> {
    let versions = [&skew.ocp_version, &skew.rhcos_version];
    let version = versions
        .into_iter()
        .find(|version| !version.is_empty())?
        .clone();
    Some((VersionLabel { version }, 1))
}
