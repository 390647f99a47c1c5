//! What a leader does about what was decided.

use std::time::Duration;

use bootimage_plan::{Applied, CLUSTER_OPERATOR, ClusterStatus, DecisionKind};
use controller_runtime::admin::Readiness;
use openshift_model::{Kind, RawObject, names};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::flags::Mode;
use crate::pass::{Decided, PassError, earliest};
use crate::status;
use crate::updates::{Turn, seconds};

/// After how long it is looked again whether somebody else still writes what we are to write.
const HELD_BACK: Duration = Duration::from_secs(15);

/// Why nothing is written, as the value of a label.
const BESIDE: &str = "stock-controller-manages";
const FOREIGN_WRITER: &str = "other-writer";

impl Controller {
    /// Writes what was decided; when the next pass is due.
    pub(crate) async fn write(
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
        self.import(&decided, &mut turn)?;
        let updated = self.update(&decided, &mut turn).await;
        self.pass_metrics.contested(&turn.contested);
        // Each of these is done whatever becomes of the others.
        let told = self.status(&decided, &turn, reason).await;
        let saved = self.save().await;
        self.reporter.write_events(&self.cluster).await;
        let next = updated?;
        told?;
        saved?;
        self.unfinished = None;
        Ok(earliest([next, turn.next]))
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
        self.memory.settle(&decided.plan, &secrets, seconds());
        Ok(())
    }

    /// Writes the state; an Event follows where somebody has broken it.
    pub(crate) async fn save(&mut self) -> Result<(), PassError> {
        let problems = self.memory.save(&self.cluster).await?;
        let namespace = self.memory.namespace().to_owned();
        self.reporter.state_problems(&namespace, &problems);
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
            let object = snapshot.object(Kind::ClusterOperator, "", CLUSTER_OPERATOR)?;
            Some(object.json.to_string())
        });
        status::write_operator(&self.cluster, &self.store, &operator, known).await?;
        Ok(())
    }

    async fn write_configuration(
        &mut self,
        decided: &Decided,
        status: &ClusterStatus,
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
    pub(crate) fn written(&mut self, json: Option<&str>) {
        let object = json.and_then(|json| RawObject::parse(json).ok().flatten());
        if let (Some(inputs), Some(object)) = (&mut self.inputs, object) {
            inputs.written(&object);
        }
    }
}
