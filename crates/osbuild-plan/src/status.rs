//! Which pools run which image, where it comes from, and how far behind the release it is.

use mosb_naming::keys;
use openshift_model::{
    ClusterVersion, LayeredPool, MachineOSBuild, MachineOSConfig, Node, OsMachineConfig,
};
use osbuild_check::{BuildState, state};
use serde::Serialize;

/// What the status of pools is made from.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    /// All pools.
    pub pools: &'a [LayeredPool<'a>],
    /// All MachineConfigs, rendered ones too.
    pub machine_configs: &'a [OsMachineConfig<'a>],
    /// All MachineOSConfigs.
    pub configs: &'a [MachineOSConfig<'a>],
    /// All MachineOSBuilds.
    pub builds: &'a [MachineOSBuild<'a>],
    /// All nodes.
    pub nodes: &'a [Node<'a>],
    /// The release and its history.
    pub cluster_version: Option<&'a ClusterVersion<'a>>,
    /// The operating system image of the release.
    pub release_image: Option<&'a str>,
}

/// Where the image of a pool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Layering {
    /// The release.
    None,
    /// A MachineOSConfig: built on the cluster.
    InCluster,
    /// IL-055: a MachineConfig with `osImageURL`: built elsewhere.
    OutOfCluster,
    /// IL-056: built on the cluster, from an image that was built elsewhere.
    Both,
}

/// The image of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// The pool.
    pub pool: String,
    /// Where its image comes from.
    pub layering: Layering,
    /// The image that its nodes run or are to run; `None` where nobody says.
    pub image: Option<String>,
    /// The MachineOSConfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_os_config: Option<String>,
    /// The current build, and its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildStatus>,
    /// IL-055: the MachineConfig that names an image, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_config: Option<ImageSource>,
    /// Its nodes.
    pub nodes: NodeCount,
    /// How far behind the release the image is.
    pub behind: Behind,
    /// Whether nodes are left as they are.
    pub paused: bool,
}

/// The current build of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildStatus {
    /// The MachineOSBuild.
    pub name: String,
    /// Its state.
    pub state: BuildState,
}

/// A MachineConfig that names an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageSource {
    /// The MachineConfig.
    pub name: String,
    /// When it was created, RFC 3339.
    pub since: Option<String>,
}

/// The nodes of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCount {
    /// How many there are.
    pub total: usize,
    /// How many run the image.
    pub on_image: usize,
    /// What they say they run.
    pub os_versions: Vec<String>,
}

/// How far an image is behind the release of its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Behind {
    /// The release that the image was made for, or that the cluster ran when the image was named.
    pub image_release: Option<String>,
    /// The release of the cluster.
    pub cluster_release: Option<String>,
    /// The releases that came since, oldest first; `None` where nobody can tell.
    pub releases: Option<Vec<String>>,
}

/// IL-047: what a node runs, as it says itself.
const CURRENT_IMAGE: &str = "machineconfiguration.openshift.io/currentImage";
/// IL-046: the rendered MachineConfig that a node runs or is to run; its name tells the pool.
const DESIRED_CONFIG: &str = "machineconfiguration.openshift.io/desiredConfig";
const CURRENT_CONFIG: &str = "machineconfiguration.openshift.io/currentConfig";

/// Which pools run which image, by name of the pool.
pub fn layering_status(cluster: &Cluster<'_>) -> Vec<PoolStatus> {
    let mut statuses: Vec<_> = cluster
        .pools
        .iter()
        .map(|pool| cluster.pool(pool))
        .collect();
    statuses.sort_by(|a, b| a.pool.cmp(&b.pool));
    statuses
}

impl<'a> Cluster<'a> {
    fn pool(&self, pool: &LayeredPool<'a>) -> PoolStatus {
        let config = self
            .configs
            .iter()
            .find(|config| config.pool() == pool.name.as_str());
        let rendered = self.machine_config(pool.target.name());
        let base_image = rendered
            .map(OsMachineConfig::os_image)
            .filter(|image| !image.is_empty());
        let source = self.image_source(pool, base_image);
        let layering = match (config, &source) {
            (None, None) => Layering::None,
            (Some(_), None) => Layering::InCluster,
            (None, Some(_)) => Layering::OutOfCluster,
            (Some(_), Some(_)) => Layering::Both,
        };
        let layered = config.and_then(|config| config.status.current_image_pull_spec.as_deref());
        let image = if config.is_some() {
            layered
        } else {
            base_image
        };
        let build = config.and_then(|config| self.build(config));
        PoolStatus {
            pool: pool.name.to_string(),
            layering,
            image: image.map(str::to_owned),
            machine_os_config: config.map(|config| config.name.to_string()),
            nodes: self.nodes(pool, config.and(layered)),
            behind: self.behind(config, build, source.as_ref(), rendered),
            build: build.map(|build| BuildStatus {
                name: build.name.to_string(),
                state: state(build.conditions()).unwrap_or(BuildState::Initial),
            }),
            machine_config: source,
            paused: pool.paused,
        }
    }

    fn machine_config(&self, name: &str) -> Option<&OsMachineConfig<'a>> {
        self.machine_configs
            .iter()
            .find(|config| config.name.as_str() == name)
    }

    /// IL-055: the last MachineConfig of the pool that names an image; one whose image is the
    /// release's own names none.
    fn image_source(
        &self,
        pool: &LayeredPool<'a>,
        base_image: Option<&str>,
    ) -> Option<ImageSource> {
        if base_image.is_some() && base_image == self.release_image {
            return None;
        }
        let sources = pool.target.source.iter().flatten().flatten().rev();
        let mut named = sources
            .filter_map(|source| self.machine_config(source.name.as_deref()?))
            .filter(|config| !config.os_image().is_empty());
        // The operator's own `00-<pool>` names the release's image.
        let found = named.find(|config| !config.name.starts_with("00-"))?;
        Some(ImageSource {
            name: found.name.to_string(),
            since: found.meta.creation_timestamp.as_deref().map(str::to_owned),
        })
    }

    fn build(&self, config: &MachineOSConfig<'_>) -> Option<&MachineOSBuild<'a>> {
        let annotated = config.meta.annotation(keys::CURRENT_BUILD);
        let of_image = config.status.machine_os_build.as_ref();
        let name = annotated.or_else(|| of_image?.name.as_deref())?;
        self.builds.iter().find(|build| build.name.as_str() == name)
    }

    fn nodes(&self, pool: &LayeredPool<'a>, image: Option<&str>) -> NodeCount {
        let mut count = NodeCount::default();
        for node in self.nodes.iter().filter(|node| is_of(node, &pool.name)) {
            count.total += 1;
            let runs = match image {
                Some(image) => node.meta.annotation(CURRENT_IMAGE) == Some(image),
                None => node.meta.annotation(CURRENT_CONFIG) == Some(pool.target.name()),
            };
            count.on_image += usize::from(runs);
            count
                .os_versions
                .extend(node.os_image.as_deref().map(str::to_owned));
        }
        count.os_versions.sort();
        count.os_versions.dedup();
        count
    }

    /// The image of a build is as old as the release of its MachineConfig; an image from elsewhere
    /// is at best as new as the release that the cluster ran when it was named.
    fn behind(
        &self,
        config: Option<&MachineOSConfig<'_>>,
        build: Option<&MachineOSBuild<'_>>,
        source: Option<&ImageSource>,
        rendered: Option<&OsMachineConfig<'_>>,
    ) -> Behind {
        let cluster_release = self.cluster_version.and_then(ClusterVersion::release);
        let of = |config: &OsMachineConfig<'_>| {
            config
                .meta
                .annotation(OsMachineConfig::RELEASE_ANNOTATION)
                .map(str::to_owned)
        };
        let image_release = match (source, config, build) {
            (Some(source), _, _) => self.release_at(source.since.as_deref()),
            (None, Some(_), Some(build)) => {
                self.machine_config(build.machine_config()).and_then(of)
            }
            (None, Some(_), None) => None,
            (None, None, _) => rendered.and_then(of),
        };
        Behind {
            releases: self.releases_since(image_release.as_deref(), cluster_release),
            image_release,
            cluster_release: cluster_release.map(str::to_owned),
        }
    }

    /// Releases and when the cluster began to move to them, newest first.
    fn history(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        let history = self
            .cluster_version
            .and_then(|version| version.history.as_ref());
        history
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.version.as_deref()?, entry.started_time.as_deref()?)))
    }

    /// The release that the cluster ran at a time. Times in UTC compare as text.
    fn release_at(&self, time: Option<&str>) -> Option<String> {
        let time = time?;
        self.history()
            .find(|(_, started)| *started <= time)
            .map(|(release, _)| release.to_owned())
    }

    fn releases_since(&self, image: Option<&str>, cluster: Option<&str>) -> Option<Vec<String>> {
        let (image, cluster) = (image?, cluster?);
        if image == cluster {
            return Some(Vec::new());
        }
        let known = self.history().any(|(release, _)| release == image);
        let newer = self.history().take_while(|(release, _)| *release != image);
        let mut releases: Vec<String> = if known {
            newer.map(|(release, _)| release.to_owned()).collect()
        } else {
            vec![cluster.to_owned()]
        };
        releases.reverse();
        Some(releases)
    }
}

/// `rendered-<pool>-<32 hex digits>`
fn is_of(node: &Node<'_>, pool: &str) -> bool {
    let config = node.meta.annotation(DESIRED_CONFIG).unwrap_or_default();
    let name = config
        .strip_prefix("rendered-")
        .and_then(|rest| rest.rsplit_once('-'));
    name.is_some_and(|(name, _)| name == pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;

    const POOL: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineConfigPool","metadata":{"name":"worker"},"spec":{"configuration":{
        "name":"rendered-worker-2","source":[{"name":"00-worker"},{"name":"os-layer"}]}}}"#;
    const RENDERED: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineConfig","metadata":{"name":"rendered-worker-2","annotations":{
        "machineconfiguration.openshift.io/release-image-version":"4.20.4"}},
        "spec":{"osImageURL":"quay.io/mine@sha256:1"}}"#;
    const LAYER: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineConfig","metadata":{"name":"os-layer",
        "creationTimestamp":"2026-02-01T00:00:00Z"},"spec":{"osImageURL":"quay.io/mine@sha256:1"}}"#;
    const VERSION: &str = r#"{"apiVersion":"config.openshift.io/v1","kind":"ClusterVersion",
        "status":{"desired":{"version":"4.20.4"},"history":[
        {"version":"4.20.4","startedTime":"2026-04-01T00:00:00Z"},
        {"version":"4.20.2","startedTime":"2026-03-01T00:00:00Z"},
        {"version":"4.20.1","startedTime":"2026-01-01T00:00:00Z"}]}}"#;
    const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","annotations":{
        "machineconfiguration.openshift.io/desiredConfig":"rendered-worker-2",
        "machineconfiguration.openshift.io/currentConfig":"rendered-worker-2",
        "machineconfiguration.openshift.io/currentImage":"quay.io/os@sha256:2"}},
        "status":{"nodeInfo":{"osImage":"Red Hat Enterprise Linux CoreOS 9.6"}}}"#;
    const CONFIG: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSConfig","metadata":{"name":"worker","annotations":{
        "machineconfiguration.openshift.io/current-machine-os-build":"worker-1"}},
        "spec":{"machineConfigPool":{"name":"worker"}},
        "status":{"currentImagePullSpec":"quay.io/os@sha256:2"}}"#;
    const BUILD: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSBuild","metadata":{"name":"worker-1"},
        "spec":{"machineConfig":{"name":"rendered-worker-2"}},
        "status":{"conditions":[{"type":"Succeeded","status":"True"}]}}"#;

    /// The status of the pool, with a MachineOSConfig or without, and with the release's image.
    fn status(config: Option<&str>, release_image: Option<&str>) -> PoolStatus {
        let raw = |text| RawObject::parse(text).unwrap().unwrap();
        let read = |text| OsMachineConfig::read(&raw(text)).unwrap();
        let configs: Vec<_> = config
            .into_iter()
            .map(|text| MachineOSConfig::read(&raw(text)).unwrap())
            .collect();
        let statuses = layering_status(&Cluster {
            pools: &[LayeredPool::read(&raw(POOL)).unwrap()],
            machine_configs: &[read(RENDERED), read(LAYER)],
            configs: &configs,
            builds: &[MachineOSBuild::read(&raw(BUILD)).unwrap()],
            nodes: &[Node::read(&raw(NODE)).unwrap()],
            cluster_version: Some(&ClusterVersion::read(&raw(VERSION)).unwrap()),
            release_image,
        });
        statuses.into_iter().next().unwrap()
    }

    #[test]
    fn il_055_an_image_from_elsewhere_falls_behind() {
        let status = status(None, Some("quay.io/release@sha256:9"));
        assert_eq!(status.layering, Layering::OutOfCluster);
        assert_eq!(status.image.as_deref(), Some("quay.io/mine@sha256:1"));
        assert_eq!(status.machine_config.unwrap().name, "os-layer");
        assert_eq!(status.behind.image_release.as_deref(), Some("4.20.1"));
        assert_eq!(status.behind.releases.unwrap(), ["4.20.2", "4.20.4"]);
        assert_eq!((status.nodes.total, status.nodes.on_image), (1, 1));
    }

    #[test]
    fn il_056_both_ways_can_be_combined() {
        let status = status(Some(CONFIG), Some("quay.io/release@sha256:9"));
        assert_eq!(status.layering, Layering::Both);
        assert_eq!(status.image.as_deref(), Some("quay.io/os@sha256:2"));
        let build = status.build.unwrap();
        assert_eq!(
            (build.name.as_str(), build.state),
            ("worker-1", BuildState::Succeeded)
        );
    }

    #[test]
    fn il_161_an_image_built_on_the_cluster_is_as_old_as_its_machine_config() {
        let status = status(Some(CONFIG), Some("quay.io/mine@sha256:1"));
        assert_eq!(status.layering, Layering::InCluster);
        assert_eq!(status.behind.releases.as_deref(), Some([].as_slice()));
    }

    #[test]
    fn a_pool_without_layering_runs_the_release() {
        let status = status(None, Some("quay.io/mine@sha256:1"));
        assert_eq!(status.layering, Layering::None);
        assert_eq!(status.machine_config, None);
    }
}
