//! `fixtures/stream-cases.jsonl`: golden cases on the documents of `fixtures/streams`. What each
//! expects is demanded by the rule that it names.

#![expect(
    clippy::indexing_slicing,
    reason = "members are set in JSON objects that are made here"
)]

use serde_json::{Value, json};

use super::streams::{ERAS, Era, FREE_VERSION};

/// Where a provider spec stands in a MachineSet.
const PROVIDER_SPEC: &str = "/spec/template/spec/providerSpec/value";
const REGION: &str = "us-east-1";
/// The account that owns the release's images on AWS (BI-263).
const OWNER: &str = "531415883065";
const SERVER: &str = "vcenter.example.com";

/// One line for each case.
pub(super) fn lines() -> String {
    let cases = ERAS.iter().flat_map(|era| {
        let mut cases = gcp(era);
        cases.extend(aws(era));
        cases.extend(azure(era));
        cases.extend(vsphere(era));
        cases
    });
    cases.fold(String::new(), |lines, case| format!("{lines}{case}\n"))
}

/// The parts of a case besides its platform.
struct Case<'a> {
    era: &'a Era,
    rule: &'static str,
    name: &'static str,
    architecture: &'a str,
}

impl Case<'_> {
    fn line(&self, platform: &str, spec: &Value, expect: &Value, ec2: &Value) -> Value {
        let Self {
            era,
            rule,
            name,
            architecture,
        } = self;
        let id = format!(
            "{}/{}/{architecture}/{name}",
            era.name,
            platform.to_lowercase()
        );
        json!({"id": id, "rule": rule, "op": "ms_check", "input": {
            "arch": architecture,
            "stream": {"ref": era.name},
            "infrastructure": infrastructure(platform),
            "machine_set": machine_set(spec),
            "secrets": [user_data()],
            "ec2": ec2,
        }, "expect": expect})
    }
}

fn up_to_date() -> Value {
    json!({"patch_required": false, "skipped": false})
}

fn skipped() -> Value {
    json!({"patch_required": false, "skipped": true})
}

fn error(text: &str) -> Value {
    json!({"patch_required": false, "skipped": false, "error": text})
}

/// The set with `member` of its provider spec replaced.
fn patched(spec: &Value, member: &str, value: Value) -> Value {
    let mut spec = spec.clone();
    if let Some(place) = spec.pointer_mut(member) {
        *place = value;
    }
    json!({"patch_required": true, "skipped": false, "patched": machine_set(&spec)})
}

fn machine_set(spec: &Value) -> Value {
    let mut set = json!({
        "apiVersion": "machine.openshift.io/v1beta1",
        "kind": "MachineSet",
        "metadata": {"name": "loom-5d2kq-worker-a", "namespace": "openshift-machine-api"},
        "spec": {"replicas": 1, "template": {"spec": {"providerSpec": {"value": {}}}}},
    });
    if let Some(place) = set.pointer_mut(PROVIDER_SPEC) {
        *place = spec.clone();
    }
    set
}

fn infrastructure(platform: &str) -> Value {
    let mut object = json!({
        "apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
        "metadata": {"name": "cluster"},
        "spec": {"platformSpec": {"type": platform}},
        "status": {"infrastructureName": "loom-5d2kq", "platform": platform,
            "platformStatus": {"type": platform}},
    });
    if platform == "VSphere" {
        object["spec"]["platformSpec"]["vsphere"] = json!({
            "vcenters": [{"server": SERVER, "datacenters": ["weavery"]}],
            "failureDomains": [{"name": "hall-1", "server": SERVER, "topology": {
                "datacenter": "weavery", "datastore": "/weavery/datastore/cotton",
                "computeCluster": "/weavery/host/hall-1", "networks": ["machines"],
                "resourcePool": "/weavery/host/hall-1//Resources"}}],
        });
    }
    object
}

/// A stub that needs no conversion: `{"ignition":{"version":"3.2.0"}}`.
fn user_data() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "worker-user-data", "namespace": "openshift-machine-api"},
        "data": {"userData": "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMy4yLjAifX0="}})
}

fn gcp(era: &Era) -> Vec<Value> {
    let spec = |image: &str| {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "GCPMachineProviderSpec",
            "disks": [{"boot": true, "image": image, "sizeGb": 128}],
            "userDataSecret": {"name": "worker-user-data"}})
    };
    let old = spec("projects/rhcos-cloud/global/images/rhcos-49-84-202110081200-0-gcp-x86-64");
    let mut cases = Vec::new();
    for architecture in era.architectures {
        let mut add = |rule, name, spec: &Value, expect: Value| {
            let case = Case {
                era,
                rule,
                name,
                architecture,
            };
            cases.push(case.line("GCP", spec, &expect, &Value::Null));
        };
        let Some(image) = era.gcp_image(architecture) else {
            let text = format!("{}/{architecture}: No GCP images", era.stream);
            add("BI-254", "no-image", &old, error(&text));
            continue;
        };
        let image = format!("projects/{}/global/images/{image}", era.project);
        let expect = patched(&old, "/disks/0/image", json!(image));
        add("BI-250", "outdated", &old, expect);
        add("BI-252", "current", &spec(&image), up_to_date());
        let own = spec("projects/weavers/global/images/golden");
        add("BI-251", "custom", &own, skipped());
    }
    let case = Case {
        era,
        rule: "BI-222",
        name: "no-architecture",
        architecture: "riscv64",
    };
    let text = format!("stream:{} does not have architecture 'riscv64'", era.stream);
    cases.push(case.line("GCP", &old, &error(&text), &Value::Null));
    cases
}

fn aws(era: &Era) -> Vec<Value> {
    const OLD: &str = "ami-0f00000000000001d";
    let spec = |ami: &Value, region: &str| {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "AWSMachineProviderConfig",
            "ami": ami, "placement": {"region": region},
            "userDataSecret": {"name": "worker-user-data"}})
    };
    let ec2 = |owner: &str| {
        json!({"images": [{"image_id": OLD, "owner_id": owner, "name": "rhcos-old",
            "description": "", "creation_date": "2021-10-08T12:00:00.000Z"}]})
    };
    let old = spec(&json!({ "id": OLD }), REGION);
    let mut cases = Vec::new();
    for architecture in ["aarch64", "x86_64"] {
        let mut add = |rule, name, spec: &Value, expect: Value, ec2: &Value| {
            let case = Case {
                era,
                rule,
                name,
                architecture,
            };
            cases.push(case.line("AWS", spec, &expect, ec2));
        };
        let target = json!({"id": era.ami(architecture, REGION)});
        let expect = patched(&old, "/ami", target.clone());
        add("BI-265", "outdated", &old, expect, &ec2(OWNER));
        add(
            "BI-270",
            "current",
            &spec(&target, REGION),
            up_to_date(),
            &Value::Null,
        );
        let elsewhere = spec(&json!({ "id": OLD }), "xx-nowhere-1");
        add("BI-265", "no-region", &elsewhere, skipped(), &ec2(OWNER));
        let by_filter = spec(&json!({"filters": [{"name": "tag:x"}]}), REGION);
        add("BI-260", "no-id", &by_filter, skipped(), &Value::Null);
        add("BI-263", "custom", &old, skipped(), &ec2("123456789012"));
    }
    cases
}

fn azure(era: &Era) -> Vec<Value> {
    const OLD_VERSION: &str = "9.4.20240101";
    let spec = |sku: &str, version: &str| {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "AzureMachineProviderSpec",
            "image": {"publisher": "azureopenshift", "offer": "aro4", "sku": sku,
                "version": version, "resourceID": "", "type": "MarketplaceNoPlan"},
            "userDataSecret": {"name": "worker-user-data"}})
    };
    let mut cases = Vec::new();
    let mut add = |rule, name, architecture, spec: &Value, expect: Value| {
        let case = Case {
            era,
            rule,
            name,
            architecture,
        };
        cases.push(case.line("Azure", spec, &expect, &Value::Null));
    };
    for (architecture, generation, sku) in [
        (
            "x86_64",
            ["outdated-generation-1", "current-generation-1"],
            "aro_420",
        ),
        (
            "x86_64",
            ["outdated-generation-2", "current-generation-2"],
            "420-v2",
        ),
        ("aarch64", ["outdated", "current"], "420-arm"),
    ] {
        let [outdated, current] = generation;
        let old = spec(sku, OLD_VERSION);
        if era.has_marketplace {
            let new = spec(sku, FREE_VERSION);
            let target = new["image"].clone();
            add(
                "BI-296",
                outdated,
                architecture,
                &old,
                patched(&old, "/image", target),
            );
            add("BI-297", current, architecture, &new, up_to_date());
        } else {
            add("BI-293", outdated, architecture, &old, skipped());
        }
    }
    let old = spec("420-v2", OLD_VERSION);
    // A silent skip is not counted.
    add("BI-290", "other-architecture", "s390x", &old, up_to_date());
    cases
}

fn vsphere(era: &Era) -> Vec<Value> {
    let spec = json!({"apiVersion": "machine.openshift.io/v1beta1",
        "kind": "VSphereMachineProviderSpec", "template": "loom-5d2kq-rhcos-hall-1",
        "workspace": {"server": SERVER, "datacenter": "weavery",
            "datastore": "/weavery/datastore/cotton",
            "resourcePool": "/weavery/host/hall-1//Resources"},
        "userDataSecret": {"name": "worker-user-data"}});
    let case = |architecture, rule, name| Case {
        era,
        rule,
        name,
        architecture,
    };
    let asked = json!({"patch_required": false, "skipped": false,
        "needs_cloud_call": {"kind": "vcenter", "server": SERVER}});
    let text = format!("{}/aarch64: artifact 'vmware' not found", era.stream);
    vec![
        case("x86_64", "BI-317", "template").line("VSphere", &spec, &asked, &Value::Null),
        case("aarch64", "BI-310", "no-artifact").line(
            "VSphere",
            &spec,
            &error(&text),
            &Value::Null,
        ),
    ]
}
