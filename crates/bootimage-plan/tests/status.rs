//! From what became of a plan to what MachineConfiguration is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it should be"
)]

use bootimage_plan::{
    Applied, Became, ClusterSnapshot, ClusterStatus, Completeness, Facts, InTurn, Plan, Policy,
    StatusBasis, plan_pass,
};
use openshift_model::{ObjectRef, PatchBody, RawObject, Subresource, Write};
use serde_json::{Value, json};

const NOW: &str = "2026-11-21T12:00:00Z";

fn configuration() -> Value {
    json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
        "metadata": {"name": "cluster", "uid": "u", "resourceVersion": "7", "generation": 2},
        "spec": {"managedBootImages": {"machineManagers": [{"resource": "controlplanemachinesets",
            "apiGroup": "machine.openshift.io", "selection": {"mode": "All"}}]}},
        "status": {"observedGeneration": 1, "foreign": {"a": 1}, "conditions": [
            {"type": "Other", "status": "Odd", "new": 1}]}})
}

fn set(kind: &str, name: &str, image: &str) -> Value {
    let spec = json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "GCPMachineProviderSpec",
        "userDataSecret": {"name": "worker-user-data"}, "disks": [{"boot": true, "image": image}]});
    let machine = json!({"spec": {"providerSpec": {"value": spec}}});
    let (version, template) = match kind {
        "MachineSet" => ("machine.openshift.io/v1beta1", machine),
        _ => (
            "machine.openshift.io/v1",
            json!({"machineType": "machines_v1beta1_machine_openshift_io",
                "machines_v1beta1_machine_openshift_io": machine}),
        ),
    };
    json!({"apiVersion": version, "kind": kind,
        "metadata": {"name": name, "namespace": "openshift-machine-api"},
        "spec": {"template": template}})
}

fn objects() -> Vec<Value> {
    let old = "projects/rhcos-cloud/global/images/old";
    let stream = json!({"architectures": {"x86_64": {"images": {"gcp": {
        "project": "rhcos-cloud", "name": "new"}}}}});
    vec![
        configuration(),
        json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"}, "status": {"platformStatus": {"type": "GCP"}}}),
        json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
            "metadata": {"name": "version"}, "status": {"desired": {"version": "4.22.1"},
            "history": [{"state": "Completed", "version": "4.22.1"},
                {"state": "Completed", "version": "4.18.0"}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coreos-bootimages",
            "namespace": "openshift-machine-config-operator"},
            "data": {"releaseVersion": "4.22.1", "stream": stream.to_string()}}),
        set("MachineSet", "a", old),
        set("MachineSet", "b", old),
        set("ControlPlaneMachineSet", "cluster", old),
    ]
}

fn with_pass<T>(check: impl FnOnce(&Plan, &StatusBasis, &RawObject<'_>) -> T) -> T {
    let texts: Vec<String> = objects().iter().map(Value::to_string).collect();
    let objects: Vec<_> = texts
        .iter()
        .filter_map(|text| RawObject::parse(text).unwrap())
        .collect();
    let live = objects[0].clone();
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Partial,
        objects,
        streams: Vec::new(),
    };
    let (plan, basis) = plan_pass(&snapshot, &Facts::default(), &Policy::default(), &InTurn);
    check(&plan, &basis, &live)
}

fn became(pairs: &[(&str, &str, Became)]) -> Applied {
    Applied::of(pairs.iter().map(|(kind, name, became)| {
        let object = ObjectRef {
            kind: (*kind).to_owned(),
            namespace: "openshift-machine-api".to_owned(),
            name: (*name).to_owned(),
        };
        (object, became.clone())
    }))
}

fn all_done() -> Applied {
    became(&[
        ("MachineSet", "a", Became::Done),
        ("MachineSet", "b", Became::Done),
        ("ControlPlaneMachineSet", "cluster", Became::Done),
    ])
}

fn recorded(status: &ClusterStatus) -> Value {
    json!(status.skew)["automatic"]["ocpVersion"].clone()
}

#[test]
fn the_forecast_is_the_status_where_all_was_applied() {
    with_pass(|plan, basis, _| {
        let status = basis.after(&plan.targets, &all_done(), "Plan");
        let conditions: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| (condition.status, condition.message.as_str()))
            .collect();
        let forecast: Vec<_> = plan
            .status
            .conditions
            .iter()
            .map(|condition| (condition.status == "True", condition.message.as_str()))
            .collect();
        assert_eq!(conditions, forecast);
        assert_eq!(status.managed, plan.status.managed_boot_images_status);
        assert_eq!(
            status.skew.clone().map(|skew| json!(skew)),
            plan.status.boot_image_skew_enforcement_status
        );
        assert_eq!(recorded(&status), "4.22.1");
    });
}

#[test]
fn bi_184_w_06_errors_of_both_kinds_stand_and_the_record_stays() {
    with_pass(|plan, basis, _| {
        let applied = became(&[
            ("MachineSet", "a", Became::Done),
            ("MachineSet", "b", Became::Failed("no".to_owned())),
            (
                "ControlPlaneMachineSet",
                "cluster",
                Became::Failed("nor".to_owned()),
            ),
        ]);
        let status = basis.after(&plan.targets, &applied, "R");
        let degraded = &status.conditions[1];
        assert!(degraded.status);
        assert_eq!(
            degraded.message,
            "1 Degraded MAPI MachineSets | 1 Degraded ControlPlaneMachineSets | 0 Degraded CAPI \
             MachineSets | 0 Degraded CAPI MachineDeployments | Error(s): [error syncing \
             ControlPlaneMachineSet cluster: nor, error syncing MAPI MachineSet b: no]"
        );
        assert_eq!(recorded(&status), "4.18.0");
    });
}

#[test]
fn bi_098_what_was_held_back_is_no_error_and_only_a_machine_set_keeps_the_record() {
    with_pass(|plan, basis, _| {
        let check = |applied: &Applied, version: &str| {
            let status = basis.after(&plan.targets, applied, "R");
            let [progressing, degraded] = status.conditions.as_slice() else {
                panic!("two conditions");
            };
            assert!(progressing.status && !degraded.status);
            assert_eq!(recorded(&status), version);
        };
        check(&became(&[("MachineSet", "a", Became::Done)]), "4.18.0");
        let sets = [
            ("MachineSet", "a", Became::Done),
            ("MachineSet", "b", Became::Done),
            ("ControlPlaneMachineSet", "cluster", Became::HeldBack),
        ];
        check(&became(&sets), "4.22.1");
    });
}

#[test]
fn bi_054_bi_188_w_02_only_our_members_are_written_and_nothing_twice() {
    with_pass(|plan, basis, live| {
        let status = basis.after(&plan.targets, &all_done(), "R");
        let writes = status.writes(live, NOW).unwrap();
        let mut object = live.to_value().unwrap();
        let mut subresources = Vec::new();
        for write in &writes {
            let Write::Patch(patch) = write else {
                panic!("a patch");
            };
            let PatchBody::Json(edit) = &patch.body else {
                panic!("a JSON Patch");
            };
            assert_eq!(patch.guard.uid.as_deref(), Some("u"));
            edit.apply(&mut object).unwrap();
            subresources.push(patch.subresource);
        }
        // BI-020: this is the moment at which the default takes the cluster in.
        assert_eq!(subresources, [None, Some(Subresource::Status)]);
        let annotation = "machineconfiguration.openshift.io/boot-image-updates-opted-in-at";
        assert_eq!(object["metadata"]["annotations"][annotation], NOW);
        let written = &object["status"];
        assert_eq!(written["foreign"], json!({"a": 1}));
        assert_eq!(written["observedGeneration"], 2);
        assert_eq!(
            written["conditions"][0],
            configuration()["status"]["conditions"][0]
        );
        assert_eq!(written["conditions"].as_array().unwrap().len(), 3);
        let text = object.to_string();
        let after = RawObject::parse(&text).unwrap().unwrap();
        assert_eq!(status.writes(&after, "later"), Ok(Vec::new()));
    });
}

#[test]
fn bi_053_bi_141_a_configuration_that_is_waited_for_is_taken_in() {
    with_pass(|plan, basis, live| {
        assert!(plan.deferred.is_some());
        let status = basis.taken_in().unwrap();
        let mut object = live.to_value().unwrap();
        for write in status.writes(live, NOW).unwrap() {
            let Write::Patch(patch) = write else {
                panic!("a patch");
            };
            let PatchBody::Json(edit) = &patch.body else {
                panic!("a JSON Patch");
            };
            edit.apply(&mut object).unwrap();
        }
        assert_eq!(object["status"]["observedGeneration"], 2);
        let managers = object["status"]["managedBootImagesStatus"]["machineManagers"]
            .as_array()
            .unwrap();
        assert_eq!(managers.len(), 2);
        // Nothing was done yet, and nothing is told.
        assert_eq!(object["status"]["conditions"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn bi_056_bi_100_the_cluster_operator_tells_of_failures_and_says_nothing_twice() {
    with_pass(|plan, basis, _| {
        let failed = became(&[("MachineSet", "a", Became::Failed("no".to_owned()))]);
        let status = basis.after(&plan.targets, &failed, "R");
        let operator = status.operator(None, &[]).unwrap();
        let created = operator.write(None, NOW).unwrap();
        let Some(Write::Create(create)) = created else {
            panic!("it is made first");
        };
        let mut object = create.object;
        object["metadata"]["uid"] = json!("u");
        object["metadata"]["resourceVersion"] = json!("1");
        let text = object.to_string();
        let live = RawObject::parse(&text).unwrap().unwrap();
        let told = operator.write(Some(&live), NOW).unwrap();
        let Some(Write::Patch(patch)) = told else {
            panic!("then told");
        };
        assert_eq!(patch.subresource, Some(Subresource::Status));
        let PatchBody::Json(edit) = &patch.body else {
            panic!("a JSON Patch");
        };
        edit.apply(&mut object).unwrap();
        let condition = |kind: &str| {
            let conditions = object["status"]["conditions"].as_array().unwrap();
            conditions
                .iter()
                .find(|it| it["type"] == kind)
                .unwrap()
                .clone()
        };
        assert_eq!(condition("Degraded")["status"], "True");
        let message = condition("Degraded")["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains("bootimage update failed: "), "{message}");
        assert_eq!(condition("Upgradeable")["status"], "False");
        assert_eq!(condition("BootImagesContested")["status"], "False");
        let text = object.to_string();
        let live = RawObject::parse(&text).unwrap().unwrap();
        assert_eq!(operator.write(Some(&live), "later"), Ok(None));
    });
}
