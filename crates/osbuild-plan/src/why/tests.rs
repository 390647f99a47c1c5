use serde_json::{Value, json};

use super::*;
use crate::testing::{object, raw};

const PODS: &str = "batch.kubernetes.io/job-name";

fn rendered(name: &str, arguments: &Value) -> String {
    object(
        "MachineConfig",
        &json!({"metadata": {"name": name, "annotations":
            {"machineconfiguration.openshift.io/release-image-version": "4.20.1",
            "machineconfiguration.openshift.io/generated-by-controller-version": "a"}},
            "spec": {"osImageURL": "release",
            "kernelArguments": arguments}}),
    )
}

fn build(name: &str, rendered: &str, day: u32, condition: &Value, annotations: &Value) -> String {
    object(
        "MachineOSBuild",
        &json!({"metadata": {"name": name, "uid": name, "annotations": annotations,
            "creationTimestamp": format!("2026-01-0{day}T00:00:00Z")},
            "spec": {"machineConfig": {"name": rendered}, "machineOSConfig": {"name": "layered"},
                "renderedImagePushSpec": format!("r.io/o/os:{name}")},
            "status": {"conditions": [condition]}}),
    )
}

fn pod(name: &str, build: &str, hour: u32, status: &Value) -> String {
    let job = format!("build-{build}");
    object(
        "Pod",
        &json!({"metadata": {"name": name, "namespace": MCO_NAMESPACE, "labels": {PODS: job},
            "creationTimestamp": format!("2026-01-03T0{hour}:00:00Z"),
            "ownerReferences": [{"kind": "Job", "name": job, "uid": "j"}]}, "status": status}),
    )
}

/// A pool whose second build goes on: its first attempt failed, the second one runs.
fn objects() -> Vec<String> {
    let succeeded = json!({"type": "Succeeded", "status": "True",
        "lastTransitionTime": "2026-01-01T01:00:00Z"});
    let building = json!({"type": "Building", "status": "True",
        "lastTransitionTime": "2026-01-03T00:01:00Z"});
    let written =
        json!({TRIGGER: "pool configuration rendered-layered-2 instead of rendered-layered-1"});
    vec![
        rendered("rendered-layered-1", &json!(["quiet"])),
        rendered("rendered-layered-2", &json!(["quiet", "nosmt"])),
        rendered("99-nosmt", &json!(["nosmt"])),
        object(
            "MachineConfigPool",
            &json!({"metadata": {"name": "layered"}, "spec": {"configuration": {
                "name": "rendered-layered-2", "source": [{"name": "99-nosmt"}]}}}),
        ),
        object(
            "MachineOSConfig",
            &json!({"metadata": {"name": "layered"}, "spec": {"machineConfigPool": {"name": "layered"},
                "renderedImagePushSpec": "r.io/o/os:latest"}}),
        ),
        build("first", "rendered-layered-1", 1, &succeeded, &json!({})),
        build("second", "rendered-layered-2", 3, &building, &written),
        pod(
            "second-a",
            "second",
            1,
            &json!({"phase": "Failed", "initContainerStatuses": [{"name": "image-build", "state":
                {"terminated": {"exitCode": 31, "message":
                "{\"v\":1,\"text\":\"https://me:pass@h/ is down\"}"}}}]}),
        ),
        pod(
            "second-b",
            "second",
            2,
            &json!({"phase": "Running", "initContainerStatuses": [{"name": "image-build", "state":
                {"running": {"startedAt": "2026-01-03T02:00:05Z"}}}]}),
        ),
        object(
            "ConfigMap",
            &json!({"metadata": {"name": "log-second", "namespace": MCO_NAMESPACE},
                "data": {"second-a": "one\nhttps://me:pass@h/\nlast"}}),
        ),
    ]
}

fn why(objects: &[String], name: &str) -> Result<LayerWhy, WhyError> {
    let (snapshot, errors) = LayerSnapshot::of(objects.iter().map(|text| raw(text)).collect());
    assert!(errors.is_empty(), "{errors:?}");
    layer_why(&snapshot, name)
}

#[test]
fn il_750_a_build_says_why_it_was_started_and_what_it_does() {
    let objects = objects();
    for name in ["layered", "second"] {
        let found = why(&objects, name).unwrap();
        let build = found.build.as_ref().unwrap();
        assert_eq!(build.name, "second");
        assert!(build.trigger_is_written);
        let change = &build.changes[0];
        assert_eq!(build.changes.len(), 1);
        assert_eq!(change.member, "kernelArguments");
        assert_eq!(change.before.as_deref(), Some("quiet"));
        assert_eq!(change.after.as_deref(), Some("quiet nosmt"));
        assert_eq!(change.machine_config.as_deref(), Some("99-nosmt"));
        let attempt = build.attempt.as_ref().unwrap();
        assert_eq!((attempt.number, attempt.of), (2, 4));
        assert_eq!(attempt.since.as_deref(), Some("2026-01-03T02:00:05Z"));
        assert_eq!(attempt.doing, "builds and pushes the image");
        assert_eq!(running_pod(&found), Some("second-b"));
        let ended = &build.ended[0];
        assert_eq!(
            (ended.stage, ended.cause),
            (Some("step"), Some("StepFailed"))
        );
        assert_eq!(ended.text, "https://***@h/ is down");
        assert_eq!(build.log, ["one", "https://***@h/", "last"]);
        assert_eq!(found.rebuild.changes.len(), 1, "{}", found.rebuild.result);
    }
}

#[test]
fn il_750_of_the_stock_builder_the_objects_let_suppose_why() {
    let objects = objects();
    let first = why(&objects, "first").unwrap().build.unwrap();
    assert!(!first.trigger_is_written);
    assert_eq!(first.trigger, "first build of the MachineOSConfig");
    assert_eq!(first.since.as_deref(), Some("2026-01-01T01:00:00Z"));
    assert_eq!((first.attempt, first.failure), (None, None));
    let mut stock = objects.clone();
    let other = build(
        "second",
        "rendered-layered-2",
        3,
        &json!({"type": "Failed", "status": "True",
        "message": "Build Failed"}),
        &json!({}),
    );
    stock[6] = other;
    let second = why(&stock, "second").unwrap().build.unwrap();
    assert_eq!(
        second.trigger,
        "pool configuration rendered-layered-2 instead of rendered-layered-1"
    );
    assert_eq!(second.failure.as_deref(), Some("Build Failed"));
}

#[test]
fn il_750_a_job_tells_where_the_pods_are_not_in_the_input() {
    let mut objects = objects();
    objects.truncate(7);
    objects.push(object(
        "Job",
        &json!({"metadata": {"name": "build-second", "namespace": MCO_NAMESPACE},
            "status": {"active": 1, "failed": 2, "startTime": "2026-01-03T00:00:30Z"}}),
    ));
    let build = why(&objects, "second").unwrap().build.unwrap();
    let attempt = build.attempt.unwrap();
    assert_eq!(attempt.number, 3);
    assert!(
        attempt.doing.contains("not in the input"),
        "{}",
        attempt.doing
    );
}

#[test]
fn il_750_what_is_not_there_is_named() {
    let error = why(&objects(), "none").unwrap_err().to_string();
    assert!(
        error.ends_with("; there are layered, first, second"),
        "{error}"
    );
    let error = why(&[], "none").unwrap_err().to_string();
    assert!(error.ends_with("the input has none"), "{error}");
    // The MachineOSConfig is gone, and its build is not.
    let mut left = objects();
    left.remove(4);
    let found = why(&left, "second").unwrap();
    assert_eq!(found.machine_os_config, "layered");
    assert!(found.rebuild.result.contains("is gone"));
}

#[test]
fn il_750_a_pod_that_waits_says_for_what() {
    let check = |status: Value, expected: &str| {
        assert_eq!(doing(&json!({"status": status})).0, expected);
    };
    check(json!({}), "has not begun");
    check(
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no room"}]}),
        "waits for a node: no room",
    );
    check(
        json!({"initContainerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            "containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]}),
        "waits: ImagePullBackOff",
    );
    check(
        json!({"containerStatuses": [{"name": "create-digest", "state": {"running": {}}}]}),
        "runs container create-digest",
    );
}
