//! ControlPlaneMachineSets (BI-165 … BI-170, BI-340 … BI-343).

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod cluster;

use bootimage_plan::{DecisionKind, ReasonCode};
use cluster::{planned, resource, target};
use openshift_model::{CPMS_PROVIDER_SPEC, Kind};
use serde_json::{Value, json};

const OLD: &str = "projects/rhcos-cloud/global/images/old";

fn gcp_spec(image: &str) -> Value {
    json!({"userDataSecret": {"name": "master-user-data"},
        "disks": [{"boot": true, "image": image}]})
}

/// A control plane on GCP that boots an image; `rest` is merged into its spec.
fn control_plane(image: &str, rest: &Value) -> Value {
    let mut object = resource(Kind::ControlPlaneMachineSet, "cluster", &gcp_spec(image));
    let spec = object
        .pointer_mut("/spec")
        .unwrap()
        .as_object_mut()
        .unwrap();
    spec.extend(rest.as_object().unwrap().clone());
    object
}

/// What is warned of where a control plane with this spec is updated.
fn check_warning(rest: &Value, expected: &str) {
    let plan = planned("GCP", &[control_plane(OLD, rest)]);
    assert_eq!(target(&plan, "cluster").decision, DecisionKind::Update);
    let about = "ControlPlaneMachineSet openshift-machine-api/cluster: its strategy is ";
    let found = plan
        .warnings
        .iter()
        .find_map(|warning| warning.strip_prefix(about));
    assert!(found.unwrap().starts_with(expected), "{rest}: {found:?}");
}

#[test]
fn bi_170_what_an_edit_leads_to_depends_on_strategy_and_state() {
    let later = ": only machines that are made later boot the new image";
    let rolls =
        "RollingUpdate: the change replaces the control plane's machines one after the other";
    let active = |strategy: Value| json!({"state": "Active", "strategy": strategy});
    check_warning(&active(json!({"type": "RollingUpdate"})), rolls);
    check_warning(&active(json!({})), rolls);
    check_warning(&active(Value::Null), rolls);
    for strategy in ["OnDelete", "Recreate", "Later"] {
        let expected = format!("{strategy}{later}");
        check_warning(&active(json!({"type": strategy})), &expected);
    }
    let idle = format!("RollingUpdate and it is not active{later}");
    check_warning(&json!({"state": "Inactive"}), &idle);
    check_warning(&json!({}), &idle);
}

#[test]
fn bi_170_what_is_not_edited_earns_no_warning() {
    let current = "projects/rhcos-cloud/global/images/new";
    for image in [current, "projects/mine/global/images/own"] {
        let plan = planned("GCP", &[control_plane(image, &json!({"state": "Active"}))]);
        let warnings = plan.warnings.iter();
        let about_strategy = warnings.filter(|warning| warning.contains("strategy"));
        assert_eq!(about_strategy.count(), 0, "{image}");
    }
}

#[test]
fn bi_341_bi_342_one_image_serves_all_failure_domains_and_they_are_not_edited() {
    let secret = json!({"name": "master-user-data"});
    for (platform, domains, spec, pointer) in [
        (
            "GCP",
            json!({"platform": "GCP", "gcp": [{"zone": "a"}, {"zone": "b"}]}),
            gcp_spec(OLD),
            "/disks/0/image",
        ),
        // The region is that of the template, not that of a failure domain.
        (
            "AWS",
            json!({"platform": "AWS", "aws": [{"placement": {"availabilityZone": "r2a"}}]}),
            json!({"userDataSecret": secret, "ami": {"id": "ami-old"},
                "placement": {"region": "r1"}}),
            "/ami",
        ),
        (
            "Azure",
            json!({"platform": "Azure", "azure": [{"zone": "1"}]}),
            json!({"userDataSecret": secret, "image": {"resourceID": "/images/x-gen2"}}),
            "/image",
        ),
    ] {
        let mut object = resource(Kind::ControlPlaneMachineSet, "cluster", &spec);
        let machines = "/spec/template/machines_v1beta1_machine_openshift_io";
        let machines = object
            .pointer_mut(machines)
            .unwrap()
            .as_object_mut()
            .unwrap();
        machines.insert("failureDomains".to_owned(), domains);
        let plan = planned(platform, &[object]);
        let target = target(&plan, "cluster");
        assert_eq!(
            target.decision,
            DecisionKind::Update,
            "{platform}: {}",
            target.message
        );
        let edit = target.patch.as_ref().unwrap();
        let changed: Vec<_> = edit.changed_pointers().collect();
        assert_eq!(changed, [format!("{CPMS_PROVIDER_SPEC}{pointer}")]);
    }
}

/// Decision, reason, whether it is counted.
fn check(platform: &str, object: Value, expected: (DecisionKind, ReasonCode, Option<bool>)) {
    let plan = planned(platform, &[object]);
    let target = target(&plan, "cluster");
    let found = (target.decision, target.reason, target.counted);
    assert_eq!(found, expected, "{platform}: {}", target.message);
}

#[test]
fn bi_166_bi_168_bi_169_what_is_skipped_and_what_of_it_is_counted() {
    let with = |pointer: &str, value: Value| {
        let mut object = control_plane(OLD, &json!({}));
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(member.to_owned(), value);
        object
    };
    let skip = |reason, counted| (DecisionKind::Skip, reason, Some(counted));
    let owners = with(
        "/metadata/ownerReferences",
        json!([{"kind": "K", "name": "n"}]),
    );
    check("GCP", owners, skip(ReasonCode::OwnerReference, false));
    let stream = json!({"machineconfiguration.openshift.io/osstream": "rhel-10"});
    let other_stream = with("/metadata/labels", stream);
    check(
        "GCP",
        other_stream,
        skip(ReasonCode::UnsupportedStream, false),
    );
    let windows = json!({"labels": {"machine.openshift.io/os-id": "Windows"}});
    let machine = "/spec/template/machines_v1beta1_machine_openshift_io/spec/metadata";
    check(
        "GCP",
        with(machine, windows),
        skip(ReasonCode::WindowsMachineSet, false),
    );
    let own = control_plane("projects/mine/global/images/own", &json!({}));
    check("GCP", own, skip(ReasonCode::CustomImage, true));
    let unsupported = skip(ReasonCode::UnsupportedPlatform, false);
    for platform in ["VSphere", "BareMetal", "Nutanix"] {
        let object = control_plane(OLD, &json!({}));
        check(platform, object, unsupported);
    }
}

#[test]
fn bi_098_bi_169_a_skip_is_counted_and_the_record_stays() {
    let set = resource(
        Kind::MachineSet,
        "a",
        &gcp_spec("projects/rhcos-cloud/global/images/new"),
    );
    let own = "projects/mine/global/images/own";
    let recorded = |objects: &[Value]| planned("GCP", objects).skew.ocp_version;
    let control_plane = control_plane(own, &json!({}));
    assert_eq!(recorded(&[set.clone(), control_plane.clone()]), "4.22.1");
    let own_set = resource(Kind::MachineSet, "b", &gcp_spec(own));
    assert_eq!(recorded(&[set.clone(), own_set]), "4.16.0");
    let plan = planned("GCP", &[set, control_plane]);
    let progressing = &plan.status.conditions.first().unwrap().message;
    let skipped = "Reconciled 0 of 1 ControlPlaneMachineSets (1 skipped)";
    assert!(progressing.contains(skipped), "{progressing}");
}

#[test]
fn bi_167_it_is_of_the_architecture_of_the_control_plane_whatever_is_annotated() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n",
            "labels": {"node-role.kubernetes.io/master": ""}},
        "status": {"nodeInfo": {"architecture": "arm64"}}});
    let mut object = control_plane(OLD, &json!({}));
    let annotation = json!({"capacity.cluster-autoscaler.kubernetes.io/labels":
        "kubernetes.io/arch=amd64"});
    let metadata = object
        .pointer_mut("/metadata")
        .unwrap()
        .as_object_mut()
        .unwrap();
    metadata.insert("annotations".to_owned(), annotation);
    let plan = planned("GCP", &[object, node]);
    let target = target(&plan, "cluster");
    let image = "projects/rhcos-cloud/global/images/new-arm";
    assert_eq!(target.target.as_deref(), Some(image));
}

#[test]
fn bi_340_a_missing_template_is_an_error_of_its_own() {
    for template in [
        Value::Null,
        json!({}),
        json!({"machineType": "x"}),
        json!({"machines_v1beta1_machine_openshift_io": null}),
    ] {
        let object = control_plane(OLD, &json!({ "template": template }));
        let blocked = (DecisionKind::Blocked, ReasonCode::ProviderSpecInvalid, None);
        check("GCP", object, blocked);
    }
}
