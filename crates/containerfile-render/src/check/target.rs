//! What a Containerfile is checked for: where it is built, and by which builder.

use std::fmt;
use std::str::FromStr;

/// Where a text is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// On a cluster: the text stands behind stages `extract` and `configs` (IL-179), and its build
    /// context holds no file of the user's (IL-271).
    #[default]
    Cluster,
    /// Anywhere else: the text is the whole document, and its build context is not known.
    Elsewhere,
}

/// A version of buildah, which builds on a cluster; podman contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Builder {
    /// The number before the point.
    pub major: u16,
    /// The number behind it.
    pub minor: u16,
}

impl Builder {
    /// The oldest version that a supported release builds with; the first one that knows
    /// here-documents.
    pub const OF_CLUSTERS: Self = Self {
        major: 1,
        minor: 33,
    };

    /// IL-189: whether the lines of a here-document are its text, and not instructions.
    pub(crate) fn knows_here_documents(self) -> bool {
        self >= Self::OF_CLUSTERS
    }

    /// Flags of RUN, COPY and ADD, without their dashes. Newer versions take more than older ones.
    pub(crate) fn knows_flag(self, keyword: super::Keyword, flag: &str) -> bool {
        use super::Keyword::{Add, Copy, From, Run};
        let (always, newer): (&[&str], &[&str]) = match keyword {
            From => (&["platform"], &[]),
            Run => (&["mount"], &["network"]),
            Copy => (&["from", "chown", "chmod"], &["link", "exclude", "parents"]),
            Add => (
                &["chown", "chmod"],
                &["checksum", "keep-git-dir", "link", "exclude"],
            ),
            _ => return true,
        };
        always.contains(&flag) || (self.knows_here_documents() && newer.contains(&flag))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::OF_CLUSTERS
    }
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "buildah {}.{}", self.major, self.minor)
    }
}

/// A text is no version of buildah.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of buildah: write two numbers, e.g. 1.33")]
pub struct BuilderError(String);

impl FromStr for Builder {
    type Err = BuilderError;

    /// Reads `1.33` or `1.33.7`.
    fn from_str(text: &str) -> Result<Self, BuilderError> {
        let wrong = || BuilderError(text.to_owned());
        let mut numbers = text.split('.').map(|part| part.parse::<u16>().ok());
        let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else {
            return Err(wrong());
        };
        Ok(Self { major, minor })
    }
}

/// What a text is checked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckFor {
    /// Where it is built.
    pub place: Place,
    /// What builds it.
    pub builder: Builder,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let read = |text: &str| text.parse::<Builder>();
        assert_eq!(read("1.28.2").unwrap().to_string(), "buildah 1.28");
        assert!(read("1.9").unwrap() < Builder::OF_CLUSTERS);
        for wrong in ["", "1", "x.1", "1.x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
