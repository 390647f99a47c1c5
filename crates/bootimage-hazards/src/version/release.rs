//! Releases of OpenShift, versions of the operating system in an image, and which goes with which.

use std::fmt;

use openshift_model::OcpVersion;
use serde::{Serialize, Serializer};

/// A release of OpenShift or OKD without its patch level: 4.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// 4 in 4.18.
    pub major: u16,
    /// 18 in 4.18.
    pub minor: u16,
}

impl Release {
    /// 4.`minor`.
    pub const fn four(minor: u16) -> Self {
        Self { major: 4, minor }
    }

    /// The release that a version belongs to; `None` for numbers that no release has.
    pub fn of(version: OcpVersion) -> Option<Self> {
        Some(Self {
            major: version.major.try_into().ok()?,
            minor: version.minor.try_into().ok()?,
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The releases of OpenShift that an image may belong to. Images that are numbered after RHEL were
/// published with several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct ReleaseRange {
    /// The oldest of them.
    pub from: Release,
    /// The newest of them; `None` where later ones may follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Release>,
}

impl ReleaseRange {
    /// Exactly one release.
    pub const fn one(release: Release) -> Self {
        Self {
            from: release,
            to: Some(release),
        }
    }

    /// The release, where it is exactly one.
    pub fn exact(&self) -> Option<Release> {
        (self.to == Some(self.from)).then_some(self.from)
    }
}

impl fmt::Display for ReleaseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) if to == self.from => write!(f, "{to}"),
            Some(to) => write!(f, "{} to {to}", self.from),
            None => write!(f, "{} or later", self.from),
        }
    }
}

/// The version of RHEL or CentOS Stream that an image is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsVersion {
    /// 9 in 9.6.
    pub major: u16,
    /// 6 in 9.6; `None` for CentOS Stream, and where the version of the image does not say.
    pub minor: Option<u16>,
}

impl OsVersion {
    /// `major`.`minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self {
            major,
            minor: Some(minor),
        }
    }
}

impl fmt::Display for OsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}", self.major),
        }
    }
}

impl Serialize for OsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which releases published images numbered after RHEL. What is not here is not known.
const RHEL_NUMBERED: &[((u16, u16), Release, Release)] = &[
    ((9, 6), Release::four(19), Release::four(21)),
    ((9, 8), Release::four(22), Release { major: 5, minor: 0 }),
    ((10, 2), Release::four(22), Release { major: 5, minor: 0 }),
];

/// The releases with RHEL-numbered images of this version of RHEL, where they are known.
pub(super) fn releases_of_rhel(major: u16, minor: u16) -> Option<ReleaseRange> {
    RHEL_NUMBERED
        .iter()
        .find(|(rhel, ..)| *rhel == (major, minor))
        .map(|(_, from, to)| ReleaseRange {
            from: *from,
            to: Some(*to),
        })
}

/// The releases of OKD with images of this version of CentOS Stream, where they are known.
pub(super) fn releases_of_centos(major: u16) -> Option<ReleaseRange> {
    match major {
        9 => Some(ReleaseRange::one(Release::four(19))),
        10 => Some(ReleaseRange {
            from: Release::four(20),
            to: None,
        }),
        _ => None,
    }
}

/// The version of RHEL in the images of a release, where every image of it has the same one.
pub(super) fn rhel_of_release(release: Release) -> Option<OsVersion> {
    let minor = match (release.major, release.minor) {
        (4, 8..=10) => return Some(OsVersion::new(8, 4)),
        (4, 12) => return Some(OsVersion::new(8, 6)),
        (4, 14 | 15) => 2,
        (4, 16..=18) => 4,
        (4, 19..=21) => 6,
        _ => return None,
    };
    Some(OsVersion::new(9, minor))
}
