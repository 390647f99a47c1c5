//! AWS: a provider spec has an AMI id alone. Stream documents and EC2 know what it is.

use openshift_model::Stream;
use openshift_model::boot_image::AwsBootImage;
use openshift_model::facts::{Answer, AwsImage, ClusterFacts};

use super::{ReadVersion, UnknownVersion};
use crate::BootImageVersion;
use crate::version::{find, find_marketplace_name};

const EC2: &str = "EC2";

/// The version of the image: from the first stream document that lists it, else from what EC2 says
/// of it.
pub fn version<'s>(
    image: &AwsBootImage<'_>,
    facts: ClusterFacts<'_>,
    streams: impl IntoIterator<Item = &'s Stream<'s>>,
) -> ReadVersion {
    let id = image.id.as_deref().filter(|id| !id.is_empty());
    let id = id.ok_or(UnknownVersion::NoImage)?;
    let release = streams.into_iter().find_map(|stream| release(stream, id));
    if let Some(release) = release {
        return BootImageVersion::parse(release).ok_or_else(|| UnknownVersion::NotAVersion {
            text: release.to_owned(),
        });
    }
    let image_id = || id.to_owned();
    match facts.aws_image(&image.region, id) {
        Some(Answer::Found(found)) => described(found),
        Some(Answer::NotFound) => Err(UnknownVersion::NotFound {
            cloud: EC2,
            image: image_id(),
        }),
        Some(Answer::Denied(words)) => Err(UnknownVersion::Refused {
            cloud: EC2,
            image: image_id(),
            words: words.to_owned(),
        }),
        None => Err(UnknownVersion::NotAsked {
            cloud: EC2,
            image: image_id(),
        }),
    }
}

/// The release of the image with this id in a stream document.
fn release<'s>(stream: &'s Stream<'_>, id: &str) -> Option<&'s str> {
    let architectures = stream.architectures.as_ref()?.values().flatten();
    architectures
        .filter_map(|architecture| architecture.images.as_ref()?.aws.as_ref()?.regions.as_ref())
        .flat_map(|regions| regions.values().flatten())
        .find(|image| image.image.as_deref() == Some(id))?
        .release
        .as_deref()
}

/// The description names the image; the name of an image in the marketplace names two versions.
fn described(image: &AwsImage) -> ReadVersion {
    find(&image.description)
        .or_else(|| find(&image.name))
        .or_else(|| find_marketplace_name(&image.name))
        .ok_or_else(|| UnknownVersion::NotStated {
            image: image.name.clone(),
        })
}
