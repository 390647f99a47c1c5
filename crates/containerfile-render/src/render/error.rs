//! Why nothing can be rendered.

use openshift_model::ReferenceError;

use super::packages::extension_names;
use crate::check::{Located, Problem};

/// Nothing can be rendered. The texts of IL-164, IL-166 and IL-185 are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// IL-180: the rendered MachineConfig names no base image.
    #[error("MachineConfig {machine_config} has no osImageURL: there is nothing to build from")]
    NoBaseImage {
        /// The rendered MachineConfig.
        machine_config: String,
    },
    /// An image of the MachineConfig is no reference, and could become another instruction.
    #[error("{field} {image:?} is no image reference: {source}: {}", source.hint())]
    Image {
        /// `osImageURL` or `baseOSExtensionsContainerImage`.
        field: &'static str,
        /// What stands there.
        image: String,
        /// What is wrong, and where.
        source: ReferenceError,
    },
    /// IL-164: unknown extensions.
    #[error("invalid extensions found: [{}]", .0.join(" "))]
    UnknownExtensions(Vec<String>),
    /// IL-166: a kernel that the pool's nodes cannot run.
    #[error("64k-pages is only supported for aarch64 architecture")]
    KernelArchitecture,
    /// IL-724: packages are asked for, and there is no image to take them from. (The reference
    /// leaves them out without a word.)
    #[error(
        "{what} cannot be installed: MachineConfig {machine_config} has no \
         baseOSExtensionsContainerImage; put the packages into the Containerfile instead"
    )]
    NoExtensionsImage {
        /// What was asked for.
        what: String,
        /// The rendered MachineConfig.
        machine_config: String,
    },
    /// A name has a character that no line of a Containerfile can hold.
    #[error("the name of {kind} has a control character ({character:?})")]
    ControlCharacter {
        /// `MachineConfig` or `MachineConfigPool`.
        kind: &'static str,
        /// The first one.
        character: char,
    },
    /// IL-185: what the user wrote makes no valid document. The place is one in the user's text.
    #[error("Containerfile validation failed: {}", .0.what)]
    Content(Located<Problem>),
}

impl RenderError {
    /// What to do about it, where the reference's text does not say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownExtensions(_) => {
                let known: Vec<_> = extension_names().collect();
                Some(format!(
                    "correct `extensions` of the MachineConfig; there are {}",
                    known.join(", ")
                ))
            }
            Self::KernelArchitecture => Some(
                "take another `kernelType` for this pool, or a pool of aarch64 nodes".to_owned(),
            ),
            Self::NoBaseImage { .. }
            | Self::Image { .. }
            | Self::NoExtensionsImage { .. }
            | Self::ControlCharacter { .. }
            | Self::Content(_) => None,
        }
    }
}
