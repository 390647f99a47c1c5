//! The upgrade of a Secret: texts and annotations that the rest of a cluster knows.
#![expect(clippy::unwrap_used, reason = "a test")]

use ignition_stub_convert::{
    SecretUpgrade, TargetVersion, UPGRADED_AT_ANNOTATION, UPGRADED_TO_ANNOTATION, upgrade,
};

const NOW: &str = "2026-11-21T10:00:00Z";

fn check_error(user_data: &[u8], expected: &str) {
    let error = upgrade("worker-user-data", user_data, TargetVersion::V3_4, NOW).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bi_021_a_converted_secret_is_annotated() {
    let stub = br#"{"ignition":{"version":"2.1.0"}}"#;
    assert_eq!(
        upgrade("worker-user-data", stub, TargetVersion::V3_5, NOW),
        Ok(SecretUpgrade::Upgraded {
            user_data: r#"{"ignition":{"version":"3.5.0"}}"#.to_owned(),
            annotations: [
                (UPGRADED_TO_ANNOTATION, "3.5.0".to_owned()),
                (UPGRADED_AT_ANNOTATION, NOW.to_owned()),
            ],
            from: "2.1.0",
            to: TargetVersion::V3_5,
            notes: Vec::new(),
        })
    );
}

#[test]
fn bi_355_a_current_secret_is_left_alone() {
    let stub = br#"{"ignition":{"version":"3.2.0"}}"#;
    let version = "3.2.0".to_owned();
    assert_eq!(
        upgrade("worker-user-data", stub, TargetVersion::V3_4, NOW),
        Ok(SecretUpgrade::Current { version })
    );
}

#[test]
fn bi_352_texts_of_the_reference() {
    check_error(
        b"",
        "failed to unmarshal decoded user-data to json (secret worker-user-data): unexpected end of JSON inputt",
    );
    check_error(
        b"this is not json {data}",
        "failed to unmarshal decoded user-data to json (secret worker-user-data): expected identt",
    );
    check_error(
        b"\x1f\x8b",
        "failed to unmarshal decoded user-data to json (secret worker-user-data): compressed with gzip: unpack it firstt",
    );
    check_error(
        br#"{"ignition":{"version":2.2}}"#,
        "failed to find version field in ignition (user data secret worker-user-data): $.ignition.version is a number, expected a string",
    );
    check_error(
        b"null",
        "failed to find version field in ignition (user data secret worker-user-data): $ is null, expected an object",
    );
    check_error(
        br#"{"ignition":{"version":"1.2.0"}}"#,
        "converting ignition stub failed: failed to parse Ignition config: parsing Ignition config failed: unknown version. Supported spec versions: 2.2,3.0,3.1,3.2,3.3,3.4,3.5",
    );
    check_error(
        br#"{"ignition":{"version":"2.2.0"},"passwd":{"users":[{"name":"bob"}]}}"#,
        "converting ignition stub failed: unexpected user with name: bob. Only core user is supported",
    );
}

#[test]
fn bi_352_whether_a_stub_would_lose_something_is_told() {
    let lost = upgrade(
        "s",
        br#"{"ignition":{"version":"2.2.0"},"x":1}"#,
        TargetVersion::V3_4,
        NOW,
    );
    let lost = lost.unwrap_err();
    assert!(lost.would_lose());
    assert_eq!(lost.obstacles()[0].pointer, "/x");
    let none = upgrade("s", b"{}", TargetVersion::V3_4, NOW).unwrap_err();
    assert!(!none.would_lose());
    assert_eq!(none.obstacles(), []);
}
