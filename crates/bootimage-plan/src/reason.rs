//! Why a decision was made: the codes, and the sentences.

use bootimage_selection::aws::AwsError;
use bootimage_selection::azure::AzureError;
use bootimage_selection::vsphere::VsphereError;
use bootimage_selection::{AdmissionProblem, ArchitectureError, EnrolmentError, GuardError, Skip};
use openshift_model::{EditError, Kind, ReadError, StreamError};
use providerspec_rewrite::{ProviderSpecError, UserDataSecretError};
use serde::{Deserialize, Serialize};

use crate::UserDataError;

macro_rules! reason_codes {
    ($( $(#[doc = $doc:literal])* $code:ident, )*) => {
        /// Why a decision was made. Codes may be added; none is ever renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ReasonCode {
            $( $(#[doc = $doc])* $code, )*
        }

        impl ReasonCode {
            /// Every code that a plan can contain, with what it means.
            pub const ALL: &[(ReasonCode, &str)] =
                &[$( (ReasonCode::$code, concat!($($doc),*)), )*];

            /// The code as the plan writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$code => stringify!($code), )*
                }
            }
        }
    };
}

reason_codes! {
    /// It boots the release's image.
    Matches,
    /// It boots an image of an older, newer or other build than the release's.
    OutdatedImage,
    /// It boots an image that somebody chose: it is left alone.
    CustomImage,
    /// EC2 does not know its image, or not any more: it is left alone.
    ImageNotFound,
    /// EC2 refuses to tell about its image, or its product: it is left alone.
    CloudRefused,
    /// Another object owns it and would undo a change.
    OwnerReference,
    /// It asks for an OS stream that the release's default boot images do not serve.
    UnsupportedStream,
    /// It makes Windows machines.
    WindowsMachineSet,
    /// Nothing says which architecture its machines have.
    ArchitectureUnknown,
    /// What says which architecture its machines have cannot be understood.
    ArchitectureInvalid,
    /// The stream has no image for its architecture.
    UnsupportedArchitecture,
    /// Boot images are not managed on its platform.
    UnsupportedPlatform,
    /// Nothing says which platform it is on.
    PlatformUnknown,
    /// It is being deleted.
    BeingDeleted,
    /// The Cluster API is authoritative for it.
    ManagedByClusterAPI,
    /// The configuration does not enrol it.
    NotSelected,
    /// A feature gate is shut in the cluster.
    FeatureGateShut,
    /// A feature gate is shut by default, and the input does not have what would say otherwise.
    FeatureGateUnknown,
    /// Boot images of control planes are not managed on its platform.
    UnsupportedControlPlane,
    /// The API server would refuse the configuration.
    ConfigurationInvalid,
    /// The configuration selects by labels, and the selector cannot be understood.
    SelectorInvalid,
    /// The object has a member of the wrong type.
    ObjectInvalid,
    /// Its provider spec is missing or has a member of the wrong type.
    ProviderSpecInvalid,
    /// There is no stream document, or it cannot be read.
    StreamInvalid,
    /// It boots with a user-data Secret that the operator does not keep up to date (4.17, 4.18).
    UnmanagedUserData,
    /// It names no user-data Secret, or one that does not exist.
    UserDataMissing,
    /// The stub in its user-data Secret is not one.
    UserDataInvalid,
    /// The stub in its user-data Secret is too old for new boot images, and cannot be converted.
    UserDataUnconvertible,
    /// Its image is named by ARN or by filters, or not at all.
    NoImageId,
    /// The release publishes no image in its region.
    NoTargetInRegion,
    /// The marketplace has no image of its product that the release could use.
    NoMarketplaceImage,
    /// The release has no images in the platform's marketplace.
    NoMarketplaceStream,
    /// The stream has no whole image of generation 1 in Azure's marketplace.
    NoGeneration1Image,
    /// Its machines are confidential or trusted ones, which boot other images.
    SecurityType,
    /// Nothing describes the vCenter and the failure domain in which its machines are made.
    NoFailureDomain,
    /// What is known of its template in the vCenter does not suffice, or contradicts itself.
    TemplateUnknown,
    /// It boots a newer image than the release has.
    WouldDowngrade,
    /// Somebody else has reverted its boot image again and again: it is left alone for a while. No
    /// plan says so; events and metrics of whoever carries plans out do.
    Contested,
    /// It waits for something that the input does not tell; `needs` says what.
    NeedsFact,
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a target is blocked: an error that a person must fix. The texts are the reference's where
/// it has one; [`Obstacle::advice`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The object cannot be read.
    #[error("{pointer}: {problem}", pointer = .0.pointer, problem = .0.problem)]
    Object(ReadError),
    /// The configuration cannot be read: nobody knows what it enrols.
    #[error("the configuration cannot be read: {0}")]
    Configuration(ReadError),
    /// BI-083 … BI-085: the configuration is one that the API server would not take.
    #[error("the API server would refuse {0}")]
    Refused(AdmissionProblem),
    /// BI-160: the configuration cannot be understood.
    #[error("{0}")]
    Enrolment(EnrolmentError),
    /// BI-153.
    #[error("{0}")]
    Guard(GuardError),
    /// BI-157.
    #[error("failed to fetch arch during machineset sync: {0}")]
    Architecture(ArchitectureError),
    /// BI-158: nothing says what the cluster runs on.
    #[error("there is no Infrastructure, and the provider spec does not tell the platform")]
    PlatformUnknown,
    /// BI-241.
    #[error("{0}")]
    ProviderSpec(ProviderSpecError),
    /// BI-033: nothing to select from.
    #[error("there is no ConfigMap openshift-machine-config-operator/coreos-bootimages")]
    NoStream,
    /// BI-222, BI-254.
    #[error("{0}")]
    Stream(StreamError),
    /// BI-266.
    #[error("{0}")]
    Aws(AwsError),
    /// BI-293, BI-295.
    #[error("{0}")]
    Azure(AzureError),
    /// BI-310 … BI-333.
    #[error("{0}")]
    Vsphere(VsphereError),
    /// BI-244, BI-245.
    #[error("{0}")]
    UserDataSecret(UserDataSecretError),
    /// BI-352.
    #[error("{0}")]
    UserData(UserDataError),
    /// The edit could not be made: our bug.
    #[error("the edit could not be made: {0}")]
    Edit(EditError),
}

impl Obstacle {
    /// The code.
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::Object(_) | Self::Configuration(_) => ReasonCode::ObjectInvalid,
            Self::Refused(_) => ReasonCode::ConfigurationInvalid,
            Self::Enrolment(_) => ReasonCode::SelectorInvalid,
            Self::Guard(GuardError::OwnerReference { .. }) => ReasonCode::OwnerReference,
            Self::Architecture(
                ArchitectureError::NoAnnotation { .. } | ArchitectureError::NoClusterVersion { .. },
            ) => ReasonCode::ArchitectureUnknown,
            Self::Architecture(_) => ReasonCode::ArchitectureInvalid,
            Self::PlatformUnknown => ReasonCode::PlatformUnknown,
            Self::Aws(AwsError::NoRegion { .. })
            | Self::ProviderSpec(_)
            | Self::Edit(_)
            | Self::UserDataSecret(UserDataSecretError::Edit(_)) => ReasonCode::ProviderSpecInvalid,
            Self::Aws(AwsError::Release { .. }) => ReasonCode::StreamInvalid,
            Self::Aws(_)
            | Self::Azure(AzureError::Stream(_) | AzureError::NoGeneration2 { .. }) => {
                ReasonCode::UnsupportedArchitecture
            }
            Self::Azure(AzureError::NoVariant { .. }) => ReasonCode::NoMarketplaceImage,
            Self::UserDataSecret(UserDataSecretError::NotSet)
            | Self::UserData(UserDataError::NotFound { .. }) => ReasonCode::UserDataMissing,
            Self::UserData(UserDataError::Upgrade(error)) if error.would_lose() => {
                ReasonCode::UserDataUnconvertible
            }
            Self::UserData(_) => ReasonCode::UserDataInvalid,
            Self::NoStream | Self::Stream(StreamError::Parse(_)) => ReasonCode::StreamInvalid,
            Self::Stream(_) => ReasonCode::UnsupportedArchitecture,
            Self::Vsphere(_) => ReasonCode::TemplateUnknown,
        }
    }

    /// The error as the reference would have it in the cluster's conditions, without the prefix
    /// that names the object (BI-159, BI-162, BI-168): what the platform's rules say is wrapped,
    /// what stops an object before them is not.
    pub fn reference_text(&self, kind: Kind, name: &str) -> String {
        let before_platform = matches!(
            self,
            Self::Object(_)
                | Self::Configuration(_)
                | Self::Refused(_)
                | Self::Enrolment(_)
                | Self::Guard(_)
                | Self::Architecture(_)
                | Self::PlatformUnknown
                | Self::NoStream
        );
        match kind {
            _ if before_platform => self.to_string(),
            Kind::ControlPlaneMachineSet => {
                format!("failed to reconcile ControlPlaneMachineSet {name}, err: {self}")
            }
            _ => format!("failed to reconcile machineset {name}, err: {self}"),
        }
    }

    /// Whether nothing is wrong in a cluster: files merely lack an object, or have one that no
    /// cluster would take.
    pub(crate) fn is_missing_input(&self) -> bool {
        matches!(
            self,
            Self::NoStream
                | Self::Refused(_)
                | Self::PlatformUnknown
                | Self::Architecture(ArchitectureError::NoClusterVersion { .. })
        )
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Object(_) => "correct the object: the API would not store it like this",
            Self::Configuration(_) => "correct MachineConfiguration cluster",
            Self::Refused(_) => "correct it there: nothing of it would be in force",
            Self::Enrolment(_) => {
                "correct the selector in spec.managedBootImages of MachineConfiguration cluster"
            }
            Self::Guard(_) => "take it out of boot image management",
            Self::Architecture(ArchitectureError::NoClusterVersion { .. }) => {
                "add ClusterVersion version to the input, or the annotation \
                 capacity.cluster-autoscaler.kubernetes.io/labels to the set"
            }
            Self::Architecture(_) => {
                "write kubernetes.io/arch=amd64, arm64, ppc64le or s390x into its annotation \
                 capacity.cluster-autoscaler.kubernetes.io/labels"
            }
            Self::PlatformUnknown => "add Infrastructure cluster to the input",
            Self::ProviderSpec(_) => "correct spec.providerSpec.value of its template",
            Self::Aws(AwsError::NoRegion { .. }) => {
                "write placement.region into spec.providerSpec.value of its template"
            }
            Self::UserDataSecret(UserDataSecretError::NotSet) => {
                "name the Secret with the user data in spec.providerSpec.value of its template"
            }
            Self::UserDataSecret(UserDataSecretError::Edit(_)) => "report it, with the object",
            Self::UserData(UserDataError::NotFound { .. }) => {
                "make the Secret in the namespace openshift-machine-api, or name another one"
            }
            Self::UserData(UserDataError::Upgrade(error)) if error.would_lose() => {
                "write the stub in Ignition spec 3 by hand (osimage ignition check names each \
                 obstacle)"
            }
            Self::UserData(_) => {
                "correct data.userData of the Secret (osimage ignition check says what is wrong)"
            }
            Self::Aws(AwsError::Release { .. }) => {
                "the stream document must say of which release its images are"
            }
            Self::Aws(_) | Self::Azure(_) => {
                "choose an image by hand, or take the set out of boot image management: the release \
                 publishes none"
            }
            Self::NoStream => "add the ConfigMap to the input, or a stream document with --stream",
            Self::Stream(StreamError::Parse(_)) => {
                "the key stream of ConfigMap coreos-bootimages must hold a stream document, as the \
                 release's operator writes it"
            }
            Self::Stream(_) => {
                "choose an image by hand, or take the set out of boot image management: the release \
                 publishes none"
            }
            Self::Vsphere(_) => {
                "correct what is wrong with the template in the vCenter, or take the set out of \
                 boot image management"
            }
            Self::Edit(_) => "report it, with the object",
        }
    }
}

/// The code of a skip.
pub(crate) fn skip_code(skip: &Skip) -> ReasonCode {
    match skip {
        Skip::OwnerReference { .. } => ReasonCode::OwnerReference,
        Skip::UnsupportedStream { .. } => ReasonCode::UnsupportedStream,
        Skip::Windows => ReasonCode::WindowsMachineSet,
        Skip::BeingDeleted => ReasonCode::BeingDeleted,
        Skip::ClusterApi => ReasonCode::ManagedByClusterAPI,
        Skip::ArchitectureUnknown => ReasonCode::ArchitectureUnknown,
        Skip::UnsupportedPlatform { .. } => ReasonCode::UnsupportedPlatform,
        Skip::CustomImage { .. } => ReasonCode::CustomImage,
        Skip::ImageNotFound { .. } => ReasonCode::ImageNotFound,
        Skip::CloudRefused { .. } => ReasonCode::CloudRefused,
        Skip::NoFailureDomain { .. } | Skip::NoVspherePlatform => ReasonCode::NoFailureDomain,
        Skip::NoImageId => ReasonCode::NoImageId,
        Skip::NoTargetInRegion { .. } => ReasonCode::NoTargetInRegion,
        Skip::NoMarketplaceImage { .. } => ReasonCode::NoMarketplaceImage,
        Skip::NoMarketplaceStream { .. } => ReasonCode::NoMarketplaceStream,
        Skip::NoGeneration1Image { .. } => ReasonCode::NoGeneration1Image,
        Skip::SecurityType { .. } => ReasonCode::SecurityType,
        Skip::UnsupportedArchitecture { .. } => ReasonCode::UnsupportedArchitecture,
        Skip::WouldDowngrade { .. } => ReasonCode::WouldDowngrade,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let mut names: Vec<_> = ReasonCode::ALL
            .iter()
            .map(|(code, _)| code.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        for (code, meaning) in ReasonCode::ALL {
            assert!(meaning.trim_start().ends_with('.'), "{code}: {meaning}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
