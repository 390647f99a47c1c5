//! The clusters of the product's documents, section by section: 000 of 4.21, 001 of OKD 4.17 and
//! 4.18, 002 of 4.20. What a document says that happens is what the plan says. `t_14_…`: what is
//! expected of a cluster from end to end, as far as it takes no cluster.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose helper cannot go on has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");
const A: &str = "ci-ln-hmy310k-72292-5f87z-worker-a";
const A_LABELLED: &str = "ci-ln-77hmkpt-72292-d4pxp-worker-a";
const B_EAST: &str = "ci-ln-hmy310k-72292-5f87z-worker-b";
/// Boots the release's image already.
const C_CURRENT: &str = "ci-ln-hmy310k-72292-5f87z-worker-c";
const CONTROL_PLANE: &str = "cluster";
const IMAGE: &str = "/spec/template/spec/providerSpec/value/disks/0/image";
const USER_DATA: &str = "/spec/template/spec/providerSpec/value/userDataSecret/name";

/// A plan, as a program reads it.
struct Planned(Value);

impl Planned {
    fn of(profile: &str, files: &[PathBuf]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
        command.args(["plan", "-o", "json", "--profile", profile]);
        for file in files {
            command.arg("-f").arg(file);
        }
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{files:?}: {errors}");
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn targets(&self) -> &[Value] {
        self.0["targets"].as_array().unwrap()
    }

    fn target(&self, name: &str) -> &Value {
        let is_named = |target: &&Value| target["name"] == name;
        self.targets().iter().find(is_named).unwrap()
    }

    /// Names of all that have a decision, in the order of the plan.
    fn decided(&self, decision: &str) -> Vec<&str> {
        let targets = self.targets().iter();
        targets
            .filter(|target| target["decision"] == decision)
            .map(|target| target["name"].as_str().unwrap())
            .collect()
    }

    /// What an update changes.
    fn changes(&self, name: &str) -> Vec<(&str, &str)> {
        let operations = self.target(name)["patch"].as_array().unwrap().iter();
        operations
            .filter(|operation| operation["op"] != "test")
            .map(|operation| {
                let pointer = operation["path"].as_str().unwrap();
                (pointer, operation["value"].as_str().unwrap())
            })
            .collect()
    }

    /// Message of a condition, and whether it is true.
    fn condition(&self, kind: &str) -> (&str, bool) {
        let conditions = self.0["status"]["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|found| found["type"] == kind);
        let found = found.unwrap();
        (
            found["message"].as_str().unwrap(),
            found["status"] == "True",
        )
    }

    fn progressing(&self) -> &str {
        self.condition("BootImageUpdateProgressing").0
    }

    fn degraded(&self) -> (&str, bool) {
        self.condition("BootImageUpdateDegraded")
    }

    fn warnings(&self) -> String {
        self.0["warnings"].to_string()
    }
}

/// The cluster of the documents with the files of a section.
fn document(profile: &str, sections: &[&str]) -> Planned {
    let folder = Path::new(FIXTURES).join("documents");
    let names = ["cluster"].iter().chain(sections);
    let files: Vec<_> = names
        .map(|name| folder.join(format!("{name}.yaml")))
        .collect();
    Planned::of(profile, &files)
}

/// A condition of a MachineConfiguration that a document shows.
fn shown(section: &str, kind: &str) -> String {
    let path = Path::new(FIXTURES).join(format!("documents/{section}.yaml"));
    let shown: Value = cluster_io::yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let conditions = shown["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|found| found["type"] == kind);
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

/// A text with its numbers taken out: releases differ in the form, clusters in the numbers.
fn form(message: &str) -> String {
    message.replace(|character: char| character.is_ascii_digit(), "#")
}

/// The plan's conditions have the form that the document shows.
fn check_form(planned: &Planned, section: &str) {
    let progressing = shown(section, "BootImageUpdateProgressing");
    assert_eq!(form(planned.progressing()), form(&progressing), "{section}");
    let degraded = shown(section, "BootImageUpdateDegraded");
    assert_eq!(planned.degraded(), (degraded.as_str(), false), "{section}");
}

/// Only these are updated, the rest of the outdated sets is left out.
fn check_updates(planned: &Planned, updates: &[&str], not_managed: &[&str]) {
    assert_eq!(planned.decided("Update"), updates);
    assert_eq!(planned.decided("NotManaged"), not_managed);
    for name in not_managed {
        let target = planned.target(name);
        let reason = target["reason"].as_str().unwrap();
        // A control plane that the release or a gate keeps out has a reason of its own.
        let expected = if target["kind"] == "ControlPlaneMachineSet" {
            &[
                "NotSelected",
                "FeatureGateUnknown",
                "UnsupportedControlPlane",
            ][..]
        } else {
            &["NotSelected"]
        };
        assert!(expected.contains(&reason), "{name}: {reason}");
        assert!(target.get("patch").is_none(), "{name}: {target}");
        assert!(target.get("userData").is_none(), "{name}: {target}");
    }
}

/// 6.1: worker sets are managed by default, control plane sets are not.
#[test]
fn document_000_6_1_defaults() {
    let planned = document("4.21", &["000-6-2-feature-gate"]);
    check_updates(&planned, &[A_LABELLED, A, B_EAST], &[CONTROL_PLANE]);
    let target = "projects/rhcos-cloud/global/images/rhcos-9-6-20251015-1-gcp-x86-64";
    assert_eq!(planned.changes(A), [(IMAGE, target)]);
}

/// 6.1, "Important": a stub of Ignition 2.2.0 becomes one of 3.4.0.
#[test]
fn document_000_6_1_stub_2_2_0_becomes_3_4_0() {
    let planned = document("4.21", &["000-6-1-stub-2-2-0"]);
    let data = &planned.target("ci-ln-hmy310k-72292-5f87z-worker-old")["userData"];
    assert_eq!(data["decision"], "Convert");
    assert_eq!(
        (&data["from"], &data["to"]),
        (&json!("2.2.0"), &json!("3.4.0"))
    );
    let current = &planned.target(A)["userData"];
    assert_eq!(current["decision"], "Current");
}

/// 6.1, "Important", BI-056: the words that people are told to search for.
#[test]
fn document_000_6_1_bi_056_failed_conversion() {
    let planned = document("4.21", &["000-6-1-stub-unparsable"]);
    let name = "ci-ln-hmy310k-72292-5f87z-worker-odd";
    assert_eq!(planned.decided("Blocked"), [name]);
    assert!(planned.target(name).get("patch").is_none());
    let (message, is_degraded) = planned.degraded();
    let words = "err: converting ignition stub failed: failed to parse Ignition config";
    assert!(is_degraded && message.contains(words), "{message}");
    assert!(
        message.starts_with("1 Degraded MAPI MachineSets | "),
        "{message}"
    );
    // The others are updated all the same.
    assert_eq!(planned.decided("Update"), [A_LABELLED, A, B_EAST]);
}

#[test]
fn document_000_6_2_enable_all_machine_sets() {
    let planned = document("4.21", &["000-6-2-all", "000-6-2-feature-gate"]);
    check_updates(&planned, &[CONTROL_PLANE, A_LABELLED, A, B_EAST], &[]);
    assert_eq!(planned.decided("UpToDate"), [C_CURRENT]);
}

/// 6.2, prerequisites: without the gate, control plane sets are left out.
#[test]
fn document_000_6_2_control_plane_needs_its_gate() {
    let planned = document("4.21", &["000-6-2-all"]);
    check_updates(&planned, &[A_LABELLED, A, B_EAST], &[CONTROL_PLANE]);
}

#[test]
fn document_000_6_2_enable_by_label() {
    let planned = document("4.21", &["000-6-2-partial"]);
    check_updates(
        &planned,
        &[B_EAST],
        &[CONTROL_PLANE, A_LABELLED, A, C_CURRENT],
    );
}

/// 6.2, verification: the status is what is in force. The document of 4.21 shows texts of the form
/// that 4.19 and 4.20 have; 4.21 has a part for control plane sets besides.
#[test]
fn document_000_6_2_verification() {
    let sections = ["000-6-2-status", "000-6-2-feature-gate"];
    let planned = document("4.21", &sections);
    assert_eq!(planned.0["managedBootImages"]["source"], "status");
    check_updates(&planned, &[CONTROL_PLANE, A_LABELLED, A, B_EAST], &[]);
    assert_eq!(
        planned.progressing(),
        "Reconciled 4 of 4 MAPI MachineSets | Reconciled 1 of 1 ControlPlaneMachineSets \
         | Reconciled 0 of 0 CAPI MachineSets | Reconciled 0 of 0 CAPI MachineDeployments"
    );
    check_form(&document("4.19", &sections), "000-6-2-status");
}

#[test]
fn document_000_6_3_disable_all_machine_sets() {
    let planned = document("4.21", &["000-6-3-none", "000-6-2-feature-gate"]);
    let all = [CONTROL_PLANE, A_LABELLED, A, B_EAST, C_CURRENT];
    check_updates(&planned, &[], &all);
}

/// 6.3, verification: control plane sets are left out, worker sets are not.
#[test]
fn document_000_6_3_verification() {
    let sections = ["000-6-3-status", "000-6-2-feature-gate"];
    let planned = document("4.21", &sections);
    check_updates(&planned, &[A_LABELLED, A, B_EAST], &[CONTROL_PLANE]);
    check_form(&document("4.19", &sections), "000-6-3-status");
}

/// Under 4.17 the set moves to the user data that the operator keeps up to date.
#[test]
fn document_001_configuring_all_machine_sets() {
    let planned = document("4.17", &["001-configuring-all"]);
    let updates = [A_LABELLED, A, B_EAST, C_CURRENT];
    check_updates(&planned, &updates, &[CONTROL_PLANE]);
    let managed = (USER_DATA, "worker-user-data-managed");
    let target = "projects/rhcos-cloud/global/images/rhcos-9-6-20251015-1-gcp-x86-64";
    assert_eq!(planned.changes(A), [(IMAGE, target), managed]);
    // Its image is the release's, its user data is not.
    assert_eq!(planned.changes(C_CURRENT), [managed]);
}

#[test]
fn document_001_configuring_by_label() {
    let planned = document("4.17", &["001-configuring-partial"]);
    let rest = [CONTROL_PLANE, A, B_EAST, C_CURRENT];
    check_updates(&planned, &[A_LABELLED], &rest);
}

#[test]
fn document_001_configuring_verification() {
    let planned = document("4.17", &["001-configuring-status"]);
    assert_eq!(planned.decided("Update").len(), 4);
    check_form(&planned, "001-configuring-status");
}

/// A Secret of one's own is not used any more, and the plan says so.
#[test]
fn document_001_custom_user_data_secret() {
    let planned = document("4.17", &["001-configuring-all", "001-user-data-custom"]);
    let name = "ci-ln-hmy310k-72292-5f87z-worker-custom";
    let changed = planned.changes(name);
    assert!(
        changed.contains(&(USER_DATA, "worker-user-data-managed")),
        "{changed:?}"
    );
    let warnings = planned.warnings();
    let warned = format!(
        "{name}: new machines no longer boot with the user data of Secret tuned-worker-user-data"
    );
    assert!(warnings.contains(&warned), "{warnings}");
}

/// Under 4.17 there is no default: without the stanza nothing is updated.
#[test]
fn document_001_disabling_by_removing_the_stanza() {
    let planned = document("4.17", &["001-disabling-stanza-removed"]);
    let all = [CONTROL_PLANE, A_LABELLED, A, B_EAST, C_CURRENT];
    check_updates(&planned, &[], &all);
}

/// 6.3, prerequisites: where the status says None, nothing is updated.
#[test]
fn document_002_6_3_prerequisite() {
    let planned = document("4.19", &["002-6-3-prerequisite"]);
    assert_eq!(planned.0["managedBootImages"]["source"], "status");
    let all = [CONTROL_PLANE, A_LABELLED, A, B_EAST, C_CURRENT];
    check_updates(&planned, &[], &all);
}

#[test]
fn document_002_6_3_enable_all_machine_sets() {
    let planned = document("4.19", &["002-6-3-all"]);
    check_updates(&planned, &[A_LABELLED, A, B_EAST], &[CONTROL_PLANE]);
}

#[test]
fn document_002_6_3_enable_by_label() {
    let planned = document("4.19", &["002-6-3-partial"]);
    check_updates(
        &planned,
        &[B_EAST],
        &[CONTROL_PLANE, A_LABELLED, A, C_CURRENT],
    );
}

#[test]
fn document_002_6_3_verification() {
    let planned = document("4.19", &["002-6-3-status"]);
    check_updates(&planned, &[A_LABELLED, A, B_EAST], &[CONTROL_PLANE]);
    check_form(&planned, "002-6-3-status");
}

/// "Not set" is said of what is absent, not of a place that was looked at.
#[test]
fn an_explanation_names_places_that_are_there() {
    let cluster = Path::new(FIXTURES).join("documents/cluster.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args(["explain", &format!("machineset/{A}"), "-o", "json", "-f"])
        .arg(cluster)
        .output()
        .unwrap();
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = json!({"what": "where", "value": "/spec/template/spec/providerSpec/value"});
    let steps = explained["steps"].as_array().unwrap();
    let saw_place = |step: &Value| step["inputs"].as_array().unwrap().contains(&place);
    assert!(steps.iter().any(saw_place), "{explained}");
}

/// The cluster of the documents with objects of one's own, under the rules of 4.22.
fn with(objects: &Value) -> Planned {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.json");
    fs::write(&own, objects.to_string()).unwrap();
    let cluster = Path::new(FIXTURES).join("documents/cluster.yaml");
    Planned::of("4.22", &[cluster, own])
}

fn configuration(managers: &Value) -> Value {
    json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
        "metadata": {"name": "cluster"},
        "spec": {"managedBootImages": {"machineManagers": managers}}})
}

fn manager(resource: &str, selection: &Value) -> Value {
    json!({"apiGroup": "machine.openshift.io", "resource": resource, "selection": selection})
}

/// A set that boots an old image, with more metadata and user data as given.
fn outdated(metadata: &Value, user_data: &Value) -> Value {
    let mut set = json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
        "metadata": {"name": "extra", "namespace": "openshift-machine-api"},
        "spec": {"template": {"spec": {"providerSpec": {"value": {"userDataSecret": user_data,
            "disks": [{"boot": true, "image": "projects/rhcos-cloud/global/images/old"}]}}}}}});
    for (key, value) in metadata.as_object().unwrap() {
        set["metadata"][key] = value.clone();
    }
    set
}

#[test]
fn t_14_selection_decides_what_is_updated() {
    let east = json!({"mode": "Partial",
        "partial": {"machineResourceSelector": {"matchLabels": {"region": "east"}}}});
    for (selection, updates) in [
        (json!({"mode": "All"}), &[A_LABELLED, A, B_EAST][..]),
        (east, &[B_EAST]),
        (json!({"mode": "None"}), &[]),
    ] {
        let planned = with(&configuration(&json!([manager("machinesets", &selection)])));
        assert_eq!(planned.decided("Update"), updates, "{selection}");
        // Neither image nor Secret of any other set is touched.
        for target in planned.targets() {
            let is_updated = updates.contains(&target["name"].as_str().unwrap());
            assert_eq!(target.get("patch").is_some(), is_updated, "{target}");
            assert_eq!(target.get("userData").is_some(), is_updated, "{target}");
        }
    }
}

#[test]
fn t_14_the_status_mirrors_the_spec() {
    let partial = json!({"mode": "Partial",
        "partial": {"machineResourceSelector": {"matchLabels": {"region": "east"}}}});
    for (resource, selection) in [
        ("machinesets", partial),
        ("machinesets", json!({"mode": "None"})),
        ("machinesets", json!({"mode": "All"})),
        ("controlplanemachinesets", json!({"mode": "None"})),
        ("controlplanemachinesets", json!({"mode": "All"})),
    ] {
        let stated = manager(resource, &selection);
        let planned = with(&configuration(&json!([stated])));
        let status = &planned.0["status"]["managedBootImagesStatus"]["machineManagers"];
        let managers = status.as_array().unwrap();
        assert!(managers.contains(&stated), "{stated} is not in {status}");
    }
}

#[test]
fn t_14_a_set_with_an_owner_is_left_alone() {
    let owner = json!({"ownerReferences": [{"apiVersion": "hive.openshift.io/v1",
        "kind": "MachinePool", "name": "pool", "uid": "1"}]});
    let planned = with(&outdated(&owner, &json!({"name": "worker-user-data"})));
    let target = planned.target("extra");
    assert_eq!(target["decision"], "Skip");
    assert_eq!(target["reason"], "OwnerReference");
    assert!(target.get("patch").is_none(), "{target}");
}

#[test]
fn t_14_without_user_data_an_outdated_set_degrades_and_blocks_updates() {
    for user_data in [Value::Null, json!({}), json!({"name": ""})] {
        let planned = with(&outdated(&json!({}), &user_data));
        let target = planned.target("extra");
        assert_eq!(target["decision"], "Blocked", "{user_data}");
        assert_eq!(target["reason"], "UserDataMissing", "{user_data}");
        let (message, is_degraded) = planned.degraded();
        assert!(is_degraded, "{user_data}: {message}");
        assert_eq!(planned.0["skew"]["upgradeable"], false, "{user_data}");
    }
    let restored = with(&outdated(&json!({}), &json!({"name": "worker-user-data"})));
    assert_eq!(restored.target("extra")["decision"], "Update");
    assert!(!restored.degraded().1);
    assert_eq!(restored.0["skew"]["upgradeable"], true);
}

#[test]
fn t_14_bare_metal_is_measured_where_it_provisions_from_an_image_of_its_own() {
    let url = format!(
        "https://example.com/rhcos.qcow2.gz?sha256={}",
        "0f".repeat(32)
    );
    for (url, mode) in [("", "None"), (url.as_str(), "Manual"), ("", "None")] {
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
             "metadata": {"name": "cluster"}, "status": {"platformStatus": {"type": "BareMetal"}}},
            {"apiVersion": "metal3.io/v1alpha1", "kind": "Provisioning",
             "metadata": {"name": "provisioning-configuration"},
             "spec": {"provisioningOSDownloadURL": url}}]});
        // The cluster of the documents without its Infrastructure, which is the first one in the file.
        let cluster = Path::new(FIXTURES).join("documents/cluster.yaml");
        let cluster = fs::read_to_string(cluster).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = [
            (
                "rest.yaml",
                cluster.split_once("---\n").unwrap().1.to_owned(),
            ),
            ("own.json", objects.to_string()),
        ];
        let files = files.map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        let planned = Planned::of("4.22", &files);
        assert_eq!(planned.0["skew"]["mode"], mode, "{url:?}");
    }
}
