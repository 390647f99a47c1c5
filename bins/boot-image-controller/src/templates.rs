//! Sets that wait for a template: what their vCenters have to do is begun, and told when it is done.

use std::sync::Arc;

use bootimage_plan::{Became, DecisionKind, Digest, Plan};
use cluster_io::apply::{ApplyOptions, ApplyResult};
use cluster_io::cluster::WriteMode;
use controller_runtime::metrics::MetricResult;

use crate::controller::Controller;
use crate::imports::{Import, Imported};
use crate::pass::{Decided, PassError, earliest};
use crate::targets::{self, PROGRAM, Updates};
use crate::updates::Turn;

impl Controller {
    /// Begins what sets wait for, as far as their vCenters are free; the sets follow in a later pass.
    pub(crate) fn import(&mut self, decided: &Decided, turn: &mut Turn) -> Result<(), PassError> {
        let waiting = std::mem::take(&mut turn.waiting);
        let mut all = decided.plan.targets.iter();
        // A set whose vCenter has not answered yet may wait for the same steps: failures are kept until
        // every set is decided.
        if !all.any(|target| target.decision == DecisionKind::Undecided) {
            self.imports.retain(&waiting);
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let plan = Arc::new(decided.plan.clone());
        let options = ApplyOptions {
            program: PROGRAM,
            plan_digest: Digest::of(&serde_json::to_vec(&*plan)?),
            mode: WriteMode::Real,
            always_dry_run: true,
            accept_deferred: false,
        };
        for target in waiting {
            let problem = self.imports.problem(&target).map(str::to_owned);
            let became = problem.map_or(Became::HeldBack, Became::Failed);
            turn.results.insert(target.reference(), became);
            if self.imports.is_due(&target) {
                self.reporter.import_begins(&plan, &target);
                self.imports.start(Import {
                    updates: self.updates(&plan, options),
                    target,
                    known: decided.facts.clone(),
                    facts: self.facts.clone(),
                    fence: self.fence.clone(),
                    artifacts: self.flags.artifacts(),
                });
            }
        }
        turn.next = earliest([turn.next, self.imports.next_due()]);
        Ok(())
    }

    /// What all edits and imports of a plan have in common.
    pub(crate) fn updates(&self, plan: &Arc<Plan>, options: ApplyOptions) -> Updates {
        Updates {
            cluster: self.cluster.clone(),
            store: Arc::clone(&self.store),
            plan: Arc::clone(plan),
            policy: self.policy(),
            named: self.named.clone(),
            options,
            user: self.user.clone(),
        }
    }

    /// Remembers and tells what became of imports that have ended. What vCenters have is asked anew.
    pub(crate) async fn imported(&mut self) -> Result<(), PassError> {
        let ended = self.imports.take_ended();
        if ended.is_empty() && !self.memory.has_unsaved_entries() {
            return Ok(());
        }
        for imported in ended {
            for step in &imported.target.steps {
                self.facts.forget_templates(step.server());
            }
            self.one_imported(imported);
        }
        let saved = self.save().await;
        self.reporter.write_events(&self.cluster).await;
        saved
    }

    fn one_imported(&mut self, imported: Imported) {
        let Imported {
            target,
            plan,
            outcome,
            history,
        } = imported;
        for step in &outcome.steps {
            self.pass_metrics.vcenter_step(step, MetricResult::Success);
            self.reporter.vcenter_did(&plan, &target, step);
        }
        for warning in &outcome.warnings {
            tracing::warn!("{warning}");
        }
        self.memory.wrote(history);
        match targets::became(&target, &outcome.result) {
            Became::Failed(problem) => {
                if let Some(step) = target.steps.get(outcome.steps.len()) {
                    self.pass_metrics.vcenter_step(step, MetricResult::Error);
                }
                self.reporter.import_failed(&plan, &target, &problem);
                self.imports.failed(&target, problem);
            }
            _ if outcome.result == ApplyResult::Prepared => self.imports.succeeded(&target),
            _ => self.imports.not_tried(&target),
        }
    }
}
