//! What a controller must not forget when it ends: the ConfigMap that it keeps it in.

use std::fmt;

use bootimage_status::HotLoopMemory;
use openshift_model::{Address, Guard, Kind, PatchBody, PatchRequest, RawObject, StringMap, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::state::{HISTORY_KEY as HISTORY, HOT_LOOPS_KEY as HOT_LOOPS, STATE_CONFIG_MAP};
use crate::user_data::stub_of;
use crate::{Digest, History, HistoryEntry, Plan, live_namespace};

/// Who writes it.
pub const CONTROLLER_STATE_FIELD_MANAGER: &str = "osimage-boot-images-state";

/// Its key with what is about to be written.
const PENDING: &str = "pending.json";

/// What outlives a process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ControllerState {
    /// What was written how often, and who reverted it (BI-190 … BI-194).
    pub hot_loops: HotLoopMemory,
    /// What was written.
    pub history: History,
    /// What was about to be written when the state was: whether it was, the cluster shows.
    pub pending: Vec<PendingWrite>,
}

/// A write that is about to happen. It is kept before it happens, so that a process that is killed
/// in between leaves no write that nobody tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingWrite {
    /// What the history says once it has happened.
    pub entry: HistoryEntry,
    /// Of a Secret: the digest of its stub afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A part of the state that could not be read, and begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateProblem {
    /// The key of the ConfigMap; `data` where it is all of them.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for StateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "key {} of ConfigMap {STATE_CONFIG_MAP} begins anew: {}",
            self.key, self.problem
        )
    }
}

impl ControllerState {
    /// Reads the ConfigMap; an absent one, or key, is an empty state. What cannot be read begins
    /// anew, and is told.
    pub fn read(object: Option<&RawObject<'_>>) -> (Self, Vec<StateProblem>) {
        let mut problems = Vec::new();
        let data = object.map(|object| object.view::<Option<StringMap<'_>>>("data"));
        let data = match data {
            None => None,
            Some(Ok(data)) => data,
            Some(Err(error)) => {
                problems.push(StateProblem {
                    key: "data",
                    problem: error.problem,
                });
                None
            }
        };
        let text = |key| data.as_ref().and_then(|data| data.get(key));
        let state = Self {
            hot_loops: read(HOT_LOOPS, text(HOT_LOOPS), &mut problems),
            history: read(HISTORY, text(HISTORY), &mut problems),
            pending: read(PENDING, text(PENDING), &mut problems),
        };
        (state, problems)
    }

    /// The request that writes it: server-side apply of our own keys. `seen` is the ConfigMap that
    /// the state was read from; the API server refuses where it was written since.
    pub fn write(&self, namespace: &str, seen: Option<&RawObject<'_>>) -> Write {
        let text = |value: &Value| Value::from(value.to_string());
        let data = json!({
            HOT_LOOPS: text(&json!(self.hot_loops)),
            HISTORY: text(&json!(self.history)),
            PENDING: text(&json!(self.pending)),
        });
        let meta = seen.and_then(|object| object.meta().ok());
        let meta = meta.unwrap_or_default();
        let owned = |text: &Option<openshift_model::Text<'_>>| text.as_deref().map(str::to_owned);
        Write::Patch(PatchRequest {
            address: Address {
                resource: Kind::ConfigMap.resource(),
                namespace: namespace.to_owned(),
                name: STATE_CONFIG_MAP.to_owned(),
            },
            subresource: None,
            body: PatchBody::Apply {
                fields: Map::from_iter([("data".to_owned(), data)]),
                force: true,
            },
            guard: Guard {
                uid: owned(&meta.uid),
                resource_version: owned(&meta.resource_version),
            },
            field_manager: CONTROLLER_STATE_FIELD_MANAGER.into(),
        })
    }

    /// The state once it is known of each pending write whether it happened: a machine resource
    /// boots the image, a Secret has the stub. `secrets` are those of pending writes as they are
    /// now. Also the entries that the history has got by it.
    #[must_use]
    pub fn settled(mut self, plan: &Plan, secrets: &[RawObject<'_>]) -> (Self, Vec<HistoryEntry>) {
        let mut entries = Vec::new();
        for PendingWrite { entry, digest } in std::mem::take(&mut self.pending) {
            let happened = match entry.kind {
                Kind::Secret => digest.is_some_and(|digest| has_stub(secrets, &entry, digest)),
                _ => boots(plan, &entry),
            };
            if happened {
                self.history = self.history.append(entry.clone());
                entries.push(entry);
            }
        }
        (self, entries)
    }

    /// The Secrets that pending writes are about.
    pub fn pending_secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self
            .pending
            .iter()
            .filter(|it| it.entry.kind == Kind::Secret);
        secrets.map(|pending| pending.entry.name.as_str())
    }
}

fn boots(plan: &Plan, entry: &HistoryEntry) -> bool {
    let target = plan.targets.iter().find(|target| {
        (target.kind, target.name.as_str()) == (entry.kind, entry.name.as_str())
            && live_namespace(target.kind, &target.namespace) == entry.namespace
    });
    let same_object = |target: &&crate::Target| {
        let input = plan
            .metadata
            .input(target.kind, &target.namespace, &target.name);
        input.and_then(|input| input.uid.as_deref()) == Some(entry.uid.as_str())
    };
    target
        .filter(same_object)
        .is_some_and(|target| target.current.is_some() && target.current == entry.to)
}

fn has_stub(secrets: &[RawObject<'_>], entry: &HistoryEntry, digest: Digest) -> bool {
    let secret = secrets
        .iter()
        .find(|secret| secret.name.as_str() == entry.name);
    let stub = secret.and_then(|secret| stub_of(secret).ok());
    stub.is_some_and(|stub| Digest::of(&stub) == digest)
}

fn read<T: DeserializeOwned + Default>(
    key: &'static str,
    text: Option<&str>,
    problems: &mut Vec<StateProblem>,
) -> T {
    let read = text.map_or(Ok(T::default()), serde_json::from_str);
    read.unwrap_or_else(|error| {
        problems.push(StateProblem {
            key,
            problem: error.to_string(),
        });
        T::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReasonCode;
    use openshift_model::ObjectRef;

    fn state() -> ControllerState {
        let object = ObjectRef {
            kind: "MachineSet".to_owned(),
            namespace: "n".to_owned(),
            name: "a".to_owned(),
        };
        let entry = HistoryEntry {
            time: "2026-11-21T12:00:00Z".to_owned(),
            kind: Kind::MachineSet,
            namespace: "n".to_owned(),
            name: "a".to_owned(),
            uid: "u".to_owned(),
            from: Some("old".to_owned()),
            to: Some("new".to_owned()),
            release: None,
            reason: ReasonCode::OutdatedImage,
            plan: Digest::of(b"plan"),
            manager: "m".to_owned(),
        };
        ControllerState {
            hot_loops: HotLoopMemory::default().after_patch(&object, "v", true, 5),
            history: History::default().append(entry.clone()),
            pending: vec![PendingWrite {
                entry,
                digest: None,
            }],
        }
    }

    /// The ConfigMap after the write of a state.
    fn written(state: &ControllerState) -> String {
        let Write::Patch(patch) = state.write("n", None) else {
            panic!("a patch");
        };
        patch.document().to_string()
    }

    #[test]
    fn a_state_is_read_back_as_it_was_written() {
        let text = written(&state());
        let object = RawObject::parse(&text).unwrap();
        assert_eq!(
            ControllerState::read(object.as_ref()),
            (state(), Vec::new())
        );
        assert_eq!(
            ControllerState::read(None),
            (ControllerState::default(), Vec::new())
        );
    }

    #[test]
    fn garbage_begins_anew_and_is_told() {
        let mut document: Value = serde_json::from_str(&written(&state())).unwrap();
        document["data"][HOT_LOOPS] = json!("no JSON");
        let text = document.to_string();
        let object = RawObject::parse(&text).unwrap();
        let (read, problems) = ControllerState::read(object.as_ref());
        assert_eq!(read.history, state().history);
        assert_eq!(read.hot_loops, HotLoopMemory::default());
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0]
                .to_string()
                .starts_with("key hot-loops.json of ConfigMap osimage-boot-images begins anew: ")
        );
        document["data"] = json!(5);
        let text = document.to_string();
        let object = RawObject::parse(&text).unwrap();
        let (read, problems) = ControllerState::read(object.as_ref());
        assert_eq!((read, problems.len()), (ControllerState::default(), 1));
    }
}
