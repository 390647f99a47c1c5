//! YAML as kubectl reads and people expect it. The only place that configures the YAML library.

mod json_text;

use serde::Serialize;
use serde::de::DeserializeSeed;
use serde_json::Value;

use self::json_text::{JsonSeed, JsonText};

/// Deepest nesting of a YAML document: JSON text may nest deeper, because it is never turned into
/// a tree, but a YAML document has to be.
const MAX_DEPTH: usize = 100;

/// A document is no YAML, or more than we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{problem}", place = place(*line, *column))]
pub struct YamlError {
    /// Line from 1, within the document; 0 where unknown.
    pub line: u64,
    /// Column from 1; 0 where unknown.
    pub column: u64,
    /// What is wrong.
    pub problem: String,
}

/// Where a mistake is, for a message; nothing where that is not known.
fn place(line: u64, column: u64) -> String {
    match line {
        0 => String::new(),
        _ => format!("line {line}, column {column}: "),
    }
}

/// How many times its own length a document may grow by its aliases.
const MAX_EXPANSION: usize = 32;
/// The length that a document may grow to by its aliases, however long it is, in bytes.
const MAX_EXPANDED_BYTES: usize = 64 << 20;
/// A document that is shorter may grow to this length: no reader is hurt by it.
const SHORT: usize = 64 << 10;
/// JSON without any alias is at most this many times as long as the YAML that it was made of: the
/// worst is a list of empty elements, two bytes for each in YAML and five (`null,`) in JSON, or a
/// control character, which JSON writes with six.
const MAX_REWRITING: usize = 6;
/// How many nodes behind anchors are kept for their aliases. The parser keeps about 100 bytes for
/// each, and those of nested anchors several times.
const MAX_ANCHORED_NODES: usize = 300_000;
/// How many bytes of rewritten strings behind anchors are kept for their aliases.
const MAX_ANCHORED_BYTES: usize = 16 << 20;

/// What is said of `.inf` and `.nan`.
const NOT_FINITE: &str =
    "infinity and .nan are no values that Kubernetes has; quote them if they are text";

/// Reads one YAML document as kubectl does: `yes` and `no` are booleans, `0644` is octal, anchors
/// and merge keys are followed. What aliases expand to is limited, see [`to_json`].
pub fn from_str(text: &str) -> Result<Value, YamlError> {
    serde_json::from_str(&to_json(text)?).map_err(|error| YamlError {
        line: 0,
        column: 0,
        problem: error.to_string(),
    })
}

/// One YAML document as JSON text, written while it is read: no tree is built. Where aliases make
/// it more than 32 times as long as it was, or longer than 64 MiB, it is refused.
pub fn to_json(text: &str) -> Result<String, YamlError> {
    let aliased = text
        .len()
        .saturating_mul(MAX_EXPANSION)
        .min(MAX_EXPANDED_BYTES);
    let plain = text.len().saturating_mul(MAX_REWRITING);
    let mut out = JsonText::with_limit(aliased.max(plain).max(SHORT));
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        JsonSeed(&mut out).deserialize(deserializer)
    })
    .map_err(|error| {
        let location = error.location();
        YamlError {
            line: location.map_or(0, |place| place.line()),
            column: location.map_or(0, |place| place.column()),
            problem: one_line(&error.without_snippet().to_string()),
        }
    })?;
    Ok(out.into_text())
}

/// Writes a value as YAML; strings that kubectl would read as something else are quoted, and long
/// ones stay on their line, as kubectl leaves them.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, serde_saphyr::ser::Error> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        // The size of a file is limited before it is read; a list of ten thousand sets is no
        // attack. What stays limited is what grows beyond the size of the text: aliases.
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_recorded_anchor_events: MAX_ANCHORED_NODES,
            max_recorded_anchor_bytes: MAX_ANCHORED_BYTES,
        },
    }
}

/// The library's sentence without the place (it stands in front of the message) and without hints
/// for programmers.
fn one_line(text: &str) -> String {
    let text = text
        .split(", set DuplicateKeyPolicy")
        .next()
        .unwrap_or(text);
    let text = text.split(" at line ").next().unwrap_or(text);
    // The library's names for its limits say nothing to people.
    let text = if text.contains("RecordedAnchor") || text.contains("alias replay") {
        "anchors and aliases expand to more than is read; write them out, or split the document"
    } else if text.starts_with("non-finite float") {
        NOT_FINITE
    } else {
        text
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: &Value) {
        assert_eq!(from_str(text).as_ref(), Ok(expected), "{text}");
    }

    #[test]
    fn yaml_1_1_is_read_as_kubectl_reads_it() {
        check(
            "a: yes\nb: off\nc: 0644\nd: '0644'\ne: 1.5\nf: ~\ng:",
            &json!({
            "a": true, "b": false, "c": 420, "d": "0644", "e": 1.5, "f": null, "g": null}),
        );
        check(
            "x: &a {k: 1}\ny: *a\nz: {<<: *a, l: 2}",
            &json!({
            "x": {"k": 1}, "y": {"k": 1}, "z": {"k": 1, "l": 2}}),
        );
        check("1: a\ntrue: b", &json!({"1": "a", "true": "b"}));
        check("", &Value::Null);
        check("# nothing", &Value::Null);
        check("a: |\n  x\n  y\n", &json!({"a": "x\ny\n"}));
    }

    #[test]
    fn a_number_that_json_lacks_is_an_error_and_not_null() {
        for value in [".inf", "-.inf", ".nan", ".NaN", "+.Inf", "1e999"] {
            let error = from_str(&format!("a: 1\nb: {value}\n")).unwrap_err();
            assert!(
                error.problem.contains("infinity and .nan"),
                "{value}: {error:?}"
            );
        }
        check("a: '.inf'", &json!({"a": ".inf"}));
    }

    #[test]
    fn what_is_no_yaml_is_named_with_its_place() {
        let error = from_str("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.line >= 2 && error.column > 0, "{error:?}");
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(!from_str(&deep).unwrap_err().problem.is_empty());
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
            c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
            e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
            g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
        assert!(from_str(bomb).is_err());
    }

    #[test]
    fn strings_survive_a_round_trip() {
        let long = "word ".repeat(100) + &"x".repeat(1000);
        let value = json!({"a": "yes", "b": "0644", "c": "1.5", "d": "null", "e": "a: b", "f": "",
            "g": long, "h": format!("{long}\n"), "i": format!(" {long}\n\n{long} ")});
        let text = to_string(&value).unwrap();
        assert!(text.contains(&format!("g: {long}\n")), "{text}");
        assert_eq!(from_str(&text), Ok(value));
    }
}
