//! Plans that are saved: what stands in them, when they are saved, and which ones `apply` refuses
//! before it asks a cluster.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/samples/valid")
}

fn osimage(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command.args(arguments).env("NO_COLOR", "1");
    command
}

fn run(arguments: &[&str]) -> Output {
    osimage(arguments).output().unwrap()
}

/// The samples and more objects, planned and saved; exit code, what was said, the file.
fn plan(more: &str, arguments: &[&str]) -> (Option<i32>, String, Option<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("more.yaml");
    std::fs::write(&input, more).unwrap();
    let saved = folder.path().join("plan.json");
    let samples = samples();
    let mut all = vec!["plan", "-f", samples.to_str().unwrap()];
    all.extend([
        "-f",
        input.to_str().unwrap(),
        "--save",
        saved.to_str().unwrap(),
    ]);
    all.extend(arguments);
    let output = run(&all);
    let plan = std::fs::read(&saved).ok();
    let plan = plan.map(|bytes| serde_json::from_slice(&bytes).unwrap());
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr, plan)
}

fn good() -> Value {
    let (code, stderr, plan) = plan("", &[]);
    assert_eq!(code, Some(0), "{stderr}");
    plan.unwrap()
}

#[test]
fn nobody_reading_keeps_no_plan_from_being_saved() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("plan.json");
    let samples = samples();
    let arguments = [
        "plan",
        "-f",
        samples.to_str().unwrap(),
        "--detailed-exitcode",
    ];
    let with_reader = run(&arguments).status.code();
    let mut child = osimage(&arguments)
        .args(["--save", saved.to_str().unwrap(), "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), with_reader);
    let plan: Value = serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap();
    assert_eq!(plan["kind"], "Plan");
}

#[test]
fn a_plan_of_broken_input_is_saved_only_where_that_is_asked_for() {
    let broken = "kind: [\n";
    let (code, stderr, saved) = plan(broken, &[]);
    assert_eq!((code, saved), (Some(3), None));
    assert!(stderr.contains("--allow-errors"), "{stderr}");
    let (code, _, saved) = plan(broken, &["--allow-errors"]);
    assert_eq!(code, Some(3));
    assert!(saved.is_some());
}

#[test]
fn a_key_that_stands_twice_in_a_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("plan.json");
    let text = good().to_string();
    for (key, doubled) in [
        (
            "kind",
            text.replacen("\"kind\":", "\"kind\":\"Plan\",\"kind\":", 1),
        ),
        (
            "value",
            text.replacen("\"value\":", "\"value\":null,\"value\":", 1),
        ),
        ("later", text.replacen('{', "{\"later\":1,\"later\":2,", 1)),
    ] {
        std::fs::write(&saved, doubled).unwrap();
        let output = run(&["apply", saved.to_str().unwrap()]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{key}: {stderr}");
        let expected = format!("duplicate mapping key: {key}");
        assert!(stderr.contains(&expected), "{key}: {stderr}");
    }
}

#[test]
fn a_second_singleton_is_an_error() {
    let second = "{apiVersion: v1, kind: ConfigMap, metadata: {name: coreos-bootimages, \
        namespace: openshift-machine-config-operator}, data: {stream: '{}'}}\n";
    let (code, stderr, saved) = plan(second, &[]);
    assert_eq!((code, saved), (Some(3), None), "{stderr}");
    assert!(
        stderr.contains("error: ConfigMap") && stderr.contains("twice"),
        "{stderr}"
    );
}

#[test]
fn files_and_policy_flags_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let stream = folder.path().join("rhcos.json");
    std::fs::write(&stream, "{\"architectures\": {}}\n").unwrap();
    let arguments = ["--stream", stream.to_str().unwrap(), "--profile", "4.22"];
    let (_, stderr, saved) = plan("", &arguments);
    let saved = saved.unwrap_or_else(|| panic!("{stderr}"));
    let inputs = saved["metadata"]["inputs"].as_array().unwrap();
    let files: Vec<_> = inputs
        .iter()
        .filter(|input| input["kind"] == "File")
        .collect();
    let names: Vec<_> = files.iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["--profile=4.22", "rhcos.json"]);
    // As `sha256sum rhcos.json` says.
    let digest = bootimage_plan::Digest::of(b"{\"architectures\": {}}\n").to_string();
    assert_eq!(files[1]["digest"], digest);
}

/// What `apply` says of a plan that was changed; it has no cluster to ask.
fn apply(plan: &Value) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    std::fs::write(&path, plan.to_string()).unwrap();
    let output = osimage(&["apply", path.to_str().unwrap()])
        .args(["--kubeconfig", "/nonexistent"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr)
}

#[test]
fn a_plan_that_was_changed_is_refused_before_a_cluster_is_asked() {
    let honest = good();
    let (code, stderr) = apply(&honest);
    assert_eq!(code, Some(4), "{stderr}");
    let targets = honest["targets"].as_array().unwrap();
    let update = targets
        .iter()
        .position(|target| target["decision"] == "Update");
    let update = update.unwrap();
    let image = honest["targets"][update]["patch"][1]["path"].clone();
    let check = |patch: Value, says: &str| {
        let mut plan = honest.clone();
        plan["targets"][update]["patch"] = patch;
        let (code, stderr) = apply(&plan);
        assert_eq!(code, Some(3), "{stderr}");
        assert!(
            stderr.contains("the plan is damaged") && stderr.contains(says),
            "{stderr}"
        );
    };
    let current = honest["targets"][update]["current"].clone();
    let target = honest["targets"][update]["target"].clone();
    let replace = |path: &Value, old: &Value, new: &Value| {
        json!([{"op": "test", "path": path, "value": old},
            {"op": "replace", "path": path, "value": new}])
    };
    let evil = json!("projects/evil/global/images/new");
    check(replace(&image, &current, &evil), "writes projects/evil");
    check(replace(&image, &evil, &target), "tests at");
    let spec = "/spec/template/spec/providerSpec/value";
    for member in ["userDataSecret", "serviceAccounts"] {
        let path = json!(format!("{spec}/{member}"));
        check(
            replace(&path, &json!({}), &json!({"name": "mine"})),
            "which is not where",
        );
    }
    let mut anonymous = honest.clone();
    anonymous["metadata"]["generatedFrom"] = json!("cluster");
    for input in anonymous["metadata"]["inputs"].as_array_mut().unwrap() {
        input["uid"] = Value::Null;
    }
    let (code, stderr) = apply(&anonymous);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("has no uid"), "{stderr}");
}
