//! Why no image was built, each with its exit code.

use osbuild_check::{Failure, ImageError, Meaning, classify};
use osbuild_plan::ImageProblem;

use crate::exit;

/// Why no image was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Neither program is there, or one is too old.
    #[error("{0}")]
    Tool(String),
    /// A program could not be run.
    #[error("{command} cannot be run: {source}")]
    Program {
        /// The program.
        command: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A registry refuses, or cannot be reached.
    #[error("{what}: {error}{}", advice(.error))]
    Registry {
        /// What was tried.
        what: &'static str,
        /// What the registry said.
        error: ImageError,
    },
    /// The builder failed.
    #[error("{}{}:\n  {}", meaning(.0), ended(*.1), .0.text.replace('\n', "\n  "))]
    Failed(Failure, Option<i32>),
    /// Nodes could not boot the image.
    #[error("the image was not pushed: {0}")]
    Image(#[from] ImageProblem),
    /// The builder could not say something about an image, or do something with it.
    #[error("`{command}` failed:\n  {}", .said.replace('\n', "\n  "))]
    Builder {
        /// The command.
        command: String,
        /// What it said.
        said: String,
    },
    /// The registry has another image than the one that was pushed.
    #[error(
        "{image} is {found} now, and {pushed} was pushed: somebody else pushes to the same tag; choose \
         another one. No MachineConfig was written"
    )]
    Moved {
        /// The push spec.
        image: String,
        /// The digest of what was pushed.
        pushed: String,
        /// The digest of what is there.
        found: String,
    },
    /// The registry took the image, and does not have it.
    #[error(
        "the registry took {pushed} as {image}, and says now that it is not there; no MachineConfig was \
         written: ask who keeps the registry"
    )]
    Vanished {
        /// The push spec.
        image: String,
        /// The digest of what was pushed.
        pushed: String,
    },
    /// The registry does not let these credentials read what they pushed.
    #[error(
        "{pushed} is pushed as {image}, and nobody knows whether it is whole: these credentials may push \
         and not read ({error}); give them the right to pull, and run the command again. No MachineConfig \
         was written"
    )]
    Unread {
        /// The push spec.
        image: String,
        /// The digest of what was pushed.
        pushed: String,
        /// What the registry said.
        error: ImageError,
    },
    /// The image is pushed, and is not signed.
    #[error(
        "{image} is pushed, and could not be signed; no MachineConfig was written:\n  {}",
        .said.replace('\n', "\n  ")
    )]
    Unsigned {
        /// The image, by digest.
        image: String,
        /// What the program said.
        said: String,
    },
    /// Somebody interrupted the command.
    #[error(
        "interrupted: no MachineConfig was written to the cluster; finished steps, from which the next \
         build goes on, may be in the storage of the builder, and an image that was pushed already is in \
         its registry"
    )]
    Interrupted,
    /// Somebody interrupted the command twice, so that the builder could not clean up.
    #[error(
        "killed: `{0}` lists working containers that the builder could not remove; remove those of \
         this build"
    )]
    Killed(&'static str),
}

impl BuildError {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Tool(_) | Self::Program { .. } => exit::NO_BUILDER,
            Self::Builder { .. } | Self::Unsigned { .. } => exit::BUILDER_FAILED,
            Self::Vanished { .. } | Self::Unread { .. } => exit::REGISTRY_REFUSED,
            Self::Registry { error, .. } => match classify(error) {
                Meaning::NotFound => exit::INVALID_INPUT,
                Meaning::AccessDenied => exit::REGISTRY_REFUSED,
                Meaning::Unknown => exit::REGISTRY_UNREACHABLE,
            },
            Self::Failed(failure, _) => match failure.cause {
                "BaseNotFound" | "InvalidContainerfile" | "InvalidInput" => exit::INVALID_INPUT,
                "BaseDenied" | "PushDenied" | "PushRefused" => exit::REGISTRY_REFUSED,
                "BaseUnreachable" | "PushUnreachable" => exit::REGISTRY_UNREACHABLE,
                "StepFailed" => exit::STEP_FAILED,
                "NoSpace" => exit::NO_SPACE,
                _ => exit::BUILDER_FAILED,
            },
            Self::Image(_) | Self::Moved { .. } => exit::REFUSED,
            Self::Interrupted | Self::Killed(_) => exit::INTERRUPTED,
        }
    }
}

/// What a person does about what a registry said.
fn advice(error: &ImageError) -> String {
    let host = error.image.split('/').next().unwrap_or_default();
    match classify(error) {
        Meaning::AccessDenied => format!(
            "; log in with `podman login {host}`, or name a file with credentials with --authfile"
        ),
        Meaning::NotFound => String::new(),
        Meaning::Unknown if error.failure.to_string().contains("certificate") => format!(
            "; where {host} has its certificate from an authority of its own, name that one with \
             --registry-ca"
        ),
        Meaning::Unknown => format!("; check the name {host}, the network and the proxy settings"),
    }
}

fn ended(code: Option<i32>) -> String {
    code.map(|code| format!(" (exit code {code})"))
        .unwrap_or_default()
}

fn meaning(failure: &Failure) -> &'static str {
    match failure.cause {
        "BaseNotFound" => "there is no such image to build on",
        "BaseDenied" => "the registry of an image to build on refuses these credentials",
        "BaseUnreachable" => "the registry of an image to build on does not answer",
        "InvalidContainerfile" => "the builder does not take the Containerfile",
        "NoSpace" => {
            "there is no room left on the disk; `buildah prune` frees what old builds keep"
        }
        "PushDenied" => "the registry does not let these credentials push",
        "PushUnreachable" => "the registry that the image is pushed to does not answer",
        "PushRefused" => "the registry does not take the image",
        _ => "a step of the Containerfile failed",
    }
}
