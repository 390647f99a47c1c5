//! `osimage explain KIND/NAME`

use bootimage_plan::explain;
use openshift_model::{Kind, ObjectRef};

use super::{print_shown, print_text, tell_all};
use crate::cli::{ExplainArgs, ExplainFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, Snapshot, policy};
use crate::render::{document, explanation};

pub(super) fn run(args: &ExplainArgs) -> Result<u8, CommandError> {
    let reference = reference(&args.object, args.namespace.as_deref())?;
    let input = Input::read(&args.input)?;
    let Snapshot {
        cluster,
        facts,
        warnings,
        errors,
        ignored,
    } = input.snapshot();
    let found = explain(&cluster, &facts, &policy(&args.input), &reference);
    let Some(mut found) = found else {
        tell_all(&warnings, &errors, ignored);
        let same_kind = cluster
            .objects
            .iter()
            .filter(|o| o.kind.name() == reference.kind);
        return Err(CommandError::NotFound {
            known: same_kind
                .map(|object| object.name.as_str().to_owned())
                .collect(),
            kind: reference.kind,
            name: reference.name,
        });
    };
    found.warnings.splice(0..0, warnings);
    tell_all(&found.warnings, &errors, ignored);
    match args.output {
        ExplainFormat::Text => print_shown(|out| explanation::text(out, &found))?,
        ExplainFormat::Json => print_text(&document::json(&document::Explained::of(&found))?)?,
        ExplainFormat::Yaml => print_text(&document::yaml(&document::Explained::of(&found))?)?,
    }
    Ok(if errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// Reads `KIND/NAME`, with the names for kinds that `oc` takes.
pub(crate) fn reference(text: &str, namespace: Option<&str>) -> Result<ObjectRef, CommandError> {
    let (kind, name) = text
        .split_once('/')
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
        .ok_or_else(|| CommandError::NotAReference(text.to_owned()))?;
    let short = kind.split('.').next().unwrap_or(kind).to_ascii_lowercase();
    let kind = match short.as_str() {
        "machineset" | "machinesets" => Kind::MachineSet,
        "controlplanemachineset" | "controlplanemachinesets" | "cpms" => {
            Kind::ControlPlaneMachineSet
        }
        _ => return Err(CommandError::UnknownKind(kind.to_owned())),
    };
    Ok(ObjectRef {
        kind: kind.name().to_owned(),
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_oc_names_them() {
        for kind in [
            "machineset",
            "MachineSets",
            "machinesets.machine.openshift.io",
        ] {
            assert_eq!(
                reference(&format!("{kind}/a"), None).unwrap().kind,
                "MachineSet"
            );
        }
        assert_eq!(
            reference("cpms/cluster", None).unwrap().kind,
            "ControlPlaneMachineSet"
        );
        for wrong in ["a", "/a", "machineset/", ""] {
            assert!(
                matches!(reference(wrong, None), Err(CommandError::NotAReference(_))),
                "{wrong}"
            );
        }
        assert!(matches!(
            reference("pod/a", None),
            Err(CommandError::UnknownKind(_))
        ));
    }
}
