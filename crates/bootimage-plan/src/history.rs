//! What was written to a cluster's machine resources, as it is kept in the cluster
//! (`history.json`).

use std::collections::VecDeque;

use openshift_model::vcenter::VcenterStep;
use openshift_model::{Kind, names};
use serde::{Deserialize, Serialize};

use crate::{API_VERSION, Digest, Plan, ReasonCode, Target, image_change, live_namespace};

/// The most bytes of a history: half of what a ConfigMap holds, so that there is room for the rest
/// of the state.
pub const HISTORY_MAX: usize = 512 * 1024;

/// What was written, the oldest first. As JSON it is never larger than [`HISTORY_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "VecDeque<HistoryEntry>", into = "VecDeque<HistoryEntry>")]
pub struct History {
    entries: VecDeque<HistoryEntry>,
    /// The bytes of each entry and the comma behind it, all together.
    size: usize,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryEntry {
    /// When, RFC 3339.
    pub time: String,
    /// `MachineSet`, `ControlPlaneMachineSet` or `Secret`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The image before; of a Secret the Ignition version of its stub.
    pub from: Option<String>,
    /// The image since; of a Secret the Ignition version.
    pub to: Option<String>,
    /// What a vCenter did for the object, where the entry is of that: then the object itself was not
    /// written, and `to` is the template that is there since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcenter_step: Option<String>,
    /// The release that the cluster runs, where it is known.
    pub release: Option<String>,
    /// Why: the reason of the plan.
    pub reason: ReasonCode,
    /// Digest of the plan that led to it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub plan: Digest,
    /// Who wrote: the field manager.
    pub manager: String,
}

/// The document that `osimage history` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryDocument<'h> {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `History`
    pub kind: &'static str,
    /// What was written, the oldest first.
    pub items: Vec<&'h HistoryEntry>,
}

impl<'h> HistoryDocument<'h> {
    /// The document of these entries.
    pub fn of(items: Vec<&'h HistoryEntry>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "History",
            items,
        }
    }
}

/// What of a target was written by one plan, whether now or before an interruption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// The machine resource itself.
    pub target: bool,
    /// The stub of its user-data Secret.
    pub user_data: bool,
}

/// Who wrote, when, and what led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorship<'a> {
    /// RFC 3339.
    pub time: &'a str,
    /// The release that the cluster runs, where it is known.
    pub release: Option<&'a str>,
    /// Digest of the plan.
    pub plan: Digest,
    /// Field manager of the program.
    pub manager: &'a str,
}

/// Entries of one target of a plan.
struct Entries<'e> {
    plan: &'e Plan,
    target: &'e Target,
    by: &'e Authorship<'e>,
}

impl Entries<'_> {
    /// Of an object, without what it is about.
    fn of(&self, kind: Kind, namespace: &str, name: &str) -> HistoryEntry {
        let input = self.plan.metadata.input(kind, namespace, name);
        HistoryEntry {
            time: self.by.time.to_owned(),
            kind,
            namespace: live_namespace(kind, namespace).to_owned(),
            name: name.to_owned(),
            uid: input
                .and_then(|input| input.uid.clone())
                .unwrap_or_default(),
            from: None,
            to: None,
            vcenter_step: None,
            release: self.by.release.map(str::to_owned),
            reason: self.target.reason,
            plan: self.by.plan,
            manager: self.by.manager.to_owned(),
        }
    }
}

/// The entries for what vCenters have done for a target.
pub fn vcenter_entries(
    plan: &Plan,
    target: &Target,
    steps: &[VcenterStep],
    by: &Authorship<'_>,
) -> Vec<HistoryEntry> {
    let entries = Entries { plan, target, by };
    let entry = |step: &VcenterStep| HistoryEntry {
        to: Some(step.template().to_owned()),
        vcenter_step: Some(step.to_string()),
        ..entries.of(target.kind, &target.namespace, &target.name)
    };
    steps.iter().map(entry).collect()
}

/// The entries for what was written of a target.
pub fn history_entries(
    plan: &Plan,
    target: &Target,
    written: Written,
    by: &Authorship<'_>,
) -> Vec<HistoryEntry> {
    let of = Entries { plan, target, by };
    let entry = |kind, namespace: &str, name: &str, from, to| HistoryEntry {
        from,
        to,
        ..of.of(kind, namespace, name)
    };
    let mut entries = Vec::new();
    if let Some(data) = target.user_data.as_deref().filter(|_| written.user_data) {
        let namespace = names::MACHINE_API_NAMESPACE;
        let (from, to) = (data.from.clone(), data.to.clone());
        entries.push(entry(Kind::Secret, namespace, &data.secret, from, to));
    }
    if written.target {
        let change = image_change(&plan.metadata.profile, target).unwrap_or_default();
        let (namespace, name) = (&target.namespace, &target.name);
        entries.push(entry(target.kind, namespace, name, change.from, change.to));
    }
    entries
}

impl History {
    /// The entries, the oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.entries.iter()
    }

    /// The history with one more write. The oldest ones go where it would become too large. A
    /// write that is there already, of the same object to the same image by the same plan, is not
    /// added again: a pass that was interrupted before it could say so may say it twice.
    #[must_use]
    pub fn append(mut self, entry: HistoryEntry) -> Self {
        if !self.entries.iter().any(|known| known.is_same_write(&entry)) {
            self.push(entry);
        }
        self
    }

    fn push(&mut self, entry: HistoryEntry) {
        self.size += entry.size();
        self.entries.push_back(entry);
        // The brackets around the list.
        while self.size + 2 > HISTORY_MAX {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.size = self.size.saturating_sub(oldest.size());
        }
    }
}

impl HistoryEntry {
    fn is_same_write(&self, other: &Self) -> bool {
        let key = |entry: &Self| {
            let what = (entry.to.clone(), entry.vcenter_step.clone());
            (entry.kind, entry.uid.clone(), what, entry.plan)
        };
        key(self) == key(other)
    }

    /// Its bytes and a comma.
    fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len() + 1)
    }
}

impl From<VecDeque<HistoryEntry>> for History {
    fn from(entries: VecDeque<HistoryEntry>) -> Self {
        let mut history = Self::default();
        for entry in entries {
            history.push(entry);
        }
        history
    }
}

impl From<History> for VecDeque<HistoryEntry> {
    fn from(history: History) -> Self {
        history.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize) -> HistoryEntry {
        HistoryEntry {
            time: "2026-11-21T12:00:00Z".to_owned(),
            kind: Kind::MachineSet,
            namespace: "openshift-machine-api".to_owned(),
            name: format!("worker-{number}"),
            uid: format!("uid-{number}"),
            from: Some("old".to_owned()),
            to: Some("new".repeat(100)),
            vcenter_step: None,
            release: None,
            reason: ReasonCode::OutdatedImage,
            plan: Digest::of(b"plan"),
            manager: "osimage-apply".to_owned(),
        }
    }

    #[test]
    fn the_oldest_entries_go_where_a_history_becomes_too_large() {
        let history = (0..2000).fold(History::default(), |history, n| history.append(entry(n)));
        let text = serde_json::to_string(&history).unwrap();
        assert!(text.len() <= HISTORY_MAX, "{}", text.len());
        assert!(text.len() + 1000 > HISTORY_MAX, "{}", text.len());
        assert_eq!(history.entries().next_back(), Some(&entry(1999)));
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }

    #[test]
    fn a_write_that_is_told_twice_stands_there_once() {
        let history = History::default().append(entry(1)).append(entry(1));
        assert_eq!(history.entries().count(), 1);
        let mut other = entry(1);
        other.plan = Digest::of(b"another");
        assert_eq!(history.append(other).entries().count(), 2);
    }
}
