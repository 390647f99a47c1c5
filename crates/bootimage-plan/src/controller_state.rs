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
    /// When it was about to happen, in seconds since 1970.
    #[serde(default)]
    pub at: u64,
    /// Of a Secret: the digest of its stub afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Seconds after which a pending write that cannot be seen counts as not carried out; until then the
/// cache that is looked at may be older than the write.
const PENDING_SECONDS: u64 = 60;

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

    /// The state without the pending writes that are known to have happened: a machine resource boots
    /// the image, a Secret has the stub. Also returns the entries that it has added to the
    /// history. Of the other pending writes, those of the last minute stay. `secrets` are those of pending writes as they are now,
    /// `now` is in seconds since 1970.
    #[must_use]
    pub fn settled(
        mut self,
        plan: &Plan,
        secrets: &[RawObject<'_>],
        now: u64,
    ) -> (Self, Vec<HistoryEntry>) {
        let mut entries = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let PendingWrite { entry, digest, at } = &pending;
            let happened = match entry.kind {
                Kind::Secret => digest.is_some_and(|digest| has_stub(secrets, entry, digest)),
                _ => boots(plan, entry),
            };
            if happened {
                self.history = self.history.append(entry.clone());
                entries.push(pending.entry);
            } else if now.saturating_sub(*at) < PENDING_SECONDS {
                self.pending.push(pending);
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
    use crate::{ClusterSnapshot, Completeness, Facts, Policy, ReasonCode, plan};
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
            vcenter_step: None,
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
                at: 1_000,
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

    /// A plan over one set that boots an image.
    fn plan_of(image: &str, uid: &str) -> Plan {
        let set = json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"name": "a", "namespace": "n", "uid": uid, "annotations":
                {"capacity.cluster-autoscaler.kubernetes.io/labels": "kubernetes.io/arch=amd64"}},
            "spec": {"template": {"spec": {"providerSpec": {"value": {
                "apiVersion": "machine.openshift.io/v1beta1", "kind": "GCPMachineProviderSpec",
                "disks": [{"boot": true, "image": image}]}}}}}});
        let infrastructure = json!({"apiVersion": "config.openshift.io/v1",
            "kind": "Infrastructure", "metadata": {"name": "cluster"},
            "status": {"platformStatus": {"type": "GCP"}}});
        let managers = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
            "selection": {"mode": "All"}}]);
        let configuration = json!({"apiVersion": "operator.openshift.io/v1",
            "kind": "MachineConfiguration", "metadata": {"name": "cluster"},
            "spec": {"managedBootImages": {"machineManagers": managers}}});
        let texts = [set, infrastructure, configuration].map(|object| object.to_string());
        let objects = texts.iter().map(|text| RawObject::parse(text).unwrap());
        let snapshot = ClusterSnapshot {
            completeness: Completeness::Complete,
            objects: objects.flatten().collect(),
            streams: Vec::new(),
        };
        plan(&snapshot, &Facts::default(), &Policy::default())
    }

    #[test]
    fn a_pending_write_is_looked_for_until_a_minute_has_passed() {
        let check = |image: &str, uid: &str, now: u64, entries: usize, pending: usize| {
            let before = ControllerState {
                history: History::default(),
                ..state()
            };
            let (after, new) = before.settled(&plan_of(image, uid), &[], now);
            assert_eq!(
                (new.len(), after.pending.len()),
                (entries, pending),
                "{image} {uid} {now}"
            );
            assert_eq!(after.history.entries().count(), entries);
        };
        check("new", "u", 1_000, 1, 0);
        check("new", "u", 9_000, 1, 0);
        check("old", "u", 1_059, 0, 1);
        check("old", "u", 1_060, 0, 0);
        // Another object of the same name.
        check("new", "v", 1_001, 0, 1);
        // A clock that went back.
        check("old", "u", 900, 0, 1);
    }
}
