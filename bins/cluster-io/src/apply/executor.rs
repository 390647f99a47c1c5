//! Carries out targets; several may be under way at the same time.

use bootimage_plan::{
    Authorship, DeferredPlan, Digest, HistoryEntry, ImageChange, InputObject, Plan, Recheck,
    StepsLeft, Target, history_entries, image_change, live_namespace, vcenter_entries,
};
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Edit, ObjectRef};
use tokio::sync::OnceCell;

use super::check::check_one;
use super::execution::Execution;
use super::outcome::{ApplyResult, ApplyWarning, MovedSince, Outcome, Refusal};
use super::vcenters::Vcenters;
use crate::cluster::{Cluster, ClusterError, WriteMode};

/// How much of the plan's digest stands in names: enough to tell plans apart.
const KEY_DIGITS: usize = 16;

/// Which program carries out a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// As Events call it, e.g. `osimage apply`.
    pub name: &'static str,
    /// Whom Events are reported by, e.g. `osimage.dev/osimage`.
    pub reporter: &'static str,
    /// The first part of its field manager, e.g. [`crate::cluster::APPLY_FIELD_MANAGER`].
    pub field_manager: &'static str,
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyOptions {
    /// By which program.
    pub program: Program,
    /// Digest of the plan, which tells its writes and Events from those of other plans.
    pub plan_digest: Digest,
    /// Whether the API server keeps what is written.
    pub mode: WriteMode,
    /// Whether the API server checks every edit before anything is written; else only where a Secret
    /// is converted before the edit.
    pub always_dry_run: bool,
    /// Write even while a controller would write nothing; the Event says so.
    pub accept_deferred: bool,
}

impl ApplyOptions {
    /// What tells this plan from others in a name.
    pub(super) fn key(&self) -> String {
        let digest = self.plan_digest.to_string();
        let digits = digest.trim_start_matches("sha256:");
        digits.get(..KEY_DIGITS).unwrap_or(digits).to_owned()
    }

    /// The field manager of edits: it tells what this plan has written from all else.
    pub(super) fn field_manager(&self) -> String {
        format!("{}/{}", self.program.field_manager, self.key())
    }
}

/// Carries out targets of one plan.
#[derive(Debug)]
pub struct Executor<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) plan: &'a Plan,
    pub(super) options: ApplyOptions,
    vcenters: Option<Vcenters<'a>>,
    /// The user that the cluster knows us as, once it was asked for.
    user: OnceCell<String>,
}

impl<'a> Executor<'a> {
    /// For a plan that was compared with its cluster ([`super::check_all`]).
    pub fn new(cluster: &'a Cluster, plan: &'a Plan, options: ApplyOptions) -> Self {
        Self {
            cluster,
            plan,
            options,
            vcenters: None,
            user: OnceCell::new(),
        }
    }

    /// With access to vCenters: what these have is looked at before a target on vSphere is written,
    /// and their steps are carried out. Without it, targets with steps are refused.
    #[must_use]
    pub fn with_vcenters(self, vcenters: Vcenters<'a>) -> Self {
        Self {
            vcenters: Some(vcenters),
            ..self
        }
    }

    /// The same, for whoever knows already as whom the cluster knows us.
    #[must_use]
    pub fn with_user(self, user: String) -> Self {
        Self {
            user: OnceCell::from(user),
            ..self
        }
    }

    /// Does to one target what the plan says, or says why not. `found` is how the cluster stands to
    /// the plan now, by what the caller knows of it, the answers of vCenters included; the target and
    /// its Secret are looked at here.
    ///
    /// Where vCenters have to do something first, they do it, and the target is
    /// [`ApplyResult::Prepared`]: that takes minutes, and the caller compares again before it writes.
    pub async fn execute_compared(&self, target: &Target, found: Recheck) -> Outcome {
        let checked = self
            .begin(target)
            .and_then(|begun| self.accept(begun, found));
        match Box::pin(self.prepared(checked)).await {
            Prepared::Ready(execution) => execution.run().await,
            Prepared::Done(execution) => execution.ended(ApplyResult::Prepared),
            Prepared::Ended(outcome) => outcome,
        }
    }

    /// Does to one target what the plan says, or says why not. Compares everything that the
    /// decision was made from with the cluster first, and again after vCenters did their part.
    pub async fn execute(&self, target: &Target) -> Outcome {
        let checked = Box::pin(self.checked(target)).await;
        let earlier = match Box::pin(self.prepared(checked)).await {
            Prepared::Ready(execution) => return execution.run().await,
            Prepared::Done(execution) => execution,
            Prepared::Ended(outcome) => return outcome,
        };
        match Box::pin(self.checked(target)).await {
            Ok((again, left)) => match left.to_do.into_iter().next() {
                None => again.after(earlier).run().await,
                Some(step) => earlier.ended(ApplyResult::Refused(Refusal::StillNeedsVcenter(step))),
            },
            Err(result) => earlier.ended(result),
        }
    }

    /// The entries of the history for what vCenters have done for a target, and what was written of
    /// it; none of a dry run. `time` is RFC 3339.
    pub fn history(&self, target: &Target, outcome: &Outcome, time: &str) -> Vec<HistoryEntry> {
        if self.options.mode == WriteMode::DryRun {
            return Vec::new();
        }
        let by = Authorship {
            time,
            release: outcome.release.as_deref(),
            plan: self.options.plan_digest,
            manager: self.options.program.field_manager,
        };
        let mut entries = vcenter_entries(self.plan, target, &outcome.steps, &by);
        entries.extend(history_entries(self.plan, target, outcome.written, &by));
        entries
    }

    /// Lets vCenters do what they have to do first.
    async fn prepared<'e>(
        &'e self,
        checked: Result<(Execution<'e>, StepsLeft), ApplyResult>,
    ) -> Prepared<'e> {
        let (mut execution, left) = match checked {
            Ok(checked) => checked,
            Err(result) => return Prepared::Ended(result.into()),
        };
        let Some(vcenters) = self
            .vcenters
            .filter(|_| self.options.mode == WriteMode::Real)
        else {
            return Prepared::Ready(execution);
        };
        if execution.steps.is_empty() {
            if let Err((_, error)) = vcenters.carry_out(&left.done).await {
                execution.warnings.push(ApplyWarning::LeftBehind(error));
            }
            return Prepared::Ready(execution);
        }
        // BI-322: a template that takes the place of another one is booted from at once.
        if execution.steps.iter().any(takes_a_place)
            && let Err(result) = execution.convert_first().await
        {
            execution.steps.clear();
            return Prepared::Ended(execution.ended(result));
        }
        match vcenters.carry_out(&execution.steps).await {
            Ok(()) => Prepared::Done(execution),
            Err((done, error)) => {
                execution.steps.truncate(done);
                Prepared::Ended(execution.ended(ApplyResult::Vcenter(error)))
            }
        }
    }

    async fn checked<'e>(
        &'e self,
        target: &'e Target,
    ) -> Result<(Execution<'e>, StepsLeft), ApplyResult> {
        let begun = self.begin(target)?;
        let found = check_one(self.cluster, self.plan, target, self.vcenters).await?;
        self.accept(begun, found)
    }

    /// What there is to do, as far as the plan alone tells.
    fn begin<'e>(&'e self, target: &'e Target) -> Result<Begun<'e>, ApplyResult> {
        let metadata = &self.plan.metadata;
        let input = metadata.input(target.kind, &target.namespace, &target.name);
        let (Some(input), Some(edit)) = (input, &target.patch) else {
            return Err(ApplyResult::Refused(Refusal::NoEdit));
        };
        if let (None, Some(step)) = (self.vcenters, target.steps.first()) {
            return Err(ApplyResult::Refused(Refusal::NeedsVcenter(step.clone())));
        }
        let change = image_change(&metadata.profile, target)
            .map_err(|problem| ApplyResult::Refused(Refusal::Edit(problem)))?;
        Ok(Begun {
            target,
            input,
            edit,
            change,
        })
    }

    fn accept<'e>(
        &'e self,
        begun: Begun<'e>,
        mut found: Recheck,
    ) -> Result<(Execution<'e>, StepsLeft), ApplyResult> {
        let left = std::mem::take(&mut found.steps);
        let release = found.release.take();
        let accepted = self.accepted(begun.target, found)?;
        let mut execution = Execution::new(self, begun, accepted, left.to_do.clone());
        execution.release = release;
        Ok((execution, left))
    }

    /// Whether a target may be written as far as the rest of the cluster is concerned; where
    /// that was accepted by hand, what was accepted.
    fn accepted(
        &self,
        target: &Target,
        found: Recheck,
    ) -> Result<Option<DeferredPlan>, ApplyResult> {
        if !found.moved.is_empty() {
            let moved = match <[_; 1]>::try_from(found.moved) {
                Ok([moved]) if is_target(target, &moved.object) => {
                    MovedSince::Target(moved.movement)
                }
                Ok(moved) => MovedSince::Inputs(moved.into()),
                Err(moved) => MovedSince::Inputs(moved),
            };
            return Err(ApplyResult::Moved(moved));
        }
        if let Some(difference) = found.differences.into_iter().next() {
            return Err(ApplyResult::Refused(Refusal::Differs(
                difference.disagreement,
            )));
        }
        match found.deferred {
            Some(deferred) if !self.options.accept_deferred => {
                Err(ApplyResult::Refused(Refusal::Deferred(deferred)))
            }
            accepted => Ok(accepted),
        }
    }

    /// The user that the cluster knows us as, asked for once.
    pub(super) async fn user(&self) -> Result<&str, ClusterError> {
        let user = self.user.get_or_try_init(|| self.cluster.user_name()).await;
        user.map(String::as_str)
    }
}

/// How far a target has come before it is written.
enum Prepared<'e> {
    /// It can be written.
    Ready(Execution<'e>),
    /// vCenters did their part, which took a while.
    Done(Execution<'e>),
    /// It cannot be written.
    Ended(Outcome),
}

/// BI-331: whether a template gets the name of another one.
fn takes_a_place(step: &VcenterStep) -> bool {
    match step {
        VcenterStep::RenameTemplate { .. } => false,
        VcenterStep::ImportTemplate(import) => import.replaces.is_some(),
    }
}

/// One target that the plan edits.
pub(super) struct Begun<'e> {
    pub(super) target: &'e Target,
    pub(super) input: &'e InputObject,
    pub(super) edit: &'e Edit,
    pub(super) change: ImageChange,
}

fn is_target(target: &Target, object: &ObjectRef) -> bool {
    let live = |namespace| live_namespace(target.kind, namespace);
    object.kind == target.kind.name()
        && object.name == target.name
        && live(&object.namespace) == live(&target.namespace)
}
