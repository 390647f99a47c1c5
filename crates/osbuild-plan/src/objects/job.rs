//! The Job of a build (IL-260 … IL-265).

use std::collections::BTreeMap;

use mosb_naming::{BuildConfigMap, BuildSecret, Optional, entitlement_secret};
use openshift_model::Proxy;
use osbuild_check::EXIT_CODES;
use serde_json::{Value, json};

use super::{BuildInputs, INPUTS_DIGEST};
use crate::objects::Context;

/// IL-270: what `image-build` runs.
const BUILD_SCRIPT: &str = include_str!("image-build.sh");
/// IL-275: what `create-digest-configmap` runs.
const DIGEST_SCRIPT: &str = include_str!("create-digest-configmap.sh");
/// IL-260: attempts after the first one.
const BACKOFF_LIMIT: u32 = 3;
/// IL-727: most seconds of all attempts together: a slow build takes about 35 minutes, and there are
/// four attempts.
const DEADLINE_SECONDS: u32 = 4 * 60 * 60;
/// IL-262: the container that builds.
pub const BUILD_CONTAINER: &str = "image-build";
/// IL-261: a build has nothing to finish when its pod is stopped.
const GRACE_PERIOD_SECONDS: u32 = 10;
/// IL-265: mode of what the user `build` copies.
const OPTIONAL_MODE: u32 = 0o755;

/// IL-260: the Job.
pub(super) fn job(inputs: &BuildInputs<'_>, context: &Context) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(context),
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "completions": 1,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "podFailurePolicy": failure_policy(),
            "template": {
                "metadata": {},
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": {
                        "kubernetes.io/os": "linux",
                        "kubernetes.io/arch": inputs.architecture.go_name(),
                    },
                    "serviceAccountName": "machine-os-builder",
                    "terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS,
                    "initContainers": [container(inputs, context, Container::Build)],
                    "containers": [container(inputs, context, Container::Digest)],
                    "volumes": volumes(inputs, context),
                },
            },
        },
    })
}

/// IL-781: the Job says what the label of its image will be.
fn metadata(context: &Context) -> Value {
    let mut metadata = context.metadata(context.name.job().as_str());
    if let (Some(Value::Object(annotations)), Some(digest)) =
        (metadata.get_mut("annotations"), &context.inputs_digest)
    {
        annotations.insert(INPUTS_DIGEST.to_owned(), json!(digest));
    }
    metadata
}

/// IL-780: what another attempt cannot cure ends the Job; what the cluster does to a pod does not
/// count as an attempt.
fn failure_policy() -> Value {
    let permanent = EXIT_CODES.iter().filter(|code| code.permanent);
    let codes: Vec<i64> = permanent.map(|code| code.code).collect();
    json!({"rules": [
        {"action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {
            "containerName": BUILD_CONTAINER, "operator": "In", "values": codes}},
    ]})
}

/// IL-262: the build is an init container, so that its failure is distinguished from the other's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Build,
    Digest,
}

fn container(inputs: &BuildInputs<'_>, context: &Context, which: Container) -> Value {
    let (name, script) = match which {
        Container::Build => (BUILD_CONTAINER, BUILD_SCRIPT),
        Container::Digest => ("create-digest-configmap", DIGEST_SCRIPT),
    };
    let resources = match which {
        Container::Build => json!({
            "requests": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "16Gi"},
            "limits": {"memory": "8Gi", "ephemeral-storage": "64Gi"},
        }),
        Container::Digest => json!({
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "256Mi"},
        }),
    };
    json!({
        "name": name,
        "image": inputs.builder_image,
        "command": ["/bin/bash", "-c", script],
        "imagePullPolicy": "Always",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources,
        "securityContext": {},
        "env": environment(inputs, context),
        "volumeMounts": mounts(inputs.optional, which),
    })
}

/// IL-264, in this order. An empty value is left out, which is the same.
fn environment(inputs: &BuildInputs<'_>, context: &Context) -> Vec<Value> {
    let labels: Vec<String> = context
        .marks
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let none = Proxy::default();
    let proxy = inputs.controller_config.proxy.as_ref().unwrap_or(&none);
    let digest = context.name.config_map(BuildConfigMap::Digest);
    let labels = labels.join(",");
    let mut variables = vec![
        ("MAX_RETRIES", "3"),
        ("DIGEST_CONFIGMAP_NAME", digest.as_str()),
        ("DIGEST_CONFIGMAP_LABELS", &labels),
        ("HOME", "/home/build"),
        ("TAG", inputs.build.push_spec()),
        (
            "BASE_IMAGE_PULL_CREDS",
            "/tmp/base-image-pull-creds/config.json",
        ),
        (
            "FINAL_IMAGE_PUSH_CREDS",
            "/tmp/final-image-push-creds/config.json",
        ),
        ("BUILDAH_ISOLATION", "chroot"),
        (
            "HTTP_PROXY",
            proxy.http_proxy.as_deref().unwrap_or_default(),
        ),
        (
            "HTTPS_PROXY",
            proxy.https_proxy.as_deref().unwrap_or_default(),
        ),
        ("NO_PROXY", proxy.no_proxy.as_deref().unwrap_or_default()),
        ("BASE_OS_IMAGE_PULLSPEC", inputs.machine_config.os_image()),
    ];
    let optional = optional_mounts(inputs.optional);
    variables.extend(optional.iter().map(|mount| (mount.variable, mount.path)));
    if !context.layer_cache.is_empty() {
        variables.push(("LAYER_CACHE", &context.layer_cache));
    }
    let variable = |(name, value): (&str, &str)| match value {
        "" => json!({"name": name}),
        value => json!({"name": name, "value": value}),
    };
    variables.into_iter().map(variable).collect()
}

/// What a build uses if the cluster has it.
struct OptionalMount {
    name: &'static str,
    path: &'static str,
    variable: &'static str,
}

/// IL-241, IL-265: the optional mounts that are there, in their order.
fn optional_mounts(optional: Optional) -> Vec<OptionalMount> {
    let Optional {
        entitlement,
        yum_repos,
        gpg_keys,
    } = optional;
    let mount = |name, path, variable| OptionalMount {
        name,
        path,
        variable,
    };
    let all = [
        (
            entitlement,
            mount(
                "etc-pki-entitlement",
                "/etc/pki/entitlement",
                "ETC_PKI_ENTITLEMENT_MOUNTPOINT",
            ),
        ),
        (
            yum_repos,
            mount(
                "etc-yum-repos-d",
                "/etc/yum.repos.d",
                "ETC_YUM_REPOS_D_MOUNTPOINT",
            ),
        ),
        (
            gpg_keys,
            mount(
                "etc-pki-rpm-gpg",
                "/etc/pki/rpm-gpg",
                "ETC_PKI_RPM_GPG_MOUNTPOINT",
            ),
        ),
    ];
    all.into_iter()
        .filter_map(|(is_there, mount)| is_there.then_some(mount))
        .collect()
}

/// IL-265: where volumes are mounted.
fn mounts(optional: Optional, which: Container) -> Vec<Value> {
    let mount = |name: &str, path: &str| json!({"name": name, "mountPath": path});
    let file = |name: &str, path: &str, file: &str| json!({"name": name, "mountPath": path, "subPath": file});
    let mut mounts = vec![
        mount("machineconfig", "/tmp/machineconfig"),
        mount("containerfile", "/tmp/containerfile"),
        file("etc-policy", "/etc/containers/policy.json", "policy.json"),
        file(
            "etc-registries",
            "/etc/containers/registries.conf",
            "registries.conf",
        ),
        mount(
            "additional-trust-bundle",
            "/etc/pki/ca-trust/source/anchors",
        ),
        mount("base-image-pull-creds", "/tmp/base-image-pull-creds"),
        mount("final-image-push-creds", "/tmp/final-image-push-creds"),
        mount("done", "/tmp/done"),
    ];
    mounts.extend(
        optional_mounts(optional)
            .iter()
            .map(|found| mount(found.name, found.path)),
    );
    if which == Container::Build {
        mounts.push(mount(
            "buildah-cache",
            "/home/build/.local/share/containers",
        ));
    }
    mounts
}

/// IL-265: the volumes.
fn volumes(inputs: &BuildInputs<'_>, context: &Context) -> Vec<Value> {
    let name = &context.name;
    let config_map = |volume: &str, which| json!({"name": volume, "configMap": {"name": name.config_map(which)}});
    let optional_config_map = |volume: &str, which| json!({"name": volume, "configMap": {"name": name.config_map(which), "optional": true}});
    let credentials = |volume: &str, which| {
        let items = json!([{"key": ".dockerconfigjson", "path": "config.json"}]);
        json!({"name": volume, "secret": {"secretName": name.secret(which), "items": items}})
    };
    let mut volumes = vec![
        config_map("containerfile", BuildConfigMap::Containerfile),
        config_map("machineconfig", BuildConfigMap::MachineConfig),
        config_map(
            "additional-trust-bundle",
            BuildConfigMap::AdditionalTrustBundle,
        ),
        optional_config_map("etc-policy", BuildConfigMap::EtcPolicy),
        optional_config_map("etc-registries", BuildConfigMap::EtcRegistries),
        credentials("base-image-pull-creds", BuildSecret::BasePull),
        credentials("final-image-push-creds", BuildSecret::FinalPush),
        json!({"name": "done", "emptyDir": {"medium": "Memory"}}),
        json!({"name": "buildah-cache", "emptyDir": {}}),
    ];
    for mount in optional_mounts(inputs.optional) {
        let source = match mount.name {
            "etc-pki-entitlement" => {
                let secret = entitlement_secret(inputs.config.pool());
                (
                    "secret",
                    json!({"secretName": secret, "defaultMode": OPTIONAL_MODE}),
                )
            }
            "etc-yum-repos-d" => (
                "configMap",
                json!({"name": mount.name, "defaultMode": OPTIONAL_MODE}),
            ),
            _ => (
                "secret",
                json!({"secretName": mount.name, "defaultMode": OPTIONAL_MODE}),
            ),
        };
        let (kind, source) = source;
        let volume = BTreeMap::from([("name", json!(mount.name)), (kind, source)]);
        volumes.push(json!(volume));
    }
    volumes
}
