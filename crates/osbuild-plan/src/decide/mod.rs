//! What to do next (Appendix B): a total, deterministic function of what there is.
//!
//! Level-triggered: it looks at nothing but the situation, never at the event that led to it, so
//! that the order of events does not matter and a crash between two steps costs nothing. What it
//! destroys, and what it does because something is not there, it decides on a reading from the API
//! server itself (IL-772); each request carries the very object that it was decided on (IL-771).

mod action;
mod answer;
mod images;
mod jobs;
mod observe;
mod pod;
mod rows;
mod seeding;
#[cfg(test)]
mod simulation;
mod situation;
mod target;
#[cfg(test)]
mod tests;
mod trigger;

pub use action::{Action, Decision, ObjectRef, Wait};
pub use observe::{Observed, OwnedObject};
pub use pod::{BuildPod, ContainerStatus, PodStatus};
pub use situation::{
    Build, BuildInput, Config, ImageFact, Job, Pool, Presence, PushAccess, Situation, Target,
};
pub use trigger::Trigger;

use crate::config_condition::config_conditions;
use crate::pool_condition::pool_condition;

/// Appendix B, §10.5: what to do next about a MachineOSConfig. The first row that fits wins.
///
/// - of the builds of a MachineOSConfig at most one has a pod (IL-776);
/// - a build that stands for an image of another one, or for one that was built before, never gets
///   a Job, and an image stands for another build only where both are made of the same (IL-770);
/// - an image that anything names is never deleted (IL-774);
/// - asked again about its own result, it has nothing to do.
pub fn decide(situation: &Situation) -> Decision {
    let images = images::deletions(situation);
    if let Some(action) = images.action {
        return Decision::act("IL-774", vec![action]);
    }
    let mut decision = rows::decide(situation);
    if situation.config.presence == Presence::Here {
        let conditions = config_conditions(situation, &decision);
        // One write of an object at a time: the next decision has its new version.
        let writes_config = decision.actions.iter().any(Action::writes_config);
        let is_current = conditions == situation.config.conditions && situation.config.is_observed;
        // What is asked for may lead to other conditions: each way would be written, again and again.
        let asks = matches!(
            decision.wait,
            Some(Wait::Live | Wait::Images(_) | Wait::PushAccess(_))
        );
        if !asks && !writes_config && !is_current {
            let set = Action::SetConfigConditions(conditions);
            decision.actions.push(set);
        }
        decision.actions.extend(set_pool_condition(situation));
    }
    decision.waits_also(images.wait);
    decision
}

fn set_pool_condition(situation: &Situation) -> Option<Action> {
    let pool = situation.pool.as_ref()?;
    let condition = pool_condition(situation)?;
    let is_wanted = situation.config.yields_to.is_none() && pool.needs(&condition);
    is_wanted.then_some(Action::SetPoolCondition(condition))
}

impl Action {
    /// Whether it writes the MachineOSConfig.
    fn writes_config(&self) -> bool {
        matches!(
            self,
            Self::SetCurrentBuild { .. }
                | Self::SetCurrentImage { .. }
                | Self::RemovePreBuiltImage
                | Self::SetConfigConditions(_)
        )
    }
}
