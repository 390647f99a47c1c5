//! Everything that a build creates (§4): ConfigMaps, Secrets, Job; and the build context, for
//! builds outside the cluster.

mod ignition;
mod job;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use containerfile_render::{RenderError, render};
use flate2::{Compression, GzBuilder};
use mosb_naming::{
    BuildConfigMap, BuildSecret, LimitError, Marks, MosbName, Named, Optional, build_annotations,
    build_labels, object_marks, secret_copy_labels,
};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Architecture, ControllerConfig, LayeredPool, MachineOSBuild, MachineOSConfig, OsMachineConfig,
    RawObject, V1,
};
use osbuild_check::{RegistrySecret, SecretError, normalise_secret};
use serde_json::{Map, Value, json};

pub use ignition::{ContentsProblem, NodeFileError};

/// What the objects of a build are made from.
#[derive(Debug, Clone, Copy)]
pub struct BuildInputs<'a> {
    /// Who asked for it.
    pub config: &'a MachineOSConfig<'a>,
    /// The build.
    pub build: &'a MachineOSBuild<'a>,
    /// The rendered MachineConfig.
    pub machine_config: &'a OsMachineConfig<'a>,
    /// The same object as it came, for the image (IL-251).
    pub machine_config_object: &'a RawObject<'a>,
    /// What all pools share.
    pub controller_config: &'a ControllerConfig<'a>,
    /// The image of the Machine Config Operator, which builds (IL-262).
    pub builder_image: &'a str,
    /// What the pool's nodes run on.
    pub architecture: &'a Architecture,
    /// What the cluster has besides.
    pub optional: Optional,
    /// Credentials for the base image.
    pub base_pull_secret: Option<&'a RegistrySecret>,
    /// Credentials for pushing.
    pub final_push_secret: Option<&'a RegistrySecret>,
}

/// The objects of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildObjects {
    /// IL-250 … IL-253
    pub config_maps: Vec<Value>,
    /// IL-254
    pub secrets: Vec<Value>,
    /// IL-260
    pub job: Value,
}

/// A file of the build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Its path in the context.
    pub path: &'static str,
    /// Its contents.
    pub contents: Vec<u8>,
}

/// The objects of a build cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    /// IL-125: the build's name is too long for its Job.
    #[error(transparent)]
    Name(#[from] LimitError),
    /// The Containerfile cannot be rendered.
    #[error("could not get rendered containerfile: {0}")]
    Render(#[from] RenderError),
    /// IL-253: a file of the nodes cannot be read.
    #[error(
        "could not convert etc/containers registries files into ConfigMap {config_map:?}: {source}"
    )]
    NodeFile {
        /// The ConfigMap that would hold it.
        config_map: String,
        /// What is wrong.
        source: NodeFileError,
    },
    /// The trust bundle is not base64.
    #[error("additionalTrustBundle of the ControllerConfig is not base64")]
    TrustBundle,
    /// The MachineConfig cannot be packed: our bug.
    #[error("the MachineConfig could not be packed: {0}")]
    Pack(String),
    /// IL-242, IL-254: credentials are wrong.
    #[error(
        "could not canonicalize secret {original}: could not canonicalize pull secret {copy:?}: \
         {source}"
    )]
    Secret {
        /// The Secret.
        original: String,
        /// The copy that would be made.
        copy: String,
        /// What is wrong.
        source: SecretError,
    },
}

/// What every object of a build needs.
pub(crate) struct Context {
    name: MosbName,
    marks: Marks,
}

impl Context {
    fn of(inputs: &BuildInputs<'_>) -> Result<Self, LimitError> {
        let name = MosbName::existing(&inputs.build.name)?;
        let marks = object_marks(
            &name,
            &inputs.config.name,
            inputs.config.pool(),
            inputs.build.machine_config(),
            inputs.optional,
        );
        Ok(Self { name, marks })
    }

    fn config_map(&self, which: BuildConfigMap, member: &str, key: &str, value: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name.config_map(which),
                "namespace": MCO_NAMESPACE,
                "labels": self.marks.labels,
                "annotations": self.marks.annotations,
            },
            member: {key: value},
        })
    }
}

/// IL-280: the ConfigMaps, Secrets and Job of a build. Nothing is created where one of them cannot
/// be made.
///
/// Upstream: `buildrequest.BuildRequest`.
pub fn build_objects(inputs: &BuildInputs<'_>) -> Result<BuildObjects, ObjectsError> {
    let context = Context::of(inputs)?;
    Ok(BuildObjects {
        config_maps: config_maps(inputs, &context)?,
        secrets: secrets(inputs, &context)?,
        job: job::job(inputs, &context),
    })
}

/// IL-250 … IL-253: the ConfigMaps of a build alone, which need no credentials.
pub fn build_config_maps(inputs: &BuildInputs<'_>) -> Result<Vec<Value>, ObjectsError> {
    config_maps(inputs, &Context::of(inputs)?)
}

/// IL-260: the Job of a build alone.
pub fn build_job(inputs: &BuildInputs<'_>) -> Result<Value, ObjectsError> {
    Ok(job::job(inputs, &Context::of(inputs)?))
}

/// IL-271: the build context.
pub fn build_context(inputs: &BuildInputs<'_>) -> Result<Vec<ContextFile>, ObjectsError> {
    let containerfile = containerfile(inputs)?.into_bytes();
    let machine_config = packed_machine_config(inputs)?.into_bytes();
    let trust_bundle = STANDARD
        .decode(trust_bundle(inputs))
        .map_err(|_| ObjectsError::TrustBundle)?;
    let file = |path, contents| ContextFile { path, contents };
    Ok(vec![
        file(CONTAINERFILE_KEY, containerfile),
        file("machineconfig/machineconfig.json.gz", machine_config),
        file(TRUST_BUNDLE_KEY, trust_bundle),
    ])
}

/// IL-131, IL-370: a MachineOSBuild, to be created.
pub fn new_build(named: &Named, config: &MachineOSConfig<'_>, pool: &LayeredPool<'_>) -> Value {
    json!({
        "apiVersion": V1,
        "kind": "MachineOSBuild",
        "metadata": {
            "name": named.name,
            "labels": build_labels(config, pool),
            "annotations": build_annotations(config),
            "finalizers": ["foregroundDeletion"],
        },
        "spec": {
            "machineConfig": {"name": pool.target.name()},
            "machineOSConfig": {"name": config.name},
            "renderedImagePushSpec": named.push_spec,
        },
    })
}

/// IL-260: the Job goes with its build.
fn owner(inputs: &BuildInputs<'_>) -> Value {
    json!({
        "apiVersion": V1,
        "kind": "MachineOSBuild",
        "name": inputs.build.name,
        "uid": inputs.build.meta.uid.as_deref().unwrap_or_default(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

const CONTAINERFILE_KEY: &str = "Containerfile";
const MACHINE_CONFIG_KEY: &str = "machineconfig.json.gz";
const TRUST_BUNDLE_KEY: &str = "openshift-config-user-ca-bundle.crt";

fn config_maps(inputs: &BuildInputs<'_>, context: &Context) -> Result<Vec<Value>, ObjectsError> {
    let machine_config = packed_machine_config(inputs)?;
    let mut config_maps = vec![
        context.config_map(
            BuildConfigMap::Containerfile,
            "data",
            CONTAINERFILE_KEY,
            &containerfile(inputs)?,
        ),
        context.config_map(
            BuildConfigMap::MachineConfig,
            "data",
            MACHINE_CONFIG_KEY,
            &machine_config,
        ),
        context.config_map(
            BuildConfigMap::AdditionalTrustBundle,
            "binaryData",
            TRUST_BUNDLE_KEY,
            trust_bundle(inputs),
        ),
    ];
    for (which, path, key) in [
        (
            BuildConfigMap::EtcPolicy,
            "/etc/containers/policy.json",
            "policy.json",
        ),
        (
            BuildConfigMap::EtcRegistries,
            "/etc/containers/registries.conf",
            "registries.conf",
        ),
    ] {
        let found = ignition::file(inputs.machine_config.spec.config, path);
        let found = found.map_err(|source| ObjectsError::NodeFile {
            config_map: context.name.config_map(which).to_string(),
            source,
        })?;
        config_maps.extend(found.map(|text| context.config_map(which, "data", key, &text)));
    }
    Ok(config_maps)
}

fn trust_bundle<'a>(inputs: &BuildInputs<'a>) -> &'a str {
    inputs
        .controller_config
        .additional_trust_bundle
        .as_deref()
        .unwrap_or_default()
}

/// IL-160, IL-161
fn containerfile(inputs: &BuildInputs<'_>) -> Result<String, RenderError> {
    let extensions: Vec<&str> = inputs.machine_config.extensions().collect();
    let rendered = render(&containerfile_render::Inputs {
        base_image: inputs.machine_config.os_image(),
        extensions_image: inputs.machine_config.extensions_image(),
        extensions: &extensions,
        kernel_type: inputs.machine_config.kernel_type(),
        architecture: inputs.architecture,
        machine_config: inputs.build.machine_config(),
        pool: inputs.config.pool(),
        content: inputs.config.container_file(),
    })?;
    Ok(rendered.text)
}

/// IL-251: members of a MachineConfig's spec that are always written, in the order of the API's
/// type.
const SPEC_MEMBERS: [(&str, fn() -> Value); 7] = [
    ("osImageURL", || json!("")),
    ("baseOSExtensionsContainerImage", || json!("")),
    ("config", || Value::Null),
    ("kernelArguments", || Value::Null),
    ("extensions", || Value::Null),
    ("fips", || json!(false)),
    ("kernelType", || json!("")),
];

/// IL-251: the MachineConfig for the image: base64 of gzip of JSON. Members that nobody knows are
/// kept.
fn packed_machine_config(inputs: &BuildInputs<'_>) -> Result<String, ObjectsError> {
    let pack = |error: &dyn std::fmt::Display| ObjectsError::Pack(error.to_string());
    let object = inputs.machine_config_object;
    let member = |name: &str| -> Result<Value, ObjectsError> {
        let Some(raw) = object.member(name) else {
            return Ok(Value::Object(Map::new()));
        };
        serde_json::from_str(raw.get()).map_err(|error| pack(&error))
    };
    let mut given = member("spec")?;
    let mut spec = Map::new();
    for (name, default) in SPEC_MEMBERS {
        let value = given.get_mut(name).map(Value::take);
        spec.insert(name.to_owned(), value.unwrap_or_else(default));
    }
    if let Value::Object(rest) = given {
        for (name, value) in rest {
            spec.entry(name).or_insert(value);
        }
    }
    let document = json!({
        "kind": object.kind,
        "apiVersion": object.api_version(),
        "metadata": member("metadata")?,
        "spec": spec,
    });
    // Without a time, so that the same MachineConfig gives the same bytes.
    let mut packer = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    packer
        .write_all(document.to_string().as_bytes())
        .map_err(|error| pack(&error))?;
    let packed = packer.finish().map_err(|error| pack(&error))?;
    Ok(STANDARD.encode(packed))
}

/// IL-254: normalised copies of credentials.
fn secrets(inputs: &BuildInputs<'_>, context: &Context) -> Result<Vec<Value>, ObjectsError> {
    let mut secrets = Vec::new();
    for (which, secret) in [
        (BuildSecret::BasePull, inputs.base_pull_secret),
        (BuildSecret::FinalPush, inputs.final_push_secret),
    ] {
        let copy = context.name.secret(which);
        let original = secret
            .map(|secret| secret.name.as_str())
            .unwrap_or_default();
        let normalised = normalise_secret(secret).map_err(|source| ObjectsError::Secret {
            original: original.to_owned(),
            copy: copy.to_string(),
            source,
        })?;
        let mut labels = context.marks.labels.clone();
        labels.extend(secret_copy_labels(original));
        secrets.push(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": copy,
                "namespace": MCO_NAMESPACE,
                "labels": labels,
                "annotations": context.marks.annotations,
            },
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(normalised.json)},
        }));
    }
    Ok(secrets)
}
