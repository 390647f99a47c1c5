//! The state that outlives the process, in the ConfigMap where it is kept.

use bootimage_plan::{
    ControllerState, History, HistoryEntry, Plan, STATE_CONFIG_MAP, StateProblem,
};
use cluster_io::cluster::{Cluster, ClusterError, WriteMode};
use openshift_model::{Kind, RawObject};

/// How often it is tried to write it while others write it as well.
const ATTEMPTS: u32 = 4;

/// The state, and what it was when it was written last.
#[derive(Debug)]
pub(crate) struct Memory {
    namespace: String,
    pub(crate) state: ControllerState,
    /// What the ConfigMap has of it; `None` until it was read.
    saved: Option<ControllerState>,
    /// Entries of the history that the ConfigMap does not have yet.
    new_entries: Vec<HistoryEntry>,
}

impl Memory {
    pub(crate) fn new(namespace: String) -> Self {
        Self {
            namespace,
            state: ControllerState::default(),
            saved: None,
            new_entries: Vec::new(),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Reads it, unless it was read already; what of it could not be read.
    pub(crate) async fn load(
        &mut self,
        cluster: &Cluster,
    ) -> Result<Vec<StateProblem>, ClusterError> {
        if self.saved.is_some() {
            return Ok(Vec::new());
        }
        let json = self.read(cluster).await?;
        let (state, problems) = ControllerState::read(parse(json.as_deref()).as_ref());
        // What could not be read is written anew with the next change.
        self.saved = Some(state.clone());
        self.state = state;
        Ok(problems)
    }

    /// Whether the ConfigMap lacks entries of the history.
    pub(crate) fn has_unsaved_entries(&self) -> bool {
        !self.new_entries.is_empty()
    }

    /// Notes that something was written.
    pub(crate) fn wrote(&mut self, entries: impl IntoIterator<Item = HistoryEntry>) {
        for entry in entries {
            self.state.history = std::mem::take(&mut self.state.history).append(entry.clone());
            self.new_entries.push(entry);
        }
    }

    /// Finds out what became of pending writes.
    pub(crate) fn settle(&mut self, plan: &Plan, secrets: &[RawObject<'_>], now: u64) {
        let (state, entries) = std::mem::take(&mut self.state).settled(plan, secrets, now);
        self.state = state;
        self.new_entries.extend(entries);
    }

    /// Writes it, where it is not what the ConfigMap has; what of that somebody has broken or emptied
    /// since. Other programs write the history as well: theirs is read, and continued.
    pub(crate) async fn save(
        &mut self,
        cluster: &Cluster,
    ) -> Result<Vec<StateProblem>, ClusterError> {
        if self.saved.as_ref() == Some(&self.state) {
            return Ok(Vec::new());
        }
        let mut attempt = 1;
        loop {
            let json = self.read(cluster).await?;
            let object = parse(json.as_deref());
            let (found, mut problems) = ControllerState::read(object.as_ref());
            let had_history = self.saved.as_ref().is_some_and(has_history);
            if problems.is_empty() && had_history && !has_history(&found) {
                problems.push(StateProblem {
                    key: "data",
                    problem: "the history that was there is gone".to_owned(),
                });
            }
            let entries = self.new_entries.iter().cloned();
            let history = entries.fold(found.history, History::append);
            let state = ControllerState {
                history,
                ..self.state.clone()
            };
            let write = state.write(&self.namespace, object.as_ref());
            match cluster.execute(&write, WriteMode::Real).await {
                Ok(_) => {
                    self.saved = Some(state.clone());
                    self.state = state;
                    self.new_entries.clear();
                    return Ok(problems);
                }
                Err(ClusterError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&self, cluster: &Cluster) -> Result<Option<String>, ClusterError> {
        let (namespace, name) = (&self.namespace, STATE_CONFIG_MAP);
        cluster.object(Kind::ConfigMap, namespace, name).await
    }
}

fn has_history(state: &ControllerState) -> bool {
    state.history.entries().next().is_some()
}

fn parse(json: Option<&str>) -> Option<RawObject<'_>> {
    RawObject::parse(json?).ok().flatten()
}
