//! Everything that a build creates (§4): ConfigMaps, Secrets, Job; and the build context, for
//! builds outside the cluster.

mod ignition;
mod job;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use containerfile_render::{RenderError, Rendered, render};
use flate2::{Compression, GzBuilder};
use mosb_naming::{
    BuildConfigMap, BuildSecret, LimitError, Marks, MosbName, Named, Optional, build_annotations,
    build_labels, object_marks, secret_copy_labels,
};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Architecture, ControllerConfig, ImageReference, LayeredPool, MachineOSBuild, MachineOSConfig,
    OsMachineConfig, RawObject, V1,
};
use osbuild_check::{Failure, RegistrySecret, SecretError, normalise_secret};
use serde_json::{Map, Value, json};

pub use ignition::{ContentsProblem, NodeFileError};
pub use job::BUILD_CONTAINER;

use crate::decide::BuildInput;

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
    /// IL-785: more than a ConfigMap holds.
    #[error(
        "{part} takes {bytes} bytes in ConfigMap {config_map}, which holds {MOST_BYTES}: {advice}"
    )]
    TooLarge {
        /// What is too large.
        part: &'static str,
        /// How many bytes there are.
        bytes: usize,
        /// The ConfigMap that would hold it.
        config_map: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// IL-785: more than a Secret holds.
    #[error(
        "the credentials of Secret {secret} take {bytes} bytes, and a copy holds {MOST_BYTES}: use \
         a Secret with the registries of the build alone"
    )]
    LargeSecret {
        /// The Secret.
        secret: String,
        /// How many bytes there are.
        bytes: usize,
    },
    /// IL-784: the layer cache is no repository.
    #[error(
        "annotation {LAYER_CACHE} of the MachineOSConfig is no repository: {value:?}: name one with its \
         registry and without a tag, e.g. registry.example/os/cache"
    )]
    LayerCache {
        /// What stands there.
        value: String,
    },
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
        source: Box<SecretError>,
    },
}

/// IL-784: annotation of a MachineOSConfig: the repository in which its builds keep layers. Its credentials are
/// those of the base image.
pub const LAYER_CACHE: &str = "osimage.dev/layer-cache";

/// IL-784: the layer cache of a MachineOSConfig; empty where it has none.
fn layer_cache<'c>(config: &'c MachineOSConfig<'_>) -> Result<&'c str, ObjectsError> {
    let value = config.meta.annotation(LAYER_CACHE).unwrap_or_default();
    let reference = ImageReference::parse_canonical(value);
    let is_repository = reference.is_ok_and(|it| it.tag().is_none() && it.digest().is_none());
    if value.is_empty() || is_repository {
        return Ok(value);
    }
    Err(ObjectsError::LayerCache {
        value: value.to_owned(),
    })
}

/// What every object of a build needs.
pub(crate) struct Context {
    name: MosbName,
    marks: Marks,
    owners: Option<Value>,
    inputs_digest: Option<String>,
    /// IL-784: empty without one.
    layer_cache: String,
}

/// IL-785: what a ConfigMap holds, and what to do where it is too large.
fn part(which: BuildConfigMap) -> (&'static str, &'static str) {
    match which {
        BuildConfigMap::Containerfile => (
            "the rendered Containerfile",
            "put what is large into an image, and copy it from there",
        ),
        BuildConfigMap::MachineConfig => (
            "the rendered MachineConfig, packed",
            "take large files out of the pool's MachineConfigs, and put them into the image",
        ),
        BuildConfigMap::AdditionalTrustBundle => (
            "additionalTrustBundle of the ControllerConfig",
            "remove certificates from the cluster's trust bundle",
        ),
        BuildConfigMap::EtcPolicy => ("/etc/containers/policy.json", "make it smaller"),
        BuildConfigMap::EtcRegistries => ("/etc/containers/registries.conf", "make it smaller"),
        BuildConfigMap::Digest => ("the digest", "this is a bug: please report it"),
    }
}

impl ObjectsError {
    /// IL-327: what the error means for a build. Credentials and annotations may be repaired under the same name;
    /// anything else needs another MachineOSConfig or MachineConfig, and so another build.
    pub fn build_input(&self) -> BuildInput {
        match self {
            Self::Secret { .. } | Self::LargeSecret { .. } | Self::LayerCache { .. } => {
                BuildInput::Missing(self.to_string())
            }
            _ => BuildInput::Invalid(Failure::of_input(&self.to_string())),
        }
    }
}

impl Context {
    fn of(inputs: &BuildInputs<'_>) -> Result<Self, ObjectsError> {
        let name = MosbName::existing(&inputs.build.name)?;
        let marks = object_marks(
            &name,
            &inputs.config.name,
            inputs.config.pool(),
            inputs.build.machine_config(),
            inputs.optional,
        );
        Ok(Self {
            name,
            marks,
            owners: owners(inputs),
            inputs_digest: rendered(inputs).ok().map(|rendered| rendered.inputs_digest),
            layer_cache: layer_cache(inputs.config)?.to_owned(),
        })
    }

    /// Metadata of an object of the build.
    fn metadata(&self, name: &str) -> Value {
        let mut metadata = json!({
            "name": name,
            "namespace": MCO_NAMESPACE,
            "labels": self.marks.labels,
            "annotations": self.marks.annotations,
        });
        if let (Some(members), Some(owners)) = (metadata.as_object_mut(), &self.owners) {
            members.insert("ownerReferences".to_owned(), owners.clone());
        }
        metadata
    }

    /// A ConfigMap with one value, of the size that the API server counts.
    fn config_map(
        &self,
        which: BuildConfigMap,
        member: &str,
        key: &str,
        value: &str,
    ) -> Result<Value, ObjectsError> {
        let name = self.name.config_map(which);
        // What stands in `binaryData` is counted decoded.
        let length = if member == "data" {
            value.len()
        } else {
            value.len() / 4 * 3
        };
        let bytes = key.len() + length;
        if bytes > MOST_BYTES {
            let (part, advice) = part(which);
            return Err(ObjectsError::TooLarge {
                part,
                bytes,
                config_map: name.to_string(),
                advice,
            });
        }
        Ok(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.metadata(name.as_str()),
            member: {key: value},
        }))
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

/// IL-254: one of the Secrets of a build.
pub fn build_secret(inputs: &BuildInputs<'_>, which: BuildSecret) -> Result<Value, ObjectsError> {
    secret(inputs, &Context::of(inputs)?, which)
}

/// IL-271: the build context.
pub fn build_context(inputs: &BuildInputs<'_>) -> Result<Vec<ContextFile>, ObjectsError> {
    let containerfile = rendered(inputs)?.text.into_bytes();
    let machine_config = STANDARD.encode(packed_machine_config(inputs)?).into_bytes();
    let trust_bundle = trust_bundle(inputs)?;
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

/// IL-013, IL-360: the status of a MachineOSConfig that takes over the image of a build. It keeps
/// the image of the last build that succeeded while another one goes on (IL-361).
pub fn config_status(build: &MosbName, image: &str, generation: i64) -> Value {
    json!({
        "currentImagePullSpec": image,
        "machineOSBuild": {
            "group": "machineconfiguration.openshift.io",
            "resource": "machineosbuilds",
            "name": build,
        },
        "observedGeneration": generation,
    })
}

/// IL-260, IL-773: what a build creates goes with it. A build that is not on the cluster yet has no
/// uid, and an owner without one is no owner.
fn owners(inputs: &BuildInputs<'_>) -> Option<Value> {
    let uid = inputs.build.meta.uid.as_deref()?;
    Some(json!([{
        "apiVersion": V1,
        "kind": "MachineOSBuild",
        "name": inputs.build.name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }]))
}

/// IL-781: annotation of a Job: the digest of what its image is rendered from. The image has it as a
/// label.
pub const INPUTS_DIGEST: &str = "osimage.dev/inputs-digest";

/// Most bytes that a ConfigMap or a Secret holds, keys and values together; the API server counts them.
const MOST_BYTES: usize = 1024 * 1024;

const CONTAINERFILE_KEY: &str = "Containerfile";
const MACHINE_CONFIG_KEY: &str = "machineconfig.json.gz";
const LARGE_MACHINE_CONFIG_KEY: &str = "machineconfig.gz";
const TRUST_BUNDLE_KEY: &str = "openshift-config-user-ca-bundle.crt";

fn config_maps(inputs: &BuildInputs<'_>, context: &Context) -> Result<Vec<Value>, ObjectsError> {
    let mut config_maps = vec![
        context.config_map(
            BuildConfigMap::Containerfile,
            "data",
            CONTAINERFILE_KEY,
            &rendered(inputs)?.text,
        )?,
        machine_config(inputs, context)?,
        context.config_map(
            BuildConfigMap::AdditionalTrustBundle,
            "binaryData",
            TRUST_BUNDLE_KEY,
            &STANDARD.encode(trust_bundle(inputs)?),
        )?,
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
        let found = found.map(|text| context.config_map(which, "data", key, &text));
        config_maps.extend(found.transpose()?);
    }
    Ok(config_maps)
}

/// IL-252: the certificates. As the API server has it, line breaks in base64 do not count.
fn trust_bundle(inputs: &BuildInputs<'_>) -> Result<Vec<u8>, ObjectsError> {
    let bundle = inputs.controller_config.additional_trust_bundle.as_deref();
    let encoded = bundle.unwrap_or_default().replace(['\r', '\n'], "");
    STANDARD
        .decode(encoded)
        .map_err(|_| ObjectsError::TrustBundle)
}

/// IL-160, IL-161
fn rendered(inputs: &BuildInputs<'_>) -> Result<Rendered, RenderError> {
    let extensions: Vec<&str> = inputs.machine_config.extensions().collect();
    render(&containerfile_render::Inputs {
        base_image: inputs.machine_config.os_image(),
        extensions_image: inputs.machine_config.extensions_image(),
        extensions: &extensions,
        kernel_type: inputs.machine_config.kernel_type(),
        architecture: inputs.architecture,
        machine_config: inputs.build.machine_config(),
        pool: inputs.config.pool(),
        content: inputs.config.container_file(),
    })
}

/// The value that the API's type has where the member is absent.
type AbsentValue = fn() -> Value;

/// IL-251: members of a MachineConfig's spec that are always written, in the order of the API's
/// type.
const SPEC_MEMBERS: [(&str, AbsentValue); 7] = [
    ("osImageURL", || json!("")),
    ("baseOSExtensionsContainerImage", || json!("")),
    ("config", || Value::Null),
    ("kernelArguments", || Value::Null),
    ("extensions", || Value::Null),
    ("fips", || json!(false)),
    ("kernelType", || json!("")),
];

/// IL-251, IL-785: the ConfigMap with the MachineConfig. One that is too large in base64 stands in
/// `binaryData`, which is counted without it, under a name that the build script knows.
fn machine_config(inputs: &BuildInputs<'_>, context: &Context) -> Result<Value, ObjectsError> {
    let which = BuildConfigMap::MachineConfig;
    let packed = STANDARD.encode(packed_machine_config(inputs)?);
    if MACHINE_CONFIG_KEY.len() + packed.len() <= MOST_BYTES {
        context.config_map(which, "data", MACHINE_CONFIG_KEY, &packed)
    } else {
        context.config_map(which, "binaryData", LARGE_MACHINE_CONFIG_KEY, &packed)
    }
}

/// IL-251: the MachineConfig for the image: gzip of JSON. Unknown members are kept.
fn packed_machine_config(inputs: &BuildInputs<'_>) -> Result<Vec<u8>, ObjectsError> {
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
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    gzip.write_all(document.to_string().as_bytes())
        .map_err(|error| pack(&error))?;
    gzip.finish().map_err(|error| pack(&error))
}

fn secrets(inputs: &BuildInputs<'_>, context: &Context) -> Result<Vec<Value>, ObjectsError> {
    BuildSecret::ALL
        .into_iter()
        .map(|which| secret(inputs, context, which))
        .collect()
}

/// IL-254: a normalised copy of credentials.
fn secret(
    inputs: &BuildInputs<'_>,
    context: &Context,
    which: BuildSecret,
) -> Result<Value, ObjectsError> {
    let secret = match which {
        BuildSecret::BasePull => inputs.base_pull_secret,
        BuildSecret::FinalPush => inputs.final_push_secret,
    };
    let copy = context.name.secret(which);
    let original = secret
        .map(|secret| secret.name.as_str())
        .unwrap_or_default();
    let normalised = normalise_secret(secret).map_err(|source| ObjectsError::Secret {
        original: original.to_owned(),
        copy: copy.to_string(),
        source: Box::new(source),
    })?;
    let bytes = ".dockerconfigjson".len() + normalised.json.len();
    if bytes > MOST_BYTES {
        let secret = original.to_owned();
        return Err(ObjectsError::LargeSecret { secret, bytes });
    }
    let mut labels = context.marks.labels.clone();
    labels.extend(secret_copy_labels(original));
    let mut metadata = context.metadata(copy.as_str());
    if let Some(members) = metadata.as_object_mut() {
        members.insert("labels".to_owned(), json!(labels));
    }
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(normalised.json)},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use containerfile_render::PROVENANCE_LABEL;

    const CONFIG: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSConfig","metadata":{"name":"layered"},"spec":{
        "machineConfigPool":{"name":"layered"},"renderedImagePushSecret":{"name":"push"},
        "renderedImagePushSpec":"quay.io/org/os:latest","containerFile":[
        {"containerfileArch":"NoArch","content":"RUN true\n"}]}}"#;
    const BUILD: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSBuild","metadata":{"name":"layered-1","uid":"u"},"spec":{
        "machineConfig":{"name":"rendered-layered-1"},"renderedImagePushSpec":"quay.io/org/os:l"}}"#;
    const MACHINE_CONFIG: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineConfig","metadata":{"name":"rendered-layered-1"},"spec":{
        "osImageURL":"quay.io/os:1","future":{"a":1}}}"#;

    fn secret(name: &str) -> RegistrySecret {
        RegistrySecret {
            name: name.to_owned(),
            namespace: MCO_NAMESPACE.to_owned(),
            kind: "kubernetes.io/dockerconfigjson".to_owned(),
            data: [(
                ".dockerconfigjson".to_owned(),
                br#"{"auths":{"a":{"auth":"x"}}}"#.to_vec(),
            )]
            .into(),
        }
    }

    /// Runs a check on inputs that `change` may change.
    fn with_inputs<T>(
        change: impl FnOnce(&mut BuildInputs<'_>),
        check: impl FnOnce(&BuildInputs<'_>) -> T,
    ) -> T {
        let raw = |text| RawObject::parse(text).unwrap().unwrap();
        let object = raw(MACHINE_CONFIG);
        let config = MachineOSConfig::read(&raw(CONFIG)).unwrap();
        let build = MachineOSBuild::read(&raw(BUILD)).unwrap();
        let machine_config = OsMachineConfig::read(&object).unwrap();
        let (base, push) = (secret("base"), secret("push"));
        let mut inputs = BuildInputs {
            config: &config,
            build: &build,
            machine_config: &machine_config,
            machine_config_object: &object,
            controller_config: &ControllerConfig::default(),
            builder_image: "quay.io/mco:1",
            architecture: &Architecture::X86_64,
            optional: Optional::default(),
            base_pull_secret: Some(&base),
            final_push_secret: Some(&push),
        };
        change(&mut inputs);
        check(&inputs)
    }

    fn names(objects: &[Value]) -> Vec<&str> {
        objects
            .iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn il_280_a_build_has_config_maps_secrets_and_a_job() {
        let objects = with_inputs(|_| {}, |inputs| build_objects(inputs).unwrap());
        assert_eq!(
            names(&objects.config_maps),
            [
                "containerfile-layered-1",
                "mc-layered-1",
                "additionaltrustbundle-layered-1"
            ]
        );
        assert_eq!(
            names(&objects.secrets),
            ["base-layered-1", "final-layered-1"]
        );
        assert_eq!(objects.job["metadata"]["ownerReferences"][0]["uid"], "u");
        let containerfile = objects.config_maps[0]["data"]["Containerfile"]
            .as_str()
            .unwrap();
        assert!(containerfile.ends_with("RUN true\n"));
        let again = with_inputs(|_| {}, |inputs| build_objects(inputs).unwrap());
        assert_eq!(objects, again);
    }

    #[test]
    fn il_241_optional_objects_are_mounted_where_they_are() {
        let all = Optional {
            entitlement: true,
            yum_repos: true,
            gpg_keys: true,
        };
        let job = with_inputs(
            |inputs| inputs.optional = all,
            |inputs| build_job(inputs).unwrap(),
        );
        let pod = &job["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().unwrap();
        assert_eq!(volumes.len(), 12);
        assert_eq!(
            volumes[9]["secret"]["secretName"],
            "etc-pki-entitlement-layered"
        );
        assert_eq!(
            pod["initContainers"][0]["env"].as_array().unwrap().len(),
            15
        );
    }

    #[test]
    fn il_260_il_262_the_job_builds_first_and_then_tells_the_digest() {
        let job = with_inputs(|_| {}, |inputs| build_job(inputs).unwrap());
        let spec = &job["spec"];
        assert_eq!(
            (&spec["backoffLimit"], &spec["completions"]),
            (&json!(3), &json!(1))
        );
        let pod = &spec["template"]["spec"];
        for (member, expected) in [
            ("restartPolicy", json!("Never")),
            ("serviceAccountName", json!("machine-os-builder")),
            ("terminationGracePeriodSeconds", json!(10)),
        ] {
            assert_eq!(pod[member], expected, "{member}");
        }
        for (containers, name) in [
            ("initContainers", "image-build"),
            ("containers", "create-digest-configmap"),
        ] {
            let container = &pod[containers][0];
            assert_eq!(container["name"], name);
            assert_eq!(container["image"], "quay.io/mco:1");
            assert_eq!(container["command"][0], "/bin/bash");
            assert_eq!(container["imagePullPolicy"], "Always");
            let policy = &container["terminationMessagePolicy"];
            assert_eq!(policy, "FallbackToLogsOnError");
            assert_eq!(pod[containers].as_array().unwrap().len(), 1);
        }
    }

    #[test]
    fn il_784_the_layer_cache_is_a_repository() {
        for (value, is_one) in [
            ("", true),
            ("registry.example/os/cache", true),
            ("registry.example:5000/os/cache", true),
            ("registry.example/os/cache:1", false),
            ("os/cache", false),
            ("--all", false),
            ("registry.example/Os", false),
        ] {
            let text = object(
                "MachineOSConfig",
                &json!({"metadata": {"name": "layered", "annotations": {LAYER_CACHE: value}}}),
            );
            let config = MachineOSConfig::read(&raw(&text)).unwrap();
            let found = layer_cache(&config);
            assert_eq!(found.is_ok(), is_one, "{value}");
            if let Err(error) = found {
                assert!(error.to_string().contains(LAYER_CACHE), "{error}");
                // It may be repaired without another build.
                assert!(matches!(error.build_input(), BuildInput::Missing(_)));
            }
        }
    }

    #[test]
    fn il_727_il_780_a_build_has_limits_and_gives_up_where_nothing_helps() {
        let job = with_inputs(
            |inputs| inputs.architecture = &Architecture::Aarch64,
            |inputs| build_job(inputs).unwrap(),
        );
        let spec = &job["spec"];
        assert_eq!(spec["activeDeadlineSeconds"], 14_400);
        let rules = &spec["podFailurePolicy"]["rules"];
        assert_eq!(rules[0]["action"], "Ignore");
        let codes = &rules[1]["onExitCodes"];
        assert_eq!(codes["containerName"], "image-build");
        assert_eq!(codes["values"], json!([10, 20, 21, 30, 40, 41]));
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["nodeSelector"]["kubernetes.io/arch"], "arm64");
        let requests = &pod["initContainers"][0]["resources"]["requests"];
        assert_eq!(requests["ephemeral-storage"], "16Gi");
    }

    #[test]
    fn il_264_il_265_the_job_has_its_variables_and_mounts() {
        let job = with_inputs(|_| {}, |inputs| build_job(inputs).unwrap());
        let pod = &job["spec"]["template"]["spec"];
        let names = |list: &Value| -> Vec<String> {
            let list = list.as_array().unwrap().iter();
            list.map(|member| member["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let build = &pod["initContainers"][0];
        assert_eq!(
            names(&build["env"]),
            [
                "MAX_RETRIES",
                "DIGEST_CONFIGMAP_NAME",
                "DIGEST_CONFIGMAP_LABELS",
                "HOME",
                "TAG",
                "BASE_IMAGE_PULL_CREDS",
                "FINAL_IMAGE_PUSH_CREDS",
                "BUILDAH_ISOLATION",
                "HTTP_PROXY",
                "HTTPS_PROXY",
                "NO_PROXY",
                "BASE_OS_IMAGE_PULLSPEC",
            ]
        );
        assert_eq!(build["env"][4]["value"], "quay.io/org/os:l");
        let mounts = [
            "machineconfig",
            "containerfile",
            "etc-policy",
            "etc-registries",
            "additional-trust-bundle",
            "base-image-pull-creds",
            "final-image-push-creds",
            "done",
        ];
        let digest = &pod["containers"][0];
        assert_eq!(names(&digest["volumeMounts"]), mounts);
        let with_cache = [mounts.as_slice(), &["buildah-cache"]].concat();
        assert_eq!(names(&build["volumeMounts"]), with_cache);
        let volumes = names(&pod["volumes"]);
        assert!(
            with_cache
                .iter()
                .all(|mount| volumes.iter().any(|volume| volume == mount))
        );
        assert_eq!(volumes.len(), with_cache.len());
    }

    #[test]
    fn il_254_secrets_are_normalised_copies() {
        let objects = with_inputs(|_| {}, |inputs| build_objects(inputs).unwrap());
        let labels = &objects.secrets[1]["metadata"]["labels"];
        assert_eq!(
            labels["machineconfiguration.openshift.io/originalSecretName"],
            "push"
        );
        assert_eq!(labels.as_object().unwrap().len(), 8);
        let data = objects.secrets[1]["data"][".dockerconfigjson"].as_str();
        let credentials = STANDARD.decode(data.unwrap()).unwrap();
        assert_eq!(credentials, br#"{"auths":{"a":{"auth":"x"}}}"#);
    }

    #[test]
    fn il_013_il_131_a_build_and_what_names_it_are_what_the_api_takes() {
        let name = MosbName::existing("layered-1").unwrap();
        let image = format!("quay.io/org/os@sha256:{}", "0".repeat(64));
        let mut config: Value = serde_json::from_str(CONFIG).unwrap();
        config["spec"]["imageBuilder"] = json!({"imageBuilderType": "Job"});
        config["status"] = config_status(&name, &image, 2);
        let errors = osbuild_check::validate_machine_os_config(&config, None);
        assert!(errors.is_empty(), "{errors:?}");
        let pool = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
            "kind":"MachineConfigPool","metadata":{"name":"layered"},
            "spec":{"configuration":{"name":"rendered-layered-1"}}}"#;
        let raw = |text| RawObject::parse(text).unwrap().unwrap();
        let pool = LayeredPool::read(&raw(pool)).unwrap();
        let rendered = MACHINE_CONFIG.replace(
            r#""name":"rendered-layered-1""#,
            r#""name":"rendered-layered-1","annotations":{
            "machineconfiguration.openshift.io/release-image-version":"4.20.3",
            "machineconfiguration.openshift.io/generated-by-controller-version":"1"}"#,
        );
        let config = MachineOSConfig::read(&raw(CONFIG)).unwrap();
        let named = mosb_naming::name(mosb_naming::Inputs {
            machine_config: Some(&OsMachineConfig::read(&raw(&rendered)).unwrap()),
            machine_os_config: Some(&config),
            pool: Some(&pool),
        });
        let build = new_build(&named.unwrap(), &config, &pool);
        let errors = osbuild_check::validate_machine_os_build(&build, None);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            build["metadata"]["finalizers"],
            json!(["foregroundDeletion"])
        );
    }

    #[test]
    fn il_251_the_machine_config_is_packed_with_what_nobody_knows() {
        use std::io::Read as _;
        let packed = with_inputs(|_| {}, |inputs| packed_machine_config(inputs).unwrap());
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        assert!(
            text.contains(r#""kernelType":"","future":{"a":1}"#),
            "{text}"
        );
    }

    #[test]
    fn il_242_il_244_credentials_that_are_missing_or_wrong_are_an_error() {
        let missing = with_inputs(
            |inputs| inputs.base_pull_secret = None,
            |inputs| build_objects(inputs).unwrap_err().to_string(),
        );
        assert!(
            missing.ends_with("\"base-layered-1\": secret is nil"),
            "{missing}"
        );
    }

    #[test]
    fn il_252_a_trust_bundle_is_base64_wherever_its_lines_break() {
        let of = |bundle: &'static str| {
            let controller_config = ControllerConfig {
                additional_trust_bundle: Some(bundle.into()),
                ..ControllerConfig::default()
            };
            with_inputs(
                |_| {},
                |inputs| {
                    let inputs = BuildInputs {
                        controller_config: &controller_config,
                        ..*inputs
                    };
                    (build_context(&inputs), build_config_maps(&inputs))
                },
            )
        };
        let (files, config_maps) = of("YSBjZXJ0\naWZpY2F0ZQo=\n");
        assert_eq!(files.unwrap()[2].contents, b"a certificate\n");
        let bundle = &config_maps.unwrap()[2]["binaryData"][TRUST_BUNDLE_KEY];
        assert_eq!(bundle, "YSBjZXJ0aWZpY2F0ZQo=");
        let (files, config_maps) = of("-----BEGIN CERTIFICATE-----");
        assert_eq!(files, Err(ObjectsError::TrustBundle));
        assert_eq!(config_maps, Err(ObjectsError::TrustBundle));
    }

    #[test]
    fn il_785_what_does_not_fit_into_a_config_map_is_named() {
        let bundle = STANDARD.encode(vec![b'a'; MOST_BYTES + 1]);
        let controller_config = ControllerConfig {
            additional_trust_bundle: Some(bundle.into()),
            ..ControllerConfig::default()
        };
        let error = with_inputs(
            |_| {},
            |inputs| {
                let inputs = BuildInputs {
                    controller_config: &controller_config,
                    ..*inputs
                };
                build_config_maps(&inputs).unwrap_err().to_string()
            },
        );
        assert!(
            error.starts_with("additionalTrustBundle of the ControllerConfig takes 1048"),
            "{error}"
        );
    }

    #[test]
    fn il_785_a_large_machine_config_travels_without_base64() {
        // Hex digits of a digest chain compress by half: 900 KiB are left of this.
        let mut random = String::new();
        let mut state = [7_u8; 32];
        while random.len() < 1_800_000 {
            state = <sha2::Sha256 as sha2::Digest>::digest(state).into();
            random.extend(state.iter().map(|byte| format!("{byte:02x}")));
        }
        let text = MACHINE_CONFIG.replace(r#"{"a":1}"#, &format!("\"{random}\""));
        let object = RawObject::parse(&text).unwrap().unwrap();
        let config_maps = with_inputs(
            |_| {},
            |inputs| {
                let inputs = BuildInputs {
                    machine_config_object: &object,
                    ..*inputs
                };
                build_config_maps(&inputs).unwrap()
            },
        );
        let binary = &config_maps[1]["binaryData"]["machineconfig.gz"];
        let packed = STANDARD.decode(binary.as_str().unwrap()).unwrap();
        assert!((700_000..MOST_BYTES).contains(&packed.len()));
        assert!(config_maps[1].get("data").is_none());
    }

    #[test]
    fn il_781_the_job_has_the_digest_that_its_image_gets_as_a_label() {
        let objects = with_inputs(|_| {}, |inputs| build_objects(inputs).unwrap());
        let digest = objects.job["metadata"]["annotations"][INPUTS_DIGEST].as_str();
        let containerfile = objects.config_maps[0]["data"]["Containerfile"].as_str();
        let label = format!("{}=\"{}\"", PROVENANCE_LABEL, digest.unwrap());
        assert!(containerfile.unwrap().contains(&label), "{label}");
    }

    #[test]
    fn il_327_credentials_can_be_repaired_and_a_containerfile_cannot() {
        let input = |change: fn(&mut BuildInputs<'_>)| {
            with_inputs(change, |inputs| {
                build_objects(inputs).unwrap_err().build_input()
            })
        };
        let missing = input(|inputs| inputs.base_pull_secret = None);
        assert!(matches!(missing, BuildInput::Missing(_)), "{missing:?}");
        let invalid = ObjectsError::TrustBundle.build_input();
        let BuildInput::Invalid(failure) = invalid else {
            panic!("{invalid:?}");
        };
        assert_eq!(failure.stage, osbuild_check::Stage::Input);
    }

    #[test]
    fn il_773_what_a_build_creates_is_owned_by_it() {
        let objects = with_inputs(|_| {}, |inputs| build_objects(inputs).unwrap());
        let all = [objects.config_maps, objects.secrets, vec![objects.job]].concat();
        for object in all {
            assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u");
        }
    }

    #[test]
    fn il_271_the_context_holds_three_files() {
        let files = with_inputs(|_| {}, |inputs| build_context(inputs).unwrap());
        let paths: Vec<_> = files.iter().map(|file| file.path).collect();
        assert_eq!(
            paths,
            [
                "Containerfile",
                "machineconfig/machineconfig.json.gz",
                "openshift-config-user-ca-bundle.crt",
            ]
        );
    }
}
