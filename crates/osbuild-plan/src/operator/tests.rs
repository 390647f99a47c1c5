use openshift_model::RawObject;
use serde_json::{Value, json};

use super::*;
use crate::testing::{object, raw};

const NOW: &str = "2026-01-01T00:00:00Z";

fn pool(name: &str, is_labelled: bool) -> String {
    let labels = if is_labelled {
        json!({keys::LAYERING_ENABLED: ""})
    } else {
        json!({})
    };
    let metadata = json!({"name": name, "uid": format!("uid-{name}"), "labels": labels});
    object("MachineConfigPool", &json!({"metadata": metadata}))
}

fn config(pool: &str) -> String {
    object(
        "MachineOSConfig",
        &json!({"metadata": {"name": "layered"}, "spec": {"machineConfigPool": {"name": pool},
            "renderedImagePushSecret": {"name": "push"}}}),
    )
}

fn secret(namespace: &str, name: &str, kind: &str, data: &Value, owner: Option<&str>) -> String {
    let owners: Vec<_> = owner
        .iter()
        .map(|name| json!({"kind": "MachineConfigPool", "name": name, "uid": "u"}))
        .collect();
    object(
        "Secret",
        &json!({"metadata": {"namespace": namespace, "name": name, "uid": "1",
            "resourceVersion": "2", "ownerReferences": owners}, "type": kind, "data": data}),
    )
}

fn pull_secret(data: &Value) -> String {
    let kind = "kubernetes.io/dockerconfigjson";
    secret("openshift-config", "pull-secret", kind, data, None)
}

fn entitlement() -> String {
    let data = json!({"entitlement.pem": "YQ=="});
    secret(
        "openshift-config-managed",
        "etc-pki-entitlement",
        "Opaque",
        &data,
        None,
    )
}

fn copy_of_pull_secret(kind: &str, data: &Value) -> String {
    secret(MCO_NAMESPACE, "global-pull-secret-copy", kind, data, None)
}

fn copy_of_entitlement(pool: &str, owner: Option<&str>) -> String {
    let data = json!({"entitlement.pem": "YQ=="});
    let name = format!("etc-pki-entitlement-{pool}");
    secret(MCO_NAMESPACE, &name, "Opaque", &data, owner)
}

/// The writes and Events as `verb name` and `reason on pool`.
fn writes(cluster: &[String], secrets: &[String]) -> Vec<String> {
    let cluster: Vec<_> = cluster.iter().map(|text| raw(text)).collect();
    let view = BuilderSnapshot::of(cluster).0;
    let secrets: Vec<RawObject<'_>> = secrets.iter().map(|text| raw(text)).collect();
    let writes = view.operator_writes(&secrets, NOW).unwrap();
    let texts = writes.iter().map(|write| match write {
        Write::Event(event) => format!("{} on {}", event.reason, event.regarding.name),
        _ => format!("{} {}", write.verb(), write.address().name),
    });
    texts.collect()
}

const COPY: &str = "global-pull-secret-copy";
const TYPE: &str = "kubernetes.io/dockerconfigjson";

#[test]
fn il_390_il_392_layered_pools_have_their_secrets() {
    let data = json!({".dockerconfigjson": "e30="});
    let sources = [pull_secret(&data), entitlement()];
    // By its label, or by a MachineOSConfig: both count.
    let cluster = [pool("infra", true), pool("worker", false), config("worker")];
    assert_eq!(
        writes(&cluster, &sources),
        [
            format!("create {COPY}"),
            "SecretCopied on infra".to_owned(),
            "SecretCopied on worker".to_owned(),
            "create etc-pki-entitlement-infra".to_owned(),
            "SecretCopied on infra".to_owned(),
            "create etc-pki-entitlement-worker".to_owned(),
            "SecretCopied on worker".to_owned(),
        ]
    );
    // A MachineOSConfig for a pool that is not there hides no other one.
    let cluster = [pool("worker", true), config("none")];
    assert_eq!(writes(&cluster, &sources).len(), 4);
    // Without a source nothing is made.
    assert_eq!(writes(&cluster, &[]), Vec::<String>::new());
}

#[test]
fn il_392_copies_follow_their_sources_and_at_rest_nothing_is_written() {
    let data = json!({".dockerconfigjson": "e30="});
    let cluster = [pool("worker", true), config("worker")];
    let mut secrets = vec![
        pull_secret(&data),
        entitlement(),
        copy_of_pull_secret(TYPE, &data),
        copy_of_entitlement("worker", Some("worker")),
    ];
    assert_eq!(writes(&cluster, &secrets), Vec::<String>::new());
    secrets[0] = pull_secret(&json!({".dockerconfigjson": "e30K"}));
    let patched = [format!("patch {COPY}"), "SecretCopied on worker".to_owned()];
    assert_eq!(writes(&cluster, &secrets), patched);
    // Of another type it is made anew.
    secrets[2] = copy_of_pull_secret("Opaque", &data);
    assert_eq!(writes(&cluster, &secrets)[0], format!("delete {COPY}"));
    // What has no source any more stays.
    secrets.remove(0);
    assert_eq!(writes(&cluster, &secrets), Vec::<String>::new());
}

#[test]
fn il_392_copies_go_with_the_last_pool() {
    let data = json!({".dockerconfigjson": "e30="});
    let secrets = [
        pull_secret(&data),
        entitlement(),
        copy_of_pull_secret(TYPE, &data),
        copy_of_entitlement("worker", Some("worker")),
        copy_of_entitlement("infra", None),
    ];
    let mut cluster = vec![pool("worker", false), pool("infra", false)];
    // Somebody else made the one for infra.
    assert_eq!(
        writes(&cluster, &secrets),
        [
            format!("delete {COPY}"),
            "delete etc-pki-entitlement-worker".to_owned(),
            "SecretCopyDeleted on worker".to_owned(),
        ]
    );
    // A build that is left may need it.
    cluster.push(object(
        "MachineOSBuild",
        &json!({"metadata": {"name": "layered-1"}}),
    ));
    assert!(!writes(&cluster, &secrets).contains(&format!("delete {COPY}")));
}

#[test]
fn what_a_secret_holds_stands_in_no_test_of_a_patch() {
    let (old, new) = (json!({"k": "b2xk"}), json!({"k": "bmV3"}));
    let cluster = [pool("worker", true)];
    let view = BuilderSnapshot::of(cluster.iter().map(|text| raw(text)).collect()).0;
    let secrets = [pull_secret(&new), copy_of_pull_secret(TYPE, &old)];
    let secrets: Vec<_> = secrets.iter().map(|text| raw(text)).collect();
    let writes = view.operator_writes(&secrets, NOW).unwrap();
    let Some(Write::Patch(patch)) = writes.first() else {
        panic!("{writes:?}");
    };
    let text = patch.document().to_string();
    assert!(text.contains("bmV3") && !text.contains("b2xk"), "{text}");
    assert_eq!(patch.guard.resource_version.as_deref(), Some("2"));
}

#[test]
fn il_391_il_393_what_no_machine_os_config_can_say_is_told_on_the_pool() {
    let node = object(
        "Node",
        &json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": ""}},
            "status": {"nodeInfo": {"osImage": "Red Hat Enterprise Linux 9.4 (Plow)"}}}),
    );
    let cluster = [pool("worker", true), node];
    let view = BuilderSnapshot::of(cluster.iter().map(|text| raw(text)).collect()).0;
    let told = view.operator_warnings(NOW);
    let told: Vec<_> = told.iter().map(|event| event.note.as_str()).collect();
    assert_eq!(
        told,
        [
            "MachineOSConfig for pool worker missing, did you create it?",
            "on-cluster layering is only supported on CoreOS-based nodes: non-CoreOS OS \"Red Hat \
             Enterprise Linux 9.4 (Plow)\" detected on node \"n\" in MachineConfigPool(s) [worker]",
        ]
    );
    let cluster = [pool("worker", true), config("worker")];
    let view = BuilderSnapshot::of(cluster.iter().map(|text| raw(text)).collect()).0;
    assert_eq!(view.operator_warnings(NOW), []);
}

#[test]
fn il_875_leftovers_of_older_builders_go_and_nothing_else() {
    let made = |kind: &str, name: &str, metadata: &Value| {
        let mut all = json!({"name": name, "namespace": MCO_NAMESPACE, "uid": "1"});
        let members = metadata.as_object().cloned().unwrap();
        all.as_object_mut().unwrap().extend(members);
        object(
            kind,
            &json!({"metadata": all, "status": {"phase": "Succeeded"}}),
        )
    };
    let none = json!({});
    let owned = json!({"ownerReferences": [{"kind": "Job", "name": "build-x", "uid": "2"}]});
    let of_build = json!({"labels": {keys::MACHINE_OS_BUILD: "rendered-os-1"}});
    let running = made("Pod", "build-rendered-b-1", &none).replace("Succeeded", "Running");
    let mut objects = vec![running];
    for (kind, name, metadata) in [
        ("ConfigMap", "dockerfile-rendered-a-1", &none),
        ("ConfigMap", "mc-rendered-a-1", &none),
        ("ConfigMap", "digest-rendered-a-1", &none),
        ("Pod", "build-rendered-a-1", &none),
        ("Secret", "push-canonical", &none),
        // These stay.
        ("ConfigMap", "mc-layered-1", &none),
        ("ConfigMap", "mc-rendered-a-2", &owned),
        ("ConfigMap", "digest-rendered-os-1", &of_build),
        ("Pod", "build-rendered-a-2", &owned),
        ("Secret", "other-canonical", &none),
        ("Secret", "push", &none),
    ] {
        objects.push(made(kind, name, metadata));
    }
    let build = object(
        "MachineOSBuild",
        &json!({"metadata": {"name": "rendered-os-1"}}),
    );
    let cluster = [pool("worker", true), config("worker"), build];
    let view = BuilderSnapshot::of(cluster.iter().map(|text| raw(text)).collect()).0;
    let objects: Vec<_> = objects.iter().map(|text| raw(text)).collect();
    let deleted = view.legacy_deletions(&objects);
    let names: Vec<_> = deleted
        .iter()
        .map(|write| write.address().name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "dockerfile-rendered-a-1",
            "mc-rendered-a-1",
            "digest-rendered-a-1",
            "build-rendered-a-1",
            "push-canonical",
        ]
    );
    // A MachineOSConfig that names the copy keeps it.
    let names_copy = config("worker").replace("\"push\"", "\"push-canonical\"");
    let cluster = [names_copy];
    let view = BuilderSnapshot::of(cluster.iter().map(|text| raw(text)).collect()).0;
    assert!(!view.legacy_secrets().contains("push-canonical"));
}
