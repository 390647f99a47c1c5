//! Which pools run which image, where it comes from, and how far behind the release it is.

use std::collections::BTreeSet;

use openshift_model::facts::API_VERSION;
use openshift_model::{
    ClusterVersion, LayeredPool, MachineOSBuild, MachineOSConfig, Node, OsMachineConfig,
};
use osbuild_check::{BuildState, state};
use serde::Serialize;

use crate::cluster::Cluster;
use crate::rollout::{
    Updating, build_of_pool, current_config, current_image, node_is_candidate, node_is_done,
    updating,
};
use crate::snapshot::OtherVersion;

/// Where the image of a pool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Layering {
    /// The release.
    None,
    /// A MachineOSConfig: built on the cluster.
    InCluster,
    /// IL-055: a MachineConfig with `osImageURL`: built elsewhere.
    OutOfCluster,
    /// IL-056: built on the cluster, from an image that was built elsewhere.
    Both,
    /// A MachineOSConfig asks for an image, and none has been built yet: nodes run what they ran
    /// before.
    FirstBuild,
    /// IL-350: the MachineOSConfig is gone, and nodes have yet to return to the image of the release.
    Leaving,
    /// A MachineOSConfig of another version than v1, which is not read.
    Unknown,
}

/// Which pools run which image: the document of `osimage layer status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerStatus {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `LayerStatus`
    pub kind: &'static str,
    /// Every pool, by name.
    pub items: Vec<PoolStatus>,
}

/// The image of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolStatus {
    /// The pool.
    pub pool: String,
    /// Where its image comes from.
    pub layering: Layering,
    /// Why nothing more is known about it, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The image that its nodes run or are to run; `None` where it is not known.
    pub image: Option<String>,
    /// The MachineOSBuild that made it, where the cluster did and it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_build: Option<String>,
    /// The MachineOSConfig; of several for one pool the oldest.
    #[serde(rename = "machineOSConfig", skip_serializing_if = "Option::is_none")]
    pub machine_os_config: Option<String>,
    /// IL-048: the build for what the pool is to run, and its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildStatus>,
    /// IL-043, IL-044: what the pool says about its image while it is not on every node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updating: Option<Updating>,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuildStatus {
    /// The MachineOSBuild.
    pub name: String,
    /// Its state.
    pub state: BuildState,
}

/// A MachineConfig that names an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageSource {
    /// The MachineConfig.
    pub name: String,
    /// When it was created, RFC 3339.
    pub since: Option<String>,
}

/// The nodes of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeCount {
    /// How many there are.
    pub total: usize,
    /// How many run the image.
    pub on_image: usize,
    /// The operating system versions that they report.
    pub os_versions: Vec<String>,
}

/// How far an image is behind the release of its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Behind {
    /// The release that the image was made for, or that the cluster ran when the image was named.
    pub image_release: Option<String>,
    /// The release of the cluster.
    pub cluster_release: Option<String>,
    /// The releases that came since, oldest first; `None` where one of both is not known.
    pub releases: Option<Vec<String>>,
}

impl PoolStatus {
    /// Whether nodes run, or are to run, a layered image of an earlier release than the cluster's. Where
    /// one of both releases is not known, nothing is said to be behind.
    pub fn is_behind(&self) -> bool {
        let releases = self.behind.releases.as_ref();
        self.layering != Layering::None && releases.is_some_and(|releases| !releases.is_empty())
    }
}

/// Which pools run which image, by name of the pool.
pub fn layering_status(cluster: &Cluster<'_>) -> LayerStatus {
    let nodes = cluster.nodes_by_pool();
    let nodes_of = |pool: &LayeredPool<'_>| nodes.get(pool.name.as_str());
    let mut items: Vec<_> = cluster
        .pools
        .iter()
        .map(|pool| cluster.pool_status(pool, nodes_of(pool).map_or(&[], Vec::as_slice)))
        .collect();
    items.sort_by(|a, b| a.pool.cmp(&b.pool));
    LayerStatus {
        api_version: API_VERSION,
        kind: "LayerStatus",
        items,
    }
}

impl<'a> Cluster<'a> {
    fn pool_status(&self, pool: &LayeredPool<'a>, nodes: &[&Node<'_>]) -> PoolStatus {
        let config = self.config_of(&pool.name);
        let rendered = self.machine_config(pool.target.name());
        let base_image = self.image_of(pool.target.name());
        let source = self.image_source(pool, base_image);
        let layered = config.and_then(|config| config.status.current_image_pull_spec.as_deref());
        let layered = layered.filter(|image| !image.is_empty());
        let other = self.of_other_version(pool).filter(|_| config.is_none());
        let left_over = nodes.iter().find_map(|node| current_image(node));
        let layering = match (config, layered, &source) {
            (None, _, _) if other.is_some() => Layering::Unknown,
            (None, _, _) if left_over.is_some() => Layering::Leaving,
            (None, _, None) => Layering::None,
            (None, _, Some(_)) => Layering::OutOfCluster,
            (Some(_), None, _) => Layering::FirstBuild,
            (Some(_), Some(_), None) => Layering::InCluster,
            (Some(_), Some(_), Some(_)) => Layering::Both,
        };
        let image = match layering {
            Layering::InCluster | Layering::Both => layered,
            Layering::Unknown | Layering::Leaving => left_over,
            // What nodes run until the first image is there.
            Layering::FirstBuild => self.image_of(pool.current.name()).or(base_image),
            Layering::None | Layering::OutOfCluster => base_image,
        };
        let build = config.and_then(|config| build_of_pool(pool, config, self.builds).build);
        let maker = config.and_then(|config| self.maker_of_image(config));
        let updating = config.and_then(|config| {
            let pending = build.is_some_and(|build| {
                let is_pending = |node: &&Node<'_>| {
                    !node_is_done(node) || node_is_candidate(node, config, build)
                };
                nodes.iter().any(is_pending)
            });
            updating(pool, &config.name, build, pending)
        });
        PoolStatus {
            pool: pool.name.to_string(),
            layering,
            problem: other
                .map(|other| format!("MachineOSConfig {}: {}", other.name, other.problem())),
            image: image.map(str::to_owned),
            image_build: maker.map(|build| build.name.to_string()),
            machine_os_config: config.map(|config| config.name.to_string()),
            nodes: count(nodes, pool, config.and(layered).or(other.and(left_over))),
            behind: self.behind(pool, config, maker, source.as_ref(), rendered),
            build: build.map(|build| BuildStatus {
                name: build.name.to_string(),
                state: state(build.conditions()).unwrap_or(BuildState::Initial),
            }),
            updating,
            machine_config: source,
            paused: pool.paused,
        }
    }

    /// The image that a rendered MachineConfig names.
    fn image_of(&self, rendered: &str) -> Option<&'a str> {
        let image = self.machine_config(rendered).map(OsMachineConfig::os_image);
        image.filter(|image| !image.is_empty())
    }

    /// A MachineOSConfig of another version for a pool.
    fn of_other_version(&self, pool: &LayeredPool<'_>) -> Option<&'a OtherVersion> {
        let mut others = self.of_other_versions.iter();
        others.find(|other| other.pool == pool.name.as_str())
    }

    /// The build that made the image that nodes run or are to run. While another one goes on, it is
    /// not the current one (IL-361).
    fn maker_of_image(&self, config: &MachineOSConfig<'_>) -> Option<&MachineOSBuild<'a>> {
        let image = config.status.current_image_pull_spec.as_deref()?;
        let of_image = config.status.machine_os_build.as_ref();
        let name = of_image.and_then(|build| build.name.as_deref());
        let named = |build: &&MachineOSBuild<'_>| Some(build.name.as_str()) == name;
        let made = |build: &&MachineOSBuild<'_>| {
            build.status.digested_image_push_spec.as_deref() == Some(image)
        };
        let mut builds = self.builds.iter();
        let named = builds.find(named);
        named.or_else(|| self.builds.iter().find(made))
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
        let mut named = pool
            .target
            .sources()
            .rev()
            .filter_map(|source| self.machine_config(source))
            .filter(|config| !config.os_image().is_empty());
        // The operator's own `00-<pool>` names the release's image.
        let found = named.find(|config| !config.name.starts_with("00-"))?;
        Some(ImageSource {
            name: found.name.to_string(),
            since: found.meta.creation_timestamp.as_deref().map(str::to_owned),
        })
    }

    /// The image of a build is as old as the release of its MachineConfig; an image from elsewhere
    /// is at best as new as the release that the cluster ran when it was named.
    fn behind(
        &self,
        pool: &LayeredPool<'_>,
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
            (None, Some(config), None) => {
                let has_image = config.status.current_image_pull_spec.is_some();
                let running = self.machine_config(pool.current.name()).or(rendered);
                running.filter(|_| !has_image).and_then(of)
            }
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

    /// When the cluster began to move to a release.
    pub(crate) fn release_start(&self, release: &str) -> Option<String> {
        let mut history = self.history();
        let found = history.find(|(known, _)| *known == release);
        found.map(|(_, started)| started.to_owned())
    }

    /// The releases that came after one, oldest first.
    pub(crate) fn releases_since(
        &self,
        image: Option<&str>,
        cluster: Option<&str>,
    ) -> Option<Vec<String>> {
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

/// How many nodes of a pool run its image: the layered one, or that of its MachineConfig.
fn count(nodes: &[&Node<'_>], pool: &LayeredPool<'_>, image: Option<&str>) -> NodeCount {
    let runs = |node: &&&Node<'_>| match image {
        Some(image) => current_image(node) == Some(image),
        None => current_config(node) == Some(pool.target.name()),
    };
    let versions = nodes.iter().filter_map(|node| node.os_image.as_deref());
    let versions: BTreeSet<&str> = versions.collect();
    NodeCount {
        total: nodes.len(),
        on_image: nodes.iter().filter(runs).count(),
        os_versions: versions.into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LayerSnapshot;
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
        "status":{"conditions":[{"type":"Succeeded","status":"True"}],
        "digestedImagePushSpec":"quay.io/os@sha256:2"}}"#;
    /// A build for what the pool is to run, which goes on.
    const NEXT_BUILD: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSBuild","metadata":{"name":"worker-2"},
        "spec":{"machineConfig":{"name":"rendered-worker-2"}},
        "status":{"conditions":[{"type":"Building","status":"True"}]}}"#;
    const OLD_RENDERED: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineConfig","metadata":{"name":"rendered-worker-1","annotations":{
        "machineconfiguration.openshift.io/release-image-version":"4.20.2"}},
        "spec":{"osImageURL":"quay.io/mine@sha256:0"}}"#;

    /// The status of the pool, with a MachineOSConfig or without, and with the release's image.
    fn status(config: Option<&str>, release_image: Option<&str>) -> PoolStatus {
        fn raw(text: &str) -> RawObject<'_> {
            RawObject::parse(text).unwrap().unwrap()
        }
        let read = |text| OsMachineConfig::read(&raw(text)).unwrap();
        let configs: Vec<_> = config
            .into_iter()
            .map(|text| MachineOSConfig::read(&raw(text)).unwrap())
            .collect();
        // A node that was never layered has no image of its own.
        let node = match config {
            Some(_) => NODE.to_owned(),
            None => NODE.replace("currentImage", "other"),
        };
        let statuses = layering_status(&Cluster {
            pools: &[LayeredPool::read(&raw(POOL)).unwrap()],
            machine_configs: &[read(RENDERED), read(LAYER)],
            configs: &configs,
            of_other_versions: &[],
            builds: &[MachineOSBuild::read(&raw(BUILD)).unwrap()],
            nodes: &[Node::read(&raw(&node)).unwrap()],
            cluster_version: Some(&ClusterVersion::read(&raw(VERSION)).unwrap()),
            release_image,
        });
        statuses.items.into_iter().next().unwrap()
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
    fn il_361_an_image_stays_as_old_as_it_is_while_the_next_one_is_built() {
        let raw = |text| RawObject::parse(text).unwrap().unwrap();
        let read = |text| OsMachineConfig::read(&raw(text)).unwrap();
        let config = CONFIG.replace("worker-1", "worker-2");
        let build = BUILD.replace("rendered-worker-2", "rendered-worker-1");
        let builds =
            [build.as_str(), NEXT_BUILD].map(|text| MachineOSBuild::read(&raw(text)).unwrap());
        let status = layering_status(&Cluster {
            pools: &[LayeredPool::read(&raw(POOL)).unwrap()],
            machine_configs: &[read(RENDERED), read(OLD_RENDERED)],
            configs: &[MachineOSConfig::read(&raw(&config)).unwrap()],
            of_other_versions: &[],
            builds: &builds,
            nodes: &[Node::read(&raw(NODE)).unwrap()],
            cluster_version: Some(&ClusterVersion::read(&raw(VERSION)).unwrap()),
            release_image: Some("quay.io/mine@sha256:1"),
        });
        let pool = status.items.first().unwrap();
        assert_eq!(pool.behind.releases.as_deref().unwrap(), ["4.20.4"]);
        let build = pool.build.as_ref().unwrap();
        assert_eq!(build.state, BuildState::Building);
        assert_eq!(
            pool.updating.as_ref().unwrap().message,
            "Pool is waiting for OS image build to complete (mosb: worker-2)"
        );
    }

    /// The status of the pool of other objects.
    fn status_of(texts: &[&str]) -> PoolStatus {
        let raw = |text: &&'static str| RawObject::parse(text).unwrap().unwrap();
        let texts: Vec<&'static str> = texts
            .iter()
            .map(|text| -> &'static str { (*text).to_owned().leak() })
            .collect();
        let (mut snapshot, errors) = LayerSnapshot::of(texts.iter().map(raw).collect());
        assert!(errors.is_empty(), "{errors:?}");
        snapshot.release_image = Some("quay.io/mine@sha256:1".to_owned());
        layering_status(&snapshot.cluster())
            .items
            .into_iter()
            .next()
            .unwrap()
    }

    #[test]
    fn a_config_of_another_version_is_not_the_image_of_the_release() {
        let alpha = CONFIG.replace("io/v1", "io/v1alpha1");
        let status = status_of(&[POOL, RENDERED, VERSION, NODE, &alpha]);
        assert_eq!(status.layering, Layering::Unknown);
        assert_eq!(status.image.as_deref(), Some("quay.io/os@sha256:2"));
        assert!(status.problem.unwrap().contains("convert it first"));
    }

    #[test]
    fn il_350_nodes_of_a_config_that_is_gone_have_yet_to_return() {
        let status = status_of(&[POOL, RENDERED, VERSION, NODE, BUILD]);
        assert_eq!(status.layering, Layering::Leaving);
        assert_eq!(status.image.as_deref(), Some("quay.io/os@sha256:2"));
    }

    #[test]
    fn until_the_first_image_is_built_nodes_run_the_release() {
        let config = CONFIG.replace(r#""currentImagePullSpec":"quay.io/os@sha256:2""#, "");
        let pool = POOL.replace("name\":\"worker\"},\"spec", "name\":\"worker\"},\"status\":{\"configuration\":{\"name\":\"rendered-worker-1\"}},\"spec");
        let status = status_of(&[&pool, RENDERED, OLD_RENDERED, VERSION, &config, NEXT_BUILD]);
        assert_eq!(status.layering, Layering::FirstBuild);
        assert_eq!(status.image.as_deref(), Some("quay.io/mine@sha256:0"));
        assert_eq!(status.behind.image_release.as_deref(), Some("4.20.2"));
    }

    #[test]
    fn a_pool_without_layering_runs_the_release() {
        let node = NODE.replace("currentImage", "other");
        let status = status_of(&[POOL, RENDERED, VERSION, &node]);
        assert_eq!(status.layering, Layering::None);
        assert_eq!(status.machine_config, None);
    }
}
