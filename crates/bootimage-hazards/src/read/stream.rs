//! What a release itself boots, from its stream document.

use openshift_model::{Architecture, Platform, Stream, StreamArchitecture, StreamArtifact};

use super::{ReadVersion, UnknownVersion};
use crate::BootImageVersion;

/// The version of the boot image that a stream document has for a platform and an architecture.
/// Where it states none for the platform, that of another artifact: a stream is built in one go.
pub fn version(
    stream: &Stream<'_>,
    platform: &Platform,
    architecture: &Architecture,
) -> ReadVersion {
    let release = stream
        .architecture(architecture)
        .ok()
        .and_then(|found| of_platform(found, platform).or_else(|| of_any(found)));
    let Some(release) = release else {
        return Err(UnknownVersion::NotInStream {
            platform: platform.to_string(),
            architecture: architecture.to_string(),
        });
    };
    BootImageVersion::parse(release).ok_or_else(|| UnknownVersion::NotAVersion {
        text: release.to_owned(),
    })
}

fn of_platform<'s>(found: &'s StreamArchitecture<'_>, platform: &Platform) -> Option<&'s str> {
    let images = found.images.as_ref();
    let artifacts = found.artifacts.as_ref();
    match platform {
        Platform::Gcp => images?.gcp.as_ref()?.release.as_deref(),
        Platform::Aws => {
            let regions = images?.aws.as_ref()?.regions.as_ref()?;
            let mut regions = regions.values().flatten();
            regions.find_map(|image| image.release.as_deref())
        }
        Platform::VSphere => artifact(artifacts?.vmware.as_ref()),
        Platform::BareMetal => artifact(artifacts?.metal.as_ref()),
        Platform::Azure | Platform::Other(_) => None,
    }
}

fn of_any<'s>(found: &'s StreamArchitecture<'_>) -> Option<&'s str> {
    let artifacts = found.artifacts.as_ref()?;
    let all = [&artifacts.metal, &artifacts.aws, &artifacts.vmware];
    all.into_iter().find_map(|found| artifact(found.as_ref()))
}

fn artifact<'s>(artifact: Option<&'s StreamArtifact<'_>>) -> Option<&'s str> {
    artifact?
        .release
        .as_deref()
        .filter(|release| !release.is_empty())
}
