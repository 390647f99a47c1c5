//! Made-up nodes, each in a line.

use bootimage_hazards::{
    Assessment, BootImageVersion, ClusterRelease, Condition, Conditions, Day, HazardTable, NewNode,
    UnknownVersion,
};
use openshift_model::{Architecture, Platform};

/// `image release platform architecture`, and what is known of the conditions.
pub(crate) fn assess(
    table: &HazardTable,
    words: &str,
    conditions: &[(Condition, bool)],
) -> Assessment {
    let words: Vec<_> = words.split(' ').collect();
    let [image, release, platform, architecture] = words[..] else {
        panic!("{words:?}")
    };
    let image = match image {
        "-" => Err(UnknownVersion::NoImage),
        text => Ok(BootImageVersion::parse(text).unwrap_or_else(|| panic!("{text}"))),
    };
    let cluster = ClusterRelease::parse(release);
    let architecture = Architecture::from_rpm_name(architecture);
    table.assess(&NewNode {
        image: &image,
        cluster: cluster.as_ref(),
        release_image: None,
        platform: &Platform::from_name(platform),
        architecture: (architecture.rpm_name() != "-").then_some(&architecture),
        conditions: &conditions.iter().copied().collect::<Conditions>(),
        today: Day::parse("2026-11-30"),
    })
}
