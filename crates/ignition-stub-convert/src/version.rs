//! Versions: which spec a stub says it is of, and which it becomes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::node::Str;

/// The spec that a stub is converted to (BI-368). Both are the same but for the number: what a stub
/// can say is in either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetVersion {
    /// 3.4.0, as the user documents say: every boot image from 4.14 on reads it.
    #[default]
    V3_4,
    /// 3.5.0, as the reference writes since 4.19.
    V3_5,
}

impl TargetVersion {
    /// `3.4.0` or `3.5.0`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3_4 => "3.4.0",
            Self::V3_5 => "3.5.0",
        }
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version that stubs are not converted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stubs are converted to 3.4.0 or 3.5.0")]
pub struct UnknownTarget;

impl FromStr for TargetVersion {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        match text {
            "3.4.0" => Ok(Self::V3_4),
            "3.5.0" => Ok(Self::V3_5),
            _ => Err(UnknownTarget),
        }
    }
}

/// A spec that is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SourceVersion {
    V2_0,
    V2_1,
    V2_2,
}

impl SourceVersion {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V2_0 => "2.0.0",
            Self::V2_1 => "2.1.0",
            Self::V2_2 => "2.2.0",
        }
    }
}

/// What to do with a version (BI-352, BI-360).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Dispatch {
    /// Spec 3, whichever: left alone.
    Current,
    Convert(SourceVersion),
    Unknown,
    Invalid,
}

/// BI-352, BI-360: what to do with a stub of version `text`. Only `3.` counts as spec 3, so that
/// `30.1` does not (W-39); what follows is not looked at (BI-355).
pub(crate) fn dispatch(text: &str) -> Dispatch {
    if text.starts_with("3.") {
        return Dispatch::Current;
    }
    match numbers(text) {
        None => Dispatch::Invalid,
        Some(([2, 0, 0], "")) => Dispatch::Convert(SourceVersion::V2_0),
        Some(([2, 1, 0], "")) => Dispatch::Convert(SourceVersion::V2_1),
        Some(([2, 2, 0], "")) => Dispatch::Convert(SourceVersion::V2_2),
        Some(_) => Dispatch::Unknown,
    }
}

/// The three numbers of a semantic version, and its suffix from `-` or `+` on.
fn numbers(text: &str) -> Option<([i64; 3], &str)> {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, suffix) = text.split_at_checked(end)?;
    let mut parts = core.splitn(3, '.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    let identifier = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    suffix.chars().all(identifier).then_some((numbers, suffix))
}

/// What `ignition.version` is, read without building a tree of the document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sniffed<'a> {
    /// There is none.
    Absent,
    Text(Cow<'a, str>),
    Unreadable(VersionField),
}

/// `ignition.version` cannot be read (BI-352).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is {found}, expected {expected}", self.dotted())]
pub struct VersionField {
    /// JSON pointer of what has the wrong type: the document, `/ignition` or `/ignition/version`.
    pub pointer: &'static str,
    /// What it is.
    pub found: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

impl VersionField {
    fn dotted(self) -> String {
        format!("${}", self.pointer.replace('/', "."))
    }

    /// Null, which Ignition's own reader takes for absent.
    pub(crate) fn is_null(self) -> bool {
        self.found == type_name("null")
    }
}

/// BI-352: reads `ignition.version` of a JSON document, which may nest to any depth.
pub(crate) fn sniff(document: &str) -> Result<Sniffed<'_>, serde_json::Error> {
    let unreadable = |pointer, found, expected| {
        Ok(Sniffed::Unreadable(VersionField {
            pointer,
            found,
            expected,
        }))
    };
    let mut value: &RawValue = serde_json::from_str(document)?;
    for (pointer, name) in [("", "ignition"), ("/ignition", "version")] {
        if !value.get().starts_with('{') {
            return unreadable(pointer, type_name(value.get()), "an object");
        }
        match member(value.get(), name)? {
            Some(found) => value = found,
            None => return Ok(Sniffed::Absent),
        }
    }
    if !value.get().starts_with('"') {
        return unreadable("/ignition/version", type_name(value.get()), "a string");
    }
    serde_json::from_str(value.get()).map(|Str(text)| Sniffed::Text(text))
}

/// What a JSON value is, in a sentence.
fn type_name(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A member of a JSON object, the last one of its name. The exact spelling counts first; Ignition's
/// reader takes any other case as well.
fn member<'a>(object: &'a str, name: &str) -> Result<Option<&'a RawValue>, serde_json::Error> {
    struct MemberVisitor<'n>(&'n str);

    impl<'de> Visitor<'de> for MemberVisitor<'_> {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut exact = None;
            let mut other_case = None;
            while let Some((Str(name), value)) = map.next_entry::<Str<'de>, &'de RawValue>()? {
                if name == self.0 {
                    exact = Some(value);
                } else if name.eq_ignore_ascii_case(self.0) {
                    other_case = Some(value);
                }
            }
            Ok(exact.or(other_case))
        }
    }

    serde_json::Deserializer::from_str(object).deserialize_map(MemberVisitor(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Dispatch) {
        assert_eq!(dispatch(text), *expected, "{text:?}");
    }

    #[test]
    fn bi_360_the_version_decides() {
        check("2.0.0", &Dispatch::Convert(SourceVersion::V2_0));
        check("2.1.0", &Dispatch::Convert(SourceVersion::V2_1));
        check("2.2.0", &Dispatch::Convert(SourceVersion::V2_2));
        for unknown in [
            "1.0.0",
            "2.2.1",
            "2.3.0",
            "2.4.0",
            "4.0.0",
            "21.0.0",
            "30.1.0",
            "0.0.0",
            "2.2.0-rc1",
            "2.2.0+build",
            "2.4.0-experimental",
            "2.2.0-a.b+c-d",
        ] {
            check(unknown, &Dispatch::Unknown);
        }
        for invalid in [
            "",
            "2",
            "2.2",
            "abc",
            "v2.2.0",
            " 2.2.0",
            "2.2.0.0",
            "2.2.x",
            "-1",
            "2.2.0-ü",
            "3",
            "3x",
            "٢.٢.٠",
            "2..0",
            "99999999999999999999.0.0",
        ] {
            check(invalid, &Dispatch::Invalid);
        }
    }

    #[test]
    fn bi_352_only_what_starts_with_3_and_a_dot_is_current() {
        for current in ["3.0.0", "3.2.0", "3.99.0", "3.x", "3.0.0-experimental"] {
            check(current, &Dispatch::Current);
        }
        check("30.1", &Dispatch::Invalid);
    }

    fn check_sniff(document: &str, expected: &Sniffed<'_>) {
        assert_eq!(sniff(document).unwrap(), *expected, "{document}");
    }

    #[test]
    fn bi_352_the_version_is_found_wherever_it_stands() {
        let text = |text| Sniffed::Text(Cow::Borrowed(text));
        check_sniff(
            r#"{"a":[{}],"ignition":{"b":1,"version":"2.2.0"}}"#,
            &text("2.2.0"),
        );
        check_sniff(r#"{"Ignition":{"VERSION":"2.2.0"}}"#, &text("2.2.0"));
        check_sniff(
            r#"{"Ignition":{"version":"2.2.0"},"ignition":{"version":"3.0.0"}}"#,
            &text("3.0.0"),
        );
        check_sniff(
            r#"{"ignition":{"version":"2.2.0","version":"3.2.0"}}"#,
            &text("3.2.0"),
        );
        check_sniff(r#"{"ignition":{"version":"2\u002e2.0"}}"#, &text("2.2.0"));
        for absent in ["{}", r#"{"ignition":{}}"#, r#"{"ignitionVersion":1}"#] {
            check_sniff(absent, &Sniffed::Absent);
        }
        let nested = |end: &str| {
            let open = "[".repeat(100_000);
            format!(r#"{{"ignition":{{"version":"3.2.0"}},"x":{open}{end}"#)
        };
        assert!(sniff(&nested("")).unwrap_err().is_eof());
        let deep = nested(&("]".repeat(100_000) + "}"));
        check_sniff(&deep, &text("3.2.0"));
    }

    #[test]
    fn bi_352_a_version_of_another_type_is_named() {
        for (document, expected) in [
            ("null", "$ is null, expected an object"),
            ("[1]", "$ is a list, expected an object"),
            ("\"x\"", "$ is a string, expected an object"),
            ("-5", "$ is a number, expected an object"),
            (
                r#"{"ignition":"3.2.0"}"#,
                "$.ignition is a string, expected an object",
            ),
            (
                r#"{"ignition":{"version":2.2}}"#,
                "$.ignition.version is a number, expected a string",
            ),
            (
                r#"{"ignition":{"version":{}}}"#,
                "$.ignition.version is an object, expected a string",
            ),
            (
                r#"{"ignition":{"version":[2]}}"#,
                "$.ignition.version is a list, expected a string",
            ),
            (
                r#"{"ignition":{"version":null}}"#,
                "$.ignition.version is null, expected a string",
            ),
            (
                r#"{"ignition":{"version":true}}"#,
                "$.ignition.version is a boolean, expected a string",
            ),
        ] {
            let Sniffed::Unreadable(field) = sniff(document).unwrap() else {
                panic!("{document}")
            };
            assert_eq!(field.to_string(), expected, "{document}");
        }
    }
}
