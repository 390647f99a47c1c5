//! Hot loops: somebody else undoes what we write, again and again (BI-190 … BI-194).

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use openshift_model::{Kind, ObjectRef, Platform};

/// BI-028: patches of the same value that are allowed in a row.
const LIMIT: u8 = 3;

/// BI-190, BI-193: the same value was written too often.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to reconcile {} {}, hot loop detected. Please opt-out of boot image updates, adjust \
     your machine provisioning workflow to prevent hot loops and opt back in to resume boot image \
     updates", word(.object), .object.name
)]
pub struct HotLoop {
    /// The object that somebody else writes to as well.
    pub object: ObjectRef,
}

fn word(object: &ObjectRef) -> &'static str {
    if is_control_plane(object) {
        "ControlPlaneMachineSet"
    } else {
        "machineset"
    }
}

/// What was written to which object, and how often in a row. It holds hashes, not values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HotLoopMemory {
    entries: BTreeMap<ObjectRef, Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Hash of the last value. Two values of the same hash cost one needless refusal.
    value: u64,
    /// How often it was written in a row.
    times: u8,
}

impl HotLoopMemory {
    /// BI-190, BI-191, BI-193: whether this value may be written to this object: the first three
    /// times in a row.
    pub fn check(&self, object: &ObjectRef, value: &str) -> Result<(), HotLoop> {
        if self.times(object, hash(value)) < LIMIT {
            return Ok(());
        }
        Err(HotLoop {
            object: object.clone(),
        })
    }

    /// The memory after a patch was sent.
    ///
    /// BI-190: of a MachineSet a patch counts if it succeeded; BI-193: of a ControlPlaneMachineSet
    /// it counts either way. BI-191: another value starts anew.
    #[must_use]
    pub fn after_patch(mut self, object: &ObjectRef, value: &str, succeeded: bool) -> Self {
        if succeeded || is_control_plane(object) {
            let value = hash(value);
            let times = self.times(object, value).saturating_add(1);
            self.entries.insert(object.clone(), Entry { value, times });
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

    /// How often in a row the value was written.
    fn times(&self, object: &ObjectRef, value: u64) -> u8 {
        match self.entries.get(object) {
            Some(entry) if entry.value == value => entry.times,
            _ => 0,
        }
    }
}

/// BI-192: the value that tells one update of an object from another: its new provider spec. On
/// vSphere a template is replaced under its name, so that there it is the release of the stream's
/// image (`artifacts.vmware.release`), where the stream can be read.
pub fn hot_loop_value<'v>(
    platform: &Platform,
    vmware_release: Option<&'v str>,
    provider_spec: &'v str,
) -> &'v str {
    match platform {
        Platform::VSphere => vmware_release.unwrap_or(provider_spec),
        _ => provider_spec,
    }
}

fn is_control_plane(object: &ObjectRef) -> bool {
    object.kind == Kind::ControlPlaneMachineSet.name()
}

fn hash(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
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
            assert_eq!(memory.check(object, value), Ok(()), "{values:?}");
            memory = memory.after_patch(object, value, true);
        }
        memory.check(object, last).is_err()
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
            (0..3).fold(memory, |memory, _| memory.after_patch(object, "v", false))
        };
        assert_eq!(after_failures(&set("a")), HotLoopMemory::default());
        let refused = after_failures(&cpms()).check(&cpms(), "v").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "refusing to reconcile ControlPlaneMachineSet cluster, hot loop detected. Please \
             opt-out of boot image updates, adjust your machine provisioning workflow to prevent \
             hot loops and opt back in to resume boot image updates"
        );
    }

    fn looping(object: &ObjectRef) -> HotLoopMemory {
        let memory = HotLoopMemory::default();
        (0..3).fold(memory, |memory, _| memory.after_patch(object, "v", true))
    }

    #[test]
    fn bi_194_objects_are_told_apart() {
        let memory = looping(&set("a"));
        let refused = memory.check(&set("a"), "v").unwrap_err();
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
            assert_eq!(memory.check(&other, "v"), Ok(()), "{other}");
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
    fn bi_192_on_vsphere_the_release_is_the_value() {
        let value = |platform, release| hot_loop_value(&platform, release, "{}");
        assert_eq!(value(Platform::VSphere, Some("9.8.1-0")), "9.8.1-0");
        assert_eq!(value(Platform::VSphere, None), "{}");
        assert_eq!(value(Platform::Gcp, Some("9.8.1-0")), "{}");
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
                prop_assert_eq!(memory.check(&object, value).is_err(), in_a_row >= 3);
                memory = memory.after_patch(&object, value, true);
                row = (value, in_a_row + 1);
            }
        }
    }
}
