//! What the cluster is told after a pass: from what became of each target of a plan to conditions,
//! `managedBootImagesStatus` and the record of versions, and to the requests that write them.
//!
//! There is one way from a plan to a status: [`StatusBasis::after`], which wants an [`Applied`]. The
//! forecast in a plan is the same function where every update succeeded.

mod applied;
mod operator;
mod writes;

use std::collections::BTreeSet;

use bootimage_status::{
    Deferred, ItemStep, Outcome, PassStatistics, RecordAction, Statistics, StatusCondition,
    aggregate, item_error, record, record_action, reset,
};
use openshift_model::{Kind, ManagedBootImages, OcpVersion, Profile, SkewEnforcement};

pub use applied::{Applied, Became};
pub use operator::{CLUSTER_OPERATOR, CONTESTED, OPERATOR_FIELD_MANAGER, OperatorStatus};
pub use writes::{STATUS_FIELD_MANAGER, StatusError};

use crate::{DecisionKind, Obstacle, Target};

/// What a status depends on besides what became of the targets. It is made with the plan
/// ([`plan_pass`](crate::plan_pass)), of the same snapshot, and does not outlive the pass.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusBasis {
    pub(crate) profile: Profile,
    /// The errors of blocked targets, in the order of the targets.
    pub(crate) errors: Vec<TargetError>,
    /// Whether one of them is only about something that the input lacks and the cluster may have:
    /// then nobody knows how a pass would end.
    pub(crate) lacks_input: bool,
    /// BI-160, BI-165: of a kind about which nothing could be decided.
    pub(crate) list_errors: Vec<(Kind, String)>,
    /// BI-070: what is managed.
    pub(crate) managed: ManagedBootImages,
    /// BI-020: whether this is the moment at which the default takes the cluster in.
    pub(crate) opt_in: bool,
    /// `None` where skew is not enforced (BI-093).
    pub(crate) skew: Option<SkewBasis>,
    /// The user-data Secrets that decisions depend on.
    pub(crate) secrets: BTreeSet<String>,
    /// Whether a controller waits for nothing but that the configuration is taken in.
    pub(crate) takes_in: bool,
    /// The release that the cluster runs.
    pub(crate) release: Option<String>,
    /// Why nothing may be written beside another controller.
    pub(crate) obstacle: Option<String>,
}

/// What the record of versions depends on (BI-095 … BI-097).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SkewBasis {
    /// BI-091: the status before this pass records anything.
    pub(crate) base: SkewEnforcement<'static>,
    /// The release that the boot images are of.
    pub(crate) release: Option<String>,
    /// BI-268: the CoreOS versions of marketplace images of MachineSets.
    pub(crate) rhcos_versions: Vec<String>,
    /// BI-090; `None` where the input does not tell it.
    pub(crate) install_version: Option<OcpVersion>,
}

/// An error of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetError {
    /// Whether it is about something that the input lacks.
    pub(crate) is_missing_input: bool,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) text: String,
}

impl TargetError {
    /// The error of a blocked target, as the cluster's conditions would have it.
    pub(crate) fn of(target: &Target, obstacle: &Obstacle) -> Self {
        Self {
            kind: target.kind,
            name: target.name.clone(),
            is_missing_input: obstacle.is_missing_input(),
            text: obstacle.reference_text(target.kind, &target.name),
        }
    }
}

/// What MachineConfiguration is to say after a pass.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterStatus {
    profile: Profile,
    /// BI-183, BI-184: `BootImageUpdateProgressing` and `BootImageUpdateDegraded`.
    pub conditions: Vec<StatusCondition>,
    /// BI-070; `None` under 4.17, which has no such status.
    pub managed: Option<ManagedBootImages>,
    /// BI-091, BI-095 … BI-098; `None` where it is not to be touched (BI-093).
    pub skew: Option<SkewEnforcement<'static>>,
    /// BI-020: whether the annotation is written that tells when the default took the cluster in.
    pub opt_in: bool,
    /// Why no version was recorded, where one should have been.
    pub warnings: Vec<String>,
}

impl StatusBasis {
    /// The names of the user-data Secrets that decisions depend on, be they in the snapshot or not:
    /// whoever makes plans of a cluster gets them by name, and plans again.
    pub fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// The release that the cluster runs, where it is known.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// BI-086: why a controller that has its selection from a file must not write beside the one
    /// that MachineConfiguration is for.
    pub fn beside_obstacle(&self) -> Option<&str> {
        self.obstacle.as_deref()
    }

    /// BI-053, BI-070, BI-091: what MachineConfiguration is to say once its present generation was
    /// taken in, where that is all that a pass waits for (BI-141). The conditions stay as they are.
    pub fn taken_in(&self) -> Option<ClusterStatus> {
        self.takes_in.then(|| ClusterStatus {
            profile: self.profile,
            conditions: Vec::new(),
            managed: Some(self.managed.clone()),
            skew: self.skew.as_ref().map(|skew| skew.base.clone()),
            opt_in: self.opt_in,
            warnings: Vec::new(),
        })
    }

    /// The profile whose rules apply.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What MachineConfiguration is to say after the updates of `targets`, which are those of the
    /// plan that was made with this basis. `reason` is what led to the pass
    /// ([`trigger`](bootimage_status::trigger), BI-121).
    ///
    /// BI-184, W-06: the errors of both kinds stand in one condition. BI-169: skips of
    /// ControlPlaneMachineSets are counted; BI-098: they have no say in the record.
    pub fn after(&self, targets: &[Target], applied: &Applied, reason: &str) -> ClusterStatus {
        let statistics = PassStatistics {
            machine_sets: statistics(targets, applied, Kind::MachineSet),
            control_plane_machine_sets: statistics(targets, applied, Kind::ControlPlaneMachineSet),
            ..PassStatistics::default()
        };
        let errors = aggregate(self.error_texts(targets, applied));
        let mut warnings = Vec::new();
        let skew = self.skew.as_ref().map(|skew| {
            let action = self.record_action(targets, applied, statistics.machine_sets);
            skew.after(action, &mut warnings)
        });
        ClusterStatus {
            profile: self.profile,
            conditions: vec![
                StatusCondition::progressing(self.profile, &statistics, reason),
                StatusCondition::degraded(self.profile, &statistics, errors.as_deref(), reason),
            ],
            managed: (self.profile != Profile::P417).then(|| self.managed.clone()),
            skew,
            opt_in: self.opt_in,
            warnings,
        }
    }

    /// BI-160, BI-162, BI-184: the errors of both kinds, the control plane's first.
    fn error_texts(&self, targets: &[Target], applied: &Applied) -> Vec<String> {
        let mut texts = Vec::new();
        for kind in [Kind::ControlPlaneMachineSet, Kind::MachineSet] {
            if let Some((_, text)) = self.list_errors.iter().find(|(of, _)| *of == kind) {
                texts.push(text.clone());
                continue;
            }
            let blocked = self.errors.iter().filter(|error| error.kind == kind);
            let failed = targets
                .iter()
                .filter(|target| target.kind == kind)
                .filter_map(|target| Some((target.name.as_str(), applied.failure(target)?)));
            let all = blocked
                .map(|error| (error.name.as_str(), error.text.as_str()))
                .chain(failed);
            texts.extend(all.map(|(name, text)| item_error(kind, name, ItemStep::Other, text)));
        }
        texts
    }

    /// BI-095: and where an update was not carried out, the record stays as it is.
    fn record_action(
        &self,
        targets: &[Target],
        applied: &Applied,
        machine_sets: Statistics,
    ) -> RecordAction {
        let is_set = |kind: Kind| kind == Kind::MachineSet;
        let errors = self.errors.iter().any(|error| is_set(error.kind))
            || self.list_errors.iter().any(|(kind, _)| is_set(*kind));
        let open = targets
            .iter()
            .any(|target| is_set(target.kind) && applied.leaves_open(target));
        record_action(machine_sets, errors || open)
    }
}

impl SkewBasis {
    fn after(&self, action: RecordAction, warnings: &mut Vec<String>) -> SkewEnforcement<'static> {
        let after = match action {
            RecordAction::Leave => None,
            RecordAction::Reset => reset(Some(&self.base), self.install_version),
            RecordAction::Record => {
                let versions = self.rhcos_versions.iter().map(String::as_str);
                record(Some(&self.base), self.release.as_deref(), versions).unwrap_or_else(
                    |error| {
                        warnings.push(error.to_string());
                        None
                    },
                )
            }
        };
        after.unwrap_or_else(|| self.base.clone())
    }
}

impl ClusterStatus {
    /// BI-141: what is said where the configuration was not ready for two minutes: nothing but
    /// that.
    pub fn not_ready(profile: Profile, deferred: &Deferred, reason: &str) -> Self {
        let statistics = PassStatistics::default();
        let error = deferred.to_string();
        Self {
            profile,
            conditions: vec![StatusCondition::degraded(
                profile,
                &statistics,
                Some(&error),
                reason,
            )],
            managed: None,
            skew: None,
            opt_in: false,
            warnings: Vec::new(),
        }
    }
}

/// BI-152: how many targets of a kind are dealt with, and how.
fn statistics(targets: &[Target], applied: &Applied, kind: Kind) -> Statistics {
    let of_kind = targets.iter().filter(|target| target.kind == kind);
    Statistics::of(of_kind.filter_map(|target| outcome(target, applied)))
}

/// `None` for one that is not enrolled.
fn outcome(target: &Target, applied: &Applied) -> Option<Outcome> {
    match target.decision {
        DecisionKind::NotManaged => None,
        DecisionKind::Blocked => Some(Outcome::Errored),
        DecisionKind::Undecided => Some(Outcome::Pending),
        DecisionKind::Skip if target.counted == Some(true) => Some(Outcome::Skipped),
        DecisionKind::Skip | DecisionKind::UpToDate => Some(Outcome::Reconciled),
        DecisionKind::Update => Some(applied.outcome(target)),
    }
}
