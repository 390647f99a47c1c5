//! What the cluster would be told if every update succeeded (BI-090 … BI-106, BI-180 … BI-188).

use std::collections::BTreeSet;

use bootimage_selection::reconcile_status;
use bootimage_status::codes::{AUTOMATIC, MANUAL};
use bootimage_status::{
    Deferred, GateInput, ListStep, SkewInput, SkewReport, StatusCondition, UpgradeGuard, deferred,
    deferred_besides_configuration, install_version, is_legacy_bare_metal, list_error,
    recorded_install_version, skew_in_force, skew_is_enforced, skew_report, skew_status,
};
use openshift_model::{
    ClusterVersion, Condition, Kind, MachineManager, ManagedBootImages, ObjectMeta, Profile,
    SelectionMode, SkewEnforcement,
};

use crate::context::{Context, Objects};
use crate::document::{ConditionForecast, DeferredPlan, SkewForecast, StatusForecast};
use crate::status::{Applied, SkewBasis, StatusBasis, TargetError};
use crate::stream_text::StreamText;
use crate::{ClusterSnapshot, Completeness, Policy, Target};

/// Reason of conditions in a forecast; a controller gives the event's name (BI-187).
pub(crate) const PLAN_REASON: &str = "Plan";

/// What the whole plan comes to for the cluster.
pub(crate) struct Forecast {
    pub(crate) deferred: Option<DeferredPlan>,
    pub(crate) status: StatusForecast,
    pub(crate) skew: SkewForecast,
    pub(crate) warnings: Vec<String>,
}

/// What the status depends on besides what becomes of the targets. `rhcos_versions` are those of
/// marketplace images of MachineSets (BI-096).
pub(crate) fn status_basis(
    context: &Context<'_, '_>,
    errors: Vec<TargetError>,
    rhcos_versions: Vec<String>,
    secrets: BTreeSet<String>,
) -> StatusBasis {
    let (managed, opt_in) = managed(context);
    let list_error = |kind| {
        let error = context.enrolment(kind).as_ref().err()?;
        Some((
            kind,
            list_error(kind, ListStep::Selector, &error.to_string()),
        ))
    };
    let kinds = [Kind::ControlPlaneMachineSet, Kind::MachineSet];
    let partial = context.completeness == Completeness::Partial;
    StatusBasis {
        profile: context.profile,
        lacks_input: partial && errors.iter().any(|error| error.is_missing_input),
        errors,
        list_errors: kinds.into_iter().filter_map(list_error).collect(),
        skew: skew_is_enforced(context.profile, context.cluster.skew_gate)
            .then(|| skew_basis(context, &managed, rhcos_versions)),
        managed,
        opt_in,
        secrets,
        takes_in: takes_in(context),
        release: release(context),
        obstacle: beside_obstacle(context),
    }
}

/// Computes the forecast: the status where every update succeeds.
pub(crate) fn forecast(
    context: &Context<'_, '_>,
    basis: &StatusBasis,
    targets: &[Target],
) -> Forecast {
    let status = basis.after(targets, &Applied::forecast(), PLAN_REASON);
    let conditions = if basis.lacks_input {
        Vec::new()
    } else {
        status.conditions
    };
    let views: Vec<Option<Condition<'_>>> = conditions.iter().map(view).map(Some).collect();
    let report = skew_report(&UpgradeGuard {
        skew: status.skew.as_ref(),
        conditions: &views,
        cluster_version: context.cluster_version.as_ref(),
    });
    let skew = Known {
        mode: mode_is_known(context),
        conditions: !basis.lacks_input,
    };
    Forecast {
        deferred: deferred_plan(context),
        skew: skew.forecast(report),
        status: StatusForecast {
            managed_boot_images_status: status.managed,
            boot_image_skew_enforcement_status: status
                .skew
                .filter(|_| skew.mode)
                .and_then(|skew| serde_json::to_value(skew).ok()),
            conditions: conditions
                .into_iter()
                .map(ConditionForecast::from)
                .collect(),
            opt_in: status.opt_in,
        },
        warnings: status.warnings,
    }
}

/// How old the boot images are as the cluster says it: its status where that is up to date, or else
/// what the operator would write (BI-091, BI-100 … BI-106); and what was assumed. Nothing is said
/// of what the input does not have.
pub fn skew(snapshot: &ClusterSnapshot<'_>, policy: &Policy) -> (SkewForecast, Vec<String>) {
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    let configuration = context.machine_configuration.as_ref();
    let (managed, _) = managed(&context);
    let computed = skew_basis(&context, &managed, Vec::new()).base;
    let skew = skew_in_force(configuration, computed.clone());
    let enforced = skew_is_enforced(context.profile, context.cluster.skew_gate);
    let conditions = configuration.and_then(|found| found.status.conditions.as_deref());
    let report = skew_report(&UpgradeGuard {
        skew: enforced.then_some(&skew),
        conditions: conditions.unwrap_or_default(),
        cluster_version: context.cluster_version.as_ref(),
    });
    let known = Known {
        mode: !enforced || skew != computed || mode_is_known(&context),
        conditions: configuration.is_some() || context.completeness == Completeness::Complete,
    };
    (known.forecast(report), context.warnings)
}

/// What the input tells of skew.
#[derive(Clone, Copy)]
struct Known {
    /// The mode, or what it is computed from.
    mode: bool,
    /// The conditions, on which an upgrade depends in Automatic mode.
    conditions: bool,
}

impl Known {
    /// The report without what would be said of something that the input does not have.
    fn forecast(self, report: SkewReport) -> SkewForecast {
        let is_enforced = [AUTOMATIC, MANUAL].contains(&report.mode.as_str());
        let has_version = !report.ocp_version.is_empty() || !report.rhcos_version.is_empty();
        let measured = self.mode && (has_version || !is_enforced);
        let conditions = self.conditions || report.mode != AUTOMATIC;
        let upgradeable = measured && conditions;
        SkewForecast {
            mode: if self.mode {
                report.mode
            } else {
                String::new()
            },
            ocp_version: report.ocp_version,
            rhcos_version: report.rhcos_version,
            exceeded: measured.then_some(report.exceeded),
            upgradeable: upgradeable.then_some(report.upgradeable),
            message: if upgradeable {
                report.message
            } else {
                String::new()
            },
        }
    }
}

/// BI-091: whether the input has what the mode is computed from: what a person stated, or the
/// platform. A cluster that is there has it all.
fn mode_is_known(context: &Context<'_, '_>) -> bool {
    let configuration = context.machine_configuration.as_ref();
    context.completeness == Completeness::Complete
        || context.cluster.platform.is_some()
        || configuration.is_some_and(|found| found.spec.skew_enforcement.is_some())
        || !skew_is_enforced(context.profile, context.cluster.skew_gate)
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
        context.shut_control_plane.is_none(),
    );
    let none = ObjectMeta::default();
    let meta = configuration.map_or(&none, |found| &found.meta);
    let opt_in = reconciled.writes_annotation(meta);
    (reconciled.managed, opt_in)
}

/// BI-091: the skew status that the operator writes, and what the controller's record depends on.
fn skew_basis(
    context: &Context<'_, '_>,
    managed: &ManagedBootImages,
    rhcos_versions: Vec<String>,
) -> SkewBasis {
    let configuration = context.machine_configuration.as_ref();
    let version = context.cluster_version.as_ref();
    // A cluster without a history was installed with 0.0.0, as the operator has it; files merely
    // lack the object.
    let install_version = match context.completeness {
        Completeness::Complete => Some(install_version(version)),
        Completeness::Partial => recorded_install_version(version),
    };
    let provisioning = context.cluster.provisioning.as_ref();
    let base = skew_status(&SkewInput {
        spec: configuration.and_then(|found| found.spec.skew_enforcement.as_ref()),
        existing: configuration.and_then(|found| found.status.skew_enforcement_status.as_ref()),
        platform: context.cluster.platform.as_ref(),
        topology: context.cluster.topology.as_deref(),
        supported: context.capability.machine_sets,
        managed,
        legacy_bare_metal: is_legacy_bare_metal(provisioning.map(Option::as_ref)),
        install_version,
    });
    let release = match &context.stream {
        Some(StreamText::Of(config_map)) => config_map.release_version(),
        _ => None,
    };
    SkewBasis {
        base: owned(&base),
        release: release.map(str::to_owned),
        rhcos_versions,
        install_version,
    }
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

fn gates<'c>(context: &'c Context<'_, '_>) -> GateInput<'c> {
    let boot_images = match &context.stream {
        Some(StreamText::Of(config_map)) => Some(config_map),
        _ => None,
    };
    GateInput {
        profile: context.profile,
        complete: context.completeness == Completeness::Complete,
        configuration: context.machine_configuration.as_ref(),
        cluster_version: context.cluster_version.as_ref(),
        boot_images,
        rendered: context.cluster.rendered.as_ref(),
    }
}

/// BI-053, BI-141: whether all that a controller waits for is that somebody takes the configuration
/// in.
fn takes_in(context: &Context<'_, '_>) -> bool {
    let gates = gates(context);
    deferred(&gates) == Some(Deferred::ConfigurationOutdated)
        && deferred_besides_configuration(&gates).is_none()
}

fn release(context: &Context<'_, '_>) -> Option<String> {
    let version = context.cluster_version.as_ref();
    version.and_then(ClusterVersion::release).map(str::to_owned)
}

/// BI-086: why a controller with a file of its own must not write beside the one that
/// MachineConfiguration is for: the two would manage the same sets, or a skew record would be kept
/// by who does not know what was updated.
fn beside_obstacle(context: &Context<'_, '_>) -> Option<String> {
    let managers = |managed: &ManagedBootImages| managed.machine_managers.clone();
    let ours = managers(context.policy.selection.as_ref()?)?;
    let theirs = managers(&context.of_cluster).unwrap_or_default();
    let is_active = |manager: &&MachineManager| *manager.mode() != SelectionMode::None;
    let both = theirs.iter().filter(is_active).find(|theirs| {
        let ours = ours.iter().filter(is_active);
        let key = |manager: &MachineManager| {
            (
                manager.resource().to_owned(),
                manager.api_group().to_owned(),
            )
        };
        ours.into_iter().any(|ours| key(ours) == key(theirs))
    });
    if let Some(manager) = both {
        let (resource, mode) = (manager.resource(), manager.mode().name());
        return Some(format!(
            "MachineConfiguration cluster has {resource} in mode {mode}: set that to None, so that \
             one controller alone manages them"
        ));
    }
    let configuration = context.machine_configuration.as_ref()?;
    let skew = configuration.status.skew_enforcement_status.as_ref();
    skew.is_some_and(SkewEnforcement::is_automatic).then(|| {
        "boot image skew enforcement is Automatic: set spec.bootImageSkewEnforcement of \
         MachineConfiguration cluster to Manual or None first"
            .to_owned()
    })
}

/// BI-113, BI-140, BI-141: why a controller would write nothing now.
fn deferred_plan(context: &Context<'_, '_>) -> Option<DeferredPlan> {
    let found = deferred(&gates(context))?;
    Some(DeferredPlan {
        reason: found.reason().name().to_owned(),
        message: found.to_string(),
    })
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
