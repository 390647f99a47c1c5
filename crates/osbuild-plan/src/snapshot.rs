//! The objects of an input, as image layering looks at them.

use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    ClusterVersion, ControllerConfig, Kind, LayeredPool, MachineOSBuild, MachineOSConfig, Node,
    OsMachineConfig, RawObject, ReadError, TextData, V1, V1ALPHA1,
};
use osbuild_check::ConvertError;

use crate::cluster::Cluster;

/// The objects of an input.
#[derive(Debug, Default)]
pub struct LayerSnapshot<'a> {
    /// All of them, as they came.
    pub raw: Vec<RawObject<'a>>,
    /// MachineOSConfigs, by name.
    pub configs: Vec<MachineOSConfig<'a>>,
    /// MachineOSConfigs of another version than v1.
    pub of_other_versions: Vec<OtherVersion>,
    /// MachineOSBuilds.
    pub builds: Vec<MachineOSBuild<'a>>,
    /// Pools.
    pub pools: Vec<LayeredPool<'a>>,
    /// MachineConfigs, rendered ones too.
    pub machine_configs: Vec<OsMachineConfig<'a>>,
    /// Nodes.
    pub nodes: Vec<Node<'a>>,
    /// The release and its history.
    pub cluster_version: Option<ClusterVersion<'a>>,
    /// IL-243: what all pools share.
    pub controller_config: Option<ControllerConfig<'a>>,
    /// The operating system image of the release, where the input says it.
    pub release_image: Option<String>,
}

/// A MachineOSConfig of another version than v1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVersion {
    /// Its name.
    pub name: String,
    /// Its `apiVersion`.
    pub version: String,
    /// The pool that it is for; empty where it names none.
    pub pool: String,
}

impl OtherVersion {
    /// Why it is not looked at, and what to do.
    pub fn problem(&self) -> String {
        if self.version == V1ALPHA1 {
            let version = &self.version;
            return format!("it is of {version}: convert it first, with osimage layer convert");
        }
        let found = self.version.clone();
        ConvertError::Version { found }.to_string()
    }
}

/// The ConfigMap that names the images of the release.
const RELEASE_IMAGES: &str = "machine-config-osimageurl";

impl<'a> LayerSnapshot<'a> {
    /// Sorts objects by what they are. What cannot be read is an error of its own and stops nothing
    /// else.
    pub fn of(raw: Vec<RawObject<'a>>) -> (Self, Vec<ReadError>) {
        let mut found = Self::default();
        let add = |object| found.add(object).err();
        let mut errors: Vec<ReadError> = raw.iter().filter_map(add).collect();
        found.raw = raw;
        found.configs.sort_by(|a, b| a.name.cmp(&b.name));
        match found.release_image() {
            Ok(image) => found.release_image = image,
            Err(error) => errors.push(error),
        }
        (found, errors)
    }

    fn add(&mut self, object: &RawObject<'a>) -> Result<(), ReadError> {
        match object.kind {
            Kind::MachineOSConfig if object.api_version().as_str() != V1 => {
                // The pool stands at the same place in every version.
                let config = MachineOSConfig::read(object);
                self.of_other_versions.push(OtherVersion {
                    name: object.name.to_string(),
                    version: object.api_version().to_string(),
                    pool: config.map_or_else(|_| String::new(), |config| config.pool().to_owned()),
                });
            }
            Kind::MachineOSConfig => {
                self.configs
                    .push(MachineOSConfig::read(object)?.with_defaults());
            }
            Kind::MachineOSBuild => self.builds.push(MachineOSBuild::read(object)?),
            Kind::MachineConfigPool => self.pools.push(LayeredPool::read(object)?),
            Kind::MachineConfig => self.machine_configs.push(OsMachineConfig::read(object)?),
            Kind::Node => self.nodes.push(Node::read(object)?),
            Kind::ClusterVersion => self.cluster_version = Some(ClusterVersion::read(object)?),
            Kind::ControllerConfig => {
                self.controller_config = Some(ControllerConfig::read(object)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The same as the rules look at it.
    pub fn cluster<'b>(&'b self) -> Cluster<'b>
    where
        'a: 'b,
    {
        Cluster {
            pools: &self.pools,
            machine_configs: &self.machine_configs,
            configs: &self.configs,
            of_other_versions: &self.of_other_versions,
            builds: &self.builds,
            nodes: &self.nodes,
            cluster_version: self.cluster_version.as_ref(),
            release_image: self.release_image.as_deref(),
        }
    }

    /// An object of the input.
    pub fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<&RawObject<'a>> {
        self.raw.iter().find(|object| {
            object.kind == kind
                && object.namespace.as_str() == namespace
                && object.name.as_str() == name
        })
    }

    /// The data of a ConfigMap in the namespace of the Machine Config Operator.
    pub fn config_map(&self, name: &str) -> Result<Option<TextData<'a>>, ReadError> {
        let object = self.object(Kind::ConfigMap, MCO_NAMESPACE, name);
        object.map(TextData::read).transpose()
    }

    /// What the ControllerConfig names, else the ConfigMap of older releases (IL-141).
    fn release_image(&self) -> Result<Option<String>, ReadError> {
        let controller_config = self.controller_config.as_ref();
        let named = controller_config.and_then(|config| config.base_os_image.as_deref());
        if let Some(image) = named {
            return Ok(Some(image.to_owned()));
        }
        let images = self.config_map(RELEASE_IMAGES)?;
        let image = images.and_then(|images| images.get("baseOSContainerImage").map(str::to_owned));
        Ok(image)
    }
}
