//! One pass: read, decide, write, tell.

use std::collections::BTreeSet;
use std::time::Duration;

use bootimage_plan::{
    DecisionKind, FactRequest, Facts, InTurn, KnownInputs, Plan, Policy, ReasonCode, StatusBasis,
    Target, plan_pass,
};
use bootimage_status::{Change, codes, skew_none_metric, trigger};
use cluster_io::cluster::ClusterError;
use controller_runtime::admin::Readiness;
use openshift_model::{Infrastructure, Kind, MachineConfiguration, Platform, names};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::status::StatusWriteError;
use crate::view::View;

/// After how long a set that is blocked on its user data is looked at again (W-05).
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// How often a plan is made in one pass: each time with the Secrets and facts that it lacked before.
const PLANS: u32 = 5;

/// A pass could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("the status of the cluster is not written: {0}")]
    Status(#[from] StatusWriteError),
    #[error("the plan cannot be written as JSON, so that it has no digest: {0}")]
    Plan(#[from] serde_json::Error),
}

/// What was decided.
pub(crate) struct Decided {
    pub(crate) view: View,
    pub(crate) facts: Facts,
    pub(crate) plan: Plan,
    pub(crate) basis: StatusBasis,
}

impl Controller {
    /// One pass; when the next one is due, whatever happens until then.
    pub(crate) async fn pass(&mut self) -> Result<Option<Instant>, PassError> {
        let saved = self.imported().await;
        if let Err(error) = &saved {
            tracing::warn!(%error, "entries of the history are not written yet; the pass goes on");
        }
        let Some(decided) = self.decide().await? else {
            return Ok(None);
        };
        let now = KnownInputs::of(&decided.plan);
        let before = self.inputs.replace(now.clone());
        let change = before.and_then(|before| before.changed(&now));
        if let Some((kind, change)) = change {
            self.unfinished = trigger(decided.basis.profile(), kind, change).or(self.unfinished);
            // Somebody has done something: perhaps it helps.
            let failed: Vec<_> = self.failures.keys().cloned().collect();
            for object in failed {
                self.retries.add(object, Instant::now());
            }
            self.imports.try_again();
        }
        let reason = self.reason(&decided);
        self.tell(&decided, &reason);
        let look_again = Self::look_again(&decided.plan);
        let next = if self.fence.is_leading() {
            self.write(decided, &reason).await?
        } else {
            // The replica that leads tells the reason; this one forgets it.
            self.unfinished = None;
            None
        };
        if self.memory.has_unsaved_entries() {
            saved?;
        }
        Ok(earliest([next, look_again, self.facts.next_expiry()]))
    }

    /// Plans, and gets what the plan lacks, until there is nothing more to be had.
    async fn decide(&mut self) -> Result<Option<Decided>, PassError> {
        let Some(snapshot) = self.store.snapshot() else {
            return Ok(None);
        };
        self.named.complete(&self.cluster, &snapshot).await?;
        self.named.forget_secrets();
        let mut asked = Vec::new();
        let mut got = BTreeSet::new();
        let mut plans = 0;
        loop {
            plans += 1;
            let view = View {
                snapshot: snapshot.clone(),
                named: self.named.clone(),
            };
            let facts = self.facts.facts();
            let (mut plan, basis) = plan_pass(&view.cluster(), &facts, &self.policy(), &InTurn);
            plan.metadata.add_inputs(self.file.clone());
            if plans == 1
                && self.fence.is_leading()
                && plan.targets.iter().any(names_template)
                && self.facts.forget_old_templates()
            {
                continue;
            }
            let lacks_secrets = !basis.secrets().is_subset(&got);
            let needs = plan.needs.iter().filter(|need| !asked.contains(*need));
            let needs: Vec<FactRequest> = needs.cloned().collect();
            let lacks_facts = self.may_ask_clouds() && !needs.is_empty();
            if plans == PLANS || !(lacks_secrets || lacks_facts) {
                return Ok(Some(Decided {
                    view,
                    facts,
                    plan,
                    basis,
                }));
            }
            if lacks_secrets {
                got.extend(basis.secrets().iter().cloned());
                self.named.get_secrets(&self.cluster, &got).await?;
            }
            if lacks_facts {
                self.facts.ask(&needs).await;
                asked.extend(needs);
            }
        }
    }

    /// How sets are planned: where a Secret may not be read, what becomes of it is found out when its
    /// set is updated, and is an error of that set alone.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            unread_secrets: self.named.unread_secrets(),
            ..self.policy.clone()
        }
    }

    /// BI-121: what led to the pass, as conditions say it; where nothing did, they stay as they are.
    pub(crate) fn reason(&self, decided: &Decided) -> String {
        if let Some(reason) = self.unfinished {
            return reason.to_owned();
        }
        let configuration = decided
            .view
            .object(Kind::MachineConfiguration, names::CLUSTER);
        let configuration = configuration.and_then(|it| MachineConfiguration::read(&it).ok());
        let conditions = configuration.and_then(|it| it.status.conditions);
        let reason = conditions
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|condition| {
                let is_ours = condition.kind.as_deref() == Some(codes::DEGRADED);
                let reason = condition.reason.filter(|_| is_ours)?;
                (reason.as_str() != codes::NO_REASON).then(|| reason.as_str().to_owned())
            });
        let added = trigger(decided.basis.profile(), Kind::MachineSet, Change::Added);
        reason.unwrap_or_else(|| added.unwrap_or(codes::NO_REASON).to_owned())
    }

    /// Logs and metrics of what was decided.
    fn tell(&mut self, decided: &Decided, reason: &str) {
        let Decided {
            view, facts, plan, ..
        } = decided;
        let policy = self.policy();
        self.reporter.decisions(plan, view, facts, &policy, reason);
        self.reporter.deferred(plan);
        self.pass_metrics.decided(plan);
        let configuration = view.object(Kind::MachineConfiguration, names::CLUSTER);
        let configuration = configuration.and_then(|it| MachineConfiguration::read(&it).ok());
        let infrastructure = view.object(Kind::Infrastructure, names::CLUSTER);
        let infrastructure = infrastructure.and_then(|it| Infrastructure::read(&it).ok());
        let skew = configuration.and_then(|it| it.status.skew_enforcement_status);
        self.pass_metrics
            .skew_none(skew_none_metric(skew.as_ref(), infrastructure.as_ref()));
        let mode = self.flags.mode.name().to_owned();
        self.health.report("mode", Readiness::Ready(mode));
    }

    /// W-05: when sets that wait for a person to repair their user data are looked at again.
    fn look_again(plan: &Plan) -> Option<Instant> {
        let waits = |target: &Target| {
            target.decision == DecisionKind::Blocked
                && matches!(
                    target.reason,
                    ReasonCode::UserDataMissing
                        | ReasonCode::UserDataInvalid
                        | ReasonCode::UserDataUnconvertible
                )
        };
        let any = plan.targets.iter().any(waits);
        any.then(|| Instant::now() + LOOK_AGAIN)
    }
}

/// Whether a set is about to name a template, which has to be there.
fn names_template(target: &Target) -> bool {
    target.decision == DecisionKind::Update && target.platform == Some(Platform::VSphere)
}

/// The first of several times.
pub(crate) fn earliest(times: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    times.into_iter().flatten().min()
}
