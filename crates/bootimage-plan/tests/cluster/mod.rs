//! Clusters for tests: what every plan needs besides the sets that a test is about.

#![allow(dead_code, reason = "no test file uses all of it")]

use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Plan, Policy, Target, plan};
use openshift_model::{Kind, RawObject};
use serde_json::{Value, json};

const STREAM: &str = r#"{"stream":"s","architectures":{
    "x86_64":{
        "artifacts":{"vmware":{"release":"9.8.1-0","formats":{"ova":{"disk":{
            "location":"https://example.com/rhcos.ova","sha256":"00"}}}}},
        "images":{"gcp":{"project":"rhcos-cloud","name":"new"},
            "aws":{"regions":{"r1":{"release":"9.8.1-0","image":"ami-new"}}}},
        "rhel-coreos-extensions":{"marketplace":{"azure":{"no-purchase-plan":{
            "hyperVGen1":{"publisher":"azureopenshift","offer":"aro4","sku":"aro_420","version":"9.6.2"},
            "hyperVGen2":{"publisher":"azureopenshift","offer":"aro4","sku":"420-v2","version":"9.6.2"}}}}}},
    "aarch64":{"images":{"gcp":{"project":"rhcos-cloud","name":"new-arm"}}}}}"#;
/// A release before; its image of AWS is known from it.
const OLD_STREAM: &str = r#"{"stream":"old","architectures":{"x86_64":{"images":{"aws":{"regions":{
    "r1":{"release":"4.12","image":"ami-old"}}}}}}}"#;

/// A set or a control plane with this provider spec.
pub(crate) fn resource(kind: Kind, name: &str, spec: &Value) -> Value {
    let template = json!({"spec": {"providerSpec": {"value": spec}}});
    let (version, template) = if kind == Kind::MachineSet {
        ("v1beta1", template)
    } else {
        let template = json!({"machines_v1beta1_machine_openshift_io": template});
        ("v1", template)
    };
    json!({"apiVersion": format!("machine.openshift.io/{version}"), "kind": kind.name(),
        "metadata": {"name": name, "namespace": "openshift-machine-api"},
        "spec": {"template": template}})
}

/// A Secret with a stub.
pub(crate) fn secret(name: &str, stub: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"userData": stub},
        "metadata": {"name": name, "namespace": "openshift-machine-api"}})
}

/// Plans objects of a 4.22 cluster on a platform, where both kinds are managed.
pub(crate) fn planned_with(
    platform: &str,
    completeness: Completeness,
    facts: &Facts,
    objects: &[Value],
) -> Plan {
    let manager = |resource: &str| {
        json!({"resource": resource, "apiGroup": "machine.openshift.io",
            "selection": {"mode": "All"}})
    };
    let managers = json!({"machineManagers":
        [manager("machinesets"), manager("controlplanemachinesets")]});
    let platform_spec = json!({"vsphere": {
        "vcenters": [{"server": "v", "datacenters": ["d"]}],
        "failureDomains": [{"name": "fd", "region": "r", "zone": "z", "server": "v",
            "topology": {"datacenter": "d", "computeCluster": "/d/host/c", "networks": ["n"],
                "datastore": "s", "resourcePool": "p", "folder": "f"}}]}});
    let cluster = [
        json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"}, "spec": {"platformSpec": platform_spec},
            "status": {"infrastructureName": "infra", "platformStatus": {"type": platform}}}),
        json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
            "metadata": {"name": "version"},
            "status": {"desired": {"version": "4.22.1"},
                "history": [{"state": "Completed", "version": "4.22.1"},
                    {"state": "Completed", "version": "4.16.0"}]}}),
        json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster"}, "spec": {"managedBootImages": managers},
            "status": {"managedBootImagesStatus": managers}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "data": {"stream": STREAM, "releaseVersion": "4.22.1"},
            "metadata": {"name": "coreos-bootimages",
                "namespace": "openshift-machine-config-operator"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "data": {"install-config": "platform: {vsphere: {}}"},
            "metadata": {"name": "cluster-config-v1", "namespace": "kube-system"}}),
    ];
    let texts: Vec<String> = cluster
        .iter()
        .chain(objects)
        .map(Value::to_string)
        .collect();
    let read = |text| RawObject::parse(text).ok().flatten();
    let snapshot = ClusterSnapshot {
        completeness,
        objects: texts.iter().filter_map(|text| read(text)).collect(),
        streams: vec![OLD_STREAM],
    };
    plan(&snapshot, facts, &Policy::default())
}

/// Plans files without facts.
pub(crate) fn planned(platform: &str, objects: &[Value]) -> Plan {
    let facts = Facts::default();
    planned_with(platform, Completeness::Partial, &facts, objects)
}

/// The target of this name.
pub(crate) fn target<'p>(plan: &'p Plan, name: &str) -> &'p Target {
    let mut targets = plan.targets.iter();
    targets.find(|target| target.name == name).unwrap()
}
