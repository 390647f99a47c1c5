//! What a person can do about a machine resource that is left alone.

use crate::Skip;

impl Skip {
    /// What would let the boot image be managed, or what a person can do by hand instead.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::OwnerReference { .. } => "change the image where its owner takes it from",
            Self::UnsupportedStream { .. } => {
                "set its image by hand, or its label machineconfiguration.openshift.io/osstream to \
                 rhel-9"
            }
            Self::Windows => "Windows images are not a matter of the cluster's release",
            Self::BeingDeleted => "there is nothing to do",
            Self::ClusterApi => "manage its image through the Cluster API",
            Self::ArchitectureUnknown => {
                "write kubernetes.io/arch=amd64, arm64, ppc64le or s390x into its annotation \
                 capacity.cluster-autoscaler.kubernetes.io/labels"
            }
            Self::UnsupportedPlatform { platform } => by_hand(platform),
            Self::CustomImage { .. } => {
                "keep it up to date by hand (once it has an image of the release, it is managed)"
            }
            Self::NoImageId => {
                "name the image by id (once that is an image of the release, it is managed)"
            }
            Self::ImageNotFound { .. } => {
                "set its image by hand to the release's, because new machines cannot be made from \
                 this one"
            }
            Self::CloudRefused { .. } => {
                "allow ec2:DescribeImages to the credentials, or give the answer as a fact, or a \
                 stream document of the release that the image is of"
            }
            Self::NoTargetInRegion { .. } => {
                "copy an image of the release to the region, and keep it up to date by hand"
            }
            Self::NoMarketplaceImage { .. } => {
                "there is nothing to do until the marketplace has a newer image"
            }
            Self::NoMarketplaceStream { .. }
            | Self::SecurityType { .. }
            | Self::UnsupportedArchitecture { .. } => "keep its image up to date by hand",
            Self::NoGeneration1Image { .. } => {
                "make a MachineSet with an image of generation 2 and a VM size that boots it, move \
                 the workload there, and delete this one"
            }
            Self::WouldDowngrade { .. } => {
                "there is nothing to do until the release has a newer image"
            }
            Self::NoVspherePlatform => {
                "describe the vCenters and failure domains in spec.platformSpec.vsphere of \
                 Infrastructure cluster"
            }
            Self::NoFailureDomain { .. } => {
                "add a failure domain to Infrastructure cluster that agrees with the workspace, or \
                 complete the provider spec, or replace the template by hand"
            }
        }
    }
}

/// BI-063, BI-159: what can be done on a platform where boot images are not managed.
fn by_hand(platform: &str) -> &'static str {
    match platform {
        "BareMetal" => {
            "nodes are born from the release's own image, unless Provisioning \
             provisioning-configuration has a provisioningOSDownloadURL (then set that to a newer \
             one)"
        }
        "Nutanix" => {
            "upload the release's image (artifacts.nutanix of the stream) to Prism Central, and \
             name it in image of the provider spec"
        }
        "OpenStack" => {
            "upload the release's image (artifacts.openstack of the stream) under a new name, and \
             name it in image of the provider spec"
        }
        "None" | "External" | "" => {
            "the cluster makes no machines: boot new ones from the release's image \
             (artifacts.metal of the stream)"
        }
        _ => {
            "publish the release's image (artifacts of the stream) on the platform, and name it in \
             the provider spec"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_159_every_platform_has_something_to_do_by_hand() {
        let check = |platform: &str, word: &str| {
            let skip = Skip::UnsupportedPlatform {
                platform: platform.to_owned(),
            };
            assert!(
                skip.advice().contains(word),
                "{platform}: {}",
                skip.advice()
            );
        };
        check("BareMetal", "provisioningOSDownloadURL");
        check("Nutanix", "Prism Central");
        check("OpenStack", "artifacts.openstack");
        check("None", "artifacts.metal");
        check("External", "artifacts.metal");
        for other in [
            "PowerVS",
            "IBMCloud",
            "KubeVirt",
            "Azure Stack Hub",
            "Later",
        ] {
            check(other, "provider spec");
        }
    }
}
