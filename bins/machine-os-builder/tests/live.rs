//! The builder on a real API server, with the real buildah and a real registry.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use support::node_agent::NAMESPACE;
use support::registry::PASSWORD;
use support::{Cluster, GROUP, condition, roles};

const FIRST: &str = "FROM configs AS final\nRUN echo first > /first\n";
const SECOND: &str = "FROM configs AS final\nRUN echo second > /second\n";

fn pods(cluster: &Cluster) -> usize {
    cluster.agent.pods.load(Ordering::SeqCst)
}

/// The kinds and names of what builds leave.
fn left(cluster: &Cluster) -> Vec<String> {
    let mut names = Vec::new();
    let jobs = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs");
    for path in [
        format!("/api/v1/namespaces/{NAMESPACE}/configmaps"),
        format!("/api/v1/namespaces/{NAMESPACE}/secrets"),
        jobs,
    ] {
        for object in cluster.list(&path) {
            let label = "machineconfiguration.openshift.io/ephemeral-build-object";
            if object["metadata"]["labels"][label].is_string() {
                names.push(object["metadata"]["name"].as_str().unwrap().to_owned());
            }
        }
    }
    names
}

#[test]
fn il_800_a_containerfile_becomes_an_image_and_edits_build_only_what_is_new() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    let first = cluster.until_ready("");
    assert_eq!(pods(&cluster), 1);
    let (repository, digest) = first.split_once('@').unwrap();
    let inspected = cluster.registry.inspect(&first).unwrap();
    assert_eq!(inspected["Digest"], digest);
    assert!(cluster.push_spec().starts_with(repository));
    // The build says why it was made and of what, and leaves its digest alone.
    let build = cluster.builds().pop().unwrap();
    let name = build["metadata"]["name"].as_str().unwrap().to_owned();
    let annotations = &build["metadata"]["annotations"];
    assert_eq!(
        annotations["osimage.dev/trigger"],
        "first build of the MachineOSConfig"
    );
    assert_eq!(condition(&build, "Succeeded").unwrap()["status"], "True");
    cluster.until("clean", || {
        (left(&cluster) == [format!("digest-{name}")]).then_some(())
    });
    let pool = cluster.get("machineconfigpools/layered");
    let degraded = condition(&pool, "ImageBuildDegraded").unwrap();
    assert_eq!(
        (&degraded["status"], &degraded["reason"]),
        (&json!("False"), &json!("BuildSuccess"))
    );
    let events = cluster.list("/apis/events.k8s.io/v1/namespaces/default/events");
    for reason in [
        "BuildStarted",
        "JobCreated",
        "JobStarted",
        "JobCompleted",
        "BuildCompleted",
    ] {
        assert!(
            events.iter().any(|event| event["reason"] == reason),
            "{reason}"
        );
    }

    // At rest nothing is written.
    std::thread::sleep(Duration::from_secs(1));
    let calls = cluster
        .control_plane
        .calls_of(|| std::thread::sleep(Duration::from_secs(3)));
    let writes = calls.iter().filter(|call| {
        !["get", "list", "watch"].contains(&call.verb.as_str())
            && !call.resource.starts_with("leases")
    });
    let writes: Vec<_> = writes
        .map(|call| format!("{} {}", call.verb, call.resource))
        .collect();
    assert_eq!(writes, Vec::<String>::new());

    // An edit builds; the edit back does not.
    cluster.edit(SECOND);
    let second = cluster.until_ready(&first);
    assert_eq!(pods(&cluster), 2);
    cluster.edit(FIRST);
    assert_eq!(cluster.until_ready(&second), first);
    assert_eq!(pods(&cluster), 2);

    // Who asks for another build gets one.
    let rebuild = json!({"metadata": {"annotations": {
        "machineconfiguration.openshift.io/rebuild": ""}}});
    cluster.merge(&format!("{GROUP}/machineosconfigs/layered"), &rebuild);
    cluster.until("another build", || (pods(&cluster) == 3).then_some(()));
    cluster.until("its image", || {
        let builds = cluster.builds();
        let asked = |build: &&Value| {
            build["metadata"]["annotations"]["osimage.dev/trigger"] == "rebuild annotation"
                && condition(build, "Succeeded").is_some_and(|it| it["status"] == "True")
        };
        builds.iter().any(|build| asked(&build)).then_some(())
    });
    let last = cluster.until_ready("");

    // With the MachineOSConfig its builds and their images go.
    cluster
        .control_plane
        .delete(&format!("{GROUP}/machineosconfigs/layered"));
    cluster.until("no builds", || cluster.builds().is_empty().then_some(()));
    for image in [&first, &second, &last] {
        assert!(cluster.registry.inspect(image).is_none(), "{image}");
    }
    cluster.until("nothing left", || left(&cluster).is_empty().then_some(()));
    assert_eq!(cluster.agent.most_at_once.load(Ordering::SeqCst), 1);
}

#[test]
fn il_732_il_780_il_783_a_failure_is_told_where_people_look() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.set_secret("push", "wrong");
    cluster.start_builder();
    cluster
        .control_plane
        .create(&cluster.config("FROM configs AS final\nRUN exit 42\n"));
    // A wrong password costs no build.
    cluster.until("the push is refused", || {
        let config = cluster.get("machineosconfigs/layered");
        let failed = condition(&config, "Failed")?;
        failed["message"]
            .as_str()?
            .contains("may not push")
            .then_some(())
    });
    assert_eq!(pods(&cluster), 0);
    cluster.set_secret("push", PASSWORD);
    // By itself it would try again half a minute later.
    cluster.kill_builder();
    cluster.start_builder();
    cluster.until("the build starts", || (pods(&cluster) == 1).then_some(()));
    // A step that fails is tried twice.
    let build = cluster.until("the build fails", || {
        let failed =
            |build: &Value| condition(build, "Failed").is_some_and(|it| it["status"] == "True");
        cluster.builds().into_iter().find(failed)
    });
    let message = condition(&build, "Failed").unwrap()["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.contains("a step of the Containerfile failed (stage step)"),
        "{message}"
    );
    assert!(message.contains("exit status 42"), "{message}");
    let name = build["metadata"]["name"].as_str().unwrap();
    let job = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs/build-{name}");
    cluster.until("the Job stops", || {
        (cluster.control_plane.get(&job)["spec"]["suspend"] == true).then_some(())
    });
    let log = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/log-{name}");
    cluster.until("the log is kept", || {
        let kept = cluster.control_plane.get(&log);
        (kept["data"].as_object()?.len() == 2).then_some(())
    });
    cluster.until("the author knows", || {
        let config = cluster.get("machineosconfigs/layered");
        let failed = condition(&config, "Failed")?;
        (failed["reason"] == "BuildFailed"
            && failed["message"].as_str()?.contains("exit status 42"))
        .then_some(())
    });
    let pool = cluster.get("machineconfigpools/layered");
    assert_eq!(
        condition(&pool, "ImageBuildDegraded").unwrap()["status"],
        "True"
    );
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(pods(&cluster), 2);
    // A change of the text is the cure.
    cluster.edit(FIRST);
    cluster.until_ready("");
    assert_eq!(pods(&cluster), 3);
    let jobs = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs");
    cluster.until("clean", || cluster.list(&jobs).is_empty().then_some(()));
    cluster
        .control_plane
        .delete(&format!("{GROUP}/machineosconfigs/layered"));
    cluster.until("no builds", || cluster.builds().is_empty().then_some(()));
    // That was everything that a builder does.
    let unused = test_control_plane::roles::unused(&roles(), &cluster.calls());
    let unused: Vec<_> = unused
        .iter()
        .map(|right| (right.resource.as_str(), right.verb.as_str()))
        .filter(|right| !NOT_HERE.contains(right))
        .collect();
    assert_eq!(unused, [], "rights that nothing needs");
}

/// What this run does not need: resource, verb.
const NOT_HERE: &[(&str, &str)] = &[
    // Metrics are served in the clear here; the controllers' runtime tests how they are secured.
    ("tokenreviews", "create"),
    ("subjectaccessreviews", "create"),
    // An apply that makes its object needs this as well, and the audit log calls it a patch.
    ("configmaps", "create"),
    ("secrets", "create"),
    // Admission asks for it where an object holds up the deletion of its owner; nobody calls it.
    ("machineosconfigs/finalizers", "update"),
    ("machineosbuilds/finalizers", "update"),
    // Where somebody else was faster.
    ("machineosconfigs", "get"),
    ("machineosbuilds", "get"),
    ("machineconfigpools", "get"),
    ("jobs", "get"),
];

#[test]
fn il_301_il_383_the_other_replica_goes_on_with_the_build_of_one_that_dies() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.agent.hold.store(true, Ordering::SeqCst);
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    cluster.until("a pod", || (pods(&cluster) == 1).then_some(()));
    // Each that dies leaves its Lease behind, and another one waits for it already.
    let rounds = if is_soak() { 100 } else { 2 };
    for _ in 0..rounds {
        cluster.start_builder();
        let before = cluster.holder();
        std::thread::sleep(Duration::from_millis(500));
        cluster.kill_builder();
        cluster.until("another one leads", || {
            (cluster.holder() != before).then_some(())
        });
    }
    cluster.agent.hold.store(false, Ordering::SeqCst);
    let image = cluster.until_ready("");
    assert!(cluster.registry.inspect(&image).is_some());
    assert_eq!((pods(&cluster), cluster.builds().len()), (1, 1));
    let calls = cluster.calls();
    let jobs = calls.iter().filter(|call| {
        call.verb == "create" && call.resource.starts_with("jobs") && call.code == 201
    });
    assert_eq!(jobs.count(), 1);
}

#[test]
fn who_observes_needs_no_right_to_write_and_writes_nothing() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let binding = |kind: &str| format!("/apis/rbac.authorization.k8s.io/v1/{kind}");
    let writer = "osimage-machine-os-builder-writer";
    for path in [
        format!("{}/{writer}", binding("clusterrolebindings")),
        format!(
            "{}/{writer}",
            binding(&format!("namespaces/{NAMESPACE}/rolebindings"))
        ),
        // Events about what has no namespace.
        format!("{}/{writer}", binding("namespaces/default/rolebindings")),
    ] {
        cluster.control_plane.delete(&path);
    }
    cluster.control_plane.create(&cluster.config(FIRST));
    cluster.start_with(&["--mode", "observe"]);
    cluster.until("a decision", || {
        cluster
            .log()
            .contains("create MachineOSBuild")
            .then_some(())
    });
    std::thread::sleep(Duration::from_secs(1));
    let calls = cluster.calls();
    let written = calls.iter().find(|call| call.is_write());
    assert!(written.is_none(), "{written:?}");
}

/// Whether there is time for the long form.
fn is_soak() -> bool {
    std::env::var_os("OSIMAGE_SOAK").is_some_and(|value| !value.is_empty())
}

#[test]
fn il_383_il_775_a_builder_that_is_killed_again_and_again_builds_once() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.agent.hold.store(true, Ordering::SeqCst);
    cluster.control_plane.create(&cluster.config(FIRST));
    for round in 0..14_u64 {
        cluster.start_builder();
        // From before the first write to after several.
        std::thread::sleep(Duration::from_millis(250 + round * 130));
        cluster.kill_builder();
        if round == 9 {
            cluster.agent.hold.store(false, Ordering::SeqCst);
        }
    }
    cluster.start_builder();
    let image = cluster.until_ready("");
    assert!(cluster.registry.inspect(&image).is_some());
    assert_eq!(pods(&cluster), 1);
    assert_eq!(cluster.builds().len(), 1);
}

#[test]
fn il_870_what_the_stock_builder_left_is_taken_over_without_a_build() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    // Our own builder makes the build; then everything that the stock one does not write is taken off.
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    let image = cluster.until_ready("");
    let build = cluster.builds().pop().unwrap();
    let name = build["metadata"]["name"].as_str().unwrap().to_owned();
    cluster.until("clean", || {
        (left(&cluster) == [format!("digest-{name}")]).then_some(())
    });
    cluster.kill_builder();
    let path = format!("{GROUP}/machineosbuilds/{name}");
    cluster.merge(
        &path,
        &json!({"metadata": {"finalizers": ["foregroundDeletion"], "annotations": {
        "osimage.dev/content-digest": null, "osimage.dev/trigger": null}}}),
    );
    let config = format!("{GROUP}/machineosconfigs/layered");
    cluster.merge(
        &format!("{config}/status"),
        &json!({"status": {"conditions": []}}),
    );
    let digest = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/digest-{name}");
    cluster.merge(&digest, &json!({"metadata": {"ownerReferences": null}}));
    let before = cluster.get(&format!("machineosbuilds/{name}"))["metadata"]["uid"].clone();
    let mut writes = Vec::new();
    // The Lease of the builder that was killed has to expire first.
    let calls = {
        let plane = std::sync::Arc::clone(&cluster.control_plane);
        plane.calls_of(|| {
            cluster.start_builder();
            cluster.until_ready("");
            std::thread::sleep(Duration::from_secs(1));
        })
    };
    for call in calls {
        let reads = ["get", "list", "watch"].contains(&call.verb.as_str());
        if !reads && !call.resource.starts_with("leases") {
            writes.push(format!("{} {}", call.verb, call.resource));
        }
    }
    // Our finalizer, and the conditions that the stock builder does not have.
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert_eq!(cluster.builds().pop().unwrap()["metadata"]["uid"], before);
    assert_eq!(cluster.until_ready(""), image);
    assert_eq!(pods(&cluster), 1);
}
