//! What a hazard depends on besides the image and the release.

mod provider_spec;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something that is true of a machine, its platform or its cluster, and that a hazard depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Condition {
    /// Secure Boot is on.
    SecureBoot,
    /// Machines boot by UEFI.
    Uefi,
    /// The firmware's list of revoked boot loaders is newer than the image.
    RevocationListUpdated,
    /// The pool's nodes run RHEL 10 or CentOS Stream 10.
    El10NodeOs,
    /// The user-data stub is of Ignition 2.
    StubSpec2,
    /// The pool's configuration uses what the image's Ignition does not know.
    NewerIgnitionFeature,
    /// Nodes verify signatures of release images.
    SignaturePolicy,
    /// The cluster runs a payload for several architectures.
    MultiArchPayload,
    /// AWS: the metadata service demands session tokens.
    ImdsV2Required,
    /// AWS: the image is no longer shared with this account.
    AmiWithdrawn,
    /// AWS: machines are of the family m4.
    AwsM4,
    /// Azure: the image is one of the marketplace.
    AzureMarketplace,
    /// Azure: the publisher withdrew this version.
    AzureVersionRetired,
    /// Azure: machines or image are of generation 1.
    AzureGeneration1,
    /// GCP: the machine type demands features that older images do not declare.
    GcpNewMachineType,
    /// vSphere: the template's virtual hardware is older than version 15.
    HardwareBelow15,
    /// vSphere is of version 8 or newer.
    VsphereFrom8,
    /// The configuration names network interfaces.
    NamedInterfaces,
    /// Disks have sectors of 4 KiB alone.
    Disk4k,
    /// The user-data secret is one that the release does not look after.
    OwnUserData,
    /// Something besides the operating system needs space in `/boot`.
    LargeBootContent,
}

impl Condition {
    /// Every condition with what it says, in words that follow `whether`.
    pub const ALL: &[(Condition, &str)] = &[
        (Self::SecureBoot, "Secure Boot is on"),
        (Self::Uefi, "machines boot by UEFI"),
        (
            Self::RevocationListUpdated,
            "the firmware's list of revoked boot loaders is newer than the image",
        ),
        (
            Self::El10NodeOs,
            "the pool runs RHEL 10 or CentOS Stream 10",
        ),
        (Self::StubSpec2, "the user-data stub is still of Ignition 2"),
        (
            Self::NewerIgnitionFeature,
            "the pool's configuration uses what the image's Ignition does not know",
        ),
        (
            Self::SignaturePolicy,
            "nodes verify signatures of release images",
        ),
        (
            Self::MultiArchPayload,
            "the cluster runs a payload for several architectures",
        ),
        (
            Self::ImdsV2Required,
            "the metadata service demands session tokens",
        ),
        (
            Self::AmiWithdrawn,
            "AWS still shares the image with this account or has withdrawn it",
        ),
        (Self::AwsM4, "machines are of the family m4"),
        (
            Self::AzureMarketplace,
            "the image is one of the marketplace",
        ),
        (
            Self::AzureVersionRetired,
            "the publisher has withdrawn this version",
        ),
        (
            Self::AzureGeneration1,
            "machines or image are of generation 1",
        ),
        (
            Self::GcpNewMachineType,
            "the machine type demands features that older images do not declare",
        ),
        (
            Self::HardwareBelow15,
            "the template's virtual hardware is older than version 15",
        ),
        (Self::VsphereFrom8, "vSphere is of version 8 or newer"),
        (
            Self::NamedInterfaces,
            "the configuration names network interfaces",
        ),
        (Self::Disk4k, "disks have sectors of 4 KiB alone"),
        (
            Self::OwnUserData,
            "the user-data secret is one that the release does not look after",
        ),
        (
            Self::LargeBootContent,
            "something besides the operating system needs space in /boot",
        ),
    ];

    /// What it says, in words that follow `whether`.
    pub fn words(self) -> &'static str {
        let found = Self::ALL.iter().find(|(condition, _)| *condition == self);
        found.map_or("", |(_, words)| words)
    }

    /// Whether it is so usual, and so well hidden from files, that not knowing it is a risk. The
    /// others are arrangements that whoever made them knows of.
    pub fn is_usual(self) -> bool {
        matches!(
            self,
            Self::SecureBoot | Self::Uefi | Self::AmiWithdrawn | Self::HardwareBelow15
        )
    }
}

/// What is known of the conditions. What is not in it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Conditions(BTreeMap<Condition, bool>);

impl Conditions {
    /// Says whether a condition holds; the last word counts.
    pub fn set(&mut self, condition: Condition, holds: bool) -> &mut Self {
        self.0.insert(condition, holds);
        self
    }

    /// Whether it holds; `None` where that is not known.
    pub fn get(&self, condition: Condition) -> Option<bool> {
        self.0.get(&condition).copied()
    }
}

impl FromIterator<(Condition, bool)> for Conditions {
    fn from_iter<I: IntoIterator<Item = (Condition, bool)>>(conditions: I) -> Self {
        Self(conditions.into_iter().collect())
    }
}
