//! Why a build is made (IL-750).

use std::fmt;

/// IL-750: why a build is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// There was no build yet.
    First,
    /// The MachineOSConfig names an image that was built before.
    PreBuiltImage,
    /// The author asked for another build.
    Rebuild,
    /// The pool moved to another rendered MachineConfig, or the MachineOSConfig was changed.
    Changed {
        /// The rendered MachineConfig of the build before.
        from: String,
        /// That of this build.
        to: String,
        /// Whether what the image is made of changed; else a name alone.
        content: Option<bool>,
    },
    /// Somebody deleted the build that was current.
    Deleted(String),
    /// The image of the build is gone from the registry.
    MissingImage(String),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first build of the MachineOSConfig"),
            Self::PreBuiltImage => f.write_str("an image that was built before"),
            Self::Rebuild => f.write_str("rebuild annotation"),
            Self::Changed { from, to, .. } if from != to => {
                write!(f, "pool configuration {to} instead of {from}")
            }
            Self::Changed { .. } => f.write_str("change of the MachineOSConfig's spec"),
            Self::Deleted(build) => write!(f, "MachineOSBuild {build} was deleted"),
            Self::MissingImage(image) => write!(f, "missing image {image}"),
        }
    }
}
