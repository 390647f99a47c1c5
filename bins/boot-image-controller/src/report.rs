//! What people see of passes: log lines, Events, readiness.

use std::collections::{BTreeMap, BTreeSet};

use bootimage_plan::{
    Contested, DecisionKind, Facts, Plan, Policy, ReasonCode, StateProblem, Target, explain,
};
use cluster_io::apply::REASON_UPDATED;
use cluster_io::cluster::{Cluster, WriteMode};
use controller_runtime::events::{EventBudget, event_key};
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Address, EventRequest, Kind, ObjectRef, Write};
use tokio::time::Instant;

use crate::targets::PROGRAM;
use crate::view::View;

/// How many decisions of a pass are explained in the log by the rule that made them: finding it
/// takes as long as a plan.
const EXPLAINED: usize = 20;
/// How many Events are remembered: more than any cluster has sets.
const MOST_REMEMBERED: usize = 10_000;
/// What Events say was done.
const ACTION: &str = "Reconcile";
/// The reasons of Events about what a vCenter has to do for a set.
const IMPORT_BEGINS: &str = "TemplateImportBegins";
const VCENTER_DID: &str = "TemplateReady";
const IMPORT_FAILED: &str = "TemplateImportFailed";
/// The reason of the Event about a state that could not be read.
const STATE_RESET: &str = "StateReset";

/// The reasons of Events besides those of sets that a person has to do something about, which have
/// the code of the decision; and when they are written.
pub const EVENTS: &[(&str, &str)] = &[
    (
        REASON_UPDATED,
        "the boot image of a set was changed: by whom, by which plan, from what to what",
    ),
    (
        Contested::REASON.name(),
        "somebody else has reverted the boot image of a set again and again: who, how often",
    ),
    (
        IMPORT_BEGINS,
        "a vCenter begins to import a template that a set is to boot, or to rename one",
    ),
    (VCENTER_DID, "the template is there; the set follows"),
    (
        IMPORT_FAILED,
        "a vCenter did not import or rename a template: why; it is tried again",
    ),
    (
        STATE_RESET,
        "on ConfigMap `osimage-boot-images`: a part of it could not be read, and begins anew",
    ),
];

/// What was said already.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    decisions: BTreeMap<ObjectRef, (DecisionKind, ReasonCode, String)>,
    warnings: BTreeSet<String>,
    deferred: Option<String>,
    held_back: Option<String>,
    budget: EventBudget,
    /// Keys of Events that were written: an API server that has one refuses it a second time, and
    /// need not be asked.
    sent: BTreeSet<String>,
    /// Events that are still to be written.
    events: Vec<EventRequest>,
}

impl Reporter {
    /// A line for each decision that is another than before.
    pub(crate) fn decisions(
        &mut self,
        plan: &Plan,
        view: &View,
        facts: &Facts,
        policy: &Policy,
        trigger: &str,
    ) {
        let mut seen = BTreeMap::new();
        let mut explained = 0;
        for target in &plan.targets {
            let key = target.reference();
            let decision = (target.decision, target.reason, target.message.to_string());
            if self.decisions.get(&key) != Some(&decision) {
                explained += 1;
                let rule = (explained <= EXPLAINED)
                    .then(|| rule(view, facts, policy, &key))
                    .flatten();
                log_decision(target, rule.unwrap_or_default(), trigger);
            }
            seen.insert(key, decision);
        }
        self.decisions = seen;
        for warning in &plan.warnings {
            if !self.warnings.contains(warning) {
                tracing::warn!(trigger, "{warning}");
            }
        }
        self.warnings = plan.warnings.iter().cloned().collect();
    }

    /// An Event about each set that a person has to do something about.
    pub(crate) fn blocked(&mut self, plan: &Plan) {
        for target in &plan.targets {
            if target.decision == DecisionKind::Blocked {
                self.event(plan, target, target.reason.name(), true, &target.message);
            }
        }
    }

    /// A line where updates are deferred for another reason than before.
    pub(crate) fn deferred(&mut self, plan: &Plan) {
        let now = plan
            .deferred
            .as_ref()
            .map(|it| format!("{}: {}", it.reason, it.message));
        if now != self.deferred {
            if let Some(why) = &now {
                tracing::info!(reason = why, "updates are deferred");
            } else {
                tracing::info!("updates are not deferred any more");
            }
            self.deferred = now;
        }
    }

    /// A line where nothing is written for another reason than before.
    pub(crate) fn held_back(&mut self, why: Option<&str>) {
        if why != self.held_back.as_deref() {
            if let Some(why) = why {
                tracing::warn!(reason = why, "nothing is written");
            } else {
                tracing::info!("nothing keeps this process from writing any more");
            }
            self.held_back = why.map(str::to_owned);
        }
    }

    /// A line and an Event about a set that somebody keeps reverting.
    pub(crate) fn contested(&mut self, plan: &Plan, target: &Target, contested: &Contested) {
        let message = contested.message();
        tracing::warn!(
            kind = target.kind.name(),
            namespace = target.reference().namespace,
            name = target.name,
            decision = target.decision.name(),
            reason = Contested::REASON.name(),
            manager = contested.hot_loop.reverted_by,
            until = contested.hot_loop.until,
            "{message}"
        );
        self.event(plan, target, Contested::REASON.name(), true, &message);
    }

    /// A line and an Event: what a set waits for begins.
    pub(crate) fn import_begins(&mut self, plan: &Plan, target: &Target) {
        let steps = target.steps.iter().map(ToString::to_string);
        let steps = steps.collect::<Vec<_>>().join("; ");
        let ObjectRef {
            namespace, name, ..
        } = target.reference();
        tracing::info!(
            kind = target.kind.name(),
            namespace,
            name,
            "begins: {steps}"
        );
        self.event(plan, target, IMPORT_BEGINS, false, &steps);
    }

    /// A line and an Event: a vCenter did something.
    pub(crate) fn vcenter_did(&mut self, plan: &Plan, target: &Target, step: &VcenterStep) {
        let ObjectRef {
            namespace, name, ..
        } = target.reference();
        tracing::info!(kind = target.kind.name(), namespace, name, "done: {step}");
        self.event(plan, target, VCENTER_DID, false, &format!("done: {step}"));
    }

    /// A line and an Event: a vCenter did not do what a set waits for.
    pub(crate) fn import_failed(&mut self, plan: &Plan, target: &Target, problem: &str) {
        let ObjectRef {
            namespace, name, ..
        } = target.reference();
        tracing::error!(kind = target.kind.name(), namespace, name, "{problem}");
        self.event(plan, target, IMPORT_FAILED, true, problem);
    }

    /// A line and an Event about a state that begins anew.
    pub(crate) fn state_problems(&mut self, namespace: &str, problems: &[StateProblem]) {
        for problem in problems {
            tracing::warn!(reason = STATE_RESET, "{problem}");
            let name = bootimage_plan::STATE_CONFIG_MAP;
            let regarding = Address::of(Kind::ConfigMap, namespace, name);
            let note = problem.to_string();
            self.add(regarding, String::new(), STATE_RESET, true, note);
        }
    }

    fn event(
        &mut self,
        plan: &Plan,
        target: &Target,
        reason: &'static str,
        is_warning: bool,
        note: &str,
    ) {
        let input = plan
            .metadata
            .input(target.kind, &target.namespace, &target.name);
        let uid = input
            .and_then(|input| input.uid.clone())
            .unwrap_or_default();
        let namespace = target.reference().namespace;
        let regarding = Address::of(target.kind, &namespace, &target.name);
        self.add(regarding, uid, reason, is_warning, note.to_owned());
    }

    fn add(
        &mut self,
        regarding: Address,
        uid: String,
        reason: &'static str,
        is_warning: bool,
        note: String,
    ) {
        let key = event_key(&[&uid, reason, &note]);
        let is_queued = self.events.iter().any(|event| event.key == key);
        if is_queued || self.sent.contains(&key) || !self.budget.allow(&uid, Instant::now()) {
            return;
        }
        self.events.push(EventRequest {
            regarding,
            uid,
            is_warning,
            reason: reason.into(),
            action: ACTION.into(),
            note,
            key,
            reporter: PROGRAM.reporter.into(),
            time: cluster_io::time::now_in_microseconds(),
        });
    }

    /// Writes what is to be said. What cannot be written is logged, and said with the next pass that
    /// still has it to say: an Event undoes nothing.
    pub(crate) async fn write_events(&mut self, cluster: &Cluster) {
        for event in std::mem::take(&mut self.events) {
            let (key, reason) = (event.key.clone(), event.reason.to_string());
            let (namespace, name) = (
                event.regarding.namespace.clone(),
                event.regarding.name.clone(),
            );
            let write = Write::Event(event);
            if let Err(error) = cluster.execute(&write, WriteMode::Real).await {
                tracing::warn!(%error, reason, namespace, name, "Event not written");
                continue;
            }
            if self.sent.len() >= MOST_REMEMBERED {
                self.sent.clear();
            }
            self.sent.insert(key);
        }
    }
}

fn log_decision(target: &Target, rule: &str, trigger: &str) {
    tracing::info!(
        kind = target.kind.name(),
        namespace = target.reference().namespace,
        name = target.name,
        decision = target.decision.name(),
        reason = target.reason.name(),
        rule,
        trigger,
        current = target.current,
        desired = target.target,
        "{}",
        target.message
    );
}

/// The rule that decided, as its id.
fn rule(view: &View, facts: &Facts, policy: &Policy, object: &ObjectRef) -> Option<&'static str> {
    let explanation = explain(&view.cluster(), facts, policy, object)?;
    explanation.steps.last().map(|step| step.rule)
}
