//! Updates of sets: whose turn it is, what became of them, and who undoes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bootimage_plan::{
    Authorship, Became, Contested, DecisionKind, Digest, HistoryEntry, HotLoopDecision,
    PendingWrite, Plan, Target, Written, history_entries, hot_loop, hot_loop_tried,
    hot_loops_of_plan, reverted_by,
};
use cluster_io::apply::{ApplyOptions, ApplyResult, Outcome};
use cluster_io::cluster::WriteMode;
use controller_runtime::queue;
use jiff::Timestamp;
use openshift_model::{Kind, ObjectRef, RawObject};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::pass::{Decided, PassError, earliest};
use crate::targets::{self, FIELD_MANAGER, PROGRAM};

/// After how long a set that was changed under our hands is planned anew.
const MOVED: Duration = Duration::from_secs(1);
/// How many sets are updated in one pass: what is about to be written is kept in a ConfigMap first,
/// which holds no more. The others follow at once.
const MOST_UPDATES: usize = 500;

/// What a pass does about updates.
#[derive(Default)]
pub(crate) struct Turn {
    due: Vec<Target>,
    /// Those whose vCenter has to do something first.
    pub(crate) waiting: Vec<Target>,
    pub(crate) results: BTreeMap<ObjectRef, Became>,
    pub(crate) contested: Vec<Contested>,
    /// When the first of the sets that are left alone is tried again.
    pub(crate) next: Option<Instant>,
}

impl Controller {
    /// Which updates are tried now, and why the others are not.
    pub(crate) async fn turn(&mut self, decided: &Decided) -> Result<Turn, PassError> {
        let plan = &decided.plan;
        let hot_loops = std::mem::take(&mut self.memory.state.hot_loops);
        self.memory.state.hot_loops = hot_loops_of_plan(hot_loops, plan);
        let mut turn = Turn::default();
        let updates = plan
            .targets
            .iter()
            .filter(|it| it.decision == DecisionKind::Update);
        let updates: Vec<_> = updates.map(|target| (target.reference(), target)).collect();
        self.forget_settled(plan);
        for (key, target) in updates {
            let now = seconds();
            let pauses = self.flags.pauses();
            let decision = hot_loop(&self.memory.state.hot_loops, target, now, pauses);
            if let HotLoopDecision::Contested(contested) = decision {
                let contested = self.find_opponent(plan, target, &key, contested).await;
                let wait = contested.hot_loop.until.saturating_sub(now).max(1);
                let until = Instant::now() + Duration::from_secs(wait);
                turn.next = earliest([turn.next, Some(until)]);
                turn.contested.push(contested);
                turn.results.insert(key, Became::HeldBack);
            } else if !target.steps.is_empty() {
                turn.waiting.push(target.clone());
            } else if let (Some(failure), false) = (
                self.failures.get(&key),
                self.retries.is_due(&key, Instant::now()),
            ) {
                let failure = Became::Failed(failure.clone());
                turn.next = earliest([turn.next, self.retries.due(&key)]);
                turn.results.insert(key, failure);
            } else if turn.due.len() < MOST_UPDATES {
                turn.due.push(target.clone());
            } else {
                turn.next = Some(Instant::now());
            }
        }
        Ok(turn)
    }

    /// Forgets failures and opponents of sets that need no update any more.
    fn forget_settled(&mut self, plan: &Plan) {
        let kept = may_need_update(&plan.targets);
        self.retries.retain(|object| kept.contains(object));
        self.failures.retain(|object, _| kept.contains(object));
        self.opponents.retain(|object, _| kept.contains(object));
    }

    /// BI-190: finds out who reverts a set, once in each pause, and says so.
    async fn find_opponent(
        &mut self,
        plan: &Plan,
        target: &Target,
        key: &ObjectRef,
        contested: Contested,
    ) -> Contested {
        let until = contested.hot_loop.until;
        if self.opponents.get(key) == Some(&until) {
            return contested;
        }
        let read = self.cluster.object(target.kind, &key.namespace, &key.name);
        let json = match read.await {
            Ok(json) => json,
            Err(error) => {
                let (kind, name) = (target.kind.name(), &key.name);
                tracing::warn!(%error, kind, name, "who reverts it is looked for in the next pass");
                return contested;
            }
        };
        self.opponents.insert(key.clone(), until);
        let object = json
            .as_deref()
            .and_then(|json| RawObject::parse(json).ok().flatten());
        let manager = object.zip(target.patch.as_ref());
        let manager = manager.and_then(|(object, edit)| reverted_by(&object, edit, FIELD_MANAGER));
        let mut contested = contested;
        if let Some(manager) = manager {
            let memory = std::mem::take(&mut self.memory.state.hot_loops);
            self.memory.state.hot_loops = memory.reverted_by(key, &manager);
            contested.hot_loop.reverted_by = Some(manager);
        }
        self.reporter.contested(plan, target, &contested);
        contested
    }

    /// Carries out the updates whose turn it is; when the next pass is due because of them.
    pub(crate) async fn update(
        &mut self,
        decided: &Decided,
        turn: &mut Turn,
    ) -> Result<Option<Instant>, PassError> {
        if turn.due.is_empty() {
            return Ok(None);
        }
        let plan = Arc::new(decided.plan.clone());
        let digest = Digest::of(&serde_json::to_vec(&*plan)?);
        let options = ApplyOptions {
            program: PROGRAM,
            plan_digest: digest,
            mode: WriteMode::Real,
            always_dry_run: true,
            accept_deferred: false,
        };
        let time = cluster_io::time::now();
        let by = Authorship {
            time: &time,
            release: decided.basis.release(),
            plan: digest,
            manager: FIELD_MANAGER,
        };
        // Of some writes before these it is not known yet what became of them.
        let mut earlier = std::mem::take(&mut self.memory.state.pending);
        let new = turn
            .due
            .iter()
            .flat_map(|target| pending(&plan, target, &by));
        self.memory.state.pending = earlier.iter().cloned().chain(new).collect();
        self.save().await?;
        if self.user.is_none() {
            self.user = self.cluster.user_name().await.ok();
        }
        for target in &turn.due {
            self.retries.add(target.reference(), Instant::now());
        }
        while let Some(key) = self.retries.take(Instant::now()) {
            if !turn.due.iter().any(|target| target.reference() == key) {
                self.retries
                    .done(&key, queue::Outcome::Settled, Instant::now());
            }
        }
        let updates = self.updates(&plan, options);
        let tried: Vec<_> = turn.due.iter().map(Target::reference).collect();
        let outcomes = updates.carry_out(std::mem::take(&mut turn.due)).await;
        let mut moved = false;
        let mut unknown = Vec::new();
        for (target, outcome) in outcomes {
            moved |= matches!(
                outcome.result,
                ApplyResult::Moved(_) | ApplyResult::Refused(_)
            );
            if is_unknown(&outcome.result) {
                unknown.extend(pending(&plan, &target, &by));
            }
            // What this update wrote cannot have been written by a pending write of before.
            earlier.retain(|write| !is_written(&write.entry, &target, &outcome));
            self.updated(&plan, &target, &outcome, &by);
            turn.results.insert(
                target.reference(),
                targets::became(&target, &outcome.result),
            );
        }
        self.memory.state.pending = earlier;
        self.memory.state.pending.extend(unknown);
        // One whose task panicked has no outcome.
        for key in tried.iter().filter(|key| !turn.results.contains_key(key)) {
            self.retries
                .done(key, queue::Outcome::Failed, Instant::now());
        }
        let retries = tried.iter().map(|key| self.retries.due(key));
        let moved = moved.then(|| Instant::now() + MOVED);
        Ok(earliest(retries.chain([moved])))
    }

    /// Remembers what became of an update.
    fn updated(&mut self, plan: &Plan, target: &Target, outcome: &Outcome, by: &Authorship<'_>) {
        let key = target.reference();
        let wrote = matches!(outcome.result, ApplyResult::Updated(_));
        let memory = std::mem::take(&mut self.memory.state.hot_loops);
        // What the API server refuses, nobody has reverted.
        self.memory.state.hot_loops = if wrote {
            hot_loop_tried(memory, target, true, seconds())
        } else {
            memory
        };
        let written = Written {
            target: wrote,
            user_data: outcome.converted.is_some(),
        };
        self.memory
            .wrote(history_entries(plan, target, written, by));
        let became = targets::became(target, &outcome.result);
        let done = Instant::now();
        match became {
            Became::Failed(problem) => {
                tracing::error!(
                    kind = target.kind.name(),
                    namespace = key.namespace,
                    name = key.name,
                    "{problem}"
                );
                self.retries.done(&key, queue::Outcome::Failed, done);
                self.failures.insert(key, problem);
            }
            Became::Done | Became::HeldBack => {
                if wrote {
                    tracing::info!(
                        kind = target.kind.name(),
                        namespace = key.namespace,
                        name = key.name,
                        image = target.target,
                        "updated"
                    );
                }
                // Who could not be asked is asked again; a set that was changed is planned anew.
                let again = outcome.result.is_unreachable();
                let turn = if again {
                    queue::Outcome::Failed
                } else {
                    queue::Outcome::Settled
                };
                self.retries.done(&key, turn, done);
                self.failures.remove(&key);
            }
        }
        for warning in &outcome.warnings {
            tracing::warn!("{warning}");
        }
        self.written(outcome.object.as_deref());
    }
}

/// Sets that need an update, and those that are not decided because a cloud has not answered yet: they
/// may need the same one again.
fn may_need_update(targets: &[Target]) -> BTreeSet<ObjectRef> {
    use DecisionKind::{Undecided, Update};
    let may_need = targets
        .iter()
        .filter(|target| matches!(target.decision, Update | Undecided));
    may_need.map(Target::reference).collect()
}

/// What is about to be written for a target.
fn pending(plan: &Plan, target: &Target, by: &Authorship<'_>) -> Vec<PendingWrite> {
    let data = target.user_data.as_deref();
    let digest = data.and_then(|data| data.digest_after.as_deref().copied());
    let written = Written {
        target: true,
        user_data: digest.is_some(),
    };
    let entries = history_entries(plan, target, written, by).into_iter();
    let of_secret = |entry: &HistoryEntry| entry.kind == Kind::Secret;
    entries
        .map(|entry| PendingWrite {
            digest: digest.filter(|_| of_secret(&entry)),
            at: seconds(),
            entry,
        })
        .collect()
}

/// Whether an update has written the object of a history entry.
fn is_written(entry: &HistoryEntry, target: &Target, outcome: &Outcome) -> bool {
    if entry.kind == Kind::Secret {
        let secret = target.user_data.as_deref().map(|data| &data.secret);
        return outcome.converted.is_some() && secret == Some(&entry.name);
    }
    let object = target.reference();
    matches!(outcome.result, ApplyResult::Updated(_))
        && (entry.kind, &entry.namespace, &entry.name)
            == (target.kind, &object.namespace, &object.name)
}

/// Whether nobody knows what became of a write.
fn is_unknown(result: &ApplyResult) -> bool {
    match result {
        ApplyResult::Failed(error) | ApplyResult::Unreachable(error) => {
            error.may_have_been_carried_out()
        }
        _ => false,
    }
}

/// Now, in seconds since 1970.
pub(crate) fn seconds() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootimage_plan::ReasonCode;

    #[test]
    fn w_04_a_set_that_is_not_decided_for_a_moment_keeps_the_pause_of_what_failed() {
        let target = |name: &str, decision| Target {
            kind: Kind::MachineSet,
            api_version: "machine.openshift.io/v1beta1".into(),
            namespace: "openshift-machine-api".into(),
            name: name.to_owned(),
            platform: None,
            architecture: None,
            decision,
            reason: ReasonCode::OutdatedImage,
            message: "".into(),
            counted: None,
            current: None,
            target: None,
            steps: Vec::new(),
            patch: None,
            user_data: None,
        };
        let kept = may_need_update(&[
            target("a", DecisionKind::Update),
            target("b", DecisionKind::Undecided),
            target("c", DecisionKind::UpToDate),
            target("d", DecisionKind::Blocked),
        ]);
        let names: Vec<_> = kept.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
