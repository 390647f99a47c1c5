//! `osimage layer render`

use std::path::Path;

use openshift_model::{Kind, MachineOSConfig};
use osbuild_plan::{ContextFile, RenderRequest, layer_rendering, list};

use super::{Objects, texts};
use crate::cli::{ArchitectureArg, DocumentFormat, RenderArgs};
use crate::commands::{print_text, tell, warn};
use crate::error::CommandError;
use crate::render::document;

pub(super) fn run(args: &RenderArgs) -> Result<u8, CommandError> {
    let input = texts(&args.input)?;
    let objects = Objects::of(&input);
    objects.tell_refusals();
    let config = chosen(&objects, args.name.as_deref())?;
    let request = RenderRequest {
        architecture: args.architecture.map(ArchitectureArg::architecture),
        builder_image: args.builder_image.as_deref(),
        manifests: args.manifests,
    };
    let rendering = layer_rendering(&objects.snapshot, config, &request).map_err(|error| {
        CommandError::Invalid(format!("MachineOSConfig {}: {error}", config.name))
    })?;
    for warning in &rendering.warnings {
        warn(warning);
    }
    if let Some(directory) = &args.context {
        write_context(directory, &rendering.files)?;
    }
    if args.manifests {
        let manifests = list(&rendering.manifests);
        match args.output {
            DocumentFormat::Json => print_text(&document::json(&manifests)?)?,
            DocumentFormat::Yaml => print_text(&document::yaml(&manifests)?)?,
        }
    } else if let Some(containerfile) = rendering.files.first() {
        print_text(&String::from_utf8_lossy(&containerfile.contents))?;
    }
    Ok(objects.exit_code())
}

/// The MachineOSConfig that was named, or the only one.
fn chosen<'b, 'a>(
    objects: &'b Objects<'a>,
    wanted: Option<&str>,
) -> Result<&'b MachineOSConfig<'a>, CommandError> {
    let snapshot = &objects.snapshot;
    let known = || -> Vec<String> {
        let names = snapshot.configs.iter();
        names.map(|config| config.name.to_string()).collect()
    };
    let mut others = snapshot.of_other_versions.iter();
    let other = others.find(|other| wanted.is_none_or(|wanted| wanted == other.name));
    if let Some(other) = other.filter(|_| snapshot.configs.is_empty()) {
        let (name, problem) = (&other.name, other.problem());
        return Err(CommandError::Invalid(format!(
            "MachineOSConfig {name}: {problem}"
        )));
    }
    match (wanted, snapshot.configs.as_slice()) {
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
