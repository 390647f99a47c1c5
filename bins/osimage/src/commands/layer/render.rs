//! `osimage layer render`

use std::path::Path;

use mosb_naming::{Optional, entitlement_secret, name};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{Architecture, Kind, MachineOSBuild, MachineOSConfig, Node, RawObject};
use osbuild_check::RegistrySecret;
use osbuild_plan::{
    BuildInputs, ContextFile, ObjectsError, build_config_maps, build_context, build_job,
    build_secret, new_build,
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
    let config = chosen(&objects, args.name.as_deref())?;
    let invalid = |problem: String| CommandError::Invalid(format!("{}: {problem}", config.name));
    let inputs = objects.inputs(config).map_err(invalid)?;
    let (Some(pool), Some(machine_config)) = (inputs.pool, inputs.machine_config) else {
        return Err(invalid("the pool has no rendered MachineConfig".to_owned()));
    };
    let named = name(inputs).map_err(|error| invalid(error.to_string()))?;
    let synthetic = new_build(&named, config, pool).to_string();
    let build = build(&objects, named.name.as_str(), &synthetic).map_err(invalid)?;
    let machine_config_object = objects
        .object(Kind::MachineConfig, "", &machine_config.name)
        .ok_or_else(|| {
            invalid(format!(
                "the input has no MachineConfig {}",
                machine_config.name
            ))
        })?;
    let architecture =
        architecture(args.architecture, &objects.nodes, &pool.name).map_err(invalid)?;
    let secrets = Secrets::of(&objects, config);
    let builder_image = builder_image(args, &objects)?;
    let inputs = BuildInputs {
        config,
        build: &build,
        machine_config,
        machine_config_object,
        controller_config: &objects.controller_config(),
        builder_image: &builder_image,
        architecture: &architecture,
        optional: optional(&objects, config.pool()),
        base_pull_secret: secrets.base.as_ref(),
        final_push_secret: secrets.push.as_ref(),
    };
    let failed = |error: ObjectsError| invalid(said(&error));
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
        return Err(CommandError::Invalid(format!("{name}: {problem}")));
    }
    match (wanted, objects.configs.as_slice()) {
        (None, [config]) => Ok(config),
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

/// What the nodes of a pool run on: they say so, else the command line, else `x86_64`. A pool of
/// several architectures has no image that fits all its nodes.
fn architecture(
    given: Option<ArchitectureArg>,
    nodes: &[Node<'_>],
    pool: &str,
) -> Result<Architecture, String> {
    let role = format!("node-role.kubernetes.io/{pool}");
    let mut found: Vec<Architecture> = nodes
        .iter()
        .filter(|node| node.meta.label(&role).is_some())
        .filter_map(|node| node.architecture.as_deref().map(Architecture::from_go_name))
        .collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Ok(given.map_or(Architecture::X86_64, ArchitectureArg::architecture)),
        several => {
            let names: Vec<_> = several.iter().map(Architecture::rpm_name).collect();
            let names = names.join(", ");
            Err(format!(
                "pool {pool} has nodes of several architectures ({names}), and one image"
            ))
        }
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
    fn of(objects: &Objects<'_>, config: &MachineOSConfig<'_>) -> Self {
        let base = config.spec.base_image_pull_secret.as_ref();
        let base = base.and_then(|secret| secret.name.as_deref());
        let read = |name: &str| {
            let object = objects.object(Kind::Secret, MCO_NAMESPACE, name)?;
            RegistrySecret::read(object).ok()
        };
        Self {
            base: read(base.unwrap_or(GLOBAL_PULL_SECRET)),
            push: read(config.push_secret()),
        }
    }
}

/// IL-240: the image of the Machine Config Operator.
fn builder_image(args: &RenderArgs, objects: &Objects<'_>) -> Result<String, CommandError> {
    if let Some(image) = &args.builder_image {
        return Ok(image.clone());
    }
    let images = objects.config_map("machine-config-operator-images");
    let images = images.as_ref().and_then(|data| data.get("images.json"));
    let images = images.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let image = images
        .as_ref()
        .and_then(|images| images.get("machineConfigOperator"));
    match image.and_then(Value::as_str) {
        Some(image) => Ok(image.to_owned()),
        None if !args.manifests => Ok(String::new()),
        None => Err(CommandError::Invalid(
            "the input has no ConfigMap machine-config-operator-images, which names the image that \
             builds: name it with --builder-image"
                .to_owned(),
        )),
    }
}

/// The objects as a List. A Secret whose original is not in the input is left out.
fn manifests(inputs: &BuildInputs<'_>) -> Result<Value, ObjectsError> {
    let mut items = build_config_maps(inputs)?;
    for (what, which, secret) in [
        (
            "base image",
            mosb_naming::BuildSecret::BasePull,
            inputs.base_pull_secret,
        ),
        (
            "push",
            mosb_naming::BuildSecret::FinalPush,
            inputs.final_push_secret,
        ),
    ] {
        if secret.is_some() {
            items.push(build_secret(inputs, which)?);
        } else {
            tell(&format!(
                "warning: the input has no Secret for the {what}: its copy is left out"
            ));
        }
    }
    items.push(build_job(inputs)?);
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// The error with the place in the user's text, which the reference's text leaves out.
fn said(error: &ObjectsError) -> String {
    if let ObjectsError::Render(containerfile_render::RenderError::Content(problem)) = error {
        return format!("containerFile {problem}");
    }
    error.to_string()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_702_a_pool_of_several_architectures_is_refused() {
        let node = |architecture: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{architecture}","labels":{{
                    "node-role.kubernetes.io/worker":""}}}},
                    "status":{{"nodeInfo":{{"architecture":"{architecture}"}}}}}}"#
            )
        };
        let texts = [node("arm64"), node("amd64")];
        let nodes = texts
            .each_ref()
            .map(|text| Node::read(&RawObject::parse(text).unwrap().unwrap()).unwrap());
        let found = |nodes: &[Node<'_>], pool| {
            architecture(Some(ArchitectureArg::S390x), nodes, pool).map(|found| found.to_string())
        };
        assert!(
            found(&nodes, "worker")
                .unwrap_err()
                .contains("aarch64, x86_64")
        );
        assert_eq!(found(&nodes[..1], "worker").unwrap(), "aarch64");
        assert_eq!(found(&nodes, "infra").unwrap(), "s390x");
    }
}
