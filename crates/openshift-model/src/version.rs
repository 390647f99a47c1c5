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
    /// BI-090, BI-104: reads a version as OpenShift does, generously: blanks and a `v` may stand in
    /// front, the patch level may be missing, and what follows the patch level is dropped.
    /// `4.18.0-0.ci-2024-01-01-000000` is 4.18.0, and so are `v4.18` and `4.18.0.7`.
    ///
    /// `None` for fewer than two numbers, and for a number that is out of range.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii_start();
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = Vec::with_capacity(3);
        for piece in text.split('.') {
            let digits = leading_digits(piece);
            if digits.is_empty() {
                break;
            }
            numbers.push(digits.parse().ok()?);
            if digits.len() < piece.len() {
                break;
            }
        }
        let (major, minor, patch) = match *numbers.as_slice() {
            [major, minor] => (major, minor, 0),
            [major, minor, patch, ..] => (major, minor, patch),
            _ => return None,
        };
        Some(Self {
            major,
            minor,
            patch,
        })
    }
}

fn leading_digits(text: &str) -> &str {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    text.strip_suffix(rest).unwrap_or(text)
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
    fn bi_090_bi_104_versions_are_read_generously() {
        let cases = [
            ("4.22.3", Some("4.22.3")),
            ("4.18.0-0.ci-2024-01-01-000000", Some("4.18.0")),
            ("4.20.1+build", Some("4.20.1")),
            ("4.20.1.7", Some("4.20.1")),
            ("4.22", Some("4.22.0")),
            ("v4.22.1", Some("4.22.1")),
            (" 4.12.0", Some("4.12.0")),
            ("4.012.0", Some("4.12.0")),
            ("4.22.x", Some("4.22.0")),
            ("4.22rc.1", Some("4.22.0")),
            ("4", None),
            ("", None),
            ("vv4.1", None),
            ("-4.12.0", None),
            (".4.12", None),
            ("x.y.z", None),
            ("4.18446744073709551616.0", None),
            ("4.12.0.18446744073709551616", None),
            ("４.１２.０", None),
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
