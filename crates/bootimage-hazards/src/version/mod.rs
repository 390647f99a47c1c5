//! One type for the versions of boot images of every era.

mod date;
mod find;
mod parse;
mod release;

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

pub use date::Day;
pub(crate) use date::{Built, digits};
pub(crate) use find::{find, find_marketplace_name};
pub use release::{OsVersion, Release, ReleaseRange};

/// Which operating system an image holds. In the order of OKD's history: Fedora CoreOS came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Distribution {
    /// Fedora CoreOS, OKD's until 4.18.
    Fcos,
    /// CentOS Stream CoreOS, OKD's since 4.19 (as an image of nodes since 4.16).
    Scos,
    /// Red Hat Enterprise Linux CoreOS.
    Rhcos,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fcos => "FCOS",
            Self::Scos => "SCOS",
            Self::Rhcos => "RHCOS",
        })
    }
}

/// Why nothing tells which release of OpenShift an image belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UnknownRelease {
    /// Fedora CoreOS has a numbering of its own.
    #[error("Fedora CoreOS is not numbered after OpenShift")]
    Fedora,
    /// No release is known to have published images of this version of RHEL or CentOS Stream.
    #[error("no release is known that published images of {0}")]
    Os(OsVersion),
    /// `410.81.…` may be 4.1 or 4.10.
    #[error("410 may stand for 4.1 and for 4.10, and RHEL {0} does not tell which")]
    Ambiguous410(OsVersion),
}

/// The version of a boot image, or of the operating system of a node, of any era:
///
/// | era | example |
/// |---|---|
/// | RHCOS 4.1 to 4.3 | `410.8.20190520.0`, `42.80.20190725.1`, `43.81.202001142154.0` |
/// | RHCOS 4.4 to 4.18 | `44.81.202003110027-0`, `418.94.202501221327-0` |
/// | RHCOS numbered after RHEL | `9.6.20250523-0`, `10.2.20260405-0` |
/// | SCOS images | `9.0.20250510-0`, `10.0.20251103-0` |
/// | SCOS of nodes, 4.16 to 4.18 | `418.9.202502130031-0` |
/// | FCOS | `38.20230414.3.0` |
/// | Azure's marketplace and galleries | `418.94.20250122`, `9.6.20251015`, `9.6.2025`, `4.18.2025031114` |
///
/// Versions are ordered: RHCOS by release up to 4.18, then by RHEL; SCOS likewise; FCOS by Fedora;
/// then by date, time and build, what is less precise first. Distributions among each other have
/// the order of [`Distribution`], so that lists can be sorted. Equal versions may differ in their
/// text: names on GCP have lost the dots.
#[derive(Debug, Clone)]
pub struct BootImageVersion {
    text: String,
    distribution: Distribution,
    releases: Result<ReleaseRange, UnknownRelease>,
    os: Option<OsVersion>,
    /// Release of Fedora.
    fedora: Option<u16>,
    built: Built,
    /// The numbers after the date: the build; of FCOS the stream and the build.
    tail: Vec<u32>,
    /// The numbers as they are written, for bounds that name a build.
    numbers: Vec<u64>,
    /// Place in the history of the distribution.
    rank: (u8, u16, u16, Option<u16>),
}

impl BootImageVersion {
    /// Which operating system it is.
    pub fn distribution(&self) -> Distribution {
        self.distribution
    }

    /// The releases of OpenShift or OKD that the image may belong to, or why nothing tells.
    pub fn releases(&self) -> Result<ReleaseRange, UnknownRelease> {
        self.releases
    }

    /// The version of RHEL or CentOS Stream; `None` for FCOS, and where the version does not say.
    pub fn os(&self) -> Option<OsVersion> {
        self.os
    }

    /// The release of Fedora, for FCOS alone.
    pub fn fedora(&self) -> Option<u16> {
        self.fedora
    }

    /// The day it was built; `None` where the version has only the year.
    pub fn built(&self) -> Option<Day> {
        self.built.day()
    }

    /// The numbers as they are written.
    pub(crate) fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// The order of two images of the same distribution by what both versions say; `None` where
    /// that is the same and one of them says less: a version in Azure's marketplace is a build
    /// that was cut off.
    pub(crate) fn order_as_far_as_known(&self, other: &Self) -> Option<Ordering> {
        let (a, b) = (self.rank, other.rank);
        let tails = self.tail.iter().zip(&other.tail);
        [
            Some((a.0, a.1, a.2).cmp(&(b.0, b.1, b.2))),
            order_of(a.3, b.3),
            Some(self.built.year.cmp(&other.built.year)),
            order_of(self.built.day, other.built.day),
            order_of(self.built.time, other.built.time),
            Some(
                tails
                    .map(|(a, b)| a.cmp(b))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal),
            ),
            (self.tail.len() == other.tail.len()).then_some(Ordering::Equal),
        ]
        .into_iter()
        .find(|order| *order != Some(Ordering::Equal))
        .unwrap_or(Some(Ordering::Equal))
    }

    fn key(&self) -> impl Ord + '_ {
        (self.distribution, self.rank, self.built, &self.tail)
    }
}

/// The order of what two versions say; `None` where one of them does not.
fn order_of<T: Ord>(a: Option<T>, b: Option<T>) -> Option<Ordering> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (None, None) => Some(Ordering::Equal),
        _ => None,
    }
}

impl PartialEq for BootImageVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for BootImageVersion {}

impl PartialOrd for BootImageVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BootImageVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for BootImageVersion {
    /// As it was read; from the name of an image, as the build is called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for BootImageVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
