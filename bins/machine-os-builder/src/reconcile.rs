//! One MachineOSConfig: read, decide, carry out.

use std::time::Duration;

use cluster_io::cluster::{ClusterError, WriteMode};
use cluster_io::time;
use controller_runtime::queue::Outcome;
use openshift_model::{EditError, Kind, Write};
use osbuild_plan::{
    Action, BuildObjects, BuilderFacts, BuilderSnapshot, Decision, Situation, Wait, WritesError,
    behind, decide,
};

use crate::controller::Controller;
use crate::flags::Mode;
use crate::gauges::PoolReason;
use crate::live::{Live, LiveError};
use crate::step::Step;

/// How often facts are got for one decision: a live reading, images, the right to push, and again
/// what those lead to.
const ROUNDS: u32 = 6;
/// After a step: until the watches show it.
const NEXT_STEP: Duration = Duration::from_millis(250);
/// After a write that was made from what is no longer true.
const MOVED: Duration = Duration::from_secs(1);
/// How often in a row: whoever is never faster than others has another problem.
const MOVES: u32 = 10;
/// How often what is being built is looked at, whatever the watches say.
const PROGRESS: Duration = Duration::from_mins(1);

/// A step could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("{0}")]
    Live(#[from] LiveError),
    #[error("{0}")]
    Writes(#[from] WritesError),
    #[error("{0}")]
    Edit(#[from] EditError),
    /// What was decided on has changed.
    #[error("it was changed meanwhile: {0}")]
    Moved(ClusterError),
}

impl Controller {
    /// One decision, with all facts that it asks for, and its steps.
    pub(crate) async fn reconcile(&mut self, name: &str) -> Result<Outcome, ReconcileError> {
        let Some(snapshot) = self.store.snapshot() else {
            return Ok(Outcome::Again(MOVED));
        };
        let mut facts = BuilderFacts {
            images: self.registries.images(),
            ..BuilderFacts::default()
        };
        let mut live = None;
        for _ in 0..ROUNDS {
            let view = match &live {
                Some(live) => Live::view(live),
                None => BuilderSnapshot::of(snapshot.objects()).0,
            };
            let Some(situation) = view.situation(name, live.is_some(), &facts) else {
                return Ok(Outcome::Settled);
            };
            let decision = decide(&situation);
            self.measure(name, &situation, &decision);
            if !decision.actions.is_empty() && self.acts() {
                self.log(name, &decision);
                let objects = live.as_ref().and_then(|live: &Live| live.objects.as_ref());
                let objects = objects.and_then(|objects| objects.as_ref().ok());
                self.carry_out(name, &view, &decision, objects).await?;
                return Ok(Outcome::Again(NEXT_STEP));
            }
            // Who acts does so first. Who observes shows what comes of all that can be asked.
            match &decision.wait {
                Some(Wait::Live) if live.is_none() && self.may_ask() => {
                    let read = Live::read(&self.cluster, name).await?;
                    facts.input = read.input();
                    live = Some(read);
                }
                Some(Wait::Images(images)) if self.may_ask() => {
                    let secret = view.push_secret(name).unwrap_or_default();
                    for image in images {
                        let fact = self.registries.inspect(image, &secret).await;
                        facts.images.insert(image.clone(), fact);
                    }
                }
                Some(Wait::PushAccess(image)) if self.may_ask() => {
                    let secret = view.push_secret(name).unwrap_or_default();
                    let access = self.registries.push_access(image, &secret).await;
                    facts.push_access = Some(access);
                }
                wait => {
                    self.log(name, &decision);
                    // Who leads next looks at everything once.
                    return Ok(if self.may_ask() {
                        outcome_of(wait.as_ref())
                    } else {
                        Outcome::Settled
                    });
                }
            }
        }
        Ok(Outcome::Again(MOVED))
    }

    /// Whether the pool has the image that it should have.
    fn measure(&mut self, name: &str, situation: &Situation, decision: &Decision) {
        match behind(situation, decision) {
            Some(reason) => {
                let pool = situation.config.pool.clone();
                let behind = PoolReason { pool, reason };
                self.behind.insert(name.to_owned(), behind);
            }
            None => {
                self.behind.remove(name);
            }
        }
        self.build_metrics.set_behind(self.behind.values().cloned());
    }

    pub(crate) fn acts(&self) -> bool {
        self.mode == Mode::Replace && self.fence.is_leading()
    }

    /// Whether the API server and registries are asked for what is not watched: by who may act on the
    /// answer.
    fn may_ask(&self) -> bool {
        self.mode == Mode::Observe || self.fence.is_leading()
    }

    /// A line for a decision that is another than the one before.
    fn log(&mut self, name: &str, decision: &Decision) {
        let actions: Vec<String> = decision.actions.iter().map(ToString::to_string).collect();
        let actions = actions.join(", ");
        let reason = decision.wait.as_ref().map(ToString::to_string);
        let reason = reason.unwrap_or_default();
        let line = format!("{} {actions} {reason}", decision.rule);
        if self.decisions.get(name) == Some(&line) {
            return;
        }
        tracing::info!(
            kind = "MachineOSConfig",
            name,
            rule = decision.rule,
            decision = actions,
            reason,
            "decided"
        );
        self.decisions.insert(name.to_owned(), line);
    }

    async fn carry_out(
        &mut self,
        name: &str,
        view: &BuilderSnapshot<'_>,
        decision: &Decision,
        objects: Option<&BuildObjects>,
    ) -> Result<(), ReconcileError> {
        for action in &decision.actions {
            let step = Step::begin(name, action);
            let carried_out = self.carry_out_one(name, view, action, objects).await;
            step.end();
            carried_out?;
        }
        Ok(())
    }

    async fn carry_out_one(
        &mut self,
        name: &str,
        view: &BuilderSnapshot<'_>,
        action: &Action,
        objects: Option<&BuildObjects>,
    ) -> Result<(), ReconcileError> {
        if let Action::DeleteImage { image, .. } = action {
            let secret = view.push_secret(name).unwrap_or_default();
            let delete = self.registries.delete(image, &secret);
            if let Err(error) = self.fence.guard(delete).await {
                tracing::warn!(image, %error, "the image was not deleted");
            }
            return Ok(());
        }
        let logs = match action {
            Action::KeepLog { build, pods } => {
                self.logs.read(&self.cluster, &build.uid, pods).await?
            }
            _ => Vec::new(),
        };
        let writes = view.writes(name, action, &time::now(), objects, &logs)?;
        for write in &writes {
            self.write(write).await?;
        }
        self.build_metrics.done(action, view, name);
        Ok(())
    }

    pub(crate) async fn write(&self, write: &Write) -> Result<(), ReconcileError> {
        let written = self.cluster.execute(write, WriteMode::Real).await;
        match (written, write) {
            (Err(error), Write::Event(_)) => {
                // An Event undoes nothing.
                tracing::warn!(%error, "Event not written");
                Ok(())
            }
            (Err(ClusterError::NotFound(_)), Write::Delete(_)) => Ok(()),
            (Err(error @ (ClusterError::Conflict { .. } | ClusterError::AlreadyExists(_))), _)
            | (Err(error @ ClusterError::NotFound(_)), Write::Patch(_)) => {
                Err(ReconcileError::Moved(error))
            }
            (Err(error @ ClusterError::Invalid { .. }), Write::Patch(request)) => {
                if self.cluster.was_overtaken(request).await? {
                    return Err(ReconcileError::Moved(error));
                }
                Err(error.into())
            }
            (Err(error), _) => Err(error.into()),
            (Ok(_), Write::Event(_)) => Ok(()),
            (Ok(answer), _) => {
                let resource = write.address().resource;
                let kind = Kind::of(&resource.api_version(), resource.kind);
                // What is gone at once is told by the watch.
                let is_there =
                    !matches!(write, Write::Delete(_)) || answer.contains("\"deletionTimestamp\"");
                if let Some(kind) = kind.filter(|_| is_there) {
                    self.store.put_answer(kind, &answer);
                }
                Ok(())
            }
        }
    }

    /// What comes next. What failed is told where people look: in the log, and where nobody but a
    /// person can help, by an Event.
    pub(crate) async fn outcome(
        &mut self,
        name: &str,
        reconciled: Result<Outcome, ReconcileError>,
    ) -> Outcome {
        let moves = self.moves.remove(name).unwrap_or_default();
        let error = match reconciled {
            Ok(outcome) => return outcome,
            Err(ReconcileError::Moved(error)) if moves < MOVES => {
                tracing::debug!(kind = "MachineOSConfig", name, %error, "decided again");
                self.moves.insert(name.to_owned(), moves + 1);
                return Outcome::Again(MOVED);
            }
            Err(error) => error,
        };
        tracing::warn!(kind = "MachineOSConfig", name, %error, "a step failed");
        if error.needs_a_person() && self.acts() {
            self.tell(name, &error.to_string()).await;
        }
        Outcome::Failed
    }

    /// The Event about a step that failed.
    async fn tell(&self, name: &str, error: &str) {
        let Some(snapshot) = self.store.snapshot() else {
            return;
        };
        let view = BuilderSnapshot::of(snapshot.objects()).0;
        let Some(event) = view.failure_event(name, error, &time::now()) else {
            return;
        };
        // It is logged where it is not written.
        self.write(&event).await.ok();
    }
}

impl ReconcileError {
    /// Whether it stays as it is until somebody does something about it.
    fn needs_a_person(&self) -> bool {
        match self {
            Self::Cluster(error) | Self::Live(LiveError::Cluster(error)) => {
                !error.is_transient() && !error.concerns_all()
            }
            Self::Live(_) | Self::Writes(_) | Self::Edit(_) | Self::Moved(_) => true,
        }
    }
}

fn outcome_of(wait: Option<&Wait>) -> Outcome {
    match wait {
        Some(Wait::Retry(_)) => Outcome::Failed,
        Some(Wait::Live | Wait::Images(_) | Wait::PushAccess(_)) => Outcome::Again(MOVED),
        Some(Wait::Progress(_)) => Outcome::Again(PROGRESS),
        Some(Wait::Person(_)) | None => Outcome::Settled,
    }
}
