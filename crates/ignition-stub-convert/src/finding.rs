//! What is found on the way through a stub: obstacles that stop a conversion, and notes on what it
//! did not take over word for word.

use std::borrow::Cow;
use std::fmt;

use crate::place::Place;

/// How many bytes of a name are shown: enough to find it, too few to flood a condition's message.
const SHOWN_BYTES: usize = 200;

/// Something that stands in the way of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// JSON pointer into the stub, e.g. `/storage/files/0/mode`.
    pub pointer: String,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", shown(&self.pointer), self.problem)
    }
}

/// Why a place of a stub stops the conversion. Where the reference has a text of its own, this is
/// it (BI-361, BI-362, BI-366).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// BI-360: spec 2 gives the member another type.
    #[error("is {found}, expected {expected}")]
    WrongType {
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// BI-362: Ignition itself refuses the value.
    #[error("{0}")]
    Invalid(&'static str),
    /// BI-361, BI-364: only `core` may have an entry.
    #[error("unexpected user with name: {}. Only core user is supported", shown(.name))]
    ForeignUser {
        /// The name of the other user.
        name: String,
    },
    /// BI-366: partitions of spec 2.2 are measured in sectors.
    #[error("{}", DEPRECATED_SECTORS.join("; "))]
    DeprecatedSectors,
    /// BI-366: networkd units have no place in spec 3.
    #[error("config includes deprecated networkd section - use Files instead")]
    Networkd,
    /// BI-366: only the root filesystem has a place to be mounted at.
    #[error(
        "Config defined filesystem {:?} but no mapping was defined.Please specify a path to be \
         used as the filesystem mountpoint.",
        shown(.name)
    )]
    Filesystem {
        /// Its name.
        name: String,
    },
    /// BI-366: two inodes at one path.
    #[error(
        "Config has conflicting inodes: {:?} and {:?}.  All files, directories and links must \
         specify a unique `path`.",
        shown(.first),
        shown(.second)
    )]
    ConflictingInodes {
        /// The first, e.g. `File: /etc/a`.
        first: String,
        /// The second.
        second: String,
    },
    /// BI-366: a path leads through a link of the same config.
    #[error(
        "{} uses link defined in config {:?}. Please use a link not defined in Storage:Links",
        shown(.inode),
        shown(.link)
    )]
    UsesLink {
        /// E.g. `File: /etc/a/b`.
        inode: String,
        /// Path of the link.
        link: String,
    },
    /// BI-366: two drop-ins of one name in one unit.
    #[error(
        "Config has duplicate dropin name {:?} in unit {:?}.  All dropins must specify a unique \
         `name`.",
        shown(.name),
        shown(.unit)
    )]
    DuplicateDropin {
        /// Name of the drop-in.
        name: String,
        /// Name of the unit.
        unit: String,
    },
    /// BI-366: spec 3 refuses what spec 2 allowed.
    #[error("{reason}")]
    Rejected {
        /// Where in the spec 3 document, as Ignition's reports write it.
        at: String,
        /// Ignition's reason.
        reason: &'static str,
    },
    /// Ignition demands it of spec 3 documents; the reference leaves that to the machine that boots
    /// with the result.
    #[error("{0} is required")]
    Required(&'static str),
    /// BI-363: spec 2 has no such member; the reference drops it.
    #[error("is no key of Ignition spec 2: it would be lost")]
    UnknownKey,
    /// The object has the member twice, and only one could be kept.
    #[error("is written more than once: all but one would be lost")]
    WrittenTwice,
    /// BI-367: the file is for a filesystem that is not mapped; the reference writes it to root.
    #[error("is on filesystem {:?}: only files on root can be converted", shown(.name))]
    OtherFilesystem {
        /// Name of the filesystem.
        name: String,
    },
    /// BI-367: what an entry says about the root filesystem has no place in spec 3.
    #[error("says how to make or mount the root filesystem: it would be lost")]
    RootFilesystem,
    /// BI-364 would let the last file win; this one adds to the earlier one.
    #[error("is appended to by {}, of the same path: one of the two would be lost", shown(.by))]
    AppendedTo {
        /// JSON pointer of the later file.
        by: String,
    },
}

/// What the reference reports for each partition of spec 2.2.
pub(crate) const DEPRECATED_SECTORS: [&str; 2] = [
    "size is deprecated; use sizeMB instead",
    "start is deprecated; use startMB instead",
];

impl Problem {
    /// Whether Ignition's own reader of spec 2 would refuse the stub.
    pub(crate) fn is_invalid(&self) -> bool {
        matches!(self, Self::WrongType { .. } | Self::Invalid(_))
    }

    /// Which of several problems comes first: the order in which the reference looks (BI-361,
    /// BI-366), then what only we refuse.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::WrongType { .. } | Self::Invalid(_) => 0,
            Self::ForeignUser { .. } => 1,
            Self::DeprecatedSectors => 2,
            Self::Networkd => 3,
            Self::Filesystem { .. } => 4,
            Self::ConflictingInodes { .. } | Self::UsesLink { .. } => 5,
            Self::DuplicateDropin { .. } => 6,
            Self::Rejected { .. } => 7,
            Self::Required(_)
            | Self::UnknownKey
            | Self::WrittenTwice
            | Self::OtherFilesystem { .. }
            | Self::RootFilesystem
            | Self::AppendedTo { .. } => 8,
        }
    }
}

/// A member that the converted document does not hold as the stub had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// JSON pointer into the stub; the note covers everything below it.
    pub pointer: String,
    /// What became of it.
    pub change: Change,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", shown(&self.pointer), self.change)
    }
}

/// What became of a member that was not taken over as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// Ignition reads names of members in any case.
    #[error("read as {0}")]
    ReadAs(&'static str),
    /// The member is of a later spec 2 than the stub: kept, though old boot images ignored it.
    #[error("is of spec {since}, later than the stub's own {version}; kept")]
    LaterSpec {
        /// The spec that has it.
        since: &'static str,
        /// The spec of the stub.
        version: &'static str,
    },
    /// BI-364: of files with the same path the last one wins. Of `enable` and `enabled`, the latter.
    #[error("overruled by {}", shown(.by))]
    OverruledBy {
        /// JSON pointer of what wins.
        by: String,
    },
    /// BI-364: a key that the user has already.
    #[error("is there twice; kept once")]
    KeyAgain,
    /// BI-364: the entry is joined with a later one of the same name.
    #[error("joined with {}, which wins where both say something", shown(.with))]
    Joined {
        /// JSON pointer of the later entry.
        with: String,
    },
    /// BI-366: the deprecated object's members are written one level higher.
    #[error("deprecated; its members are now the user's own")]
    Lifted,
    /// BI-367: the path is written without `.`, `..` and superfluous slashes.
    #[error("now written {}", shown(.0))]
    Simplified(String),
    /// BI-367: spec 3 knows the root filesystem by itself.
    #[error("dropped: spec 3 knows the root filesystem by itself")]
    RootImplied,
    /// BI-367: no mode; spec 2 made it 0000, spec 3 has another default.
    #[error("has no mode: spec 2 made it 0000, spec 3 makes it {0}")]
    DefaultMode(&'static str),
}

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) notes: Vec<Note>,
}

impl Findings {
    pub(crate) fn obstacle(&mut self, place: &Place<'_>, problem: Problem) {
        self.obstacles.push(Obstacle {
            pointer: place.pointer(),
            problem,
        });
    }

    pub(crate) fn invalid(&mut self, place: &Place<'_>, reason: &'static str) {
        self.obstacle(place, Problem::Invalid(reason));
    }

    /// `place` is where it stands in the stub, `at` where it would in the new document.
    pub(crate) fn rejected(&mut self, place: &Place<'_>, at: &Place<'_>, reason: &'static str) {
        let at = at.dotted();
        self.obstacle(place, Problem::Rejected { at, reason });
    }

    /// Takes over what was found about an entry that is not kept: what spec 3 says against it does
    /// not matter.
    pub(crate) fn absorb_dropped(&mut self, mut other: Self) {
        other
            .obstacles
            .retain(|obstacle| !matches!(obstacle.problem, Problem::Rejected { .. }));
        self.absorb(other);
    }

    /// Takes over what was found about an entry.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.obstacles.extend(other.obstacles);
        self.notes.extend(other.notes);
    }

    pub(crate) fn note(&mut self, place: &Place<'_>, change: Change) {
        self.notes.push(Note {
            pointer: place.pointer(),
            change,
        });
    }
}

/// A name as people see it: cut where it is very long, and without control characters, which could
/// rewrite a terminal.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    let end = name.floor_char_boundary(SHOWN_BYTES);
    let start = name.get(..end).unwrap_or_default();
    if start.len() == name.len() && !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let mut text: String = start
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if start.len() < name.len() {
        text.push('…');
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_cannot_rewrite_a_terminal() {
        assert_eq!(shown("worker"), "worker");
        assert_eq!(shown("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        let long = "ü".repeat(SHOWN_BYTES);
        assert_eq!(shown(&long).chars().count(), SHOWN_BYTES / 2 + 1);
    }
}
