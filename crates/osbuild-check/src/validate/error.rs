//! What the API server says about an object that it refuses.

use openshift_model::ImageReference;

use crate::callout;

/// A field that the API server refuses. `Display` is the server's own text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// Path to the field, e.g. `spec.containerFile[0].content`.
    pub path: String,
    /// What is wrong.
    pub problem: FieldProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It is missing.
    #[error("Required value")]
    Required,
    /// It has another type.
    #[error("Invalid value: {found:?}: must be of type {expected}: {found:?}")]
    Type {
        /// The type that is there.
        found: &'static str,
        /// The type that it has.
        expected: &'static str,
    },
    /// It is none of the words.
    #[error("Unsupported value: {value:?}: supported values: {}", listed(.supported))]
    Unsupported {
        /// What is there.
        value: String,
        /// What can be.
        supported: &'static [&'static str],
    },
    /// It is too long.
    #[error("Too long: may not be more than {0} bytes")]
    TooLong(usize),
    /// It is too short.
    #[error("Invalid value: {value:?}: should be at least {least} chars long")]
    TooShort {
        /// What is there.
        value: String,
        /// How many characters it must have.
        least: usize,
    },
    /// A number that is too small.
    #[error("Invalid value: {value}: should be greater than or equal to {least}")]
    TooSmall {
        /// What is there.
        value: i64,
        /// The least that can be.
        least: i64,
    },
    /// A list that is too long.
    #[error("Too many: {count}: must have at most {most} items")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many can be.
        most: usize,
    },
    /// Two elements of a list have the same key.
    #[error("Duplicate value: {0}")]
    Duplicate(String),
    /// A rule for the value is broken.
    #[error("Invalid value: {value:?}: {message}")]
    Rule {
        /// What is there; `object` or `array` where it is one.
        value: String,
        /// The rule's own message.
        message: &'static str,
    },
}

impl FieldError {
    /// What the server does not say: for an image reference the character that is wrong; and what
    /// stayed in the text when it was copied out of a document.
    pub fn hint(&self) -> Option<String> {
        let FieldProblem::Rule { value, message } = &self.problem else {
            return None;
        };
        if let Some(hint) = callout::hint(value) {
            return Some(hint);
        }
        if !message.contains("OCI Image") {
            return None;
        }
        let error = ImageReference::parse_canonical(value).err();
        error.map(|error| error.hint())
    }
}

fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    quoted.join(", ")
}
