//! Which pools run a layered image that is behind the release of the cluster.

use openshift_model::facts::API_VERSION;
use openshift_model::{ClusterVersion, OsMachineConfig};
use serde::Serialize;

use crate::cluster::Cluster;
use crate::local_build::{BASE_IMAGE, ROLE_LABEL};
use crate::status::{Layering, PoolStatus, layering_status};

/// Which layered images are behind: the document of `osimage layer outdated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerOutdated {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `LayerOutdated`
    pub kind: &'static str,
    /// Every pool with a layered image that is not known to be up to date, by name.
    pub items: Vec<OutdatedPool>,
}

/// A pool whose image is behind, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutdatedPool {
    /// The pool.
    pub pool: String,
    /// Whether it is known to be behind; `null` where nobody can tell.
    pub outdated: Option<bool>,
    /// The object that gives it its image, as KIND/NAME.
    pub object: String,
    /// The pool that this object is for; that of another pool where this one takes its MachineConfigs.
    pub object_pool: String,
    /// Its image.
    pub image: Option<String>,
    /// The image of a release that it was put on top of, where the object says it.
    pub base_image: Option<String>,
    /// The image of the cluster's release.
    pub release_image: Option<String>,
    /// The release that the image was made for; without `baseImage` it is at best this one.
    pub image_release: Option<String>,
    /// The release of the cluster.
    pub cluster_release: Option<String>,
    /// The releases that came since, oldest first; `null` where one of both is not known.
    pub releases: Option<Vec<String>>,
}

/// The pools whose layered images are behind the release, or may be.
pub fn outdated_pools(cluster: &Cluster<'_>) -> LayerOutdated {
    let status = layering_status(cluster);
    let found = status
        .items
        .iter()
        .filter_map(|pool| cluster.outdated(pool));
    LayerOutdated {
        api_version: API_VERSION,
        kind: "LayerOutdated",
        items: found.filter(|pool| pool.outdated != Some(false)).collect(),
    }
}

impl Cluster<'_> {
    fn outdated(&self, pool: &PoolStatus) -> Option<OutdatedPool> {
        let object = match pool.layering {
            // Nothing is layered, or nobody asks for it any more.
            Layering::None | Layering::Leaving => return None,
            Layering::OutOfCluster | Layering::Both => {
                format!("MachineConfig/{}", pool.machine_config.as_ref()?.name)
            }
            Layering::InCluster | Layering::FirstBuild => {
                format!("MachineOSConfig/{}", pool.machine_os_config.as_ref()?)
            }
            Layering::Unknown => {
                let mut others = self.of_other_versions.iter();
                let other = others.find(|other| other.pool == pool.pool)?;
                format!("MachineOSConfig/{}", other.name)
            }
        };
        let source = pool.machine_config.as_ref();
        let source = source.and_then(|source| self.machine_config(&source.name));
        let object_pool = source.and_then(|config| config.meta.label(ROLE_LABEL));
        let base = source.and_then(|config| config.meta.annotation(BASE_IMAGE));
        let cluster_release = self.cluster_version.and_then(ClusterVersion::release);
        // What an image was put on top of tells more than when somebody named it.
        let image_release = match base.map(|base| self.release_of(base)) {
            Some(release) => release,
            None => pool.behind.image_release.clone(),
        };
        let releases = self.releases_since(image_release.as_deref(), cluster_release);
        let outdated = match (base, self.release_image) {
            (Some(base), Some(release)) => Some(digest(base) != digest(release)),
            _ => releases.as_ref().map(|releases| !releases.is_empty()),
        };
        Some(OutdatedPool {
            pool: pool.pool.clone(),
            outdated,
            object,
            object_pool: object_pool.unwrap_or(&pool.pool).to_owned(),
            image: pool.image.clone(),
            base_image: base.map(str::to_owned),
            release_image: self.release_image.map(str::to_owned),
            image_release,
            cluster_release: cluster_release.map(str::to_owned),
            releases,
        })
    }

    /// The release whose image this is, out of the rendered MachineConfigs that name it.
    pub(crate) fn release_of(&self, image: &str) -> Option<String> {
        let release = |config: &OsMachineConfig<'_>| {
            let release = config.meta.annotation(OsMachineConfig::RELEASE_ANNOTATION);
            release.map(str::to_owned)
        };
        let mut named = self.machine_configs.iter();
        let named = named.find_map(|config| {
            (digest(config.os_image()) == digest(image)).then(|| release(config))?
        });
        let is_current = self.release_image.map(digest) == Some(digest(image));
        let current = self.cluster_version.and_then(ClusterVersion::release);
        named.or_else(|| current.filter(|_| is_current).map(str::to_owned))
    }
}

/// An image is the same in every registry that has it: its digest; all of a reference without one.
fn digest(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LayerSnapshot;
    use crate::testing::{object, raw};
    use serde_json::json;

    /// A cluster that moved from 4.20.1 to 4.20.3, with a pool that a MachineConfig layers.
    fn outdated(annotations: serde_json::Value) -> Vec<OutdatedPool> {
        let release = OsMachineConfig::RELEASE_ANNOTATION;
        let config = |name: &str, annotations: serde_json::Value, image: &str| {
            object(
                "MachineConfig",
                &json!({"metadata": {"name": name, "annotations": annotations,
                    "labels": {ROLE_LABEL: "worker"}, "creationTimestamp": "2026-02-01T00:00:00Z"},
                    "spec": {"osImageURL": image}}),
            )
        };
        let texts = [
            json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
                "metadata": {"name": "version"}, "status": {"desired": {"version": "4.20.3"},
                "history": [{"version": "4.20.3", "startedTime": "2026-03-01T00:00:00Z"},
                    {"version": "4.20.1", "startedTime": "2026-01-01T00:00:00Z"}]}})
            .to_string(),
            object(
                "ControllerConfig",
                &json!({"metadata": {"name": "machine-config-controller"},
                    "spec": {"baseOSContainerImage": "quay.io/release@sha256:3"}}),
            ),
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": "worker"}, "spec": {"configuration": {
                    "name": "rendered-worker-3",
                    "source": [{"name": "00-worker"}, {"name": "os-layer"}]}}}),
            ),
            config(
                "rendered-worker-1",
                json!({release: "4.20.1"}),
                "quay.io/release@sha256:1",
            ),
            config(
                "rendered-worker-3",
                json!({release: "4.20.3"}),
                "quay.io/mine@sha256:5",
            ),
            config("os-layer", annotations, "quay.io/mine@sha256:5"),
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": "infra"}, "spec": {"configuration": {
                    "name": "rendered-infra-3",
                    "source": [{"name": "00-worker"}, {"name": "os-layer"}]}}}),
            ),
            config(
                "rendered-infra-3",
                json!({release: "4.20.3"}),
                "quay.io/mine@sha256:5",
            ),
        ];
        let (snapshot, errors) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        assert!(errors.is_empty(), "{errors:?}");
        outdated_pools(&snapshot.cluster()).items
    }

    #[test]
    fn il_055_the_base_of_an_image_tells_whether_it_is_behind() {
        let known = outdated(json!({BASE_IMAGE: "mirror.io/release@sha256:1"}));
        let [inherits, pool] = known.as_slice() else {
            panic!("{known:?}");
        };
        // What is to be done is done for the pool that the MachineConfig is for.
        assert_eq!(inherits.pool, "infra");
        assert_eq!(inherits.object_pool, "worker");
        assert_eq!(pool.object_pool, "worker");
        assert_eq!(pool.outdated, Some(true));
        assert_eq!(pool.object, "MachineConfig/os-layer");
        assert_eq!(pool.image_release.as_deref(), Some("4.20.1"));
        assert_eq!(pool.releases.as_deref().unwrap(), ["4.20.3"]);
        // Named before the upgrade, and put on top of the release that it went to.
        let current = outdated(json!({BASE_IMAGE: "quay.io/release@sha256:3"}));
        assert_eq!(current, []);
        // Of a release that nobody remembers: behind, nobody knows by how much.
        let unknown = outdated(json!({BASE_IMAGE: "quay.io/release@sha256:0"}));
        let pool = unknown.first().unwrap();
        assert_eq!((pool.outdated, &pool.releases), (Some(true), &None));
        let guessed = outdated(json!({}));
        let pool = guessed.first().unwrap();
        assert_eq!(pool.outdated, Some(true));
        assert_eq!(pool.base_image, None);
        assert_eq!(pool.image_release.as_deref(), Some("4.20.1"));
    }
}
