//! What can be done.

use std::fmt;

use mosb_naming::keys;
use openshift_model::Kind;
use osbuild_check::{BuildState, Failure};

use super::trigger::Trigger;
use crate::config_condition::ConfigCondition;
use crate::pool_condition::PoolCondition;

/// IL-771: one very object, as it was read: a request that carries this is refused where the object
/// is another one of the same name, or where somebody has written it since.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.resourceVersion`
    pub resource_version: String,
}

/// IL-775: one step: one request, or several that can be repeated at will. Whatever stops one, the
/// next decision goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// IL-131: creates the MachineOSBuild that should be.
    CreateBuild {
        /// Its name.
        build: String,
        /// IL-770: the digest of its content.
        content: String,
        /// IL-750: why it is made.
        trigger: Trigger,
        /// IL-371: it stands for an image that was built before.
        is_seeded: bool,
    },
    /// IL-774: the build stays from now on until its image is dealt with.
    AddFinalizer {
        /// The build.
        build: ObjectRef,
    },
    /// IL-371: a build that exists stands for an image that was built before.
    SetPreBuiltLabel {
        /// The build.
        build: ObjectRef,
    },
    /// IL-750: a build that has not started is the one that the author asks for: it reuses nothing.
    SetRebuildTrigger {
        /// The build.
        build: ObjectRef,
    },
    /// IL-371: the status of a build that stands for an image that was built before.
    Seed {
        /// The build.
        build: ObjectRef,
        /// The image by digest.
        image: String,
    },
    /// IL-345: the build has succeeded with the image of another one of the same content.
    ReuseImage {
        /// The build.
        build: ObjectRef,
        /// The image by digest.
        image: String,
    },
    /// IL-026: writes the status that follows from the Job.
    SetState {
        /// The build.
        build: ObjectRef,
        /// Its state.
        state: BuildState,
        /// The image by digest, of a build that succeeded.
        image: Option<String>,
        /// IL-777: why it failed.
        failure: Option<Failure>,
    },
    /// IL-360: the MachineOSConfig names the build as current and drops the request for another
    /// one.
    SetCurrentBuild {
        /// The build.
        build: String,
    },
    /// IL-360: the MachineOSConfig takes over the image of the build.
    SetCurrentImage {
        /// The build.
        build: String,
        /// Its image by digest.
        image: String,
    },
    /// IL-280, IL-773: applies ConfigMaps and Secrets, and creates the Job.
    Start {
        /// The build.
        build: ObjectRef,
    },
    /// IL-280: annotates the build with the uid of its Job, by which other tools find it.
    SetJobUid {
        /// The build.
        build: ObjectRef,
        /// The uid of its Job.
        job: String,
    },
    /// IL-275: writes the digest where older tools look for it.
    WriteDigest {
        /// The build.
        build: ObjectRef,
        /// The digest.
        digest: String,
    },
    /// IL-780: stops a Job whose build has failed: it makes no further pod, and stays to be looked at.
    StopJob {
        /// The build.
        build: ObjectRef,
        /// The uid of its Job.
        job: String,
    },
    /// IL-782: keeps the ends of the logs of pods, the first attempt's and the last one's.
    KeepLog {
        /// The build.
        build: ObjectRef,
        /// The names of the pods.
        pods: Vec<String>,
    },
    /// IL-351: deletes the build. Its image goes before our finalizer does (IL-774).
    DeleteBuild {
        /// The build.
        build: ObjectRef,
    },
    /// IL-353: deletes an image from its registry; what came of it is a fact of the next decision.
    DeleteImage {
        /// The build that goes.
        build: ObjectRef,
        /// The image, by digest, or by tag where no digest is known.
        image: String,
    },
    /// IL-774: nothing keeps the build any more.
    RemoveFinalizer {
        /// The build.
        build: ObjectRef,
        /// IL-736: why its image stays in the registry, where it should not.
        left: Option<String>,
    },
    /// IL-282: deletes what a successful build does not need any more: the ConfigMaps and Secrets
    /// that its Job was given, and then the Job, so that a crash in between is seen.
    CleanUp {
        /// The build.
        build: ObjectRef,
        /// The uid of its Job.
        job: String,
        /// ConfigMaps and Secrets.
        inputs: Vec<(Kind, ObjectRef)>,
    },
    /// IL-374: removes the annotation with the image that was built before.
    RemovePreBuiltImage,
    /// IL-365: the condition of the pool.
    SetPoolCondition(PoolCondition),
    /// IL-732, IL-741: the conditions of the MachineOSConfig.
    SetConfigConditions(Vec<ConfigCondition>),
}

/// Why nothing more is done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// IL-772: for a reading from the API server itself: what a cache lacks may be there, and what it
    /// has may be gone.
    Live,
    /// For an answer of the registry about these images.
    Images(Vec<String>),
    /// IL-783: for an answer of the registry: whether this image may be pushed.
    PushAccess(String),
    /// For a Job, or for an object that is being deleted.
    Progress(String),
    /// Something is missing or fails for now; try again.
    Retry(String),
    /// Only a person can help.
    Person(String),
}

impl fmt::Display for Action {
    /// For a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBuild { build, trigger, .. } => {
                write!(f, "create MachineOSBuild {build}: {trigger}")
            }
            Self::AddFinalizer { build } => write!(f, "add our finalizer to {}", build.name),
            Self::SetPreBuiltLabel { build } => write!(f, "label {} as pre-built", build.name),
            Self::SetRebuildTrigger { build } => {
                write!(
                    f,
                    "annotate {} as asked for by the rebuild annotation",
                    build.name
                )
            }
            Self::Seed { build, image } => write!(f, "seed {} with {image}", build.name),
            Self::ReuseImage { build, image } => write!(f, "reuse {image} for {}", build.name),
            Self::SetState { build, state, .. } => write!(f, "{} is {state}", build.name),
            Self::SetCurrentBuild { build } => write!(f, "set {} to {build}", keys::CURRENT_BUILD),
            Self::SetCurrentImage { image, .. } => {
                write!(f, "set status.currentImagePullSpec to {image}")
            }
            Self::Start { build } => write!(f, "start {}", build.name),
            Self::SetJobUid { build, .. } => write!(f, "annotate {} with its Job", build.name),
            Self::WriteDigest { build, .. } => write!(f, "write the digest of {}", build.name),
            Self::StopJob { build, .. } => write!(f, "stop the Job of {}", build.name),
            Self::KeepLog { build, .. } => write!(f, "keep the log of {}", build.name),
            Self::DeleteBuild { build } => write!(f, "delete MachineOSBuild {}", build.name),
            Self::DeleteImage { image, .. } => write!(f, "delete image {image}"),
            Self::RemoveFinalizer { build, .. } => {
                write!(f, "remove our finalizer from {}", build.name)
            }
            Self::CleanUp { build, .. } => write!(f, "clean up after {}", build.name),
            Self::RemovePreBuiltImage => f.write_str("remove the annotation pre-built-image"),
            Self::SetPoolCondition(condition) => {
                write!(
                    f,
                    "set {} of the pool: {}",
                    PoolCondition::TYPE,
                    condition.reason
                )
            }
            Self::SetConfigConditions(_) => f.write_str("set conditions of the MachineOSConfig"),
        }
    }
}

impl fmt::Display for Wait {
    /// For a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("waits for a reading from the API server"),
            Self::Images(images) => write!(f, "asks about {}", images.join(", ")),
            Self::PushAccess(image) => write!(f, "asks whether {image} may be pushed"),
            Self::Progress(why) | Self::Retry(why) | Self::Person(why) => f.write_str(why),
        }
    }
}

impl Wait {
    /// What can be done at once comes first, what only a person can do last.
    const fn urgency(&self) -> u8 {
        match self {
            Self::Live => 0,
            Self::Images(_) => 1,
            Self::PushAccess(_) => 2,
            Self::Retry(_) => 3,
            Self::Progress(_) => 4,
            Self::Person(_) => 5,
        }
    }
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

    /// What is waited for besides: the more urgent of two counts.
    pub(super) fn waits_also(&mut self, other: Option<Wait>) {
        self.wait = match (self.wait.take(), other) {
            (Some(Wait::Images(mut one)), Some(Wait::Images(other))) => {
                one.extend(other);
                Some(Wait::Images(one))
            }
            (one, other) => [one, other].into_iter().flatten().min_by_key(Wait::urgency),
        };
    }

    pub(super) fn wait(rule: &'static str, wait: Wait) -> Self {
        Self {
            rule,
            actions: Vec::new(),
            wait: Some(wait),
        }
    }
}
