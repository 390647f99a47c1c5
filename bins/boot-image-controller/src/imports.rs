//! What vCenters have to do before sets can name a new template: beside everything else, and one
//! thing at a time for each vCenter.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bootimage_plan::{Facts, HistoryEntry, Plan, Target};
use cluster_io::apply::{ApplyResult, Outcome, Vcenters};
use cluster_io::vcenter::{Artifacts, ImportQueue};
use controller_runtime::lease::Fence;
use controller_runtime::queue::backoff;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::facts::FactCache;
use crate::progress::ImportProgress;
use crate::targets::Updates;

/// How long to wait before steps are planned again that were not tried for another reason than the vCenter.
const AGAIN: Duration = Duration::from_secs(1);

/// The steps of one target, on their way to a vCenter.
pub(crate) struct Import {
    /// The cluster, the plan and the policy, which updates of sets need too.
    pub(crate) updates: Updates,
    pub(crate) target: Target,
    /// What the plan was made with.
    pub(crate) known: Facts,
    pub(crate) facts: FactCache,
    pub(crate) fence: Fence,
    pub(crate) artifacts: Artifacts,
}

/// An import that has ended: its target, the result, and the entries for the history.
pub(crate) struct Imported {
    pub(crate) target: Target,
    pub(crate) plan: Arc<Plan>,
    pub(crate) outcome: Outcome,
    pub(crate) history: Vec<HistoryEntry>,
}

/// Why steps were not done, and when they are tried again.
struct Failure {
    /// `None` where something else than the vCenter has kept them.
    problem: Option<String>,
    times: u32,
    until: Instant,
}

/// Imports that are under way, and those that failed.
#[derive(Default)]
pub(crate) struct Imports {
    tasks: JoinSet<Imported>,
    /// By vCenter: which task, and for which target.
    running: BTreeMap<String, (Id, Target)>,
    ended: Vec<Imported>,
    /// By what was to be done: sets of the same failure domain wait for the same.
    failures: BTreeMap<String, Failure>,
    queue: Arc<ImportQueue>,
    pub(crate) progress: ImportProgress,
}

impl Imports {
    /// Waits until an import has ended; for ever where none is under way.
    pub(crate) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, imported))) => {
                self.forget(id);
                self.ended.push(imported);
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a bug: an import panicked; it is begun anew later");
                if let Some(target) = self.forget(error.id()) {
                    self.failed(&target, format!("a bug of this controller: {error}"));
                }
            }
            None => pending().await,
        }
    }

    /// A task has ended; its target.
    fn forget(&mut self, id: Id) -> Option<Target> {
        let mut running = self.running.iter();
        let (server, _) = running.find(|(_, (running, _))| *running == id)?;
        let server = server.clone();
        self.progress.ended(&server);
        self.running.remove(&server).map(|(_, target)| target)
    }

    /// Those that have ended since the last time.
    pub(crate) fn take_ended(&mut self) -> Vec<Imported> {
        std::mem::take(&mut self.ended)
    }

    /// Whether steps may be carried out now: the vCenter does nothing else for us, and they did not
    /// fail a short while ago.
    pub(crate) fn is_due(&self, target: &Target) -> bool {
        let failure = self.failures.get(&steps_key(target));
        let waits = failure.is_some_and(|failure| failure.until > Instant::now());
        !waits && !self.running.contains_key(&server(target))
    }

    /// Carries out steps, as long as this process leads.
    pub(crate) fn start(&mut self, import: Import) {
        let (server, target) = (server(&import.target), import.target.clone());
        let (queue, progress) = (Arc::clone(&self.queue), self.progress.clone());
        let task = self
            .tasks
            .spawn(async move { import.run(&queue, &progress).await });
        self.running.insert(server, (task.id(), target));
    }

    /// Why the steps of a target failed, where they did the last time.
    pub(crate) fn problem(&self, target: &Target) -> Option<&str> {
        self.failures.get(&steps_key(target))?.problem.as_deref()
    }

    /// Steps failed: they are tried again later, and later each time.
    pub(crate) fn failed(&mut self, target: &Target, problem: String) {
        let failure = self.failures.entry(steps_key(target));
        let failure = failure.or_insert_with(Failure::new);
        failure.problem = Some(problem);
        failure.until = Instant::now() + backoff(failure.times);
        failure.times = failure.times.saturating_add(1);
    }

    /// Steps were not tried.
    pub(crate) fn not_tried(&mut self, target: &Target) {
        let failure = self.failures.entry(steps_key(target));
        failure.or_insert_with(Failure::new).until = Instant::now() + AGAIN;
    }

    /// Steps were done.
    pub(crate) fn succeeded(&mut self, target: &Target) {
        self.failures.remove(&steps_key(target));
    }

    /// Forgets failures of what nobody waits for any more.
    pub(crate) fn retain(&mut self, wanted: &[Target]) {
        self.failures
            .retain(|key, _| wanted.iter().any(|target| steps_key(target) == *key));
    }

    /// An input of the plan has changed: steps that failed are due at once.
    pub(crate) fn try_again(&mut self) {
        for failure in self.failures.values_mut() {
            failure.until = Instant::now();
        }
    }

    /// When what failed is tried again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let times = self.failures.values().map(|failure| failure.until);
        times.filter(|until| *until > now).min()
    }
}

impl Failure {
    fn new() -> Self {
        Self {
            problem: None,
            times: 0,
            until: Instant::now(),
        }
    }
}

impl Import {
    async fn run(self, queue: &ImportQueue, progress: &ImportProgress) -> Imported {
        let fence = self.fence.clone();
        let carried_out = fence.guard(self.carry_out(queue, progress)).await;
        // This process lost the Lease meanwhile: the next leader finds out what became of the import.
        let not_tried = |_| (ApplyResult::NotTried.into(), Vec::new());
        let (outcome, history) = carried_out.unwrap_or_else(not_tried);
        Imported {
            plan: self.updates.plan,
            target: self.target,
            outcome,
            history,
        }
    }

    async fn carry_out(
        &self,
        queue: &ImportQueue,
        progress: &ImportProgress,
    ) -> (Outcome, Vec<HistoryEntry>) {
        let ended = |result: ApplyResult| (result.into(), Vec::new());
        let access = match self.facts.clouds().vcenter().await {
            Ok(access) => access,
            Err(error) => return ended(ApplyResult::VcenterUnknown(error.to_string())),
        };
        let Some(found) = self.updates.compared(&self.target, &self.known) else {
            return ended(ApplyResult::NotTried);
        };
        if found.moved.is_empty() && found.differences.is_empty() && found.steps.to_do.is_empty() {
            return ended(ApplyResult::NotTried);
        }
        let report = |now: cluster_io::vcenter::Progress<'_>| progress.report(now);
        let executor = self.updates.executor().with_vcenters(Vcenters {
            access: &access,
            artifacts: &self.artifacts,
            queue,
            report: &report,
        });
        let outcome = executor.execute_compared(&self.target, found).await;
        let history = executor.history(&self.target, &outcome, &cluster_io::time::now());
        (outcome, history)
    }
}

/// The steps of a target as a key: sets that wait for the same steps share their failures.
fn steps_key(target: &Target) -> String {
    let steps = target.steps.iter().map(ToString::to_string);
    steps.collect::<Vec<_>>().join("; ")
}

/// The vCenter that has to do it: a set has one. Host names ignore case.
fn server(target: &Target) -> String {
    let step = target.steps.first();
    step.map_or_else(String::new, |step| step.server().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootimage_plan::{DecisionKind, ReasonCode};
    use openshift_model::Kind;
    use openshift_model::vcenter::VcenterStep;

    /// A set that waits for a template.
    fn waiting(set: &str, server: &str, template: &str) -> Target {
        Target {
            kind: Kind::MachineSet,
            api_version: "machine.openshift.io/v1beta1".into(),
            namespace: "openshift-machine-api".into(),
            name: set.to_owned(),
            platform: None,
            architecture: None,
            decision: DecisionKind::Update,
            reason: ReasonCode::OutdatedImage,
            message: "".into(),
            counted: None,
            current: None,
            target: None,
            steps: vec![VcenterStep::RenameTemplate {
                server: server.to_owned(),
                path: "/dc/vm/f/retired".to_owned(),
                name: template.to_owned(),
            }],
            patch: None,
            user_data: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_waits_longer_each_time_for_all_sets_that_need_it() {
        let (one, other) = (waiting("a", "v", "t"), waiting("b", "v", "t"));
        let mut imports = Imports::default();
        assert!(imports.is_due(&one));
        for wait in [30, 60, 120] {
            imports.failed(&one, "disk full".to_owned());
            assert_eq!(imports.problem(&other), Some("disk full"));
            tokio::time::advance(Duration::from_secs(wait - 1)).await;
            assert!(!imports.is_due(&other), "{wait}");
            tokio::time::advance(Duration::from_secs(2)).await;
            assert!(imports.is_due(&other), "{wait}");
        }
        assert!(imports.is_due(&waiting("c", "v", "another")));
        imports.succeeded(&other);
        assert_eq!(imports.problem(&one), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_is_forgotten_and_a_change_ends_a_wait() {
        let target = waiting("a", "v", "t");
        let mut imports = Imports::default();
        imports.failed(&target, "disk full".to_owned());
        imports.try_again();
        assert!(imports.is_due(&target));
        assert_eq!(imports.problem(&target), Some("disk full"));
        imports.retain(std::slice::from_ref(&target));
        assert!(imports.problem(&target).is_some());
        imports.retain(&[]);
        assert_eq!(imports.problem(&target), None);
        imports.not_tried(&target);
        assert!(!imports.is_due(&target) && imports.problem(&target).is_none());
    }

    #[tokio::test]
    async fn a_vcenter_does_one_thing_at_a_time() {
        let mut imports = Imports::default();
        let task = imports.tasks.spawn(pending::<Imported>());
        let running = (task.id(), waiting("b", "v", "other"));
        imports.running.insert("v".to_owned(), running);
        assert!(!imports.is_due(&waiting("a", "V", "t")));
        assert!(imports.is_due(&waiting("b", "w", "t")));
        task.abort();
        imports.ended().await;
        assert!(imports.is_due(&waiting("a", "v", "t")));
        assert!(imports.take_ended().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_import_that_panics_waits_as_one_that_fails() {
        let mut imports = Imports::default();
        let target = waiting("a", "v", "t");
        let task = imports
            .tasks
            .spawn(async { panic!("as if there were a bug") });
        let running = (task.id(), target.clone());
        imports.running.insert("v".to_owned(), running);
        imports.ended().await;
        assert!(!imports.is_due(&target));
        assert!(imports.problem(&target).unwrap().contains("bug"));
        assert!(
            imports.is_due(&waiting("b", "v", "another")),
            "the vCenter is free"
        );
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(imports.is_due(&target));
    }
}
