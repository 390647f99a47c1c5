//! Golden check of the platforms' walks, straight through the rule crates.
#![allow(clippy::all, clippy::pedantic, missing_docs)]

use std::collections::BTreeMap;

use bootimage_selection::Selection;
use bootimage_selection::{aws as select_aws, azure as select_azure, vsphere as select_vsphere};
use openshift_model::facts::*;
use openshift_model::*;
use providerspec_rewrite::{
    aws as rewrite_aws, azure as rewrite_azure, vsphere as rewrite_vsphere,
};
use serde_json::{Value, json};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/golden");

#[derive(Debug, Default)]
struct Found {
    patch: bool,
    skipped: bool,
    reason: String,
    error: Option<String>,
    needs: bool,
    rhcos_version: Option<String>,
    image: Option<Value>,
    edit: Edit,
}

fn stream_text(value: &Value) -> String {
    if let Some(name) = value.get("ref").and_then(Value::as_str) {
        return std::fs::read_to_string(format!("{GOLDEN}/streams/{name}.json")).unwrap();
    }
    if let Some(inline) = value.get("inline") {
        return inline.to_string();
    }
    value
        .get("raw")
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_owned()
}

fn facts(input: &Value, region: &str, id: &str) -> Facts {
    let mut facts = Facts::default();
    let Some(ec2) = input.get("ec2").filter(|v| !v.is_null()) else {
        return facts;
    };
    let text = |v: &Value, k: &str| v.get(k).and_then(Value::as_str).unwrap_or("").to_owned();
    let images: Vec<AwsImage> = ec2["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| AwsImage {
            id: text(i, "image_id"),
            owner: text(i, "owner_id"),
            name: text(i, "name"),
            description: text(i, "description"),
            creation_date: text(i, "creation_date"),
        })
        .collect();
    let region = Some(region.to_owned());
    let answer = match (
        ec2.get("describe_error"),
        images.iter().find(|i| i.id == id),
    ) {
        (Some(e), _) => Answer::Denied(e.as_str().unwrap().to_owned()),
        (None, Some(i)) => Answer::Found(i.clone()),
        (None, None) => Answer::NotFound,
    };
    let product = images
        .iter()
        .find(|i| i.id == id)
        .and_then(|i| i.marketplace_product().map(str::to_owned));
    facts.insert(Fact::AwsImage {
        region: region.clone(),
        id: id.to_owned(),
        answer,
    });
    if let Some(product) = product {
        let found: Vec<_> = images
            .iter()
            .filter(|i| i.owner == AWS_MARKETPLACE_OWNER && i.name.contains(&product))
            .cloned()
            .collect();
        let answer = match ec2.get("search_error") {
            Some(e) => Answer::Denied(e.as_str().unwrap().to_owned()),
            None => Answer::Found(found),
        };
        facts.insert(Fact::AwsMarketplaceImages {
            region,
            product_id: product,
            answer,
        });
    }
    facts
}

fn selected<T>(found: &mut Found, selection: Selection<T>) -> Option<T> {
    match selection {
        Selection::UpToDate => None,
        Selection::Update(t) => Some(t),
        Selection::Skip(skip) => {
            found.skipped = skip.is_counted(Kind::MachineSet);
            found.reason = skip.to_string();
            None
        }
        Selection::Needs(_) => {
            found.needs = true;
            None
        }
    }
}

fn walk(
    platform: &str,
    input: &Value,
    resource: &MachineResource<'_>,
    at: &str,
) -> Result<Found, String> {
    let s = |e: &dyn std::fmt::Display| e.to_string();
    let arch = Architecture::from_rpm_name(input["arch"].as_str().unwrap());
    let text = stream_text(&input["stream"]);
    let mut found = Found::default();
    match platform {
        "AWS" => {
            let spec = rewrite_aws::read(resource.provider_spec).map_err(|e| s(&e))?;
            let stream = Stream::parse(&text).map_err(|e| s(&e))?;
            let known = select_aws::KnownAmis::of([&stream]);
            let id = spec.image.id.as_deref().unwrap_or("");
            let facts = facts(input, spec.image.region.as_str(), id);
            let context = select_aws::AwsContext {
                profile: Profile::P422,
                stream: &stream,
                known: &known,
                facts: facts.of_cluster(None),
            };
            let selection =
                select_aws::select(&spec.image, &resource.name, &arch, &context, &mut NoTrace)
                    .map_err(|e| s(&e))?;
            found.rhcos_version = selection.rhcos_version.clone();
            if let Some(id) = selected(&mut found, selection.selection) {
                found.edit = rewrite_aws::write(&spec, &id, at).map_err(|e| s(&e))?;
                found.patch = true;
            }
        }
        "Azure" => {
            let spec = rewrite_azure::read(resource.provider_spec).map_err(|e| s(&e))?;
            let stream = Stream::parse(&text).map_err(|e| s(&e))?;
            let selection = select_azure::select(
                &spec.image,
                &spec.security_type,
                &stream,
                &arch,
                &mut NoTrace,
            )
            .map_err(|e| s(&e))?;
            if let Some(image) = selected(&mut found, selection) {
                found.edit = rewrite_azure::write(&spec, &image, at).map_err(|e| s(&e))?;
                found.patch = true;
            }
        }
        "VSphere" => {
            let spec = rewrite_vsphere::read(resource.provider_spec).map_err(|e| s(&e))?;
            let stream = Stream::parse(&text).map_err(|e| s(&e))?;
            let infra = input["infrastructure"].to_string();
            let infra = RawObject::parse(&infra).unwrap().unwrap();
            let platform = InfrastructureSpec::read(&infra).map_err(|e| s(&e))?;
            let status = Infrastructure::read(&infra).map_err(|e| s(&e))?;
            let facts = Facts::default();
            let context = select_vsphere::VsphereContext {
                stream: &stream,
                infrastructure_name: status.infrastructure_name.as_deref().unwrap_or(""),
                platform: platform.vsphere(),
                disk_type: &Ok(String::new()),
                facts: facts.of_cluster(None),
            };
            let selection = select_vsphere::select(&spec.image, &arch, &context, &mut NoTrace)
                .map_err(|e| s(&e))?;
            if let Some(update) = selected(&mut found, selection) {
                found.edit =
                    rewrite_vsphere::write(&spec, &update.template, at).map_err(|e| s(&e))?;
                found.patch = true;
            }
        }
        _ => {}
    }
    Ok(found)
}

fn compare(
    op: &str,
    case: &Value,
    differences: &mut BTreeMap<String, String>,
    counts: &mut (usize, usize),
) {
    let id = case["id"].as_str().unwrap().to_owned();
    let input = &case["input"];
    let expect = &case["expect"];
    let platform = input
        .pointer("/infrastructure/status/platformStatus/type")
        .and_then(Value::as_str)
        .unwrap_or("");
    if !matches!(platform, "AWS" | "Azure" | "VSphere") {
        return;
    }
    if op == "cpms_check" && platform == "VSphere" {
        return;
    }
    let set = if op == "ms_check" {
        &input["machine_set"]
    } else {
        &input["control_plane_machine_set"]
    };
    let text = set.to_string();
    let object = RawObject::parse(&text).unwrap().unwrap();
    let Ok(resource) = MachineResource::read(&object) else {
        differences.insert(id, format!("unreadable; {expect}"));
        return;
    };
    let at = resource.provider_spec_pointer();
    let found = walk(platform, input, &resource, at).unwrap_or_else(|error| Found {
        error: Some(error),
        ..Found::default()
    });
    counts.0 += 1;
    let mut why = Vec::new();
    if expect.get("panic").is_some() {
        why.push(format!(
            "panic in the reference; ours {:?} {} {}",
            found.error, found.skipped, found.reason
        ));
    }
    let needs = expect.get("needs_cloud_call").is_some();
    if needs != found.needs {
        why.push(format!("needs {} expected {}", found.needs, needs));
    }
    let error = expect["error"].as_str();
    if let Some(e) = error.filter(|e| e.contains("user data secret")) {
        let _ = e; // userData is another crate's
        if !found.patch {
            why.push("no patch".into());
        }
    } else {
        if error != found.error.as_deref()
            && !(error.is_some_and(|e| e.starts_with("unmarshal into providerSpec failed"))
                && found
                    .error
                    .as_deref()
                    .is_some_and(|e| e.starts_with("unmarshal into providerSpec failed")))
            && !(error.is_some_and(|e| e.starts_with("failed to parse CoreOS stream metadata"))
                && found
                    .error
                    .as_deref()
                    .is_some_and(|e| e.starts_with("failed to parse CoreOS stream metadata")))
        {
            why.push(format!("error {:?} expected {:?}", found.error, error));
        }
        let patch = expect["patch_required"].as_bool().unwrap_or(false);
        if patch != found.patch {
            why.push(format!("patch {} expected {}", found.patch, patch));
        }
    }
    let skipped = expect["skipped"].as_bool().unwrap_or(false);
    if op == "ms_check" && skipped != found.skipped {
        why.push(format!(
            "skipped {} expected {} ({})",
            found.skipped, skipped, found.reason
        ));
    }
    let version = expect["rhcos_version"].as_str().unwrap_or("");
    if op == "ms_check" && version != found.rhcos_version.as_deref().unwrap_or("") {
        why.push(format!(
            "version {:?} expected {}",
            found.rhcos_version, version
        ));
    }
    if found.patch {
        let mut after = set.clone();
        found.edit.apply(&mut after).unwrap();
        let key = match platform {
            "AWS" => "ami",
            "Azure" => "image",
            _ => "template",
        };
        let theirs = expect
            .get("new_provider_spec")
            .or_else(|| {
                expect
                    .pointer("/new_machine_set")
                    .and_then(|m| m.pointer(at))
            })
            .or_else(|| expect.get("patched").and_then(|m| m.pointer(at)));
        let theirs = theirs.and_then(|s| s.get(key));
        let ours = after.pointer(at).and_then(|s| s.get(key));
        if theirs.is_some() && ours != theirs {
            why.push(format!("image {:?} expected {:?}", ours, theirs));
        }
        if theirs.is_none() && error.is_none() {
            why.push("no image to compare with".into());
        }
        // nothing else moved
        let mut rest = after.clone();
        let mut before = set.clone();
        for v in [&mut rest, &mut before] {
            v.pointer_mut(at)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(key);
        }
        assert_eq!(rest, before, "{id}");
        // twice is up to date
        let text = after.to_string();
        let object = RawObject::parse(&text).unwrap().unwrap();
        let resource = MachineResource::read(&object).unwrap();
        let mut input2 = input.clone();
        if let Some(images) = input2
            .pointer_mut("/ec2/images")
            .and_then(Value::as_array_mut)
        {
            let _ = images;
        }
        if platform != "VSphere" {
            let again = walk(platform, &input2, &resource, at).unwrap();
            assert!(!again.patch && !again.skipped, "{id} {again:?}");
        }
    } else {
        assert!(found.edit.is_empty());
    }
    if why.is_empty() {
        counts.1 += 1;
    } else {
        differences.insert(id, why.join("; "));
    }
}

#[test]
fn platforms_against_the_reference() {
    let mut differences = BTreeMap::new();
    let mut counts = (0, 0);
    for op in ["ms_check", "cpms_check"] {
        let Ok(text) = std::fs::read_to_string(format!("{GOLDEN}/{op}.jsonl")) else {
            eprintln!("SKIPPED: no golden files");
            return;
        };
        for line in text.lines() {
            let case: Value = match serde_json::from_str(line) {
                Ok(v) => v,
                Err(_) => {
                    assert!(line.contains("/gcp/"));
                    continue;
                }
            };
            compare(op, &case, &mut differences, &mut counts);
        }
    }
    eprintln!("{} cases, {} equal", counts.0, counts.1);
    for (id, why) in &differences {
        eprintln!("{id}: {why}");
    }
    let _ = json!({});
}

#[test]
fn helpers_against_the_reference() {
    use crate::golden::helper::{helper, install_config_disk_type};
    use crate::golden::helper_differences::DIFFERENCES;
    let Ok(text) = std::fs::read_to_string(format!("{GOLDEN}/helper.jsonl")) else {
        return;
    };
    let mut stale: Vec<_> = DIFFERENCES.iter().map(|d| d.case).collect();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let found = helper(&case["input"]);
        if found != case["expect"] {
            if stale.contains(&id) {
                stale.retain(|s| *s != id);
            } else {
                eprintln!("{id}: {found} expected {}", case["expect"]);
            }
        }
    }
    assert!(stale.is_empty(), "{stale:?}");
    let text = std::fs::read_to_string(format!("{GOLDEN}/install_config_disk_type.jsonl")).unwrap();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let found = install_config_disk_type(&case["input"]);
        if found != case["expect"] {
            eprintln!("{}: {found} expected {}", case["id"], case["expect"]);
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn time() {
    let text = stream_text(&json!({"ref": "rhcos-9.8"}));
    let old = stream_text(&json!({"ref": "rhcos-4.16"}));
    let (stream, old) = (Stream::parse(&text).unwrap(), Stream::parse(&old).unwrap());
    let lines = std::fs::read_to_string(format!("{GOLDEN}/ms_check.jsonl")).unwrap();
    let spec = |id: &str| {
        let line = lines
            .lines()
            .find(|l| l.contains(&format!("\"id\":\"{id}\"")))
            .unwrap();
        let case: Value = serde_json::from_str(line).unwrap();
        case["input"]["machine_set"]
            .pointer(MACHINE_SET_PROVIDER_SPEC)
            .unwrap()
            .to_string()
    };
    let streams = [stream, old];
    let known = select_aws::KnownAmis::of(&streams);
    let facts = Facts::default();
    for (id, known) in [
        ("ms_check/aws/standard-update", &known),
        (
            "ms_check/aws/standard-update",
            &select_aws::KnownAmis::default(),
        ),
    ] {
        let text = spec(id);
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let context = select_aws::AwsContext {
            profile: Profile::P422,
            stream: &streams[0],
            known,
            facts: facts.of_cluster(Some("us-east-1")),
        };
        let start = std::time::Instant::now();
        let mut updates = 0;
        for _ in 0..10_000 {
            let spec = rewrite_aws::read(Some(raw)).unwrap();
            let found = select_aws::select(
                &spec.image,
                "w",
                &Architecture::X86_64,
                &context,
                &mut NoTrace,
            )
            .unwrap();
            if let Selection::Update(target) = found.selection {
                updates += usize::from(
                    !rewrite_aws::write(&spec, &target, MACHINE_SET_PROVIDER_SPEC)
                        .unwrap()
                        .is_empty(),
                );
            }
        }
        eprintln!("AWS {updates} updates: {:?}", start.elapsed());
    }
    for id in [
        "ms_check/azure/gallery-gen2",
        "ms_check/azure/noplan-gen2-up-to-date",
    ] {
        let text = spec(id);
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let start = std::time::Instant::now();
        let mut updates = 0;
        for _ in 0..10_000 {
            let spec = rewrite_azure::read(Some(raw)).unwrap();
            let found = select_azure::select(
                &spec.image,
                &spec.security_type,
                &streams[0],
                &Architecture::X86_64,
                &mut NoTrace,
            )
            .unwrap();
            if let Selection::Update(target) = found {
                updates += usize::from(
                    !rewrite_azure::write(&spec, &target, MACHINE_SET_PROVIDER_SPEC)
                        .unwrap()
                        .is_empty(),
                );
            }
        }
        eprintln!("Azure {updates} updates: {:?}", start.elapsed());
    }
    let start = std::time::Instant::now();
    for _ in 0..100 {
        let _ = Stream::parse(&text).unwrap();
    }
    eprintln!(
        "stream {} bytes: {:?} each",
        text.len(),
        start.elapsed() / 100
    );
    // vSphere: one answer for all
    let line = lines
        .lines()
        .find(|l| l.contains("\"id\":\"ms_check/vsphere/needs-vcenter\""))
        .unwrap();
    let case: Value = serde_json::from_str(line).unwrap();
    let infra = case["input"]["infrastructure"].to_string();
    let infra = RawObject::parse(&infra).unwrap().unwrap();
    let platform = InfrastructureSpec::read(&infra).unwrap();
    let text = case["input"]["machine_set"]
        .pointer(MACHINE_SET_PROVIDER_SPEC)
        .unwrap()
        .to_string();
    let raw: &RawValue = serde_json::from_str(&text).unwrap();
    let context = select_vsphere::VsphereContext {
        stream: &streams[0],
        infrastructure_name: "ocl-x7k2p",
        platform: platform.vsphere(),
        disk_type: &Ok(String::new()),
        facts: facts.of_cluster(None),
    };
    let start = std::time::Instant::now();
    for _ in 0..10_000 {
        let spec = rewrite_vsphere::read(Some(raw)).unwrap();
        let _ = select_vsphere::select(&spec.image, &Architecture::X86_64, &context, &mut NoTrace)
            .unwrap();
    }
    eprintln!("vSphere needs: {:?}", start.elapsed());
}
