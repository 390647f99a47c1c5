//! States of a build and how they follow one another (IL-020 … IL-028).

use std::fmt;

use openshift_model::{Condition, TransitionTime, WantedCondition, upsert_condition};
use serde::Serialize;
use serde_json::Value;

/// IL-021: the state of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BuildState {
    /// No condition is true.
    Initial,
    /// The Job is there and no pod runs.
    Prepared,
    /// A pod runs.
    Building,
    /// The image is built and pushed.
    Succeeded,
    /// The Job failed.
    Failed,
    /// The Job was deleted.
    Interrupted,
}

impl BuildState {
    /// States that a condition stands for, in the order in which they are written (IL-020).
    pub const WITH_CONDITION: [Self; 5] = [
        Self::Prepared,
        Self::Building,
        Self::Failed,
        Self::Interrupted,
        Self::Succeeded,
    ];

    /// The name, which is the type of its condition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::Prepared => "Prepared",
            Self::Building => "Building",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Interrupted => "Interrupted",
        }
    }

    /// IL-020: reason and message of its condition, whatever its status.
    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Initial => ("", ""),
            Self::Prepared => ("Prepared", "Build Prepared and Pending"),
            Self::Building => ("Building", "Image Build In Progress"),
            Self::Succeeded => ("Ready", "Build Ready"),
            Self::Failed => ("Failed", "Build Failed"),
            Self::Interrupted => ("Interrupted", "Build Interrupted"),
        }
    }

    /// IL-021: whether its Job runs or is about to.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Prepared | Self::Building)
    }

    /// IL-021: whether no other state follows.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Interrupted)
    }

    /// IL-021: whether it ended without an image.
    pub const fn is_degraded(self) -> bool {
        matches!(self, Self::Failed | Self::Interrupted)
    }
}

impl fmt::Display for BuildState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// IL-021: the state that conditions tell; `None` where there are none at all. Conditions of
/// other types are ignored.
pub fn state<'b>(conditions: impl IntoIterator<Item = &'b Condition<'b>>) -> Option<BuildState> {
    let mut any = false;
    for condition in conditions {
        any = true;
        let kind = condition.kind.as_deref();
        let found = BuildState::WITH_CONDITION
            .into_iter()
            .find(|state| Some(state.name()) == kind);
        if let Some(found) = found
            && condition.status.as_deref() == Some("True")
        {
            return Some(found);
        }
    }
    any.then_some(BuildState::Initial)
}

/// IL-020, IL-022: the conditions of a build that is in `state` now, put into the list that it has
/// (`RawObject::condition_documents`). A condition whose status stays keeps its time; conditions of
/// other types stay as they are.
pub fn conditions(state: BuildState, current: Vec<Value>, now: &str) -> Vec<Value> {
    let mut list = current;
    for kind in BuildState::WITH_CONDITION {
        let (reason, message) = kind.texts();
        let wanted = WantedCondition {
            kind: kind.name(),
            status: kind == state,
            reason,
            message,
        };
        upsert_condition(&mut list, &wanted, TransitionTime::OnStatus, now);
    }
    list
}

/// IL-027, IL-371: the conditions of a build that stands for an image that was built before.
pub fn seeded_conditions(image: &str, now: &str) -> Vec<Value> {
    let seeded = format!("Pre-built image \"{image}\" successfully seeded");
    let condition = |kind: BuildState| {
        let succeeded = kind == BuildState::Succeeded;
        let wanted = WantedCondition {
            kind: kind.name(),
            status: succeeded,
            reason: SEEDED,
            message: if succeeded {
                &seeded
            } else {
                "Skipped: using pre-built image"
            },
        };
        wanted.document(now)
    };
    BuildState::WITH_CONDITION.map(condition).into()
}

/// IL-028: the only condition of a MachineOSConfig.
pub fn seeded_config_condition(image: &str, now: &str) -> Value {
    let message = format!("MachineOSConfig seeded with pre-built image \"{image}\"");
    let wanted = WantedCondition {
        kind: "Seeded",
        status: true,
        reason: SEEDED,
        message: &message,
    };
    wanted.document(now)
}

/// The reason of both.
const SEEDED: &str = "PreBuiltImageSeeded";

/// Whether a build may go from one state to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// IL-023: whether the status is written.
    pub allowed: bool,
    /// IL-024: the line for a log; empty where nothing changes.
    pub text: String,
}

/// IL-023, IL-024: whether a build may go from a state to another; `None` is a build without
/// conditions. What is forbidden is no error: it is logged and left.
pub fn transition(from: Option<BuildState>, to: Option<BuildState>) -> Transition {
    use BuildState::{Building, Initial, Prepared};
    let before = from.unwrap_or(Initial);
    let after = to.unwrap_or(Initial);
    let of = |allowed, text: String| Transition { allowed, text };
    if before.is_terminal() {
        return of(
            false,
            format!("transitioned from {} -> {}", named(before), named(after)),
        );
    }
    if after == Initial {
        let first = from.is_none() && to.is_some();
        let text = if first { "in initial state" } else { "" };
        return of(first, text.to_owned());
    }
    if before == after {
        return of(false, String::new());
    }
    let back = (before, after) == (Building, Prepared);
    of(
        !back,
        format!("transitioned from {} -> {}", named(before), named(after)),
    )
}

fn named(state: BuildState) -> String {
    if state.is_terminal() {
        format!("terminal state ({state})")
    } else if state.is_transient() {
        format!("transient state ({state})")
    } else {
        "initial state".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(kind: &'static str, status: &'static str) -> Condition<'static> {
        Condition {
            kind: Some(kind.into()),
            status: Some(status.into()),
            last_transition_time: Some("before".into()),
            ..Condition::default()
        }
    }

    #[test]
    fn il_021_the_state_is_the_type_that_is_true() {
        let conditions = [condition("Odd", "True"), condition("Building", "True")];
        assert_eq!(state(&conditions), Some(BuildState::Building));
        assert_eq!(
            state(&[condition("Building", "False")]),
            Some(BuildState::Initial)
        );
        assert_eq!(
            state(&[condition("Odd", "True")]),
            Some(BuildState::Initial)
        );
        assert_eq!(state(&[]), None);
    }

    #[test]
    fn il_555_each_state_is_of_one_sort() {
        for state in BuildState::WITH_CONDITION {
            assert_ne!(state.is_transient(), state.is_terminal(), "{state}");
            assert!(!state.is_degraded() || state.is_terminal());
        }
        assert!(!BuildState::Initial.is_transient() && !BuildState::Initial.is_terminal());
    }

    #[test]
    fn il_020_il_022_five_conditions_are_written_and_foreign_ones_stay_to_the_member() {
        let stored = |kind: &str, status: &str| {
            let mut condition = json!({"type": kind, "status": status, "reason": kind,
                "lastTransitionTime": "before", "message": "", "new": 1});
            if kind == "Odd" {
                condition
                    .as_object_mut()
                    .unwrap()
                    .remove("lastTransitionTime");
            }
            condition
        };
        let current = vec![
            stored("Odd", "True"),
            stored("Prepared", "True"),
            stored("Failed", "False"),
        ];
        let written = conditions(BuildState::Building, current, "now");
        assert_eq!(written[0], stored("Odd", "True"));
        let shown: Vec<_> = written[1..]
            .iter()
            .map(|c| {
                let text = |name: &str| c[name].as_str().unwrap();
                format!(
                    "{} {} {}",
                    text("type"),
                    text("status"),
                    text("lastTransitionTime")
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Prepared False now",
                "Failed False before",
                "Building True now",
                "Interrupted False now",
                "Succeeded False now",
            ]
        );
    }

    #[test]
    fn il_023_a_build_never_goes_back() {
        use BuildState::{Building, Failed, Initial, Prepared, Succeeded};
        let allowed = |from, to| transition(from, Some(to)).allowed;
        assert!(allowed(None, Initial) && allowed(Some(Initial), Succeeded));
        assert!(allowed(Some(Prepared), Building) && allowed(Some(Building), Failed));
        assert!(!allowed(Some(Building), Prepared) && !allowed(Some(Prepared), Prepared));
        assert!(!allowed(Some(Failed), Building) && !allowed(Some(Succeeded), Succeeded));
    }

    #[test]
    fn il_027_il_028_il_371_seeded_objects_have_texts_of_their_own() {
        let written = seeded_conditions("a.b/c@d", "now");
        let succeeded: Vec<_> = written.iter().filter(|c| c["status"] == "True").collect();
        assert_eq!((written.len(), succeeded.len()), (5, 1));
        assert_eq!(
            succeeded[0]["message"],
            "Pre-built image \"a.b/c@d\" successfully seeded"
        );
        let condition = seeded_config_condition("a.b/c@d", "now");
        assert_eq!(
            condition["message"],
            "MachineOSConfig seeded with pre-built image \"a.b/c@d\""
        );
        assert_eq!(condition["reason"], "PreBuiltImageSeeded");
    }
}
