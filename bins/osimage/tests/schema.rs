//! What programs read fits the committed schema.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What a command prints; inputs are fixtures.
fn printed(args: &[&str], inputs: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command.args(args);
    for input in inputs {
        command
            .arg("-f")
            .arg(Path::new(ROOT).join("fixtures").join(input));
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

fn plan(format: &str) -> String {
    printed(&["plan", "-o", format], &["gcp-must-gather"])
}

/// Holds a document against the schema of its kind, then the same with one member changed, which
/// the schema must refuse.
fn check(schema: &str, document: &str, pointer: &str, wrong: Value) {
    let path = Path::new(ROOT).join(format!("docs/reference/{schema}.schema.json"));
    let text = std::fs::read_to_string(path).unwrap();
    let schema = serde_json::from_str::<Value>(&text).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut document: Value = serde_json::from_str(document).unwrap();
    let problems: Vec<_> = schema
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    *document.pointer_mut(pointer).unwrap() = wrong;
    assert!(!schema.is_valid(&document), "{pointer}");
}

#[test]
fn a_plan_fits_its_schema_and_another_document_does_not() {
    let wrong = Value::from("Perhaps");
    check("plan", &plan("json"), "/targets/0/decision", wrong);
}

#[test]
fn inventories_and_reports_fit_their_schemas() {
    let found = printed(&["inventory", "-o", "json"], &["fleet/dump.yaml"]);
    for (pointer, wrong) in [
        ("/sets/0/verdict", "perhaps"),
        ("/sets/0/decision", "Perhaps"),
        ("/machines/0/born/source", "perhaps"),
        ("/machines/0/runs/imageKind", "perhaps"),
    ] {
        check("inventory", &found, pointer, wrong.into());
    }
    let path = |name: &str| {
        Path::new(ROOT)
            .join("fixtures")
            .join(name)
            .display()
            .to_string()
    };
    let (dump, old) = (path("fleet/dump.yaml"), path("fleet/old.json"));
    let (broken, accepted) = (path("fleet/broken.yaml"), path("fleet/accepted.yaml"));
    let found = printed(
        &[
            "report", "-o", "json", &dump, &broken, "--accept", &accepted, "--since", &old,
        ],
        &[],
    );
    for (pointer, wrong) in [
        ("/clusters/0/verdict", "perhaps"),
        ("/clusters/0/sets/0/hazards/0/certainty", "perhaps"),
        ("/exceptions/0/state", "perhaps"),
        ("/changes/0/changed", "perhaps"),
    ] {
        check("fleet-report", &found, pointer, wrong.into());
    }
}

#[test]
fn names_of_builds_fit_their_schema() {
    let name = ["layer", "name", "-o", "json"];
    let named = printed(&name, &["layering/cluster", "layering/hotfix.yaml"]);
    check("layer-names", &named, "/items/0/hash", "0g".into());
    let against = Path::new(ROOT).join("fixtures/layering/epel.yaml");
    let against = ["--against", against.to_str().unwrap()];
    let cluster = Path::new(ROOT).join("fixtures/layering/cluster");
    let cluster = ["--against", cluster.to_str().unwrap()];
    let compared = printed(
        &[&name[..], &against, &cluster].concat(),
        &["layering/cluster", "layering/hotfix.yaml"],
    );
    check(
        "layer-names",
        &compared,
        "/items/0/differences/0/field",
        Value::Null,
    );
    let unnamed = printed(&name, &["layering/hotfix.yaml", "layering/v1alpha1.yaml"]);
    check("layer-names", &unnamed, "/items/0/error", Value::Null);
}

#[test]
fn the_status_of_layered_images_fits_its_schema() {
    let status = printed(&["layer", "status", "-o", "json"], &["layering/status"]);
    for (pointer, wrong) in [
        ("/items/0/layering", "Perhaps"),
        ("/items/1/build/state", "Perhaps"),
        ("/items/1/updating/status", "yes"),
    ] {
        check("layer-status", &status, pointer, wrong.into());
    }
    let outdated = printed(&["layer", "outdated", "-o", "json"], &["layering/status"]);
    check(
        "layer-outdated",
        &outdated,
        "/items/0/outdated",
        "yes".into(),
    );
}

#[test]
fn the_story_of_a_build_fits_its_schema() {
    let why = printed(
        &["layer", "why", "layered", "-o", "json"],
        &["layering/status"],
    );
    check("layer-why", &why, "/build/state", "Perhaps".into());
}

#[test]
fn yaml_and_json_say_the_same() {
    let json: Value = serde_json::from_str(&plan("json")).unwrap();
    let yaml = cluster_io::yaml::from_str(&plan("yaml")).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let text = plan("json");
    let plan: bootimage_plan::Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string_pretty(&plan).unwrap() + "\n", text);
}
