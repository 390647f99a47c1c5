//! Platforms and processor architectures, as open enums.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Text;

/// `Infrastructure.status.platformStatus.type`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// `AWS`
    Aws,
    /// `Azure`
    Azure,
    /// `BareMetal`
    BareMetal,
    /// `GCP`
    Gcp,
    /// `VSphere`
    VSphere,
    /// Any other, as it is written.
    Other(String),
}

impl Platform {
    /// The platform with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "AWS" => Self::Aws,
            "Azure" => Self::Azure,
            "BareMetal" => Self::BareMetal,
            "GCP" => Self::Gcp,
            "VSphere" => Self::VSphere,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The platform that a provider spec of this `kind` is for. Only where the cluster's own word
    /// (BI-003) is not at hand.
    pub fn from_provider_spec_kind(kind: &str) -> Option<Self> {
        match kind {
            "AWSMachineProviderConfig" => Some(Self::Aws),
            "AzureMachineProviderSpec" => Some(Self::Azure),
            "GCPMachineProviderSpec" => Some(Self::Gcp),
            "VSphereMachineProviderSpec" => Some(Self::VSphere),
            "BareMetalMachineProviderSpec" => Some(Self::BareMetal),
            "NutanixMachineProviderConfig" => Some(Self::Other("Nutanix".to_owned())),
            "OpenstackProviderSpec" => Some(Self::Other("OpenStack".to_owned())),
            "PowerVSMachineProviderConfig" => Some(Self::Other("PowerVS".to_owned())),
            "IBMCloudMachineProviderSpec" => Some(Self::Other("IBMCloud".to_owned())),
            _ => None,
        }
    }

    /// The name as the API writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::BareMetal => "BareMetal",
            Self::Gcp => "GCP",
            Self::VSphere => "VSphere",
            Self::Other(name) => name,
        }
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|name| Self::from_name(&name))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A processor architecture. Stream documents and osimage use the RPM name, Kubernetes the Go
/// name; they differ for two of the four (BI-203).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `aarch64`, in Kubernetes `arm64`.
    Aarch64,
    /// `ppc64le` in both.
    Ppc64le,
    /// `s390x` in both.
    S390x,
    /// `x86_64`, in Kubernetes `amd64`.
    X86_64,
    /// Any other, as it is written.
    Other(String),
}

impl Architecture {
    /// BI-203: the architecture with this name in Go's spelling; other names pass through.
    pub fn from_go_name(name: &str) -> Self {
        match name {
            "amd64" => Self::X86_64,
            "arm64" => Self::Aarch64,
            other => Self::from_rpm_name(other),
        }
    }

    /// The architecture with this name in RPM's spelling; other names pass through.
    pub fn from_rpm_name(name: &str) -> Self {
        match name {
            "aarch64" => Self::Aarch64,
            "ppc64le" => Self::Ppc64le,
            "s390x" => Self::S390x,
            "x86_64" => Self::X86_64,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name that Kubernetes uses, e.g. in the label `kubernetes.io/arch` of a node (BI-203).
    pub fn go_name(&self) -> &str {
        match self {
            Self::Aarch64 => "arm64",
            Self::X86_64 => "amd64",
            other => other.rpm_name(),
        }
    }

    /// The name that RPM and stream documents use (BI-204).
    pub fn rpm_name(&self) -> &str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
            Self::X86_64 => "x86_64",
            Self::Other(name) => name,
        }
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.rpm_name())
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|name| Self::from_rpm_name(&name))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rpm_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_names_round_trip() {
        for name in [
            "AWS",
            "Azure",
            "BareMetal",
            "GCP",
            "VSphere",
            "Nutanix",
            "gcp",
            "",
        ] {
            assert_eq!(Platform::from_name(name).name(), name);
        }
    }

    #[test]
    fn bi_203_go_names_become_rpm_names() {
        let cases = [
            ("amd64", "x86_64"),
            ("arm64", "aarch64"),
            ("s390x", "s390x"),
            ("ppc64le", "ppc64le"),
            ("riscv64", "riscv64"),
        ];
        for (go, rpm) in cases {
            assert_eq!(Architecture::from_go_name(go).rpm_name(), rpm);
            assert_eq!(Architecture::from_rpm_name(rpm).go_name(), go);
            assert_eq!(
                Architecture::from_rpm_name(rpm),
                Architecture::from_go_name(go)
            );
        }
    }
}
