//! The definitions have OpenShift's rules: the API server takes what is valid and rejects what is
//! not. Our own definitions and OpenShift's must agree on every sample.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a part of tests: what goes wrong here fails the test, with a message"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use test_control_plane::{ControlPlane, Identity};

/// What is to be found in the API server's message.
const EXPECTED: &str = "# expect: ";

fn samples(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/samples")
        .join(folder)
}

#[test]
fn bi_083_il_473_our_definitions_take_valid_samples_and_reject_invalid_ones() {
    if let Some(control_plane) = ControlPlane::start() {
        check(&control_plane);
    }
}

#[test]
fn bi_083_il_473_openshifts_definitions_take_valid_samples_and_reject_invalid_ones() {
    if let Some(control_plane) = ControlPlane::start_with_openshift_definitions() {
        check(&control_plane);
    }
}

fn check(control_plane: &ControlPlane) {
    control_plane.create_all(&samples("valid"));
    let sets = "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
    let list = control_plane.get(sets);
    assert!(
        list["items"]
            .as_array()
            .is_some_and(|items| items.len() >= 2),
        "{list}"
    );
    let configuration = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
    let configuration = control_plane.get(configuration);
    let status = &configuration["status"]["bootImageSkewEnforcementStatus"];
    assert_eq!(status["mode"], "Automatic", "{configuration}");

    let files = std::fs::read_dir(samples("invalid")).unwrap();
    let mut rejected = 0;
    for file in files.map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().find_map(|line| line.strip_prefix(EXPECTED));
        let expected = expected.unwrap_or_else(|| panic!("{} expects nothing", file.display()));
        let mut object: Value = serde_saphyr::from_str(&text).unwrap();
        // Singletons are there already; what is checked is the object, not whether it is new.
        object["metadata"]["resourceVersion"] = Value::Null;
        let error = control_plane
            .try_create(&object)
            .expect_err(&file.display().to_string());
        assert!(
            error.contains(expected.trim()),
            "{}: {error}",
            file.display()
        );
        rejected += 1;
    }
    assert!(rejected > 0);
}

#[test]
fn the_audit_log_tells_who_did_what() {
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    control_plane.create_all(&samples("valid"));
    let before = control_plane.audit().len();
    control_plane.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data");
    let calls = control_plane.audit();
    let [call] = &calls[before..] else {
        panic!("one call was made: {calls:?}");
    };
    assert_eq!(
        (
            call.verb.as_str(),
            call.resource.as_str(),
            call.name.as_str()
        ),
        ("get", "secrets", "worker-user-data")
    );
    assert_eq!((call.user.as_str(), call.code), (ControlPlane::ADMIN, 200));
    assert!(!call.is_write());
    assert!(calls.iter().any(|call| {
        call.resource == "machinesets.machine.openshift.io/status" && call.is_write()
    }));
    let account = Identity::ServiceAccount {
        namespace: "default".to_owned(),
        name: "reader".to_owned(),
    };
    let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig(&account)).unwrap();
    assert!(kubeconfig.contains("token"));
}
