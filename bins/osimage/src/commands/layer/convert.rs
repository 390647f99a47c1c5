//! `osimage layer convert`

use openshift_model::{Kind, RawObject};
use osbuild_check::{
    check_push_spec, convert, validate_machine_os_build, validate_machine_os_config,
};
use serde_json::{Value, json};

use super::{Objects, described, texts};
use crate::cli::{ConvertArgs, DocumentFormat};
use crate::commands::{print_text, tell, warn};
use crate::error::CommandError;
use crate::exit;
use crate::render::document;

/// Converts every object, or none: a refusal leaves standard output empty.
pub(super) fn run(args: &ConvertArgs) -> Result<u8, CommandError> {
    let input = texts(&args.input)?;
    let objects = Objects::of(&input);
    let mut converted = Vec::new();
    let mut failed = !objects.errors.is_empty();
    for object in &objects.snapshot.raw {
        if !matches!(object.kind, Kind::MachineOSConfig | Kind::MachineOSBuild) {
            continue;
        }
        match convert_one(object) {
            Ok(object) => converted.push(object),
            Err(problems) => {
                failed = true;
                for problem in problems {
                    tell(&format!("error: {}: {problem}", object.reference()));
                }
            }
        }
    }
    if failed {
        return Ok(exit::INVALID_INPUT);
    }
    if converted.is_empty() {
        let problem = "the input has neither a MachineOSConfig nor a MachineOSBuild".to_owned();
        return Err(CommandError::Invalid(problem));
    }
    print_text(&printed(args.output, converted)?)?;
    Ok(exit::OK)
}

/// The object of today, if the API server would take it.
fn convert_one(object: &RawObject<'_>) -> Result<Value, Vec<String>> {
    let value = object.to_value().map_err(|error| vec![error.to_string()])?;
    let converted = convert(&value).map_err(|error| vec![error.to_string()])?;
    for warning in &converted.warnings {
        warn(format_args!("{}: {warning}", object.reference()));
    }
    let errors = match object.kind {
        Kind::MachineOSConfig => validate_machine_os_config(&converted.object, None),
        _ => validate_machine_os_build(&converted.object, None),
    };
    if !errors.is_empty() {
        return Err(errors.iter().map(described).collect());
    }
    match push_spec_problem(&converted.object) {
        Some(problem) => Err(vec![problem]),
        None => Ok(converted.object),
    }
}

/// IL-716: the API server takes push specs that no build can end well with.
fn push_spec_problem(object: &Value) -> Option<String> {
    let push_spec = object.pointer("/spec/renderedImagePushSpec")?.as_str()?;
    let error = check_push_spec(push_spec).err()?;
    Some(format!("spec.renderedImagePushSpec: {error}"))
}

fn printed(format: DocumentFormat, mut objects: Vec<Value>) -> Result<String, CommandError> {
    match (format, objects.len()) {
        (DocumentFormat::Json, 1) => document::json(&objects.remove(0)),
        (DocumentFormat::Json, _) => {
            document::json(&json!({"apiVersion": "v1", "kind": "List", "items": objects}))
        }
        (DocumentFormat::Yaml, _) => {
            let documents: Result<Vec<_>, _> = objects.iter().map(document::yaml).collect();
            Ok(documents?.join("---\n"))
        }
    }
}
