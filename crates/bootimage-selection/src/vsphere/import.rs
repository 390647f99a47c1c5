//! What an import of a template is made from (BI-320, BI-325 … BI-333).

use openshift_model::Architecture;
use openshift_model::boot_image::VsphereBootImage;
use openshift_model::facts::VsphereMachine;
use openshift_model::vcenter::{DiskType, TemplateImport};

use super::inventory::{RETIRED, TEMPORARY, replacement_name};
use super::placement::Placement;
use super::{VsphereContext, VsphereError};

/// BI-320: longest name that a vCenter takes.
const LONGEST_NAME: usize = 80;

/// What an import is for.
pub(super) struct Wanted<'w> {
    pub(super) image: &'w VsphereBootImage<'w>,
    pub(super) placement: &'w Placement,
    pub(super) architecture: &'w Architecture,
    /// Name of the template afterwards.
    pub(super) name: &'w str,
    /// The template that it takes the place of.
    pub(super) replaces: Option<&'w VsphereMachine>,
}

/// BI-320, BI-322, BI-325 … BI-330: the import of the release's template; its disk is to take up
/// space as that of an existing one.
pub(super) fn import(
    wanted: &Wanted<'_>,
    existing: Option<&VsphereMachine>,
    release: &str,
    context: &VsphereContext<'_>,
) -> Result<TemplateImport, VsphereError> {
    let &Wanted {
        image,
        placement,
        architecture,
        name,
        replaces,
    } = wanted;
    if name.chars().count() > LONGEST_NAME {
        return Err(VsphereError::NameTooLong {
            name: name.to_owned(),
        });
    }
    let ova = context.stream.vsphere_ova(architecture);
    let (ova, sha256) = ova.map_err(VsphereError::Stream)?;
    let disk_type = match existing {
        Some(machine) => disk_type_of(machine),
        None => disk_type_of_new(name, context)?,
    };
    let workspace = &image.workspace;
    // BI-326: the template needs one, where the reference crashes.
    let network = placement
        .network
        .clone()
        .ok_or_else(|| VsphereError::NoNetwork {
            failure_domain: placement.name.clone(),
        })?;
    let own_tag = std::iter::once(context.infrastructure_name.to_owned());
    let tags = image.tag_ids.iter().map(|tag| tag.as_str().to_owned());
    Ok(TemplateImport {
        server: workspace.server.as_str().to_owned(),
        datacenter: workspace.datacenter.as_str().to_owned(),
        ova: ova.to_owned(),
        sha256: sha256.to_owned(),
        release: release.to_owned(),
        name: name.to_owned(),
        temporary_name: replacement_name(TEMPORARY, name),
        retired_name: replacement_name(RETIRED, name),
        replaces: replaces.map(|machine| machine.path.clone()),
        folder: workspace.folder.as_str().to_owned(),
        compute_cluster: placement.compute_cluster.clone(),
        resource_pool: workspace.resource_pool.as_str().to_owned(),
        network,
        datastore: workspace.datastore.as_str().to_owned(),
        disk_type,
        tags: own_tag.chain(tags).collect(),
    })
}

/// BI-332: how the disk of an existing template takes up space; `None` where nobody knows.
fn disk_type_of(machine: &VsphereMachine) -> Option<DiskType> {
    match (machine.thin_provisioned, machine.eagerly_scrub) {
        (Some(true), _) => Some(DiskType::Thin),
        (Some(false), Some(true)) => Some(DiskType::EagerZeroedThick),
        (Some(false), _) => Some(DiskType::Thick),
        (None, _) => None,
    }
}

/// BI-320, BI-332, BI-333: how the disk of a new template is to take up space: as the installer was
/// told.
fn disk_type_of_new(
    name: &str,
    context: &VsphereContext<'_>,
) -> Result<Option<DiskType>, VsphereError> {
    let disk_type = context
        .disk_type
        .as_ref()
        .map_err(|error| VsphereError::NoDiskType {
            name: name.to_owned(),
            error: error.clone(),
        })?;
    match disk_type.as_str() {
        "" => Ok(None),
        "thin" => Ok(Some(DiskType::Thin)),
        "thick" => Ok(Some(DiskType::Thick)),
        "eagerZeroedThick" => Ok(Some(DiskType::EagerZeroedThick)),
        other => Err(VsphereError::DiskType(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_332_the_disk_of_an_existing_template() {
        for (thin_provisioned, eagerly_scrub, expected) in [
            (Some(true), None, Some(DiskType::Thin)),
            (Some(true), Some(true), Some(DiskType::Thin)),
            (Some(false), Some(true), Some(DiskType::EagerZeroedThick)),
            (Some(false), Some(false), Some(DiskType::Thick)),
            (Some(false), None, Some(DiskType::Thick)),
            (None, Some(true), None),
            (None, None, None),
        ] {
            let machine = VsphereMachine {
                thin_provisioned,
                eagerly_scrub,
                ..VsphereMachine::default()
            };
            assert_eq!(disk_type_of(&machine), expected, "{machine:?}");
        }
    }
}
