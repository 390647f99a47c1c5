//! One set: what its next node would be born from, and whether it would join.

use bootimage_hazards::{Assessment, NewNode, UnknownVersion, Verdict};
use bootimage_selection::machine_set_architecture;
use openshift_model::{Architecture, Kind, MachineResource, RawObject, ReadError};

use super::image::{BootImage, NamedImage};
use super::{InventoriedMachine, InventoriedSet, InventoryInputs};
use crate::{ReasonCode, Target};

/// Takes stock of a set that the plan has decided on.
pub(super) fn set(
    inputs: &InventoryInputs<'_, '_>,
    object: &RawObject<'_>,
    target: &Target,
    machines: &[InventoriedMachine],
) -> InventoriedSet {
    let reference = set_reference(object.kind, &object.name);
    let of_set = |machine: &&InventoriedMachine| machine.set.as_deref() == Some(&*reference);
    let resource = MachineResource::read(object);
    let mut found = InventoriedSet {
        kind: target.kind,
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        platform: target.platform.clone(),
        architecture: target.architecture.clone(),
        boot_image: BootImage::default(),
        behind: None,
        decision: target.decision,
        reason: target.reason,
        message: target.message.clone(),
        verdict: Verdict::Unknown,
        hazards: Vec::new(),
        undecided: Vec::new(),
        stops: None,
        machines: machines.iter().filter(of_set).count(),
    };
    match (resource, target.reason) {
        (_, ReasonCode::WindowsMachineSet) => {
            found.boot_image.unknown = Some("its machines run Windows".to_owned());
        }
        (resource, _) => judge(inputs, resource.as_ref(), &mut found),
    }
    found
}

/// How a machine names its set.
pub(super) fn set_reference(kind: Kind, name: &str) -> String {
    format!("{kind} {name}")
}

fn judge(
    inputs: &InventoryInputs<'_, '_>,
    resource: Result<&MachineResource<'_>, &ReadError>,
    found: &mut InventoriedSet,
) {
    let resource = match resource {
        Ok(resource) => resource,
        Err(error) => {
            found.boot_image.unknown = Some(error.to_string());
            return;
        }
    };
    if found.architecture.is_none() {
        found.architecture = architecture(inputs, resource);
    }
    let NamedImage {
        image,
        version,
        user_data,
    } = inputs.image(found.platform.as_ref(), resource.provider_spec);
    found.boot_image = BootImage::of(image, &version);
    found.behind = inputs.behind(&version);
    let Some(platform) = &found.platform else {
        found
            .boot_image
            .unknown
            .get_or_insert_with(|| "nothing in the input tells the platform".to_owned());
        return;
    };
    let secret = user_data.and_then(|secret| secret.name);
    let conditions = inputs.conditions(
        resource.kind,
        Some(platform),
        resource.provider_spec,
        &version,
        secret.as_deref(),
    );
    let release_image = inputs.release_image(platform, found.architecture.as_ref());
    let Assessment {
        verdict,
        hazards,
        undecided,
        stops,
    } = inputs.options.table.assess(&NewNode {
        image: &version,
        cluster: inputs.release.as_ref(),
        release_image: release_image.as_ref(),
        platform,
        architecture: found.architecture.as_ref(),
        conditions: &conditions,
        today: inputs.options.today,
    });
    found.verdict = match version {
        // A machine cannot be made from what is not there.
        Err(UnknownVersion::NotFound { .. }) => Verdict::Fails,
        // What is not known is not called good, whatever the hazards that fit every image say.
        Err(_) => verdict.max(Verdict::Unknown),
        Ok(_) => verdict,
    };
    found.hazards = hazards;
    found.undecided = undecided;
    found.stops = stops;
}

/// BI-200: the architecture of a set that the plan did not look at so far.
fn architecture(
    inputs: &InventoryInputs<'_, '_>,
    resource: &MachineResource<'_>,
) -> Option<Architecture> {
    let control_plane = &inputs.context.control_plane_architecture;
    if resource.kind == Kind::ControlPlaneMachineSet {
        return Some(control_plane.clone());
    }
    let version = inputs.context.cluster_version.as_ref();
    machine_set_architecture(&resource.name, &resource.meta, version, control_plane).ok()
}
