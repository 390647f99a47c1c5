//! Everything that a builder knows of a cluster, and from there to situations and requests.

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::{BuildSecret, MosbName, keys};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    BuildJob, Kind, LayeredPool, MachineOSBuild, MachineOSConfig, NameReference, ObjectMeta,
    OsMachineConfig, RawObject, ReadError, Write,
};
use serde_json::Value;

use crate::decide::{
    Action, BuildInput, BuildPod, ImageFact, ObjectRef, Observed, OwnedObject, PushAccess,
    Situation,
};
use crate::event::Event;
use crate::objects::{BuildObjects, new_build};
use crate::rollout::{images_in_use, runs_image};
use crate::snapshot::LayerSnapshot;
use crate::writes::{WriteInputs, WritesError, of_failure, of_operator, writes};

/// Everything that a builder knows of a cluster at one moment.
#[derive(Debug, Default)]
pub struct BuilderSnapshot<'a> {
    /// What image layering looks at wherever it is.
    pub layers: LayerSnapshot<'a>,
    /// MachineOSConfigs that are gone and of which a build is left.
    gone: Vec<MachineOSConfig<'a>>,
    pub(crate) jobs: Vec<BuildJob<'a>>,
    pods: Vec<BuildPod<'a>>,
    pub(crate) owned: Vec<OwnedObject<'a>>,
    images_in_use: BTreeSet<String>,
}

/// What others were asked about one MachineOSConfig.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuilderFacts {
    /// What registries said, by image.
    pub images: BTreeMap<String, ImageFact>,
    /// Whether the objects of the target's build can be made.
    pub input: Option<BuildInput>,
    /// IL-783: whether the target's image may be pushed.
    pub push_access: Option<PushAccess>,
}

impl<'a> BuilderSnapshot<'a> {
    /// Sorts objects by what they are. What cannot be read is an error of its own and stops nothing
    /// else.
    pub fn of(objects: Vec<RawObject<'a>>) -> (Self, Vec<ReadError>) {
        let mut jobs = Vec::new();
        let mut pods = Vec::new();
        let mut owned = Vec::new();
        let mut errors = Vec::new();
        for object in &objects {
            let read = match object.kind {
                Kind::Job => BuildJob::read(object).map(|job| jobs.push(job)),
                Kind::Pod => BuildPod::read(object).map(|pod| pods.push(pod)),
                Kind::ConfigMap | Kind::Secret => {
                    OwnedObject::read(object).map(|object| owned.push(object))
                }
                _ => Ok(()),
            };
            errors.extend(read.err());
        }
        let (layers, unread) = LayerSnapshot::of(objects);
        errors.extend(unread);
        let snapshot = Self {
            gone: gone(&layers),
            images_in_use: images_in_use(&layers.nodes),
            layers,
            jobs,
            pods,
            owned,
        };
        (snapshot, errors)
    }

    /// The names of all MachineOSConfigs, and of those that are gone and left a build.
    pub fn names(&self) -> BTreeSet<String> {
        let configs = self.layers.configs.iter().chain(&self.gone);
        configs.map(|config| config.name.to_string()).collect()
    }

    /// Whether the MachineOSBuild of this uid is there.
    pub fn has_build(&self, uid: &str) -> bool {
        let mut builds = self.layers.builds.iter();
        builds.any(|build| build.meta.uid.as_deref() == Some(uid))
    }

    /// The MachineOSConfig of a name, and whether it is gone.
    fn config(&self, name: &str) -> Option<(&MachineOSConfig<'a>, bool)> {
        let of_name = |config: &&MachineOSConfig<'_>| config.name.as_str() == name;
        let here = self.layers.configs.iter().find(of_name);
        let here = here.map(|config| (config, false));
        here.or_else(|| Some((self.gone.iter().find(of_name)?, true)))
    }

    /// What a decision about a MachineOSConfig depends on; `None` where neither it nor a build of it
    /// is there. `is_live`: everything was read from the API server itself (IL-772).
    pub fn situation(&self, name: &str, is_live: bool, facts: &BuilderFacts) -> Option<Situation> {
        let (config, is_gone) = self.config(name)?;
        let pool = self.pool(config);
        let machine_config = |name: &str| -> Option<&OsMachineConfig<'a>> {
            let mut configs = self.layers.machine_configs.iter();
            configs.find(|config| config.name.as_str() == name)
        };
        Some(Situation::of(&Observed {
            is_live,
            config,
            is_gone,
            configs: &self.layers.configs,
            builds: &self.layers.builds,
            jobs: &self.jobs,
            pods: &self.pods,
            owned: &self.owned,
            pool,
            current: pool.and_then(|pool| machine_config(pool.current.name())),
            target: pool.and_then(|pool| machine_config(pool.target.name())),
            images: &facts.images,
            images_in_use: &self.images_in_use,
            input: facts.input.as_ref(),
            push_access: facts.push_access.as_ref(),
        }))
    }

    fn pool(&self, config: &MachineOSConfig<'_>) -> Option<&LayeredPool<'a>> {
        let mut pools = self.layers.pools.iter();
        pools.find(|pool| pool.name.as_str() == config.pool())
    }

    /// How many pods of each Job have failed: the uid of the Job, its pool, and the number.
    pub fn failed_pods(&self) -> Vec<(String, String, i64)> {
        let jobs = self.jobs.iter();
        jobs.map(|job| {
            let uid = job.meta.uid.as_deref().unwrap_or_default();
            let pool = job.meta.label(keys::TARGET_POOL).unwrap_or_default();
            let failed = job.status.failed.unwrap_or_default();
            (uid.to_owned(), pool.to_owned(), failed)
        })
        .collect()
    }

    /// How many nodes of each pool run an image that was built for it.
    pub fn layered_nodes(&self) -> BTreeMap<String, usize> {
        let nodes = self.layers.cluster().nodes_by_pool().into_iter();
        nodes
            .map(|(pool, nodes)| {
                let layered = nodes.iter().filter(|node| runs_image(node));
                (pool.to_owned(), layered.count())
            })
            .collect()
    }

    /// IL-313: the Event that tells of a pool that is to run another rendered MachineConfig; `None` where
    /// there is no such pool.
    pub fn pool_event(&self, pool: &str, from: &str, to: &str, now: &str) -> Option<Write> {
        let mut pools = self.layers.pools.iter();
        let found = pools.find(|found| found.name.as_str() == pool)?;
        let about = ObjectRef {
            name: pool.to_owned(),
            uid: found.meta.uid.as_deref().unwrap_or_default().to_owned(),
            ..ObjectRef::default()
        };
        let event = Event::pool_config_changed(from, to);
        Some(Write::Event(of_operator(&about, event, to, now)))
    }

    /// The rendered MachineConfigs that pools with a MachineOSConfig run or are to run.
    pub fn rendered(&self) -> BTreeSet<String> {
        let pools = self.layers.configs.iter().filter_map(|it| self.pool(it));
        let names = pools.flat_map(|pool| [pool.current.name(), pool.target.name()]);
        let rendered = names.filter(|name| !name.is_empty());
        rendered.map(str::to_owned).collect()
    }

    /// IL-282: the Secrets that a build of this name was given: they are never watched.
    pub fn secrets_of(build: &str) -> Vec<String> {
        let name = MosbName::existing(build);
        let secrets = |name: MosbName| {
            BuildSecret::ALL
                .map(|which| name.secret(which).to_string())
                .to_vec()
        };
        name.map(secrets).unwrap_or_default()
    }

    /// The Secret for pushing images of a MachineOSConfig; of one that is gone, that which its build
    /// names (IL-433).
    pub fn push_secret(&self, name: &str) -> Option<String> {
        let (config, _) = self.config(name)?;
        let named = Some(config.push_secret()).filter(|name| !name.is_empty());
        let mut builds = self.layers.builds.iter();
        let of_build = || {
            let is_ours = |build: &&MachineOSBuild<'_>| build.machine_os_config() == name;
            let build = builds.find(is_ours)?;
            build.meta.annotation(keys::PUSH_SECRET)
        };
        named.or_else(of_build).map(str::to_owned)
    }

    /// IL-310: the Event that tells of a step that failed; `None` where nothing of the MachineOSConfig is
    /// known. `now` is RFC 3339 in seconds, in UTC.
    pub fn failure_event(&self, name: &str, error: &str, now: &str) -> Option<Write> {
        let (config, _) = self.config(name)?;
        let config = ObjectRef {
            name: name.to_owned(),
            uid: config.meta.uid.as_deref().unwrap_or_default().to_owned(),
            ..ObjectRef::default()
        };
        Some(Write::Event(of_failure(&config, error, now)))
    }

    /// IL-775: the requests of one step about a MachineOSConfig. `now` is RFC 3339 in seconds, in UTC;
    /// `objects` are those of its build, `logs` those of pods.
    pub fn writes(
        &self,
        name: &str,
        action: &Action,
        now: &str,
        objects: Option<&BuildObjects>,
        logs: &[(String, String)],
    ) -> Result<Vec<Write>, WritesError> {
        let missing = |what: &str| WritesError::Missing {
            what: what.to_owned(),
        };
        let (config, is_gone) = self.config(name).ok_or_else(|| missing(name))?;
        let value = |kind, name: &str| {
            let object = self.layers.object(kind, "", name)?;
            object.to_value().ok()
        };
        let config_value = if is_gone {
            serde_json::json!({"metadata": {"name": name, "uid": config.meta.uid.as_deref()},
                "spec": {"machineConfigPool": {"name": config.pool()}}})
        } else {
            value(Kind::MachineOSConfig, name).ok_or_else(|| missing("the MachineOSConfig"))?
        };
        let builds = self.layers.builds.iter();
        let builds: Vec<Value> = builds
            .filter(|build| build.machine_os_config() == name)
            .filter_map(|build| value(Kind::MachineOSBuild, &build.name))
            .collect();
        let pool = self.pool(config);
        let pool_value = pool.and_then(|pool| value(Kind::MachineConfigPool, &pool.name));
        let sources = self.layers.cluster().sources(config).ok();
        let named = sources.and_then(|sources| sources.name().ok());
        let created = named
            .zip(pool)
            .map(|(named, pool)| new_build(&named, config, pool));
        writes(
            action,
            &WriteInputs {
                now,
                config: &config_value,
                builds: &builds,
                pool: pool_value.as_ref(),
                new_build: created.as_ref(),
                objects,
                logs,
            },
        )
    }
}

/// IL-350: MachineOSConfigs that are not there and of which a build is: what is known of them is
/// what their builds say.
fn gone<'a>(layers: &LayerSnapshot<'a>) -> Vec<MachineOSConfig<'a>> {
    let mut gone: BTreeMap<String, MachineOSConfig<'a>> = BTreeMap::new();
    for build in &layers.builds {
        let name = build.machine_os_config();
        let is_there = layers
            .configs
            .iter()
            .any(|config| config.name.as_str() == name);
        if is_there || name.is_empty() {
            continue;
        }
        let owners = build.meta.owner_references.iter().flatten().flatten();
        let mut controllers = owners.filter(|owner| owner.controller == Some(true));
        let mut config = MachineOSConfig {
            name: name.to_owned().into(),
            meta: ObjectMeta {
                uid: controllers.next().and_then(|owner| owner.uid.clone()),
                ..ObjectMeta::default()
            },
            ..MachineOSConfig::default()
        };
        let pool = build.meta.label(keys::TARGET_POOL).unwrap_or_default();
        config.spec.machine_config_pool = Some(NameReference {
            name: Some(pool.to_owned().into()),
        });
        gone.entry(name.to_owned()).or_insert(config);
    }
    gone.into_values().collect()
}

/// The namespace of everything that builds create.
pub const BUILD_NAMESPACE: &str = MCO_NAMESPACE;
