//! `osimage ignition`: exit codes, and that nothing is printed that should not be.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs the command with this standard input.
fn osimage(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .arg("ignition")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn bi_355_what_is_current_comes_back_byte_for_byte() {
    for input in [
        &b"  {\"ignition\":{\"version\":\"3.2.0\"}}\r\n\r\n"[..],
        b"{\"ignition\":{\"version\":\"3.2.0\",\"x\":\"\xff\"}}",
        b"# a comment\nkind: Secret\nstringData: {userData: '{\"ignition\":{\"version\":\"3.0.0\"}}'}\n",
        b"{\"kind\":\"Secret\",   \"data\":{\"userData\":\"eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMy4wLjAifX0=\"}}",
    ] {
        for args in [&["convert"][..], &["convert", "-", "-o", "yaml", "--to", "3.5.0"]] {
            let output = osimage(args, input);
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            assert_eq!(output.stdout, input);
        }
        let output = osimage(&["convert", "--diff"], input);
        assert_eq!((output.status.code(), output.stdout), (Some(0), Vec::new()));
    }
}

/// Both subcommands end with this code; `convert` prints nothing but this reason.
fn check_refused(input: &[u8], code: i32, reason: &str) {
    let output = osimage(&["convert"], input);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    assert!(
        text(&output.stderr).contains(reason),
        "{}",
        text(&output.stderr)
    );
    for secret in ["s3cr3t", "czNjcjN0"] {
        assert!(
            !text(&output.stderr).contains(secret),
            "{}",
            text(&output.stderr)
        );
    }
    let output = osimage(&["convert", "--diff"], input);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(code), String::new())
    );
    let output = osimage(&["check", "-o", "json"], input);
    assert_eq!(output.status.code(), Some(code));
    let check: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(check["decision"], "Blocked");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn bi_351_what_is_no_ignition_config_is_3() {
    for (input, reason) in [
        (&b""[..], "not a config (empty)"),
        (b"s3cr3t", "expected value"),
        (b"\x1f\x8b\x08\0", "compressed with gzip"),
        (b"\xef\xbb\xbf{}", "byte-order mark"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (
            b"{\"ignition\":{\"version\":\"2.2.0\"},\"x\":\"\xff\"}",
            "not UTF-8 at byte 37",
        ),
        (
            b"Content-Type: multipart/mixed; boundary=s3cr3t\n",
            "MIME multipart",
        ),
        (b"#cloud-config\npassword: s3cr3t\n", "coreos-cloudconfig"),
        (b"#!/bin/sh\necho s3cr3t\n", "coreos-cloudinit script"),
        (b"{}", "invalid version"),
        (b"[]", "expected an object"),
        (
            b"{\"ignition\":{\"version\":\"s3cr3t\"}}",
            "invalid version",
        ),
        (
            b"{\"ignition\":{\"version\":\"2.2.0\"},\"storage\":\"s3cr3t\"}",
            "/storage: is a string, expected an object",
        ),
        (
            b"kind: Secret\nmetadata: {name: s}\n",
            "failed to unmarshal decoded user-data to json (secret s): unexpected end of JSON inputt",
        ),
    ] {
        check_refused(input, 3, reason);
    }
}

#[test]
fn bi_363_what_would_lose_something_is_5() {
    for (input, reason) in [
        (&b"{\"ignition\":{\"version\":\"2.2.0\"},\"x\":\"s3cr3t\"}"[..], "/x: is no key"),
        (b"{\"ignition\":{\"version\":\"2.4.0\"}}", "unknown version"),
        (
            b"{\"ignition\":{\"version\":\"2.2.0\"},\"networkd\":{\"units\":[{\"contents\":\"s3cr3t\"}]}}",
            "/networkd/units: config includes deprecated networkd section",
        ),
        (
            b"kind: Secret\nstringData: {userData: '{\"ignition\":{\"version\":\"2.2.0\"},\"x\":\"s3cr3t\"}'}",
            "converting ignition stub failed: failed to convert Ignition config spec v2 to v3",
        ),
    ] {
        check_refused(input, 5, reason);
    }
}

#[test]
fn files_that_hold_no_stub_are_3() {
    for (input, reason) in [
        (
            &b"kind: List\nitems: []\n"[..],
            "a List: name a stub, or one Secret",
        ),
        (
            b"{\"kind\":\"Secret\",\"data\":{\"userData\":\"s3cr3t!\"}}",
            "is not base64",
        ),
    ] {
        for args in [["convert"], ["check"]] {
            let output = osimage(&args, input);
            assert_eq!(output.status.code(), Some(3));
            assert_eq!(text(&output.stdout), "");
            let expected = format!("osimage: standard input: {reason}");
            assert!(text(&output.stderr).contains(reason), "{expected}");
            assert!(!text(&output.stderr).contains("s3cr3t"));
        }
    }
    let output = osimage(&["convert", "no-such-file"], b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no-such-file: cannot be read"));
}

#[test]
fn a_secret_comes_out_in_the_format_that_it_had() {
    let json = br#"{"apiVersion":"v1","kind":"Secret","data":{"userData":"eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMi4yLjAifX0="}}"#;
    let converted = |args: &[&str]| {
        let output = osimage(args, json);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let secret: serde_json::Value = serde_json::from_str(&converted(&["convert"])).unwrap();
    assert_eq!(
        secret["data"]["userData"],
        "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMy40LjAifX0="
    );
    let annotations = &secret["metadata"]["annotations"];
    let to = "machineconfiguration.openshift.io/stub-ignition-upgraded-to";
    let at = "machineconfiguration.openshift.io/stub-ignition-upgraded-at";
    assert_eq!(annotations[to], "3.4.0");
    let time = annotations[at].as_str().unwrap();
    assert!(
        time.len() == "2026-11-21T10:00:00Z".len() && time.ends_with('Z'),
        "{time}"
    );
    let yaml = cluster_io::yaml::from_str(&converted(&["convert", "-o", "yaml"])).unwrap();
    assert_eq!(yaml["data"], secret["data"]);
}
