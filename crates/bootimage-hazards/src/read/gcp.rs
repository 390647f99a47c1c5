//! Google Cloud: the build stands in the name of the image, with dashes for dots.

use openshift_model::boot_image::GcpBootDisks;

use super::{ReadVersion, from_name, only_one};

/// The version of what the boot disks are made from. Clusters from before 4.6 have
/// `<infrastructure>-rhcos-image`, which tells nothing.
pub fn version(disks: &GcpBootDisks<'_>) -> ReadVersion {
    only_one(disks.0.iter().map(|disk| from_name(&disk.image)))
}
