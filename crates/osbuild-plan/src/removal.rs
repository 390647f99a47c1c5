//! Taking a layered image that was built elsewhere away from a pool again.

use openshift_model::{Address, DeleteRequest, Guard, Kind, OsMachineConfig, Text, Write};

use crate::cluster::{Cluster, MissingInput};
use crate::local_build::{ROLE_LABEL, settings_besides_image};
use crate::snapshot::LayerSnapshot;

/// What to delete, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The MachineConfigs of the pool that name an image, by name.
    pub machine_configs: Vec<String>,
    /// What becomes of the pools whose image is another one afterwards.
    pub pools: Vec<PoolReturn>,
}

/// A pool that returns to another image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolReturn {
    /// The pool.
    pub pool: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// Whether nothing happens until somebody resumes it.
    pub paused: bool,
    /// The image that it returns to; `None` where the input does not say it.
    pub image: Option<String>,
    /// IL-056: a MachineOSConfig of the pool, whose builds then start from that image.
    pub machine_os_config: Option<String>,
}

/// Nothing can be taken away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemovalError {
    /// There is no such pool.
    #[error(transparent)]
    Missing(#[from] MissingInput),
    /// A MachineOSConfig layers it.
    #[error(
        "the image of pool {pool} is built on the cluster: `oc delete machineosconfig {config}` returns \
         it to the image of the release"
    )]
    OnCluster {
        /// The pool.
        pool: String,
        /// The MachineOSConfig.
        config: String,
    },
    /// A MachineConfig of another pool, which this one takes, names the image.
    #[error(
        "pool {pool} has its image from MachineConfig {machine_config}, which is for pool {owner}: \
         --pool {owner} removes it for both"
    )]
    OfOther {
        /// The pool.
        pool: String,
        /// The MachineConfig.
        machine_config: String,
        /// The pool that it is for.
        owner: String,
    },
    /// A MachineConfig is deleted whole: it must not be there for anything else.
    #[error(
        "MachineConfig {name} has more than the image: {}; remove spec.osImageURL from it instead \
         (`oc edit machineconfig {name}`)", .settings.join(", ")
    )]
    HasSettings {
        /// The MachineConfig.
        name: String,
        /// What it has besides an image, by member of `spec`.
        settings: Vec<String>,
    },
    /// No MachineConfig names an image.
    #[error("pool {0} runs the image of the release: no MachineConfig of it names another one")]
    NotLayered(String),
}

/// IL-055: what returns a pool to the image of the release, and what follows.
pub fn removal(snapshot: &LayerSnapshot<'_>, pool: &str) -> Result<Removal, RemovalError> {
    let cluster = &snapshot.cluster();
    if cluster.pool(pool).is_none() {
        return Err(MissingInput::Pool(pool.to_owned()).into());
    }
    let is_own = |config: &&OsMachineConfig<'_>| config.meta.label(ROLE_LABEL) == Some(pool);
    let mut named: Vec<&OsMachineConfig<'_>> = cluster
        .machine_configs
        .iter()
        .filter(|config| names_layer(config))
        .filter(is_own)
        .collect();
    named.sort_by(|a, b| a.name.cmp(&b.name));
    if named.is_empty() {
        return Err(no_removal(cluster, pool));
    }
    for config in &named {
        let object = snapshot.object(Kind::MachineConfig, "", &config.name);
        let settings = object.map(settings_besides_image).unwrap_or_default();
        if !settings.is_empty() {
            let name = config.name.to_string();
            return Err(RemovalError::HasSettings { name, settings });
        }
    }
    let nodes = cluster.nodes_by_pool();
    let is_removed = |source: &str| named.iter().any(|config| config.name.as_str() == source);
    let returns = cluster.pools.iter().filter_map(|pool| {
        // The last one that names an image counts; the first one names the image of the release.
        let mut naming = pool.target.sources().rev().filter(|source| {
            let config = cluster.machine_config(source);
            config.is_some_and(|config| names_layer(config))
        });
        if !naming.next().is_some_and(is_removed) {
            return None;
        }
        let next = naming.find(|source| !is_removed(source));
        let next = next.and_then(|source| cluster.machine_config(source));
        let name = pool.name.as_str();
        let image = next
            .map(OsMachineConfig::os_image)
            .or(cluster.release_image);
        Some(PoolReturn {
            pool: name.to_owned(),
            nodes: nodes.get(name).map_or(0, Vec::len),
            paused: pool.paused,
            image: image.map(str::to_owned),
            machine_os_config: cluster
                .config_of(name)
                .map(|config| config.name.to_string()),
        })
    });
    Ok(Removal {
        machine_configs: named.iter().map(|config| config.name.to_string()).collect(),
        pools: returns.collect(),
    })
}

/// Whether somebody's own MachineConfig names an image; neither a rendered one, which has no role, nor
/// the operator's.
fn names_layer(config: &OsMachineConfig<'_>) -> bool {
    !config.os_image().is_empty()
        && !config.name.starts_with("00-")
        && config.meta.label(ROLE_LABEL).is_some()
}

fn no_removal(cluster: &Cluster<'_>, pool: &str) -> RemovalError {
    if let Some(config) = cluster.config_of(pool) {
        return RemovalError::OnCluster {
            pool: pool.to_owned(),
            config: config.name.to_string(),
        };
    }
    let sources = cluster.pool(pool).into_iter();
    let mut sources = sources.flat_map(|pool| pool.target.sources().rev());
    let other = sources.find_map(|source| {
        let config = cluster.machine_config(source)?;
        let owner = config.meta.label(ROLE_LABEL)?;
        names_layer(config).then_some((config, owner))
    });
    match other {
        Some((config, owner)) => RemovalError::OfOther {
            pool: pool.to_owned(),
            machine_config: config.name.to_string(),
            owner: owner.to_owned(),
        },
        None => RemovalError::NotLayered(pool.to_owned()),
    }
}

/// Deletes a MachineConfig that was looked at, unless somebody has written it since.
pub fn delete_machine_config(config: &OsMachineConfig<'_>) -> Write {
    let text = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
    Write::Delete(DeleteRequest {
        address: Address::of(Kind::MachineConfig, "", &config.name),
        guard: Guard {
            uid: text(&config.meta.uid),
            resource_version: text(&config.meta.resource_version),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LayerSnapshot;
    use crate::testing::{object, raw};
    use serde_json::json;

    fn objects() -> Vec<String> {
        let pool = |name: &str, sources: &[&str]| {
            let sources: Vec<_> = sources.iter().map(|name| json!({"name": name})).collect();
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": name},
                    "spec": {"configuration": {"name": "r", "source": sources}}}),
            )
        };
        let config = |name: &str, role: &str, image: &str| {
            object(
                "MachineConfig",
                &json!({"metadata": {"name": name, "uid": "1", "resourceVersion": "2",
                    "labels": {ROLE_LABEL: role}}, "spec": {"osImageURL": image}}),
            )
        };
        vec![
            object(
                "ControllerConfig",
                &json!({"metadata": {"name": "machine-config-controller"},
                    "spec": {"baseOSContainerImage": "release"}}),
            ),
            pool("gpu", &["00-worker", "os-layer", "zz-gpu"]),
            pool("infra", &["00-worker", "os-layer"]),
            pool("master", &["00-master"]),
            pool("worker", &["00-worker", "os-layer"]),
            config("00-master", "master", "release"),
            config("00-worker", "worker", "release"),
            config("os-layer", "worker", "layered"),
            config("zz-gpu", "gpu", "gpus"),
        ]
    }

    #[test]
    fn il_055_a_pool_returns_to_the_release() {
        let texts = objects();
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let worker = removal(&snapshot, "worker").unwrap();
        assert_eq!(worker.machine_configs, ["os-layer"]);
        let returns = |removal: &Removal| -> Vec<(String, String)> {
            let pools = removal.pools.iter();
            pools
                .map(|it| (it.pool.clone(), it.image.clone().unwrap()))
                .collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            pairs.iter().map(owned).collect()
        };
        // Pool gpu keeps its own image.
        let expected = [("infra", "release"), ("worker", "release")];
        assert_eq!(returns(&worker), pairs(&expected));
        let gpu = removal(&snapshot, "gpu").unwrap();
        assert_eq!(returns(&gpu), pairs(&[("gpu", "layered")]));
        let error = |pool: &str| removal(&snapshot, pool).unwrap_err().to_string();
        assert!(error("infra").contains("--pool worker removes it for both"));
        assert!(error("master").contains("runs the image of the release"));
        assert!(error("none").contains("no MachineConfigPool none"));
    }

    #[test]
    fn il_055_what_is_there_for_other_things_is_not_deleted() {
        let mut texts = objects();
        texts.push(object(
            "MachineConfig",
            &json!({"metadata": {"name": "zz-more", "labels": {ROLE_LABEL: "worker"}},
                "spec": {"osImageURL": "layered", "kernelArguments": ["quiet"]}}),
        ));
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let error = removal(&snapshot, "worker").unwrap_err().to_string();
        let expected = "MachineConfig zz-more has more than the image: kernelArguments; ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn il_055_only_what_was_looked_at_is_deleted() {
        let texts = objects();
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let config = snapshot.cluster().machine_config("zz-gpu").unwrap();
        let Write::Delete(request) = delete_machine_config(config) else {
            panic!("it is deleted");
        };
        assert_eq!(
            request.document()["preconditions"],
            json!({"uid": "1", "resourceVersion": "2"})
        );
    }
}
