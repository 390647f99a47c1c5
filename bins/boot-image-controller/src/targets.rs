//! Carries out the updates of a plan, several at a time.

use std::sync::Arc;

use bootimage_plan::{Became, Facts, Plan, Policy, Recheck, Target, recheck_with};
use cluster_io::apply::{ApplyOptions, ApplyResult, Executor, Outcome, Program, Refusal};
use cluster_io::cluster::Cluster;
use cluster_io::store::Store;
use openshift_model::Kind;
use tokio::task::JoinSet;

use crate::view::{Named, View};

/// How many targets are under way at the same time: a slow one holds no other, and the API server
/// has to do with no more than this.
const AT_ONCE: usize = 8;

/// The first part of the field manager of edits.
pub(crate) const FIELD_MANAGER: &str = "osimage-boot-images";

/// As Events call this program.
pub(crate) const PROGRAM: Program = Program {
    name: "boot-image-controller",
    reporter: "osimage.dev/boot-image-controller",
    field_manager: FIELD_MANAGER,
};

/// What all updates of a pass have in common.
pub(crate) struct Updates {
    pub(crate) cluster: Cluster,
    pub(crate) store: Arc<Store>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) policy: Policy,
    pub(crate) named: Named,
    pub(crate) options: ApplyOptions,
    /// Whom the cluster knows us as, where that is known.
    pub(crate) user: Option<String>,
}

impl Updates {
    /// Carries out targets; each with what became of it.
    pub(crate) async fn carry_out(self, targets: Vec<Target>) -> Vec<(Target, Outcome)> {
        let this = Arc::new(self);
        let mut waiting = targets.into_iter();
        let mut running = JoinSet::new();
        let mut outcomes = Vec::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(target) = waiting.next()
            {
                let this = Arc::clone(&this);
                running.spawn(async move {
                    let outcome = this.update(&target).await;
                    (target, outcome)
                });
            }
            match running.join_next().await {
                None => return outcomes,
                Some(Ok(outcome)) => outcomes.push(outcome),
                Some(Err(error)) => {
                    tracing::error!(%error, "a bug: the update of a set panicked; it is planned anew");
                }
            }
        }
    }

    /// How the cluster stands to the plan now, not as it was when the pass began; `None` while it is
    /// not known.
    pub(crate) fn compared(&self, target: &Target, facts: &Facts) -> Option<Recheck> {
        let view = View {
            snapshot: self.store.snapshot()?,
            named: self.named.clone(),
        };
        let live = view.cluster_of(target.kind, &target.name);
        let concerns = |other: &Target| (other.kind, &other.name) == (target.kind, &target.name);
        Some(recheck_with(
            &self.plan,
            &live,
            facts,
            &self.policy,
            concerns,
        ))
    }

    /// What carries out targets of the plan.
    pub(crate) fn executor(&self) -> Executor<'_> {
        let executor = Executor::new(&self.cluster, &self.plan, self.options);
        match &self.user {
            Some(user) => executor.with_user(user.clone()),
            None => executor,
        }
    }

    async fn update(&self, target: &Target) -> Outcome {
        let Some(found) = self.compared(target, &Facts::default()) else {
            return ApplyResult::NotTried.into();
        };
        let outcome = self.executor().execute_compared(target, found).await;
        // The store takes the answer now, so that the next pass does not plan from the object before it.
        if let Some(json) = &outcome.object {
            self.store.put_answer(target.kind, json);
        }
        outcome
    }
}

/// What the cluster is told of an outcome.
pub(crate) fn became(target: &Target, result: &ApplyResult) -> Became {
    match result {
        ApplyResult::Updated(_) | ApplyResult::AlreadyDone => Became::Done,
        // It is looked at anew: another plan is made of what is there now.
        ApplyResult::Moved(_)
        | ApplyResult::Refused(Refusal::Deferred(_) | Refusal::Differs(_))
        | ApplyResult::Prepared
        | ApplyResult::Unreachable(_)
        | ApplyResult::NotTried => Became::HeldBack,
        ApplyResult::Refused(refusal) => Became::Failed(refusal.to_string()),
        ApplyResult::Unusable(problem) | ApplyResult::VcenterUnknown(problem) => {
            Became::Failed(problem.clone())
        }
        ApplyResult::Vcenter(error) => Became::Failed(error.to_string()),
        // BI-197: people look for this text.
        ApplyResult::Failed(error) => {
            let kind = match target.kind {
                Kind::ControlPlaneMachineSet => "ControlPlaneMachineSet",
                _ => "machineset",
            };
            Became::Failed(format!("unable to patch new {kind}: {error}"))
        }
    }
}
