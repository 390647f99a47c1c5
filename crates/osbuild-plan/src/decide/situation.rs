//! What there is: everything that a decision depends on.

use std::collections::{BTreeMap, BTreeSet};

use openshift_model::Kind;
use osbuild_check::{Attempt, BuildState, Failure, STEP_ATTEMPTS, digested_pull_spec};

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
    /// IL-736: nobody can delete it with what there is: deleting is switched off, access is denied, or
    /// the push Secret is gone.
    Undeletable(String),
}

/// IL-783: whether the push secret may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAccess {
    /// It may.
    Allowed,
    /// It may not, for certain.
    Denied(String),
    /// Nobody knows; the build will show it.
    Unknown(String),
}

/// Whether the objects of the target's build can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildInput {
    /// They can.
    Complete,
    /// Something that they need is missing and may come.
    Missing(String),
    /// IL-327, IL-785: what the author asks for cannot be built.
    Invalid(Failure),
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
    /// Whether the objects of the target's build can be made; `None` where nobody has tried.
    pub input: Option<BuildInput>,
    /// IL-783: whether the target's image may be pushed; `None` where nobody has asked.
    pub push_access: Option<PushAccess>,
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
    /// Those of its conditions that are ours.
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
    /// The message of its condition `Failed`.
    pub failure_message: Option<String>,
    /// The image by digest.
    pub digest: Option<String>,
    /// It stands for an image that was built before (IL-373).
    pub is_seeded: bool,
    /// IL-750: it was made because the author asked for another build.
    pub is_rebuild: bool,
    /// It is on its way out.
    pub is_being_deleted: bool,
    /// IL-774: it has our finalizer: it stays until its image is dealt with.
    pub has_finalizer: bool,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Its Job.
    pub job: Option<Job>,
    /// The annotation with the uid of its Job.
    pub job_uid: Option<String>,
    /// The pods of its Job that ended, oldest first.
    pub attempts: Vec<Attempt>,
    /// A pod of a Job of its name has not ended, whether the Job is there or not.
    pub has_running_pods: bool,
    /// IL-275: the digest in its ConfigMap.
    pub digest_in_config_map: Option<String>,
    /// IL-282: ConfigMaps and Secrets that were made for its Job.
    pub job_inputs: Vec<(Kind, ObjectRef)>,
    /// IL-782: its log is kept.
    pub has_log: bool,
}

/// The Job of a build: its owner is the build, by uid (IL-771).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// `metadata.uid`
    pub uid: String,
    /// The state that its status stands for.
    pub state: Option<BuildState>,
    /// Whether a pod of it runs or may run.
    pub is_live: bool,
    /// It is suspended: it makes no further pod. One that ran may take its time to end.
    pub is_stopped: bool,
    /// It is on its way out.
    pub is_being_deleted: bool,
    /// Why it failed, where no pod says it.
    pub failure: Option<Failure>,
    /// IL-781: the digest of what its image is rendered from, which the image has as a label.
    pub inputs: Option<String>,
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
    /// Its condition `ImageBuildDegraded`.
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

    /// The build whose image the MachineOSConfig names. (Who finds the annotation with the current build
    /// out of date takes it off, IL-048.)
    pub(super) fn build_of_image(&self) -> Option<&Build> {
        let name = self.config.build_of_image.as_deref()?;
        self.builds.iter().find(|build| build.id.name == name)
    }

    /// IL-353, IL-774: whether nodes run an image or are to run it, or anybody but this build names
    /// it. Its own MachineOSConfig does not count once it goes.
    pub(super) fn is_needed(&self, build: &Build, image: &str) -> bool {
        let own_config = &self.config.id.uid;
        let config_goes = self.config.presence != Presence::Here;
        let names = self.named_by.get(image).into_iter().flatten();
        let mut others = names.filter(|name| **name != build.id.uid);
        self.images_in_use.contains(image)
            || others.any(|name| !(config_goes && name == own_config))
    }
}

impl Build {
    /// Whether it was started, or has ended.
    pub(super) fn is_started(&self) -> bool {
        self.job.is_some()
            || self.job_uid.is_some()
            || self.has_running_pods
            || self.state.is_some_and(|state| state != BuildState::Initial)
    }

    /// IL-776: whether a pod of it may run.
    pub(super) fn is_live(&self) -> bool {
        self.has_running_pods || self.job.as_ref().is_some_and(|job| job.is_live)
    }

    /// IL-777: why it failed: a deadline is told by the Job, everything else by the last pod.
    pub(super) fn failure(&self) -> Option<Failure> {
        let of_job = self.job.as_ref().and_then(|job| job.failure.clone());
        let (final_one, other): (Option<Failure>, Option<Failure>) = match of_job {
            Some(failure) if failure.permanent => (Some(failure), None),
            other => (None, other),
        };
        let of_pods = || self.attempts.iter().rev().find_map(Attempt::failure);
        final_one.or_else(of_pods).or(other)
    }

    /// IL-780: the failure of a step that was tried often enough.
    pub(super) fn failed_step(&self) -> Option<Failure> {
        let failures = self.attempts.iter().filter_map(Attempt::failure);
        let steps: Vec<Failure> = failures
            .filter(|failure| failure.stage == osbuild_check::Stage::Step)
            .collect();
        steps
            .last()
            .filter(|_| steps.len() >= STEP_ATTEMPTS)
            .cloned()
    }

    /// IL-602: whether both are pushed to one repository: who names another one wants images there.
    pub(super) fn has_repository_of(&self, other: &Self) -> bool {
        let digest = self.digest.as_deref().unwrap_or_default();
        let digest = digest.split_once('@').map_or("", |(_, digest)| digest);
        self.image_with(digest) == other.image_with(digest)
    }

    /// The image that its tag stands for in the registry, by digest.
    pub(super) fn image_with(&self, digest: &str) -> Option<String> {
        digested_pull_spec(&self.push_spec, digest).ok()
    }
}

impl Pool {
    /// IL-365, IL-778: whether its condition changes. A build that goes on changes nothing in a pool
    /// that is not degraded; another writer's message of the same reason is left alone.
    pub(super) fn needs(&self, condition: &PoolCondition) -> bool {
        match &self.build_condition {
            None => true,
            Some(now) if condition.reason == BUILDING => now.is_true,
            Some(now) => now.is_true != condition.is_true || now.reason != condition.reason,
        }
    }
}
