//! Nothing is said of what is not in the input, and every reason is the true one.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Facts, Plan, Policy, ReasonCode, explain, plan,
    skew,
};
use openshift_model::{Kind, ObjectRef, Profile, RawObject};
use serde_json::{Value, json};

mod cluster;

/// Runs on objects as files, or as a whole cluster.
fn with<R>(
    completeness: Completeness,
    objects: &[Value],
    run: impl Fn(&ClusterSnapshot<'_>) -> R,
) -> R {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    let objects = texts
        .iter()
        .filter_map(|text| RawObject::parse(text).unwrap());
    run(&ClusterSnapshot {
        completeness,
        objects: objects.collect(),
        streams: Vec::new(),
    })
}

fn planned(objects: &[Value]) -> Plan {
    with(Completeness::Partial, objects, |snapshot| {
        plan(snapshot, &Facts::default(), &Policy::default())
    })
}

fn set() -> Value {
    let spec = json!({"disks": [{"boot": true, "image": "projects/rhcos-cloud/global/images/old"}],
        "kind": "GCPMachineProviderSpec"});
    cluster::resource(Kind::MachineSet, "a", &spec)
}

fn infrastructure(platform: &str) -> Value {
    json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
        "metadata": {"name": "cluster"}, "status": {"platformStatus": {"type": platform}}})
}

fn version(release: &str) -> Value {
    json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
        "metadata": {"name": "version"}, "status": {"desired": {"version": release},
            "history": [{"state": "Completed", "version": release}]}})
}

fn configuration(managers: &Value) -> Value {
    json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
        "metadata": {"name": "cluster"},
        "spec": {"managedBootImages": {"machineManagers": managers}}})
}

fn manager(resource: &str, mode: &str) -> Value {
    json!({"resource": resource, "apiGroup": "machine.openshift.io",
        "selection": {"mode": mode}})
}

fn feature_gate(spec: &Value, enabled: &[&str], disabled: &[&str]) -> Value {
    let names = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| json!({ "name": name })).collect()
    };
    let gates = json!([{"version": "x", "enabled": names(enabled), "disabled": names(disabled)}]);
    let status = if enabled.is_empty() && disabled.is_empty() {
        Value::Null
    } else {
        json!({ "featureGates": gates })
    };
    json!({"apiVersion": "config.openshift.io/v1", "kind": "FeatureGate",
        "metadata": {"name": "cluster"}, "spec": spec, "status": status})
}

#[test]
fn bi_090_bi_100_nothing_is_said_of_skew_that_the_input_does_not_tell() {
    let texts = |objects: &[Value]| {
        let of_plan = planned(objects).skew;
        let (of_skew, _) = with(Completeness::Partial, objects, |snapshot| {
            skew(snapshot, &Policy::default())
        });
        [of_plan, of_skew].map(|skew| {
            assert!(!skew.ocp_version.starts_with("0."), "{skew:?}");
            assert!(!skew.message.contains("disabled"), "{skew:?}");
            (skew.mode, skew.exceeded, skew.upgradeable)
        })
    };
    let unknown = || (String::new(), None, None);
    assert_eq!(texts(&[]), [unknown(), unknown()]);
    // The platform tells the mode, and nothing tells the version.
    let [of_plan, of_skew] = texts(&[set(), infrastructure("GCP")]);
    assert_eq!(of_plan, ("Automatic".to_owned(), None, None));
    assert_eq!(of_skew, of_plan);
    let [_, told] = texts(&[
        infrastructure("GCP"),
        version("4.22.1"),
        configuration(&Value::Null),
    ]);
    assert_eq!(told, ("Automatic".to_owned(), Some(false), Some(true)));
    // The operator of a whole cluster takes the same for 0.0.0.
    let (whole, _) = with(
        Completeness::Complete,
        &[infrastructure("GCP")],
        |snapshot| skew(snapshot, &Policy::default()),
    );
    assert_eq!(whole.ocp_version, "0.0.0");
    assert_eq!(whole.exceeded, Some(true));
}

#[test]
fn bi_102_what_the_input_lacks_degrades_nothing() {
    let plan = planned(&[set(), infrastructure("GCP"), version("4.22.1")]);
    let target = cluster::target(&plan, "a");
    assert_eq!(
        (target.decision, target.reason),
        (DecisionKind::Blocked, ReasonCode::StreamInvalid)
    );
    assert_eq!(plan.status.conditions, []);
    assert_eq!(plan.skew.upgradeable, None);
    assert_eq!(plan.skew.message, "");
}

/// The reason of the set or control plane, and its sentence.
fn reason(kind: Kind, platform: &str, release: &str, more: &[Value]) -> (ReasonCode, String) {
    let spec = json!({});
    let mut objects = vec![
        cluster::resource(kind, "a", &spec),
        infrastructure(platform),
        version(release),
    ];
    objects.extend(more.iter().cloned());
    let plan = planned(&objects);
    let target = cluster::target(&plan, "a");
    assert_eq!(target.decision, DecisionKind::NotManaged, "{target:?}");
    (target.reason, target.message.clone().into_owned())
}

#[test]
fn bi_062_bi_075_bi_168_every_reason_is_the_true_one() {
    use Kind::{ControlPlaneMachineSet, MachineSet};
    let both = configuration(&json!([
        manager("machinesets", "All"),
        manager("controlplanemachinesets", "All")
    ]));
    let shut = feature_gate(
        &json!({}),
        &["Other"],
        &["ManagedBootImagesCPMS", "ManagedBootImagesAWS"],
    );
    for (kind, platform, release, gates, code, words) in [
        (
            ControlPlaneMachineSet,
            "GCP",
            "4.21.0",
            Some(&shut),
            ReasonCode::FeatureGateShut,
            "ManagedBootImagesCPMS is shut in 4.21; upgrade",
        ),
        (
            ControlPlaneMachineSet,
            "GCP",
            "4.21.0",
            None,
            ReasonCode::FeatureGateUnknown,
            "add FeatureGate cluster to the input",
        ),
        (
            ControlPlaneMachineSet,
            "VSphere",
            "4.22.0",
            None,
            ReasonCode::UnsupportedControlPlane,
            "control planes are not managed on VSphere",
        ),
        (
            MachineSet,
            "OpenStack",
            "4.22.0",
            None,
            ReasonCode::UnsupportedPlatform,
            "not managed on OpenStack",
        ),
        (
            MachineSet,
            "AWS",
            "4.17.3",
            Some(&shut),
            ReasonCode::FeatureGateShut,
            "ManagedBootImagesAWS is shut in 4.17",
        ),
        (
            MachineSet,
            "VSphere",
            "4.20.3",
            None,
            ReasonCode::FeatureGateUnknown,
            "ManagedBootImagesvSphere is shut in 4.20",
        ),
    ] {
        let more: Vec<Value> = [both.clone()].into_iter().chain(gates.cloned()).collect();
        let (found, message) = reason(kind, platform, release, &more);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("does not name this kind"), "{message}");
    }
    let none = configuration(&json!([manager("machinesets", "None")]));
    let (found, _) = reason(MachineSet, "GCP", "4.22.0", &[none]);
    assert_eq!(found, ReasonCode::NotSelected);
}

#[test]
fn bi_083_bi_084_what_the_api_server_would_refuse_blocks_with_its_words() {
    let mut nothing = manager("machinesets", "All");
    nothing.as_object_mut().unwrap().remove("selection");
    let partial = json!({"mode": "Partial", "partial": {"machineResourceSelector": {}}});
    let mut control_plane = manager("controlplanemachinesets", "Partial");
    control_plane["selection"] = partial;
    for (managers, words) in [
        (
            json!([manager("machinesets", "none")]),
            "Unsupported value: \"none\"",
        ),
        (json!([nothing]), "selection: Required value"),
        (
            json!([manager("machinesets", "All"), control_plane]),
            "Only All or None selection mode is permitted",
        ),
    ] {
        let objects = [
            set(),
            infrastructure("GCP"),
            version("4.22.1"),
            configuration(&managers),
        ];
        let plan = planned(&objects);
        let target = cluster::target(&plan, "a");
        let found = (target.decision, target.reason);
        let expected = (DecisionKind::Blocked, ReasonCode::ConfigurationInvalid);
        assert_eq!(found, expected, "{managers}");
        assert!(target.message.contains(words), "{}", target.message);
        let told = |warning: &String| warning.contains("spec.managedBootImages.machineManagers");
        assert!(plan.warnings.iter().any(told), "{:?}", plan.warnings);
        assert_eq!(plan.status.conditions, []);
    }
    let mut unknown = manager("machinesets", "All");
    unknown["later"] = json!(true);
    let objects = [
        set(),
        infrastructure("GCP"),
        version("4.22.1"),
        configuration(&json!([unknown])),
    ];
    let plan = planned(&objects);
    assert_eq!(
        cluster::target(&plan, "a").reason,
        ReasonCode::StreamInvalid
    );
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("machineManagers[0].later"))
    );
}

#[test]
fn bi_060_a_feature_set_without_a_status_opens_its_gates_with_a_warning() {
    let objects = |spec: &Value| {
        vec![
            cluster::resource(Kind::ControlPlaneMachineSet, "a", &json!({})),
            infrastructure("GCP"),
            version("4.21.0"),
            configuration(&json!([manager("controlplanemachinesets", "All")])),
            feature_gate(spec, &[], &[]),
        ]
    };
    for (spec, opened) in [
        (json!({"featureSet": "TechPreviewNoUpgrade"}), true),
        (json!({"featureSet": "DevPreviewNoUpgrade"}), true),
        (json!({}), false),
        (
            json!({"featureSet": "CustomNoUpgrade",
                "customNoUpgrade": {"enabled": ["ManagedBootImagesCPMS"]}}),
            true,
        ),
    ] {
        let plan = planned(&objects(&spec));
        let target = cluster::target(&plan, "a");
        let is_managed = target.decision != DecisionKind::NotManaged;
        assert_eq!(is_managed, opened, "{spec}: {}", target.message);
        let told = |warning: &String| warning.starts_with("FeatureGate cluster has no status");
        assert!(plan.warnings.iter().any(told), "{:?}", plan.warnings);
    }
}

#[test]
fn bi_200_a_single_architecture_is_said_to_be_assumed() {
    let policy = Policy {
        profile: Some(Profile::P422),
        ..Policy::default()
    };
    let warnings = |objects: &[Value]| {
        with(Completeness::Partial, objects, |snapshot| {
            plan(snapshot, &Facts::default(), &policy).warnings
        })
    };
    let line = "no ClusterVersion in the input: the cluster is taken to have a single \
                architecture, x86_64"
        .to_owned();
    assert!(warnings(&[set(), infrastructure("GCP")]).contains(&line));
    assert!(!warnings(&[set(), infrastructure("GCP"), version("4.22.0")]).contains(&line));
}

#[test]
fn the_last_step_of_an_explanation_is_the_rule_that_decided() {
    let both = configuration(&json!([manager("machinesets", "All")]));
    for objects in [
        vec![set(), infrastructure("GCP"), version("4.22.1")],
        vec![set(), infrastructure("OpenStack"), version("4.22.1"), both],
        vec![set(), infrastructure("AWS"), version("4.17.1")],
        vec![set()],
    ] {
        let reference = ObjectRef {
            kind: "MachineSet".to_owned(),
            namespace: String::new(),
            name: "a".to_owned(),
        };
        let explanation = with(Completeness::Partial, &objects, |snapshot| {
            explain(snapshot, &Facts::default(), &Policy::default(), &reference).unwrap()
        });
        let (last, before) = explanation.steps.split_last().unwrap();
        assert!(!last.passed, "{last:?}");
        assert!(before.iter().all(|step| step.passed), "{before:?}");
    }
}
