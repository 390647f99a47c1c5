//! From the objects of a cluster to what counts.

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::{Inputs, keys, name};
use openshift_model::{
    BuildJob, Kind, LayeredPool, MachineOSBuild, MachineOSConfig, ObjectMeta, OsMachineConfig,
    RawObject, ReadError, Text, TextData,
};
use osbuild_check::{BuildState, Failure, check_push_spec, job_state, state};

use super::action::ObjectRef;
use super::pod::BuildPod;
use super::situation::{
    Build, BuildInput, Config, ImageFact, Job, Pool, Presence, PushAccess, Situation, Target,
};
use super::trigger::Trigger;
use crate::cluster::owner;
use crate::config_condition::{CONFIG_CONDITIONS, CONFIG_REASONS, ConfigCondition};
use crate::content::{CONTENT_DIGEST, content_digest};
use crate::names::LayerNameError;
use crate::objects::INPUTS_DIGEST;
use crate::pool_condition::PoolCondition;
use crate::render::other_architectures;
use crate::writes::{FINALIZER, TRIGGER};

/// Objects and facts about one MachineOSConfig, as they were read.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// IL-772: whether all of it was read from the API server itself in this pass.
    pub is_live: bool,
    /// The MachineOSConfig.
    pub config: &'a MachineOSConfig<'a>,
    /// Whether the MachineOSConfig is gone: `config` is what was last seen of it.
    pub is_gone: bool,
    /// All MachineOSConfigs, this one included where it is there.
    pub configs: &'a [MachineOSConfig<'a>],
    /// All MachineOSBuilds.
    pub builds: &'a [MachineOSBuild<'a>],
    /// The Jobs of builds.
    pub jobs: &'a [BuildJob<'a>],
    /// The pods of these Jobs.
    pub pods: &'a [BuildPod<'a>],
    /// ConfigMaps and Secrets of builds; Secrets are there in a live reading alone.
    pub owned: &'a [OwnedObject<'a>],
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
    /// Whether the objects of the target's build can be made.
    pub input: Option<&'a BuildInput>,
    /// IL-783: whether the target's image may be pushed.
    pub push_access: Option<&'a PushAccess>,
}

/// A ConfigMap or Secret of a build; of its contents nothing but a digest.
#[derive(Debug, Clone)]
pub struct OwnedObject<'a> {
    /// ConfigMap or Secret.
    pub kind: Kind,
    /// `metadata.name`
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// IL-275: `data.digest` of a ConfigMap.
    pub digest: Option<String>,
}

impl<'a> OwnedObject<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let digest = match object.kind {
            Kind::ConfigMap => TextData::read(object)?.get("digest").map(str::to_owned),
            _ => None,
        };
        Ok(Self {
            kind: object.kind,
            name: object.name.clone(),
            meta: object.meta()?,
            digest,
        })
    }
}

/// IL-816: conditions of a pool that no build can cure.
const DEGRADED: [&str; 2] = ["RenderDegraded", "PinnedImageSetsDegraded"];
/// IL-779: conditions of a pool that a build of other content may cure.
const NODES_DEGRADED: [&str; 2] = ["NodeDegraded", "SynchronizerDegraded"];

impl Situation {
    /// Reduces what was read to what counts.
    pub fn of(observed: &Observed<'_>) -> Self {
        Self {
            is_live: observed.is_live,
            config: Config::of(observed),
            builds: builds(observed),
            pool: observed.pool.map(|pool| Pool::of(pool, observed)),
            target: target(observed).map_err(|error| error.to_string()),
            images: observed.images.clone(),
            named_by: named_by(observed),
            images_in_use: observed.images_in_use.clone(),
            input: observed.input.cloned(),
            push_access: observed.push_access.cloned(),
        }
    }
}

fn target(observed: &Observed<'_>) -> Result<Target, LayerNameError> {
    let config = observed.config;
    let named = name(Inputs {
        machine_config: observed.target,
        machine_os_config: Some(config),
        pool: observed.pool,
    })?;
    check_push_spec(config.push_spec())?;
    let content = observed.target.map(|target| content_digest(config, target));
    Ok(Target {
        name: named.name.to_string(),
        content: content.unwrap_or_default(),
    })
}

/// IL-774: every image of the cluster, and who names it.
fn named_by(observed: &Observed<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |image: &Option<Text<'_>>, meta: &ObjectMeta<'_>| {
        let image = image.as_deref().unwrap_or_default();
        let uid = meta.uid.as_deref().unwrap_or_default();
        if !image.is_empty() {
            let uids = named.entry(image.to_owned()).or_default();
            uids.insert(uid.to_owned());
        }
    };
    for build in observed.builds {
        add(&build.status.digested_image_push_spec, &build.meta);
    }
    for config in observed.configs {
        add(&config.status.current_image_pull_spec, &config.meta);
    }
    named
}

pub(super) fn reference(name: &str, meta: &ObjectMeta<'_>) -> ObjectRef {
    let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
    ObjectRef {
        name: name.to_owned(),
        uid: text(&meta.uid),
        resource_version: text(&meta.resource_version),
    }
}

impl Config {
    fn of(observed: &Observed<'_>) -> Self {
        let config = observed.config;
        let annotation = |key| config.meta.annotation(key).map(str::to_owned);
        let image = config.status.current_image_pull_spec.as_deref();
        let build = config.status.machine_os_build.as_ref();
        let presence = match (observed.is_gone, &config.meta.deletion_timestamp) {
            (true, _) => Presence::Gone,
            (false, Some(_)) => Presence::Deleting,
            (false, None) => Presence::Here,
        };
        let older = owner(config.pool(), observed.configs);
        Self {
            id: reference(&config.name, &config.meta),
            pool: config.pool().to_owned(),
            presence,
            yields_to: older
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
            unused_entries: other_architectures(config).map(|warning| warning.to_string()),
            conditions: own_conditions(config),
        }
    }
}

/// IL-732: our own conditions of a MachineOSConfig.
fn own_conditions(config: &MachineOSConfig<'_>) -> Vec<ConfigCondition> {
    let read = |condition: &openshift_model::Condition<'_>| {
        let kind = CONFIG_CONDITIONS
            .into_iter()
            .find(|kind| condition.kind.as_deref() == Some(kind))?;
        let reason = condition.reason.as_deref().unwrap_or_default();
        let reason = CONFIG_REASONS.into_iter().find(|known| *known == reason);
        Some(ConfigCondition {
            kind,
            is_true: condition.status.as_deref() == Some("True"),
            // One that we do not write is different from any that we do.
            reason: reason.unwrap_or_default(),
            message: condition.message.as_deref().unwrap_or_default().to_owned(),
        })
    };
    let conditions = config.status.conditions.iter().flatten().flatten();
    conditions.filter_map(read).collect()
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
    builds.sort_by(|a, b| a.id.name.cmp(&b.id.name));
    builds
}

/// IL-771: whether an object belongs to this very one.
fn is_owned_by(meta: &ObjectMeta<'_>, uid: Option<&str>) -> bool {
    let mut owners = meta.owner_references.iter().flatten().flatten();
    uid.is_some() && owners.any(|owner| owner.uid.as_deref() == uid)
}

impl Build {
    fn of(build: &MachineOSBuild<'_>, observed: &Observed<'_>) -> Self {
        let uid = build.meta.uid.as_deref();
        let mut jobs = observed.jobs.iter();
        let job = jobs.find(|job| is_owned_by(&job.meta, uid)).map(Job::of);
        let job_name = format!("build-{}", build.name);
        let owners = build.meta.owner_references.iter().flatten().flatten();
        let mut controllers = owners.filter(|owner| owner.controller == Some(true));
        let config_uid = observed.config.meta.uid.as_deref();
        let mut finalizers = build.meta.finalizers.iter().flatten().flatten();
        let failed = build
            .conditions()
            .find(|condition| condition.kind.as_deref() == Some("Failed"));
        let text = |text: &Option<Text<'_>>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let pods = || {
            let pods = observed.pods.iter();
            pods.filter(|pod| pod.job().is_some_and(|(name, _)| name == job_name))
        };
        let of_job = |pod: &&BuildPod<'_>| {
            let uid = pod.job().map(|(_, uid)| uid);
            uid.is_some() && uid == job.as_ref().map(|job| job.uid.as_str())
        };
        let mut ended: Vec<_> = pods().filter(of_job).collect();
        ended.sort_by(|a, b| a.meta.creation_timestamp.cmp(&b.meta.creation_timestamp));
        let log_name = format!("log-{}", build.name);
        Self {
            id: reference(&build.name, &build.meta),
            is_owned: controllers
                .any(|owner| config_uid.is_some() && owner.uid.as_deref() == config_uid),
            rendered: build.machine_config().to_owned(),
            push_spec: build.push_spec().to_owned(),
            content: content(build, observed),
            state: state(build.conditions()),
            failure_message: failed.and_then(|condition| text(&condition.message)),
            digest: text(&build.status.digested_image_push_spec),
            is_seeded: build.meta.label(keys::PRE_BUILT_IMAGE) == Some("true"),
            is_rebuild: build.meta.annotation(TRIGGER) == Some(&*Trigger::Rebuild.to_string()),
            is_being_deleted: build.meta.deletion_timestamp.is_some(),
            has_finalizer: finalizers.any(|finalizer| finalizer.as_str() == FINALIZER),
            created: text(&build.meta.creation_timestamp).unwrap_or_default(),
            job_uid: build.meta.annotation(keys::JOB_UID).map(str::to_owned),
            attempts: ended.iter().filter_map(|pod| pod.attempt()).collect(),
            has_running_pods: pods().any(BuildPod::is_running),
            digest_in_config_map: digest_in_config_map(build, observed),
            job_inputs: job_inputs(build, observed),
            has_log: observed
                .owned
                .iter()
                .any(|object| object.name.as_str() == log_name && is_owned_by(&object.meta, uid)),
            job,
        }
    }
}

/// IL-275, IL-771: the digest in the ConfigMap of this very build: its owner is the build. The pods
/// of the stock builder make it without an owner: such a one counts for a build that the stock
/// builder made, and not if it is older than the build.
fn digest_in_config_map(build: &MachineOSBuild<'_>, observed: &Observed<'_>) -> Option<String> {
    let name = format!("digest-{}", build.name);
    let is_stock = build.meta.annotation(CONTENT_DIGEST).is_none();
    let mut objects = observed.owned.iter();
    let found = objects.find(|object| {
        let has_owner = object
            .meta
            .owner_references
            .iter()
            .flatten()
            .flatten()
            .count()
            > 0;
        let is_younger = object.meta.creation_timestamp >= build.meta.creation_timestamp;
        object.kind == Kind::ConfigMap
            && object.name.as_str() == name
            && (is_owned_by(&object.meta, build.meta.uid.as_deref())
                || (is_stock && !has_owner && is_younger))
    });
    found.and_then(|object| object.digest.clone())
}

/// IL-282: what was made for the Job of a build: all that the build or its Job owns, but for its
/// digest and its log.
fn job_inputs(build: &MachineOSBuild<'_>, observed: &Observed<'_>) -> Vec<(Kind, ObjectRef)> {
    let kept = [
        format!("digest-{}", build.name),
        format!("log-{}", build.name),
    ];
    let owners = [
        build.meta.uid.as_deref(),
        build.meta.annotation(keys::JOB_UID),
    ];
    let is_input = |object: &&OwnedObject<'_>| {
        !kept.iter().any(|name| object.name.as_str() == name)
            && owners.iter().any(|uid| is_owned_by(&object.meta, *uid))
    };
    let inputs = observed.owned.iter().filter(is_input);
    inputs
        .map(|object| (object.kind, reference(&object.name, &object.meta)))
        .collect()
}

/// IL-770: what the image of a build is made of: what it says itself; of a build that the stock
/// builder made, what its name proves: that it was made of this MachineOSConfig and of a rendered
/// MachineConfig that is there.
fn content(build: &MachineOSBuild<'_>, observed: &Observed<'_>) -> Option<String> {
    if let Some(content) = build.meta.annotation(CONTENT_DIGEST) {
        return Some(content.to_owned());
    }
    let pool = observed.pool?;
    let current = LayeredPool {
        target: pool.current.clone(),
        ..pool.clone()
    };
    let candidates = [(pool, observed.target), (&current, observed.current)];
    candidates.into_iter().find_map(|(pool, machine_config)| {
        let machine_config = machine_config?;
        let named = name(Inputs {
            machine_config: Some(machine_config),
            machine_os_config: Some(observed.config),
            pool: Some(pool),
        });
        let is_it = named.ok()?.name.as_str() == build.name.as_str();
        is_it.then(|| content_digest(observed.config, machine_config))
    })
}

impl Job {
    fn of(job: &BuildJob<'_>) -> Self {
        let state = job_state(job);
        let active = job.status.active.unwrap_or_default() > 0;
        let is_stopped = job.spec.suspend == Some(true);
        let conditions = job.status.conditions.iter().flatten().flatten();
        let mut failed = conditions.filter(|condition| {
            condition.kind.as_deref() == Some("Failed")
                && condition.status.as_deref() == Some("True")
        });
        let failure = failed.next().map(|condition| {
            let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
            Failure::of_job(&text(&condition.reason), &text(&condition.message))
        });
        Self {
            uid: job.meta.uid.as_deref().unwrap_or_default().to_owned(),
            is_live: active || !(state.is_terminal() || is_stopped),
            is_stopped,
            state: Some(state).filter(|state| *state != BuildState::Initial),
            is_being_deleted: job.meta.deletion_timestamp.is_some(),
            failure,
            inputs: job.meta.annotation(INPUTS_DIGEST).map(str::to_owned),
        }
    }
}

impl Pool {
    fn of(pool: &LayeredPool<'_>, observed: &Observed<'_>) -> Self {
        let find = |types: [&'static str; 2]| types.into_iter().find(|kind| pool.is_true(kind));
        let condition = pool
            .conditions
            .iter()
            .find(|condition| condition.kind.as_deref() == Some(PoolCondition::TYPE));
        Self {
            target: pool.target.name().to_owned(),
            has_target: observed.target.is_some(),
            degraded_by: find(DEGRADED),
            nodes_degraded_by: find(NODES_DEGRADED),
            build_condition: condition.map(|condition| PoolCondition {
                is_true: condition.status.as_deref() == Some("True"),
                reason: condition.reason.as_deref().unwrap_or_default().to_owned(),
                message: condition.message.as_deref().unwrap_or_default().to_owned(),
            }),
        }
    }
}
