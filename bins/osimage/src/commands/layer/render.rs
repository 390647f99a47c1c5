//! `osimage layer render`

use std::path::Path;

use containerfile_render::RenderError;
use mosb_naming::{BuildSecret, Optional, entitlement_secret};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{Architecture, Kind, MachineOSBuild, MachineOSConfig, RawObject};
use osbuild_check::{RegistrySecret, check_operator_secret};
use osbuild_plan::{
    BuildInputs, Cluster, ContextFile, ObjectsError, Sources, build_config_maps, build_context,
    build_job, build_secret, new_build,
};
use serde_json::{Value, json};

use super::{Objects, texts};
use crate::cli::{ArchitectureArg, DocumentFormat, RenderArgs};
use crate::commands::{print_text, tell};
use crate::error::CommandError;
use crate::exit;
use crate::render::document;

pub(super) fn run(args: &RenderArgs) -> Result<u8, CommandError> {
    let input = texts(&args.input)?;
    let objects = Objects::of(&input);
    objects.tell_refusals();
    let cluster = objects.cluster(None);
    let config = chosen(&objects, args.name.as_deref())?;
    let invalid = |problem: String| {
        CommandError::Invalid(format!("MachineOSConfig {}: {problem}", config.name))
    };
    let sources = cluster.sources(config);
    let sources = sources.map_err(|error| invalid(error.to_string()))?;
    let named = sources.name().map_err(|error| invalid(error.to_string()))?;
    let Sources {
        config,
        pool,
        machine_config,
    } = sources;
    let machine_config_object = objects.object(Kind::MachineConfig, "", &machine_config.name);
    let machine_config_object = machine_config_object.ok_or_else(|| {
        let name = &machine_config.name;
        invalid(format!("the input has no MachineConfig {name}"))
    })?;
    let synthetic = new_build(&named, config, pool).to_string();
    let build = build(&objects, named.name.as_str(), &synthetic).map_err(invalid)?;
    let architecture = architecture(args.architecture, &cluster, &pool.name).map_err(invalid)?;
    let secrets = Secrets::of(&objects, config)?;
    let builder_image = builder_image(args, &objects)?;
    let controller_config = objects.controller_config.clone();
    if controller_config.is_none() && (args.manifests || args.context.is_some()) {
        tell(
            "warning: the input has no ControllerConfig: a cluster without a proxy and without \
             certificates of its own is assumed",
        );
    }
    let controller_config = controller_config.unwrap_or_default();
    let inputs = BuildInputs {
        config,
        build: &build,
        machine_config,
        machine_config_object,
        controller_config: &controller_config,
        builder_image: &builder_image,
        architecture: &architecture,
        optional: optional(&objects, config.pool()),
        base_pull_secret: secrets.base.as_ref(),
        final_push_secret: secrets.push.as_ref(),
    };
    let content = config.container_file().unwrap_or_default();
    let failed = |error: ObjectsError| invalid(said(&error, content));
    let files = build_context(&inputs).map_err(failed)?;
    if let Some(directory) = &args.context {
        write_context(directory, &files)?;
    }
    if args.manifests {
        let manifests = manifests(&inputs).map_err(failed)?;
        match args.output {
            DocumentFormat::Json => print_text(&document::json(&manifests)?)?,
            DocumentFormat::Yaml => print_text(&document::yaml(&manifests)?)?,
        }
    } else if let Some(containerfile) = files.iter().find(|file| file.path == "Containerfile") {
        print_text(&String::from_utf8_lossy(&containerfile.contents))?;
    }
    Ok(if objects.errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// The MachineOSConfig that was named, or the only one.
fn chosen<'b, 'a>(
    objects: &'b Objects<'a>,
    wanted: Option<&str>,
) -> Result<&'b MachineOSConfig<'a>, CommandError> {
    let known = || -> Vec<String> {
        objects
            .configs
            .iter()
            .map(|config| config.name.to_string())
            .collect()
    };
    if let Some((name, version)) = objects
        .of_other_versions
        .iter()
        .find(|(name, _)| wanted.is_none_or(|wanted| wanted == name) && objects.configs.is_empty())
    {
        let problem = Objects::version_problem(version);
        return Err(CommandError::Invalid(format!(
            "MachineOSConfig {name}: {problem}"
        )));
    }
    match (wanted, objects.configs.as_slice()) {
        (None, [config]) => Ok(config),
        (None, []) => Err(CommandError::Invalid(
            "the input has no MachineOSConfig".to_owned(),
        )),
        (None, [_, _, ..]) => Err(CommandError::Several(known())),
        (wanted, configs) => {
            let found = configs
                .iter()
                .find(|config| Some(config.name.as_str()) == wanted);
            found.ok_or_else(|| CommandError::NotFound {
                kind: Kind::MachineOSConfig.name().to_owned(),
                name: wanted.unwrap_or_default().to_owned(),
                known: known(),
            })
        }
    }
}

/// The build as the cluster has it, or as it would be created.
fn build<'b>(
    objects: &'b Objects<'_>,
    name: &str,
    synthetic: &'b str,
) -> Result<MachineOSBuild<'b>, String> {
    if let Some(build) = objects
        .builds
        .iter()
        .find(|build| build.name.as_str() == name)
    {
        return Ok(build.clone());
    }
    let object = RawObject::parse(synthetic).map_err(|error| error.to_string())?;
    let object = object.ok_or("a MachineOSBuild is no MachineOSBuild; please report it")?;
    MachineOSBuild::read(&object).map_err(|error| error.to_string())
}

/// What the nodes of a pool run on: they say so, else the command line, else `x86_64`.
fn architecture(
    given: Option<ArchitectureArg>,
    cluster: &Cluster<'_>,
    pool: &str,
) -> Result<Architecture, String> {
    let found = cluster.architecture_of(pool);
    let found = found.map_err(|error| error.to_string())?;
    let given = given.map(ArchitectureArg::architecture);
    match (found, given) {
        (Some(found), Some(given)) if found != given => {
            tell(&format!(
                "warning: the nodes of pool {pool} run on {found}: --architecture {given} does not count"
            ));
            Ok(found)
        }
        (found, given) => Ok(found.or(given).unwrap_or(Architecture::X86_64)),
    }
}

/// IL-241: what the cluster has besides.
fn optional(objects: &Objects<'_>, pool: &str) -> Optional {
    let has = |kind, name: &str| objects.object(kind, MCO_NAMESPACE, name).is_some();
    Optional {
        entitlement: has(Kind::Secret, &entitlement_secret(pool)),
        yum_repos: has(Kind::ConfigMap, "etc-yum-repos-d"),
        gpg_keys: has(Kind::Secret, "etc-pki-rpm-gpg"),
    }
}

/// IL-244: the Secret that stands in for one that is not named.
const GLOBAL_PULL_SECRET: &str = "global-pull-secret-copy";

struct Secrets {
    base: Option<RegistrySecret>,
    push: Option<RegistrySecret>,
}

impl Secrets {
    fn of(objects: &Objects<'_>, config: &MachineOSConfig<'_>) -> Result<Self, CommandError> {
        let read = |name: &str| {
            let object = objects.object(Kind::Secret, MCO_NAMESPACE, name);
            let secret = object.map(RegistrySecret::read).transpose();
            secret.map_err(|error| CommandError::Invalid(error.to_string()))
        };
        Ok(Self {
            base: read(base_secret(config))?,
            push: read(config.push_secret())?,
        })
    }
}

fn base_secret<'b>(config: &'b MachineOSConfig<'_>) -> &'b str {
    let base = config.spec.base_image_pull_secret.as_ref();
    base.and_then(|secret| secret.name.as_deref())
        .unwrap_or(GLOBAL_PULL_SECRET)
}

/// The ConfigMap that names the images of the operator (IL-240).
const OPERATOR_IMAGES: &str = "machine-config-operator-images";

/// IL-240: the image of the Machine Config Operator.
fn builder_image(args: &RenderArgs, objects: &Objects<'_>) -> Result<String, CommandError> {
    if let Some(image) = &args.builder_image {
        return Ok(image.clone());
    }
    if !args.manifests {
        return Ok(String::new());
    }
    let lacking = |what: &str| {
        CommandError::Invalid(format!(
            "{what}, which names the image that builds: name it with --builder-image"
        ))
    };
    let images = objects.config_map(OPERATOR_IMAGES)?;
    let images =
        images.ok_or_else(|| lacking(&format!("the input has no ConfigMap {OPERATOR_IMAGES}")))?;
    let image = images
        .get("images.json")
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .and_then(|images| Some(images.get("machineConfigOperator")?.as_str()?.to_owned()));
    let member =
        format!("ConfigMap {OPERATOR_IMAGES}: images.json has no member machineConfigOperator");
    image.ok_or_else(|| lacking(&member))
}

/// The objects as a List. A Secret whose original is not in the input is left out.
fn manifests(inputs: &BuildInputs<'_>) -> Result<Value, ObjectsError> {
    let mut items = build_config_maps(inputs)?;
    let config = inputs.config;
    for (field, name, which, secret) in [
        (
            "baseImagePullSecret",
            base_secret(config),
            BuildSecret::BasePull,
            inputs.base_pull_secret,
        ),
        (
            "renderedImagePushSecret",
            config.push_secret(),
            BuildSecret::FinalPush,
            inputs.final_push_secret,
        ),
    ] {
        if secret.is_some() {
            items.push(build_secret(inputs, which)?);
        } else if let Err(problem) = check_operator_secret(config, field, name, secret) {
            tell(&format!("warning: {problem} Its copy is left out"));
        }
    }
    items.push(build_job(inputs)?);
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// The error with what the reference's text leaves out: the place in the user's text, and what to
/// do.
fn said(error: &ObjectsError, content: &str) -> String {
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

/// Writes a build context; what is there already is not touched.
fn write_context(directory: &Path, files: &[ContextFile]) -> Result<(), CommandError> {
    let failed = |path: &Path, source| CommandError::Write {
        path: path.display().to_string(),
        source,
    };
    let is_empty = match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(directory, error)),
    };
    if !is_empty {
        let directory = directory.display();
        return Err(CommandError::Refused(format!(
            "{directory} is not empty: nothing was written"
        )));
    }
    for file in files {
        let path = directory.join(file.path);
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        std::fs::write(&path, &file.contents).map_err(|error| failed(&path, error))?;
    }
    tell(&format!(
        "build context written into {}",
        directory.display()
    ));
    Ok(())
}
