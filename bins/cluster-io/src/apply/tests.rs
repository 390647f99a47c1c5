//! `apply` against an API server in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Digest, Facts, Plan, Policy, plan,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::cluster::{APPLY_FIELD_MANAGER, WriteMode};
use crate::fake::{Asked, FakeServer, Objects, status};
use crate::files::Texts;
use crate::load;

const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
const SECRET: &str = "/api/v1/namespaces/openshift-machine-api/secrets/stub2";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/openshift-machine-api/events";
const VERSION: &str = "/apis/config.openshift.io/v1/clusterversions/version";
const GATES: &str = "/apis/config.openshift.io/v1/featuregates/cluster";
const IMAGE: &str = "/spec/template/spec/providerSpec/value/disks/0/image";
const OLD: &str = "projects/rhcos-cloud/global/images/old";
const NEW: &str = "projects/rhcos-cloud/global/images/new";
/// `{"ignition":{"version":"2.2.0"}}`
const STUB_2: &str = "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMi4yLjAifX0=";

fn set(name: &str, secret: &str) -> (String, Value) {
    let object = json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
        "metadata": {"name": name, "namespace": "openshift-machine-api", "uid": name,
            "annotations": {"capacity.cluster-autoscaler.kubernetes.io/labels":
                "kubernetes.io/arch=amd64"}},
        "spec": {"replicas": 1, "template": {"spec": {"providerSpec": {"value": {
            "userDataSecret": {"name": secret}, "disks": [{"boot": true, "image": OLD}]}}}}}});
    (format!("{SETS}/{name}"), object)
}

/// A cluster on GCP with two sets; the second one boots with a stub of Ignition 2.
fn objects() -> Vec<(String, Value)> {
    let stream = json!({"architectures": {"x86_64": {"images": {"gcp":
        {"project": "rhcos-cloud", "name": "new"}}}}});
    let singleton = |group: &str, plural: &str, kind: &str, name: &str, rest: Value| {
        let mut object = json!({"apiVersion": format!("{group}/v1"), "kind": kind,
            "metadata": {"name": name, "uid": format!("{kind}-uid")}});
        for (member, value) in rest.as_object().unwrap() {
            object[member] = value.clone();
        }
        (format!("/apis/{group}/v1/{plural}/{name}"), object)
    };
    let secret = |name: &str, stub: &str| {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name,
            "namespace": "openshift-machine-api", "uid": name}, "data": {"userData": stub}});
        (
            format!("/api/v1/namespaces/openshift-machine-api/secrets/{name}"),
            object,
        )
    };
    let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "coreos-bootimages", "namespace": "openshift-machine-config-operator", "uid": "c"},
        "data": {"stream": stream.to_string(), "releaseVersion": "4.22.1"}});
    vec![
        singleton(
            "config.openshift.io",
            "infrastructures",
            "Infrastructure",
            "cluster",
            json!({"status": {"controlPlaneTopology": "HighlyAvailable",
                "platformStatus": {"type": "GCP"}}}),
        ),
        singleton(
            "config.openshift.io",
            "clusterversions",
            "ClusterVersion",
            "version",
            json!({"status": {"desired": {"version": "4.22.1"},
                "history": [{"state": "Completed", "version": "4.22.1"}]}}),
        ),
        singleton(
            "config.openshift.io",
            "featuregates",
            "FeatureGate",
            "cluster",
            json!({"status": {"featureGates": [{"version": "4.22.1", "enabled":
                [{"name": "ManagedBootImages"}], "disabled": []}]}}),
        ),
        singleton(
            "operator.openshift.io",
            "machineconfigurations",
            "MachineConfiguration",
            "cluster",
            json!({"spec": {"managedBootImages": {"machineManagers": [{
                "apiGroup": "machine.openshift.io", "resource": "machinesets",
                "selection": {"mode": "All"}}]}}}),
        ),
        (
            "/api/v1/namespaces/openshift-machine-config-operator/configmaps/coreos-bootimages"
                .to_owned(),
            config_map,
        ),
        // `{"ignition":{"version":"3.4.0"}}`
        secret(
            "worker-user-data",
            "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMy40LjAifX0=",
        ),
        secret("stub2", STUB_2),
        set("a", "worker-user-data"),
        set("b", "stub2"),
    ]
}

/// The plan of a server's cluster, with two updates.
async fn planned(server: &Arc<FakeServer>) -> Plan {
    let cluster = server.cluster();
    let mut texts = cluster.fetch(&bootimage_plan::reads()).await.unwrap();
    let secrets = cluster.machine_api_secrets(["worker-user-data", "stub2"]);
    texts.extend(secrets.await.unwrap());
    let texts = Texts {
        texts,
        ..Texts::default()
    };
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects: load(&texts).objects,
        streams: Vec::new(),
    };
    let plan = plan(&snapshot, &Facts::default(), &Policy::default());
    let updates = plan.targets.iter();
    let updates = updates.filter(|target| target.decision == DecisionKind::Update);
    assert_eq!(updates.count(), 2, "{:#?}", plan.targets);
    plan
}

fn options(mode: WriteMode) -> ApplyOptions {
    ApplyOptions {
        program: Program {
            name: "osimage apply",
            reporter: "osimage.dev/osimage",
            field_manager: APPLY_FIELD_MANAGER,
        },
        plan_digest: Digest::of(b"a plan"),
        mode,
        always_dry_run: false,
        accept_deferred: false,
    }
}

/// Carries out one target of a plan.
async fn execute(server: &Arc<FakeServer>, plan: &Plan, name: &str) -> Outcome {
    execute_with(server, plan, name, options(WriteMode::Real)).await
}

async fn execute_with(
    server: &Arc<FakeServer>,
    plan: &Plan,
    name: &str,
    options: ApplyOptions,
) -> Outcome {
    let cluster = server.cluster();
    let executor = Executor::new(&cluster, plan, options);
    let mut targets = plan.targets.iter();
    let target = targets.find(|target| target.name == name).unwrap();
    executor.execute(target).await
}

fn image(server: &FakeServer, name: &str) -> Value {
    let object = server.object(&format!("{SETS}/{name}"));
    object.pointer(IMAGE).unwrap().clone()
}

#[tokio::test]
async fn bi_243_the_secret_is_converted_once_the_set_would_be_taken_and_then_the_set() {
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    let outcome = execute(&server, &plan, "b").await;
    let ApplyResult::Updated(change) = &outcome.result else {
        panic!("{outcome:?}")
    };
    assert_eq!(change.to_string(), format!("boots {NEW}"));
    assert_eq!(change.0.from.as_deref(), Some(OLD));
    assert_eq!(outcome.converted.as_deref(), Some("stub2"));
    assert_eq!((outcome.retries.len(), outcome.warnings.len()), (0, 0));
    assert_eq!(image(&server, "b"), NEW);
    assert_eq!(image(&server, "a"), OLD);
    let patches: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.method == Method::PATCH)
        .map(|asked| (asked.path.clone(), asked.is_write()))
        .collect();
    let b = format!("{SETS}/b");
    assert_eq!(
        patches,
        [(b.clone(), false), (SECRET.to_owned(), true), (b, true)]
    );
    let event = &server.writes()[2];
    assert_eq!(event.path, EVENTS);
    let event: Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!(event["regarding"]["uid"], "b");
    assert_eq!(event["reportingController"], "osimage.dev/osimage");
    let note = event["note"].as_str().unwrap();
    for part in ["by tester", &format!("from {OLD} to {NEW}")] {
        assert!(note.contains(part), "{note}");
    }
    // Once more: there is nothing left to do, and no second Event.
    let writes = server.writes().len();
    let again = execute(&server, &plan, "b").await;
    assert_eq!(again.result, ApplyResult::AlreadyDone);
    let left = &server.writes()[writes..];
    assert!(left.iter().all(|asked| asked.path == EVENTS), "{left:?}");
}

/// Several targets are carried out at the same time, each in a task of its own.
#[tokio::test]
async fn what_carries_out_a_target_can_move_to_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    let cluster = server.cluster();
    let executor = Executor::new(&cluster, &plan, options(WriteMode::DryRun));
    drop(is_send(executor.execute(&plan.targets[0])));
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    let outcome = execute_with(&server, &plan, "b", options(WriteMode::DryRun)).await;
    assert!(
        matches!(outcome.result, ApplyResult::Updated(_)),
        "{outcome:?}"
    );
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn two_writers_of_one_object_write_it_once() {
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    let (one, other) = tokio::join!(execute(&server, &plan, "b"), execute(&server, &plan, "b"));
    let results = [&one.result, &other.result];
    assert!(
        results
            .iter()
            .any(|result| matches!(result, ApplyResult::Updated(_))),
        "{results:?}"
    );
    let b = format!("{SETS}/b");
    let changed = |path: &str| {
        let writes = server.writes().into_iter();
        let writes = writes.filter(|asked| asked.path == path && asked.method == Method::PATCH);
        writes.count()
    };
    // A writer that comes too late fails its test, reads again, and finds the work done.
    assert!((1..=2).contains(&changed(&b)) && (1..=2).contains(&changed(SECRET)));
    for result in results {
        assert!(
            matches!(result, ApplyResult::Updated(_) | ApplyResult::AlreadyDone),
            "{result:?}"
        );
    }
    assert_eq!(image(&server, "b"), NEW);
}

#[tokio::test]
async fn a_foreign_write_in_between_is_kept() {
    let raced = AtomicU32::new(0);
    let b = format!("{SETS}/b");
    let path = b.clone();
    let server = FakeServer::with_hook(objects(), move |asked: &Asked, objects: &mut Objects| {
        // Somebody scales the set just before it is patched.
        if asked.is_write() && asked.path == path && raced.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut object = objects.get(&path).unwrap().clone();
            object["spec"]["replicas"] = json!(7);
            objects.put(&path, object);
        }
        None
    });
    let plan = planned(&server).await;
    let outcome = execute(&server, &plan, "b").await;
    assert!(
        matches!(outcome.result, ApplyResult::Updated(_)),
        "{outcome:?}"
    );
    assert_eq!(outcome.retries.len(), 1, "{outcome:?}");
    assert_eq!(server.object(&b)["spec"]["replicas"], 7);
    assert_eq!(image(&server, "b"), NEW);
}

#[tokio::test]
async fn shared_inputs_are_looked_at_before_each_target() {
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    let first = execute(&server, &plan, "a").await;
    assert!(matches!(first.result, ApplyResult::Updated(_)), "{first:?}");
    server.change(|objects| {
        let mut gates = objects.get(GATES).unwrap().clone();
        gates["status"]["featureGates"][0]["enabled"] = json!([]);
        objects.put(GATES, gates);
    });
    let second = execute(&server, &plan, "b").await;
    let ApplyResult::Moved(MovedSince::Inputs(moved)) = &second.result else {
        panic!("{second:?}")
    };
    assert_eq!(moved[0].object.kind, "FeatureGate");
    assert_eq!(image(&server, "b"), OLD);
}

#[tokio::test]
async fn a_cluster_that_defers_is_left_alone_unless_that_is_accepted() {
    let mut unstable = objects();
    for (path, object) in &mut unstable {
        if path == VERSION {
            object["status"]["history"][0]["state"] = json!("Partial");
        }
    }
    let server = FakeServer::new(unstable);
    let plan = planned(&server).await;
    let refused = execute(&server, &plan, "a").await;
    let ApplyResult::Refused(Refusal::Deferred(deferred)) = &refused.result else {
        panic!("{refused:?}")
    };
    assert_eq!(deferred.reason, "ClusterNotStable");
    assert_eq!(server.writes(), []);
    let accepted = ApplyOptions {
        always_dry_run: false,
        accept_deferred: true,
        ..options(WriteMode::Real)
    };
    let written = execute_with(&server, &plan, "a", accepted).await;
    assert!(
        matches!(written.result, ApplyResult::Updated(_)),
        "{written:?}"
    );
    let event = server.writes().pop().unwrap();
    assert!(
        event
            .body
            .contains("deferred updates then (ClusterNotStable)"),
        "{event:?}"
    );
}

#[tokio::test]
async fn an_edit_that_is_not_what_the_plan_says_is_refused() {
    let server = FakeServer::new(objects());
    let honest = planned(&server).await;
    let evil = "projects/evil/global/images/new";
    let with_patch = |member: &str, old: &Value, new: &Value| {
        let pointer = format!("/spec/template/spec/providerSpec/value{member}");
        let patch = json!([{"op": "test", "path": pointer, "value": old},
            {"op": "replace", "path": pointer, "value": new}]);
        let mut plan = honest.clone();
        plan.targets[0].patch = Some(serde_json::from_value(patch).unwrap());
        plan
    };
    let image = "/disks/0/image";
    let other_image = with_patch(image, &json!(OLD), &json!(evil));
    let secret = json!({"name": "worker-user-data"});
    let other_secret = with_patch("/userDataSecret", &secret, &json!({"name": "mine"}));
    let mut consistent = with_patch(image, &json!(OLD), &json!(evil));
    consistent.targets[0].target = Some(evil.to_owned());
    for plan in [other_image, other_secret, consistent] {
        let outcome = execute(&server, &plan, "a").await;
        assert!(
            matches!(
                outcome.result,
                ApplyResult::Refused(Refusal::Edit(_) | Refusal::Differs(_))
            ),
            "{outcome:?}"
        );
    }
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn what_the_server_refuses_is_tried_once_and_what_it_cannot_answer_a_few_times() {
    for (code, reason, patches) in [
        (StatusCode::UNPROCESSABLE_ENTITY, "Invalid", 1),
        (StatusCode::FORBIDDEN, "Forbidden", 1),
        (StatusCode::CONFLICT, "Conflict", 4),
        (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", 4),
    ] {
        let server = FakeServer::with_hook(objects(), move |asked, _| {
            (asked.method == Method::PATCH).then(|| status(code, reason, "no"))
        });
        let plan = planned(&server).await;
        let outcome = execute(&server, &plan, "a").await;
        assert!(
            matches!(outcome.result, ApplyResult::Failed(_)),
            "{outcome:?}"
        );
        assert_eq!(server.writes().len(), patches, "{code}");
        assert_eq!(outcome.retries.len() + 1, patches, "{code}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_up() {
    let lost = AtomicU32::new(0);
    let server = FakeServer::with_hook(objects(), move |asked, objects| {
        let is_edit = asked.is_write() && asked.path.ends_with("/machinesets/a");
        if !is_edit || lost.fetch_add(1, Ordering::SeqCst) > 0 {
            return None;
        }
        // It is carried out, and the answer gets lost.
        let mut object = objects.get(&asked.path).unwrap().clone();
        *object.pointer_mut(IMAGE).unwrap() = json!(NEW);
        objects.put(&asked.path, object);
        Some(status(StatusCode::BAD_GATEWAY, "", "lost"))
    });
    let plan = planned(&server).await;
    let outcome = execute(&server, &plan, "a").await;
    assert!(
        matches!(outcome.result, ApplyResult::Updated(_)),
        "{outcome:?}"
    );
    assert_eq!(outcome.retries.len(), 1);
    assert_eq!(server.writes().last().unwrap().path, EVENTS);
}

#[tokio::test]
async fn a_target_that_is_gone_has_moved() {
    let server = FakeServer::new(objects());
    let plan = planned(&server).await;
    server.change(|objects| objects.remove(&format!("{SETS}/a")));
    let outcome = execute(&server, &plan, "a").await;
    assert_eq!(
        outcome.result,
        ApplyResult::Moved(MovedSince::Target(bootimage_plan::Movement::Gone))
    );
}
