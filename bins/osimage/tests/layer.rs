//! Examples of layered images: each gets a name, renders, and is checked without a word of advice.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const EXAMPLES: [&str; 4] = ["hotfix", "epel", "rhel-entitled", "kernel"];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/layering"
    ))
    .join(name)
}

fn run(args: &[&str], files: &[PathBuf], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command.arg("layer").args(args);
    for file in files {
        command.arg("-f").arg(file);
    }
    feed(&mut command, input)
}

fn feed(command: &mut Command, input: &str) -> Output {
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    // A program that does not read its input is fine.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The result of a run that does what it should.
fn good(args: &[&str], files: &[PathBuf], input: &str) -> String {
    let output = run(args, files, input);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn of(example: &str) -> [PathBuf; 2] {
    [fixture("cluster"), fixture(&format!("{example}.yaml"))]
}

/// What the user wrote into an example.
fn content(example: &str) -> String {
    let document = good(
        &["convert", "-o", "json"],
        &[fixture(&format!("{example}.yaml"))],
        "",
    );
    let object: serde_json::Value = serde_json::from_str(&document).unwrap();
    let content = object.pointer("/spec/containerFile/0/content").unwrap();
    content.as_str().unwrap().to_owned()
}

#[test]
fn every_example_is_named_rendered_and_checked() {
    for example in EXAMPLES {
        let names = good(&["name", "-o", "json"], &of(example), "");
        let names: serde_json::Value = serde_json::from_str(&names).unwrap();
        let name = names.pointer("/items/0/name").unwrap().as_str().unwrap();
        assert!(name.starts_with("layered-"), "{name}");
        let containerfile = good(&["render"], &of(example), "");
        let content = content(example);
        assert!(containerfile.ends_with(&content), "{example}");
        let checked = run(&["check", "--strict"], &[], &content);
        assert!(
            checked.status.success(),
            "{example}: {}",
            text(&checked.stderr)
        );
        let manifests = good(&["render", "--manifests", "-o", "json"], &of(example), "");
        let list: serde_json::Value = serde_json::from_str(&manifests).unwrap();
        let kinds: Vec<_> = list
            .pointer("/items")
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.pointer("/kind").unwrap().as_str().unwrap())
            .collect();
        let config_maps = ["ConfigMap"; 4];
        assert_eq!(
            kinds,
            [&config_maps[..], &["Secret", "Secret", "Job"]].concat(),
            "{example}"
        );
        let mounts_entitlement = manifests.contains("etc-pki-entitlement-layered");
        assert_eq!(mounts_entitlement, example == "rhel-entitled", "{example}");
    }
}

#[test]
fn the_guide_shows_the_examples() {
    let guide = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/guides/layer-an-image.md"
    );
    let guide = std::fs::read_to_string(guide).unwrap();
    for example in EXAMPLES {
        let block = format!("```dockerfile\n{}```\n", content(example));
        assert!(guide.contains(&block), "{example}");
    }
}

#[test]
fn il_018_a_document_of_older_releases_converts_is_named_and_renders() {
    let converted = good(&["convert"], &[fixture("v1alpha1.yaml")], "");
    let files = [fixture("cluster"), PathBuf::from("-")];
    let names = good(&["name", "-o", "json"], &files, &converted);
    assert!(names.contains("\"name\": \"layered-"), "{names}");
    let containerfile = good(&["render"], &files, &converted);
    assert!(
        containerfile.ends_with("RUN rpm-ostree install tree && \\\n  ostree container commit")
    );
    for wrong in ["v1aplha1.yaml", "v1alpha1-as-printed.yaml"] {
        let output = run(&["convert"], &[fixture(wrong)], "");
        assert_eq!(output.status.code(), Some(3), "{wrong}");
        assert!(output.stdout.is_empty(), "{wrong}");
    }
}

#[test]
fn shell_of_every_step_is_shell() {
    let mut scripts = Vec::new();
    for (extensions, kernel) in [("[]", "default"), ("[usbguard, kerberos]", "realtime")] {
        let pool = std::fs::read_to_string(fixture("cluster/pool.yaml")).unwrap();
        let pool = pool.replace("extensions: []", &format!("extensions: {extensions}"));
        let pool = pool.replace("kernelType: default", &format!("kernelType: {kernel}"));
        let files = [fixture("hotfix.yaml"), PathBuf::from("-")];
        let containerfile = good(&["render"], &files, &pool);
        scripts.extend(commands(&containerfile));
        let files = [files.as_slice(), &[fixture("cluster/shared.yaml")]].concat();
        let list = good(&["render", "--manifests", "-o", "json"], &files, &pool);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        for container in ["initContainers", "containers"] {
            let job = list
                .pointer("/items")
                .unwrap()
                .as_array()
                .unwrap()
                .last()
                .unwrap();
            let script = format!("/spec/template/spec/{container}/0/command/2");
            scripts.push(job.pointer(&script).unwrap().as_str().unwrap().to_owned());
        }
    }
    for script in scripts {
        let checked = feed(Command::new("bash").arg("-n"), &script);
        assert!(
            checked.status.success(),
            "{}\n{script}",
            text(&checked.stderr)
        );
    }
}

/// The commands of RUN instructions, as a shell gets them.
fn commands(containerfile: &str) -> Vec<String> {
    let joined = containerfile.replace("\\\n", "");
    let runs = joined.lines().filter_map(|line| line.strip_prefix("RUN "));
    runs.map(|run| match run.strip_prefix("--mount") {
        Some(rest) => rest.split_once(' ').unwrap().1.to_owned(),
        None => run.to_owned(),
    })
    .collect()
}

#[test]
fn bad_input_is_named() {
    let base = std::fs::read_to_string(fixture("hotfix.yaml")).unwrap();
    let pool = std::fs::read_to_string(fixture("cluster/pool.yaml")).unwrap();
    let check = |config: &str, pool: &str, args: &[&str], expected: &str| {
        let input = format!("{config}\n---\n{pool}");
        let files = [fixture("cluster/shared.yaml"), PathBuf::from("-")];
        let output = run(args, &files, &input);
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{expected}: {said}");
        assert!(said.contains(expected), "{expected}: {said}");
    };
    let render = ["render"];
    let unknown = pool.replace("extensions: []", "extensions: [nonsense]");
    check(
        &base,
        &unknown,
        &render,
        "invalid extensions found: [nonsense]",
    );
    let push = base.replace("operator/os-image:latest", "operator/OS-image:latest");
    check(
        &push,
        &pool,
        &["name"],
        "must be lowercase: at character 84: upper case",
    );
    check(
        &base.replace("RUN rpm", "RAN rpm"),
        &pool,
        &render,
        "containerFile 2:1: unknown",
    );
    let stage = base.replace("AS final", "AS configs");
    check(
        &stage,
        &pool,
        &render,
        "the stage name \"configs\" is taken",
    );
    let nul = base.replace("content: |\n", "content: \"FROM x\\0\"\n#");
    let nul = nul
        .lines()
        .take_while(|line| !line.starts_with('#') || line.contains("A package"));
    let nul: Vec<_> = nul.collect();
    check(
        &nul.join("\n"),
        &pool,
        &render,
        "containerFile 1:7: the text has a NUL byte",
    );
    check(
        &base,
        "",
        &["name"],
        "the input has no MachineConfigPool layered",
    );
    let empty = pool.replace("osImageURL: quay", "unused: quay");
    check(&base, &empty, &render, "has no osImageURL");
    let long = base.replace("name: layered", &format!("name: {}", "l".repeat(30)));
    let long_pool = pool.replacen("name: layered", &format!("name: {}", "l".repeat(30)), 1);
    check(
        &long,
        &long_pool,
        &["name"],
        "has 30 characters, the most is 24",
    );
    let secrets = std::fs::read_to_string(fixture("cluster/shared.yaml")).unwrap();
    let opaque = secrets.replace("kubernetes.io/dockercfg", "Opaque");
    let all = format!("{base}\n---\n{pool}\n---\n{opaque}");
    let output = run(&["render", "--manifests"], &[PathBuf::from("-")], &all);
    assert!(text(&output.stderr).contains("invalid secret key type Opaque"));
}

#[test]
fn checks_name_line_and_column() {
    let check = |args: &[&str], input: &str, code: i32, expected: &str| {
        let output = run(&[&["check"], args].concat(), &[], input);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    check(
        &[],
        "FROM configs\nRAN a\n",
        3,
        "standard input:2:1: error: unknown Dockerfile",
    );
    check(
        &[],
        "FROM configs\nRUN a\n",
        0,
        "standard input:2:1: warning: the last RUN",
    );
    check(
        &["--strict"],
        "FROM configs\nRUN a\n",
        3,
        "standard input:2:1: error: the last RUN",
    );
    check(
        &["/does/not/exist"],
        "",
        3,
        "/does/not/exist: cannot be read",
    );
    check(
        &[],
        &format!("FROM x\n{}", "#".repeat(5_000_000)),
        3,
        "5000007 bytes",
    );
}

#[test]
fn a_context_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("context");
    let args = ["render", "--context", directory.to_str().unwrap()];
    let containerfile = good(&args, &of("hotfix"), "");
    let written = std::fs::read_to_string(directory.join("Containerfile")).unwrap();
    assert_eq!(written, containerfile);
    assert!(
        directory
            .join("machineconfig/machineconfig.json.gz")
            .exists()
    );
    assert!(
        directory
            .join("openshift-config-user-ca-bundle.crt")
            .exists()
    );
    let again = run(&args, &of("hotfix"), "");
    assert_eq!(again.status.code(), Some(5), "{}", text(&again.stderr));
}
