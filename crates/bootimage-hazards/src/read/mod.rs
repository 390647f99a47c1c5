//! The version of an image from where it is named: provider specs of each platform, facts, stream
//! documents.

pub mod aws;
pub mod azure;
pub mod gcp;
pub mod other;
pub mod stream;
pub mod vsphere;

use crate::BootImageVersion;
use crate::version::find;

/// The version of an image, or why it is not known.
pub type ReadVersion = Result<BootImageVersion, UnknownVersion>;

/// Why the version of an image is not known. It is never guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownVersion {
    /// The provider spec names no image.
    #[error("the provider spec names no image")]
    NoImage,
    /// The name of the image has no version in it. Installers on several platforms name the image
    /// after the cluster.
    #[error("the name {image:?} has no version in it")]
    NotStated {
        /// The image as the provider spec has it.
        image: String,
    },
    /// What stands where a version should is none that is known.
    #[error("{text:?} is no version of a boot image that is known")]
    NotAVersion {
        /// What stands there.
        text: String,
    },
    /// Which image it is turns out when a machine is made.
    #[error("{image:?} stands for whichever is the latest when a machine is made")]
    Latest {
        /// The image as the provider spec has it.
        image: String,
    },
    /// Boot disks, or machines of the same name, have different images.
    #[error("there are two images, {first:?} and {second:?}")]
    Several {
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
    /// Only the cloud can tell, and nobody has asked it.
    #[error("only {cloud} can tell the version of {image:?}, and the facts do not have it")]
    NotAsked {
        /// Who can tell: EC2, a vCenter.
        cloud: &'static str,
        /// The image as the provider spec has it.
        image: String,
    },
    /// The cloud has no such image, or not any more: a machine cannot be made from it.
    #[error("{cloud} has no {image:?}")]
    NotFound {
        /// Who was asked.
        cloud: &'static str,
        /// The image as the provider spec has it.
        image: String,
    },
    /// The cloud does not say.
    #[error("{cloud} does not tell about {image:?}: {words}")]
    Refused {
        /// Who was asked.
        cloud: &'static str,
        /// The image as the provider spec has it.
        image: String,
        /// Its words.
        words: String,
    },
    /// The provider spec has another type where the image should be.
    #[error("the image in the provider spec cannot be read: {problem}")]
    Unreadable {
        /// What was found.
        problem: String,
    },
    /// A stream document has no image for this platform and architecture.
    #[error("the stream document has no image for {platform} on {architecture}")]
    NotInStream {
        /// The platform.
        platform: String,
        /// RPM name of the architecture.
        architecture: String,
    },
    /// A file of a node has no version in it.
    #[error("the aleph file has no version: {problem}")]
    Aleph {
        /// What is wrong with it.
        problem: String,
    },
}

/// The version in the name of an image.
pub(crate) fn from_name(image: &str) -> ReadVersion {
    if image.is_empty() {
        return Err(UnknownVersion::NoImage);
    }
    find(image).ok_or_else(|| UnknownVersion::NotStated {
        image: image.to_owned(),
    })
}

/// The one version of several images.
pub(crate) fn only_one(versions: impl IntoIterator<Item = ReadVersion>) -> ReadVersion {
    let mut versions = versions.into_iter();
    let first = versions.next().unwrap_or(Err(UnknownVersion::NoImage))?;
    for version in versions {
        let version = version?;
        if version != first {
            return Err(UnknownVersion::Several {
                first: first.to_string(),
                second: version.to_string(),
            });
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
