//! The scenarios of §9.2 on a real API server, with the real buildah and a real registry. (What nodes do with an
//! image, IL-571 and IL-586, is the node controller's; what registries say, IL-588, is tested where they are
//! asked.)

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use support::node_agent::NAMESPACE;
use support::{Cluster, GROUP, condition};

const FIRST: &str = "FROM configs AS final\nRUN echo first > /first\n";
const SECOND: &str = "FROM configs AS final\nRUN echo second > /second\n";
const CURRENT_BUILD: &str = "machineconfiguration.openshift.io/current-machine-os-build";

fn pods(cluster: &Cluster) -> usize {
    cluster.agent.pods.load(Ordering::SeqCst)
}

fn hold(cluster: &Cluster, is_held: bool) {
    cluster.agent.hold.store(is_held, Ordering::SeqCst);
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn is(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

fn jobs() -> String {
    format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs")
}

/// The only build, once it runs and is another object than `not`.
fn until_building(cluster: &Cluster, not: &str) -> Value {
    cluster.until("a build that runs", || {
        let mut builds = cluster.builds();
        let build = builds.pop().filter(|_| builds.is_empty())?;
        (uid(&build) != not && is(&build, "Building")).then_some(build)
    })
}

fn rebuild(cluster: &Cluster) {
    let annotation = json!({"metadata": {"annotations": {
        "machineconfiguration.openshift.io/rebuild": ""}}});
    cluster.merge(&format!("{GROUP}/machineosconfigs/layered"), &annotation);
}

fn current_build(cluster: &Cluster) -> String {
    let config = cluster.get("machineosconfigs/layered");
    let name = config["metadata"]["annotations"][CURRENT_BUILD].as_str();
    name.unwrap_or_default().to_owned()
}

#[test]
fn il_574_il_575_il_578_il_579_il_580_il_592_a_build_that_is_disturbed() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    hold(&cluster, true);
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    let first = until_building(&cluster, "");
    // IL-579: the pod is deleted: another one comes, and the build goes on.
    let all_pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    let pod = name(&cluster.list(&all_pods)[0]);
    let now = json!({"gracePeriodSeconds": 0});
    let path = format!("{all_pods}/{pod}");
    cluster.control_plane.send("DELETE", &path, &now).unwrap();
    cluster.until("another pod", || (pods(&cluster) == 2).then_some(()));
    assert_eq!(uid(&until_building(&cluster, "")), uid(&first));
    // IL-574: an edit during the build.
    cluster.edit(SECOND);
    let second = until_building(&cluster, &uid(&first));
    assert_ne!(name(&second), name(&first));
    let of_first = cluster.list(&jobs());
    assert!(
        of_first
            .iter()
            .all(|job| name(job) != format!("build-{}", name(&first)))
    );
    // IL-575: somebody asks for another one during the build.
    rebuild(&cluster);
    let third = until_building(&cluster, &uid(&second));
    assert_eq!(name(&third), name(&second));
    // IL-580: the build is deleted.
    cluster
        .control_plane
        .delete(&format!("{GROUP}/machineosbuilds/{}", name(&third)));
    let fourth = until_building(&cluster, &uid(&third));
    assert_eq!(name(&fourth), name(&third));
    // IL-578: its Job is deleted: it is interrupted, and not started again by itself.
    let job = format!("{}/build-{}", jobs(), name(&fourth));
    let background = json!({"propagationPolicy": "Background"});
    cluster
        .control_plane
        .send("DELETE", &job, &background)
        .unwrap();
    cluster.until("interrupted", || {
        is(&cluster.builds().pop()?, "Interrupted").then_some(())
    });
    cluster.until("no pod", || {
        cluster.list(&all_pods).is_empty().then_some(())
    });
    let before = pods(&cluster);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((pods(&cluster), cluster.list(&jobs()).len()), (before, 0));
    // IL-592: who asks for another build gets one of the same name.
    hold(&cluster, false);
    rebuild(&cluster);
    cluster.until_ready("");
    let last = cluster.builds().pop().unwrap();
    assert_eq!(
        (name(&last), uid(&last) == uid(&fourth)),
        (name(&fourth), false)
    );
    assert_eq!(cluster.agent.most_at_once.load(Ordering::SeqCst), 1);
}

#[test]
fn il_581_the_builder_is_away_while_the_job_starts_and_while_it_ends() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    hold(&cluster, true);
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    cluster.until("a Job", || {
        (!cluster.list(&jobs()).is_empty()).then_some(())
    });
    assert_eq!(cluster.stop_builder().0, Some(0));
    cluster.until("a pod", || (pods(&cluster) == 1).then_some(()));
    cluster.start_builder();
    until_building(&cluster, "");
    assert_eq!(cluster.stop_builder().0, Some(0));
    hold(&cluster, false);
    cluster.until("the Job ends", || {
        let job = cluster.list(&jobs()).pop()?;
        (job["status"]["succeeded"] == 1).then_some(())
    });
    cluster.start_builder();
    let image = cluster.until_ready("");
    assert!(cluster.registry.inspect(&image).is_some());
    assert_eq!((pods(&cluster), cluster.builds().len()), (1, 1));
}

#[test]
fn il_570_il_572_il_576_il_584_il_602_images_are_kept_found_and_made_again() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    // IL-576: the cluster has no extensions image.
    cluster.control_plane.create(&cluster.config(FIRST));
    let first = cluster.until_ready("");
    let one = current_build(&cluster);
    // IL-584: two builds for one rendered MachineConfig: the annotation says which one counts.
    cluster.edit(SECOND);
    let second = cluster.until_ready(&first);
    let two = current_build(&cluster);
    assert_ne!(one, two);
    let builds = cluster.builds();
    let rendered = builds
        .iter()
        .map(|build| &build["spec"]["machineConfig"]["name"]);
    assert!(rendered.clone().count() == 2 && rendered.clone().all(|it| *it == cluster.rendered()));
    // IL-602: another push spec, and back: the image of before is taken again.
    let push_to = |spec: &str| {
        let change = json!({"spec": {"renderedImagePushSpec": spec}});
        cluster.merge(&format!("{GROUP}/machineosconfigs/layered"), &change);
    };
    push_to(&format!("{}/os/other:latest", cluster.registry.host));
    let other = cluster.until_ready(&second);
    assert!(other.contains("/os/other@"), "{other}");
    push_to(&cluster.push_spec());
    assert_eq!(cluster.until_ready(&other), second);
    assert_eq!((pods(&cluster), current_build(&cluster)), (3, two));
    // IL-572: the first image is gone from the registry when the text is edited back.
    let before = cluster
        .builds()
        .into_iter()
        .find(|build| name(build) == one);
    cluster.registry.delete(&first);
    cluster.edit(FIRST);
    let third = cluster.until_ready(&second);
    assert!(cluster.registry.inspect(&third).is_some());
    let after = cluster
        .builds()
        .into_iter()
        .find(|build| name(build) == one);
    assert_ne!(uid(&after.unwrap()), uid(&before.unwrap()));
    assert_eq!((pods(&cluster), current_build(&cluster)), (4, one));
    // IL-570: who asks for another build gets one of the same name, and all is cleaned up.
    let before = cluster
        .builds()
        .into_iter()
        .find(|it| name(it) == current_build(&cluster));
    rebuild(&cluster);
    cluster.until("a new object of the name", || {
        let build = cluster
            .builds()
            .into_iter()
            .find(|it| name(it) == current_build(&cluster))?;
        (uid(&build) != uid(before.as_ref()?) && is(&build, "Succeeded")).then_some(())
    });
    cluster.until("no Job", || cluster.list(&jobs()).is_empty().then_some(()));
    assert_eq!(pods(&cluster), 5);
}

/// A rendered MachineConfig that differs from the pool's, which the pool is to run from now on.
fn move_pool(cluster: &Cluster, to: &str, change: &Value) {
    let mut config = cluster.get(&format!("machineconfigs/{}", cluster.rendered()));
    let annotations = config["metadata"]["annotations"].clone();
    config["metadata"] = json!({"name": to, "annotations": annotations});
    let spec = config["spec"].as_object_mut().unwrap();
    spec.extend(change.as_object().unwrap().clone());
    cluster.control_plane.create(&config);
    let pool = format!("{GROUP}/machineconfigpools/layered");
    cluster.merge(&pool, &json!({"spec": {"configuration": {"name": to}}}));
}

/// The build for a rendered MachineConfig, once it has a condition.
fn until_build_for(cluster: &Cluster, rendered: &str, kind: &str) -> Value {
    cluster.until(&format!("{kind} for {rendered}"), || {
        let mut builds = cluster.builds().into_iter();
        builds.find(|build| build["spec"]["machineConfig"]["name"] == rendered && is(build, kind))
    })
}

#[test]
fn il_574_il_583_il_585_il_587_il_597_il_605_the_pool_changes() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    cluster.control_plane.create(&cluster.config(FIRST));
    let image = cluster.until_ready("");
    let pool = format!("{GROUP}/machineconfigpools/layered");
    let current = json!({"status": {"configuration": {"name": cluster.rendered()}}});
    cluster.merge(&format!("{pool}/status"), &current);
    // IL-587, IL-597: a key or a file builds nothing: another build has the image of the first one.
    let key = json!({"config": {"ignition": {"version": "3.5.0"}, "passwd": {"users": [
        {"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 AAAA"]}]}}});
    move_pool(&cluster, "rendered-layered-key", &key);
    let build = until_build_for(&cluster, "rendered-layered-key", "Succeeded");
    assert_eq!(build["status"]["digestedImagePushSpec"], image);
    cluster.until("it is current", || {
        (current_build(&cluster) == name(&build)).then_some(())
    });
    // IL-585: the node controller takes the annotation off, since its build is for another configuration.
    let off = json!({"metadata": {"annotations": {CURRENT_BUILD: null}}});
    cluster.merge(&format!("{GROUP}/machineosconfigs/layered"), &off);
    let file = json!({"config": {"ignition": {"version": "3.5.0"}}});
    move_pool(&cluster, "rendered-layered-file", &file);
    let build = until_build_for(&cluster, "rendered-layered-file", "Succeeded");
    assert_eq!(build["status"]["digestedImagePushSpec"], image);
    cluster.until("it is current", || {
        (current_build(&cluster) == name(&build)).then_some(())
    });
    assert_eq!(pods(&cluster), 1);
    // IL-583, IL-605: a kernel argument builds, whether the pool is paused or not.
    cluster.merge(&pool, &json!({"spec": {"paused": true}}));
    hold(&cluster, true);
    move_pool(
        &cluster,
        "rendered-layered-one",
        &json!({"kernelArguments": ["one"]}),
    );
    until_build_for(&cluster, "rendered-layered-one", "Building");
    // IL-574, IL-604: the pool changes during the build: the first one goes, the second one runs.
    move_pool(
        &cluster,
        "rendered-layered-two",
        &json!({"kernelArguments": ["two"]}),
    );
    until_build_for(&cluster, "rendered-layered-two", "Building");
    let builds = cluster.builds();
    let mut rendered = builds
        .iter()
        .map(|build| &build["spec"]["machineConfig"]["name"]);
    assert!(rendered.all(|name| name != "rendered-layered-one"));
    hold(&cluster, false);
    until_build_for(&cluster, "rendered-layered-two", "Succeeded");
    // Its content is another one, and nobody copied the image of before.
    cluster.until("it is current", || {
        let config = cluster.get("machineosconfigs/layered");
        let build = until_build_for(&cluster, "rendered-layered-two", "Succeeded");
        (config["status"]["currentImagePullSpec"] == build["status"]["digestedImagePushSpec"])
            .then_some(())
    });
    assert_eq!(cluster.agent.most_at_once.load(Ordering::SeqCst), 1);
    let events = cluster.list("/apis/events.k8s.io/v1/namespaces/default/events");
    let moved = events
        .iter()
        .filter(|event| event["reason"] == "PoolConfigChanged");
    assert_eq!(moved.count(), 4);
}

#[test]
fn il_573_il_601_a_build_sees_repositories_keys_and_entitlements() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let create = |kind: &str, name: &str, key: &str| {
        let data = if kind == "Secret" {
            "stringData"
        } else {
            "data"
        };
        cluster
            .control_plane
            .create(&json!({"apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE}, data: {key: "something"}}));
    };
    create("ConfigMap", "etc-yum-repos-d", "local.repo");
    create("Secret", "etc-pki-rpm-gpg", "KEY");
    create("Secret", "etc-pki-entitlement-layered", "entitlement.pem");
    cluster.start_builder();
    let text = "FROM configs AS final\nRUN test -s /etc/yum.repos.d/local.repo && \
        test -s /etc/pki/rpm-gpg/KEY && test -s /etc/pki/entitlement/entitlement.pem\n";
    cluster.control_plane.create(&cluster.config(text));
    cluster.until_ready("");
    // IL-601: without the entitlement the step says so.
    cluster.control_plane.delete(&format!(
        "/api/v1/namespaces/{NAMESPACE}/secrets/etc-pki-entitlement-layered"
    ));
    rebuild(&cluster);
    cluster.until("a failure", || {
        let build = cluster.builds().pop()?;
        let failed = condition(&build, "Failed")?;
        (failed["status"] == "True" && failed["message"].as_str()?.contains("stage step"))
            .then_some(())
    });
}

#[test]
fn il_577_il_582_il_606_a_failure_and_its_cure_are_told_on_the_pool() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    cluster.start_builder();
    let degraded = || {
        let pool = cluster.get("machineconfigpools/layered");
        let condition = condition(&pool, "ImageBuildDegraded").unwrap_or_default();
        let text = |member: &str| condition[member].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"), text("message"))
    };
    let is = |status: &str, reason: &str| {
        cluster.until(reason, || {
            let (found, why, _) = degraded();
            (found == status && why == reason).then_some(())
        });
    };
    // IL-582: no Job for what cannot be read.
    let broken = "FROM configs AS final\nBADINSTRUCTION yes\n";
    cluster.control_plane.create(&cluster.config(broken));
    is("True", "BuildFailed");
    assert!(!degraded().2.is_empty());
    assert_eq!((pods(&cluster), cluster.list(&jobs()).len()), (0, 0));
    hold(&cluster, true);
    cluster.edit(FIRST);
    is("False", "Building");
    hold(&cluster, false);
    is("False", "BuildSuccess");
    let first = cluster.until_ready("");
    // IL-577: four attempts fail; the Job and what it was given stay.
    *cluster.agent.scripted.lock().unwrap() = Some((137, String::new()));
    cluster.edit(SECOND);
    is("True", "BuildFailed");
    let failed = cluster.builds().into_iter().find(is_failed).unwrap();
    assert_eq!((pods(&cluster), cluster.list(&jobs()).len()), (5, 1));
    // The pool keeps its image.
    let config = cluster.get("machineosconfigs/layered");
    assert_eq!(config["status"]["currentImagePullSpec"], first);
    // A cure takes all of it away.
    *cluster.agent.scripted.lock().unwrap() = None;
    cluster.edit("FROM configs AS final\nRUN echo third > /third\n");
    cluster.until_ready(&first);
    is("False", "BuildSuccess");
    cluster.until("clean", || cluster.list(&jobs()).is_empty().then_some(()));
    assert!(
        cluster
            .builds()
            .iter()
            .all(|build| name(build) != name(&failed))
    );
}

fn is_failed(build: &Value) -> bool {
    is(build, "Failed")
}
