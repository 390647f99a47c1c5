//! What there is: everything that a decision depends on.

use std::collections::{BTreeMap, BTreeSet};

use osbuild_check::{Attempt, BuildState, Failure};

use super::action::ObjectRef;
use crate::config_condition::ConfigCondition;
use crate::pool_condition::{BUILDING, PoolCondition};

/// What a registry says about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFact {
    /// It is there.
    Found {
        /// Its digest.
        digest: String,
        /// The digest of the inputs that its label names (IL-781); `None` without the label.
        inputs: Option<String>,
    },
    /// It is not there, for certain.
    NotFound,
    /// Nobody knows, e.g. because access was denied.
    Unknown(String),
    /// IL-736: the registry does not delete it, whoever asks.
    Undeletable(String),
}

/// Everything that a decision about one MachineOSConfig depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// IL-772: whether everything below was read from the API server itself in this pass. A cache
    /// alone proves neither that something is gone nor that it is still the same.
    pub is_live: bool,
    /// The MachineOSConfig.
    pub config: Config,
    /// Builds with its name in their labels, by name; those of a former MachineOSConfig of the same
    /// name too.
    pub builds: Vec<Build>,
    /// The pool; `None` where there is none.
    pub pool: Option<Pool>,
    /// The build that should be, or why it has no name.
    pub target: Result<Target, String>,
    /// What the registry said, by image.
    pub images: BTreeMap<String, ImageFact>,
    /// IL-774: who names an image: MachineOSBuilds, by uid, and MachineOSConfigs, of the whole
    /// cluster.
    pub named_by: BTreeMap<String, BTreeSet<String>>,
    /// Images, by digest, that nodes run or are to run.
    pub images_in_use: BTreeSet<String>,
}

/// The build that should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// IL-770: the digest of what its image is made of.
    pub content: String,
}

/// Whether an object is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    #[default]
    Here,
    /// It is on its way out.
    Deleting,
    /// It is not.
    Gone,
}

/// A MachineOSConfig as a decision sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Which object it is.
    pub id: ObjectRef,
    /// The pool's name.
    pub pool: String,
    /// Whether it is there.
    pub presence: Presence,
    /// An older MachineOSConfig for the same pool (IL-829).
    pub yields_to: Option<String>,
    /// The annotation with an image that was built before; an empty one is none (IL-374).
    pub pre_built_image: Option<String>,
    /// The annotation that asks for another build.
    pub rebuild: bool,
    /// The annotation with the build that is current.
    pub current_build: Option<String>,
    /// `status.currentImagePullSpec`
    pub image: Option<String>,
    /// `status.machineOSBuild`
    pub build_of_image: Option<String>,
    /// Whether `status.observedGeneration` is the generation.
    pub is_observed: bool,
    /// IL-787: entries of `containerFile` that are not built.
    pub unused_entries: Option<String>,
    /// What it says about its builds.
    pub conditions: Vec<ConfigCondition>,
}

/// A MachineOSBuild as a decision sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one object"
)]
pub struct Build {
    /// Which object it is.
    pub id: ObjectRef,
    /// Whether the MachineOSConfig, by uid, controls it.
    pub is_owned: bool,
    /// The rendered MachineConfig that it is for.
    pub rendered: String,
    /// Where it is pushed to, by tag.
    pub push_spec: String,
    /// IL-770: the digest of what its image is made of; `None` where nobody can tell.
    pub content: Option<String>,
    /// Its state; `None` without conditions.
    pub state: Option<BuildState>,
    /// What its condition says of a failure.
    pub failed_with: Option<String>,
    /// The image by digest.
    pub digest: Option<String>,
    /// It stands for an image that was built before (IL-373).
    pub is_seeded: bool,
    /// It is on its way out.
    pub is_being_deleted: bool,
    /// IL-774: it is held until its image is dealt with.
    pub is_held: bool,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Its Job.
    pub job: Option<Job>,
    /// The uid that is noted as that of its Job.
    pub noted_job: Option<String>,
    /// The pods of its Job that ended, oldest first.
    pub attempts: Vec<Attempt>,
    /// IL-275: the digest in its ConfigMap.
    pub digest_in_config_map: Option<String>,
}

/// The Job of a build: its owner is the build, by uid (IL-771).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// `metadata.uid`
    pub uid: String,
    /// The state that it tells.
    pub state: Option<BuildState>,
    /// Whether a pod of it runs or may run.
    pub is_live: bool,
}

/// A pool as a decision sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// The rendered MachineConfig that it is to run; empty where there is none.
    pub target: String,
    /// Whether the rendered MachineConfig is there.
    pub has_target: bool,
    /// A condition that no build can cure (IL-816).
    pub degraded_by: Option<&'static str>,
    /// IL-779: a condition that a build of other content may cure.
    pub nodes_degraded_by: Option<&'static str>,
    /// What it is told about its builds.
    pub build_condition: Option<PoolCondition>,
}

impl Situation {
    /// The build that should be, if it is there.
    pub fn target_build(&self) -> Option<&Build> {
        let target = self.target.as_ref().ok()?;
        self.builds
            .iter()
            .find(|build| build.id.name == target.name)
    }

    /// The build that the MachineOSConfig names as current.
    pub(super) fn current_build(&self) -> Option<&Build> {
        let current = self.config.current_build.as_deref()?;
        self.builds.iter().find(|build| build.id.name == current)
    }

    /// IL-353: whether nodes run an image, or are to run it.
    pub(super) fn is_in_use(&self, image: &str) -> bool {
        self.images_in_use.contains(image)
    }

    /// IL-774: whether anybody but this build names an image. Its own MachineOSConfig does not count
    /// once it goes.
    pub(super) fn is_shared(&self, build: &Build, image: &str) -> bool {
        let names = self.named_by.get(image).into_iter().flatten();
        let own_config = &self.config.id.uid;
        let config_goes = self.config.presence != Presence::Here;
        let mut others = names.filter(|name| **name != build.id.uid);
        others.any(|name| !(config_goes && name == own_config))
    }
}

impl Build {
    /// Whether it was started, or has ended.
    pub(super) fn has_begun(&self) -> bool {
        self.job.is_some() || self.state.is_some_and(|state| state != BuildState::Initial)
    }

    /// IL-776: whether a pod of it may run.
    pub(super) fn is_live(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_live)
    }

    /// IL-777: why it failed: what its last pod says.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.attempts.iter().rev().find_map(Attempt::failure)
    }
}

impl Pool {
    /// IL-365, IL-778: whether it is to be told something new. That a build goes on is no news to a
    /// pool that is not degraded; what another writer says in other words is left alone.
    pub(super) fn needs(&self, condition: &PoolCondition) -> bool {
        match &self.build_condition {
            None => true,
            Some(told) if condition.reason == BUILDING => told.is_true,
            Some(told) => told.is_true != condition.is_true || told.reason != condition.reason,
        }
    }
}
