//! vSphere: a template of an installer is named after the cluster; the vCenter knows its version.

use openshift_model::boot_image::VsphereBootImage;
use openshift_model::facts::{Answer, AnswerRef, VsphereMachine, VsphereMachines};

use super::{ReadVersion, UnknownVersion, from_name, only_one};
use crate::BootImageVersion;

const VCENTER: &str = "the vCenter";

/// The version of the template: as the vCenter says, else as the name says. `machines` is the
/// answer to the question that the plan asks for this template.
pub fn version(
    image: &VsphereBootImage<'_>,
    machines: Option<AnswerRef<'_, VsphereMachines>>,
) -> ReadVersion {
    let template = image.template.as_str();
    if template.is_empty() {
        return Err(UnknownVersion::NoImage);
    }
    match machines {
        Some(Answer::Found(machines)) => found(template, &machines.machines),
        Some(Answer::Denied(words)) => from_name(template).map_err(|_| UnknownVersion::Refused {
            cloud: VCENTER,
            image: template.to_owned(),
            words: words.to_owned(),
        }),
        Some(Answer::NotFound) => Err(UnknownVersion::NotFound {
            cloud: VCENTER,
            image: template.to_owned(),
        }),
        None => from_name(template).map_err(|_| UnknownVersion::NotAsked {
            cloud: VCENTER,
            image: template.to_owned(),
        }),
    }
}

fn found(template: &str, machines: &[VsphereMachine]) -> ReadVersion {
    let mut of_template = machines
        .iter()
        .filter(|machine| is_named(&machine.path, template))
        .peekable();
    if of_template.peek().is_none() {
        return Err(UnknownVersion::NotFound {
            cloud: VCENTER,
            image: template.to_owned(),
        });
    }
    only_one(of_template.map(|machine| match machine.version.as_str() {
        "" => from_name(template),
        version => BootImageVersion::parse(version).ok_or_else(|| UnknownVersion::NotAVersion {
            text: version.to_owned(),
        }),
    }))
}

/// A template is a name, or an inventory path.
fn is_named(path: &str, template: &str) -> bool {
    path == template
        || (!template.contains('/') && path.rsplit('/').next().is_some_and(|name| name == template))
}
