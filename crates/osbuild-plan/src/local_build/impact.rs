//! What a MachineConfig with an image does to pools of nodes, before it is there.

use openshift_model::{LayeredPool, OsMachineConfig};

use super::machine_config::ROLE_LABEL;
use crate::cluster::Cluster;

/// What becomes of the pools of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolImpact {
    /// Every pool that the MachineConfig is rendered into, the one that it is for first.
    pub pools: Vec<PoolEffect>,
    /// IL-056: a MachineOSConfig of the pool, whose builds then start from the image.
    pub machine_os_config: Option<String>,
}

/// What becomes of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolEffect {
    /// The pool.
    pub pool: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// Whether nothing happens until somebody resumes it.
    pub paused: bool,
    /// Whether its nodes are to run this very image already.
    pub has_it: bool,
    /// A MachineConfig that comes later and names another image, which counts instead.
    pub overridden_by: Option<String>,
}

impl PoolEffect {
    /// Whether its nodes will be rebooted into the image.
    pub fn reboots(&self) -> bool {
        !self.has_it && self.overridden_by.is_none()
    }
}

/// IL-055, IL-103: what becomes of a cluster once a MachineConfig of this name gives `image` to
/// a pool; `None` where the image is not known yet, so that no node runs it. A custom pool takes the
/// MachineConfigs of `worker` besides its own.
pub fn pool_impact(
    cluster: &Cluster<'_>,
    pool: &str,
    name: &str,
    image: Option<&str>,
) -> PoolImpact {
    let nodes = cluster.nodes_by_pool();
    let takes = |other: &&LayeredPool<'_>| {
        other.name.as_str() == pool || cluster.takes_configs_of(other, pool)
    };
    let mut pools: Vec<PoolEffect> = cluster
        .pools
        .iter()
        .filter(takes)
        .map(|found| {
            let mut sources = found.target.sources();
            let later = sources.find(|source| *source > name && cluster.names_image(source));
            let target = cluster.machine_config(found.target.name());
            PoolEffect {
                pool: found.name.to_string(),
                nodes: nodes.get(found.name.as_str()).map_or(0, Vec::len),
                paused: found.paused,
                has_it: image.is_some() && image == target.map(OsMachineConfig::os_image),
                overridden_by: later.map(str::to_owned),
            }
        })
        .collect();
    pools.sort_by(|a, b| (a.pool != pool, &a.pool).cmp(&(b.pool != pool, &b.pool)));
    let config = cluster.config_of(pool);
    PoolImpact {
        pools,
        machine_os_config: config.map(|config| config.name.to_string()),
    }
}

impl Cluster<'_> {
    /// Whether a pool is rendered from the MachineConfigs of another one.
    fn takes_configs_of(&self, pool: &LayeredPool<'_>, other: &str) -> bool {
        pool.target.sources().any(|source| {
            let config = self.machine_config(source);
            let role = config.and_then(|config| config.meta.label(ROLE_LABEL));
            role == Some(other) || source.strip_prefix("00-") == Some(other)
        })
    }

    fn names_image(&self, machine_config: &str) -> bool {
        let config = self.machine_config(machine_config);
        config.is_some_and(|config: &OsMachineConfig<'_>| !config.os_image().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LayerSnapshot;
    use crate::testing::{object, raw};
    use serde_json::json;

    fn objects() -> Vec<String> {
        let pool = |name: &str, sources: &[&str], paused: bool| {
            let sources: Vec<_> = sources.iter().map(|name| json!({"name": name})).collect();
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": name}, "spec": {"paused": paused,
                    "configuration": {"name": format!("rendered-{name}-1"), "source": sources}}}),
            )
        };
        let config = |name: &str, role: &str, image: &str| {
            object(
                "MachineConfig",
                &json!({"metadata": {"name": name, "labels": {ROLE_LABEL: role}},
                    "spec": {"osImageURL": image}}),
            )
        };
        let node = |name: &str, pool: &str| {
            let rendered = format!("rendered-{pool}-00000000000000000000000000000001");
            object(
                "Node",
                &json!({"metadata": {"name": name, "annotations":
                    {"machineconfiguration.openshift.io/desiredConfig": rendered}}}),
            )
        };
        vec![
            pool("gpu", &["00-worker", "zz-gpu"], false),
            pool("infra", &["00-worker", "99-worker-ssh"], true),
            pool("master", &["00-master"], false),
            pool("worker", &["00-worker", "99-worker-ssh"], false),
            config("00-worker", "worker", "release"),
            config("00-master", "master", "release"),
            config("99-worker-ssh", "worker", ""),
            config("zz-gpu", "gpu", "gpus"),
            config("rendered-worker-1", "", "release"),
            config("rendered-infra-1", "", "layered"),
            node("a", "worker"),
            node("b", "worker"),
            node("c", "gpu"),
        ]
    }

    #[test]
    fn il_055_custom_pools_take_the_image_of_workers() {
        let texts = objects();
        let (snapshot, errors) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        assert!(errors.is_empty(), "{errors:?}");
        let impact = |pool: &str| {
            let found = pool_impact(&snapshot.cluster(), pool, "os-layer", Some("layered"));
            let lines = found.pools.iter().map(|effect| {
                let by = effect.overridden_by.as_deref().unwrap_or("-");
                let PoolEffect {
                    pool,
                    nodes,
                    paused,
                    has_it,
                    ..
                } = effect;
                format!("{pool} {nodes} {paused} {has_it} {by} {}", effect.reboots())
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(
            impact("worker"),
            [
                "worker 2 false false - true",
                "gpu 1 false false zz-gpu false",
                "infra 0 true true - false",
            ]
        );
        assert_eq!(impact("gpu"), ["gpu 1 false false zz-gpu false"]);
        assert_eq!(impact("none"), Vec::<String>::new());
    }
}
