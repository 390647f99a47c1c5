//! Versions from their text, and from the numbers in the name of an image.

use super::date::digits;
use super::release::{releases_of_centos, releases_of_rhel, rhel_of_release};
use super::{
    BootImageVersion, Built, Distribution, OsVersion, Release, ReleaseRange, UnknownRelease,
};

/// The smallest first number of a version that is numbered after OpenShift: 41 is 4.1. RHEL will
/// not get that far, and FCOS 41 has four parts with the date in the second.
const OPENSHIFT_NUMBERED: u64 = 41;
/// The largest: 4.99.
const OPENSHIFT_NUMBERED_MAX: u64 = 499;
/// Fedora of the first CoreOS.
const FIRST_FEDORA: u16 = 30;
/// RHEL of the first images that are numbered after it.
const FIRST_RHEL: u16 = 9;

impl BootImageVersion {
    /// Reads a version as builds, stream documents and Azure write it. `None` for everything else:
    /// a version is never guessed.
    ///
    /// ```
    /// use bootimage_hazards::BootImageVersion;
    ///
    /// let version = BootImageVersion::parse("9.6.20250523-0").expect("a version of RHCOS");
    /// assert_eq!(version.releases().map(|range| range.to_string()), Ok("4.19 to 4.21".to_owned()));
    /// assert_eq!(version.os().map(|os| os.to_string()).as_deref(), Some("9.6"));
    /// assert!(version > BootImageVersion::parse("418.94.202501221327-0").expect("another"));
    /// assert_eq!(BootImageVersion::parse("latest"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        // Three dots, or two and a dash before the build: `-` elsewhere is no version.
        let (front, last) = match text.split_once('-') {
            Some((front, last)) => (front, Some(last)),
            None => (text, None),
        };
        let parts: Vec<&str> = front.split('.').chain(last).collect();
        let version = Self::from_parts(&parts)?;
        Some(Self {
            text: text.to_owned(),
            ..version
        })
    }

    /// Reads a version from its numbers. The text is made as builds of that time were called.
    pub(crate) fn from_parts(parts: &[&str]) -> Option<Self> {
        let numbers: Vec<u64> = parts
            .iter()
            .map(|part| digits(part))
            .collect::<Option<_>>()?;
        let version = match (parts, numbers.as_slice()) {
            ([_, date, _, _], [fedora, _, stream, build]) if date.len() == 8 => {
                fcos(*fedora, date, *stream, *build)?
            }
            ([_, os, date, rest @ ..], [first, ..]) if rest.len() <= 1 => {
                let build = rest.first().map(|build| digits(build));
                let tail = match build {
                    Some(build) => vec![build?],
                    None => Vec::new(),
                };
                match *first {
                    4 => paid(os, date, tail)?,
                    OPENSHIFT_NUMBERED..=OPENSHIFT_NUMBERED_MAX => legacy(*first, os, date, tail)?,
                    _ => modern(*first, os, date, tail)?,
                }
            }
            _ => return None,
        };
        let text = canonical(&version, parts);
        Some(Self {
            text,
            numbers,
            ..version
        })
    }
}

/// What builds are called: the dash before the build came with 4.4.
fn canonical(version: &BootImageVersion, parts: &[&str]) -> String {
    let dotted = version.distribution == Distribution::Fcos
        || version
            .releases
            .is_ok_and(|releases| releases.to.is_some_and(|to| to <= Release::four(3)));
    match parts {
        [front @ .., build] if front.len() == 3 && !dotted => {
            format!("{}-{build}", front.join("."))
        }
        _ => parts.join("."),
    }
}

fn fcos(fedora: u64, date: &str, stream: u64, build: u64) -> Option<BootImageVersion> {
    let fedora = u16::try_from(fedora).ok()?;
    let (stream, build) = (stream.try_into().ok()?, build.try_into().ok()?);
    (FIRST_FEDORA..100).contains(&fedora).then_some(())?;
    Some(BootImageVersion {
        text: String::new(),
        distribution: Distribution::Fcos,
        releases: Err(UnknownRelease::Fedora),
        os: None,
        fedora: Some(fedora),
        built: Built::parse(date)?,
        tail: vec![stream, build],
        numbers: Vec::new(),
        rank: (0, fedora, 0, None),
    })
}

/// Numbered after OpenShift: `418.94.202501221327-0`; the build is missing on Azure.
fn legacy(first: u64, os: &str, date: &str, tail: Vec<u32>) -> Option<BootImageVersion> {
    matches!(date.len(), 8 | 12).then_some(())?;
    // The digits of 4.1 to 4.9, and of 4.10 on.
    matches!(first, 41..=49 | 401..=499).then_some(())?;
    let os = legacy_os(os)?;
    let releases = legacy_release(first, os, date);
    let distribution = if os.major >= FIRST_RHEL && os.minor.is_none() {
        Distribution::Scos
    } else {
        Distribution::Rhcos
    };
    let (major, minor) = releases.map_or((0, 0), |range| (range.from.major, range.from.minor));
    Some(BootImageVersion {
        text: String::new(),
        distribution,
        releases,
        os: Some(os),
        fedora: None,
        built: Built::parse(date)?,
        tail,
        numbers: Vec::new(),
        // Before everything that is numbered after the operating system.
        rank: (
            0,
            major,
            minor,
            Some(os.major * 100 + os.minor.unwrap_or(0)),
        ),
    })
}

/// `94` is 9.4, `810` is 8.10, `8` and `9` name no minor version.
fn legacy_os(text: &str) -> Option<OsVersion> {
    let (major, minor) = text.split_at_checked(1)?;
    let major = digits(major).filter(|major| matches!(major, 8 | 9))?;
    let minor = match minor {
        "" => None,
        "10" => Some(10),
        minor if minor.len() == 1 => Some(digits(minor)?),
        _ => return None,
    };
    Some(OsVersion { major, minor })
}

/// The digits after the 4. The builds of 4.1 itself say 410, with a day and RHEL 8; 4.10 had 8.4.
fn legacy_release(first: u64, os: OsVersion, date: &str) -> Result<ReleaseRange, UnknownRelease> {
    let minor = match first {
        410 if os
            == (OsVersion {
                major: 8,
                minor: None,
            })
            && date.len() == 8 =>
        {
            1
        }
        410 if os < OsVersion::new(8, 4) => return Err(UnknownRelease::Ambiguous410(os)),
        41..=49 => first - 40,
        _ => first - 400,
    };
    // At most 99.
    let minor = u16::try_from(minor).unwrap_or(u16::MAX);
    Ok(ReleaseRange::one(Release::four(minor)))
}

/// Numbered after RHEL or CentOS Stream: `9.6.20250523-0`. Azure has `9.6.20250523` and `9.6.2025`.
fn modern(major: u64, minor: &str, date: &str, tail: Vec<u32>) -> Option<BootImageVersion> {
    let known_length = matches!((date.len(), tail.len()), (8, _) | (4, 0));
    let major = u16::try_from(major)
        .ok()
        .filter(|major| *major >= FIRST_RHEL && known_length)?;
    let minor: u16 = digits(minor).filter(|minor| *minor < 100)?;
    let (distribution, os, releases) = if minor == 0 {
        let os = OsVersion { major, minor: None };
        (Distribution::Scos, os, releases_of_centos(major))
    } else {
        let os = OsVersion::new(major, minor);
        (Distribution::Rhcos, os, releases_of_rhel(major, minor))
    };
    Some(BootImageVersion {
        text: String::new(),
        distribution,
        releases: releases.ok_or(UnknownRelease::Os(os)),
        os: Some(os),
        fedora: None,
        built: Built::parse(date)?,
        tail,
        numbers: Vec::new(),
        rank: (1, major, minor, None),
    })
}

/// What is sold in Azure's marketplace is numbered after OpenShift itself: `4.18.2025031114`.
fn paid(minor: &str, date: &str, tail: Vec<u32>) -> Option<BootImageVersion> {
    (date.len() == 10 && tail.is_empty()).then_some(())?;
    let release = Release::four(digits(minor).filter(|minor| *minor < 100)?);
    let os = rhel_of_release(release);
    Some(BootImageVersion {
        text: String::new(),
        distribution: Distribution::Rhcos,
        releases: Ok(ReleaseRange::one(release)),
        os,
        fedora: None,
        built: Built::parse(date)?,
        tail,
        numbers: Vec::new(),
        rank: paid_rank(release, os),
    })
}

/// Beside the images of the same release.
fn paid_rank(release: Release, os: Option<OsVersion>) -> (u8, u16, u16, Option<u16>) {
    const LAST_OPENSHIFT_NUMBERED: Release = Release::four(18);
    const RHEL_10_APPEARED: Release = Release::four(22);
    if release <= LAST_OPENSHIFT_NUMBERED {
        let os = os.map(|os| os.major * 100 + os.minor.unwrap_or(0));
        return (0, release.major, release.minor, os);
    }
    match os {
        Some(os) => (1, os.major, os.minor.unwrap_or(0), None),
        // 4.22 has images of RHEL 9.8 and 10.2: the older ones, for none are missed.
        None if release == RHEL_10_APPEARED => (1, 9, 8, None),
        None => (1, 9, 9, Some(release.minor)),
    }
}
