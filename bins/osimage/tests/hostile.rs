//! Input that is meant to hurt: what people read stays text, memory stays bounded, and no data is
//! never taken for a cluster in which all is well.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// What a terminal obeys, and what forges a row of a table.
const HOSTILE: [&str; 9] = [
    "\u{1b}[2J\u{1b}[31mred",
    "\u{1b}]8;;http://example.com\u{7}link\u{1b}]8;;\u{7}",
    "\u{9b}31m\u{85}",
    "\u{202e}txet\u{202c}\u{2066}x\u{2069}\u{200f}\u{61c}",
    "a\nUpdate      forged  row",
    "a\r\nerror: forged",
    "\u{0}\u{8}\u{7f}\t",
    "\u{2028}\u{2029}",
    "plain",
];

fn osimage(args: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args(args)
        .arg("-f")
        .arg(file)
        .output()
        .unwrap()
}

fn machine_set(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "machine.openshift.io/v1beta1",
        "kind": "MachineSet",
        "metadata": {"name": name, "namespace": format!("ns-{image}"), "labels": {image: name}},
        "spec": {"template": {"spec": {"providerSpec": {"value": {
            "userDataSecret": {"name": name},
            "machineType": image,
            "disks": [{"boot": true, "image": image, "labels": [name]}],
        }}}}},
    })
}

fn cluster() -> Value {
    let mut items = vec![
        json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"}, "status": {"platformStatus": {"type": "GCP"}}}),
        json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
            "metadata": {"name": "version"},
            "status": {"desired": {"version": format!("4.22.1{}", HOSTILE[0])}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coreos-bootimages",
            "namespace": "openshift-machine-config-operator"}, "data": {"stream": json!({
            "stream": HOSTILE[1], "architectures": {"x86_64": {"images": {"gcp": {
                "project": "rhcos-cloud", "name": format!("new{}", HOSTILE[3])}}}}}).to_string()}}),
    ];
    for (number, hostile) in HOSTILE.iter().enumerate() {
        let released = format!("projects/rhcos-cloud/global/images/{hostile}");
        items.push(machine_set(&format!("w{number}{hostile}"), hostile));
        items.push(machine_set(&format!("r{number}{hostile}"), &released));
        let mut owned = machine_set(&format!("o{number}"), &released);
        let metadata = owned.pointer_mut("/metadata").unwrap();
        let owners = json!([{"kind": hostile, "name": hostile}]);
        metadata
            .as_object_mut()
            .unwrap()
            .insert("ownerReferences".to_owned(), owners);
        items.push(owned);
        // The same object again, and different: a warning that names it.
        items.push(machine_set(&format!("w{number}{hostile}"), "other"));
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The characters that a terminal would obey, but for line feeds.
fn obeyed(text: &str) -> Vec<char> {
    let is_obeyed = |character: &char| {
        (character.is_control() && *character != '\n')
            || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}".contains(*character)
            || ('\u{202a}'..='\u{202e}').contains(character)
            || ('\u{2066}'..='\u{2069}').contains(character)
    };
    text.chars().filter(is_obeyed).collect()
}

#[test]
fn nothing_that_a_terminal_obeys_reaches_people() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("dump{}.json", HOSTILE[0]));
    fs::write(&file, cluster().to_string()).unwrap();
    let explained = format!("machineset/r4{}", HOSTILE[4]);
    for args in [
        &["plan"][..],
        &["plan", "-o", "wide"],
        &["plan", "-o", "diff"],
        &["plan", "-o", "name"],
        &["skew"],
        &["explain", &explained],
        &["explain", "machineset/none\u{1b}[31m"],
        &["plan", "none\u{1b}[31m"],
        &["layer", "status"],
        &["layer", "name"],
    ] {
        let output = osimage(args, &file);
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(stream.clone()).unwrap();
            assert_eq!(obeyed(&text), [], "{args:?}: {text:?}");
            let forged = |line: &str| {
                line.starts_with("Update      forged") || line.starts_with("error: forged")
            };
            assert!(!text.lines().any(forged), "{args:?}: {text}");
        }
    }
    // Programs get what is there.
    let json = osimage(&["plan", "-o", "json"], &file);
    let plan: Value = serde_json::from_slice(&json.stdout).unwrap();
    let name = |target: &Value| target["name"].as_str().unwrap().to_owned();
    let targets = plan["targets"].as_array().unwrap();
    assert!(
        targets
            .iter()
            .any(|target| name(target) == format!("r0{}", HOSTILE[0]))
    );
}

/// The most memory that a process had, in bytes; Linux only.
fn peak(file: &Path) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args(["plan", "-f"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = line
            .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(0);
        peak = peak.max(kib << 10);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    peak
}

#[test]
fn memory_is_bounded_by_the_length_of_the_input() {
    let scalar = "x".repeat(1 << 20);
    let aliases = |count: usize| format!("- &a {scalar}\n{}", "- *a\n".repeat(count));
    let mut doubling = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..60 {
        doubling.push_str(&format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1));
    }
    let nested = format!(
        "{}{}{}",
        "[&a ".repeat(90),
        "x, ".repeat(100_000),
        "]".repeat(90)
    );
    let mut distinct = String::new();
    for number in 0..200_000 {
        distinct.push_str(&format!("k{number}:\n"));
    }
    for (name, text) in [
        ("1,000 aliases", aliases(1_000)),
        ("8,000 aliases", aliases(8_000)),
        ("doubling", doubling),
        ("nested anchors", nested),
        ("empty elements", "-\n".repeat(500_000)),
        ("many keys", distinct),
        ("one line", format!("a: {}", "y".repeat(8 << 20))),
        ("nested maps", "a: {b: {c: {}}}\n---\n".repeat(100_000)),
        (
            "deep flow",
            format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20)),
        ),
        (
            "deep JSON",
            format!("{}1{}", "{\"a\":".repeat(1 << 20), "}".repeat(1 << 20)),
        ),
        (
            "deep JSON in an object that is read",
            format!(
                "{{\"apiVersion\": \"machine.openshift.io/v1beta1\", \"kind\": \"MachineSet\", \
                 \"metadata\": {{\"name\": \"a\"}}, \"spec\": {}1{}}}",
                "[".repeat(1 << 20),
                "]".repeat(1 << 20)
            ),
        ),
        (
            "a name",
            format!("kind: Node\napiVersion: v1\nmetadata: {{name: {scalar}}}\n"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, &text).unwrap();
        let (peak, limit) = (peak(&file), 5 * text.len() as u64 + (64 << 20));
        assert!(
            peak <= limit,
            "{name}: {} MiB of {} MiB",
            peak >> 20,
            limit >> 20
        );
    }
}

#[test]
fn an_archive_that_expands_costs_what_is_kept_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Zeros that take no space on the disk, and shrink to a thousandth.
    let bomb = fs::File::create(path("bomb.yaml")).unwrap();
    bomb.set_len(80 << 20).unwrap();
    fs::create_dir(path("many")).unwrap();
    for number in 0..300 {
        fs::write(path("many").join(format!("{number}.yaml")), "a: 1\n").unwrap();
    }
    for (archive, what) in [("bomb.tgz", "bomb.yaml"), ("many.tgz", "many")] {
        let made = Command::new("tar")
            .arg("--create")
            .arg("--gzip")
            .arg("--directory")
            .arg(folder.path())
            .arg("--file")
            .args([path(archive).as_os_str(), what.as_ref()])
            .status();
        assert!(made.unwrap().success());
        let peak = peak(&path(archive));
        // What is kept of an archive, and as much again while it is read.
        assert!(peak <= 192 << 20, "{archive}: {} MiB", peak >> 20);
    }
}

/// Runs the command to its end; `None` where it has none.
#[cfg(unix)]
fn within_seconds(args: &[&str], file: &Path) -> Option<i32> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args(args)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    None
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_to_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("a.yaml");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/samples/valid");
    let samples = samples.to_str().unwrap();
    for args in [
        &["plan", "-f"][..],
        &["skew", "-f"],
        &["explain", "a", "-f"],
        &["facts", "-f"],
        &["inventory", "-f"],
        &["plan", "-f", samples, "--stream"],
        &["plan", "-f", samples, "--facts"],
        &["apply"],
        &["set-mode", "all", "--dry-run=client", "-f"],
        &["ignition", "check"],
        &["layer", "check"],
        &["layer", "status", "-f"],
    ] {
        assert_eq!(within_seconds(args, &pipe), Some(3), "{args:?}");
    }
    // A folder that holds one is read without it.
    assert_eq!(within_seconds(&["plan", "-f"], folder.path()), Some(3));
}

#[test]
fn a_name_of_megabytes_widens_no_other_row() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let mut items = vec![machine_set(&"n".repeat(2 << 20), "x")];
    items.extend((0..200).map(|number| machine_set(&format!("w{number}"), "x")));
    fs::write(
        &file,
        json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string(),
    )
    .unwrap();
    for format in ["table", "wide"] {
        let output = osimage(&["plan", "-o", format], &file);
        assert!(
            output.stdout.len() < 20 << 20,
            "{format}: {} bytes",
            output.stdout.len()
        );
    }
}

#[test]
fn no_data_is_not_taken_for_a_cluster_in_which_all_is_well() {
    let expected = "the input has no object that osimage reads; expected are MachineSets";
    for text in [
        "",
        "\n---\n---\n",
        "error: You must be logged in to the server (Unauthorized)\n",
        "<html>\n<head><title>Login</title></head>\n</html>\n",
        "<!DOCTYPE html>\n<html lang=\"en\">\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "kind: Pod\napiVersion: v1\n",
        "{}",
    ] {
        for command in ["plan", "skew"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.yaml");
            fs::write(&file, text).unwrap();
            let output = osimage(&[command], &file);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(
                output.status.code(),
                Some(3),
                "{command} {text:?}: {errors}"
            );
            assert!(errors.contains(expected), "{command} {text:?}: {errors}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(osimage(&["plan"], folder.path()).status.code(), Some(3));
    for command in [["layer", "status"], ["layer", "name"]] {
        let output = osimage(&command, folder.path());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{command:?}: {errors}");
        assert!(errors.contains("MachineOSConfig"), "{command:?}: {errors}");
    }
}
