//! What the Machine Config Operator does around the builder, with `--stand-alone` (§5.10). What is copied and
//! deleted is a rule of `osbuild_plan`.

use std::collections::BTreeSet;
use std::time::Duration;

use cluster_io::files::{Text, Texts};
use cluster_io::load_with_pods;
use cluster_io::time;
use controller_runtime::metrics::MetricResult;
use controller_runtime::queue::{Outcome, WorkQueue};
use openshift_model::{Kind, Write};
use osbuild_plan::{BUILD_NAMESPACE, BuilderSnapshot, legacy_reads};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::live::{Live, LiveError};
use crate::reconcile::ReconcileError;

/// How often the sources of copies are read: Secrets are never watched.
const SOURCES: Duration = Duration::from_mins(10);

/// What is remembered of it.
#[derive(Default)]
pub(crate) struct StandAlone {
    queue: WorkQueue<()>,
    /// The copies that were needed when it was last looked, and the leftovers that there may be.
    wants: Option<BTreeSet<String>>,
    /// The Events that were written, by key: each is asked for once.
    told: BTreeSet<String>,
    /// IL-875: the Secrets that were looked for with all other leftovers; `None` before.
    clean: Option<BTreeSet<String>>,
}

impl Controller {
    /// IL-390: pools may be layered now that were not, or the other way round.
    pub(crate) fn add_stand_alone(&mut self, view: &BuilderSnapshot<'_>) {
        let Some(state) = &mut self.stand_alone else {
            return;
        };
        let mut wants = view.operator_wants();
        wants.extend(view.legacy_secrets());
        if state.wants.as_ref() != Some(&wants) {
            state.wants = Some(wants);
            state.queue.add((), Instant::now());
        }
    }

    /// When it is looked again; who does not write has nothing to look at.
    pub(crate) fn stand_alone_due(&self) -> Option<Instant> {
        let state = self.stand_alone.as_ref().filter(|_| self.acts())?;
        state.queue.next_due()
    }

    pub(crate) async fn work_stand_alone(&mut self) {
        let acts = self.acts();
        let start = Instant::now();
        let state = self.stand_alone.as_mut().filter(|_| acts);
        if state.and_then(|state| state.queue.take(start)).is_none() {
            return;
        }
        let (result, outcome) = match self.attend().await {
            Ok(()) => (MetricResult::Success, Outcome::Again(SOURCES)),
            Err(error) => {
                tracing::warn!(%error, "copies of Secrets for builds may be missing");
                (MetricResult::Error, Outcome::Failed)
            }
        };
        self.metrics.pass(result, start.elapsed());
        if let Some(state) = &mut self.stand_alone {
            state.queue.done(&(), outcome, Instant::now());
        }
    }

    /// IL-392, IL-875: what is missing is made, what nothing needs goes.
    async fn attend(&mut self) -> Result<(), ReconcileError> {
        let Some(snapshot) = self.store.snapshot() else {
            return Ok(());
        };
        let view = BuilderSnapshot::of(snapshot.objects()).0;
        let secrets = self.secrets(view.operator_secrets()).await?;
        let loaded = load_with_pods(&secrets).objects;
        let mut writes = view.operator_writes(&loaded, &time::now())?;
        if writes.iter().any(|write| matches!(write, Write::Delete(_))) {
            // IL-772: a cache proves nothing gone.
            let live = Live::read(&self.cluster, "").await?;
            writes = live.view().operator_writes(&loaded, &time::now())?;
        }
        let warnings = view.operator_warnings(&time::now()).into_iter();
        writes.extend(warnings.map(Write::Event));
        let legacy = view.legacy_secrets();
        let clean = self.stand_alone.as_ref().and_then(|it| it.clean.as_ref());
        if clean != Some(&legacy) {
            writes.extend(self.leftovers(&view).await?);
        }
        for write in &writes {
            self.carry_out_stand_alone(write).await?;
        }
        if let Some(state) = &mut self.stand_alone {
            state.clean = Some(legacy);
        }
        Ok(())
    }

    async fn carry_out_stand_alone(&mut self, write: &Write) -> Result<(), ReconcileError> {
        if let (Write::Event(event), Some(state)) = (write, &mut self.stand_alone) {
            let address = event.address();
            if !state.told.insert(address.name) {
                return Ok(());
            }
        }
        self.write(write).await?;
        if !matches!(write, Write::Event(_)) {
            let address = write.address();
            let (kind, name) = (address.resource.kind, &address.name);
            tracing::info!(kind, name, verb = write.verb(), "in place of the operator");
        }
        Ok(())
    }

    /// Secrets, each by its name, as far as they are there.
    async fn secrets(
        &self,
        names: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Texts, ReconcileError> {
        let mut texts = Texts::default();
        for (namespace, name) in names {
            let json = self.cluster.object(Kind::Secret, namespace, &name).await?;
            texts.texts.extend(json.map(|json| Text {
                path: format!("Secret {name}"),
                document: 1,
                json,
            }));
        }
        // One that cannot be read is not absent.
        match load_with_pods(&texts).errors.into_iter().next() {
            Some(error) => Err(LiveError::Answer(error).into()),
            None => Ok(texts),
        }
    }

    /// IL-875: what is to be deleted of what older builders left.
    async fn leftovers(&self, view: &BuilderSnapshot<'_>) -> Result<Vec<Write>, ReconcileError> {
        let names = view.legacy_secrets().into_iter();
        let names = names.map(|name| (BUILD_NAMESPACE, name));
        let mut texts = self.secrets(names).await?;
        let listed = self.cluster.fetch(&legacy_reads()).await?;
        texts.texts.extend(listed);
        Ok(view.legacy_deletions(&load_with_pods(&texts).objects))
    }
}
