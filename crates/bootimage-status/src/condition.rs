//! The two conditions on MachineConfiguration, and how they are put into its list (BI-183 …
//! BI-188).

use openshift_model::{Condition, Profile, TransitionTime, WantedCondition, upsert_condition};
use serde::Deserialize;
use serde_json::Value;

use crate::messages::{default_degradation_message, degradation_message, progress_message};
use crate::{PassStatistics, codes};

/// BI-026: the conditions that tell of boot images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionType {
    /// Whether a pass is under way.
    Progressing,
    /// Whether the last pass met an error.
    Degraded,
}

impl ConditionType {
    /// The type as the API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Progressing => codes::PROGRESSING,
            Self::Degraded => codes::DEGRADED,
        }
    }

    /// The first condition of this type in a list as a view has it.
    pub fn find<'c, 'a>(self, list: &'c [Option<Condition<'a>>]) -> Option<&'c Condition<'a>> {
        list.iter()
            .flatten()
            .find(|condition| condition.kind.as_deref() == Some(self.name()))
    }
}

/// What a condition is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCondition {
    /// Which one.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: bool,
    /// BI-187: the name of the event that led to the pass.
    pub reason: String,
    /// For people, and for other components.
    pub message: String,
}

impl StatusCondition {
    /// BI-183: how far a pass has come. It no longer progresses when every resource was dealt
    /// with; where none is enrolled that is so from the start.
    pub fn progressing(profile: Profile, pass: &PassStatistics, reason: &str) -> Self {
        Self {
            kind: ConditionType::Progressing,
            status: !pass.is_finished(),
            reason: reason.to_owned(),
            message: progress_message(profile, pass),
        }
    }

    /// BI-184: whether a pass met errors: those of ControlPlaneMachineSets and of MachineSets
    /// together ([`aggregate`](crate::aggregate)), written once, so that neither hides the other.
    pub fn degraded(
        profile: Profile,
        pass: &PassStatistics,
        errors: Option<&str>,
        reason: &str,
    ) -> Self {
        Self {
            kind: ConditionType::Degraded,
            status: errors.is_some(),
            reason: reason.to_owned(),
            message: degradation_message(profile, pass, errors),
        }
    }

    /// BI-185: what the conditions say before the first pass.
    pub fn defaults(profile: Profile) -> [Self; 2] {
        let pass = PassStatistics::default();
        let degraded = Self {
            message: default_degradation_message(profile),
            ..Self::degraded(profile, &pass, None, codes::NO_REASON)
        };
        [
            Self::progressing(profile, &pass, codes::NO_REASON),
            degraded,
        ]
    }

    /// What is put into the list.
    fn wanted(&self) -> WantedCondition<'_> {
        WantedCondition {
            kind: self.kind.name(),
            status: self.status,
            reason: &self.reason,
            message: &self.message,
        }
    }
}

/// A list of conditions after an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// The list, to be written as it is.
    pub list: Vec<Value>,
    /// BI-187: whether it differs from what was there. Where it does not, nothing is written.
    pub changed: bool,
}

impl Conditions {
    /// The list as rules look at it. What is no condition reads as absent.
    pub fn views(&self) -> Vec<Option<Condition<'_>>> {
        self.list
            .iter()
            .map(|document| Condition::deserialize(document).ok())
            .collect()
    }
}

/// BI-186: puts conditions into the list that is there ([`upsert_condition`]). An absent list starts
/// with both defaults (BI-185).
///
/// BI-187: `lastTransitionTime` becomes `now` (RFC 3339) where status, reason or message differ
/// from what is there, and only there.
pub fn upsert(
    profile: Profile,
    existing: Option<Vec<Value>>,
    wanted: &[StatusCondition],
    now: &str,
) -> Conditions {
    let changed = existing.is_none();
    let list = existing.unwrap_or_else(|| {
        StatusCondition::defaults(profile)
            .iter()
            .map(|condition| condition.wanted().document(now))
            .collect()
    });
    let mut conditions = Conditions { list, changed };
    for condition in wanted {
        let wanted = condition.wanted();
        let time = TransitionTime::OnAnyChange;
        conditions.changed |= upsert_condition(&mut conditions.list, &wanted, time, now);
    }
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistics;
    use proptest::prelude::*;
    use serde_json::json;

    const THEN: &str = "2025-01-01T00:00:00Z";
    const NOW: &str = "2026-11-21T12:00:00Z";
    const LATEST: Profile = Profile::LATEST;

    fn pass(total: u64, in_progress: u64, errored: u64) -> PassStatistics {
        let machine_sets = Statistics {
            total,
            in_progress,
            errored,
            skipped: 0,
        };
        PassStatistics {
            machine_sets,
            ..PassStatistics::default()
        }
    }

    fn stored(kind: &str, message: &str) -> Value {
        json!({"type": kind, "status": "False", "lastTransitionTime": THEN, "reason": "R",
            "message": message, "observedGeneration": 7, "new": {"a": []}})
    }

    fn wanted(kind: ConditionType, message: &str) -> StatusCondition {
        StatusCondition {
            kind,
            status: false,
            reason: "R".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn bi_183_progressing_ends_when_all_was_dealt_with() {
        for (pass, expected) in [
            (pass(0, 0, 0), false),
            (pass(2, 0, 0), true),
            (pass(2, 1, 1), false),
            (pass(2, 2, 0), false),
            (pass(2, 3, 0), true),
        ] {
            let found = StatusCondition::progressing(LATEST, &pass, "R");
            assert_eq!(found.status, expected, "{pass:?}");
        }
        let control_plane = PassStatistics {
            control_plane_machine_sets: pass(1, 0, 0).machine_sets,
            ..pass(1, 1, 0)
        };
        assert!(StatusCondition::progressing(LATEST, &control_plane, "R").status);
    }

    #[test]
    fn bi_184_degraded_means_an_error_even_an_empty_one() {
        for (errors, expected) in [(None, false), (Some("x"), true), (Some(""), true)] {
            let found = StatusCondition::degraded(LATEST, &pass(1, 1, 0), errors, "R");
            assert_eq!(found.status, expected, "{errors:?}");
        }
    }

    #[test]
    fn bi_185_an_absent_list_starts_with_both_conditions() {
        let found = upsert(LATEST, None, &[], NOW);
        assert!(found.changed);
        let progressing = json!({"type": "BootImageUpdateProgressing", "status": "False",
            "lastTransitionTime": NOW, "reason": "NA", "message":
            "Reconciled 0 of 0 MAPI MachineSets | Reconciled 0 of 0 ControlPlaneMachineSets | \
             Reconciled 0 of 0 CAPI MachineSets | Reconciled 0 of 0 CAPI MachineDeployments"});
        let degraded = json!({"type": "BootImageUpdateDegraded", "status": "False",
            "lastTransitionTime": NOW, "reason": "NA", "message":
            "0 Degraded MAPI MachineSets | 0 Degraded ControlPlaneMachineSets | \
             0 Degraded CAPI MachineSets | 0 CAPI MachineDeployments"});
        assert_eq!(found.list, [progressing, degraded.clone()]);
        let wanted = wanted(ConditionType::Progressing, "m");
        let found = upsert(LATEST, None, &[wanted], NOW);
        assert_eq!(found.list[0]["message"], "m");
        assert_eq!(found.list[1], degraded);
    }

    #[test]
    fn bi_186_only_the_condition_itself_is_edited() {
        let list = vec![
            stored("Foreign", "f"),
            Value::Null,
            json!("no condition"),
            stored("BootImageUpdateDegraded", "old"),
            stored("BootImageUpdateDegraded", "second"),
        ];
        let wanted = [wanted(ConditionType::Degraded, "new")];
        let found = upsert(LATEST, Some(list.clone()), &wanted, NOW);
        assert!(found.changed);
        for index in [0, 1, 2, 4] {
            assert_eq!(found.list[index], list[index]);
        }
        let mut expected = list[3].clone();
        expected["message"] = json!("new");
        expected["lastTransitionTime"] = json!(NOW);
        assert_eq!(found.list[3], expected);
    }

    #[test]
    fn bi_186_a_condition_that_the_list_lacks_is_added() {
        for list in [vec![], vec![stored("Foreign", "f")]] {
            let wanted = [wanted(ConditionType::Degraded, "new")];
            let found = upsert(LATEST, Some(list.clone()), &wanted, NOW);
            assert!(found.changed);
            assert_eq!(found.list.len(), list.len() + 1);
            let added = found.list.last().unwrap();
            assert_eq!(added["type"], "BootImageUpdateDegraded");
            assert!(added.get("observedGeneration").is_none());
        }
    }

    #[test]
    fn bi_187_the_time_moves_only_on_change() {
        let list = vec![stored("BootImageUpdateDegraded", "m")];
        let same = wanted(ConditionType::Degraded, "m");
        let found = upsert(LATEST, Some(list.clone()), std::slice::from_ref(&same), NOW);
        assert_eq!(
            found,
            Conditions {
                list: list.clone(),
                changed: false
            }
        );
        let changes = [
            StatusCondition {
                status: true,
                ..same.clone()
            },
            StatusCondition {
                reason: "other".to_owned(),
                ..same.clone()
            },
            StatusCondition {
                message: "other".to_owned(),
                ..same
            },
        ];
        for change in changes {
            let found = upsert(
                LATEST,
                Some(list.clone()),
                std::slice::from_ref(&change),
                NOW,
            );
            assert!(found.changed, "{change:?}");
            assert_eq!(found.list[0]["lastTransitionTime"], NOW, "{change:?}");
        }
    }

    fn any_document() -> impl Strategy<Value = Value> {
        let kind = prop_oneof![
            Just("BootImageUpdateProgressing"),
            Just("BootImageUpdateDegraded"),
            Just("Foreign"),
        ];
        prop_oneof![
            Just(Value::Null),
            Just(json!([1])),
            Just(json!({"type": 5})),
            (kind, "[ab]?").prop_map(|(kind, message)| stored(kind, &message)),
        ]
    }

    proptest! {
        #[test]
        fn bi_186_bi_187_a_second_upsert_changes_nothing(
            list in proptest::option::of(proptest::collection::vec(any_document(), 0..5)),
            progressing in "[ab]?",
            degraded in "[ab]?",
        ) {
            let wanted = [
                wanted(ConditionType::Progressing, &progressing),
                wanted(ConditionType::Degraded, &degraded),
            ];
            let once = upsert(LATEST, list.clone(), &wanted, THEN);
            let twice = upsert(LATEST, Some(once.list.clone()), &wanted, NOW);
            prop_assert_eq!(&twice.list, &once.list);
            prop_assert!(!twice.changed);
            prop_assert_eq!(once.changed, list.as_ref() != Some(&once.list));
            let views = once.views();
            let message = |kind: ConditionType| kind.find(&views)?.message.as_deref();
            prop_assert_eq!(message(ConditionType::Progressing), Some(progressing.as_str()));
            prop_assert_eq!(message(ConditionType::Degraded), Some(degraded.as_str()));
        }
    }
}
