//! What holds for every plan.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod cluster;

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Facts, Plan, Policy, explain, plan,
};
use openshift_model::facts::{Answer, Fact, FactRequest, VsphereMachine, VsphereMachines};
use openshift_model::{Kind, ObjectRef, RawObject, provider_spec_pointer};
use proptest::prelude::*;
use serde_json::{Value, json};

const STREAM: &str = r#"{"stream":"s","architectures":{"x86_64":{"images":{
    "gcp":{"project":"rhcos-cloud","name":"new"},
    "aws":{"regions":{"r1":{"release":"9.8.1-0","image":"ami-new"}}}},
    "rhel-coreos-extensions":{"marketplace":{"azure":{"no-purchase-plan":{
        "hyperVGen1":{"publisher":"azureopenshift","offer":"aro4","sku":"aro_420","version":"9.6.2"},
        "hyperVGen2":{"publisher":"azureopenshift","offer":"aro4","sku":"420-v2","version":"9.6.2"}}}}}}}}"#;
const OLD_STREAM: &str = r#"{"stream":"old","architectures":{"x86_64":{"images":{"aws":{"regions":{
    "r1":{"release":"4.12","image":"ami-old"}}}}}}}"#;

/// The pointers that may change below a provider spec (BI-346).
fn may_change(platform: &str, pointer: &str) -> bool {
    match platform {
        "GCP" => pointer.starts_with("/disks/") && pointer.ends_with("/image"),
        "AWS" => pointer == "/ami",
        _ => pointer == "/image",
    }
}

fn cluster(platform: &str) -> Vec<Value> {
    vec![
        json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"}, "status": {"platformStatus": {"type": platform}}}),
        json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
            "metadata": {"name": "version"}, "status": {"desired": {"version": "4.22.1"}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"stream": STREAM},
            "metadata": {"name": "coreos-bootimages",
                "namespace": "openshift-machine-config-operator"}}),
    ]
}

fn planned(objects: &[Value]) -> Plan {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    let objects = texts
        .iter()
        .filter_map(|text| RawObject::parse(text).unwrap())
        .collect();
    let streams = vec![OLD_STREAM];
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Partial,
        objects,
        streams,
    };
    let plan = plan(&snapshot, &Facts::default(), &Policy::default());
    for target in &plan.targets {
        let reference = ObjectRef {
            kind: target.kind.name().to_owned(),
            namespace: target.namespace.clone().into_owned(),
            name: target.name.clone(),
        };
        let explained = explain(&snapshot, &Facts::default(), &Policy::default(), &reference);
        let explained = explained.unwrap();
        assert_eq!(&explained.target, target, "explain and plan disagree");
        assert!(!explained.steps.is_empty());
    }
    plan
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(1.5)),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,4}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn gcp_spec() -> impl Strategy<Value = Value> {
    let image = prop_oneof![
        Just("projects/rhcos-cloud/global/images/old"),
        Just("projects/rhcos-cloud/global/images/new"),
        Just("projects/mine/global/images/x"),
        Just(""),
    ];
    let disk = (any::<bool>(), image, any_json())
        .prop_map(|(boot, image, more)| json!({"boot": boot, "image": image, "more": more}));
    prop::collection::vec(disk, 0..4).prop_map(|disks| json!({ "disks": disks }))
}

fn aws_spec() -> impl Strategy<Value = Value> {
    let ami = prop_oneof![
        Just(json!({"id": "ami-old"})),
        Just(json!({"id": "ami-old", "arn": "x", "filters": []})),
        Just(json!({"id": "ami-new"})),
        Just(json!({"id": "ami-custom"})),
        Just(json!({"arn": "x"})),
        Just(Value::Null),
    ];
    (ami, prop_oneof![Just("r1"), Just("r2")])
        .prop_map(|(ami, region)| json!({"ami": ami, "placement": {"region": region}}))
}

fn azure_spec() -> impl Strategy<Value = Value> {
    let image = prop_oneof![
        Just(json!({"resourceID": "/galleries/g/images/x-gen2/versions/latest", "offer": ""})),
        Just(
            json!({"publisher": "azureopenshift", "offer": "aro4", "sku": "aro_418",
            "version": "9.4.1", "type": "MarketplaceNoPlan", "resourceID": ""})
        ),
        Just(
            json!({"publisher": "azureopenshift", "offer": "aro4", "sku": "420-v2",
            "version": "9.6.2", "type": "MarketplaceNoPlan", "resourceID": ""})
        ),
        Just(json!({"publisher": "contoso", "offer": "x", "sku": "y", "version": "1"})),
    ];
    image.prop_map(|image| json!({ "image": image }))
}

fn spec() -> impl Strategy<Value = (&'static str, Value)> {
    let known = prop_oneof![
        gcp_spec().prop_map(|spec| ("GCP", spec)),
        aws_spec().prop_map(|spec| ("AWS", spec)),
        azure_spec().prop_map(|spec| ("Azure", spec)),
    ];
    (known, any_json(), "[a-z]{5,6}").prop_map(|((platform, mut spec), more, key)| {
        spec["userDataSecret"] = json!({"name": "worker-user-data", "more": more});
        spec[key] = more;
        (platform, spec)
    })
}

fn machine_set(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
        "metadata": {"name": name, "namespace": "n", "unknown": 1},
        "spec": {"replicas": 1, "template": {"spec": {"providerSpec": {"value": spec}}}}})
}

/// What the vCenter of a plan's questions has: under each name that is asked for, of a release.
fn answered(plan: &Plan, version: &str, only: Option<&str>) -> Facts {
    let mut facts = Facts::default();
    for need in &plan.needs {
        let FactRequest::VsphereTemplate(search) = need else {
            continue;
        };
        let names = search
            .names
            .iter()
            .filter(|name| only.is_none_or(|only| only == *name));
        let machine = |name: &String| VsphereMachine {
            path: format!("/d/vm/f/{name}"),
            version: version.to_owned(),
            ..VsphereMachine::default()
        };
        facts.insert(Fact::VsphereTemplate {
            search: search.clone(),
            answer: Answer::Found(VsphereMachines {
                folder_path: Some("/d/vm/f".to_owned()),
                machines: names.map(machine).collect(),
            }),
        });
    }
    facts
}

proptest! {
    #[test]
    fn bi_421_on_vsphere_only_the_template_changes_and_what_was_updated_is_up_to_date(
        template in "(t|infra-rhcos-fd|[a-z]{1,9})",
        version in "(9.4.1-0|9.8.1-0|)",
        is_there: bool,
        more in any_json(),
        key in "[a-z]{10,12}",
    ) {
        let mut spec = json!({"userDataSecret": {"name": "worker-user-data"}, "template": template,
            "workspace": {"server": "v", "datacenter": "d", "folder": "f", "datastore": "s",
                "resourcePool": "p"}});
        spec[key] = more;
        let set = cluster::resource(Kind::MachineSet, "a", &spec);
        let planned = |set: &Value, facts: &Facts| {
            cluster::planned_with("VSphere", Completeness::Partial, facts, std::slice::from_ref(set))
        };
        let asked = planned(&set, &Facts::default());
        prop_assert_eq!(asked.targets[0].decision, DecisionKind::Undecided);
        let only = if is_there { template.as_str() } else { "nothing" };
        let plan = planned(&set, &answered(&asked, &version, Some(only)));
        let target = &plan.targets[0];
        prop_assert_eq!(target.patch.is_some(), target.decision == DecisionKind::Update);
        let Some(edit) = &target.patch else { return Ok(()) };
        prop_assert!(!target.steps.is_empty() || !edit.is_empty());
        let at = format!("{}/template", provider_spec_pointer(Kind::MachineSet));
        prop_assert!(edit.changed_pointers().all(|pointer| pointer == at));
        let mut after = set.clone();
        edit.apply(&mut after).unwrap();
        let name = after.pointer(&at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = planned(&after, &Facts::default());
        let again = planned(&after, &answered(&asked, "9.8.1-0", Some(&name)));
        prop_assert_eq!(again.targets[0].decision, DecisionKind::UpToDate, "{:?}", again.targets);
        *after.pointer_mut(&at).unwrap() = set.pointer(&at).unwrap().clone();
        prop_assert_eq!(after, set);
    }

    #[test]
    fn bi_421_only_images_change_and_what_was_updated_is_up_to_date((platform, spec) in spec()) {
        let set = machine_set("a", &spec);
        let mut objects = cluster(platform);
        objects.push(set.clone());
        let plan = planned(&objects);
        let target = &plan.targets[0];
        prop_assert_eq!(target.patch.is_some(), target.decision == DecisionKind::Update);
        prop_assert_eq!(target.counted.is_some(), target.decision == DecisionKind::Skip);
        let Some(edit) = &target.patch else { return Ok(()) };
        let mut after = set.clone();
        edit.apply(&mut after).unwrap();
        let at = provider_spec_pointer(target.kind);
        for pointer in edit.changed_pointers() {
            let below = pointer.strip_prefix(at).unwrap();
            prop_assert!(may_change(platform, below), "{}", pointer);
        }
        let mut restored = after.clone();
        for pointer in edit.changed_pointers() {
            match (restored.pointer_mut(pointer), set.pointer(pointer)) {
                (Some(place), Some(before)) => *place = before.clone(),
                (place, before) => prop_assert!(false, "{pointer}: {place:?} {before:?}"),
            }
        }
        prop_assert_eq!(restored, set);
        *objects.last_mut().unwrap() = after;
        let again = planned(&objects);
        prop_assert_eq!(again.targets[0].decision, DecisionKind::UpToDate);
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_of_the_input(
        specs in prop::collection::vec(gcp_spec(), 1..6),
        seed in any::<usize>(),
    ) {
        let mut objects = cluster("GCP");
        objects.extend(
            specs.iter().enumerate().map(|(n, spec)| machine_set(&format!("s{n}"), spec)),
        );
        let text = |plan: &Plan| serde_json::to_string(plan).unwrap();
        let before = text(&planned(&objects));
        prop_assert_eq!(&text(&planned(&objects)), &before);
        let length = objects.len();
        objects.rotate_left(seed % length);
        objects.swap(0, length - 1);
        prop_assert_eq!(text(&planned(&objects)), before);
    }

    #[test]
    fn no_object_panics_and_a_broken_one_spoils_no_other(
        broken in any_json(),
        place in prop_oneof![
            Just("/metadata"), Just("/metadata/labels"), Just("/spec"), Just("/spec/template"),
            Just("/spec/template/spec/providerSpec/value"), Just("/status"),
        ],
        platform in prop_oneof![Just("GCP"), Just("AWS"), Just("Azure"), Just("VSphere"), Just("X")],
    ) {
        let good = machine_set("good", &json!({"disks": []}));
        let mut bad = machine_set("bad", &json!({}));
        bad["metadata"]["labels"] = json!({});
        bad["status"] = json!({});
        *bad.pointer_mut(place).unwrap() = broken.clone();
        let mut objects = cluster(platform);
        objects.extend([good, bad]);
        let with = planned(&objects);
        prop_assert_eq!(with.targets.len(), 2);
        objects.pop();
        let without = planned(&objects);
        let good = |plan: &Plan| plan.targets.iter().find(|t| t.name == "good").cloned();
        prop_assert_eq!(good(&with), good(&without));
    }

    #[test]
    fn no_cluster_object_panics(
        broken in any_json(),
        which in 0..3_usize,
        place in prop_oneof![Just("/metadata"), Just("/status"), Just("/data"), Just("/spec")],
    ) {
        let mut objects = cluster("GCP");
        if let Some(value) = objects[which].pointer_mut(place) {
            *value = broken.clone();
        }
        objects.push(json!({"apiVersion": "operator.openshift.io/v1",
            "kind": "MachineConfiguration", "metadata": {"name": "cluster"}, "spec": broken,
            "status": broken}));
        objects.push(machine_set("a", &json!({"disks": []})));
        prop_assert_eq!(planned(&objects).targets.len(), 1);
    }
}
