//! The condition `ImageBuildDegraded` of a pool (IL-041, IL-365).

use osbuild_check::BuildState;

use crate::decide::{Build, Situation};

/// The condition `ImageBuildDegraded` of a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolCondition {
    /// Whether the build failed.
    pub is_true: bool,
    /// One word.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

impl PoolCondition {
    /// Its type.
    pub const TYPE: &'static str = "ImageBuildDegraded";
}

/// IL-041: the reason after a build that succeeded.
pub(crate) const SUCCEEDED: &str = "BuildSuccess";
/// IL-041: the reason while a build goes on.
pub(crate) const BUILDING: &str = "Building";

/// IL-365: the condition that the builds of a MachineOSConfig make; `None` leaves it as it is. The
/// build that counts is the current one, else one that runs, else the newest. A failed build is no
/// failure of this function. (The reference returns one, and tries again for ever.)
pub fn pool_condition(situation: &Situation) -> Option<PoolCondition> {
    let builds = || {
        let builds = situation.builds.iter();
        builds.filter(|build| build.is_owned && !build.is_being_deleted)
    };
    let current = situation.config.current_build.as_deref();
    let relevant = builds()
        .find(|build| Some(build.id.name.as_str()) == current)
        .or_else(|| builds().find(|build| build.state.is_some_and(BuildState::is_transient)))
        .or_else(|| builds().max_by_key(|build| (&build.created, &build.id.name)));
    let pool = &situation.config.pool;
    let of = |is_true, reason: &str, message| {
        let reason = reason.to_owned();
        Some(PoolCondition {
            is_true,
            reason,
            message,
        })
    };
    let succeeded = || of(false, SUCCEEDED, format!("Build succeeded for pool {pool}"));
    let Some(build) = relevant else {
        return succeeded();
    };
    match build.state {
        Some(BuildState::Succeeded) => succeeded(),
        Some(BuildState::Failed) => of(true, "BuildFailed", failure(pool, build)),
        Some(BuildState::Prepared | BuildState::Building) => {
            of(false, BUILDING, format!("Build started for pool {pool}"))
        }
        _ => None,
    }
}

fn failure(pool: &str, build: &Build) -> String {
    let name = &build.id.name;
    let why = build.failure_message.as_deref().unwrap_or("Build Failed");
    format!("Failed to build OS image for pool {pool} (MachineOSBuild: {name}): Failed: {why}")
}
