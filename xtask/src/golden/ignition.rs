//! The ops `ignition_convert` and `ignition_upgrade`: user-data stubs.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ignition_stub_convert::{
    Conversion, SecretUpgrade, TargetVersion, UpgradeError, convert, upgrade,
};
use serde_json::{Map, Value, json};

/// The version that the cases were computed with (BI-368).
const TARGET: TargetVersion = TargetVersion::V3_5;

/// The op `ignition_convert`: the document as text. A stub of spec 3 stays as it is (BI-355).
pub(crate) fn ignition_convert(input: &Value) -> Value {
    let stub = user_data(input);
    match convert(&stub, TARGET) {
        Ok(Conversion::Converted(converted)) => json!({ "config": converted.document }),
        Ok(Conversion::Current { .. }) => json!({ "config": String::from_utf8_lossy(&stub) }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// The op `ignition_upgrade`: what becomes of a Secret.
pub(crate) fn ignition_upgrade(input: &Value) -> Value {
    let name = input.get("secret_name").and_then(Value::as_str);
    let name = name.unwrap_or("worker-user-data");
    let upgraded = if is_set(input, "no_secret") {
        let problem = format!("secrets {name:?} not found");
        Err(UpgradeError::Unavailable { problem })
    } else {
        upgrade(name, &user_data(input), TARGET, "<timestamp>")
    };
    match upgraded {
        Ok(SecretUpgrade::Current { .. }) => json!({ "changed": false }),
        Ok(SecretUpgrade::Upgraded {
            user_data,
            annotations,
            ..
        }) => {
            let before = input.get("annotations").and_then(Value::as_object);
            let mut all: Map<String, Value> = before.cloned().unwrap_or_default();
            all.extend(annotations.map(|(name, value)| (name.to_owned(), json!(value))));
            json!({ "changed": true, "new_user_data": user_data, "annotations": all })
        }
        Err(error) => json!({ "changed": false, "error": error.to_string() }),
    }
}

fn is_set(input: &Value, name: &str) -> bool {
    input.get(name) == Some(&Value::Bool(true))
}

/// The user data of a case as bytes; a Secret without the key has none.
pub(crate) fn user_data(input: &Value) -> Vec<u8> {
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("user_data_b64") {
        _ if is_set(input, "no_key") => Vec::new(),
        "" => text("user_data").as_bytes().to_vec(),
        encoded => STANDARD.decode(encoded).unwrap_or_default(),
    }
}

/// How a result of either op differs from what is expected, in what matters: documents as values,
/// error texts without what the rules leave open.
pub(crate) fn differences(found: &Value, expect: &Value) -> Vec<String> {
    if expect.get("panic").is_some() {
        // Whatever it is, it is no panic; that it is the right answer is for other tests.
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut compare = |what: &str, found: Option<Value>, expected: Option<Value>| {
        if found != expected {
            problems.push(format!("{what}: {found:?} / {expected:?}"));
        }
    };
    for name in ["changed", "annotations"] {
        compare(name, found.get(name).cloned(), expect.get(name).cloned());
    }
    for name in ["config", "new_user_data"] {
        let expected = document(expect, name).map(in_order_of_the_input);
        compare(name, document(found, name), expected);
    }
    let (error, expected) = (text(found, "error"), text(expect, "error"));
    let same = match (spec_3_report(error), spec_3_report(expected)) {
        (Some(report), Some(expected)) => report == expected,
        _ => error_parts(error) == error_parts(expected) && says_why(error, expected),
    };
    if !same {
        problems.push(format!("error: {error:?} / {expected:?}"));
    }
    problems
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A document that stands in a result as text, without what says nothing (BI-369).
fn document(result: &Value, name: &str) -> Option<Value> {
    let text = result.get(name)?.as_str()?;
    let document = serde_json::from_str(text).ok()?;
    Some(without_fillers(document).unwrap_or_default())
}

/// `None` for empty lists and objects, and for those that hold only such.
fn without_fillers(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let filled = |(name, value)| Some((name, without_fillers(value)?));
            let members: BTreeMap<_, _> = members.into_iter().filter_map(filled).collect();
            (!members.is_empty()).then(|| members.into_iter().collect())
        }
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => Some(
            list.into_iter()
                .map(|value| without_fillers(value).unwrap_or_default())
                .collect(),
        ),
        Value::Null => None,
        other => Some(other),
    }
}

/// Files and units keep the order of the stub (BI-367); the reference reverses both lists.
fn in_order_of_the_input(mut document: Value) -> Value {
    for list in ["/storage/files", "/systemd/units"] {
        if let Some(list) = document.pointer_mut(list).and_then(Value::as_array_mut) {
            list.reverse();
        }
    }
    document
}

/// Texts that the rules do not fix: the reference puts messages of Go's parsers into them (T-12), or a report that quotes the stub, which ours must not: it may hold a Secret.
const OPEN: [(&str, &str); 4] = [
    (
        "failed to unmarshal decoded user-data to json (secret ",
        "): ",
    ),
    (
        "failed to find version field in ignition (user data secret ",
        "): ",
    ),
    (
        "parsing Ignition config spec v3 failed with error: config is not valid\nReport: ",
        "",
    ),
    (INVALID_SPEC_2, ""),
];

const INVALID_SPEC_2: &str =
    "parsing Ignition spec v2 failed with error: config is not valid\nReport: ";

/// The stable parts of an error text: what stands before the open part, and its last letter where
/// the rules fix that (BI-352: a stray `t`).
fn error_parts(error: &str) -> (&str, &str) {
    for (start, end) in OPEN {
        let Some((before, rest)) = error.split_once(start) else {
            continue;
        };
        let name = rest.find(end).map_or(0, |at| at + end.len());
        let fixed = before.len() + start.len() + if end.is_empty() { 0 } else { name };
        let last = if error.ends_with('t') && start.contains("unmarshal") {
            "t"
        } else {
            ""
        };
        return (error.get(..fixed).unwrap_or(error), last);
    }
    (error, "")
}

/// BI-366: what Ignition's report says against the result, sorted. Warnings do not stop anything,
/// and files keep the positions that they have in the stub.
fn spec_3_report(error: &str) -> Option<Vec<String>> {
    let (_, report) = error.split_once("unable to convert Ignition spec v2 config to v3: ")?;
    let of_files = "error at $.storage.files.";
    let mut errors: Vec<_> = report
        .lines()
        .filter(|line| line.starts_with("error at $.") || line.starts_with("deprecated: "))
        .map(|line| match line.strip_prefix(of_files) {
            Some(file) => {
                of_files.to_owned() + file.trim_start_matches(|c: char| c.is_ascii_digit())
            }
            None => line.to_owned(),
        })
        .collect();
    errors.sort();
    (!errors.is_empty()).then_some(errors)
}

/// BI-362: ours gives a reason that the reference gives for an invalid stub of spec 2; for wrong
/// types the reference has Go's words.
fn says_why(error: &str, expected: &str) -> bool {
    let report = |text: &str| {
        text.split_once(INVALID_SPEC_2)
            .map(|(_, report)| report.to_owned())
    };
    let (Some(report), Some(expected)) = (report(error), report(expected)) else {
        return true;
    };
    report.lines().any(|line| {
        let reason = line.split_once(": ").map_or(line, |(_, reason)| reason);
        expected.contains(reason) || expected.contains("json: cannot unmarshal")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_are_compared_without_what_the_rules_leave_open() {
        let same = |ours: &str, theirs: &str| {
            error_parts(ours) == error_parts(theirs) && says_why(ours, theirs)
        };
        let json = |words: &str| {
            format!("failed to unmarshal decoded user-data to json (secret s): {words}")
        };
        assert!(same(
            &json("expected valuet"),
            &json("invalid character 'h'…t")
        ));
        assert!(!same(
            &json("expected value"),
            &json("invalid character 'h'…t")
        ));
        let invalid =
            |words: &str| format!("failed to parse Ignition config: {INVALID_SPEC_2}{words}");
        let quoted = invalid("error at line 1, column 9\n 1: {\"secret\n ^\nillegal file mode");
        assert!(same(
            &invalid("error at /storage/files/0/mode: illegal file mode"),
            &quoted
        ));
        assert!(!same(
            &invalid("error at /storage/files/0/mode: something else"),
            &quoted
        ));
        assert!(!same("unexpected user", "unexpected users"));
        let report = |lines: &str| {
            spec_3_report(&format!(
                "unable to convert Ignition spec v2 config to v3: {lines}"
            ))
        };
        assert_eq!(
            report("error at $.storage.files.3.path: x\n"),
            report("warning at $.a: b\nerror at $.storage.files.0.path: x\n"),
        );
        assert_eq!(report("config includes deprecated networkd section"), None);
    }
}
