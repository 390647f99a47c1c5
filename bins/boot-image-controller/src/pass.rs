//! One pass: read, decide, write, tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bootimage_plan::{
    Applied, Authorship, Became, Contested, DecisionKind, Digest, FactRequest, Facts,
    HotLoopDecision, InTurn, KnownInputs, PendingWrite, Plan, ReasonCode, StatusBasis, Target,
    Written, history_entries, hot_loop, hot_loop_tried, hot_loops_of_plan, plan_pass, reverted_by,
};
use bootimage_status::{codes, skew_none_metric, trigger};
use cluster_io::apply::{ApplyOptions, ApplyResult, Outcome};
use cluster_io::cluster::{ClusterError, WriteMode};
use controller_runtime::admin::Readiness;
use controller_runtime::queue;
use jiff::Timestamp;
use openshift_model::{Infrastructure, Kind, MachineConfiguration, ObjectRef, RawObject, names};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::flags::Mode;
use crate::status::{self, StatusWriteError};
use crate::targets::{self, FIELD_MANAGER, PROGRAM, Updates};
use crate::view::View;

/// After how long a set that is blocked on its user data is looked at again (W-05).
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// After how long it is looked again whether somebody else still writes what we are to write.
const HELD_BACK: Duration = Duration::from_secs(15);
/// After how long a set that was changed under our hands is planned anew.
const MOVED: Duration = Duration::from_secs(1);
/// How many sets are updated in one pass: what is about to be written is kept in a ConfigMap first,
/// which holds no more. The others follow at once.
const MOST_UPDATES: usize = 500;
/// How often a plan is made in one pass: each time with the Secrets and facts that it lacked before.
const PLANS: u32 = 4;

/// Why nothing is written, as the value of a label.
const BESIDE: &str = "stock-controller-manages";
const FOREIGN_WRITER: &str = "other-writer";

/// A pass could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("the status of the cluster is not written: {0}")]
    Status(#[from] StatusWriteError),
    #[error("the plan cannot be told from others: {0}")]
    Plan(#[from] serde_json::Error),
}

/// What was decided.
struct Decided {
    view: View,
    facts: Facts,
    plan: Plan,
    basis: StatusBasis,
}

/// What a pass does about updates.
#[derive(Default)]
struct Turn {
    due: Vec<Target>,
    results: BTreeMap<ObjectRef, Became>,
    contested: Vec<Contested>,
    /// When the first of the sets that are left alone is tried again.
    next: Option<Instant>,
}

impl Controller {
    /// One pass; when the next one is due, whatever happens until then.
    pub(crate) async fn pass(&mut self) -> Result<Option<Instant>, PassError> {
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
        }
        let reason = self.reason(&decided);
        self.tell(&decided, &reason);
        let look_again = self.look_again(&decided.plan);
        let next = if self.fence.is_leading() {
            self.write(decided, &reason).await?
        } else {
            // Who does not write leaves it to who does to say why.
            self.unfinished = None;
            None
        };
        Ok(earliest([next, look_again, self.facts.next_expiry()]))
    }

    /// Plans, and gets what the plan lacks, until there is nothing more to be had.
    async fn decide(&mut self) -> Result<Option<Decided>, PassError> {
        let Some(snapshot) = self.store.snapshot() else {
            return Ok(None);
        };
        self.named.complete(&self.cluster, &snapshot).await?;
        self.named.secrets.clear();
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
            let (mut plan, basis) = plan_pass(&view.cluster(), &facts, &self.policy, &InTurn);
            plan.metadata.add_inputs(self.file.clone());
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

    /// BI-121: what led to the pass, as conditions say it; where nothing did, they stay as they are.
    fn reason(&self, decided: &Decided) -> String {
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
        let added = trigger(
            decided.basis.profile(),
            Kind::MachineSet,
            bootimage_status::Change::Added,
        );
        reason.unwrap_or_else(|| added.unwrap_or(codes::NO_REASON).to_owned())
    }

    /// Logs and metrics of what was decided.
    fn tell(&mut self, decided: &Decided, reason: &str) {
        let Decided {
            view, facts, plan, ..
        } = decided;
        self.reporter
            .decisions(plan, view, facts, &self.policy, reason);
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
    fn look_again(&self, plan: &Plan) -> Option<Instant> {
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

    /// Writes what was decided; when the next pass is due.
    async fn write(
        &mut self,
        decided: Decided,
        reason: &str,
    ) -> Result<Option<Instant>, PassError> {
        self.prepare(&decided).await?;
        if let Some(next) = self.held_back(&decided).await? {
            return Ok(Some(next));
        }
        if decided.plan.deferred.is_some() {
            return self.take_in(&decided).await;
        }
        self.reporter.blocked(&decided.plan);
        let mut turn = self.turn(&decided).await?;
        let mut next = self.update(&decided, &mut turn).await?;
        self.status(&decided, &turn, reason).await?;
        self.unfinished = None;
        self.reporter.write_events(&self.cluster).await;
        self.memory.save(&self.cluster).await?;
        self.pass_metrics.contested(&turn.contested);
        next = earliest([next, turn.next, self.retries.next_due()]);
        Ok(next)
    }

    /// What a leader has to know before it writes.
    async fn prepare(&mut self, decided: &Decided) -> Result<(), PassError> {
        let problems = self.memory.load(&self.cluster).await?;
        let namespace = self.memory.namespace().to_owned();
        self.reporter.state_problems(&namespace, &problems);
        if self.memory.state.pending.is_empty() {
            return Ok(());
        }
        // A process before us, or a pass of ours, ended in the middle: what became of its writes?
        let wanted: Vec<String> = self
            .memory
            .state
            .pending_secrets()
            .map(str::to_owned)
            .collect();
        let wanted = wanted.iter().map(String::as_str);
        let texts = self.cluster.machine_api_secrets(wanted).await?;
        let secrets: Vec<_> = texts
            .iter()
            .filter_map(|text| RawObject::parse(&text.json).ok().flatten())
            .collect();
        let state = self.memory.state.clone();
        self.memory.settle(state.settled(&decided.plan, &secrets));
        Ok(())
    }

    /// Whether somebody else does what we are to do; when it is looked again.
    async fn held_back(&mut self, decided: &Decided) -> Result<Option<Instant>, PassError> {
        let found = match self.flags.mode {
            Mode::Observe => None,
            Mode::Beside => {
                let why = decided.basis.beside_obstacle();
                why.map(|why| (BESIDE, why.to_owned()))
            }
            Mode::Replace if !self.would_write(decided) => None,
            Mode::Replace => {
                let writer = status::foreign_writer(&self.cluster).await?;
                writer.map(|manager| {
                    let why = format!(
                        "field manager {manager} writes the conditions of MachineConfiguration \
                         cluster: stop it, two controllers must not tell the cluster the same thing"
                    );
                    (FOREIGN_WRITER, why)
                })
            }
        };
        let why = found.as_ref().map(|(_, why)| why.as_str());
        self.reporter.held_back(why);
        self.pass_metrics
            .held_back(found.as_ref().map(|(label, _)| *label));
        let mode = self.flags.mode.name();
        let detail = why.map_or_else(
            || mode.to_owned(),
            |why| format!("{mode}, but only observes: {why}"),
        );
        self.health.report("mode", Readiness::Ready(detail));
        Ok(found.map(|_| Instant::now() + HELD_BACK))
    }

    /// Whether there is anything to be written at all: where there is not, nobody is asked.
    fn would_write(&self, decided: &Decided) -> bool {
        let plan = &decided.plan;
        if plan.deferred.is_some() {
            return decided.basis.taken_in().is_some();
        }
        let updates = plan
            .targets
            .iter()
            .any(|it| it.decision == DecisionKind::Update);
        let configuration = decided
            .view
            .object(Kind::MachineConfiguration, names::CLUSTER);
        let status = decided
            .basis
            .after(&plan.targets, &Applied::of([]), &self.reason(decided));
        let writes = configuration.and_then(|live| status.writes(&live, "").ok());
        updates || writes.is_some_and(|writes| !writes.is_empty())
    }

    /// BI-053: takes the configuration in, where that is all that is waited for.
    async fn take_in(&mut self, decided: &Decided) -> Result<Option<Instant>, PassError> {
        if self.flags.mode != Mode::Replace {
            return Ok(None);
        }
        if let Some(status) = decided.basis.taken_in() {
            let written = self.write_configuration(decided, &status).await?;
            return Ok(written.then(Instant::now));
        }
        Ok(None)
    }

    /// Which updates are tried now, and why the others are not.
    async fn turn(&mut self, decided: &Decided) -> Result<Turn, PassError> {
        let plan = &decided.plan;
        let hot_loops = std::mem::take(&mut self.memory.state.hot_loops);
        self.memory.state.hot_loops = hot_loops_of_plan(hot_loops, plan);
        let mut turn = Turn::default();
        let updates = plan
            .targets
            .iter()
            .filter(|it| it.decision == DecisionKind::Update);
        let updates: Vec<_> = updates.map(|target| (target.reference(), target)).collect();
        self.retries
            .retain(|object| updates.iter().any(|(key, _)| key == object));
        self.failures
            .retain(|object, _| updates.iter().any(|(key, _)| key == object));
        self.opponents
            .retain(|object, _| updates.iter().any(|(key, _)| key == object));
        for (key, target) in updates {
            let now = seconds();
            let pauses = self.flags.pauses();
            let decision = hot_loop(&self.memory.state.hot_loops, target, now, pauses);
            if let HotLoopDecision::Contested(contested) = decision {
                let contested = self.find_opponent(plan, target, &key, contested).await?;
                let wait = contested.hot_loop.until.saturating_sub(now).max(1);
                let until = Instant::now() + Duration::from_secs(wait);
                turn.next = earliest([turn.next, Some(until)]);
                turn.contested.push(contested);
                turn.results.insert(key, Became::HeldBack);
            } else if let (Some(failure), false) = (
                self.failures.get(&key),
                self.retries.is_due(&key, Instant::now()),
            ) {
                turn.results.insert(key, Became::Failed(failure.clone()));
            } else if turn.due.len() < MOST_UPDATES {
                turn.due.push(target.clone());
            } else {
                turn.next = Some(Instant::now());
            }
        }
        Ok(turn)
    }

    /// BI-190: finds out who reverts a set, once in each pause, and says so.
    async fn find_opponent(
        &mut self,
        plan: &Plan,
        target: &Target,
        key: &ObjectRef,
        contested: Contested,
    ) -> Result<Contested, PassError> {
        let until = contested.hot_loop.until;
        if self.opponents.insert(key.clone(), until) == Some(until) {
            return Ok(contested);
        }
        let json = self
            .cluster
            .object(target.kind, &key.namespace, &key.name)
            .await?;
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
        Ok(contested)
    }

    /// Carries out the updates whose turn it is; when the next pass is due because of them.
    async fn update(
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
        let time = status::now();
        let by = Authorship {
            time: &time,
            release: decided.basis.release(),
            plan: digest,
            manager: FIELD_MANAGER,
        };
        self.memory.state.pending = turn
            .due
            .iter()
            .flat_map(|target| pending(&plan, target, &by))
            .collect();
        self.memory.save(&self.cluster).await?;
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
        let updates = Updates {
            cluster: self.cluster.clone(),
            store: Arc::clone(&self.store),
            plan: Arc::clone(&plan),
            policy: self.policy.clone(),
            named: self.named.clone(),
            options,
            user: self.user.clone(),
        };
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
            self.updated(&plan, &target, &outcome, &by);
            turn.results.insert(
                target.reference(),
                targets::became(&target, &outcome.result),
            );
        }
        self.memory.state.pending = unknown;
        Ok(moved.then(|| Instant::now() + MOVED))
    }

    /// Remembers what became of an update.
    fn updated(&mut self, plan: &Plan, target: &Target, outcome: &Outcome, by: &Authorship<'_>) {
        let key = target.reference();
        let wrote = matches!(outcome.result, ApplyResult::Updated(_));
        let memory = std::mem::take(&mut self.memory.state.hot_loops);
        let tried = wrote || matches!(outcome.result, ApplyResult::Failed(_));
        self.memory.state.hot_loops = match tried {
            true => hot_loop_tried(memory, target, wrote, seconds()),
            false => memory,
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
                self.retries.done(&key, queue::Outcome::Settled, done);
                self.failures.remove(&key);
            }
        }
        for warning in &outcome.warnings {
            tracing::warn!("{warning}");
        }
        self.written(outcome.object.as_deref());
    }

    /// W-02, BI-188: tells the cluster, once a pass.
    async fn status(
        &mut self,
        decided: &Decided,
        turn: &Turn,
        reason: &str,
    ) -> Result<(), PassError> {
        let results = turn.results.iter();
        let applied = Applied::of(results.map(|(key, became)| (key.clone(), became.clone())));
        let status = decided.basis.after(&decided.plan.targets, &applied, reason);
        for warning in &status.warnings {
            tracing::warn!("{warning}");
        }
        if self.flags.mode != Mode::Replace {
            return Ok(());
        }
        self.write_configuration(decided, &status).await?;
        let version = decided.view.object(Kind::ClusterVersion, names::VERSION);
        let operator = match status.operator(version.as_ref(), &turn.contested) {
            Ok(operator) => operator,
            Err(error) => {
                tracing::warn!(%error, "ClusterOperator not written");
                return Ok(());
            }
        };
        let known = self.store.snapshot().and_then(|snapshot| {
            let object =
                snapshot.object(Kind::ClusterOperator, "", bootimage_plan::CLUSTER_OPERATOR)?;
            Some(object.json.to_string())
        });
        status::write_operator(&self.cluster, &self.store, &operator, known).await?;
        Ok(())
    }

    async fn write_configuration(
        &mut self,
        decided: &Decided,
        status: &bootimage_plan::ClusterStatus,
    ) -> Result<bool, PassError> {
        let kind = Kind::MachineConfiguration;
        let Some(known) = decided.view.snapshot.object(kind, "", names::CLUSTER) else {
            return Ok(false);
        };
        let known = known.json.to_string();
        let written = status::write_status(&self.cluster, &self.store, status, known).await?;
        self.written(written.as_deref());
        Ok(written.is_some())
    }

    /// An object is now this, by a write of our own.
    fn written(&mut self, json: Option<&str>) {
        let object = json.and_then(|json| RawObject::parse(json).ok().flatten());
        if let (Some(inputs), Some(object)) = (&mut self.inputs, object) {
            inputs.written(&object);
        }
    }
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
    let of_secret = |entry: &bootimage_plan::HistoryEntry| entry.kind == Kind::Secret;
    entries
        .map(|entry| PendingWrite {
            digest: digest.filter(|_| of_secret(&entry)),
            entry,
        })
        .collect()
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

fn earliest(times: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    times.into_iter().flatten().min()
}

fn seconds() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}
