//! Ignition's own validator takes what was converted.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod stubs;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ignition_stub_convert::{Conversion, TargetVersion, convert};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// How many stubs are tried: the validator is a process each, a few milliseconds.
const STUBS: usize = 200;

/// The validator: `$IGNITION_VALIDATE`, or `ignition-validate` on the path.
#[expect(clippy::disallowed_methods, reason = "a test may look for a program")]
fn validator() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("IGNITION_VALIDATE") {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("ignition-validate"))
        .find(|program| program.is_file())
}

/// What the validator says against a document, if anything.
#[expect(clippy::disallowed_methods, reason = "a test may run a program")]
fn complaint(program: &PathBuf, document: &str) -> Option<String> {
    let mut child = Command::new(program)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&text).into_owned())
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "past the test harness, which keeps what a test prints that passes"
)]
fn bi_369_ignition_takes_what_was_converted() {
    let Some(program) = validator() else {
        let _ = std::io::stderr().write_all(
            b"\nSKIPPED: no ignition-validate; `go install \
            github.com/coreos/ignition/v2/validate@v2.22.0` and set IGNITION_VALIDATE\n",
        );
        return;
    };
    assert!(
        complaint(
            &program,
            r#"{"ignition":{"version":"3.4.0","config":{"merge":[{}]}}}"#
        )
        .is_some()
    );
    let mut runner = TestRunner::deterministic();
    let mut accepted = 0;
    for _ in 0..STUBS {
        let stub = stubs::stub()
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .to_string();
        for target in [TargetVersion::V3_4, TargetVersion::V3_5] {
            if let Ok(Conversion::Converted(converted)) = convert(stub.as_bytes(), target) {
                let complaint = complaint(&program, &converted.document);
                assert_eq!(complaint, None, "{}", converted.document);
                accepted += 1;
            }
        }
    }
    assert!(
        accepted > STUBS / 4,
        "most stubs at random should convert: {accepted}"
    );
}
