//! The release that a cluster runs.

use openshift_model::OcpVersion;

use crate::Release;
use crate::version::digits;

/// The release that a cluster runs, of OpenShift Container Platform or of OKD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterRelease {
    /// The version. Previews count as what they lead to: 4.22.0-rc.1 is 4.22.0.
    pub version: OcpVersion,
    /// Whether it is OKD.
    pub is_okd: bool,
    /// 6 in `4.22.0-okd-scos.6`: what OKD counts instead of patch levels.
    pub scos_build: Option<u64>,
}

impl ClusterRelease {
    /// Reads the version that `ClusterVersion` shows. `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            version: OcpVersion::parse(text)?,
            is_okd: text.contains("okd"),
            scos_build: text
                .split_once("-okd-scos.")
                .and_then(|(_, build)| digits(build)),
        })
    }

    /// Without the patch level.
    pub fn release(&self) -> Release {
        // Numbers beyond any release stay beyond any release.
        Release::of(self.version).unwrap_or(Release {
            major: u16::MAX,
            minor: u16::MAX,
        })
    }
}
