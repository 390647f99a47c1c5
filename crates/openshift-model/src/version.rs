//! Versions of OpenShift, and the profiles of rules that come with them.

use std::fmt;

/// A version of OpenShift or OKD down to the patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OcpVersion {
    /// 4 in `4.22.3`.
    pub major: u64,
    /// 22 in `4.22.3`.
    pub minor: u64,
    /// 3 in `4.22.3`.
    pub patch: u64,
}

impl OcpVersion {
    /// Reads a semantic version and drops what follows the patch level:
    /// `4.18.0-0.ci-2024-01-01-000000` is 4.18.0 (BI-090).
    pub fn parse(text: &str) -> Option<Self> {
        let version = semver::Version::parse(text.trim()).ok()?;
        Some(Self {
            major: version.major,
            minor: version.minor,
            patch: version.patch,
        })
    }
}

impl fmt::Display for OcpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// BI-410: which release's rules apply. It decides where the configuration comes from, which
/// platforms are on by default and how the status reads; never how an image is found or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// 4.17 and 4.18 (P17).
    P417,
    /// 4.19 and 4.20 (P19).
    P419,
    /// 4.21 (P21).
    P421,
    /// 4.22 and later (P22, PM).
    P422,
}

impl Profile {
    /// Every profile, oldest first.
    pub const ALL: &[Profile] = &[Self::P417, Self::P419, Self::P421, Self::P422];
    /// The newest one.
    pub const LATEST: Profile = Self::P422;

    /// BI-410: the rules of a release: up to 4.18, 4.19 and 4.20, 4.21, later.
    pub fn of_release(version: OcpVersion) -> Self {
        match (version.major, version.minor) {
            (..=3, _) | (4, ..=18) => Self::P417,
            (4, 19 | 20) => Self::P419,
            (4, 21) => Self::P421,
            _ => Self::P422,
        }
    }

    /// The name as the command line takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P417 => "4.17",
            Self::P419 => "4.19",
            Self::P421 => "4.21",
            Self::P422 => "4.22",
        }
    }

    /// The profile with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|profile| profile.name() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_drop_what_follows_the_patch_level() {
        let cases = [
            ("4.22.3", Some("4.22.3")),
            ("4.18.0-0.ci-2024-01-01-000000", Some("4.18.0")),
            ("4.20.1+build", Some("4.20.1")),
            ("4.22", None),
            ("", None),
            ("v4.22.1", None),
        ];
        for (text, expected) in cases {
            let found = OcpVersion::parse(text).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn bi_410_a_release_has_its_profile() {
        let cases = [
            ("3.11.0", "4.17"),
            ("4.16.9", "4.17"),
            ("4.18.2", "4.17"),
            ("4.19.0", "4.19"),
            ("4.20.7", "4.19"),
            ("4.21.0", "4.21"),
            ("4.22.0", "4.22"),
            ("4.23.1", "4.22"),
            ("5.0.0", "4.22"),
        ];
        for (version, profile) in cases {
            let version = OcpVersion::parse(version).unwrap();
            assert_eq!(Profile::of_release(version).name(), profile, "{version}");
        }
        for profile in Profile::ALL {
            assert_eq!(Profile::from_name(profile.name()), Some(*profile));
        }
    }
}
