//! Azure: versions of the marketplace are cut-off builds; galleries have one or `latest`.

use openshift_model::boot_image::AzureBootImage;

use super::{ReadVersion, UnknownVersion, from_name};
use crate::BootImageVersion;

/// The version of the image. It is never read from the SKU, which may contradict it.
pub fn version(image: &AzureBootImage<'_>) -> ReadVersion {
    if image.is_uploaded() {
        return uploaded(&image.resource_id);
    }
    if image.to_string().is_empty() {
        return Err(UnknownVersion::NoImage);
    }
    stated(&image.version, &image.to_string())
}

/// `…/galleries/<gallery>/images/<image>/versions/<version>`; a lone image may have it in its name.
fn uploaded(resource_id: &str) -> ReadVersion {
    match resource_id.rsplit_once("/versions/") {
        Some((_, version)) => stated(version, resource_id),
        None if resource_id.contains("/galleries/") => Err(UnknownVersion::Latest {
            image: resource_id.to_owned(),
        }),
        None => from_name(resource_id),
    }
}

fn stated(version: &str, image: &str) -> ReadVersion {
    if matches!(version, "" | "latest") {
        return Err(UnknownVersion::Latest {
            image: image.to_owned(),
        });
    }
    BootImageVersion::parse(version).ok_or_else(|| UnknownVersion::NotAVersion {
        text: version.to_owned(),
    })
}
