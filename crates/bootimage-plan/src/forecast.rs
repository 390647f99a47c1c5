//! What the cluster would be told if every update succeeded (BI-090 … BI-106, BI-180 … BI-188).

use bootimage_selection::reconcile_status;
use bootimage_status::{
    GateInput, ItemStep, ListStep, Outcome, PassStatistics, RecordAction, SkewInput, SkewReport,
    Statistics, StatusCondition, UpgradeGuard, aggregate, deferred, install_version,
    is_legacy_bare_metal, item_error, list_error, record, record_action, reset, skew_in_force,
    skew_is_enforced, skew_report, skew_status,
};
use openshift_model::{Condition, Kind, ManagedBootImages, ObjectMeta, Profile, SkewEnforcement};

use crate::context::{Context, Objects};
use crate::document::{ConditionForecast, DeferredPlan, SkewForecast, StatusForecast};
use crate::stream_text::StreamText;
use crate::{ClusterSnapshot, Completeness, DecisionKind, Obstacle, Policy, Target};

/// Reason of conditions in a forecast; a controller gives the event's name (BI-187).
pub(crate) const PLAN_REASON: &str = "Plan";

/// What the whole plan comes to for the cluster.
pub(crate) struct Forecast {
    pub(crate) deferred: Option<DeferredPlan>,
    pub(crate) status: StatusForecast,
    pub(crate) skew: SkewForecast,
    pub(crate) warnings: Vec<String>,
}

/// An error of one target.
pub(crate) struct TargetError {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What the targets come to, one by one.
pub(crate) struct Pass<'p> {
    pub(crate) targets: &'p [Target],
    /// In the order of the targets.
    pub(crate) errors: &'p [TargetError],
    /// BI-096: the CoreOS versions of marketplace images of MachineSets.
    pub(crate) rhcos_versions: &'p [String],
}

/// Computes the forecast.
pub(crate) fn forecast(context: &Context<'_, '_>, pass: &Pass<'_>) -> Forecast {
    let mut warnings = Vec::new();
    let statistics = PassStatistics {
        machine_sets: statistics(pass.targets, Kind::MachineSet),
        control_plane_machine_sets: statistics(pass.targets, Kind::ControlPlaneMachineSet),
        ..PassStatistics::default()
    };
    let errors = errors(context, pass.errors);
    let conditions = conditions(context.profile, &statistics, errors.as_deref());
    let (managed, opt_in) = managed(context);
    let enforced = skew_is_enforced(context.profile, context.cluster.skew_gate);
    let machine_set_errors = pass
        .errors
        .iter()
        .any(|error| error.kind == Kind::MachineSet)
        || context.machine_sets.is_err();
    let skew = enforced.then(|| {
        let action = record_action(statistics.machine_sets, machine_set_errors);
        skew_after(
            context,
            &managed,
            action,
            pass.rhcos_versions,
            &mut warnings,
        )
    });
    let views: Vec<Option<Condition<'_>>> = conditions.iter().map(view).map(Some).collect();
    let report = skew_report(&UpgradeGuard {
        skew: skew.as_ref(),
        conditions: &views,
        cluster_version: context.cluster_version.as_ref(),
    });
    Forecast {
        deferred: deferred_plan(context),
        skew: SkewForecast::from(report),
        status: StatusForecast {
            managed_boot_images_status: (context.profile != Profile::P417).then_some(managed),
            boot_image_skew_enforcement_status: skew.and_then(|s| serde_json::to_value(s).ok()),
            conditions: conditions
                .into_iter()
                .map(ConditionForecast::from)
                .collect(),
            opt_in,
        },
        warnings,
    }
}

/// How old the boot images are as the cluster says it: its status where that is up to date, or else
/// what the operator would write (BI-091, BI-100 … BI-106).
pub fn skew(snapshot: &ClusterSnapshot<'_>, policy: &Policy) -> SkewForecast {
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    let configuration = context.machine_configuration.as_ref();
    let (managed, _) = managed(&context);
    let computed = skew_after(
        &context,
        &managed,
        RecordAction::Leave,
        &[],
        &mut Vec::new(),
    );
    let skew = skew_in_force(configuration, computed);
    let enforced = skew_is_enforced(context.profile, context.cluster.skew_gate);
    let conditions = configuration.and_then(|found| found.status.conditions.as_deref());
    SkewForecast::from(skew_report(&UpgradeGuard {
        skew: enforced.then_some(&skew),
        conditions: conditions.unwrap_or_default(),
        cluster_version: context.cluster_version.as_ref(),
    }))
}

/// BI-152: how many targets of a kind are dealt with, and how.
fn statistics(targets: &[Target], kind: Kind) -> Statistics {
    Statistics::of(
        targets
            .iter()
            .filter(|target| target.kind == kind)
            .filter_map(outcome),
    )
}

/// `None` for one that is not enrolled.
fn outcome(target: &Target) -> Option<Outcome> {
    match target.decision {
        DecisionKind::NotManaged => None,
        DecisionKind::Blocked => Some(Outcome::Errored),
        DecisionKind::Undecided => Some(Outcome::Pending),
        DecisionKind::Skip if target.counted == Some(true) => Some(Outcome::Skipped),
        DecisionKind::Skip | DecisionKind::Update | DecisionKind::UpToDate => {
            Some(Outcome::Reconciled)
        }
    }
}

/// BI-160, BI-162, BI-184: the errors of both kinds, the control plane's first.
fn errors(context: &Context<'_, '_>, errors: &[TargetError]) -> Option<String> {
    let mut texts = Vec::new();
    for kind in [Kind::ControlPlaneMachineSet, Kind::MachineSet] {
        let of_kind = errors.iter().filter(|error| error.kind == kind);
        match context.enrolment(kind) {
            Err(error) => texts.push(list_error(kind, ListStep::Selector, &error.to_string())),
            Ok(_) => texts.extend(
                of_kind.map(|error| item_error(kind, &error.name, ItemStep::Other, &error.text)),
            ),
        }
    }
    aggregate(texts)
}

fn conditions(
    profile: Profile,
    statistics: &PassStatistics,
    errors: Option<&str>,
) -> [StatusCondition; 2] {
    [
        StatusCondition::progressing(profile, statistics, PLAN_REASON),
        StatusCondition::degraded(profile, statistics, errors, PLAN_REASON),
    ]
}

fn view(condition: &StatusCondition) -> Condition<'_> {
    Condition {
        kind: Some(condition.kind.name().into()),
        status: Some(if condition.status { "True" } else { "False" }.into()),
        reason: Some(condition.reason.as_str().into()),
        message: Some(condition.message.as_str().into()),
        last_transition_time: None,
    }
}

/// BI-070: the status that the operator writes, and whether it opts the cluster in (BI-020).
fn managed(context: &Context<'_, '_>) -> (ManagedBootImages, bool) {
    let configuration = context.machine_configuration.as_ref();
    let spec = configuration.and_then(|found| found.spec.managed_boot_images.clone());
    let existing = configuration.and_then(|found| found.status.managed_boot_images_status.clone());
    if context.profile == Profile::P417 {
        return (spec.unwrap_or_default(), false);
    }
    let reconciled = reconcile_status(
        context.profile,
        &spec.unwrap_or_default(),
        &existing.unwrap_or_default(),
        context.capability,
        context.cpms_gate,
    );
    let none = ObjectMeta::default();
    let meta = configuration.map_or(&none, |found| &found.meta);
    let opt_in = reconciled.writes_annotation(meta);
    (reconciled.managed, opt_in)
}

/// BI-091, BI-095 … BI-098: the skew status that the operator writes, with the controller's record.
fn skew_after(
    context: &Context<'_, '_>,
    managed: &ManagedBootImages,
    action: RecordAction,
    rhcos_versions: &[String],
    warnings: &mut Vec<String>,
) -> SkewEnforcement<'static> {
    let configuration = context.machine_configuration.as_ref();
    let installed = install_version(context.cluster_version.as_ref());
    let provisioning = context.cluster.provisioning.as_ref();
    let base = skew_status(&SkewInput {
        spec: configuration.and_then(|found| found.spec.skew_enforcement.as_ref()),
        existing: configuration.and_then(|found| found.status.skew_enforcement_status.as_ref()),
        platform: context.cluster.platform.as_ref(),
        topology: context.cluster.topology.as_deref(),
        supported: context.capability.machine_sets,
        managed,
        legacy_bare_metal: is_legacy_bare_metal(provisioning.map(Option::as_ref)),
        install_version: installed,
    });
    let after = match action {
        RecordAction::Leave => None,
        RecordAction::Reset => reset(Some(&base), installed),
        RecordAction::Record => {
            let release = match &context.stream {
                Some(StreamText::Of(config_map)) => config_map.release_version(),
                _ => None,
            };
            let versions = rhcos_versions.iter().map(String::as_str);
            record(Some(&base), release, versions).unwrap_or_else(|error| {
                warnings.push(error.to_string());
                None
            })
        }
    };
    after.unwrap_or_else(|| owned(&base))
}

/// The same status, independent of the text that it was read from.
fn owned(skew: &SkewEnforcement<'_>) -> SkewEnforcement<'static> {
    let text = |text: &Option<openshift_model::Text<'_>>| {
        text.as_deref().map(|text| text.to_owned().into())
    };
    let version = |version: &Option<openshift_model::SkewVersion<'_>>| {
        version
            .as_ref()
            .map(|version| openshift_model::SkewVersion {
                mode: text(&version.mode),
                ocp_version: text(&version.ocp_version),
                rhcos_version: text(&version.rhcos_version),
            })
    };
    SkewEnforcement {
        mode: text(&skew.mode),
        automatic: version(&skew.automatic),
        manual: version(&skew.manual),
    }
}

/// BI-113, BI-140, BI-141: why a controller would write nothing now.
fn deferred_plan(context: &Context<'_, '_>) -> Option<DeferredPlan> {
    let boot_images = match &context.stream {
        Some(StreamText::Of(config_map)) => Some(config_map),
        _ => None,
    };
    let found = deferred(&GateInput {
        profile: context.profile,
        complete: context.completeness == Completeness::Complete,
        configuration: context.machine_configuration.as_ref(),
        cluster_version: context.cluster_version.as_ref(),
        boot_images,
        rendered: context.cluster.rendered.as_ref(),
    })?;
    Some(DeferredPlan {
        reason: found.reason().name().to_owned(),
        message: found.to_string(),
    })
}

impl From<SkewReport> for SkewForecast {
    fn from(report: SkewReport) -> Self {
        let SkewReport {
            mode,
            ocp_version,
            rhcos_version,
            exceeded,
            upgradeable,
            message,
        } = report;
        Self {
            mode,
            ocp_version,
            rhcos_version,
            exceeded,
            upgradeable,
            message,
        }
    }
}

impl From<StatusCondition> for ConditionForecast {
    fn from(condition: StatusCondition) -> Self {
        Self {
            kind: condition.kind.name().to_owned(),
            status: if condition.status { "True" } else { "False" }.to_owned(),
            reason: condition.reason,
            message: condition.message,
        }
    }
}

impl TargetError {
    /// The error of a blocked target, as the cluster's conditions would have it.
    pub(crate) fn of(target: &Target, obstacle: &Obstacle) -> Self {
        Self {
            kind: target.kind,
            name: target.name.clone(),
            text: obstacle.reference_text(target.kind, &target.name),
        }
    }
}
