//! Says what is known to go wrong with a node of a release that starts from a boot image:
//! `cargo run -p assess-a-boot-image -- 412.86.202209302317-0 4.22.3`

use std::error::Error;

use bootimage_hazards::openshift_model::{Architecture, Platform};
use bootimage_hazards::{
    BootImageVersion, ClusterRelease, Conditions, HazardTable, NewNode, UnknownVersion,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = arguments
        .next()
        .ok_or("usage: assess-a-boot-image IMAGE RELEASE")?;
    let release = arguments
        .next()
        .ok_or("usage: assess-a-boot-image IMAGE RELEASE")?;
    let image = BootImageVersion::parse(&image).ok_or(UnknownVersion::NoImage);
    let cluster = ClusterRelease::parse(&release);
    let assessment = HazardTable::bundled()?.assess(&NewNode {
        image: &image,
        cluster: cluster.as_ref(),
        release_image: None,
        platform: &Platform::Gcp,
        architecture: Some(&Architecture::X86_64),
        conditions: &Conditions::default(),
        today: None,
    });
    println!("{:?}", assessment.verdict);
    for hazard in &assessment.hazards {
        println!("{}: {:?}", hazard.id, hazard.certainty);
    }
    Ok(())
}
