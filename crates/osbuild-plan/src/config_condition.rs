//! The conditions of a MachineOSConfig (IL-732, IL-741, IL-787).

use osbuild_check::BuildState;

use crate::decide::{Decision, Presence, Situation, Wait};

/// A condition of a MachineOSConfig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigCondition {
    /// Its type.
    pub kind: &'static str,
    /// Whether it holds.
    pub is_true: bool,
    /// One word.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
}

/// The types that are ours, in the order in which they are written.
pub const CONFIG_CONDITIONS: [&str; 4] = [READY, BUILDING, FAILED, UNUSED];

const READY: &str = "Ready";
const BUILDING: &str = "Building";
const FAILED: &str = "Failed";
const UNUSED: &str = "UnusedContainerFile";
const BLOCKED: &str = "Blocked";

/// Every reason, for the generated reference.
pub const CONFIG_REASONS: [&str; 8] = [
    "BuildSucceeded",
    "BuildFailed",
    "BuildInterrupted",
    "BuildRunning",
    BLOCKED,
    "Waiting",
    "OtherArchitecture",
    "AsExpected",
];

/// Why nothing is built: what the author reads in the condition, and an Event tells.
pub(crate) fn blocked_by(conditions: &[ConfigCondition]) -> Option<&str> {
    let mut conditions = conditions.iter();
    let failed = conditions.find(|it| it.kind == FAILED && it.is_true && it.reason == BLOCKED)?;
    Some(&failed.message)
}

/// IL-732: what the author of a MachineOSConfig reads on it: whether the image that should be is
/// there, whether it is being built, why it is not.
pub(crate) fn config_conditions(
    situation: &Situation,
    decision: &Decision,
) -> Vec<ConfigCondition> {
    let of = |kind, is_true, reason, message: String| ConfigCondition {
        kind,
        is_true,
        reason,
        message,
    };
    let target = situation.target_build().filter(|build| build.is_owned);
    let name = target
        .map(|build| build.id.name.as_str())
        .unwrap_or_default();
    let state = target.and_then(|build| build.state);
    let blocked = match &decision.wait {
        Some(Wait::Person(why) | Wait::Retry(why)) => Some(why.clone()),
        _ => None,
    };
    let (ready, building, failed) = match state {
        Some(BuildState::Succeeded) => (
            // The pool may take the image once the status names it.
            if is_taken_over(situation) {
                let message = format!("the image of MachineOSBuild {name} is current");
                (true, "BuildSucceeded", message)
            } else {
                let message = format!("the image of MachineOSBuild {name} is not current yet");
                (false, "Waiting", message)
            },
            (false, "AsExpected", "no build runs".to_owned()),
            (false, "AsExpected", "the last build succeeded".to_owned()),
        ),
        Some(BuildState::Prepared | BuildState::Building) => {
            let message = format!("MachineOSBuild {name} is being built");
            (
                (false, "BuildRunning", message.clone()),
                (true, "BuildRunning", message),
                (false, "AsExpected", "the build has not ended".to_owned()),
            )
        }
        Some(BuildState::Failed | BuildState::Interrupted) => {
            let reason = if state == Some(BuildState::Failed) {
                "BuildFailed"
            } else {
                "BuildInterrupted"
            };
            let why = target.and_then(|build| build.failure_message.clone());
            let why = why.unwrap_or_else(|| "it left no image".to_owned());
            let message = format!("MachineOSBuild {name}: {why}");
            (
                (false, reason, message.clone()),
                (false, "AsExpected", "no build runs".to_owned()),
                (true, reason, message),
            )
        }
        None | Some(BuildState::Initial) => match blocked {
            Some(why) => (
                (false, BLOCKED, why.clone()),
                (false, BLOCKED, why.clone()),
                (true, BLOCKED, why),
            ),
            None => (
                (false, "Waiting", "the build has not started".to_owned()),
                (false, "Waiting", "the build has not started".to_owned()),
                (false, "AsExpected", "the build has not ended".to_owned()),
            ),
        },
    };
    let mut conditions: Vec<ConfigCondition> =
        [(READY, ready), (BUILDING, building), (FAILED, failed)]
            .into_iter()
            .map(|(kind, (is_true, reason, message))| of(kind, is_true, reason, message))
            .collect();
    let had = situation
        .config
        .conditions
        .iter()
        .any(|condition| condition.kind == UNUSED);
    match &situation.config.unused_entries {
        Some(why) => conditions.push(of(UNUSED, true, "OtherArchitecture", why.clone())),
        None if had => {
            let message = "every entry of containerFile is built".to_owned();
            conditions.push(of(UNUSED, false, "AsExpected", message));
        }
        None => {}
    }
    conditions
}

/// Why the image that a pool should have is not its current one: the reason of the condition `Ready`;
/// `None` where it is, and where there is no MachineOSConfig any more.
pub fn behind(situation: &Situation, decision: &Decision) -> Option<&'static str> {
    if situation.config.presence != Presence::Here {
        return None;
    }
    let conditions = config_conditions(situation, decision).into_iter();
    let mut ready = conditions.filter(|condition| condition.kind == READY);
    ready.find_map(|ready| (!ready.is_true).then_some(ready.reason))
}

/// IL-360: whether the MachineOSConfig names the image of the target.
fn is_taken_over(situation: &Situation) -> bool {
    let config = &situation.config;
    situation.target_build().is_some_and(|build| {
        build.digest.is_some()
            && config.image == build.digest
            && config.build_of_image.as_ref() == Some(&build.id.name)
    })
}
