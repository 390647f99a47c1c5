//! What an answer of a registry means for a decision.

use containerfile_render::PROVENANCE_LABEL;
use osbuild_check::{ImageError, Meaning, RegistryFailure, classify};
use serde_json::Value;

use super::situation::{ImageFact, PushAccess};

impl ImageFact {
    /// IL-441, IL-781: from the answer to the question for an image: its digest and its labels.
    pub fn of_inspection(answer: Result<(String, Value), ImageError>) -> Self {
        match answer {
            Ok((digest, labels)) => {
                let inputs = labels.get(PROVENANCE_LABEL).and_then(Value::as_str);
                Self::Found {
                    digest,
                    inputs: inputs.map(str::to_owned),
                }
            }
            Err(error) if classify(&error) == Meaning::NotFound => Self::NotFound,
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// IL-353, IL-736: from the answer to the request to delete an image.
    pub fn of_deletion(answer: Result<(), ImageError>) -> Self {
        let Err(error) = answer else {
            return Self::NotFound;
        };
        match classify(&error) {
            Meaning::NotFound => Self::NotFound,
            Meaning::AccessDenied => Self::Undeletable(error.to_string()),
            Meaning::Unknown if is_switched_off(&error.failure) => {
                Self::Undeletable(error.to_string())
            }
            Meaning::Unknown => Self::Unknown(error.to_string()),
        }
    }
}

impl PushAccess {
    /// IL-783: from the answer to an upload that was begun.
    pub fn of_upload(answer: Result<(), ImageError>) -> Self {
        match answer {
            Ok(()) => Self::Allowed,
            Err(error) if classify(&error) == Meaning::AccessDenied => {
                Self::Denied(error.to_string())
            }
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

/// IL-736: the registry deletes nothing, whoever asks.
fn is_switched_off(failure: &RegistryFailure) -> bool {
    match failure {
        RegistryFailure::Code { code, .. } => code == "UNSUPPORTED",
        RegistryFailure::HttpStatus(status) => *status == 405,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use osbuild_check::Step;

    use super::*;

    fn failed(failure: RegistryFailure) -> ImageError {
        ImageError {
            image: "r.io/o/i".to_owned(),
            step: Step::Fetch,
            failure,
        }
    }

    fn code(code: &str) -> ImageError {
        failed(RegistryFailure::Code {
            code: code.to_owned(),
            message: String::new(),
        })
    }

    #[test]
    fn il_736_what_nobody_can_delete_is_told_from_what_fails_for_now() {
        let check = |error: ImageError, expected: fn(String) -> ImageFact| {
            let text = error.to_string();
            assert_eq!(ImageFact::of_deletion(Err(error)), expected(text));
        };
        check(code("UNSUPPORTED"), ImageFact::Undeletable);
        check(code("DENIED"), ImageFact::Undeletable);
        check(
            failed(RegistryFailure::HttpStatus(405)),
            ImageFact::Undeletable,
        );
        check(failed(RegistryFailure::HttpStatus(503)), ImageFact::Unknown);
        check(code("MANIFEST_UNKNOWN"), |_| ImageFact::NotFound);
        assert_eq!(ImageFact::of_deletion(Ok(())), ImageFact::NotFound);
    }

    #[test]
    fn il_441_il_781_an_image_is_there_with_its_label_or_is_not() {
        let labels = serde_json::json!({"dev.osimage.inputs": "sha256:1"});
        let found = |inputs: Option<&str>| ImageFact::Found {
            digest: "sha256:2".to_owned(),
            inputs: inputs.map(str::to_owned),
        };
        let of = |labels| ImageFact::of_inspection(Ok(("sha256:2".to_owned(), labels)));
        assert_eq!(of(labels), found(Some("sha256:1")));
        assert_eq!(of(Value::Null), found(None));
        let gone = ImageFact::of_inspection(Err(code("MANIFEST_UNKNOWN")));
        assert_eq!(gone, ImageFact::NotFound);
        let denied = ImageFact::of_inspection(Err(code("DENIED")));
        assert!(matches!(denied, ImageFact::Unknown(_)));
    }

    #[test]
    fn il_783_only_a_refusal_is_certain() {
        assert_eq!(PushAccess::of_upload(Ok(())), PushAccess::Allowed);
        let denied = PushAccess::of_upload(Err(code("DENIED")));
        assert!(matches!(denied, PushAccess::Denied(_)));
        let busy = PushAccess::of_upload(Err(failed(RegistryFailure::HttpStatus(503))));
        assert!(matches!(busy, PushAccess::Unknown(_)));
    }
}
