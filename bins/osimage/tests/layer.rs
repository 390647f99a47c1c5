//! Examples of layered images: each gets a name, renders, and is checked without a word of advice.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
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
            [
                &["MachineOSBuild"],
                &config_maps[..],
                &["Secret", "Secret", "Job"]
            ]
            .concat(),
            "{example}"
        );
        let mounts_entitlement = manifests.contains("etc-pki-entitlement-layered");
        assert_eq!(mounts_entitlement, example == "rhel-entitled", "{example}");
    }
}

fn guide(name: &str) -> String {
    let guides = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides");
    std::fs::read_to_string(Path::new(guides).join(name)).unwrap()
}

#[test]
fn the_guide_shows_the_examples() {
    let guide = guide("layer-an-image.md");
    for example in EXAMPLES {
        let block = format!("```dockerfile\n{}```\n", content(example));
        assert!(guide.contains(&block), "{example}");
    }
}

/// Every command of the guide, on files with the names that it gives them.
#[test]
fn the_guides_commands_work_as_printed() {
    let guide = guide("layer-an-image.md");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let shared = std::fs::read_to_string(fixture("cluster/shared.yaml")).unwrap();
    let cluster = [pool(), shared, hotfix()].join("---\n");
    let read = |name: &str| std::fs::read_to_string(fixture(name)).unwrap();
    write("Containerfile", &content("hotfix"));
    write("cluster.yaml", &cluster);
    write("new.yaml", &read("epel.yaml"));
    write("old.yaml", &read("v1alpha1.yaml"));
    std::fs::create_dir(folder.path().join("must-gather")).unwrap();
    write("must-gather/all.yaml", &cluster);
    let commands = run_commands(&guide, folder.path());
    assert!(commands >= 8, "{commands}");
}

/// The same, of the guide to layering outside the cluster.
#[test]
fn the_commands_of_the_other_guide_work_as_printed() {
    let guide = guide("layering-outside-the-cluster.md");
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let to = folder.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(fixture(from), to).unwrap();
    };
    copy("status/dump.yaml", "must-gather/all.yaml");
    copy("local/motd", "folder/motd");
    copy("local/Containerfile", "folder/Containerfile");
    let shown = std::fs::read_to_string(fixture("local/Containerfile")).unwrap();
    assert!(guide.contains(&format!("```dockerfile\n{shown}```\n")));
    assert_eq!(run_commands(&guide, folder.path()), 3);
}

/// Runs every command of a guide; how many there were.
fn run_commands(guide: &str, folder: &Path) -> usize {
    let lines = guide.lines();
    let commands = lines.filter_map(|line| line.strip_prefix("$ osimage "));
    let run = |line: &str| {
        let line = line.split(" > ").next().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
        command.current_dir(folder);
        let output = feed(command.args(line.split_whitespace()), "");
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        assert!(
            line.contains(" check ") || !output.stdout.is_empty(),
            "{line}"
        );
    };
    commands.map(run).count()
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

/// Runs a command on the cluster of the examples with other documents, and checks the code and
/// what is said.
fn bad(args: &[&str], documents: &[&str], expected: &[&str]) {
    let files = [fixture("cluster/shared.yaml"), PathBuf::from("-")];
    let output = run(args, &files, &documents.join("\n---\n"));
    let said = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{expected:?}: {said}");
    for expected in expected {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

fn hotfix() -> String {
    std::fs::read_to_string(fixture("hotfix.yaml")).unwrap()
}

fn pool() -> String {
    std::fs::read_to_string(fixture("cluster/pool.yaml")).unwrap()
}

/// The hotfix with another Containerfile, as a JSON string.
fn with_content(content: &str) -> String {
    let (head, _) = hotfix_parts();
    format!("{head}content: {}\n", serde_json::Value::from(content))
}

fn hotfix_parts() -> (String, String) {
    let hotfix = hotfix();
    let (head, tail) = hotfix.split_once("content: |\n").unwrap();
    (head.to_owned(), tail.to_owned())
}

#[test]
fn il_164_an_unknown_extension_is_named() {
    let unknown = pool().replace("extensions: []", "extensions: [usbguard, nonsense]");
    let expected = [
        "MachineOSConfig layered: invalid extensions found: [nonsense]",
        "correct `extensions` of the MachineConfig; there are two-node-ha, ipsec, usbguard",
    ];
    bad(&["render"], &[&hotfix(), &unknown], &expected);
}

#[test]
fn il_123_a_push_spec_is_refused_with_the_position() {
    for command in ["name", "render"] {
        let upper = hotfix().replace("operator/os-image:latest", "operator/OS-image:latest");
        let expected = [
            "layered",
            "spec.renderedImagePushSpec: invalid reference format",
            "must be lowercase: at character 84: upper case",
        ];
        bad(&[command], &[&upper, &pool()], &expected);
    }
    let refused = hotfix().replace(
        "image-registry.openshift-image-registry.svc:5000",
        "localhost:5000",
    );
    let output = run(
        &["name"],
        &[fixture("cluster"), PathBuf::from("-")],
        &refused,
    );
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "warning: MachineOSConfig layered: the API server would refuse it: \
             spec.renderedImagePushSpec: Invalid value: \"localhost:5000/"
        ),
        "{said}"
    );
}

#[test]
fn il_716_a_push_spec_with_several_namespaces_is_refused() {
    let deep = hotfix().replace("operator/os-image:latest", "operator/a/os-image:latest");
    let deep = deep.replace(
        "image-registry.openshift-image-registry.svc:5000",
        "quay.io",
    );
    for command in ["name", "render", "convert"] {
        let expected = [
            "spec.renderedImagePushSpec: ",
            "has several levels of namespaces",
        ];
        bad(&[command], &[&deep, &pool()], &expected);
    }
}

#[test]
fn what_a_person_should_know_of_a_build_is_told() {
    let check = |documents: &[String], expected: &str| {
        let files = [fixture("cluster/shared.yaml"), PathBuf::from("-")];
        let output = run(&["render"], &files, &documents.join("\n---\n"));
        let said = text(&output.stderr);
        assert!(
            output.status.success() && said.contains(expected),
            "{expected}: {said}"
        );
    };
    let tagged = pool();
    let (before, rest) = tagged.split_once("osImageURL: ").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    let tagged = format!("{before}osImageURL: quay.io/org/os:4.20\n{after}");
    check(
        &[hotfix(), tagged],
        "is \"quay.io/org/os:4.20\", a tag: the image behind it can change",
    );
    let copied = hotfix().replace(
        "builder-dockercfg-7lzwl",
        "builder-dockercfg-7lzwl-canonical",
    );
    check(
        &[copied, pool()],
        "spec.renderedImagePushSecret names \"builder-dockercfg-7lzwl-canonical\", a copy",
    );
    let other = hotfix().replace(
        "  containerFile:\n",
        "  containerFile:\n  - {containerfileArch: ARM64, content: FROM configs}\n",
    );
    check(
        &[other, pool()],
        "spec.containerFile has an entry for ARM64",
    );
}

#[test]
fn numbers_of_callouts_are_named_as_such() {
    let converted = std::fs::read_to_string(fixture("v1alpha1.yaml")).unwrap();
    for (from, to) in [
        ("imageBuilder:", "imageBuilder: 3"),
        ("containerFile:", "containerFile: (4)"),
        ("v1alpha1", "v1alpha1 (1)"),
        ("os-image:latest", "os-image:latest  7"),
        ("global-pull-secret-copy", "global-pull-secret-copy <2>"),
    ] {
        let output = run(
            &["convert"],
            &[PathBuf::from("-")],
            &converted.replacen(from, to, 1),
        );
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{to}: {said}");
        assert!(
            said.contains("looks like the number of a callout"),
            "{to}: {said}"
        );
    }
}

#[test]
fn il_785_what_is_too_large_is_named() {
    let file = "A".repeat(2_600_000);
    // Not to be packed: every block is another one.
    let mut source = String::with_capacity(file.len());
    let mut state = 1_u64;
    while source.len() < file.len() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        source.push_str(&format!("{state:016x}"));
    }
    let large = pool().replace("osImageURL:", &format!("large: {source}\n  osImageURL:"));
    let expected = [
        "the rendered MachineConfig, packed takes",
        "which holds 1048576",
    ];
    bad(&["render"], &[&hotfix(), &large], &expected);
}

#[test]
fn il_470_a_secret_of_the_wrong_type_is_named() {
    let shared = std::fs::read_to_string(fixture("cluster/shared.yaml")).unwrap();
    let args = ["render", "--manifests"];
    let check = |shared: &str, expected: &str| {
        let all = [hotfix(), pool(), shared.to_owned()].join("\n---\n");
        let output = run(&args, &[PathBuf::from("-")], &all);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(output.stdout.is_empty(), "{said}");
    };
    check(
        &shared.replace("kubernetes.io/dockercfg", "Opaque"),
        "could not canonicalize secret builder-dockercfg-7lzwl",
    );
    check(
        &shared.replace("kubernetes.io/dockercfg", "Opaque"),
        "invalid secret key type Opaque, expected 'kubernetes.io/dockercfg' or",
    );
    check(
        &shared.replace("stringData:\n  .dockercfg: '", "data:\n  .dockercfg: '!"),
        "Secret openshift-machine-config-operator/builder-dockercfg-7lzwl: /data/.dockercfg: the \
         value is not base64",
    );
    check(
        &shared.replace("machineConfigOperator", "other"),
        "ConfigMap machine-config-operator-images: images.json has no member machineConfigOperator",
    );
}

#[test]
fn il_460_a_missing_secret_is_named_and_its_copy_left_out() {
    let args = ["render", "--manifests", "--builder-image", "quay.io/mco:1"];
    let files = [fixture("cluster/pool.yaml"), fixture("hotfix.yaml")];
    let output = run(&args, &files, "");
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    for expected in [
        "warning: could not validate baseImagePullSecret \"global-pull-secret-copy\" for \
         MachineOSConfig layered: secret global-pull-secret-copy from layered is not found",
        "warning: could not validate renderedImagePushSecret \"builder-dockercfg-7lzwl\"",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!text(&output.stdout).contains("kind: Secret"));
}

#[test]
fn what_no_containerfile_can_be_is_named_with_its_place() {
    let check = |content: &str, expected: &str| {
        let config = with_content(content);
        let expected = format!("MachineOSConfig layered: {expected}");
        bad(&["render"], &[&config, &pool()], &[&expected]);
    };
    check(
        "FROM configs\nRAN rpm",
        "containerFile 2:1: unknown Dockerfile instruction: ran",
    );
    check(
        "FROM x\0",
        "containerFile 1:7: the text has a NUL byte, which no \
         builder takes: remove it",
    );
    for name in ["configs", "extract"] {
        check(
            &format!("FROM configs AS a\nFROM a AS {name}\n"),
            &format!("containerFile 2:1: the stage name \"{name}\" is taken"),
        );
    }
    check(
        &format!("FROM configs\n{}", "#".repeat(5_000_000)),
        "containerFile 1:1: the text has 5000013 bytes",
    );
}

#[test]
fn two_pools_for_one_name_and_two_configs_for_one_pool_are_refused() {
    let other = pool().replace("99-worker-ssh", "98-other");
    let expected = ["error: MachineConfigPool layered stands twice in the input and differs"];
    for command in ["name", "render"] {
        bad(&[command], &[&hotfix(), &pool(), &other], &expected);
        // The same twice is the same; a MachineOSConfig behind a dump replaces the one in it.
        let files = [
            fixture("cluster"),
            fixture("hotfix.yaml"),
            fixture("cluster"),
        ];
        good(&[command], &files, "");
    }
    let files = [
        fixture("cluster"),
        fixture("hotfix.yaml"),
        fixture("epel.yaml"),
    ];
    let replaced = good(&["name"], &files, "");
    assert_eq!(replaced, good(&["name"], &of("epel"), ""));
    let second = hotfix().replacen("name: layered", "name: second", 1);
    let expected = [
        "second\n  error  MachineOSConfig layered for MachineConfigPool layered is older and has it",
        "layered\n  build  layered-",
    ];
    bad(&["name"], &[&hotfix(), &second, &pool()], &expected);
    let refused = ["MachineOSConfig second: MachineOSConfig layered for MachineConfigPool layered"];
    bad(
        &["render", "second"],
        &[&hotfix(), &second, &pool()],
        &refused,
    );
}

#[test]
fn what_is_missing_is_named() {
    let check = |documents: &[&str], expected: &str| bad(&["name"], documents, &[expected]);
    check(&[&hotfix()], "the input has no MachineConfigPool layered");
    let config = "name: rendered-layered-0a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let pool = pool();
    let untold = pool.replacen(config, "name: ''", 1);
    check(
        &[&hotfix(), &untold],
        "MachineConfigPool layered has no rendered MachineConfig yet",
    );
    let gone = pool.replacen(config, "name: rendered-layered-1", 1);
    check(
        &[&hotfix(), &gone],
        "the input has no MachineConfig rendered-layered-1",
    );
    let empty = pool.replace("osImageURL: quay", "unused: quay");
    let expected = ["has no osImageURL: there is nothing to build from"];
    bad(&["render"], &[&hotfix(), &empty], &expected);
    let long = |text: &str| text.replace("name: layered", &format!("name: {}", "l".repeat(30)));
    check(
        &[&long(&hotfix()), &long(&pool)],
        "has 30 characters, the most is 24",
    );
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
        &[],
        "RUN a\n",
        0,
        "1:1: warning: the text has no FROM and continues stage `configs`",
    );
    check(
        &["--strict"],
        "FROM configs\nRUN a\n",
        3,
        "standard input:2:1: error: the last RUN",
    );
    check(
        &["--out-of-cluster"],
        "RUN a\n",
        3,
        "one FROM instruction: begin with `FROM` and the image to build from",
    );
    let here_document = "FROM configs\nRUN <<A\nbootc container lint\nA\n";
    let checked = "checked as the text of a MachineOSConfig, for buildah 1.33 and later";
    check(&[], here_document, 0, checked);
    let old = ["--builder", "1.28.2"];
    check(
        &old,
        here_document,
        3,
        "3:1: error: unknown Dockerfile instruction: bootc",
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
fn time_grows_with_the_text_alone() {
    for (unit, what) in [
        ("rpm-ostree", "one long word"),
        ("ostree container ", "words that begin a command"),
        ("\\\n", "lines that go on"),
        ("<<A ", "here-documents"),
        ("ONBUILD ", "instructions of instructions"),
        ("a=b ", "pairs"),
        ("[", "arrays"),
    ] {
        let content = format!("FROM configs\nRUN {}\n", unit.repeat(900_000 / unit.len()));
        let started = std::time::Instant::now();
        run(&["check"], &[], &content);
        let seconds = started.elapsed().as_secs();
        assert!(seconds < 20, "{what}: {seconds} s");
    }
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
