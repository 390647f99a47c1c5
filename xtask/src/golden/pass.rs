//! `mapi_sync_all`: a whole pass over the MachineSets of a cluster.

use bootimage_plan::{
    ClusterSnapshot, Completeness, Facts, IgnitionVersion, Plan, Policy, UserDataDecision, plan,
};
use bootimage_status::{ConditionType, StatusCondition, record, record_action, reset, upsert};
use bootimage_status::{RecordAction, Statistics, install_version};
use openshift_model::vcenter::TemplateNames;
use openshift_model::{
    ClusterVersion, Kind, MachineConfiguration, Profile, RawObject, SkewEnforcement, names,
};
use serde_json::{Value, json};

use super::case::Case;
use super::machine_sets::add_facts;

/// Golden results leave times out.
const NOW: &str = "2026-11-21T12:00:00Z";

pub(crate) fn mapi_sync_all(case: &Case) -> Value {
    let input = &case.input;
    let texts = objects(case);
    let parse = |text: &'_ String| RawObject::parse(text).ok().flatten().map(|_| ());
    let objects: Vec<RawObject<'_>> = texts
        .iter()
        .filter(|text| parse(text).is_some())
        .filter_map(|text| RawObject::parse(text).ok().flatten())
        .collect();
    let mut facts = Facts::default();
    for set in objects
        .iter()
        .filter(|object| object.kind == Kind::MachineSet)
    {
        add_facts(&mut facts, input, set);
    }
    let policy = Policy {
        profile: Some(Profile::LATEST),
        ignition_version: IgnitionVersion::V3_5,
        // The reference replaces templates.
        template_names: TemplateNames::Stock,
        ..Policy::default()
    };
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects,
        streams: Vec::new(),
    };
    let plan = plan(&snapshot, &facts, &policy);
    let mut result = json!({
        "conditions": conditions(input, &snapshot, &plan),
        "boot_image_skew_enforcement_status": skew(case, &snapshot, &plan),
        "updated_secrets": secrets(&plan),
    });
    let patches: Vec<Value> = plan
        .targets
        .iter()
        .filter(|target| target.patch.is_some())
        .map(|target| json!({"resource": "machinesets", "name": target.name}))
        .collect();
    if !patches.is_empty() {
        result["patches"] = Value::from(patches);
    }
    result
}

fn objects(case: &Case) -> Vec<String> {
    let input = &case.input;
    let mut data = json!({});
    if let Some(stream) = &case.stream {
        data["stream"] = Value::from(stream.as_str());
    }
    if let Some(release) = input["release_version"].as_str() {
        data["releaseVersion"] = Value::from(release);
    }
    let mut objects = vec![
        input["machine_configuration"].clone(),
        input["infrastructure"].clone(),
        input["cluster_version"].clone(),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": names::BOOT_IMAGES_CONFIG_MAP,
                "namespace": names::MCO_NAMESPACE}}),
    ];
    for list in ["machine_sets", "secrets", "config_maps"] {
        objects.extend(input[list].as_array().into_iter().flatten().cloned());
    }
    // The operator has seen the configuration: the controller reads its status.
    let generation = objects[0]["metadata"]["generation"].clone();
    if objects[0]["status"].is_object() {
        objects[0]["status"]["observedGeneration"] = generation;
    }
    objects.iter().map(Value::to_string).collect()
}

fn configuration<'a>(snapshot: &ClusterSnapshot<'a>) -> Option<MachineConfiguration<'a>> {
    let found = snapshot
        .objects
        .iter()
        .find(|object| object.kind == Kind::MachineConfiguration);
    found.and_then(|object| MachineConfiguration::read(object).ok())
}

/// The conditions of the forecast in the list that is there, with the case's reason.
fn conditions(input: &Value, snapshot: &ClusterSnapshot<'_>, plan: &Plan) -> Value {
    let object = snapshot
        .objects
        .iter()
        .find(|object| object.kind == Kind::MachineConfiguration);
    let existing = object.and_then(|object| object.condition_documents().ok());
    let reason = input["sync_reason"].as_str().unwrap_or_default();
    let wanted: Vec<StatusCondition> = plan
        .status
        .conditions
        .iter()
        .map(|condition| StatusCondition {
            kind: if condition.kind == ConditionType::Degraded.name() {
                ConditionType::Degraded
            } else {
                ConditionType::Progressing
            },
            status: condition.status == "True",
            reason: reason.to_owned(),
            message: condition.message.clone(),
        })
        .collect();
    let mut list = upsert(Profile::LATEST, existing.flatten(), &wanted, NOW).list;
    for condition in &mut list {
        if let Value::Object(members) = condition {
            members.shift_remove("lastTransitionTime");
        }
    }
    Value::from(list)
}

/// The controller's part: the record in the status that is there.
fn skew(case: &Case, snapshot: &ClusterSnapshot<'_>, plan: &Plan) -> Value {
    let existing = configuration(snapshot).and_then(|found| found.status.skew_enforcement_status);
    let version = snapshot
        .objects
        .iter()
        .find(|object| object.kind == Kind::ClusterVersion);
    let version = version.and_then(|object| ClusterVersion::read(object).ok());
    let counted = |counted: bool| {
        plan.targets
            .iter()
            .filter(|target| target.counted == Some(counted))
            .count()
    };
    let degraded = plan.status.conditions.iter().any(|condition| {
        condition.kind == ConditionType::Degraded.name() && condition.status == "True"
    });
    let statistics = Statistics::of((0..counted(true)).map(|_| bootimage_status::Outcome::Skipped));
    let existing = existing.unwrap_or_default();
    let forecast = plan.skew.rhcos_version.as_str();
    let versions = Some(forecast).filter(|version| !version.is_empty());
    let release = case.input["release_version"].as_str();
    let after = match record_action(statistics, degraded) {
        RecordAction::Record => record(Some(&existing), release, versions).ok().flatten(),
        RecordAction::Reset => reset(Some(&existing), Some(install_version(version.as_ref()))),
        RecordAction::Leave => None,
    };
    let written = |skew: &SkewEnforcement<'_>| serde_json::to_value(skew).unwrap_or_default();
    after.as_ref().map_or_else(|| written(&existing), written)
}

/// A Secret that several sets share is converted once.
fn secrets(plan: &Plan) -> Value {
    let converted = plan
        .targets
        .iter()
        .filter_map(|target| target.user_data.as_ref());
    let converted = converted.filter(|data| data.decision == UserDataDecision::Convert);
    let names: std::collections::BTreeSet<&str> =
        converted.map(|data| data.secret.as_str()).collect();
    names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}
