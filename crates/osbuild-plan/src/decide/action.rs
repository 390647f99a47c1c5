//! What can be done.

use osbuild_check::BuildState;

use crate::pool_condition::PoolCondition;

/// One step. Steps of a decision are carried out in order; whatever stops one, the next decision
/// goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// IL-131: creates the MachineOSBuild that should be.
    CreateBuild {
        /// Its name.
        build: String,
    },
    /// IL-370 … IL-372: creates or completes a MachineOSBuild for an image that was built before,
    /// and points the MachineOSConfig at it.
    Seed {
        /// Its name.
        build: String,
        /// The image by digest.
        image: String,
    },
    /// IL-345: the build has succeeded with the image of another one.
    CopyImage {
        /// Its name.
        build: String,
        /// The image by digest.
        image: String,
    },
    /// IL-026: writes the status that the Job tells.
    SetState {
        /// The build.
        build: String,
        /// Its state.
        state: BuildState,
    },
    /// IL-360: the MachineOSConfig names the build as current, drops the request for another one,
    /// and takes over its image where it has one.
    Point {
        /// The build.
        build: String,
        /// Its image by digest.
        image: Option<String>,
    },
    /// IL-280: creates ConfigMaps, Secrets and Job.
    Start {
        /// The build.
        build: String,
    },
    /// IL-351: deletes the build with its digest ConfigMap, and its image.
    DeleteBuild {
        /// The build.
        build: String,
        /// The image by digest; `None` keeps it, e.g. because a node runs it.
        image: Option<String>,
    },
    /// IL-282: deletes what the Job of a successful build leaves.
    CleanUp {
        /// The build.
        build: String,
    },
    /// IL-374: removes the annotation with the image that was built before.
    RemovePreBuiltImage,
    /// IL-365: tells the pool.
    SetPoolCondition(PoolCondition),
}

/// Why nothing more is done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// For an answer of the registry about these images.
    Images(Vec<String>),
    /// For a Job, or for an object that is being deleted.
    Progress(String),
    /// Something is missing or fails for now; try again.
    Retry(String),
    /// Only a person can help.
    Person(String),
}

/// What to do next about one MachineOSConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The row of the decision table that was taken, e.g. `IL-824`.
    pub rule: &'static str,
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// Why nothing more is done now; `None` where all is done.
    pub wait: Option<Wait>,
}

impl Decision {
    pub(super) fn act(rule: &'static str, actions: Vec<Action>) -> Self {
        Self {
            rule,
            actions,
            wait: None,
        }
    }

    pub(super) fn wait(rule: &'static str, wait: Wait) -> Self {
        Self {
            rule,
            actions: Vec::new(),
            wait: Some(wait),
        }
    }
}
