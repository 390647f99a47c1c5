//! Everything that a build of a layered image is made of (`osimage layer render`): its build
//! context and its objects, out of an input.

use containerfile_render::RenderError;
use mosb_naming::{BuildSecret, Optional, entitlement_secret};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Architecture, ImageReference, Kind, MachineOSBuild, MachineOSConfig, RawObject, ReadError,
};
use osbuild_check::{
    Failure, OperatorError, RegistrySecret, check_operator_secret, original_of_copy,
};
use serde_json::{Value, json};

use crate::cluster::{MissingInput, MixedPool, Sources};
use crate::decide::BuildInput;
use crate::names::LayerNameError;
use crate::objects::{
    BuildInputs, BuildObjects, ContextFile, ObjectsError, build_config_maps, build_context,
    build_job, build_objects, build_secret, new_build,
};
use crate::snapshot::LayerSnapshot;

/// What is to be rendered.
#[derive(Debug, Clone, Default)]
pub struct RenderRequest<'a> {
    /// What the pool's nodes run on, where the input has none of them; else `x86_64`.
    pub architecture: Option<Architecture>,
    /// The image that builds; else the ConfigMap of the input names it.
    pub builder_image: Option<&'a str>,
    /// Whether the objects of the build are wanted as well.
    pub manifests: bool,
}

/// What a build is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRendering {
    /// IL-271: the build context; the Containerfile stands first.
    pub files: Vec<ContextFile>,
    /// The objects of the build, as a List that an API server takes; empty where they were not
    /// asked for.
    pub manifests: Vec<Value>,
    /// What the author should know.
    pub warnings: Vec<LayerWarning>,
}

/// Something that works, and that the author should know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerWarning {
    /// The input has no ControllerConfig.
    #[error(
        "the input has no ControllerConfig: a cluster without a proxy and without certificates of \
         its own is assumed"
    )]
    NoControllerConfig,
    /// The nodes say what they run on.
    #[error("the nodes of pool {pool} run on {found}: --architecture {given} does not count")]
    Architecture {
        /// The pool.
        pool: String,
        /// What its nodes run on.
        found: Architecture,
        /// What was asked for.
        given: Architecture,
    },
    /// IL-055: an image by tag.
    #[error(
        "{field} of MachineConfig {machine_config} is {image:?}, a tag: the image behind it can \
         change, and no build and no node notices; name it by digest (…@sha256:…)"
    )]
    Tag {
        /// `osImageURL` or `baseOSExtensionsContainerImage`.
        field: &'static str,
        /// The MachineConfig.
        machine_config: String,
        /// The image.
        image: String,
    },
    /// IL-167, IL-787: an entry that is not built.
    #[error(
        "spec.containerFile has an entry for {architectures}: a build takes the entry for NoArch \
         alone{}", if *.has_text { "" } else { ", and there is none" }
    )]
    OtherArchitecture {
        /// The names of the entries.
        architectures: String,
        /// Whether there is an entry that is built.
        has_text: bool,
    },
    /// IL-126: a copy that an older release made.
    #[error(
        "spec.{field} names {secret:?}, a copy that 4.16 and 4.17 made of {original:?} and that \
         nobody keeps up to date: name {original:?}"
    )]
    LegacyCopy {
        /// The field.
        field: &'static str,
        /// The copy.
        secret: String,
        /// The Secret that it was made from.
        original: String,
    },
    /// IL-460: a Secret is missing, and its copy with it.
    #[error("{0} Its copy is left out")]
    Secret(#[from] OperatorError),
    /// The MachineOSBuild is not on a cluster yet.
    #[error(
        "MachineOSBuild {0} is not in the input: nothing names it as its owner, so that nothing is \
         deleted with it"
    )]
    NoOwner(String),
}

/// Nothing can be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerRenderError {
    /// Something is not there.
    #[error(transparent)]
    Missing(#[from] MissingInput),
    /// The build has no name.
    #[error(transparent)]
    Name(#[from] LayerNameError),
    /// IL-702: the pool has nodes of several architectures.
    #[error(transparent)]
    Mixed(#[from] MixedPool),
    /// An object of the input cannot be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// The objects cannot be made.
    #[error("{0}")]
    Objects(String),
    /// IL-240: nothing says which image builds.
    #[error("{0}, which names the image that builds: name it with --builder-image")]
    BuilderImage(String),
}

/// Renders the build of a MachineOSConfig of the input.
pub fn layer_rendering(
    snapshot: &LayerSnapshot<'_>,
    config: &MachineOSConfig<'_>,
    request: &RenderRequest<'_>,
) -> Result<LayerRendering, LayerRenderError> {
    let cluster = snapshot.cluster();
    let config = cluster.config(&config.name).ok_or(MissingInput::NoName)?;
    let sources = cluster.sources(config)?;
    let named = sources.name()?;
    let machine_config = sources.machine_config;
    let object = snapshot.object(Kind::MachineConfig, "", &machine_config.name);
    let object =
        object.ok_or_else(|| MissingInput::MachineConfig(machine_config.name.to_string()))?;
    let mut warnings = warnings_of(&sources);
    let created = new_build(&named, config, sources.pool);
    let text = created.to_string();
    let existing = cluster.build(named.name.as_str());
    let build = match existing {
        Some(build) => build.clone(),
        None => read_build(&text)?,
    };
    let architecture = architecture(
        request,
        cluster.architecture_of(&sources.pool.name)?.as_ref(),
    )
    .map_err(|(found, given)| LayerWarning::Architecture {
        pool: sources.pool.name.to_string(),
        found,
        given,
    });
    let architecture = architecture.unwrap_or_else(|warning| {
        let LayerWarning::Architecture { found, .. } = &warning else {
            return Architecture::X86_64;
        };
        let found = found.clone();
        warnings.push(warning);
        found
    });
    let secrets = Secrets::of(snapshot, config)?;
    if snapshot.controller_config.is_none() {
        warnings.push(LayerWarning::NoControllerConfig);
    }
    let builder_image = builder_image(snapshot, request)?;
    let controller_config = snapshot.controller_config.clone().unwrap_or_default();
    let inputs = BuildInputs {
        config,
        build: &build,
        machine_config,
        machine_config_object: object,
        controller_config: &controller_config,
        builder_image: &builder_image,
        architecture: &architecture,
        optional: optional(snapshot, config.pool()),
        base_pull_secret: secrets.base.as_ref(),
        final_push_secret: secrets.push.as_ref(),
    };
    let content = config.container_file().unwrap_or_default();
    let failed = |error: ObjectsError| LayerRenderError::Objects(explained(&error, content));
    let files = build_context(&inputs).map_err(failed)?;
    // Sizes are those of objects, whoever builds.
    let config_maps = build_config_maps(&inputs).map_err(failed)?;
    let mut manifests = Vec::new();
    if request.manifests {
        if existing.is_none() {
            manifests.push(created);
            warnings.push(LayerWarning::NoOwner(build.name.to_string()));
        }
        manifests.extend(config_maps);
        manifests.extend(secrets.copies(&inputs, &mut warnings).map_err(failed)?);
        manifests.push(build_job(&inputs).map_err(failed)?);
    }
    Ok(LayerRendering {
        files,
        manifests,
        warnings,
    })
}

/// IL-240, IL-280: the objects of the build of a MachineOSConfig of a cluster; an error says what it means for
/// the build (IL-327). As long as its MachineOSBuild is not there they have no owner, and only tell whether
/// it can be built.
pub fn build_from(
    snapshot: &LayerSnapshot<'_>,
    config: &MachineOSConfig<'_>,
) -> Result<BuildObjects, BuildInput> {
    fn missing(problem: impl std::fmt::Display) -> BuildInput {
        BuildInput::Missing(problem.to_string())
    }
    let cluster = snapshot.cluster();
    let config = cluster.config(&config.name);
    let config = config.ok_or_else(|| missing(MissingInput::NoName))?;
    let sources = cluster.sources(config).map_err(missing)?;
    let named = sources.name().map_err(missing)?;
    let name = named.name.as_str();
    // Of one that is not there it is known at least whether it can be built.
    let created = new_build(&named, config, sources.pool).to_string();
    let build = match cluster.build(name) {
        Some(build) => build.clone(),
        None => read_build(&created).map_err(missing)?,
    };
    let machine_config = sources.machine_config;
    let object = snapshot.object(Kind::MachineConfig, "", &machine_config.name);
    let object = object
        .ok_or_else(|| missing(MissingInput::MachineConfig(machine_config.name.to_string())))?;
    let architecture = cluster.architecture_for(&sources.pool.name);
    let architecture = architecture.map_err(missing)?;
    let secrets = Secrets::of(snapshot, config).map_err(missing)?;
    for (field, name, secret) in [
        ("baseImagePullSecret", base_secret(config), &secrets.base),
        (
            "renderedImagePushSecret",
            config.push_secret(),
            &secrets.push,
        ),
    ] {
        check_operator_secret(config, field, name, secret.as_ref()).map_err(missing)?;
    }
    let request = RenderRequest {
        manifests: true,
        ..RenderRequest::default()
    };
    let controller_config = snapshot.controller_config.as_ref();
    let no_config = || missing("ControllerConfig machine-config-controller is not there");
    let inputs = BuildInputs {
        config,
        build: &build,
        machine_config,
        machine_config_object: object,
        controller_config: controller_config.ok_or_else(no_config)?,
        builder_image: &builder_image(snapshot, &request).map_err(missing)?,
        architecture: &architecture,
        optional: optional(snapshot, config.pool()),
        base_pull_secret: secrets.base.as_ref(),
        final_push_secret: secrets.push.as_ref(),
    };
    let content = config.container_file().unwrap_or_default();
    build_objects(&inputs).map_err(|error| match error.build_input() {
        BuildInput::Invalid(failure) => BuildInput::Invalid(Failure {
            text: explained(&error, content),
            ..failure
        }),
        other => other,
    })
}

/// IL-240, IL-241, IL-244: what the objects of a MachineOSConfig's build are made from besides what is
/// watched; each is read by name.
pub fn build_sources(config: &MachineOSConfig<'_>) -> Vec<(Kind, String)> {
    vec![
        (Kind::ConfigMap, OPERATOR_IMAGES.to_owned()),
        (Kind::ConfigMap, YUM_REPOS.to_owned()),
        (Kind::Secret, GPG_KEYS.to_owned()),
        (Kind::Secret, entitlement_secret(config.pool())),
        (Kind::Secret, base_secret(config).to_owned()),
        (Kind::Secret, config.push_secret().to_owned()),
    ]
}

fn read_build(text: &str) -> Result<MachineOSBuild<'_>, LayerRenderError> {
    let object = RawObject::parse(text).ok().flatten();
    let object = object.ok_or_else(|| {
        LayerRenderError::Objects("the MachineOSBuild cannot be made; please report it".to_owned())
    })?;
    Ok(MachineOSBuild::read(&object)?)
}

fn warnings_of(sources: &Sources<'_>) -> Vec<LayerWarning> {
    let mut warnings = Vec::new();
    let machine_config = sources.machine_config;
    for (field, image) in [
        ("osImageURL", machine_config.os_image()),
        (
            "baseOSExtensionsContainerImage",
            machine_config.extensions_image(),
        ),
    ] {
        let reference = ImageReference::parse(image).ok();
        if reference.is_some_and(|reference| reference.digest().is_none()) {
            warnings.push(LayerWarning::Tag {
                field,
                machine_config: machine_config.name.to_string(),
                image: image.to_owned(),
            });
        }
    }
    warnings.extend(other_architectures(sources.config));
    warnings.extend(legacy_copies(sources.config));
    warnings
}

/// IL-787: entries of `containerFile` that are not built.
pub(crate) fn other_architectures(config: &MachineOSConfig<'_>) -> Option<LayerWarning> {
    let entries = config.spec.container_file.iter().flatten().flatten();
    let names: Vec<&str> = entries
        .filter_map(|entry| entry.architecture.as_deref())
        .filter(|architecture| *architecture != "NoArch")
        .collect();
    (!names.is_empty()).then(|| LayerWarning::OtherArchitecture {
        architectures: names.join(", "),
        has_text: config.container_file().is_some(),
    })
}

fn legacy_copies<'b>(config: &'b MachineOSConfig<'_>) -> impl Iterator<Item = LayerWarning> + 'b {
    let fields = [
        ("baseImagePullSecret", base_secret(config)),
        ("renderedImagePushSecret", config.push_secret()),
    ];
    fields.into_iter().filter_map(|(field, secret)| {
        let original = original_of_copy(secret)?.to_owned();
        let secret = secret.to_owned();
        Some(LayerWarning::LegacyCopy {
            field,
            secret,
            original,
        })
    })
}

/// What the nodes of a pool run on: they say so, else the request, else `x86_64`. An error holds
/// both where they differ.
fn architecture(
    request: &RenderRequest<'_>,
    found: Option<&Architecture>,
) -> Result<Architecture, (Architecture, Architecture)> {
    match (found, &request.architecture) {
        (Some(found), Some(given)) if found != given => Err((found.clone(), given.clone())),
        (Some(known), _) | (None, Some(known)) => Ok(known.clone()),
        (None, None) => Ok(Architecture::X86_64),
    }
}

/// IL-241: what the cluster has besides.
fn optional(snapshot: &LayerSnapshot<'_>, pool: &str) -> Optional {
    let has = |kind, name: &str| snapshot.object(kind, MCO_NAMESPACE, name).is_some();
    Optional {
        entitlement: has(Kind::Secret, &entitlement_secret(pool)),
        yum_repos: has(Kind::ConfigMap, YUM_REPOS),
        gpg_keys: has(Kind::Secret, GPG_KEYS),
    }
}

/// IL-241: repositories of the administrator's.
const YUM_REPOS: &str = "etc-yum-repos-d";
/// IL-241: GPG keys of the administrator's.
const GPG_KEYS: &str = "etc-pki-rpm-gpg";

/// IL-244: the Secret that stands in for one that is not named.
pub(crate) const GLOBAL_PULL_SECRET: &str = "global-pull-secret-copy";

fn base_secret<'b>(config: &'b MachineOSConfig<'_>) -> &'b str {
    let base = config.spec.base_image_pull_secret.as_ref();
    base.and_then(|secret| secret.name.as_deref())
        .unwrap_or(GLOBAL_PULL_SECRET)
}

/// The Secrets that a MachineOSConfig names, where the input has them.
struct Secrets {
    base: Option<RegistrySecret>,
    push: Option<RegistrySecret>,
}

impl Secrets {
    fn of(snapshot: &LayerSnapshot<'_>, config: &MachineOSConfig<'_>) -> Result<Self, ReadError> {
        let read = |name: &str| {
            let object = snapshot.object(Kind::Secret, MCO_NAMESPACE, name);
            object.map(RegistrySecret::read).transpose()
        };
        Ok(Self {
            base: read(base_secret(config))?,
            push: read(config.push_secret())?,
        })
    }

    /// IL-254: the copies. One whose original is not in the input is left out.
    fn copies(
        &self,
        inputs: &BuildInputs<'_>,
        warnings: &mut Vec<LayerWarning>,
    ) -> Result<Vec<Value>, ObjectsError> {
        let config = inputs.config;
        let mut copies = Vec::new();
        for (field, name, which, secret) in [
            (
                "baseImagePullSecret",
                base_secret(config),
                BuildSecret::BasePull,
                self.base.as_ref(),
            ),
            (
                "renderedImagePushSecret",
                config.push_secret(),
                BuildSecret::FinalPush,
                self.push.as_ref(),
            ),
        ] {
            if secret.is_some() {
                copies.push(build_secret(inputs, which)?);
            } else if let Err(problem) = check_operator_secret(config, field, name, secret) {
                warnings.push(problem.into());
            }
        }
        Ok(copies)
    }
}

/// The ConfigMap that names the images of the operator (IL-240).
const OPERATOR_IMAGES: &str = "machine-config-operator-images";

/// IL-240: the image of the Machine Config Operator.
fn builder_image(
    snapshot: &LayerSnapshot<'_>,
    request: &RenderRequest<'_>,
) -> Result<String, LayerRenderError> {
    if let Some(image) = request.builder_image {
        return Ok(image.to_owned());
    }
    if !request.manifests {
        return Ok(String::new());
    }
    let lacking = LayerRenderError::BuilderImage;
    let images = snapshot.config_map(OPERATOR_IMAGES)?;
    let images =
        images.ok_or_else(|| lacking(format!("the input has no ConfigMap {OPERATOR_IMAGES}")))?;
    let image = images
        .get("images.json")
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .and_then(|images| Some(images.get("machineConfigOperator")?.as_str()?.to_owned()));
    image.ok_or_else(|| {
        let member = "images.json has no member machineConfigOperator";
        lacking(format!("ConfigMap {OPERATOR_IMAGES}: {member}"))
    })
}

/// The error with what the reference's text leaves out: the place in the user's text, and what to
/// do.
fn explained(error: &ObjectsError, content: &str) -> String {
    let ObjectsError::Render(problem) = error else {
        return error.to_string();
    };
    if let RenderError::Content(problem) = problem {
        let hint = problem.what.hint(content).map(|hint| format!(": {hint}"));
        return format!("containerFile {problem}{}", hint.unwrap_or_default());
    }
    match problem.hint() {
        Some(hint) => format!("{problem}: {hint}"),
        None => problem.to_string(),
    }
}

/// The objects as one document.
pub fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}
