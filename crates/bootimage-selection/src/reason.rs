//! Why a machine resource is left alone.

use openshift_model::Kind;

/// Why a machine resource is left alone. Nothing is wrong with it; nothing is done to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// BI-153, BI-166.
    #[error("{kind}/{name} owns it and would undo a change")]
    OwnerReference {
        /// Kind of the first owner.
        kind: String,
        /// Its name.
        name: String,
    },
    /// BI-154, BI-166.
    #[error("it asks for the OS stream {stream:?}, and the release's boot images are of rhel-9")]
    UnsupportedStream {
        /// What the label asks for.
        stream: String,
    },
    /// BI-155, BI-166.
    #[error("it makes Windows machines")]
    Windows,
    /// BI-163.
    #[error("it is being deleted")]
    BeingDeleted,
    /// BI-163.
    #[error("the Cluster API is authoritative for it")]
    ClusterApi,
    /// BI-157, BI-200.
    #[error("the cluster has several architectures, and nothing says of which its machines are")]
    ArchitectureUnknown,
    /// BI-159, BI-168.
    #[error("boot images are not managed on {platform:?}")]
    UnsupportedPlatform {
        /// The platform.
        platform: String,
    },
    /// BI-251: an image that the release does not publish.
    #[error("{}", custom_image(.image))]
    CustomImage {
        /// The image as the provider spec has it.
        image: String,
    },
}

fn custom_image(image: &str) -> String {
    if image.is_empty() {
        return "a boot disk names no image".to_owned();
    }
    format!("{image} is not an image of the release: somebody chose it")
}

impl Skip {
    /// Whether the skip appears in `(n skipped)`: a counted MachineSet also resets the record of
    /// boot images (BI-095). BI-169: of a ControlPlaneMachineSet what the platform skips is
    /// counted, what a guard skips is not (BI-166).
    pub fn is_counted(&self, kind: Kind) -> bool {
        match self {
            Self::OwnerReference { .. } => kind == Kind::MachineSet,
            Self::ArchitectureUnknown | Self::CustomImage { .. } => true,
            Self::UnsupportedStream { .. }
            | Self::Windows
            | Self::BeingDeleted
            | Self::ClusterApi
            | Self::UnsupportedPlatform { .. } => false,
        }
    }
}

/// What a platform's rules say of a machine resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection<T> {
    /// It boots what it should.
    UpToDate,
    /// It should boot this.
    Update(T),
    /// It is left alone.
    Skip(Skip),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_152_bi_169_what_is_counted() {
        let (set, cpms) = (Kind::MachineSet, Kind::ControlPlaneMachineSet);
        let owner = Skip::OwnerReference {
            kind: String::new(),
            name: String::new(),
        };
        let custom = Skip::CustomImage {
            image: String::new(),
        };
        let cases = [
            (owner, true, false),
            (custom, true, true),
            (Skip::ArchitectureUnknown, true, true),
            (Skip::Windows, false, false),
            (Skip::BeingDeleted, false, false),
            (Skip::ClusterApi, false, false),
            (
                Skip::UnsupportedStream {
                    stream: String::new(),
                },
                false,
                false,
            ),
            (
                Skip::UnsupportedPlatform {
                    platform: String::new(),
                },
                false,
                false,
            ),
        ];
        for (skip, of_set, of_cpms) in cases {
            assert_eq!(
                (skip.is_counted(set), skip.is_counted(cpms)),
                (of_set, of_cpms),
                "{skip:?}"
            );
        }
    }
}
