//! Why a machine resource is left alone.

use openshift_model::facts::FactRequest;
use openshift_model::{Architecture, Kind, Profile, StreamError};

use crate::vsphere::PlacementProblem;

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
    #[error("boot images are not managed on {}", platform_name(.platform))]
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
    /// BI-260: an image that is named by ARN or filters, or not at all.
    #[error("its provider spec names no image by id")]
    NoImageId,
    /// BI-277: an image that AWS does not have, or not any more.
    #[error(
        "EC2 knows no {image} in {region} (it was deregistered, or it belongs to an account that \
         does not share it)"
    )]
    ImageNotFound {
        /// The image as the provider spec has it.
        image: String,
        /// Where it should be.
        region: String,
    },
    /// BI-277: EC2 does not say whose image it is, or which images there are; no stream document
    /// has it either.
    #[error("EC2 does not tell about {about}: {words}")]
    CloudRefused {
        /// The image or the product.
        about: String,
        /// What EC2 says.
        words: String,
    },
    /// BI-265: the release publishes no image where the machines are.
    #[error("the release has no image for region {region:?} ({error})")]
    NoTargetInRegion {
        /// The region as the provider spec has it.
        region: String,
        /// What the stream lacks.
        error: StreamError,
    },
    /// BI-269: the marketplace has no image that the release could use.
    #[error("{}", no_marketplace_image(.product, .token, *.only_older_scheme))]
    NoMarketplaceImage {
        /// The product id.
        product: String,
        /// The newest RHEL version that the release takes, e.g. `9.6`.
        token: String,
        /// All there are number their versions as releases before 4.19 did.
        only_older_scheme: bool,
    },
    /// BI-293: the stream has no images in Azure's marketplace.
    #[error("{} are not available for its architecture", marketplace_streams(*.any_marketplace))]
    NoMarketplaceStream {
        /// It has some in other marketplaces.
        any_marketplace: bool,
    },
    /// BI-295: images of generation 1 are being withdrawn from Azure's marketplace.
    #[error("the stream has no whole image of generation 1 for {architecture}")]
    NoGeneration1Image {
        /// The architecture.
        architecture: Architecture,
    },
    /// BI-290: confidential and trusted machines do not boot the marketplace's images.
    #[error("images for machines of security type {security_type} are not managed on Azure")]
    SecurityType {
        /// `ConfidentialVM` or `TrustedLaunch`.
        security_type: String,
    },
    /// BI-290: boot images of this architecture are not managed.
    #[error("boot images for {architecture} are not managed on Azure")]
    UnsupportedArchitecture {
        /// The architecture.
        architecture: Architecture,
    },
    /// BI-298: the marketplace lags behind what the resource boots.
    #[error("it boots version {current}, which is newer than the release's {target}")]
    WouldDowngrade {
        /// The version that it boots.
        current: String,
        /// The version that the release has.
        target: String,
    },
    /// BI-310: nothing is known of the cluster's vCenters.
    #[error("spec.platformSpec of Infrastructure says nothing of vSphere")]
    NoVspherePlatform,
    /// BI-314: nobody knows where a template would go.
    #[error(
        "Skipping boot image update: providerSpec workspace ({workspace}) does not match any \
         vCenter/failure domain in the Infrastructure object, and {problem}. Boot image must be \
         updated manually for this MachineSet."
    )]
    NoFailureDomain {
        /// The workspace, as the reference lists it.
        workspace: String,
        /// Why its provider spec does not say it either.
        problem: PlacementProblem,
    },
}

fn platform_name(platform: &str) -> &str {
    if platform.is_empty() {
        return "a platform that Infrastructure does not name";
    }
    platform
}

fn custom_image(image: &str) -> String {
    if image.is_empty() {
        return "its provider spec names no image".to_owned();
    }
    format!("{image} is not an image of the release, somebody chose it")
}

fn no_marketplace_image(product: &str, token: &str, only_older_scheme: bool) -> String {
    let name = match crate::aws::marketplace::product_name(product) {
        "" => product.to_owned(),
        name => format!("{product} ({name})"),
    };
    if only_older_scheme {
        return format!(
            "marketplace product {name} has only images of releases before 4.19 in this region; it \
             stays out of date until newer ones are there"
        );
    }
    format!("marketplace product {name} has no image of version {token} or older in this region")
}

fn marketplace_streams(any_marketplace: bool) -> &'static str {
    if any_marketplace {
        "Azure marketplace streams"
    } else {
        "marketplace streams"
    }
}

impl Skip {
    /// Whether the skip appears in `(n skipped)`: a counted MachineSet also resets the record of
    /// boot images (BI-095). BI-169: of a ControlPlaneMachineSet what the platform skips is
    /// counted, what a guard skips is not (BI-166). BI-290: security types are counted from 4.22
    /// on.
    pub fn is_counted(&self, kind: Kind, profile: Profile) -> bool {
        match self {
            Self::OwnerReference { .. } => kind == Kind::MachineSet,
            Self::SecurityType { .. } => profile >= Profile::P422,
            Self::ArchitectureUnknown
            | Self::CustomImage { .. }
            | Self::NoImageId
            | Self::ImageNotFound { .. }
            | Self::CloudRefused { .. }
            | Self::NoTargetInRegion { .. }
            | Self::NoMarketplaceImage { .. }
            | Self::NoMarketplaceStream { .. }
            | Self::NoGeneration1Image { .. }
            | Self::NoFailureDomain { .. } => true,
            Self::UnsupportedStream { .. }
            | Self::Windows
            | Self::BeingDeleted
            | Self::ClusterApi
            | Self::UnsupportedPlatform { .. }
            | Self::UnsupportedArchitecture { .. }
            | Self::WouldDowngrade { .. }
            | Self::NoVspherePlatform => false,
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
    /// It waits for facts that nobody has looked up yet.
    Needs(Vec<FactRequest>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_269_the_product_is_named_where_the_catalogue_has_it() {
        let mut skip = Skip::NoMarketplaceImage {
            product: "34850061-abaf-402d-92df-94325c9e947f".to_owned(),
            token: "9.8".to_owned(),
            only_older_scheme: false,
        };
        assert_eq!(
            skip.to_string(),
            "marketplace product 34850061-abaf-402d-92df-94325c9e947f (ROSA) has no image of \
             version 9.8 or older in this region"
        );
        skip = Skip::NoMarketplaceImage {
            product: "p".to_owned(),
            token: "9.8".to_owned(),
            only_older_scheme: true,
        };
        assert_eq!(
            skip.to_string(),
            "marketplace product p has only images of releases before 4.19 in this region; it \
             stays out of date until newer ones are there"
        );
    }

    fn check(skip: &Skip, of_set: bool, of_cpms: bool) {
        let found = [Kind::MachineSet, Kind::ControlPlaneMachineSet]
            .map(|kind| skip.is_counted(kind, Profile::P422));
        assert_eq!(found, [of_set, of_cpms], "{skip:?}");
    }

    #[test]
    fn bi_152_bi_169_what_is_counted() {
        let text = String::new;
        let owner = Skip::OwnerReference {
            kind: text(),
            name: text(),
        };
        check(&owner, true, false);
        for counted in [
            Skip::ArchitectureUnknown,
            Skip::CustomImage { image: text() },
            Skip::NoImageId,
            Skip::ImageNotFound {
                image: text(),
                region: text(),
            },
            Skip::CloudRefused {
                about: text(),
                words: text(),
            },
            Skip::NoTargetInRegion {
                region: text(),
                error: StreamError::Parse(text()),
            },
            Skip::NoMarketplaceImage {
                product: text(),
                token: text(),
                only_older_scheme: false,
            },
            Skip::NoMarketplaceStream {
                any_marketplace: false,
            },
            Skip::NoGeneration1Image {
                architecture: Architecture::X86_64,
            },
            Skip::NoFailureDomain {
                workspace: text(),
                problem: PlacementProblem::UnknownVcenter,
            },
        ] {
            check(&counted, true, true);
        }
    }

    #[test]
    fn bi_290_security_types_are_counted_from_4_22_on() {
        let skip = Skip::SecurityType {
            security_type: "TrustedLaunch".to_owned(),
        };
        check(&skip, true, true);
        for profile in [Profile::P417, Profile::P419, Profile::P421] {
            assert!(!skip.is_counted(Kind::MachineSet, profile), "{profile}");
        }
    }

    #[test]
    fn bi_152_bi_169_what_is_not_counted() {
        let text = String::new;
        for silent in [
            Skip::Windows,
            Skip::BeingDeleted,
            Skip::ClusterApi,
            Skip::UnsupportedStream { stream: text() },
            Skip::UnsupportedPlatform { platform: text() },
            Skip::UnsupportedArchitecture {
                architecture: Architecture::S390x,
            },
            Skip::WouldDowngrade {
                current: text(),
                target: text(),
            },
            Skip::NoVspherePlatform,
        ] {
            check(&silent, false, false);
        }
    }
}
