//! Inventories and reports of what is broken, mixed up or missing: what can be said is said, and
//! nothing is silent.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Exit code, document, and what was said beside it.
fn run(command: &str, paths: &[&Path]) -> (Option<i32>, Value, String) {
    let mut osimage = Command::new(env!("CARGO_BIN_EXE_osimage"));
    osimage.args([command, "-o", "json", "--today", "2026-11-30"]);
    for path in paths {
        if command == "inventory" {
            osimage.arg("-f");
        }
        osimage.arg(path);
    }
    let output = osimage.output().unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (
        output.status.code(),
        document,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// An inventory of one file.
fn inventory(text: &str) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.yaml");
    fs::write(&file, text).unwrap();
    run("inventory", &[&file])
}

fn cluster(name: &str) -> String {
    format!(
        "apiVersion: config.openshift.io/v1\nkind: Infrastructure\nmetadata: {{name: cluster}}\n\
         status: {{infrastructureName: {name}, platformStatus: {{type: GCP}}}}\n---\n"
    )
}

fn set(image: &str) -> String {
    format!(
        "apiVersion: machine.openshift.io/v1beta1\nkind: MachineSet\nmetadata: {{name: w}}\n\
         spec: {{template: {{spec: {{providerSpec: {{value: {{disks: [{{boot: true, image: {image}}}]}}}}}}}}}}\n---\n"
    )
}

const MACHINE: &str = "apiVersion: machine.openshift.io/v1beta1\nkind: Machine\nmetadata: \
    {name: m, namespace: openshift-machine-api}\nspec: {providerSpec: {value: {disks: \
    [{boot: true, image: rhcos-412-86-202209302317-0-gcp-x86-64}]}}}\n---\n";
const NODE: &str = "apiVersion: v1\nkind: Node\nmetadata: {name: odd}\nstatus: {conditions: 5}\n---\n\
    apiVersion: v1\nkind: Node\nmetadata: {name: alone}\n---\n";

#[test]
fn two_clusters_in_one_dump_are_an_error_that_names_the_object() {
    let (code, document, stderr) = inventory(&(cluster("a") + &cluster("b") + &set("x")));
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("Infrastructure cluster"), "{stderr}");
    assert_eq!(document["sets"].as_array().unwrap().len(), 1);
}

#[test]
fn machines_without_sets_and_nodes_without_machines_are_there() {
    let (code, document, stderr) = inventory(&(cluster("a") + MACHINE + NODE));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(document["sets"], Value::Array(Vec::new()));
    let machines = document["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 2, "{machines:?}");
    assert_eq!(machines[0]["machine"], "m");
    assert_eq!(machines[0]["set"], Value::Null);
    assert_eq!(machines[0]["born"]["bootImage"]["releases"], "4.12");
    assert_eq!(machines[1]["node"], "alone");
    assert_eq!(machines[1]["born"]["source"], "unknown");
    // A node that cannot be read is named.
    assert!(stderr.contains("Node odd: /status/conditions"), "{stderr}");
}

#[test]
fn a_version_that_nobody_knows_is_unknown_with_its_reason() {
    for image in ["rhcos-999-99-999999999999-9", "my-image", "\"\"", "rhcos"] {
        let (_, document, _) = inventory(&(cluster("a") + &set(image)));
        let set = &document["sets"][0];
        assert_eq!(set["bootImage"]["version"], Value::Null, "{image}");
        assert!(set["bootImage"]["unknown"].is_string(), "{image}");
        assert_eq!(set["verdict"], "unknown", "{image}");
    }
}

#[test]
fn a_thousand_dumps_that_cannot_be_read_are_a_thousand_lines() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..1000)
        .map(|number| {
            let path = folder.path().join(format!("{number:04}.yaml"));
            let content: &[u8] = match number % 4 {
                0 => b"kind: [",
                1 => b"",
                2 => b"\xff\xfe\x00",
                _ => b"kind: Pod\napiVersion: v1\n",
            };
            fs::write(&path, content).unwrap();
            path
        })
        .collect();
    let good = folder.path().join("good.yaml");
    fs::write(&good, cluster("good") + &set("x")).unwrap();
    let mut all: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    all.push(&good);
    all.push(Path::new("/there/is/no/such/dump"));
    let (code, document, stderr) = run("report", &all);
    assert_eq!(code, Some(3), "{stderr}");
    let clusters = document["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 1002);
    assert_eq!(document["sums"]["unreadable"], 1001);
    assert!(
        clusters
            .iter()
            .any(|cluster| cluster["name"] == "good" && cluster["error"].is_null())
    );
}

#[test]
fn the_order_of_the_dumps_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let a = write("1.yaml", cluster("b") + &set("x"));
    let b = write(
        "2.yaml",
        cluster("a") + &set("rhcos-412-86-202209302317-0-gcp-x86-64"),
    );
    // Two dumps of one cluster are told apart by where they were read from.
    let c = write("3.yaml", cluster("a"));
    let (_, one, _) = run("report", &[&a, &b, &c]);
    let (_, other, _) = run("report", &[&c, &a, &b]);
    assert_eq!(one.to_string(), other.to_string());
    let name = one["clusters"][0]["name"].as_str().unwrap();
    assert!(
        name.starts_with("a (") && name.ends_with("2.yaml)"),
        "{name}"
    );
}
