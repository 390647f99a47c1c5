use super::*;
use crate::decide::ObjectRef;

fn config() -> Value {
    json!({"apiVersion": openshift_model::V1, "kind": "MachineOSConfig",
        "metadata": {"name": "worker", "uid": "c", "resourceVersion": "7", "generation": 3,
            "annotations": {mosb_naming::keys::REBUILD: ""}},
        "spec": {"machineConfigPool": {"name": "worker"},
            "renderedImagePushSpec": "quay.io/org/os:mine"},
        "status": {"currentImagePullSpec": "quay.io/org/os@sha256:1",
            "conditions": [{"type": "Foreign", "status": "True"}]}})
}

fn build() -> Value {
    json!({"apiVersion": openshift_model::V1, "kind": "MachineOSBuild",
        "metadata": {"name": "worker-1", "uid": "b", "resourceVersion": "8",
            "labels": {mosb_naming::keys::MACHINE_OS_CONFIG: "worker"},
            "annotations": {}, "finalizers": ["foregroundDeletion", FINALIZER]},
        "spec": {"machineConfig": {"name": "rendered-worker-1"}}, "status": {}})
}

fn id() -> ObjectRef {
    ObjectRef {
        name: "worker-1".to_owned(),
        uid: "b".to_owned(),
        resource_version: "8".to_owned(),
    }
}

/// The requests of a step: verb, address and body; and the reasons of its events.
fn check(action: &Action) -> (Vec<Value>, Vec<String>) {
    let (config, builds) = (config(), [build()]);
    let pool = json!({"metadata": {"name": "worker", "uid": "p"}, "status": {"conditions": [
        {"type": "Updated", "status": "True"}]}});
    let inputs = WriteInputs {
        now: "2026-01-01T00:00:00Z",
        config: &config,
        builds: &builds,
        pool: Some(&pool),
        new_build: Some(&builds[0]),
        objects: None,
        logs: &[(
            "pod-1".to_owned(),
            "a\nGET http://u:p@h/x\nError: b\n".to_owned(),
        )],
    };
    let (mut requests, mut reasons) = (Vec::new(), Vec::new());
    for write in writes(action, &inputs).unwrap() {
        let verb = write.verb();
        let name = write.address().name.clone();
        match write {
            Write::Event(event) => reasons.push(event.reason.to_string()),
            Write::Create(request) => requests.push(json!([verb, name, request.object])),
            Write::Patch(request) => requests.push(json!([verb, name, request.document()])),
            Write::Delete(request) => requests.push(json!([verb, name, request.document()])),
        }
    }
    (requests, reasons)
}

#[test]
fn il_131_il_750_il_770_a_build_says_why_it_is_made_and_of_what() {
    let (requests, reasons) = check(&Action::CreateBuild {
        build: "worker-1".to_owned(),
        content: "sha256:1".to_owned(),
        trigger: Trigger::Rebuild,
        is_seeded: true,
    });
    let object = &requests[0][2];
    let metadata = &object["metadata"];
    assert_eq!(metadata["annotations"][TRIGGER], "rebuild annotation");
    assert_eq!(metadata["annotations"][CONTENT_DIGEST], "sha256:1");
    assert_eq!(metadata["ownerReferences"][0]["uid"], "c");
    assert_eq!(
        metadata["labels"][mosb_naming::keys::PRE_BUILT_IMAGE],
        "true"
    );
    assert_eq!(
        object["spec"]["renderedImagePushSpec"],
        "quay.io/org/os:mine"
    );
    assert_eq!(reasons, ["RebuildRequested"]);
}

#[test]
fn il_360_il_771_the_config_names_its_build_and_only_as_it_was_read() {
    let build = "worker-1".to_owned();
    let (requests, _) = check(&Action::SetCurrentBuild { build });
    let current =
        "/metadata/annotations/machineconfiguration.openshift.io~1current-machine-os-build";
    let rebuild = "/metadata/annotations/machineconfiguration.openshift.io~1rebuild";
    assert_eq!(
        requests[0][2],
        json!([
            {"op": "test", "path": "/metadata/uid", "value": "c"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "add", "path": current, "value": "worker-1"},
            {"op": "test", "path": rebuild, "value": ""},
            {"op": "remove", "path": rebuild},
        ])
    );
}

#[test]
fn il_361_il_741_the_status_of_the_config_keeps_what_it_has() {
    let (requests, _) = check(&Action::SetConfigConditions(vec![ConfigCondition {
        kind: "Ready",
        is_true: false,
        reason: "Waiting",
        message: "m".to_owned(),
    }]));
    let status = &requests[0][2]["status"];
    assert_eq!(status["currentImagePullSpec"], "quay.io/org/os@sha256:1");
    assert_eq!(status["observedGeneration"], 3);
    assert_eq!(status["conditions"][0]["type"], "Foreign");
    assert_eq!(status["conditions"][1]["reason"], "Waiting");
}

#[test]
fn il_026_il_720_il_777_a_failure_stands_in_condition_and_event() {
    let failure = Failure {
        stage: osbuild_check::Stage::Push,
        cause: "PushDenied",
        permanent: true,
        text: "unauthorized".to_owned(),
    };
    let (requests, reasons) = check(&Action::SetState {
        build: id(),
        state: BuildState::Failed,
        image: None,
        failure: Some(failure),
    });
    let status = &requests[0][2]["status"];
    assert_eq!(status["conditions"][2]["type"], "Failed");
    assert_eq!(
        status["conditions"][2]["message"],
        "Build Failed: the push secret may not push (stage push): unauthorized"
    );
    assert_eq!(status["buildEnd"], "2026-01-01T00:00:01Z");
    assert_eq!(reasons, ["JobFailed", "BuildFailed", "BuildDegraded"]);
    // The API server would take it.
    let mut object = build();
    object["spec"] = json!({"machineConfig": {"name": "rendered-worker-1"},
        "machineOSConfig": {"name": "worker"}, "renderedImagePushSpec": "quay.io/org/os:l"});
    object["status"] = status.clone();
    let errors = osbuild_check::validate_machine_os_build(&object, None);
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn il_771_il_774_deletes_carry_the_uid_and_finalizers_go_one_by_one() {
    let (requests, reasons) = check(&Action::DeleteBuild { build: id() });
    assert_eq!(requests[0][0], "delete");
    assert_eq!(requests[0][2]["preconditions"], json!({"uid": "b"}));
    assert_eq!(reasons, ["BuildDeleted"]);
    let (requests, reasons) = check(&Action::RemoveFinalizer {
        build: id(),
        left: Some("quay.io/a@b: UNSUPPORTED".to_owned()),
    });
    let operations = requests[0][2].as_array().unwrap();
    assert_eq!(
        operations.last().unwrap()["value"],
        json!(["foregroundDeletion"])
    );
    assert_eq!(reasons, ["ImageLeft"]);
}

#[test]
fn il_365_the_condition_of_the_pool_stands_among_those_of_others() {
    let condition = PoolCondition {
        is_true: true,
        reason: "BuildFailed".to_owned(),
        message: "m".to_owned(),
    };
    let (requests, _) = check(&Action::SetPoolCondition(condition));
    let operations = requests[0][2].as_array().unwrap();
    let conditions = &operations.last().unwrap()["value"];
    assert_eq!(conditions[0]["type"], "Updated");
    assert_eq!(conditions[1]["type"], "ImageBuildDegraded");
}

#[test]
fn il_282_what_a_build_does_not_need_goes_before_its_job_and_by_uid() {
    let secret = ObjectRef {
        name: "base-worker-1".to_owned(),
        uid: "s".to_owned(),
        resource_version: "9".to_owned(),
    };
    let (requests, _) = check(&Action::CleanUp {
        build: id(),
        job: "j".to_owned(),
        inputs: vec![(Kind::Secret, secret)],
    });
    let deleted: Vec<_> = requests
        .iter()
        .map(|request| (&request[1], &request[2]["preconditions"]))
        .collect();
    assert_eq!(
        deleted,
        [
            (&json!("base-worker-1"), &json!({"uid": "s"})),
            (&json!("build-worker-1"), &json!({"uid": "j"})),
        ]
    );
}

#[test]
fn il_275_il_782_digest_and_log_go_with_the_build_and_hold_no_password() {
    let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"].clone();
    let (requests, _) = check(&Action::WriteDigest {
        build: id(),
        digest: "sha256:1".to_owned(),
    });
    assert_eq!(owner(&requests[0][2]), "b");
    let (requests, _) = check(&Action::KeepLog {
        build: id(),
        pods: vec!["pod-1".to_owned()],
    });
    assert_eq!(requests[0][1], "log-worker-1");
    assert_eq!(owner(&requests[0][2]), "b");
    assert_eq!(
        requests[0][2]["data"]["pod-1"],
        "a\nGET http://***@h/x\nError: b"
    );
}

#[test]
fn il_780_a_job_is_stopped_by_its_uid_and_il_750_a_request_is_kept() {
    let (requests, _) = check(&Action::StopJob {
        build: id(),
        job: "j".to_owned(),
    });
    assert_eq!(
        requests[0][2],
        json!([{"op": "test", "path": "/metadata/uid", "value": "j"},
            {"op": "add", "path": "/spec/suspend", "value": true}])
    );
    let (requests, _) = check(&Action::SetRebuildTrigger { build: id() });
    let operations = requests[0][2].as_array().unwrap();
    assert_eq!(operations.last().unwrap()["value"], "rebuild annotation");
}
