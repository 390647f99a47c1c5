//! Failures of the command, each with its exit code.

use bootimage_hazards::TableError;
use cluster_io::clouds::CloudError;
use cluster_io::cluster::ClusterError;
use cluster_io::files::FileError;
use ignition_stub_convert::{ConvertError, Obstacle, UpgradeError};

use crate::commands::BuildError;
use crate::exit;

/// Why a command failed. What was expected to happen now and then has a code of its own; all
/// else is [`exit::FAILURE`].
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No `-f` where only files are read.
    #[error(
        "no input: name files or directories with -f; `oc adm inspect` or `oc get -o yaml` make \
         them"
    )]
    NoInput,
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
    /// The operator has not taken over what was asked for.
    #[error(
        "the Machine Config Operator has not taken the first request over within {seconds} s; the \
         second one was not made: see `oc get co machine-config`, then run the command again"
    )]
    OperatorSlow {
        /// How long was waited.
        seconds: u64,
    },
    /// The live cluster could not be asked, or refused.
    #[error("{}", with_advice(.0))]
    Cluster(#[from] ClusterError),
    /// The cloud cannot be asked; what it says itself is a warning of the plan.
    #[error("{error}{hint}", error = .0, hint = without_asking(.0))]
    Cloud(#[from] CloudError),
    /// The runtime for calls over the network could not be started: our bug, or no memory.
    #[error("no runtime for calls over the network: {0}")]
    Runtime(std::io::Error),
    /// A file is no plan that was saved.
    #[error("{path}: {problem}; `osimage plan --save FILE` makes a plan")]
    NoPlan {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The plan has no such target that is updated.
    #[error("the plan updates no {object}{}", updates(.known))]
    NoSuchUpdate {
        /// What was asked for.
        object: String,
        /// What the plan updates.
        known: Vec<String>,
    },
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
    /// The namespace that was named has no such object.
    #[error(
        "namespace {namespace} has no {kind} {name}{}",
        what_is_there(.elsewhere, .known)
    )]
    NotInNamespace {
        /// The kind that was asked for.
        kind: String,
        /// The name that was asked for.
        name: String,
        /// The namespace that was asked for.
        namespace: String,
        /// The namespaces that have such an object.
        elsewhere: Vec<String>,
        /// The names that there are in the namespace.
        known: Vec<String>,
    },
    /// The table of hazards that is part of the program cannot be read: our bug.
    #[error("the table of hazards in this program cannot be read: {0}; please report it")]
    HazardTable(#[from] TableError),
    /// A file cannot be read.
    #[error("{0}")]
    Unreadable(FileError),
    /// A document is neither a stub nor a Secret that could hold one.
    #[error("{path}: {problem}")]
    NoStub {
        /// The file.
        path: String,
        /// What it is instead.
        problem: String,
    },
    /// A stub by itself is not converted.
    #[error("{path}: {}{}", on_one_line(error), listed(error.obstacles()))]
    Stub {
        /// The file.
        path: String,
        /// Why.
        error: ConvertError,
    },
    /// The stub of a Secret is not converted.
    #[error("{path}: {}{}", on_one_line(error), listed(error.obstacles()))]
    Secret {
        /// The file.
        path: String,
        /// Why.
        error: UpgradeError,
    },
    /// The input has several objects of which one is needed.
    #[error("the input has several MachineOSConfigs: name one of {}", .0.join(", "))]
    Several(Vec<String>),
    /// The input does not do; the message names the place.
    #[error("{0}")]
    Invalid(String),
    /// No image was built.
    #[error(transparent)]
    Build(#[from] BuildError),
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

/// What went wrong with a cluster, and what a person at the command line can do about it.
pub(crate) fn with_advice(error: &ClusterError) -> String {
    let advice = match error {
        ClusterError::Kubeconfig { .. } => {
            "; name one with --kubeconfig or KUBECONFIG, a context with --context, or files with -f"
        }
        ClusterError::Unreachable { .. } => {
            "; check the address in the kubeconfig, the network and the proxy settings \
             (HTTPS_PROXY, NO_PROXY)"
        }
        ClusterError::Tls { .. } => "; check certificate-authority in the kubeconfig",
        ClusterError::Unauthorized { .. } => "; log in again, e.g. with `oc login`",
        ClusterError::NoSuchKind { .. } => "; or --context is wrong",
        ClusterError::NotAnApiServer { .. } | ClusterError::EndlessList { .. } => {
            "; check the address in the kubeconfig: a proxy may have answered"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// How many names are shown before the list is cut: a screen's worth.
const SHOWN_NAMES: usize = 10;

fn candidates(known: &[String]) -> String {
    if known.is_empty() {
        return "; it has none of that kind".to_owned();
    }
    format!("; it has {}", first_of(known))
}

fn what_is_there(namespaces: &[String], known: &[String]) -> String {
    if !namespaces.is_empty() {
        return format!("; it is in namespace {}", first_of(namespaces));
    }
    match known {
        [] => "; the input has no MachineSet and no ControlPlaneMachineSet there".to_owned(),
        known => format!("; it has {}", first_of(known)),
    }
}

fn updates(known: &[String]) -> String {
    if known.is_empty() {
        return "; it updates nothing".to_owned();
    }
    format!("; it updates {}", first_of(known))
}

fn first_of(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN_NAMES).cloned().collect();
    let mut text = shown.join(", ");
    if names.len() > SHOWN_NAMES {
        text.push_str(&format!(" and {} more", names.len() - SHOWN_NAMES));
    }
    text
}

/// A text of the reference implementation, some of which have several lines.
fn on_one_line(error: &impl std::fmt::Display) -> String {
    error.to_string().trim_end().replace('\n', "; ")
}

/// How many obstacles are listed: more than a screen helps nobody.
const SHOWN_OBSTACLES: usize = 20;

/// Each obstacle on a line of its own, with its place.
fn listed(obstacles: &[Obstacle]) -> String {
    let shown = obstacles.iter().take(SHOWN_OBSTACLES);
    let mut lines: Vec<_> = shown.map(|obstacle| format!("\n  {obstacle}")).collect();
    let more = obstacles.len().saturating_sub(SHOWN_OBSTACLES);
    if more > 0 {
        lines.push(format!("\n  and {more} more"));
    }
    lines.concat()
}

/// How a plan is made where no cloud can be asked.
fn without_asking(error: &CloudError) -> &'static str {
    match error {
        CloudError::NoCredentials => ", or leave --resolve out and answer with --facts",
        _ => "",
    }
}

/// Whether an input is no Ignition config at all, or one that would lose something.
fn refusal(would_lose: bool) -> u8 {
    if would_lose {
        exit::REFUSED
    } else {
        exit::INVALID_INPUT
    }
}

impl CommandError {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::NoInput
            | Self::Usage(_)
            | Self::NotAReference(_)
            | Self::UnknownKind(_)
            | Self::NoSuchUpdate { .. } => exit::USAGE,
            Self::Cluster(_) | Self::Cloud(_) | Self::OperatorSlow { .. } => exit::UNREACHABLE,
            Self::Runtime(_) => exit::FAILURE,
            Self::NoPlan { .. } => exit::INVALID_INPUT,
            Self::NotFound { .. }
            | Self::NotInNamespace { .. }
            | Self::Unreadable(_)
            | Self::NoStub { .. } => exit::INVALID_INPUT,
            Self::Stub { error, .. } => refusal(error.would_lose()),
            Self::Secret { error, .. } => refusal(error.would_lose()),
            Self::Build(error) => error.code(),
            Self::Several(_) => exit::USAGE,
            Self::Invalid(_) => exit::INVALID_INPUT,
            Self::Refused(_) => exit::REFUSED,
            Self::Write { .. } | Self::Serialise { .. } | Self::HazardTable(_) => exit::FAILURE,
        }
    }

    /// Whether whoever read our output has stopped reading, e.g. `head`: that is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
