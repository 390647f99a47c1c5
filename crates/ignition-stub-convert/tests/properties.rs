//! What holds for every stub.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod stubs;

use std::collections::BTreeSet;

use ignition_config::Config;
use ignition_stub_convert::{Conversion, Converted, TargetVersion, convert, upgrade};
use proptest::prelude::*;
use serde_json::{Value, json};

use stubs::{SECRET, stub};

/// A leaf of a document: its JSON pointer, the name of the member that it is or is listed in, and
/// its value.
struct Leaf {
    pointer: String,
    name: String,
    value: Value,
}

fn leaves(value: &Value) -> Vec<Leaf> {
    fn walk(value: &Value, pointer: &str, name: &str, leaves: &mut Vec<Leaf>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    walk(value, &format!("{pointer}/{name}"), name, leaves);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    walk(value, &format!("{pointer}/{index}"), name, leaves);
                }
            }
            _ => leaves.push(Leaf {
                pointer: pointer.to_owned(),
                name: name.to_owned(),
                value: value.clone(),
            }),
        }
    }
    let mut found = Vec::new();
    walk(value, "", "", &mut found);
    found
}

/// Whether spec 3 says a leaf of spec 2 without saying it (BI-367).
fn goes_without_saying(leaf: &Leaf) -> bool {
    match leaf.name.as_str() {
        "version" => true,
        "filesystem" => leaf.value == json!("root"),
        "spares" => leaf.value == json!(0),
        "compression" | "contents" | "gecos" | "name" | "passwordHash" => leaf.value == json!(""),
        "append" | "enable" | "hard" | "mask" | "noCreateHome" | "noLogInit" | "noUserGroup"
        | "system" | "wipeTable" => leaf.value == json!(false),
        _ => false,
    }
}

/// What a leaf is in spec 3.
fn renamed(leaf: &Leaf) -> (String, String) {
    let (name, value) = match leaf.name.as_str() {
        "enable" => ("enabled", &leaf.value),
        // The contents are in a list of that name then.
        "append" => ("overwrite", &Value::Bool(false)),
        name => (name, &leaf.value),
    };
    (name.to_owned(), value.to_string())
}

/// The leaves of `stub` that are neither in the document nor told in a note.
fn lost(stub: &Value, converted: &Converted) -> Vec<String> {
    let document: Value = serde_json::from_str(&converted.document).unwrap();
    let present: BTreeSet<_> = leaves(&document)
        .iter()
        .map(|leaf| (leaf.name.clone(), leaf.value.to_string()))
        .collect();
    let told = |leaf: &Leaf| {
        converted.notes.iter().any(|note| {
            let rest = leaf.pointer.strip_prefix(&note.pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let lost = |leaf: &Leaf| {
        !goes_without_saying(leaf) && !present.contains(&renamed(leaf)) && !told(leaf)
    };
    leaves(stub)
        .into_iter()
        .filter(lost)
        .map(|leaf| leaf.pointer)
        .collect()
}

/// Replaces the value at one of the places of a document.
fn replace_somewhere(document: &mut Value, place: usize, new: Value) {
    fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| places(value, format!("{pointer}/{name}"), found)),
            Value::Array(list) => list
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, format!("{pointer}/{index}"), found)),
            _ => {}
        }
        found.push(pointer);
    }
    let mut found = Vec::new();
    places(document, String::new(), &mut found);
    let pointer = &found[place % found.len()];
    if let Some(value) = document.pointer_mut(pointer) {
        *value = new;
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(SECRET)),
        "\\PC{0,8}".prop_map(|text| Value::from(format!("{SECRET}{text}"))),
    ];
    leaf.prop_recursive(3, 12, 3, |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-z~/]{0,4}", value), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bi_363_no_leaf_is_lost_unsaid(stub in stub()) {
        let text = stub.to_string();
        match convert(text.as_bytes(), TargetVersion::V3_4) {
            Ok(Conversion::Converted(converted)) => {
                prop_assert_eq!(lost(&stub, &converted), Vec::<String>::new(), "{}", converted.document);
            }
            Ok(Conversion::Current { .. }) => prop_assert!(false, "spec 2 is not current"),
            // Names repeat, so that some have conflicts; none is unsound.
            Err(error) => prop_assert!(!error.obstacles().is_empty() && error.would_lose(), "{}", error),
        }
    }

    #[test]
    fn bi_355_what_was_converted_is_current(stub in stub(), spec in prop::sample::select(vec![TargetVersion::V3_4, TargetVersion::V3_5])) {
        if let Ok(Conversion::Converted(converted)) = convert(stub.to_string().as_bytes(), spec) {
            let again = convert(converted.document.as_bytes(), TargetVersion::V3_5);
            prop_assert_eq!(again, Ok(Conversion::Current { version: spec.to_string() }));
        }
    }

    #[test]
    fn bi_368_targets_differ_in_the_number_only(stub in stub()) {
        let text = stub.to_string();
        let older = convert(text.as_bytes(), TargetVersion::V3_4);
        let newer = convert(text.as_bytes(), TargetVersion::V3_5);
        match (older, newer) {
            (Ok(Conversion::Converted(older)), Ok(Conversion::Converted(newer))) => {
                prop_assert_eq!(older.document.replacen("3.4.0", "3.5.0", 1), newer.document);
            }
            (older, newer) => prop_assert_eq!(older, newer),
        }
    }

    #[test]
    fn bi_367_documents_are_read_by_another_reader(stub in stub()) {
        let text = stub.to_string();
        for target in [TargetVersion::V3_4, TargetVersion::V3_5] {
            if let Ok(Conversion::Converted(converted)) = convert(text.as_bytes(), target) {
                let (config, warnings) = Config::parse_str(&converted.document).unwrap();
                prop_assert!(warnings.is_empty(), "{:?}", warnings);
                let as_expected = match target {
                    TargetVersion::V3_4 => matches!(config, Config::V3_4(_)),
                    TargetVersion::V3_5 => matches!(config, Config::V3_5(_)),
                };
                prop_assert!(as_expected);
            }
        }
    }

    #[test]
    fn bi_361_errors_do_not_quote_the_stub(mut stub in stub(), place in any::<usize>(), new in any_json()) {
        replace_somewhere(&mut stub, place, new);
        if let Err(error) = upgrade("worker-user-data", stub.to_string().as_bytes(), TargetVersion::V3_4, "now") {
            let rules_put_it_there = |problem: &ignition_stub_convert::Problem| {
                use ignition_stub_convert::Problem;
                matches!(problem, Problem::WrongType { .. } | Problem::Invalid(_) | Problem::Rejected { .. }
                    | Problem::UnknownKey | Problem::Required(_))
            };
            if error.obstacles().iter().all(|obstacle| rules_put_it_there(&obstacle.problem)) {
                prop_assert!(!error.to_string().contains(SECRET), "{}", error);
            }
        }
    }

    #[test]
    fn no_bytes_panic(stub in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = convert(&stub, TargetVersion::V3_4);
    }

    #[test]
    fn no_broken_stub_panics(stub in stub(), place in any::<usize>(), new in prop::collection::vec(any::<u8>(), 0..4)) {
        let mut text = stub.to_string().into_bytes();
        let place = place % text.len();
        text.splice(place..(place + 2).min(text.len()), new);
        let _ = convert(&text, TargetVersion::V3_4);
    }
}
