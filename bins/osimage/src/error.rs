//! Failures of the command, each with its exit code.

use crate::exit;

/// Why a command failed. What was expected to happen now and then has a code of its own; all
/// else is [`exit::FAILURE`].
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No `-f`.
    #[error(
        "no input: name files or directories with -f (live clusters are not read yet; \
         `oc adm inspect` or `oc get -o yaml` make files)"
    )]
    NoInput,
    /// The argument is not `KIND/NAME`.
    #[error("{0:?} is not KIND/NAME, e.g. machineset/worker-a")]
    NotAReference(String),
    /// A kind that has no boot image.
    #[error("{0:?} has no boot image: name a machineset or a controlplanemachineset")]
    UnknownKind(String),
    /// The input has no such object.
    #[error("the input has no {kind} {name}{}", candidates(.known))]
    NotFound {
        /// The kind that was asked for.
        kind: String,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The input has several objects of which one is needed.
    #[error("the input has several MachineOSConfigs: name one of {}", .0.join(", "))]
    Several(Vec<String>),
    /// The input does not do; the message names the place.
    #[error("{0}")]
    Invalid(String),
    /// Something would be lost.
    #[error("{0}")]
    Refused(String),
    /// The result could not be written.
    #[error("{path}: cannot be written: {source}")]
    Write {
        /// The file, or `standard output`.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A document could not be made: our bug.
    #[error("the result could not be written as {format}: {problem}; please report it")]
    Serialise {
        /// JSON or YAML.
        format: &'static str,
        /// What went wrong.
        problem: String,
    },
}

/// How many names are shown before the list is cut: a screen's worth.
const SHOWN_NAMES: usize = 10;

fn candidates(known: &[String]) -> String {
    if known.is_empty() {
        return "; it has none of that kind".to_owned();
    }
    let mut text = format!(
        "; it has {}",
        known
            .iter()
            .take(SHOWN_NAMES)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    );
    if known.len() > SHOWN_NAMES {
        text.push_str(&format!(" and {} more", known.len() - SHOWN_NAMES));
    }
    text
}

impl CommandError {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::NoInput | Self::NotAReference(_) | Self::UnknownKind(_) => exit::USAGE,
            Self::Several(_) => exit::USAGE,
            Self::NotFound { .. } | Self::Invalid(_) => exit::INVALID_INPUT,
            Self::Refused(_) => exit::REFUSED,
            Self::Write { .. } | Self::Serialise { .. } => exit::FAILURE,
        }
    }

    /// Whether the reader of our output went away, which is his right.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
