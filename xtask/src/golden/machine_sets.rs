//! Ops about one machine resource: a plan of a cluster that has only that one.

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Explanation, FactRequest, Facts, IgnitionVersion,
    ReasonCode, Target, UserDataDecision, explain,
};
use bootimage_selection::{Enrolment, enrolment, machine_set_architecture};
use bootimage_status::{HotLoop, HotLoopMemory};
use openshift_model::facts::{AWS_MARKETPLACE_OWNER, Answer, AwsImage, Fact};
use openshift_model::vcenter::TemplateNames;
use openshift_model::{
    Architecture, ClusterVersion, MachineResource, ManagedBootImages, ObjectMeta, ObjectRef,
    Profile, RawObject, StringMap, names, provider_spec_pointer,
};
use providerspec_rewrite::aws;
use serde_json::{Value, json};

use super::case::{Case, parse_deep};

/// `ms_check`, `ms_sync`, `cpms_check`, `cpms_sync`. The `check` ops are given the architecture and
/// leave out the checks that come before it (BI-153 … BI-158); the `sync` ops are the whole pass.
pub(crate) fn plan_one(case: &Case) -> Value {
    let input = &case.input;
    let text = match input["raw"].as_str() {
        Some(raw) => raw.to_owned(),
        None => object(input).to_string(),
    };
    let resource = match RawObject::parse(&text) {
        Ok(Some(resource)) => resource,
        Ok(None) => return json!({ "decode_error": "not a machine resource" }),
        Err(error) => return json!({ "decode_error": error.to_string() }),
    };
    let reference = resource.reference();
    let architecture = input["arch"].as_str();
    let texts = cluster(case, architecture);
    let given = architecture.and_then(|_| without_annotation(&text));
    let planned = match given.as_deref().map(RawObject::parse) {
        Some(Ok(Some(planned))) => planned,
        _ => resource.clone(),
    };
    let mut objects: Vec<RawObject<'_>> = texts
        .iter()
        .filter_map(|text| RawObject::parse(text).ok().flatten())
        .collect();
    objects.push(planned);
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects,
        streams: Vec::new(),
    };
    let policy = bootimage_plan::Policy {
        // The results are the newest rules', whatever release an input names.
        profile: Some(Profile::LATEST),
        control_plane_architecture: architecture.map(Architecture::from_rpm_name),
        // The results were computed with the newest target.
        ignition_version: IgnitionVersion::V3_5,
        // The reference replaces templates.
        template_names: TemplateNames::Stock,
        ..bootimage_plan::Policy::default()
    };
    let mut facts = Facts::default();
    add_facts(&mut facts, input, &resource);
    match explain(&snapshot, &facts, &policy, &reference) {
        Some(explanation) => result(case, &text, &resource, &explanation),
        None => json!({ "error": "the object is not in its own plan" }),
    }
}

fn object(input: &Value) -> &Value {
    match &input["machine_set"] {
        Value::Null => &input["control_plane_machine_set"],
        set => set,
    }
}

/// The cluster around the object: everything is enrolled, and the release is one that is done.
fn cluster(case: &Case, architecture: Option<&str>) -> Vec<String> {
    let input = &case.input;
    let managers = [names::MACHINE_SETS, names::CONTROL_PLANE_MACHINE_SETS].map(|resource| {
        json!({"resource": resource, "apiGroup": names::MACHINE_API_GROUP,
            "selection": {"mode": "All"}})
    });
    let mut objects = vec![
        json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster"},
            "status": {"managedBootImagesStatus": {"machineManagers": managers}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "coreos-bootimages", "namespace": names::MCO_NAMESPACE},
            "data": case.stream.as_ref().map(|stream| json!({ "stream": stream }))}),
    ];
    objects.push(input["infrastructure"].clone());
    objects.push(match (&input["cluster_version"], architecture) {
        (Value::Null, Some(_)) => json!({"apiVersion": "config.openshift.io/v1",
            "kind": "ClusterVersion", "metadata": {"name": "version"}}),
        (version, _) => version.clone(),
    });
    for list in ["secrets", "config_maps"] {
        objects.extend(input[list].as_array().into_iter().flatten().cloned());
    }
    objects.iter().map(Value::to_string).collect()
}

/// The object as one whose architecture is given: without the annotation, the control plane's
/// counts. `None` where it has no annotation.
fn without_annotation(text: &str) -> Option<String> {
    let mut object = parse_deep(text).ok()?;
    let annotations = object
        .pointer_mut("/metadata/annotations")?
        .as_object_mut()?;
    annotations.remove(names::AUTOSCALER_LABELS_ANNOTATION)?;
    Some(object.to_string())
}

fn result(case: &Case, text: &str, resource: &RawObject<'_>, found: &Explanation) -> Value {
    let target = &found.target;
    let is_check = case.op.ends_with("_check");
    let of_set = case.op.starts_with("ms_");
    let mut result = json!({"patch_required": false});
    if of_set {
        result["skipped"] = Value::from(target.counted == Some(true));
        result["rhcos_version"] = Value::from(found.rhcos_version.clone().unwrap_or_default());
    }
    match target.decision {
        DecisionKind::Blocked if target.reason == ReasonCode::ObjectInvalid => {
            return json!({ "decode_error": &*target.message });
        }
        DecisionKind::Blocked => {
            let obstacle = found.obstacle.as_ref();
            let error = obstacle.map(|obstacle| {
                // Only the whole pass wraps an error into the texts of BI-159.
                if is_check {
                    obstacle.to_string()
                } else {
                    obstacle.reference_text(resource.kind, &resource.name)
                }
            });
            result["error"] = Value::from(error);
        }
        DecisionKind::Skip => result["reason"] = Value::from(&*target.message),
        DecisionKind::Update => match hot_loop(case, &found.target) {
            Ok(()) => {
                result["patch_required"] = Value::from(true);
                patched(&mut result, text, resource, found);
            }
            Err(error) => {
                result["error"] = Value::from(error.to_string());
            }
        },
        DecisionKind::Undecided => result["needs_cloud_call"] = cloud_call(&found.needs),
        DecisionKind::UpToDate | DecisionKind::NotManaged => {}
    }
    let converted = target
        .user_data
        .as_ref()
        .filter(|data| data.decision == UserDataDecision::Convert);
    let converted = converted.map(|data| json!({ "name": data.secret }));
    result["updated_secrets"] = Value::from_iter(converted);
    result
}

/// A case with `repeat` is a set whose old image somebody restores after every patch but the last.
fn hot_loop(case: &Case, target: &Target) -> Result<(), HotLoop> {
    let reference = ObjectRef {
        kind: target.kind.name().to_owned(),
        namespace: target.namespace.clone().into_owned(),
        name: target.name.clone(),
    };
    let value = target.target.clone().unwrap_or_default();
    let mut memory = HotLoopMemory::default();
    for _ in 1..case.input["repeat"].as_u64().unwrap_or(1) {
        memory.check(&reference, &value, 0)?;
        memory = memory.after_patch(&reference, &value, true, 0);
    }
    memory.check(&reference, &value, 0)
}

/// Applies the edit to the input, as an API server would.
fn patched(result: &mut Value, text: &str, resource: &RawObject<'_>, found: &Explanation) {
    let (Ok(before), Some(edit)) = (parse_deep(text), &found.target.patch) else {
        return;
    };
    let mut after = before.clone();
    if let Err(error) = edit.apply(&mut after) {
        result["error"] = Value::from(error.to_string());
        return;
    }
    result["patch"] = edit.to_merge_patch(&before).unwrap_or_default();
    let pointer = provider_spec_pointer(resource.kind);
    result["new_provider_spec"] = after.pointer(pointer).cloned().unwrap_or_default();
    result["patched"] = after;
}

/// What the reference would ask of a cloud at this point.
fn cloud_call(needs: &[FactRequest]) -> Value {
    match needs.first() {
        Some(FactRequest::AwsImage { region, id }) => json!({"kind": "ec2",
            "action": "DescribeImages", "region": region, "query": {"image_ids": [id]}}),
        Some(FactRequest::AwsMarketplaceImages { region, product_id }) => json!({"kind": "ec2",
            "action": "DescribeImages", "region": region, "query": {"product": product_id}}),
        Some(FactRequest::VsphereTemplate(search)) => {
            json!({"kind": "vcenter", "server": search.server})
        }
        None => Value::Null,
    }
}

/// What EC2 says in a case: the images that it lists are those that there are, wherever the set is.
pub(super) fn add_facts(facts: &mut Facts, input: &Value, resource: &RawObject<'_>) {
    let ec2 = &input["ec2"];
    let spec = MachineResource::read(resource)
        .ok()
        .and_then(|found| found.provider_spec);
    let (false, Ok(spec)) = (ec2.is_null(), aws::read(spec)) else {
        return;
    };
    let text = |image: &Value, key: &str| image[key].as_str().unwrap_or_default().to_owned();
    let images = ec2["images"].as_array().into_iter().flatten();
    let images: Vec<AwsImage> = images
        .map(|image| AwsImage {
            id: text(image, "image_id"),
            owner: text(image, "owner_id"),
            name: text(image, "name"),
            description: text(image, "description"),
            creation_date: text(image, "creation_date"),
        })
        .collect();
    let region = Some(spec.image.region.as_str().to_owned());
    let id = spec.image.id.as_deref().unwrap_or_default().to_owned();
    let denied = |key: &str| ec2[key].as_str().map(str::to_owned);
    let current = images.iter().find(|image| image.id == id);
    if let Some(product_id) = current
        .and_then(AwsImage::marketplace_product)
        .map(str::to_owned)
    {
        let of_product = |image: &&AwsImage| {
            image.owner == AWS_MARKETPLACE_OWNER && image.name.contains(&product_id)
        };
        let found = Answer::Found(images.iter().filter(of_product).cloned().collect());
        let answer = denied("search_error").map_or(found, Answer::Denied);
        facts.insert(Fact::AwsMarketplaceImages {
            region: region.clone(),
            product_id,
            answer,
        });
    }
    let found = current.cloned().map_or(Answer::NotFound, Answer::Found);
    let answer = denied("describe_error").map_or(found, Answer::Denied);
    facts.insert(Fact::AwsImage { region, id, answer });
}

/// `arch_detect`
pub(crate) fn arch_detect(input: &Value) -> Value {
    let text = input["machine_set"].to_string();
    let version_text = input["cluster_version"].to_string();
    let read = || -> Option<(String, ObjectMeta<'_>)> {
        let members = serde_json::from_str(&text).ok()?;
        let api_version = "machine.openshift.io/v1beta1";
        let object = RawObject::with_type(members, api_version, "MachineSet")?;
        Some((object.name.as_str().to_owned(), object.meta().ok()?))
    };
    let Some((name, meta)) = read() else {
        return json!({ "error": "no MachineSet" });
    };
    let version = RawObject::parse(&version_text).ok().flatten();
    let version = version.and_then(|object| ClusterVersion::read(&object).ok());
    match machine_set_architecture(&name, &meta, version.as_ref(), &Architecture::X86_64) {
        Ok(architecture) => json!({ "arch": architecture.rpm_name() }),
        Err(error) => json!({"arch": "", "error": error.to_string()}),
    }
}

/// `enrolled`
pub(crate) fn enrolled(input: &Value) -> Value {
    let list = json!({ "machineManagers": input["machine_managers"] });
    let list: ManagedBootImages = match serde_json::from_value(list) {
        Ok(list) => list,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let managers = list.machine_managers.as_deref();
    match enrolment(managers, text("api_group"), text("resource")) {
        Ok(found) => {
            let selector = match &found {
                Enrolment::Matching(selector) => selector.to_string(),
                _ => String::new(),
            };
            json!({
                "manager_found": found.has_manager(),
                "selectable": matches!(found, Enrolment::Everything | Enrolment::Matching(_)),
                "selector": selector,
                "enrolled": names_of(&input["objects"], &found),
            })
        }
        Err(error) => json!({"manager_found": true, "error": error.to_string()}),
    }
}

/// The names of the objects that are enrolled, sorted.
pub(crate) fn names_of(objects: &Value, enrolment: &Enrolment) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for object in objects.as_array().into_iter().flatten() {
        let labels = object["labels"].to_string();
        let labels = serde_json::from_str::<Option<StringMap<'_>>>(&labels);
        let labels = labels.ok().flatten().unwrap_or_default();
        if enrolment.includes(&labels) {
            names.push(object["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    names.sort();
    names
}
