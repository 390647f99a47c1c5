//! What there is: everything that a decision depends on.

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::{Inputs, keys, name};
use openshift_model::{
    BuildJob, LayeredPool, MachineOSBuild, MachineOSConfig, ObjectMeta, OsMachineConfig,
};
use osbuild_check::{BuildState, job_state, rebuild_reasons, state};

use crate::cluster::owner;
use crate::pool_condition::{BUILDING, PoolCondition};

/// Objects and facts about one MachineOSConfig, as they were read.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The MachineOSConfig.
    pub config: &'a MachineOSConfig<'a>,
    /// All MachineOSConfigs, this one included.
    pub configs: &'a [MachineOSConfig<'a>],
    /// All MachineOSBuilds.
    pub builds: &'a [MachineOSBuild<'a>],
    /// The Jobs of builds.
    pub jobs: &'a [BuildJob<'a>],
    /// The pool.
    pub pool: Option<&'a LayeredPool<'a>>,
    /// The rendered MachineConfig that the pool runs.
    pub current: Option<&'a OsMachineConfig<'a>>,
    /// The rendered MachineConfig that it is to run.
    pub target: Option<&'a OsMachineConfig<'a>>,
    /// What the registry said.
    pub images: &'a BTreeMap<String, ImageFact>,
    /// Images, by digest, that nodes run or are to run.
    pub images_in_use: &'a BTreeSet<String>,
}

/// What a registry says about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFact {
    /// It is there.
    Found,
    /// It is not there, for certain.
    NotFound,
    /// Nobody knows, e.g. because access was denied.
    Unknown(String),
}

/// Everything that a decision about one MachineOSConfig depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The MachineOSConfig.
    pub config: Config,
    /// Its builds, by name.
    pub builds: Vec<Build>,
    /// The pool; `None` where there is none.
    pub pool: Option<Pool>,
    /// The build that should be: its name, or why it has none.
    pub target: Result<String, String>,
    /// What the registry said, by image.
    pub images: BTreeMap<String, ImageFact>,
    /// Images, by digest, that nodes run or are to run.
    pub images_in_use: BTreeSet<String>,
}

/// A MachineOSConfig as a decision sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The name.
    pub name: String,
    /// The pool's name.
    pub pool: String,
    /// It is being deleted, or gone.
    pub is_deleted: bool,
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
}

/// A MachineOSBuild as a decision sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// The name.
    pub name: String,
    /// Whether the MachineOSConfig, by uid, controls it.
    pub is_owned: bool,
    /// Its state; `None` without conditions.
    pub state: Option<BuildState>,
    /// The image by digest.
    pub digest: Option<String>,
    /// It stands for an image that was built before (IL-373).
    pub is_seeded: bool,
    /// It is on its way out.
    pub is_being_deleted: bool,
    /// When it was created, RFC 3339.
    pub created: String,
    /// The state that its Job tells; `None` without a Job.
    pub job: Option<BuildState>,
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
    /// IL-817: it moves to another rendered MachineConfig that needs no other image.
    pub is_layer_only: bool,
    /// What it is told about its builds.
    pub build_condition: Option<PoolCondition>,
}

/// IL-816: conditions of a pool that no build can cure.
const DEGRADED: [&str; 4] = [
    "NodeDegraded",
    "RenderDegraded",
    "PinnedImageSetsDegraded",
    "SynchronizerDegraded",
];

impl Situation {
    /// Reduces what was read to what counts.
    pub fn of(observed: &Observed<'_>) -> Self {
        let Observed {
            config,
            pool,
            target,
            images,
            images_in_use,
            ..
        } = *observed;
        let named = name(Inputs {
            machine_config: target,
            machine_os_config: Some(config),
            pool,
        });
        Self {
            config: Config::of(observed),
            builds: builds(observed),
            pool: pool.map(|pool| Pool::of(pool, observed)),
            target: named
                .map(|named| named.name.to_string())
                .map_err(|error| error.to_string()),
            images: images.clone(),
            images_in_use: images_in_use.clone(),
        }
    }

    /// The build that should be, if it is there.
    pub fn target_build(&self) -> Option<&Build> {
        let target = self.target.as_ref().ok()?;
        self.builds.iter().find(|build| build.name == *target)
    }
}

impl Config {
    fn of(observed: &Observed<'_>) -> Self {
        let config = observed.config;
        let annotation = |key| config.meta.annotation(key).map(str::to_owned);
        let image = config.status.current_image_pull_spec.as_deref();
        let build = config.status.machine_os_build.as_ref();
        Self {
            name: config.name.to_string(),
            pool: config.pool().to_owned(),
            is_deleted: config.meta.deletion_timestamp.is_some(),
            yields_to: owner(config.pool(), observed.configs)
                .filter(|owner| owner.name != config.name)
                .map(|owner| owner.name.to_string()),
            pre_built_image: annotation(keys::PRE_BUILT_IMAGE).filter(|image| !image.is_empty()),
            rebuild: config.meta.annotation(keys::REBUILD).is_some(),
            current_build: annotation(keys::CURRENT_BUILD).filter(|name| !name.is_empty()),
            image: image.filter(|image| !image.is_empty()).map(str::to_owned),
            build_of_image: build
                .and_then(|build| build.name.as_deref())
                .map(str::to_owned),
            is_observed: config.status.observed_generation == config.meta.generation,
        }
    }
}

/// IL-031: the builds of the MachineOSConfig, by label and by name.
fn builds(observed: &Observed<'_>) -> Vec<Build> {
    let config = observed.config;
    let is_ours = |build: &&MachineOSBuild<'_>| {
        let label = |key| build.meta.label(key);
        label(keys::MACHINE_OS_CONFIG) == Some(config.name.as_str())
            || (label(keys::MACHINE_OS_CONFIG).is_none()
                && build.machine_os_config() == config.name.as_str())
    };
    let mut builds: Vec<Build> = observed
        .builds
        .iter()
        .filter(is_ours)
        .map(|build| Build::of(build, observed))
        .collect();
    builds.sort_by(|a, b| a.name.cmp(&b.name));
    builds
}

impl Build {
    fn of(build: &MachineOSBuild<'_>, observed: &Observed<'_>) -> Self {
        let job_name = format!("build-{}", build.name);
        let job = observed
            .jobs
            .iter()
            .find(|job| job.name.as_str() == job_name && is_of(&job.meta, build));
        let uid = observed.config.meta.uid.as_deref();
        let owners = build.meta.owner_references.iter().flatten().flatten();
        let mut controllers = owners.filter(|owner| owner.controller == Some(true));
        let digest = build.status.digested_image_push_spec.as_deref();
        Self {
            name: build.name.to_string(),
            is_owned: controllers.any(|owner| uid.is_some() && owner.uid.as_deref() == uid),
            state: state(build.conditions()),
            digest: digest
                .filter(|digest| !digest.is_empty())
                .map(str::to_owned),
            is_seeded: build.meta.label(keys::PRE_BUILT_IMAGE) == Some("true"),
            is_being_deleted: build.meta.deletion_timestamp.is_some(),
            created: build
                .meta
                .creation_timestamp
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            job: job.map(job_state),
        }
    }
}

/// Whether a Job is that of this build and not of one before it with the same name.
fn is_of(job: &ObjectMeta<'_>, build: &MachineOSBuild<'_>) -> bool {
    let (Some(job_uid), Some(noted)) = (job.uid.as_deref(), build.meta.annotation(keys::JOB_UID))
    else {
        return true;
    };
    job_uid == noted
}

impl Pool {
    /// IL-365: whether it is to be told something new. That a build goes on is no news to a pool
    /// that is not degraded.
    pub(super) fn needs(&self, condition: &PoolCondition) -> bool {
        match &self.build_condition {
            None => true,
            Some(told) if condition.reason == BUILDING => told.is_true,
            Some(told) => told != condition,
        }
    }

    fn of(pool: &LayeredPool<'_>, observed: &Observed<'_>) -> Self {
        let names_differ =
            !pool.current.name().is_empty() && pool.current.name() != pool.target.name();
        let same_image = match (observed.current, observed.target) {
            (Some(current), Some(target)) => rebuild_reasons(current, target).is_empty(),
            _ => false,
        };
        Self {
            target: pool.target.name().to_owned(),
            has_target: observed.target.is_some(),
            degraded_by: DEGRADED
                .into_iter()
                .find(|condition| pool.is_true(condition)),
            is_layer_only: names_differ && same_image,
            build_condition: pool
                .conditions
                .iter()
                .find(|condition| condition.kind.as_deref() == Some(PoolCondition::TYPE))
                .map(|condition| PoolCondition {
                    is_true: condition.status.as_deref() == Some("True"),
                    reason: condition.reason.as_deref().unwrap_or_default().to_owned(),
                    message: condition.message.as_deref().unwrap_or_default().to_owned(),
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use serde_json::{Value, json};

    fn config(name: &str, created: &str) -> String {
        object(
            "MachineOSConfig",
            &json!({
                "metadata": {"name": name, "uid": name, "creationTimestamp": created, "annotations": {
                    keys::REBUILD: "", keys::CURRENT_BUILD: "old", keys::PRE_BUILT_IMAGE: ""}},
                "spec": {"machineConfigPool": {"name": "worker"},
                    "renderedImagePushSpec": "quay.io/org/os:x"},
                "status": {"currentImagePullSpec": "quay.io/org/os@1",
                    "machineOSBuild": {"name": "old"}, "observedGeneration": 1},
            }),
        )
    }

    fn machine_config(name: &str, spec: &Value) -> String {
        object(
            "MachineConfig",
            &json!({
                "metadata": {"name": name, "annotations": {
                    OsMachineConfig::RELEASE_ANNOTATION: "4.20.3",
                    OsMachineConfig::CONTROLLER_ANNOTATION: "1"}},
                "spec": spec,
            }),
        )
    }

    #[test]
    fn il_764_a_situation_holds_what_counts() {
        let configs = [
            config("worker", "2026-01-02"),
            config("first", "2026-01-01"),
        ];
        let pool = object(
            "MachineConfigPool",
            &json!({
                "metadata": {"name": "worker"},
                "spec": {"configuration": {"name": "rendered-worker-2"}},
                "status": {"configuration": {"name": "rendered-worker-1"},
                    "conditions": [{"type": "RenderDegraded", "status": "True"},
                        {"type": "ImageBuildDegraded", "status": "True", "reason": "BuildFailed"}]},
            }),
        );
        let current = machine_config("rendered-worker-1", &json!({"osImageURL": "a"}));
        let target = machine_config(
            "rendered-worker-2",
            &json!({"osImageURL": "a", "fips": true}),
        );
        let build = object(
            "MachineOSBuild",
            &json!({
                "metadata": {"name": "old", "ownerReferences": [
                    {"uid": "worker", "controller": true}], "annotations": {keys::JOB_UID: "7"}},
                "spec": {"machineOSConfig": {"name": "worker"}},
                "status": {"conditions": [{"type": "Building", "status": "True"}]},
            }),
        );
        let job = |uid: &str| {
            object(
                "Job",
                &json!({
            "metadata": {"name": "build-old", "uid": uid}, "status": {"succeeded": 1}}),
            )
        };
        let (job, stranger) = (job("7"), job("8"));
        let configs: Vec<_> = configs
            .iter()
            .map(|text| MachineOSConfig::read(&raw(text)).unwrap())
            .collect();
        let builds = [MachineOSBuild::read(&raw(&build)).unwrap()];
        let jobs = [
            BuildJob::read(&raw(&stranger)).unwrap(),
            BuildJob::read(&raw(&job)).unwrap(),
        ];
        let pool = LayeredPool::read(&raw(&pool)).unwrap();
        let current = OsMachineConfig::read(&raw(&current)).unwrap();
        let target = OsMachineConfig::read(&raw(&target)).unwrap();
        let (images, images_in_use) = (BTreeMap::new(), BTreeSet::new());
        let situation = Situation::of(&Observed {
            config: &configs[0],
            configs: &configs,
            builds: &builds,
            jobs: &jobs,
            pool: Some(&pool),
            current: Some(&current),
            target: Some(&target),
            images: &images,
            images_in_use: &images_in_use,
        });
        let Config {
            yields_to,
            pre_built_image,
            rebuild,
            current_build,
            is_observed,
            ..
        } = &situation.config;
        assert_eq!(yields_to.as_deref(), Some("first"));
        assert_eq!(
            (pre_built_image, rebuild, is_observed),
            (&None, &true, &false)
        );
        assert_eq!(current_build.as_deref(), Some("old"));
        let build = &situation.builds[0];
        assert!(build.is_owned && build.job == Some(BuildState::Succeeded));
        let pool = situation.pool.as_ref().unwrap();
        assert!(pool.is_layer_only && pool.degraded_by == Some("RenderDegraded"));
        assert!(pool.build_condition.as_ref().unwrap().is_true);
        assert!(situation.target.as_ref().unwrap().starts_with("worker-"));
    }
}
