//! States of a build and how they follow one another (IL-020 … IL-028).

use std::fmt;

use openshift_model::Condition;
use serde::Serialize;

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

    /// IL-021: whether a Job is at work.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Prepared | Self::Building)
    }

    /// IL-021: whether nothing follows.
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

/// IL-021: the state that conditions tell; `None` where there are none at all. Types that are no
/// state are passed over.
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

/// A condition to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCondition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True` or `False`.
    pub status: String,
    /// RFC 3339.
    pub last_transition_time: String,
    /// One word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// IL-020, IL-022: the conditions of a build that is in `state` now. A condition whose status
/// stays keeps its time; types that are no state stay as they are, behind the others.
pub fn conditions<'b>(
    state: BuildState,
    current: impl IntoIterator<Item = &'b Condition<'b>>,
    now: &str,
) -> Vec<NewCondition> {
    let mut others = Vec::new();
    let mut times = [None; BuildState::WITH_CONDITION.len()];
    for condition in current {
        let kind = condition.kind.as_deref().unwrap_or_default();
        let place = BuildState::WITH_CONDITION
            .iter()
            .position(|state| state.name() == kind);
        match place.and_then(|place| times.get_mut(place)) {
            Some(time) => *time = Some(condition),
            None => others.push(kept(condition)),
        }
    }
    let written = BuildState::WITH_CONDITION
        .into_iter()
        .zip(times)
        .map(|(kind, current)| {
            let status = if kind == state { "True" } else { "False" };
            let (reason, message) = kind.texts();
            let stays = current.filter(|current| current.status.as_deref() == Some(status));
            let time = stays.and_then(|current| current.last_transition_time.as_deref());
            NewCondition {
                kind: kind.name().to_owned(),
                status: status.to_owned(),
                last_transition_time: time.unwrap_or(now).to_owned(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            }
        });
    written.chain(others).collect()
}

/// IL-027, IL-371: the conditions of a build that stands for an image that was built before.
pub fn seeded_conditions(image: &str, now: &str) -> Vec<NewCondition> {
    let condition = |kind: BuildState| {
        let (status, message) = if kind == BuildState::Succeeded {
            (
                "True",
                format!("Pre-built image \"{image}\" successfully seeded"),
            )
        } else {
            ("False", "Skipped: using pre-built image".to_owned())
        };
        NewCondition {
            kind: kind.name().to_owned(),
            status: status.to_owned(),
            last_transition_time: now.to_owned(),
            reason: SEEDED.to_owned(),
            message,
        }
    };
    BuildState::WITH_CONDITION.map(condition).into()
}

/// IL-028: the only condition of a MachineOSConfig.
pub fn seeded_config_condition(image: &str, now: &str) -> NewCondition {
    NewCondition {
        kind: "Seeded".to_owned(),
        status: "True".to_owned(),
        last_transition_time: now.to_owned(),
        reason: SEEDED.to_owned(),
        message: format!("MachineOSConfig seeded with pre-built image \"{image}\""),
    }
}

/// The reason of both.
const SEEDED: &str = "PreBuiltImageSeeded";

fn kept(condition: &Condition<'_>) -> NewCondition {
    let text =
        |text: &Option<openshift_model::Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
    NewCondition {
        kind: text(&condition.kind),
        status: text(&condition.status),
        last_transition_time: text(&condition.last_transition_time),
        reason: text(&condition.reason),
        message: text(&condition.message),
    }
}

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
    fn il_020_il_022_five_conditions_are_written_and_times_stay_with_the_status() {
        let current = [
            condition("Odd", "True"),
            condition("Prepared", "True"),
            condition("Failed", "False"),
        ];
        let written = conditions(BuildState::Building, &current, "now");
        let shown: Vec<_> = written
            .iter()
            .map(|c| format!("{} {} {}", c.kind, c.status, c.last_transition_time))
            .collect();
        assert_eq!(
            shown,
            [
                "Prepared False now",
                "Building True now",
                "Failed False before",
                "Interrupted False now",
                "Succeeded False now",
                "Odd True before",
            ]
        );
        assert_eq!(written.last().unwrap().kind, "Odd");
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
        let succeeded: Vec<_> = written.iter().filter(|c| c.status == "True").collect();
        assert_eq!((written.len(), succeeded.len()), (5, 1));
        assert_eq!(
            succeeded[0].message,
            "Pre-built image \"a.b/c@d\" successfully seeded"
        );
        let condition = seeded_config_condition("a.b/c@d", "now");
        assert_eq!(
            condition.message,
            "MachineOSConfig seeded with pre-built image \"a.b/c@d\""
        );
        assert_eq!(condition.reason, "PreBuiltImageSeeded");
    }
}
