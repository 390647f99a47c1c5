//! The table of deliberate differences from the reference.
//!
//! A row names the cases that it is about, and the rule or sentence that demands the difference.
//! A row none of whose cases differs any more fails the test.

use serde_json::Value;

use super::case::Case;
use super::ignition_differences::DIFFERENCES as STUBS;

/// One row.
struct Row {
    /// Whether the rule is about a case; the second argument is what the reference did.
    applies: fn(&Case, &Value) -> bool,
    /// The rule, or where the sentence stands.
    rule: &'static str,
    /// What it demands.
    demands: &'static str,
}

/// What a row demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand {
    /// The rule, or where the sentence stands.
    pub(crate) rule: &'static str,
    /// What it says, in our words.
    pub(crate) demands: &'static str,
}

/// Rows about boot images in provider specs.
const TABLE: &[Row] = &[
    Row {
        applies: |case, _| images(case).any(is_compute_url),
        rule: "BI-253",
        demands: "an image that is written as a URL of the compute API is known",
    },
    Row {
        applies: |case, _| is_gcp(case) && stream_has_half_an_image(case),
        rule: "fixtures/golden/README.md, known oddities",
        demands: "an empty stream name is refused",
    },
    Row {
        applies: |case, _| texts_that_are_read(case).any(|value| !value.is_string()),
        rule: "ARCHITECTURE, invariants",
        demands: "a wrong type is an error; the reference reads true as the text \"true\"",
    },
    Row {
        applies: |_, expect| reference_refuses_what_is_not_read(expect),
        rule: "BI-346",
        demands: "a wrong type in a member that no rule reads does not matter",
    },
    Row {
        applies: |_, expect| text(expect, "error").contains("control characters are not allowed"),
        rule: "BI-346",
        demands: "what is not edited stays as it is; the reference takes it through YAML, which \
                  does not know all characters",
    },
];

/// Rows about AWS, Azure and vSphere.
const PLATFORMS: &[Row] = &[
    Row {
        applies: |case, _| names_an_image_of_the_stream(case) && case.input["ec2"].is_null(),
        rule: "BI-276",
        demands: "an image that a stream document has is known: EC2 is not asked",
    },
    Row {
        applies: |case, _| case.op == "helper" && case.input["fn"] == "ami_allowed",
        rule: "BI-276",
        demands: "no list of known images is compiled in",
    },
    Row {
        applies: |_, expect| text(expect, "error").contains("aws-cloud-credentials secret"),
        rule: "ARCHITECTURE, how data flows",
        demands: "a plan asks for facts; credentials are of concern to whoever looks them up",
    },
    Row {
        applies: |case, _| case.input["ec2"]["describe_error"].is_string(),
        rule: "BI-277",
        demands: "where EC2 refuses, what stream documents tell decides; else it is a counted skip",
    },
    Row {
        applies: |_, expect| {
            text(expect, "error").contains("could not determine azure marketplace variant")
        },
        rule: "W-13",
        demands: "an image of somebody else is a counted skip, as on the other platforms",
    },
    Row {
        applies: |case, _| {
            let image = &provider_spec(case)["image"];
            image["publisher"] == "azureopenshift" && image["type"] != "MarketplaceNoPlan"
        },
        rule: "BI-294",
        demands: "the generation is told by the variant, not by the type",
    },
    Row {
        applies: |_, expect| text(expect, "error").contains("no Gen1 Azure marketplace image"),
        rule: "BI-295",
        demands: "a missing image of generation 1 is a counted skip",
    },
    Row {
        applies: |case, _| {
            let of_pass = case.input["machine_sets"].as_array().into_iter().flatten();
            let specs =
                of_pass.filter_map(|set| set.pointer("/spec/template/spec/providerSpec/value"));
            specs.chain([provider_spec(case)]).any(has_security_type)
        },
        rule: "BI-290",
        demands: "a machine with a security type is a counted skip",
    },
    Row {
        applies: |case, expect| {
            let version = |image: &Value| numbers(text(image, "version"));
            let target = expect.pointer("/new_provider_spec/image").map(version);
            let current = version(&provider_spec(case)["image"]);
            target.is_some_and(|target| !current.is_empty() && current > target)
        },
        rule: "BI-298",
        demands: "nothing is downgraded",
    },
    Row {
        applies: |_, expect| {
            text(expect, "error").contains("does not match any vCenter/failure domain")
        },
        rule: "BI-314",
        demands: "a workspace that no failure domain describes is a counted skip",
    },
    Row {
        applies: |case, expect| {
            let server = &provider_spec(case)["workspace"]["server"];
            let calls = &expect["needs_cloud_call"];
            calls["kind"] == "vcenter" && server.as_str().unwrap_or_default().is_empty()
        },
        rule: "BI-314",
        demands: "a workspace without a server is in no failure domain: no vCenter is asked",
    },
];

/// Rows about what the cluster is told.
const STATUS: &[Row] = &[
    Row {
        applies: |case, _| {
            ["conditions", "mapi_sync_all"].contains(&case.op.as_str()) && lacks_the_condition(case)
        },
        rule: "BI-186",
        demands: "a condition that a list lacks is put into it",
    },
    Row {
        applies: |case, expect| case.op == "mbi_status" && nothing_of_ours_changes(case, expect),
        rule: "BI-054",
        demands: "a pass that changes nothing makes no write call",
    },
    Row {
        applies: |case, _| {
            let status = case.input.pointer("/infrastructure/status");
            case.op == "mbi_status"
                && status.is_some_and(|status| status["platformStatus"].is_null())
        },
        rule: "BI-064",
        demands: "no platform is an unsupported one; the reference crashes",
    },
    Row {
        applies: |case, expect| {
            let crashed = !expect["panic"].is_null();
            case.op == "mbi_status" && crashed && managers(case).any(is_partial_without_block)
        },
        rule: "ARCHITECTURE, invariants",
        demands: "no panic on any input: a selection that cannot be understood enrols nothing",
    },
];

fn rows_of_all() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(PLATFORMS).chain(STATUS)
}

/// What demands that a case differs. Rows about stubs stand in a file of their own.
pub(crate) fn demand_of(case: &Case, expect: &Value) -> Option<Demand> {
    if case.op.starts_with("ignition_") {
        let row = STUBS
            .iter()
            .find(|row| (row.applies)(&case.input, expect))?;
        let (rule, demands) = (row.rule, row.demands);
        return Some(Demand { rule, demands });
    }
    let row = rows_of_all().find(|row| (row.applies)(case, expect))?;
    let (rule, demands) = (row.rule, row.demands);
    Some(Demand { rule, demands })
}

/// Every demand for which a known case differs.
#[cfg(test)]
pub(crate) fn demands() -> impl Iterator<Item = Demand> {
    let rows = rows_of_all().map(|row| (row.rule, row.demands));
    let stubs = STUBS
        .iter()
        .filter(|row| row.seen)
        .map(|row| (row.rule, row.demands));
    rows.chain(stubs)
        .map(|(rule, demands)| Demand { rule, demands })
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Members that rules read, as Go names them in the errors of its JSON decoder.
const READ: &[&str] = &[
    "disks",
    "disks.boot",
    "disks.image",
    "userDataSecret",
    "userDataSecret.name",
];

/// `…cannot unmarshal string into Go struct field GCPDisk.disks.sizeGb of type int64`: the member
/// stands behind the name of the type.
fn reference_refuses_what_is_not_read(expect: &Value) -> bool {
    let spec_error = text(expect, "error");
    let object_error = text(expect, "decode_error");
    let field = |error: &str| {
        let (_, rest) = error.split_once("Go struct field ")?;
        let (field, _) = rest.split_once(" of type")?;
        field.split_once('.').map(|(_, path)| path.to_owned())
    };
    match (field(spec_error), field(object_error)) {
        (Some(path), _) if spec_error.contains("unmarshal into providerSpec failed") => {
            !READ.contains(&path.as_str())
        }
        (_, Some(path)) => ["spec.replicas", "spec.minReadySeconds"].contains(&path.as_str()),
        _ => false,
    }
}

fn is_gcp(case: &Case) -> bool {
    case.input
        .pointer("/infrastructure/status/platformStatus/type")
        == Some(&Value::from("GCP"))
}

fn provider_spec(case: &Case) -> &Value {
    let of_set = case
        .input
        .pointer("/machine_set/spec/template/spec/providerSpec/value");
    let of_cpms = "/control_plane_machine_set/spec/template/machines_v1beta1_machine_openshift_io\
                   /spec/providerSpec/value";
    of_set
        .or_else(|| case.input.pointer(of_cpms))
        .unwrap_or(&Value::Null)
}

fn has_security_type(provider_spec: &Value) -> bool {
    let security = provider_spec.pointer("/securityProfile/settings/securityType");
    security
        .and_then(Value::as_str)
        .is_some_and(|kind| !kind.is_empty())
}

fn disks(case: &Case) -> impl Iterator<Item = &Value> {
    provider_spec(case)["disks"]
        .as_array()
        .into_iter()
        .flatten()
}

/// Members of provider specs that rules read as text, where they are set.
fn texts_that_are_read(case: &Case) -> impl Iterator<Item = &Value> {
    const POINTERS: &[&str] = &[
        "/ami/id",
        "/image/offer",
        "/image/publisher",
        "/image/resourceID",
        "/image/sku",
        "/image/type",
        "/image/version",
        "/placement/region",
        "/securityProfile/settings/securityType",
        "/template",
        "/userDataSecret/name",
        "/workspace/datacenter",
        "/workspace/datastore",
        "/workspace/folder",
        "/workspace/resourcePool",
        "/workspace/server",
        "/workspace/vmGroup",
    ];
    let spec = provider_spec(case);
    let images = disks(case).filter_map(|disk| disk.get("image"));
    let others = POINTERS
        .iter()
        .filter_map(move |pointer| spec.pointer(pointer));
    images.chain(others).filter(|value| !value.is_null())
}

fn names_an_image_of_the_stream(case: &Case) -> bool {
    let id = provider_spec(case)["ami"]["id"]
        .as_str()
        .filter(|id| !id.is_empty());
    let stream = case.stream.as_deref().unwrap_or_default();
    id.is_some_and(|id| stream.contains(&format!("\"{id}\"")))
}

/// The numbers of a version, of the scheme that starts with RHEL's.
fn numbers(version: &str) -> Vec<u64> {
    let numbers: Vec<u64> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    // The first number of the older scheme is that of OpenShift, 100 or more.
    if numbers.first().is_some_and(|first| *first < 100) {
        numbers
    } else {
        Vec::new()
    }
}

fn images(case: &Case) -> impl Iterator<Item = &str> {
    disks(case).filter_map(|disk| disk["image"].as_str())
}

fn is_compute_url(image: &str) -> bool {
    let url = image.strip_prefix("https://").unwrap_or_default();
    [
        "www.googleapis.com/compute/v1/",
        "compute.googleapis.com/compute/v1/",
    ]
    .iter()
    .any(|prefix| url.starts_with(prefix))
}

fn stream_has_half_an_image(case: &Case) -> bool {
    let stream = case
        .stream
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(stream) = stream else { return false };
    let Some(architectures) = stream["architectures"].as_object() else {
        return false;
    };
    architectures.values().any(|architecture| {
        let image = &architecture["images"]["gcp"];
        let empty = |key: &str| text(image, key).is_empty();
        image.is_object() && (empty("project") || empty("name"))
    })
}

/// The case's own type of condition, or either of the two.
fn lacks_the_condition(case: &Case) -> bool {
    let path = "/machine_configuration/status/conditions";
    let Some(list) = case.input.pointer(path).and_then(Value::as_array) else {
        return false;
    };
    let listed = |kind: &Value| list.iter().any(|condition| condition["type"] == *kind);
    match &case.input["type"] {
        Value::Null => {
            let both = ["BootImageUpdateProgressing", "BootImageUpdateDegraded"];
            !both.iter().all(|kind| listed(&Value::from(*kind)))
        }
        kind => !listed(kind),
    }
}

fn nothing_of_ours_changes(case: &Case, expect: &Value) -> bool {
    let status = &case.input["machine_configuration"]["status"];
    let same = |member: &str, expected: &str| status[member] == expect[expected];
    same("managedBootImagesStatus", "managed_boot_images_status")
        && same(
            "bootImageSkewEnforcementStatus",
            "boot_image_skew_enforcement_status",
        )
        && same("observedGeneration", "observed_generation")
}

fn managers(case: &Case) -> impl Iterator<Item = &Value> {
    let list = "/machine_configuration/spec/managedBootImages/machineManagers";
    case.input
        .pointer(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is_partial_without_block(manager: &Value) -> bool {
    manager["selection"]["mode"] == "Partial" && manager["selection"]["partial"].is_null()
}
