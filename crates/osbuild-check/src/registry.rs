//! What an answer of a registry means (IL-440 … IL-443).

use std::fmt;

/// IL-435, IL-440: a registry could not be asked about an image. Other errors are never classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image {image:?}: {step}: {failure}")]
pub struct ImageError {
    /// The image.
    pub image: String,
    /// What was tried.
    pub step: Step,
    /// What went wrong.
    pub failure: RegistryFailure,
}

/// IL-435: what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Finding the image.
    Fetch,
    /// Reading its manifest and configuration.
    Inspect,
    /// Reading its digest.
    Digest,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetch => "error fetching underlying image",
            Self::Inspect => "error inspecting image",
            Self::Digest => "error fetching image digest",
        })
    }
}

/// What went wrong at a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFailure {
    /// The registry's own error: a code such as `MANIFEST_UNKNOWN`, and a message.
    #[error("{}: {message}", .code.to_lowercase().replace('_', " "))]
    Code {
        /// In upper case, as the distribution specification has it.
        code: String,
        /// For people.
        message: String,
    },
    /// A status that nobody expected.
    #[error("received unexpected HTTP status: {0}")]
    HttpStatus(u16),
    /// No token for these credentials.
    #[error("unable to retrieve auth token: {0}")]
    Credentials(String),
    /// Anything else, e.g. of the network.
    #[error("{0}")]
    Other(String),
}

/// What a failure means for the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// IL-441: the image is not there.
    NotFound,
    /// IL-442: the credentials do not allow it.
    AccessDenied,
    /// Neither is certain; a later attempt may succeed.
    Unknown,
}

impl Meaning {
    /// IL-443: whether a build whose image cannot be deleted is deleted all the same.
    pub const fn is_tolerable_on_delete(self) -> bool {
        matches!(self, Self::NotFound | Self::AccessDenied)
    }
}

/// IL-441: what a client says instead of an HTTP 404.
const MASKED_NOT_FOUND: &str =
    "Image may not exist or is not stored with a v2 Schema in a v2 registry";

/// IL-441, IL-442: what an answer of a registry means.
pub fn classify(error: &ImageError) -> Meaning {
    match &error.failure {
        RegistryFailure::Code { code, message } => match code.as_str() {
            "MANIFEST_UNKNOWN" | "NAME_UNKNOWN" => Meaning::NotFound,
            "UNAUTHORIZED" | "DENIED" => Meaning::AccessDenied,
            "UNKNOWN" if says_gone(message) => Meaning::NotFound,
            _ => Meaning::Unknown,
        },
        RegistryFailure::HttpStatus(401 | 403) | RegistryFailure::Credentials(_) => {
            Meaning::AccessDenied
        }
        RegistryFailure::Other(text) if text.contains(MASKED_NOT_FOUND) => Meaning::NotFound,
        RegistryFailure::HttpStatus(_) | RegistryFailure::Other(_) => Meaning::Unknown,
    }
}

/// IL-441: some registries have no error code for a missing image and describe it in the message.
fn says_gone(message: &str) -> bool {
    let message = message.to_lowercase();
    ["not found", "deleted", "expired"]
        .iter()
        .any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(failure: RegistryFailure) -> Meaning {
        classify(&ImageError {
            image: "quay.io/org/repo:tag".to_owned(),
            step: Step::Fetch,
            failure,
        })
    }

    fn code(code: &str, message: &str) -> RegistryFailure {
        RegistryFailure::Code {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn il_441_an_image_is_not_there() {
        for failure in [
            code("MANIFEST_UNKNOWN", ""),
            code("NAME_UNKNOWN", ""),
            code("UNKNOWN", "Not Found"),
            code("UNKNOWN", "Tag x was deleted or has expired"),
            RegistryFailure::Other(format!("reading manifest: {MASKED_NOT_FOUND}")),
        ] {
            assert_eq!(meaning(failure), Meaning::NotFound);
        }
    }

    #[test]
    fn il_442_access_is_denied() {
        for failure in [
            code("UNAUTHORIZED", ""),
            code("DENIED", ""),
            RegistryFailure::HttpStatus(401),
            RegistryFailure::HttpStatus(403),
            RegistryFailure::Credentials("invalid username/password".to_owned()),
        ] {
            assert_eq!(meaning(failure), Meaning::AccessDenied);
        }
    }

    #[test]
    fn il_443_anything_else_is_no_reason_to_delete() {
        for failure in [
            code("UNSUPPORTED", ""),
            code("UNKNOWN", "whatever"),
            RegistryFailure::HttpStatus(404),
            RegistryFailure::HttpStatus(503),
            RegistryFailure::Other("timeout".to_owned()),
        ] {
            assert!(!meaning(failure).is_tolerable_on_delete());
        }
        assert!(Meaning::NotFound.is_tolerable_on_delete());
    }

    #[test]
    fn il_435_errors_name_the_image_and_the_step() {
        let error = ImageError {
            image: "a.b/c".to_owned(),
            step: Step::Inspect,
            failure: code("NAME_UNKNOWN", "no"),
        };
        assert_eq!(
            error.to_string(),
            "image \"a.b/c\": error inspecting image: name unknown: no"
        );
    }
}
