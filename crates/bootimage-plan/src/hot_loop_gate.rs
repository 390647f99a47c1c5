//! The gate before each edit: has somebody else undone it again and again (BI-190 … BI-194)?

use bootimage_status::{HotLoop, HotLoopMemory, Pauses};
use openshift_model::{Edit, ObjectRef};
use serde_json::json;

use crate::{DecisionKind, Plan, ReasonCode, Target};

/// Whether an update may be tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HotLoopDecision {
    /// The update may be tried.
    Go,
    /// Somebody else keeps reverting the object: it is left alone until the pause is over.
    Contested(Contested),
}

/// An object that somebody else keeps reverting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    /// The object, how often in a row it was written, who reverted it, and until when it is left
    /// alone. Its text is the reference's (BI-190, BI-193).
    pub hot_loop: HotLoop,
}

impl Contested {
    /// The code for events, logs and metrics.
    pub const REASON: ReasonCode = ReasonCode::Contested;

    /// What happened and what to do, for a person.
    pub fn message(&self) -> String {
        let HotLoop {
            object,
            times,
            reverted_by,
            ..
        } = &self.hot_loop;
        let who = reverted_by.as_deref().map_or_else(
            || "somebody else".to_owned(),
            |manager| format!("field manager {manager}"),
        );
        format!(
            "{who} has reverted the boot image of {object} {times} times in a row; have it ignore \
             that member, or take the object out of boot image management"
        )
    }
}

/// BI-190 … BI-194: whether an update may be tried at `now`, in seconds since 1970.
pub fn hot_loop(
    memory: &HotLoopMemory,
    target: &Target,
    now: u64,
    pauses: Pauses,
) -> HotLoopDecision {
    match memory.check_with(&target.reference(), &value(target), now, pauses) {
        Ok(()) => HotLoopDecision::Go,
        Err(hot_loop) => HotLoopDecision::Contested(Contested { hot_loop }),
    }
}

/// The memory after an update was tried at `now`, in seconds since 1970.
#[must_use]
pub fn hot_loop_tried(
    memory: HotLoopMemory,
    target: &Target,
    succeeded: bool,
    now: u64,
) -> HotLoopMemory {
    memory.after_patch(&target.reference(), &value(target), succeeded, now)
}

/// BI-194: the memory without what the plan does not enrol any more.
#[must_use]
pub fn hot_loops_of_plan(memory: HotLoopMemory, plan: &Plan) -> HotLoopMemory {
    let is_machine_resource = |object: &ObjectRef, target: &Target| target.reference() == *object;
    memory.retain_enrolled(|object| {
        plan.targets.iter().any(|target| {
            target.decision != DecisionKind::NotManaged && is_machine_resource(object, target)
        })
    })
}

/// BI-192: what tells one update of an object from another: the image that it is to boot, and what
/// is written for it. On vSphere, where a template may be replaced under its name, the target names
/// the release.
fn value(target: &Target) -> String {
    let edit = target.patch.as_ref();
    let written: Vec<String> = edit
        .into_iter()
        .flat_map(Edit::changes)
        .map(|change| format!("{}={}", change.pointer, json!(change.new)))
        .collect();
    let image = target.target.as_deref().unwrap_or_default();
    format!("{image}\n{}", written.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use openshift_model::Kind;

    fn target(name: &str, old: &str, new: &str) -> Target {
        let mut edit = Edit::default();
        edit.replace("/spec/image", old, new).unwrap();
        Target {
            kind: Kind::MachineSet,
            api_version: "machine.openshift.io/v1beta1".into(),
            namespace: "openshift-machine-api".into(),
            name: name.to_owned(),
            platform: None,
            architecture: None,
            decision: DecisionKind::Update,
            reason: ReasonCode::OutdatedImage,
            message: "".into(),
            counted: None,
            current: Some(old.to_owned()),
            target: Some(new.to_owned()),
            steps: Vec::new(),
            patch: Some(edit),
            user_data: None,
        }
    }

    fn check(memory: &HotLoopMemory, target: &Target, now: u64) -> HotLoopDecision {
        hot_loop(memory, target, now, Pauses::default())
    }

    #[test]
    fn bi_190_bi_191_the_fourth_identical_edit_waits_and_another_image_does_not() {
        let mut memory = HotLoopMemory::default();
        for old in ["a", "b", "c"] {
            let target = target("w", old, "new");
            assert_eq!(check(&memory, &target, 5), HotLoopDecision::Go);
            memory = hot_loop_tried(memory, &target, true, 5);
        }
        let again = target("w", "d", "new");
        memory = memory.reverted_by(&again.reference(), "argocd");
        let HotLoopDecision::Contested(contested) = check(&memory, &again, 6) else {
            panic!("it is contested");
        };
        assert!(
            contested
                .message()
                .starts_with("field manager argocd has reverted")
        );
        assert_eq!(contested.hot_loop.until, 65);
        assert_eq!(Contested::REASON.name(), "Contested");
        for free in [target("other", "d", "new"), target("w", "d", "newer")] {
            assert_eq!(check(&memory, &free, 6), HotLoopDecision::Go);
        }
        assert_eq!(check(&memory, &again, 65), HotLoopDecision::Go);
    }

    #[test]
    fn bi_190_ten_minutes_of_reverting_every_second_cost_less_than_twelve_edits() {
        let mut memory = HotLoopMemory::default();
        let mut edits = 0;
        for now in 0..600 {
            let target = target("w", "old", "new");
            if check(&memory, &target, now) == HotLoopDecision::Go {
                memory = hot_loop_tried(memory, &target, true, now);
                edits += 1;
            }
        }
        assert_eq!(edits, 6);
    }
}
