//! The build script with programs that say what a real buildah (1.28) says: which code it ends with, and
//! what its termination message holds.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may run a program, and stops where something is not as it should be"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use osbuild_check::{Attempt, Termination};

const SCRIPT: &str = include_str!("../src/objects/image-build.sh");

/// Where a program stands that fails, and what it prints.
#[derive(Clone, Copy)]
struct Failing<'a> {
    /// `pull`, `bud` or `push` of buildah; else the name of another program.
    program: &'a str,
    output: &'a str,
}

struct Run {
    output: Output,
    message: String,
}

/// Runs the script in a folder of its own, where one program fails.
fn run(failing: Failing<'_>) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in [
        "bin",
        "tmp/containerfile",
        "tmp/machineconfig",
        "tmp/done",
        "etc/anchors",
        "home",
    ] {
        fs::create_dir_all(path(name)).unwrap();
    }
    fs::write(path("tmp/containerfile/Containerfile"), "FROM configs\n").unwrap();
    fs::write(path("tmp/machineconfig/machineconfig.gz"), "packed").unwrap();
    fs::write(path("etc/anchors/openshift-config-user-ca-bundle.crt"), "").unwrap();
    fs::write(path("output"), failing.output).unwrap();
    let fail = format!("cat {}; exit 125", path("output").display());
    let when = |program: &str| {
        if failing.program == program {
            &fail
        } else {
            "true"
        }
    };
    let buildah = format!(
        "while [ \"${{1#--storage}}\" != \"$1\" ]; do shift 2; done\ncase $1 in\n\
         pull) {} ;;\nbud) {} ;;\npush) {}; echo sha256:1 > {} ;;\nesac",
        when("pull"),
        when("bud"),
        when("push"),
        path("tmp/done/digestfile").display(),
    );
    program(&path("bin/buildah"), &buildah);
    program(&path("bin/p11-kit"), when("p11-kit"));
    program(&path("bin/su"), "shift 3; exec bash -c \"$1\"");
    if failing.program == "base64" {
        program(&path("bin/base64"), &format!("exec >&2; {fail}"));
    }
    let tmp = format!("{}/", path("tmp").display());
    let script = SCRIPT
        .replace("/tmp/", &tmp)
        .replace("/dev/termination-log", path("message").to_str().unwrap())
        .replace(
            "/etc/pki/ca-trust/source/anchors",
            path("etc/anchors").to_str().unwrap(),
        );
    let search = format!("{}:/usr/bin:/bin", path("bin").display());
    let output = Command::new("bash")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", search)
        .env("HOME", path("home"))
        .envs([
            ("TAG", "r.io/o/i:t"),
            ("BASE_OS_IMAGE_PULLSPEC", "r.io/o/base:1"),
            ("BASE_IMAGE_PULL_CREDS", "base"),
            ("FINAL_IMAGE_PUSH_CREDS", "push"),
            ("HTTP_PROXY", ""),
            ("HTTPS_PROXY", ""),
            ("NO_PROXY", ""),
        ])
        .output()
        .unwrap();
    let message = fs::read_to_string(path("message")).unwrap_or_default();
    Run { output, message }
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/bash\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Checks code and cause.
fn check(program: &str, output: &str, expected: (i32, &str)) {
    let run = run(Failing { program, output });
    let stderr = String::from_utf8_lossy(&run.output.stderr).into_owned();
    let code = run.output.status.code().unwrap();
    let message = Termination::read(&run.message);
    let Some(message) = message else {
        panic!(
            "no result of {program} {output:?}: {code} {stderr} {:?}",
            run.message
        );
    };
    assert_eq!(
        (code, message.reason.as_str()),
        expected,
        "{output} {stderr}"
    );
    let attempt = Attempt {
        exit_code: Some(code.into()),
        message: run.message,
        ..Attempt::default()
    };
    assert_eq!(attempt.failure().unwrap().cause, expected.1);
}

#[test]
fn il_780_a_pull_that_fails_has_its_cause() {
    let source =
        "Trying to pull r.io/o/base:1...\nError: initializing source docker://r.io/o/base:1: ";
    for (text, expected) in [
        (
            "reading manifest 1 in r.io/o/base: manifest unknown: manifest unknown",
            (20, "BaseNotFound"),
        ),
        (
            "reading manifest 1 in r.io/o/base: unauthorized: authentication required",
            (21, "BaseDenied"),
        ),
        (
            "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
            (21, "BaseDenied"),
        ),
        (
            "pinging container registry r.io: Get \"https://r.io/v2/\": dial tcp: lookup r.io: no such host",
            (22, "BaseUnreachable"),
        ),
        (
            "pinging container registry r.io: received unexpected HTTP status: 503 Service Unavailable",
            (22, "BaseUnreachable"),
        ),
        // Digits of a digest are no status.
        (
            "reading blob sha256:4040403403: unexpected end",
            (22, "BaseUnreachable"),
        ),
    ] {
        check("pull", &format!("{source}{text}\n"), expected);
    }
    check(
        "pull",
        "write /var/tmp/x: no space left on device\nError: copying\n",
        (50, "NoSpace"),
    );
}

#[test]
fn il_780_a_build_that_fails_is_final_only_where_it_is_certain() {
    for (text, expected) in [
        (
            "building at STEP \"RUN exit 42\": exit status 42",
            (31, "StepFailed"),
        ),
        (
            "building at STEP \"FOO \": Build error: Unknown instruction: \"FOO\"",
            (30, "InvalidContainerfile"),
        ),
        (
            "parsing main Dockerfile: ENV must have two arguments",
            (30, "InvalidContainerfile"),
        ),
        ("no FROM statement found", (30, "InvalidContainerfile")),
        (
            "building at STEP \"COPY a /x\": checking on sources under \"/c\": copier: stat: \"/a\": no such file or directory",
            (30, "InvalidContainerfile"),
        ),
        (
            "building at STEP \"COPY a\": COPY requires at least one argument",
            (30, "InvalidContainerfile"),
        ),
        // A file that a step fetches, and an image that a stage starts from.
        (
            "building at STEP \"ADD http://h/x /x\": reading \"http://h/x\": dial tcp: connection refused",
            (31, "StepFailed"),
        ),
        (
            "creating build container: initializing source docker://q.io/a:b: pinging container registry q.io: dial tcp: connection refused",
            (22, "BaseUnreachable"),
        ),
        (
            "creating build container: initializing source docker://q.io/a:b: reading manifest b in q.io/a: manifest unknown",
            (20, "BaseNotFound"),
        ),
        (
            "creating build container: initializing source docker://q.io/a:b: reading manifest b in q.io/a: unauthorized",
            (21, "BaseDenied"),
        ),
        // What a user wrote is no cause.
        (
            "building at STEP \"RUN curl x || echo \\\"manifest unknown reading manifest\\\"\": exit status 1",
            (31, "StepFailed"),
        ),
        ("something that nobody has seen before", (31, "StepFailed")),
    ] {
        check(
            "bud",
            &format!("STEP 1/2: FROM x\nError: {text}\n"),
            expected,
        );
    }
    check(
        "bud",
        "cp: No space left on device\nError: building: exit status 1\n",
        (50, "NoSpace"),
    );
}

#[test]
fn il_780_a_push_that_fails_has_its_cause() {
    let start = "Error: pushing image \"r.io/o/i:t\" to \"docker://r.io/o/i:t\": ";
    for (text, expected) in [
        (
            "checking whether a blob sha256:01 exists in r.io/o/i: unauthorized: authentication required",
            (40, "PushDenied"),
        ),
        (
            "denied: requested access to the resource is denied",
            (40, "PushDenied"),
        ),
        (
            "pinging container registry r.io: dial tcp: connection refused",
            (42, "PushUnreachable"),
        ),
        (
            "writing blob: received unexpected HTTP status: 500 Internal Server Error",
            (42, "PushUnreachable"),
        ),
        ("writing manifest: manifest invalid", (41, "PushRefused")),
    ] {
        check("push", &format!("{start}{text}\n"), expected);
    }
}

#[test]
fn il_781_every_preparation_that_fails_says_so() {
    check("p11-kit", "p11-kit: couldn't write\n", (10, "InvalidInput"));
    check("base64", "base64: broken\n", (10, "InvalidInput"));
    check(
        "base64",
        "base64: write error: No space left on device\n",
        (50, "NoSpace"),
    );
}

#[test]
fn il_782_no_password_is_printed_or_kept() {
    let run = run(Failing {
        program: "push",
        output: "Error: proxyconnect http://user:p@ss@proxy:3128/ \"quoted\" \\ failed\n",
    });
    let printed = String::from_utf8_lossy(&run.output.stdout).into_owned()
        + &String::from_utf8_lossy(&run.output.stderr);
    assert!(
        !printed.contains("p@ss") && !run.message.contains("p@ss"),
        "{printed}{}",
        run.message
    );
    let message = Termination::read(&run.message).unwrap();
    assert_eq!(
        message.text,
        "Error: proxyconnect http://***@proxy:3128/ \"quoted\" \\ failed "
    );
}

#[test]
fn il_781_a_build_that_ends_well_says_its_digest() {
    let run = run(Failing {
        program: "nothing",
        output: "",
    });
    assert_eq!(run.output.status.code(), Some(0));
    let message = Termination::read(&run.message).unwrap();
    assert_eq!(
        (message.digest.as_str(), message.driver.as_str()),
        ("sha256:1", "overlay")
    );
}
