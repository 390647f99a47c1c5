//! Bad input: each gets a clear message and the exit code of the contract, and every other object
//! is planned all the same.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const GOOD: &str = r#"
apiVersion: config.openshift.io/v1
kind: Infrastructure
metadata: {name: cluster}
status: {platformStatus: {type: GCP}}
---
apiVersion: config.openshift.io/v1
kind: ClusterVersion
metadata: {name: version}
status: {desired: {version: 4.22.1}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coreos-bootimages, namespace: openshift-machine-config-operator}
data:
  stream: '{"stream":"s","architectures":{"x86_64":{"images":{"gcp":{"project":"rhcos-cloud","name":"new"}}}}}'
---
apiVersion: machine.openshift.io/v1beta1
kind: MachineSet
metadata: {name: good, namespace: openshift-machine-api}
spec: {template: {spec: {providerSpec: {value: {userDataSecret: {name: worker-user-data},
  disks: [{boot: yes, image: projects/rhcos-cloud/global/images/old}]}}}}}
"#;

struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn osimage(args: &[&str], paths: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command.args(args);
    for path in paths {
        command.arg("-f").arg(path);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Plans a good cluster and a bad file beside it.
fn check(name: &str, bad: &[u8], message: &str, code: i32) {
    let folder = Folder::new(&[("good.yaml", GOOD.as_bytes()), (name, bad)]);
    let output = osimage(&["plan", "-o", "patch"], &[folder.path().to_owned()]);
    let errors = text(&output.stderr);
    assert!(
        errors.contains(message),
        "{name}: {message:?} is not in:\n{errors}"
    );
    assert_eq!(output.status.code(), Some(code), "{name}: {errors}");
    let patches = text(&output.stdout);
    assert!(
        patches.contains(r#""name":"good""#),
        "{name}: the good set was not planned: {patches}"
    );
}

#[test]
fn what_cannot_be_read_names_file_document_line_and_column() {
    check(
        "bad.yaml",
        b"a: 1\n---\nb: [1, 2\nc: 3\n",
        "bad.yaml: document 2, line ",
        3,
    );
    check(
        "bad.json",
        b"{\"a\": 1,\n  tru}",
        "bad.json: document 1, line 2, column ",
        3,
    );
    check(
        "bad.json",
        b"{\"kind\": \"List\"",
        "bad.json: document 1, line 1, column ",
        3,
    );
    check(
        "bad.yaml",
        b"a: \xff\xfe",
        "bad.yaml: not UTF-8 at byte 3",
        3,
    );
    check(
        "bad.yaml",
        b"a: 1\na: 2",
        "line 2, column 1: duplicate mapping key: a\n",
        3,
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    check(
        "deep.yaml",
        deep.as_bytes(),
        "deep.yaml: document 1, line 1",
        3,
    );
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    check(
        "deep.json",
        deep.as_bytes(),
        "deep.json: document 1, line 1, column 10005: it nests deeper than 10000 levels",
        3,
    );
}

#[test]
fn what_is_of_no_interest_is_counted() {
    check(
        "other.yaml",
        b"kind: Pod\napiVersion: v1\n---\njust: text\n",
        "2 documents of other",
        0,
    );
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(9_000), "]".repeat(9_000));
    check(
        "deep.json",
        deep.as_bytes(),
        "1 document of other kinds ignored",
        0,
    );
    check("empty.yaml", b"", "", 0);
}

#[test]
fn the_same_object_twice_is_a_warning_where_it_differs() {
    let again = GOOD.split("---").last().unwrap();
    check("same.yaml", again.as_bytes(), "", 0);
    let other = again.replace("images/old", "images/older");
    check(
        "zz.yaml",
        other.as_bytes(),
        "MachineSet openshift-machine-api/good stands twice in the input",
        0,
    );
}

/// Plans a broken set beside the good one, with the codes of `--detailed-exitcode`.
fn check_set(rest: &str, decision: &str, message: &str, code: i32) {
    let bad = format!(
        "apiVersion: machine.openshift.io/v1beta1\nkind: MachineSet\n\
         metadata: {{name: bad, namespace: openshift-machine-api}}\n{rest}\n"
    );
    let folder = Folder::new(&[("good.yaml", GOOD.as_bytes()), ("bad.yaml", bad.as_bytes())]);
    let args = ["plan", "-o", "wide", "--detailed-exitcode"];
    let output = osimage(&args, &[folder.path().to_owned()]);
    let table = text(&output.stdout);
    let line = table
        .lines()
        .find(|line| line.contains(" bad "))
        .unwrap_or_default();
    assert!(
        line.starts_with(decision) && line.contains(message),
        "{rest}:\n{table}"
    );
    assert!(
        table.contains("Update"),
        "the good set was not planned:\n{table}"
    );
    assert_eq!(output.status.code(), Some(code), "{rest}");
}

#[test]
fn a_provider_spec_of_the_wrong_shape_is_blocked_where_it_is_read() {
    let spec =
        |value: &str| format!("spec: {{template: {{spec: {{providerSpec: {{value: {value}}}}}}}}}");
    let blocked = |value: &str, place: &str| {
        check_set(&spec(value), "Blocked", "ProviderSpecInvalid", 11);
        check_set(&spec(value), "Blocked", place, 11);
    };
    blocked("text", "/: invalid type: string");
    blocked("[]", "/: invalid type: sequence");
    blocked("null", "providerSpec field was empty");
    blocked("{disks: text}", "/disks: invalid type");
    blocked("{disks: [text]}", "/disks/0: invalid type");
    blocked("{disks: [null]}", "/disks/0: is null");
    blocked("{disks: [{boot: 'yes'}]}", "/disks/0/boot: invalid type");
    blocked(
        "{disks: [{boot: true, image: 5}]}",
        "/disks/0/image: invalid type",
    );
    blocked("{userDataSecret: []}", "/userDataSecret: invalid type");
    check_set(&spec("{disks: [], zone: 5}"), "UpToDate", "Matches", 10);
    check_set("spec: text", "Blocked", "/spec: invalid type", 11);
}

#[test]
fn yaml_1_1_is_read_as_kubectl_reads_it() {
    // `boot: yes` of the good set is true: it is updated in every other test.
    let spec = "spec: {template: {spec: {providerSpec: {value: {disks: [{boot: off, \
                image: projects/rhcos-cloud/global/images/old}]}}}}}";
    check_set(spec, "UpToDate", "no boot disk", 10);
}

#[test]
fn an_unknown_platform_a_missing_stream_and_a_missing_architecture_are_decisions() {
    let plan = |cluster: &str| {
        let folder = Folder::new(&[("good.yaml", cluster.as_bytes())]);
        text(&osimage(&["plan", "-o", "wide"], &[folder.path().to_owned()]).stdout)
    };
    let unknown = plan(&GOOD.replace("type: GCP", "type: Moon"));
    assert!(unknown.contains("NotManaged"), "{unknown}");
    let managed = "\n---\napiVersion: operator.openshift.io/v1\nkind: MachineConfiguration\n\
        metadata: {name: cluster}\nstatus: {managedBootImagesStatus: {machineManagers: [{resource: \
        machinesets, apiGroup: machine.openshift.io, selection: {mode: All}}]}}\n";
    let named = plan(&(GOOD.replace("type: GCP", "type: Moon") + managed));
    assert!(
        named.contains("Skip") && named.contains("UnsupportedPlatform"),
        "{named}"
    );
    let missing = plan(&GOOD.replace("coreos-bootimages", "other"));
    assert!(
        missing.contains("StreamInvalid") && missing.contains("--stream"),
        "{missing}"
    );
    let no_architecture = plan(&GOOD.replace("x86_64", "aarch64"));
    assert!(
        no_architecture.contains("UnsupportedArchitecture"),
        "{no_architecture}"
    );
}

#[test]
fn files_that_answer_nothing_are_errors() {
    let folder = Folder::new(&[("good.yaml", GOOD.as_bytes()), ("empty.json", b" \n")]);
    let empty = folder.path().join("empty.json");
    let good = [folder.path().join("good.yaml")];
    for (option, what) in [("--facts", "kind Facts"), ("--stream", "stream document")] {
        let output = osimage(
            &["plan", option, empty.to_str().unwrap(), "-o", "patch"],
            &good,
        );
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{option}: {errors}");
        assert!(
            errors.contains("empty.json: is empty; ") && errors.contains(what),
            "{errors}"
        );
        assert!(
            text(&output.stdout).contains(r#""name":"good""#),
            "{option}"
        );
    }
    for nothing in [
        r#"{"Images": []}"#,
        r#"{"apiVersion": "osimage.dev/v1", "kind": "Facts"}"#,
    ] {
        fs::write(&empty, nothing).unwrap();
        let output = osimage(&["plan", "--facts", empty.to_str().unwrap()], &good);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{nothing}: {errors}");
        assert!(
            errors.contains("empty.json: no answers in it"),
            "{nothing}: {errors}"
        );
    }
}

#[test]
fn objects_of_two_clusters_are_said_to_be_in_one_line() {
    let version = |id: &str| {
        GOOD.replace(
            "status: {desired: {version: 4.22.1}}",
            &format!("spec: {{clusterID: {id}}}\nstatus: {{desired: {{version: 4.22.1}}}}"),
        )
    };
    let folder = Folder::new(&[
        ("a.yaml", version("a").as_bytes()),
        ("b.yaml", version("b").as_bytes()),
    ]);
    let output = osimage(&["plan"], &[folder.path().to_owned()]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    let lines: Vec<_> = errors
        .lines()
        .filter(|line| line.starts_with("error:"))
        .collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(
        lines[0]
            .contains("the input is of two clusters: ClusterVersion version has clusterID \"a\"")
    );
}

#[test]
fn usage_is_2_and_a_missing_file_is_3_and_no_cluster_is_4() {
    let no_input = osimage(&["layer", "name"], &[]);
    assert_eq!(no_input.status.code(), Some(2));
    assert!(text(&no_input.stderr).contains("name files or directories with -f"));
    let no_cluster = osimage(&["plan", "--kubeconfig", "/nowhere"], &[]);
    assert_eq!(no_cluster.status.code(), Some(4));
    assert!(text(&no_cluster.stderr).contains("/nowhere: No such file"));
    assert!(no_cluster.stdout.is_empty());
    let missing = osimage(&["plan"], &[PathBuf::from("/nowhere.yaml")]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(text(&missing.stderr).contains("/nowhere.yaml: cannot be read"));
    let folder = Folder::new(&[("good.yaml", GOOD.as_bytes())]);
    let paths = [folder.path().to_owned()];
    for (object, code, message) in [
        ("good", 0, ""),
        ("none", 3, "the input has no object none; it has good"),
        ("/good", 2, "is not KIND/NAME"),
        ("pod/good", 2, "has no boot image"),
        (
            "machineset/none",
            3,
            "the input has no MachineSet none; it has good",
        ),
        ("cpms/cluster", 3, "it has none of that kind"),
    ] {
        let output = osimage(&["explain", object], &paths);
        assert_eq!(output.status.code(), Some(code), "{object}");
        assert!(
            text(&output.stderr).contains(message),
            "{object}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_stream_document_beside_the_objects_takes_the_place_of_a_missing_one() {
    let stream = r#"{"architectures":{"x86_64":{"images":{"gcp":{"project":"p","name":"n"}}}}}"#;
    let without = GOOD.replace("coreos-bootimages", "other");
    let folder = Folder::new(&[
        ("good.yaml", without.as_bytes()),
        ("s.txt", stream.as_bytes()),
    ]);
    let stream = folder.path().join("s.txt");
    let args = ["plan", "-o", "patch", "--stream", stream.to_str().unwrap()];
    let output = osimage(&args, &[folder.path().join("good.yaml")]);
    assert!(text(&output.stdout).contains("projects/p/global/images/n"));
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new(&[("good.yaml", GOOD.as_bytes())]);
    let command = format!(
        "{} plan -o json -f {} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_osimage"),
        folder.path().display()
    );
    let status = Command::new("bash")
        .args(["-c", &command])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}
