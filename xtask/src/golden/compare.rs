//! Compares a result with what a case expects.

use openshift_model::{Kind, RawObject, provider_spec_pointer};
use serde_json::Value;

use super::case::{Case, parse_deep};
use super::{ignition, layering};

/// Whether no function of the crates takes the op of the case.
pub(crate) fn is_not_there(found: &Value) -> bool {
    let error = found["error"].as_str().unwrap_or_default();
    error.starts_with("no function takes the op")
}

/// How a result differs from what a case expects, in the members that are compared.
pub(crate) fn differences(case: &Case, found: &Value, expect: &Value) -> Vec<String> {
    if case.op.starts_with("ignition_") {
        return ignition::differences(found, expect);
    }
    if case.op == "build_objects" {
        return layering::differences(found, expect);
    }
    let mut problems = Vec::new();
    if !expect["panic"].is_null() {
        // The reference crashed: a plain refusal with a reason is the right answer.
        let refused = ["error", "decode_error", "reason"]
            .iter()
            .any(|key| !found[key].is_null());
        if !refused {
            problems.push(format!(
                "the reference panics and this is no refusal: {found}"
            ));
        }
        return problems;
    }
    if expect["decode_error"].is_null() != found["decode_error"].is_null() {
        problems.push(format!(
            "decode_error: {} / {}",
            found["decode_error"], expect["decode_error"]
        ));
        return problems;
    }
    for (key, expected) in expect.as_object().into_iter().flatten() {
        if !COMPARED_OTHERWISE.contains(&key.as_str()) && found[key] != *expected {
            problems.push(format!("{key}: {} / {expected}", found[key]));
        }
    }
    let (error, expected) = (text(found, "error"), text(expect, "error"));
    if stable_part(error) != stable_part(expected) {
        problems.push(format!("error: {error:?} / {expected:?}"));
    }
    let patched_sets = |result: &Value| -> Vec<String> {
        let list = result["patches"].as_array().into_iter().flatten();
        let mut names: Vec<String> = list.map(|patch| patch["name"].to_string()).collect();
        names.sort();
        names
    };
    if patched_sets(expect) != patched_sets(found) {
        problems.push(format!(
            "patches: {} / {}",
            found["patches"], expect["patches"]
        ));
    }
    let count = |result: &Value| result["updated_secrets"].as_array().map_or(0, Vec::len);
    if count(expect) != count(found) {
        problems.push(format!(
            "updated_secrets: {} / {}",
            count(found),
            count(expect)
        ));
    }
    let call = |key: &str| {
        (
            &found["needs_cloud_call"][key],
            &expect["needs_cloud_call"][key],
        )
    };
    for key in ["kind", "region", "server", "query"] {
        let (ours, theirs) = call(key);
        // An empty name is left out by the reference.
        if ours != theirs && ours != "" {
            problems.push(format!("needs_cloud_call {key}: {ours} / {theirs}"));
        }
    }
    if !expect["patched"].is_null() && !found["patched"].is_null() {
        problems.extend(patched(case, &found["patched"], &expect["patched"]));
    }
    problems
}

/// Members of a result that are compared in a way of their own, or are informational.
const COMPARED_OTHERWISE: &[&str] = &[
    "decode_error",
    "error",
    "messages",
    "needs_cloud_call",
    "new_machine_set",
    "new_provider_spec",
    "patch",
    "patched",
    "patches",
    "reason",
    "updated_secrets",
];

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Texts after which the reference prints messages of other software: the spec
/// has `…` there (BI-222, BI-241, BI-262), or says that they may differ (T-12).
const BEFORE_OTHER_WORDS: [&str; 4] = [
    "unmarshal into providerSpec failed",
    "failed to parse CoreOS stream metadata:",
    "DescribeImages failed for",
    "failed to unmarshal decoded user-data to json",
];

/// The part of an error that is compared: what stands before messages of other software, and whether
/// it ends with the stray `t` of BI-352.
fn stable_part(error: &str) -> (&str, bool) {
    let start = BEFORE_OTHER_WORDS
        .iter()
        .find_map(|words| Some((error.find(words)?, words)));
    let Some((start, words)) = start else {
        return (error, false);
    };
    let rest = error.get(start + words.len()..).unwrap_or_default();
    // What is named in front of the colon is compared as well.
    let named = if words.ends_with("failed") || words.ends_with(':') {
        0
    } else {
        rest.find(": ").unwrap_or(0)
    };
    let part = error.get(..start + words.len() + named).unwrap_or(error);
    (part, words.contains("user-data") && error.ends_with('t'))
}

/// The patched object: the images are the expected ones, and all else is as it was in the input.
fn patched(case: &Case, found: &Value, expect: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut restored = found.clone();
    let input = input_object(case);
    for pointer in image_pointers(found) {
        let (ours, theirs) = (found.pointer(&pointer), expect.pointer(&pointer));
        if ours != theirs {
            problems.push(format!("{pointer}: {ours:?} / {theirs:?}"));
        }
        match (restored.pointer_mut(&pointer), input.pointer(&pointer)) {
            (Some(place), Some(before)) => *place = before.clone(),
            _ => remove(&mut restored, &pointer),
        }
    }
    if restored != input {
        problems.push("more than the image changed".to_owned());
    }
    problems
}

fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    if let Some(Value::Object(members)) = object.pointer_mut(parent) {
        members.shift_remove(name);
    }
}

fn input_object(case: &Case) -> Value {
    match case.input["raw"].as_str() {
        Some(raw) => parse_deep(raw).unwrap_or_default(),
        None if case.op.starts_with("ms_") => case.input["machine_set"].clone(),
        None => case.input["control_plane_machine_set"].clone(),
    }
}

/// BI-346: the pointers of images.
fn image_pointers(object: &Value) -> Vec<String> {
    let text = object.to_string();
    let kind = RawObject::parse(&text)
        .ok()
        .flatten()
        .map_or(Kind::MachineSet, |found| found.kind);
    let spec = provider_spec_pointer(kind);
    let disks = object
        .pointer(&format!("{spec}/disks"))
        .and_then(Value::as_array);
    let mut pointers: Vec<String> = (0..disks.map_or(0, Vec::len))
        .map(|index| format!("{spec}/disks/{index}/image"))
        .collect();
    for member in ["ami", "image", "template"] {
        pointers.extend(Some(format!("{spec}/{member}")).filter(|p| object.pointer(p).is_some()));
    }
    pointers
}
