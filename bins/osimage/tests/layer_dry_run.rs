//! `osimage layer build --dry-run`: the commands of the builder that is there.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const BASE: &str =
    "quay.io/o/base@sha256:9999999999999999999999999999999999999999999999999999999999999999";

/// The commands and what else is said, with the programs of a folder.
fn dry_run(programs: &Path, context: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args([
            "layer",
            "build",
            "--base",
            BASE,
            "--pool",
            "worker",
            "--dry-run",
        ])
        .args(arguments)
        .arg(context)
        .env("PATH", programs)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    (lines.lines().map(str::to_owned).collect(), said)
}

fn program(folder: &Path, name: &str, version: &str, info: &str) {
    let text = format!(
        "#!/bin/sh\ncase $1 in --version) echo '{name} version {version}';; info) echo '{info}';; esac\n"
    );
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn il_055_a_dry_run_prints_the_commands_of_the_builder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    // A path with what was once replaced wherever it stood.
    let context = folder.path().join("IMAGE");
    fs::create_dir_all(&programs).unwrap();
    fs::create_dir_all(&context).unwrap();
    fs::write(
        context.join("Containerfile"),
        "FROM configs\nCOPY Containerfile /a\n",
    )
    .unwrap();
    let push = [
        "--push",
        "registry.example.com/IMAGE_/os:IMAGE",
        "--authfile",
        "IMAGE.json",
    ];
    let push: Vec<String> = push
        .iter()
        .map(|word| word.replace("IMAGE_", "images"))
        .collect();
    let push: Vec<&str> = push.iter().map(String::as_str).collect();

    let (lines, said) = dry_run(&programs, &context, &push);
    assert!(
        said.contains("buildah is not installed, podman is not installed"),
        "{said}"
    );
    let [pull, build, pushed] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(
        *pull,
        format!("buildah pull --authfile=IMAGE.json --arch=amd64 {BASE}")
    );
    assert!(build.contains(" --iidfile=image.id "), "{build}");
    assert_eq!(
        pushed,
        "buildah push --authfile=IMAGE.json --digestfile=image.digest \"$(cat image.id)\" \
         docker://registry.example.com/images/os:IMAGE"
    );

    let info = "{\"store\":{\"graphDriverName\":\"vfs\"},\"host\":{\"buildahVersion\":\"1.28.2\"}}";
    program(&programs, "podman", "4.3.1", info);
    let (lines, said) = dry_run(&programs, &context, &push);
    assert!(!said.contains("installed"), "{said}");
    assert!(
        lines.iter().all(|line| line.starts_with("podman ")),
        "{lines:?}"
    );
    // The driver of that podman keeps no layers.
    assert!(
        lines.iter().any(|line| line.contains(" --layers=false ")),
        "{lines:?}"
    );

    let both = [
        &push[..],
        &["--architecture", "aarch64", "--architecture", "x86_64"],
    ]
    .concat();
    let (lines, _) = dry_run(&programs, &context, &both);
    assert_eq!(lines.len(), 9, "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains(" --arch=arm64 ")),
        "{lines:?}"
    );
}
