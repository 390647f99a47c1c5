//! What a document does in a shell: every step is shell, whatever the inputs are, and packages
//! arrive as the arguments that they are.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may run a program, and stops where something is not as it should be"
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use containerfile_render::{Inputs, KernelType, extension_packages, render};
use openshift_model::Architecture;
use proptest::prelude::*;

fn inputs() -> Inputs<'static> {
    Inputs {
        base_image: "quay.io/os:1",
        extensions_image: "quay.io/extensions:1",
        extensions: &[],
        kernel_type: "default",
        architecture: &Architecture::Aarch64,
        machine_config: "rendered-worker-1",
        pool: "worker",
        content: None,
    }
}

/// The instructions of a document and what follows each, lines joined as a builder joins them.
fn instructions(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", "");
    let lines = joined.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(word, rest)| (word.to_owned(), rest.to_owned()))
        .collect()
}

/// The commands of a document, as the shell gets them.
fn commands(text: &str) -> Vec<String> {
    let runs = instructions(text).into_iter();
    runs.filter(|(word, _)| word == "RUN")
        .map(|(_, rest)| match rest.strip_prefix("--mount=") {
            Some(rest) => rest.split_once(' ').unwrap().1.to_owned(),
            None => rest,
        })
        .collect()
}

fn feed(command: &mut Command, script: &str) -> Output {
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[a-z\"'$\\\\`{}();&|<> =#-]{0,20}"]
}

fn extensions() -> impl Strategy<Value = Vec<&'static str>> {
    let known = vec![
        "two-node-ha",
        "ipsec",
        "usbguard",
        "kerberos",
        "kernel-devel",
        "sandboxed-containers",
        "sysstat",
    ];
    prop::collection::vec(prop::sample::select(known), 0..4)
}

fn kernel() -> impl Strategy<Value = KernelType> {
    prop::sample::select(vec![
        KernelType::Default,
        KernelType::Realtime,
        KernelType::Pages64k,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn il_173_every_step_is_shell_whatever_the_names_are(
        machine_config in word(),
        pool in word(),
        extensions in extensions(),
        kernel in kernel(),
    ) {
        let plain = Inputs { extensions: &extensions, kernel_type: kernel.name(), ..inputs() };
        let named = Inputs { machine_config: &machine_config, pool: &pool, ..plain };
        // A control character has no place in a name.
        if let Ok(named) = render(&named) {
            let steps = commands(&named.text);
            let checked = feed(Command::new("sh").arg("-n"), &steps.join("\n"));
            prop_assert!(checked.status.success(), "{}", text_of(&checked));
            prop_assert_eq!(steps, commands(&render(&plain).unwrap().text));
        }
    }

    #[test]
    fn il_173_il_174_packages_arrive_as_arguments(
        extensions in extensions(),
        wanted in kernel(),
        found in prop::option::of(kernel()),
        has_keys in any::<bool>(),
    ) {
        let packages = extension_packages(extensions.iter().copied()).unwrap();
        let mut expected = Vec::new();
        if !packages.is_empty() {
            expected.push(format!("gpgcheck={}", u8::from(has_keys)));
            expected.push(call("rpm-ostree install", &packages));
        }
        let is_swapped = wanted != KernelType::Default;
        if let Some(found) = found.filter(|found| is_swapped && *found != wanted) {
            expected.push(call("dnf -y shell", &[]));
            expected.push(call("dnf-shell remove", found.packages()));
            expected.push(call("dnf-shell install", wanted.packages()));
            expected.push(call("dnf-shell run", &[]));
        }
        let ends_well = !is_swapped || found.is_some();
        let done = install(&extensions, wanted, found, has_keys);
        prop_assert_eq!(done, (ends_well, expected));
    }
}

/// A call as the stand-ins record it: the words, then more arguments, each in brackets.
fn call(words: &str, arguments: &[&str]) -> String {
    let (program, rest) = words.split_once(' ').unwrap_or((words, ""));
    let words = rest.split_whitespace().chain(arguments.iter().copied());
    words.fold(program.to_owned(), |call, word| format!("{call} [{word}]"))
}

/// Programs that record how they were called. `rpm` knows the kernel `$FOUND`.
const STAND_INS: [(&str, &str); 3] = [
    (
        "rpm-ostree",
        "grep gpgcheck \"$ROOT/yum.repos.d/coreos-extensions.repo\" >> \"$ROOT/calls\"; \
         record rpm-ostree \"$@\"",
    ),
    (
        "dnf",
        "record dnf \"$@\"; while read -r line; do record dnf-shell $line; done",
    ),
    ("rpm", "[ \"$2\" = \"$FOUND\" ]"),
];

const RECORD: &str = "#!/bin/sh\nrecord() { line=$1; shift; for argument in \"$@\"; do \
    line=\"$line [$argument]\"; done; echo \"$line\" >> \"$ROOT/calls\"; }\n";

/// Runs the step that installs packages, in a folder of its own; whether it ended well, and every
/// call in order.
fn install(
    extensions: &[&str],
    wanted: KernelType,
    found: Option<KernelType>,
    has_keys: bool,
) -> (bool, Vec<String>) {
    let text = render(&Inputs {
        extensions,
        kernel_type: wanted.name(),
        ..inputs()
    });
    let text = text.unwrap().text;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["bin", "yum.repos.d", "rpm-gpg"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    if has_keys {
        fs::write(root.join("rpm-gpg/a key"), "").unwrap();
    }
    for (name, script) in STAND_INS {
        let path = root.join("bin").join(name);
        fs::write(&path, format!("{RECORD}{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut shell = shell(root, found);
    for (word, rest) in instructions(&text) {
        if let ("ARG", Some((name, value))) = (word.as_str(), rest.split_once('=')) {
            shell.env(name, value.trim_matches('"'));
        }
    }
    let steps = commands(&text);
    let mut steps = steps.iter();
    // IL-786: where nothing is to be installed there is no such step.
    let Some(step) = steps.find(|step| step.contains("rpm-ostree install")) else {
        return (true, Vec::new());
    };
    let output = feed(&mut shell, &moved(step, root));
    let is_left = root.join("yum.repos.d/coreos-extensions.repo").exists();
    assert_eq!(is_left, !output.status.success(), "{}", text_of(&output));
    let calls = fs::read_to_string(root.join("calls")).unwrap_or_default();
    let calls = calls.lines().map(str::to_owned).collect();
    (output.status.success(), calls)
}

/// A shell whose programs are the stand-ins first.
fn shell(root: &Path, found: Option<KernelType>) -> Command {
    let query = match found {
        None => "none",
        Some(KernelType::Default) => "kernel",
        Some(KernelType::Realtime) => "kernel-rt-core",
        Some(KernelType::Pages64k) => "kernel-64k-core",
    };
    let mut shell = Command::new("sh");
    let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
    shell.env_clear().env("PATH", path).env("FOUND", query);
    shell.env("ROOT", root);
    shell
}

/// The step with folders of its own instead of those of `/etc`.
fn moved(step: &str, root: &Path) -> String {
    let root = root.display().to_string();
    step.replace("/etc/yum.repos.d", &format!("{root}/yum.repos.d"))
        .replace("/etc/pki/rpm-gpg", &format!("{root}/rpm-gpg"))
}
