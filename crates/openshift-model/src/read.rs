//! Reading typed views out of raw JSON, with errors that name the object and the place.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::ObjectRef;

/// Longest part of a problem that is shown: the error of a wrong type quotes the value, which may
/// be a file's worth of text.
const LONGEST_PROBLEM: usize = 200;

/// A member of an object has another type than the API gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {pointer}: {problem}")]
pub struct ReadError {
    /// The object that could not be read.
    pub object: ObjectRef,
    /// JSON pointer to the member, from the root of the object; `/` for the object itself.
    pub pointer: String,
    /// What was found and what was expected.
    pub problem: String,
}

/// A wrong type somewhere below a piece of JSON: [`ReadError`] without the object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {problem}")]
pub struct WrongType {
    /// JSON pointer to the member, including the pointer of the piece that was read.
    pub pointer: String,
    /// What was found and what was expected.
    pub problem: String,
}

impl WrongType {
    /// Says which object it is about.
    pub fn of(self, object: ObjectRef) -> ReadError {
        ReadError {
            object,
            pointer: self.pointer,
            problem: self.problem,
        }
    }
}

/// Reads `raw`, which stands at JSON pointer `at` of some document, as `T`. A `null` reads as the
/// empty view.
pub fn read<'a, T>(raw: &'a RawValue, at: &str) -> Result<T, WrongType>
where
    T: Deserialize<'a> + Default,
{
    // Tracking the path costs half as much again as reading, so it is done for errors alone.
    match serde_json::from_str::<Option<T>>(raw.get()) {
        Ok(view) => Ok(view.unwrap_or_default()),
        Err(error) => Err(locate::<T>(raw.get(), at, &error)),
    }
}

fn locate<'a, T: Deserialize<'a>>(text: &'a str, at: &str, plain: &serde_json::Error) -> WrongType {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Option<T>>(&mut deserializer) {
        Ok(_) => WrongType {
            pointer: at.to_owned(),
            problem: shorten(&plain.to_string()),
        },
        Err(error) => {
            let mut pointer = at.to_owned();
            push_path(&mut pointer, error.path());
            if pointer.is_empty() {
                pointer.push('/');
            }
            WrongType {
                pointer,
                problem: shorten(&error.inner().to_string()),
            }
        }
    }
}

fn push_path(pointer: &mut String, path: &serde_path_to_error::Path) {
    use serde_path_to_error::Segment;
    for segment in path {
        match segment {
            Segment::Seq { index } => push_token(pointer, &index.to_string()),
            Segment::Map { key } | Segment::Enum { variant: key } => push_token(pointer, key),
            Segment::Unknown => {}
        }
    }
}

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 wants it.
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The problem without serde's position (it counts from the start of a fragment that nobody has),
/// cut where it gets long.
fn shorten(problem: &str) -> String {
    let problem = problem
        .rsplit_once(" at line ")
        .map_or(problem, |(text, _)| text);
    if problem.chars().count() <= LONGEST_PROBLEM {
        return problem.to_owned();
    }
    let mut short: String = problem.chars().take(LONGEST_PROBLEM).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StringMap, Text};

    crate::view! {
        /// A view for the tests.
        struct Outer<'a> {
            /// A list.
            list: Vec<Inner<'a>> = "list",
            /// A map.
            map: StringMap<'a> = "map",
        }
    }
    crate::view! {
        /// Its element.
        struct Inner<'a> {
            /// A string.
            name: Text<'a> = "na/me",
        }
    }

    fn check(text: &str, pointer: &str, problem: &str) {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let error = read::<Outer<'_>>(raw, "/spec").unwrap_err();
        assert_eq!(
            (error.pointer.as_str(), error.problem.as_str()),
            (pointer, problem),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_type_is_named_with_its_pointer() {
        check(
            "5",
            "/spec",
            "invalid type: integer `5`, expected an object",
        );
        check(
            r#"{"list":[{},{"na/me":7}]}"#,
            "/spec/list/1/na~1me",
            "invalid type: integer `7`, expected a string",
        );
        check(
            r#"{"map":{"a":[]}}"#,
            "/spec/map/a",
            "invalid type: sequence, expected a string",
        );
    }

    #[test]
    fn null_and_unknown_members_are_fine_and_the_last_of_two_counts() {
        let raw: &RawValue =
            serde_json::from_str(r#"{"x":{"y":1},"list":null,"map":{"a":"1"},"map":{"a":"2"}}"#)
                .unwrap();
        let view: Outer<'_> = read(raw, "").unwrap();
        assert!(view.list.is_none());
        assert_eq!(view.map.unwrap().get("a"), Some("2"));
        let null: &RawValue = serde_json::from_str("null").unwrap();
        assert!(read::<Outer<'_>>(null, "").unwrap().map.is_none());
    }

    #[test]
    fn a_long_value_is_cut_in_the_message() {
        let text = format!("\"{}\"", "x".repeat(5000));
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let error = read::<Outer<'_>>(raw, "").unwrap_err();
        assert!(error.problem.chars().count() <= LONGEST_PROBLEM + 1);
    }
}
