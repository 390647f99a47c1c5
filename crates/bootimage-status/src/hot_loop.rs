//! Hot loops: somebody else undoes what we write, again and again (BI-190 … BI-194).

use std::collections::BTreeMap;
use std::fmt::Write;

use openshift_model::{Kind, ObjectRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// BI-028: patches of the same value that are allowed in a row without a pause.
const LIMIT: u32 = 3;

/// How long an object is left alone that somebody else keeps reverting, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// At first; it doubles from one time to the next.
    pub first: u64,
    /// At most.
    pub longest: u64,
}

impl Default for Pauses {
    /// A minute is long enough for a GitOps tool to be told to leave the member alone, and a set
    /// whose opponent has gone is updated within the hour.
    fn default() -> Self {
        Self {
            first: 60,
            longest: 3600,
        }
    }
}

/// BI-190, BI-193: the same value was written too often. The text is the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to reconcile {} {}, hot loop detected. Please opt-out of boot image updates, adjust \
     your machine provisioning workflow to prevent hot loops and opt back in to resume boot image \
     updates", kind_in_message(.object), .object.name
)]
pub struct HotLoop {
    /// The object that somebody else writes to as well.
    pub object: ObjectRef,
    /// How often in a row the value was written.
    pub times: u32,
    /// When the next attempt may be made, in seconds since 1970.
    pub until: u64,
    /// The field manager that reverted the last write, where it is known.
    pub reverted_by: Option<String>,
}

fn kind_in_message(object: &ObjectRef) -> &'static str {
    if is_control_plane(object) {
        "ControlPlaneMachineSet"
    } else {
        "machineset"
    }
}

/// What was written to which object, when, how often in a row, and who reverted it. It holds
/// digests, not values. Written as JSON, it outlives the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Record>", into = "Vec<Record>")]
pub struct HotLoopMemory {
    entries: BTreeMap<ObjectRef, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Digest of the value that was written last.
    value: String,
    /// How often it was written in a row.
    times: u32,
    /// When it was written last, in seconds since 1970.
    last: u64,
    /// Who reverted it.
    reverted_by: Option<String>,
}

/// One entry as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
    value: String,
    times: u32,
    last: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reverted_by: Option<String>,
}

impl From<Vec<Record>> for HotLoopMemory {
    fn from(records: Vec<Record>) -> Self {
        let entry = |record: Record| {
            let object = ObjectRef {
                kind: record.kind,
                namespace: record.namespace,
                name: record.name,
            };
            let entry = Entry {
                value: record.value,
                times: record.times,
                last: record.last,
                reverted_by: record.reverted_by,
            };
            (object, entry)
        };
        Self {
            entries: records.into_iter().map(entry).collect(),
        }
    }
}

impl From<HotLoopMemory> for Vec<Record> {
    fn from(memory: HotLoopMemory) -> Self {
        let record = |(object, entry): (ObjectRef, Entry)| Record {
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
            value: entry.value,
            times: entry.times,
            last: entry.last,
            reverted_by: entry.reverted_by,
        };
        memory.entries.into_iter().map(record).collect()
    }
}

impl HotLoopMemory {
    /// BI-190, BI-191, BI-193: whether this value may be written to this object at `now` (seconds
    /// since 1970): the first three times in a row at once, and after that with pauses that double
    /// from one minute to one hour. (The reference never tries again.)
    pub fn check(&self, object: &ObjectRef, value: &str, now: u64) -> Result<(), HotLoop> {
        self.check_with(object, value, now, Pauses::default())
    }

    /// [`HotLoopMemory::check`], with pauses of the caller's own.
    pub fn check_with(
        &self,
        object: &ObjectRef,
        value: &str,
        now: u64,
        pauses: Pauses,
    ) -> Result<(), HotLoop> {
        let Some(entry) = self.same_value(object, value) else {
            return Ok(());
        };
        let Some(more) = entry.times.checked_sub(LIMIT) else {
            return Ok(());
        };
        let doubled = 1_u64.checked_shl(more).unwrap_or(u64::MAX);
        let pause = pauses.first.saturating_mul(doubled).min(pauses.longest);
        let until = entry.last.saturating_add(pause);
        // A clock that was set back must not stop updates for longer than the pause.
        if now >= until || now.saturating_add(pause) < entry.last {
            return Ok(());
        }
        Err(HotLoop {
            object: object.clone(),
            times: entry.times,
            until,
            reverted_by: entry.reverted_by.clone(),
        })
    }

    /// The memory after a patch was sent at `now` (seconds since 1970).
    ///
    /// BI-190: of a MachineSet a patch counts if it succeeded; BI-193: of a ControlPlaneMachineSet
    /// it counts either way. BI-191: another value starts anew.
    #[must_use]
    pub fn after_patch(
        mut self,
        object: &ObjectRef,
        value: &str,
        succeeded: bool,
        now: u64,
    ) -> Self {
        if succeeded || is_control_plane(object) {
            let before = self.same_value(object, value);
            let entry = Entry {
                value: digest(value),
                times: before.map_or(0, |entry| entry.times).saturating_add(1),
                last: now,
                reverted_by: before.and_then(|entry| entry.reverted_by.clone()),
            };
            self.entries.insert(object.clone(), entry);
        }
        self
    }

    /// The memory after it was found out which field manager reverted the last write to an object.
    #[must_use]
    pub fn reverted_by(mut self, object: &ObjectRef, manager: &str) -> Self {
        if let Some(entry) = self.entries.get_mut(object) {
            entry.reverted_by = Some(manager.to_owned());
        }
        self
    }

    /// BI-194: forgets every object that is not enrolled (any more): who opts out and in again
    /// starts anew.
    #[must_use]
    pub fn retain_enrolled(mut self, is_enrolled: impl Fn(&ObjectRef) -> bool) -> Self {
        self.entries.retain(|object, _| is_enrolled(object));
        self
    }

    /// What is remembered of an object, where the value is the same.
    fn same_value(&self, object: &ObjectRef, value: &str) -> Option<&Entry> {
        let entry = self.entries.get(object)?;
        (entry.value == digest(value)).then_some(entry)
    }
}

fn is_control_plane(object: &ObjectRef) -> bool {
    object.kind == Kind::ControlPlaneMachineSet.name()
}

/// SHA-256, which stays the same from one build of the program to the next.
fn digest(value: &str) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(value.as_bytes()) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(kind: Kind, name: &str) -> ObjectRef {
        ObjectRef {
            kind: kind.name().to_owned(),
            namespace: "openshift-machine-api".to_owned(),
            name: name.to_owned(),
        }
    }

    fn set(name: &str) -> ObjectRef {
        object(Kind::MachineSet, name)
    }

    fn cpms() -> ObjectRef {
        object(Kind::ControlPlaneMachineSet, "cluster")
    }

    /// Patches an object with each value in turn; whether the last one is refused. None before it
    /// may be.
    fn last_is_refused(object: &ObjectRef, values: &[&str]) -> bool {
        let mut memory = HotLoopMemory::default();
        let (last, before) = values.split_last().unwrap();
        for value in before {
            assert_eq!(memory.check(object, value, 0), Ok(()), "{values:?}");
            memory = memory.after_patch(object, value, true, 0);
        }
        memory.check(object, last, 0).is_err()
    }

    #[test]
    fn bi_190_bi_193_t_03_the_fourth_identical_patch_is_refused() {
        for object in [set("a"), cpms()] {
            let same = "boot-image-1";
            assert!(last_is_refused(&object, &[same; 4]));
            assert!(!last_is_refused(&object, &[same; 2]));
            let growing = ["i", "i-1", "i-1-1", "i-1-1-1"];
            assert!(!last_is_refused(&object, &growing));
        }
    }

    #[test]
    fn bi_191_another_value_starts_anew() {
        let values = ["a", "a", "b", "a", "a", "a"];
        assert!(!last_is_refused(&set("x"), &values));
        let values = ["b", "b", "a", "a", "a", "a"];
        assert!(last_is_refused(&set("x"), &values));
    }

    #[test]
    fn bi_190_bi_193_what_a_failed_patch_counts() {
        let after_failures = |object: &ObjectRef| {
            let memory = HotLoopMemory::default();
            (0..3).fold(memory, |memory, _| {
                memory.after_patch(object, "v", false, 0)
            })
        };
        assert_eq!(after_failures(&set("a")), HotLoopMemory::default());
        let refused = after_failures(&cpms()).check(&cpms(), "v", 0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "refusing to reconcile ControlPlaneMachineSet cluster, hot loop detected. Please \
             opt-out of boot image updates, adjust your machine provisioning workflow to prevent \
             hot loops and opt back in to resume boot image updates"
        );
    }

    fn looping(object: &ObjectRef) -> HotLoopMemory {
        let memory = HotLoopMemory::default();
        (0..3).fold(memory, |memory, _| memory.after_patch(object, "v", true, 0))
    }

    #[test]
    fn bi_194_objects_are_told_apart() {
        let memory = looping(&set("a"));
        let refused = memory.check(&set("a"), "v", 0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "refusing to reconcile machineset a, hot loop detected. Please opt-out of boot image \
             updates, adjust your machine provisioning workflow to prevent hot loops and opt back \
             in to resume boot image updates"
        );
        let elsewhere = ObjectRef {
            namespace: "elsewhere".to_owned(),
            ..set("a")
        };
        for other in [
            set("b"),
            elsewhere,
            object(Kind::ControlPlaneMachineSet, "a"),
        ] {
            assert_eq!(memory.check(&other, "v", 0), Ok(()), "{other}");
        }
    }

    #[test]
    fn bi_194_what_is_not_enrolled_is_forgotten() {
        let memory = looping(&set("a"));
        let kept = memory.clone().retain_enrolled(|object| object.name == "a");
        assert_eq!(kept, memory);
        let forgotten = memory.retain_enrolled(|object| object.name != "a");
        assert_eq!(forgotten, HotLoopMemory::default());
    }

    #[test]
    fn bi_190_pauses_double_from_a_minute_to_an_hour() {
        let object = set("a");
        let mut memory = looping(&object);
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let refused = memory.check(&object, "v", now).unwrap_err();
            assert!(memory.check(&object, "v", refused.until - 1).is_err());
            pauses.push((refused.until - now) / 60);
            now = refused.until;
            assert_eq!(memory.check(&object, "v", now), Ok(()));
            memory = memory.after_patch(&object, "v", true, now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(memory.check(&object, "w", now), Ok(()));
        // The clock was set back by years.
        assert_eq!(memory.check(&object, "v", 0), Ok(()));
    }

    #[test]
    fn a_memory_is_written_and_read_with_who_reverted() {
        let memory = looping(&set("a")).reverted_by(&set("a"), "argocd-controller");
        let text = serde_json::to_string(&memory).unwrap();
        assert!(!text.contains("\"v\""), "{text}");
        let read: HotLoopMemory = serde_json::from_str(&text).unwrap();
        assert_eq!(read, memory);
        let refused = read.check(&set("a"), "v", 0).unwrap_err();
        assert_eq!(refused.reverted_by.as_deref(), Some("argocd-controller"));
        assert_eq!(refused.times, 3);
        assert!(serde_json::from_str::<HotLoopMemory>("{}").is_err());
    }

    proptest! {
        #[test]
        fn bi_191_a_value_is_refused_after_three_times_in_a_row_and_only_then(
            values in proptest::collection::vec("[ab]", 0..30),
        ) {
            let object = set("x");
            let mut memory = HotLoopMemory::default();
            let mut row: (&str, u32) = ("", 0);
            for value in &values {
                let in_a_row = if row.0 == value { row.1 } else { 0 };
                prop_assert_eq!(memory.check(&object, value, 0).is_err(), in_a_row >= 3);
                memory = memory.after_patch(&object, value, true, 0);
                row = (value, in_a_row + 1);
            }
        }
    }
}
