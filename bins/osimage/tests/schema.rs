//! What programs read fits the committed schema.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn plan(format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args(["plan", "-o", format, "-f"])
        .arg(Path::new(ROOT).join("fixtures/gcp-must-gather"))
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn schema() -> jsonschema::Validator {
    let path = Path::new(ROOT).join("docs/reference/plan.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    jsonschema::validator_for(&serde_json::from_str::<Value>(&text).unwrap()).unwrap()
}

#[test]
fn a_plan_fits_its_schema_and_another_document_does_not() {
    let schema = schema();
    let mut document: Value = serde_json::from_str(&plan("json")).unwrap();
    let problems: Vec<_> = schema
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    document["targets"][0]["decision"] = Value::from("Perhaps");
    assert!(!schema.is_valid(&document));
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
