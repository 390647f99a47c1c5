//! The layering objects of an input, and how they refer to one another.

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::Inputs;
use openshift_model::{
    Architecture, ClusterVersion, LayeredPool, MachineOSBuild, MachineOSConfig, Node,
    OsMachineConfig, StringMap,
};

use crate::rollout::pool_of;
use crate::snapshot::OtherVersion;

/// What is known about the layered images of a cluster.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cluster<'a> {
    /// All pools.
    pub pools: &'a [LayeredPool<'a>],
    /// All MachineConfigs, rendered ones too.
    pub machine_configs: &'a [OsMachineConfig<'a>],
    /// All MachineOSConfigs.
    pub configs: &'a [MachineOSConfig<'a>],
    /// MachineOSConfigs of another version, which are not looked at.
    pub of_other_versions: &'a [OtherVersion],
    /// All MachineOSBuilds.
    pub builds: &'a [MachineOSBuild<'a>],
    /// All nodes.
    pub nodes: &'a [Node<'a>],
    /// The release and its history.
    pub cluster_version: Option<&'a ClusterVersion<'a>>,
    /// The operating system image of the release.
    pub release_image: Option<&'a str>,
}

/// What a MachineOSConfig's build needs is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingInput {
    /// The MachineOSConfig has no name.
    #[error("metadata.name is not set")]
    NoName,
    /// The MachineOSConfig names no pool.
    #[error("spec.machineConfigPool.name is not set")]
    NoPoolName,
    /// There is no such pool.
    #[error("the input has no MachineConfigPool {0}")]
    Pool(String),
    /// The pool has not been rendered.
    #[error("MachineConfigPool {0} has no rendered MachineConfig yet (spec.configuration.name)")]
    NoTarget(String),
    /// There is no such MachineConfig.
    #[error("the input has no MachineConfig {0}")]
    MachineConfig(String),
    /// IL-829: an older MachineOSConfig has the pool.
    #[error("MachineOSConfig {older} for MachineConfigPool {pool} is older and has it: delete one")]
    Yields {
        /// The older one.
        older: String,
        /// The pool.
        pool: String,
    },
}

/// IL-702: a pool has one image, and nobody knows for which architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixedPool {
    /// Its nodes run on several.
    #[error("pool {pool} has nodes of several architectures ({architectures}), and one image")]
    Nodes {
        /// The pool.
        pool: String,
        /// Their names, sorted.
        architectures: String,
    },
    /// It has no node yet, and those of the cluster run on several.
    #[error(
        "pool {pool} has no node, and nodes of the cluster are of several architectures \
         ({architectures}): add a node to the pool, so that it is known which one to build for"
    )]
    NoNodes {
        /// The pool.
        pool: String,
        /// Their names, sorted.
        architectures: String,
    },
}

/// What a build is made from: all of it is there.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Who asks for it.
    pub config: &'a MachineOSConfig<'a>,
    /// Its pool.
    pub pool: &'a LayeredPool<'a>,
    /// The rendered MachineConfig that the pool is to run.
    pub machine_config: &'a OsMachineConfig<'a>,
}

impl<'a> Sources<'a> {
    /// What the name of the build is made from.
    pub fn inputs(&self) -> Inputs<'a> {
        Inputs {
            machine_config: Some(self.machine_config),
            machine_os_config: Some(self.config),
            pool: Some(self.pool),
        }
    }
}

impl<'a> Cluster<'a> {
    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<&'a LayeredPool<'a>> {
        self.pools.iter().find(|pool| pool.name.as_str() == name)
    }

    /// The MachineConfig of this name.
    pub fn machine_config(&self, name: &str) -> Option<&'a OsMachineConfig<'a>> {
        let mut configs = self.machine_configs.iter();
        configs.find(|config| config.name.as_str() == name)
    }

    /// The MachineOSConfig of this name.
    pub fn config(&self, name: &str) -> Option<&'a MachineOSConfig<'a>> {
        self.configs
            .iter()
            .find(|config| config.name.as_str() == name)
    }

    /// The MachineOSBuild of this name.
    pub fn build(&self, name: &str) -> Option<&'a MachineOSBuild<'a>> {
        self.builds.iter().find(|build| build.name.as_str() == name)
    }

    /// IL-829: the MachineOSConfig that has a pool.
    pub fn config_of(&self, pool: &str) -> Option<&'a MachineOSConfig<'a>> {
        owner(pool, self.configs)
    }

    /// What the build of a MachineOSConfig is made from.
    pub fn sources(&self, config: &'a MachineOSConfig<'a>) -> Result<Sources<'a>, MissingInput> {
        if config.name.is_empty() {
            return Err(MissingInput::NoName);
        }
        let name = config.pool();
        if name.is_empty() {
            return Err(MissingInput::NoPoolName);
        }
        if let Some(older) = owner(name, self.configs).filter(|owner| owner.name != config.name) {
            return Err(MissingInput::Yields {
                older: older.name.to_string(),
                pool: name.to_owned(),
            });
        }
        let pool = self.pool(name);
        let pool = pool.ok_or_else(|| MissingInput::Pool(name.to_owned()))?;
        let target = pool.target.name();
        if target.is_empty() {
            return Err(MissingInput::NoTarget(name.to_owned()));
        }
        let machine_config = self.machine_config(target);
        let machine_config =
            machine_config.ok_or_else(|| MissingInput::MachineConfig(target.to_owned()))?;
        Ok(Sources {
            config,
            pool,
            machine_config,
        })
    }

    /// What the nodes of a pool run on, sorted; empty where no node of it is known.
    pub fn architectures_of(&self, pool: &str) -> Vec<Architecture> {
        let nodes = self.nodes_by_pool().remove(pool).unwrap_or_default();
        architectures(nodes)
    }

    /// IL-702: what the nodes of a pool run on; `None` where no node of it is known.
    pub fn architecture_of(&self, pool: &str) -> Result<Option<Architecture>, MixedPool> {
        let mut found = self.architectures_of(pool);
        if found.len() > 1 {
            return Err(MixedPool::Nodes {
                pool: pool.to_owned(),
                architectures: names_of(&found),
            });
        }
        Ok(found.pop())
    }

    /// IL-702: what to build for: of a pool without nodes, what all workers of the cluster run on, or else all
    /// of its nodes; `x86_64` where there is none.
    pub fn architecture_for(&self, pool: &str) -> Result<Architecture, MixedPool> {
        if let Some(found) = self.architecture_of(pool)? {
            return Ok(found);
        }
        let workers = self.nodes.iter().filter(|node| !node.is_control_plane());
        let mut found = architectures(workers);
        if found.is_empty() {
            found = architectures(self.nodes);
        }
        if found.len() > 1 {
            return Err(MixedPool::NoNodes {
                pool: pool.to_owned(),
                architectures: names_of(&found),
            });
        }
        Ok(found.pop().unwrap_or(Architecture::X86_64))
    }

    /// The nodes of each pool.
    pub(crate) fn nodes_by_pool(&self) -> BTreeMap<&'a str, Vec<&'a Node<'a>>> {
        let pools = self.pools.iter().map(|pool| pool.name.as_str()).collect();
        let mut nodes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for node in self.nodes {
            if let Some(pool) = pool_name_of(node, &pools) {
                nodes.entry(pool).or_default().push(node);
            }
        }
        nodes
    }
}

/// What nodes run on, each once, sorted.
fn architectures<'n>(nodes: impl IntoIterator<Item = &'n Node<'n>>) -> Vec<Architecture> {
    let names = nodes
        .into_iter()
        .filter_map(|node| node.architecture.as_deref());
    // A node that has not reported yet.
    let names = names.filter(|name| !name.is_empty());
    let mut found: Vec<Architecture> = names.map(Architecture::from_go_name).collect();
    found.sort();
    found.dedup();
    found
}

fn names_of(architectures: &[Architecture]) -> String {
    let names: Vec<_> = architectures.iter().map(Architecture::rpm_name).collect();
    names.join(", ")
}

/// How a label that gives a node a role starts.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";

/// The pool of a node: that of the MachineConfig that it is to run; of a node that has none, that
/// of its role. A node may have the role `worker` besides that of a pool of its own.
fn pool_name_of<'a>(node: &'a Node<'a>, pools: &BTreeSet<&str>) -> Option<&'a str> {
    if let Some(pool) = pool_of(node) {
        return Some(pool);
    }
    if node.is_control_plane() {
        return Some("master");
    }
    let labels = node.meta.labels.iter().flat_map(StringMap::iter);
    let roles = labels.filter_map(|(key, _)| key.strip_prefix(ROLE_PREFIX));
    let of_pools = roles.filter(|role| pools.contains(role));
    of_pools.min_by_key(|role| (*role == "worker", *role))
}

/// IL-829: of several MachineOSConfigs for one pool the oldest has it, of two of the same age the
/// first by name. One that no API server has seen yet is younger than any other.
pub(crate) fn owner<'b, 'a>(
    pool: &str,
    configs: &'b [MachineOSConfig<'a>],
) -> Option<&'b MachineOSConfig<'a>> {
    let age = |config: &MachineOSConfig<'_>| {
        let created = config.meta.creation_timestamp.as_deref();
        (
            created.is_none(),
            created.unwrap_or_default().to_owned(),
            config.name.to_string(),
        )
    };
    configs
        .iter()
        .filter(|config| config.pool() == pool && config.meta.deletion_timestamp.is_none())
        .min_by_key(|config| age(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use serde_json::{Value, json};

    fn config(name: &str, created: Option<&str>) -> String {
        object(
            "MachineOSConfig",
            &json!({"metadata": {"name": name, "creationTimestamp": created},
                "spec": {"machineConfigPool": {"name": "worker"}}}),
        )
    }

    fn pool(name: &str, target: &str) -> String {
        object(
            "MachineConfigPool",
            &json!({"metadata": {"name": name}, "spec": {"configuration": {"name": target}}}),
        )
    }

    #[test]
    fn il_829_the_oldest_config_has_the_pool() {
        let check = |texts: &[String], expected: &str| {
            let configs: Vec<_> = texts
                .iter()
                .map(|text| MachineOSConfig::read(&raw(text)).unwrap())
                .collect();
            let found = owner("worker", &configs).unwrap();
            assert_eq!(found.name.as_str(), expected);
        };
        let old = Some("2026-01-01T00:00:00Z");
        check(&[config("a", None), config("b", old)], "b");
        let young = Some("2026-01-02T00:00:00Z");
        check(&[config("a", young), config("b", old)], "b");
        check(&[config("b", old), config("a", old)], "a");
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |configs: &[String], pools: &[String], expected: &str| {
            let configs: Vec<_> = configs
                .iter()
                .map(|text| MachineOSConfig::read(&raw(text)).unwrap())
                .collect();
            let pools: Vec<_> = pools
                .iter()
                .map(|text| LayeredPool::read(&raw(text)).unwrap())
                .collect();
            let cluster = Cluster {
                configs: &configs,
                pools: &pools,
                ..Cluster::default()
            };
            let error = cluster.sources(configs.last().unwrap()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        let worker = [config("worker", None)];
        check(&worker, &[], "the input has no MachineConfigPool worker");
        check(
            &worker,
            &[pool("worker", "")],
            "MachineConfigPool worker has no rendered MachineConfig yet (spec.configuration.name)",
        );
        check(
            &worker,
            &[pool("worker", "rendered-worker-1")],
            "the input has no MachineConfig rendered-worker-1",
        );
        check(
            &[object(
                "MachineOSConfig",
                &json!({"metadata": {"name": "a"}}),
            )],
            &[],
            "spec.machineConfigPool.name is not set",
        );
        check(
            &[object("MachineOSConfig", &json!({}))],
            &[],
            "metadata.name is not set",
        );
        check(
            &[config("a", None), config("worker", None)],
            &[],
            "MachineOSConfig a for MachineConfigPool worker is older and has it: delete one",
        );
    }

    fn node(architecture: &str, roles: &[&str], rendered: Option<&str>) -> String {
        let roles: serde_json::Map<String, Value> = roles
            .iter()
            .map(|role| (format!("node-role.kubernetes.io/{role}"), json!("")))
            .collect();
        let desired = "machineconfiguration.openshift.io/desiredConfig";
        object(
            "Node",
            &json!({"metadata": {"labels": roles, "annotations": {desired: rendered}},
                "status": {"nodeInfo": {"architecture": architecture}}}),
        )
    }

    #[test]
    fn il_702_nodes_tell_the_architecture_of_their_pool() {
        let pools = [pool("worker", ""), pool("arm", ""), pool("master", "")];
        let pools = pools
            .each_ref()
            .map(|text| LayeredPool::read(&raw(text)).unwrap());
        let check = |nodes: &[String], pool: &str, expected: Result<Option<&str>, &str>| {
            let nodes: Vec<_> = nodes
                .iter()
                .map(|text| Node::read(&raw(text)).unwrap())
                .collect();
            let cluster = Cluster {
                nodes: &nodes,
                pools: &pools,
                ..Cluster::default()
            };
            let found = cluster.architecture_of(pool);
            let found = found.map(|found| found.map(|found| found.to_string()));
            let found = found.map_err(|error| match error {
                MixedPool::Nodes { architectures, .. } => architectures,
                other @ MixedPool::NoNodes { .. } => panic!("{other}"),
            });
            let expected = expected.map(|found| found.map(str::to_owned));
            assert_eq!(found, expected.map_err(str::to_owned), "{pool}");
        };
        let nodes = [
            node("amd64", &["worker"], None),
            node("arm64", &["worker", "arm"], None),
            node("s390x", &["worker", "control-plane"], None),
        ];
        check(&nodes, "worker", Ok(Some("x86_64")));
        check(&nodes, "arm", Ok(Some("aarch64")));
        check(&nodes, "master", Ok(Some("s390x")));
        check(&nodes, "infra", Ok(None));
        check(&[node("", &["worker"], None)], "worker", Ok(None));
        // What a node is to run counts more than its roles.
        let moved = node("arm64", &["arm"], Some("rendered-worker-1"));
        let mixed = [nodes.as_slice(), &[moved]].concat();
        check(&mixed, "worker", Err("aarch64, x86_64"));
    }

    #[test]
    fn il_702_a_pool_without_nodes_is_built_for_as_the_workers_are() {
        let node = |architecture: &str, role: &str| {
            let label = format!("node-role.kubernetes.io/{role}");
            object(
                "Node",
                &json!({"metadata": {"name": "n", "labels": {label: ""}},
                    "status": {"nodeInfo": {"architecture": architecture}}}),
            )
        };
        let check = |nodes: &[String], expected: Result<Architecture, &str>| {
            let nodes: Vec<_> = nodes
                .iter()
                .map(|text| Node::read(&raw(text)).unwrap())
                .collect();
            let cluster = Cluster {
                nodes: &nodes,
                ..Cluster::default()
            };
            let found = cluster.architecture_for("infra");
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                }
                other => panic!("{other:?}"),
            }
        };
        check(&[], Ok(Architecture::X86_64));
        let (amd, arm) = (node("amd64", "worker"), node("arm64", "worker"));
        let control_plane = node("s390x", "control-plane");
        check(
            &[arm.clone(), control_plane.clone()],
            Ok(Architecture::Aarch64),
        );
        check(&[control_plane], Ok(Architecture::S390x));
        check(
            &[amd, arm],
            Err("(aarch64, x86_64): add a node to the pool"),
        );
    }
}
