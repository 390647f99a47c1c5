//! What the builds of an input are called (`osimage layer name`).

use mosb_naming::{
    BuildConfigMap, BuildSecret, ConfigMapName, Difference, JobName, MosbName, NameError, Named,
    SecretName, explain_difference, name,
};
use openshift_model::MachineOSConfig;
use openshift_model::facts::API_VERSION;
use osbuild_check::{PushSpecError, check_push_spec};
use serde::Serialize;

use crate::cluster::{Cluster, MissingInput, Sources};

/// The names of builds: the document of `osimage layer name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerNames {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `LayerNames`
    pub kind: &'static str,
    /// One for each MachineOSConfig.
    pub items: Vec<LayerName>,
}

/// The build of a MachineOSConfig, or why it has no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerName {
    /// Who asks for it.
    #[serde(rename = "machineOSConfig")]
    pub machine_os_config: String,
    /// Its pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_config_pool: Option<String>,
    /// The rendered MachineConfig that the pool is to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_config: Option<String>,
    /// The names, or the error.
    #[serde(flatten)]
    pub found: NameOrError,
    /// Why the name is another one than in the input that it was compared with; absent where it
    /// was not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<Vec<Difference>>,
}

/// What a build is called, or why it has no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum NameOrError {
    /// It has a name.
    Named(Box<BuildNames>),
    /// It has none.
    Error {
        /// Why, for a person.
        error: String,
    },
}

/// What a build is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuildNames {
    /// The MachineOSBuild, and the tag of the image.
    pub name: MosbName,
    /// The 32 hex digits in the name.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{32}$")))]
    pub hash: String,
    /// Where the image is pushed to.
    pub push_spec: String,
    /// Everything that the build creates.
    pub objects: ObjectNames,
}

/// IL-124: the names of the objects of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ObjectNames {
    /// The Job.
    pub job: JobName,
    /// The ConfigMap with the Containerfile.
    pub containerfile: ConfigMapName,
    /// The ConfigMap with the packed MachineConfig.
    pub machine_config: ConfigMapName,
    /// The ConfigMap with the administrator's certificates.
    pub additional_trust_bundle: ConfigMapName,
    /// The ConfigMap with `policy.json` of the nodes.
    pub etc_policy: ConfigMapName,
    /// The ConfigMap with `registries.conf` of the nodes.
    pub etc_registries: ConfigMapName,
    /// The ConfigMap that the build leaves.
    pub digest: ConfigMapName,
    /// The Secret for pulling the base image.
    pub base_pull_secret: SecretName,
    /// The Secret for pushing the image.
    pub final_push_secret: SecretName,
}

impl LayerNames {
    /// The document of these items.
    pub fn of(items: Vec<LayerName>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "LayerNames",
            items,
        }
    }

    /// Whether a MachineOSConfig has no name for its build.
    pub fn has_errors(&self) -> bool {
        let is_error = |item: &LayerName| matches!(item.found, NameOrError::Error { .. });
        self.items.iter().any(is_error)
    }
}

/// Why the build of a MachineOSConfig has no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerNameError {
    /// Something is not there.
    #[error(transparent)]
    Missing(#[from] MissingInput),
    /// IL-716: the image could not be pushed, or not be named in a status.
    #[error("spec.renderedImagePushSpec: {0}")]
    PushSpec(#[from] PushSpecError),
    /// What is there does not do.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Sources<'_> {
    /// IL-100: the name of the build; an error also where its image could be pushed and not be used
    /// (IL-716).
    pub fn name(&self) -> Result<Named, LayerNameError> {
        match name(self.inputs()) {
            Ok(named) => {
                check_push_spec(self.config.push_spec())?;
                Ok(named)
            }
            Err(NameError::PushSpec(source)) => {
                let push_spec = self.config.push_spec().to_owned();
                Err(PushSpecError::Reference { push_spec, source }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the builds of all MachineOSConfigs are called; where `before` is given, why a name is
/// another one than there.
pub fn layer_names<'a>(cluster: &Cluster<'a>, before: Option<&Cluster<'a>>) -> Vec<LayerName> {
    let item = |config: &'a MachineOSConfig<'a>| LayerName {
        machine_os_config: config.name.to_string(),
        machine_config_pool: Some(config.pool().to_owned()),
        machine_config: cluster
            .pool(config.pool())
            .map(|pool| pool.target.name().to_owned()),
        found: match named(cluster, config) {
            Ok(named) => NameOrError::Named(Box::new(BuildNames::of(named))),
            Err(error) => NameOrError::Error {
                error: error.to_string(),
            },
        },
        differences: before.and_then(|before| differences(cluster, before, config)),
    };
    cluster.configs.iter().map(item).collect()
}

fn named<'a>(
    cluster: &Cluster<'a>,
    config: &'a MachineOSConfig<'a>,
) -> Result<Named, LayerNameError> {
    cluster.sources(config)?.name()
}

fn differences<'a>(
    cluster: &Cluster<'a>,
    before: &Cluster<'a>,
    config: &'a MachineOSConfig<'a>,
) -> Option<Vec<Difference>> {
    let mut configs = before.configs.iter();
    let old = configs.find(|found| found.name == config.name)?;
    let (old, new) = (before.sources(old).ok()?, cluster.sources(config).ok()?);
    explain_difference(old.inputs(), new.inputs()).ok()
}

impl BuildNames {
    fn of(named: Named) -> Self {
        let Named {
            name,
            hash,
            push_spec,
        } = named;
        let config_map = |which| name.config_map(which);
        let objects = ObjectNames {
            job: name.job(),
            containerfile: config_map(BuildConfigMap::Containerfile),
            machine_config: config_map(BuildConfigMap::MachineConfig),
            additional_trust_bundle: config_map(BuildConfigMap::AdditionalTrustBundle),
            etc_policy: config_map(BuildConfigMap::EtcPolicy),
            etc_registries: config_map(BuildConfigMap::EtcRegistries),
            digest: config_map(BuildConfigMap::Digest),
            base_pull_secret: name.secret(BuildSecret::BasePull),
            final_push_secret: name.secret(BuildSecret::FinalPush),
        };
        Self {
            hash: hash.to_string(),
            push_spec,
            objects,
            name,
        }
    }
}
