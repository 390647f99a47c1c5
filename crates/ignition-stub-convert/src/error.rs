//! Why a stub is not converted, in the words of the reference.

use crate::finding::{DEPRECATED_SECTORS, Obstacle, Problem};
use crate::not_json::{NotJson, NotJsonKind};
use crate::version::VersionField;

/// Why a stub is not converted. The texts are those of the reference (BI-360, BI-361, BI-362,
/// BI-366); where it quotes the stub, ours name the place instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// BI-351: no JSON document.
    #[error(
        "failed to parse Ignition config: parsing Ignition config spec v3 failed with error: {}",
        not_json(.0)
    )]
    NotJson(NotJson),
    /// BI-352: `ignition.version` cannot be read. Null is to Ignition's reader as good as absent.
    #[error("{}", version_field(.0))]
    Version(VersionField),
    /// BI-360: no version, or none with three numbers.
    #[error("{}", INVALID_VERSION)]
    InvalidVersion,
    /// BI-360: a version that is neither converted nor spec 3.
    #[error(
        "failed to parse Ignition config: parsing Ignition config failed: unknown version. \
         Supported spec versions: 2.2,3.0,3.1,3.2,3.3,3.4,3.5"
    )]
    UnknownVersion {
        /// The version that the stub says it has.
        version: String,
    },
    /// BI-360, BI-362: Ignition itself would refuse the stub.
    #[error(
        "failed to parse Ignition config: parsing Ignition spec v2 failed with error: config is \
         not valid\nReport: {}",
        report(.0)
    )]
    Invalid(Obstacles),
    /// BI-361, BI-363, BI-366: the stub is sound, but spec 3 could not hold all of it.
    #[error("{}", refusal(.0))]
    Unconvertible(Obstacles),
    /// The new document could not be written: our bug.
    #[error("the converted document could not be written: {problem}")]
    Unwritable {
        /// What went wrong.
        problem: String,
    },
}

impl ConvertError {
    /// Every obstacle, with its place; empty where the stub could not be looked at that far.
    pub fn obstacles(&self) -> &[Obstacle] {
        match self {
            Self::Invalid(obstacles) | Self::Unconvertible(obstacles) => &obstacles.0,
            Self::NotJson(_)
            | Self::Version(_)
            | Self::InvalidVersion
            | Self::UnknownVersion { .. }
            | Self::Unwritable { .. } => &[],
        }
    }

    /// Whether the input is an Ignition config that Ignition would take, so that converting it
    /// would lose something; otherwise it is none to begin with.
    pub fn would_lose(&self) -> bool {
        matches!(self, Self::UnknownVersion { .. } | Self::Unconvertible(_))
    }
}

/// One or more obstacles: the one that the reference would find comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacles(Vec<Obstacle>);

impl Obstacles {
    /// `None` where there are none.
    pub(crate) fn new(mut obstacles: Vec<Obstacle>) -> Option<Self> {
        obstacles.sort_by_key(|obstacle| obstacle.problem.rank());
        (!obstacles.is_empty()).then_some(Self(obstacles))
    }

    /// The obstacles; there is at least one.
    pub fn as_slice(&self) -> &[Obstacle] {
        &self.0
    }

    fn are_invalid(&self) -> bool {
        self.0
            .first()
            .is_some_and(|obstacle| obstacle.problem.is_invalid())
    }
}

impl From<Obstacles> for ConvertError {
    fn from(obstacles: Obstacles) -> Self {
        if obstacles.are_invalid() {
            Self::Invalid(obstacles)
        } else {
            Self::Unconvertible(obstacles)
        }
    }
}

const INVALID_VERSION: &str = "failed to parse Ignition config: parsing Ignition config failed: \
     invalid version. Supported spec versions: 2.2,3.0,3.1,3.2,3.3,3.4,3.5";

/// How many obstacles an error text names: it may become the message of a condition.
const SHOWN_OBSTACLES: usize = 10;

fn not_json(problem: &NotJson) -> String {
    if problem.kind == NotJsonKind::Empty {
        return "not a config (empty)\nReport: ".to_owned();
    }
    let NotJson { line, column, .. } = problem;
    format!("config is not valid\nReport: error at line {line} col {column}: {problem}\n")
}

fn version_field(field: &VersionField) -> String {
    if field.is_null() {
        return INVALID_VERSION.to_owned();
    }
    format!(
        "failed to parse Ignition config: parsing Ignition config spec v3 failed with error: \
         config is not valid\nReport: error at {field}\n"
    )
}

/// What Ignition would refuse, a line each.
fn report(obstacles: &Obstacles) -> String {
    let invalid = obstacles
        .0
        .iter()
        .filter(|obstacle| obstacle.problem.is_invalid());
    lines(invalid.map(|obstacle| format!("error at {obstacle}")))
}

/// BI-361: the reference stops at the first obstacle, and so does its text.
fn refusal(obstacles: &Obstacles) -> String {
    const PREFIX: &str = "failed to convert Ignition config spec v2 to v3: unable to convert \
                          Ignition spec v2 config to v3: ";
    let Some(first) = obstacles.0.first() else {
        return PREFIX.to_owned();
    };
    let rest = || {
        obstacles
            .0
            .iter()
            .filter(|o| o.problem.rank() == first.problem.rank())
    };
    match &first.problem {
        foreign @ Problem::ForeignUser { .. } => foreign.to_string(),
        Problem::DeprecatedSectors => {
            let reports = rest().flat_map(|_| DEPRECATED_SECTORS);
            let reports = reports.map(|reason| format!("deprecated: {reason}"));
            format!("{PREFIX}Invalid input config:\n{}", lines(reports))
        }
        Problem::Rejected { .. } => {
            let reports = rest().filter_map(|obstacle| match &obstacle.problem {
                Problem::Rejected { at, reason } => Some(format!("error at {at}: {reason}")),
                _ => None,
            });
            format!("{PREFIX}{}\n", lines(reports))
        }
        Problem::Required(_)
        | Problem::UnknownKey
        | Problem::WrittenTwice
        | Problem::OtherFilesystem { .. }
        | Problem::RootFilesystem
        | Problem::AppendedTo { .. } => {
            format!("{PREFIX}{}", lines(rest().map(ToString::to_string)))
        }
        other => format!("{PREFIX}{other}"),
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    let mut lines = lines.peekable();
    let mut shown: Vec<_> = lines.by_ref().take(SHOWN_OBSTACLES).collect();
    let more = lines.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join("\n")
}
