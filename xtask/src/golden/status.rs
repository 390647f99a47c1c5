//! Golden cases of status and conditions: each function is named after its op, takes the input of a
//! case and returns our result in the form of `expect`.

use bootimage_selection::{
    Capability, Enrolment, EnrolmentError, machine_api_enrolment, reconcile_status,
};
use bootimage_status::{
    ConditionType, OperatorError, PassStatistics, SkewInput, Statistics, StatusCondition,
    UpgradeGuard, check_skew, guard_upgrade, install_version, is_legacy_bare_metal, is_stable,
    operator_error, record, reset, skew_status, upsert,
};
use openshift_model::names::{
    CONTROL_PLANE_MACHINE_SETS, CPMS_FEATURE_GATE, MACHINE_SETS, SKEW_FEATURE_GATE,
};
use openshift_model::{
    ClusterVersion, Infrastructure, MachineConfiguration, ManagedBootImages, Profile, Provisioning,
    RawObject, ReadError, SkewEnforcement, StringMap,
};
use serde_json::{Value, json};

/// The reference is a build of main.
const PROFILE: Profile = Profile::LATEST;
/// Golden results leave times out.
const NOW: &str = "2026-11-21T12:00:00Z";

/// `skew_check`: BI-103 … BI-105.
pub(crate) fn skew_check(input: &Value) -> Value {
    let exceeded = check_skew(text(input, "ocp_version"), text(input, "rhcos_version")).err();
    json!({
        "exceeded": exceeded.is_some(),
        "message": exceeded.map(|exceeded| exceeded.to_string()).unwrap_or_default(),
    })
}

/// `skew_guard`: BI-100 … BI-106.
pub(crate) fn skew_guard(input: &Value) -> Value {
    let documents = Documents::of(input);
    let configuration = documents.configuration();
    let status = configuration.map(|configuration| configuration.status);
    let status = status.unwrap_or_default();
    let version = documents.cluster_version();
    let blocked = guard_upgrade(&UpgradeGuard {
        skew: status
            .skew_enforcement_status
            .as_ref()
            .filter(|_| has_gate(input, SKEW_FEATURE_GATE)),
        conditions: status.conditions.as_deref().unwrap_or_default(),
        cluster_version: version.as_ref(),
    })
    .err();
    json!({
        "upgrade_blocked": blocked.is_some(),
        "message": blocked.map(|blocked| blocked.to_string()).unwrap_or_default(),
    })
}

/// `skew_update`: BI-096.
pub(crate) fn skew_update(input: &Value) -> Value {
    let documents = Documents::of(input);
    let release = input.get("release_version").and_then(Value::as_str);
    let release = release.filter(|_| input.get("no_config_map") != Some(&Value::Bool(true)));
    after_record(&documents, |existing| {
        record(existing, release, [text(input, "rhcos_version")]).unwrap_or_default()
    })
}

/// `skew_reset`: BI-097.
pub(crate) fn skew_reset(input: &Value) -> Value {
    let documents = Documents::of(input);
    let version = documents.cluster_version();
    after_record(&documents, |existing| {
        reset(existing, Some(install_version(version.as_ref())))
    })
}

fn after_record(
    documents: &Documents,
    write: impl FnOnce(Option<&SkewEnforcement<'_>>) -> Option<SkewEnforcement<'static>>,
) -> Value {
    let Some(configuration) = documents.configuration() else {
        return json!({"status_written": false});
    };
    let existing = configuration.status.skew_enforcement_status;
    let written = write(existing.as_ref());
    json!({
        "status_written": written.is_some(),
        "boot_image_skew_enforcement_status": written.or(existing).unwrap_or_default(),
    })
}

/// `ocp_install_version`: BI-090.
pub(crate) fn ocp_install_version(input: &Value) -> Value {
    let documents = Documents::of(input);
    let version = install_version(documents.cluster_version().as_ref());
    json!({"version": version.to_string()})
}

/// `cluster_stable`: BI-140.
pub(crate) fn cluster_stable(input: &Value) -> Value {
    let documents = Documents::of(input);
    let stable = documents.cluster_version().as_ref().is_some_and(is_stable);
    json!({ "stable": stable })
}

/// `stats_messages`: BI-152, BI-180.
pub(crate) fn stats_messages(input: &Value) -> Value {
    let (statistics, name) = (statistics(input), text(input, "name"));
    json!({
        "progressing": statistics.progress(name),
        "degraded": statistics.degradation(name),
        "finished": statistics.is_finished(),
    })
}

/// `conditions`: BI-180 … BI-187, one condition at a time as the reference publishes them.
pub(crate) fn conditions(input: &Value) -> Value {
    let documents = Documents::of(input);
    let existing = documents
        .object("machine_configuration")
        .and_then(|object| object.condition_documents().ok()?);
    let pass = PassStatistics {
        machine_sets: statistics(&input["mapi"]),
        control_plane_machine_sets: statistics(&input["cpms"]),
        capi_machine_sets: statistics(&input["capi_machine_sets"]),
        capi_machine_deployments: statistics(&input["capi_machine_deployments"]),
    };
    let (reason, kind) = (text(input, "reason"), text(input, "type"));
    let wanted = if kind == ConditionType::Progressing.name() {
        vec![StatusCondition::progressing(PROFILE, &pass, reason)]
    } else if kind == ConditionType::Degraded.name() {
        let errors = input["error"].as_str();
        vec![StatusCondition::degraded(PROFILE, &pass, errors, reason)]
    } else {
        Vec::new()
    };
    let found = upsert(PROFILE, existing, &wanted, NOW);
    let shown: Vec<Value> = found
        .list
        .iter()
        .map(|condition| members(condition, &["type", "status", "reason", "message"]))
        .collect();
    json!({"conditions": shown, "status_written": found.changed})
}

/// `mbi_status`: the operator's pass over the configuration (BI-053): what it manages (BI-070 …
/// BI-077), the skew status (BI-090 … BI-093), and what that enrols (BI-080 … BI-082).
pub(crate) fn mbi_status(input: &Value) -> Value {
    let documents = Documents::of(input);
    let before = documents.configuration().unwrap_or_default();
    let Some(infrastructure) = documents.infrastructure() else {
        let mut result = status_members(input, &Status::of(&before));
        add(&mut result, "default_opt_in", json!(false));
        add(&mut result, "status_written", json!(false));
        add(
            &mut result,
            "error",
            json!(OperatorError::NoInfrastructure.to_string()),
        );
        return result;
    };
    let capability = Capability::of_cluster(&infrastructure, PROFILE);
    let reconciled = reconcile_status(
        PROFILE,
        &before.spec.managed_boot_images.clone().unwrap_or_default(),
        &Status::of(&before).managed,
        capability,
        has_gate(input, CPMS_FEATURE_GATE),
    );
    let skew = if has_gate(input, SKEW_FEATURE_GATE) {
        let provisioning = documents.provisioning();
        Some(skew_status(&SkewInput {
            spec: before.spec.skew_enforcement.as_ref(),
            existing: before.status.skew_enforcement_status.as_ref(),
            platform: infrastructure.platform().as_ref(),
            topology: infrastructure.control_plane_topology.as_deref(),
            supported: capability.machine_sets,
            managed: &reconciled.managed,
            legacy_bare_metal: is_legacy_bare_metal(provisioning.as_ref().map(Option::as_ref)),
            install_version: Some(install_version(documents.cluster_version().as_ref())),
        }))
    } else {
        before.status.skew_enforcement_status.clone()
    };
    let after = Status {
        managed: reconciled.managed.clone(),
        skew,
        observed_generation: before.meta.generation.unwrap_or_default(),
    };
    let mut result = status_members(input, &after);
    add(
        &mut result,
        "default_opt_in",
        json!(reconciled.writes_annotation(&before.meta)),
    );
    add(
        &mut result,
        "status_written",
        json!(after != Status::of(&before)),
    );
    add(
        &mut result,
        "platform",
        json!({
            "machine_sets": capability.machine_sets,
            "control_plane_machine_sets": capability.control_plane_machine_sets,
            "on_by_default": capability.on_by_default,
        }),
    );
    let conditions = before.status.conditions.as_deref().unwrap_or_default();
    if let Err(error) = operator_error(conditions) {
        add(&mut result, "error", json!(error.to_string()));
    }
    result
}

/// What the operator writes into the status.
#[derive(PartialEq)]
struct Status<'a> {
    managed: ManagedBootImages,
    skew: Option<SkewEnforcement<'a>>,
    observed_generation: i64,
}

impl<'a> Status<'a> {
    fn of(configuration: &MachineConfiguration<'a>) -> Self {
        let status = &configuration.status;
        Self {
            managed: status
                .managed_boot_images_status
                .clone()
                .unwrap_or_default(),
            skew: status.skew_enforcement_status.clone(),
            observed_generation: status.observed_generation.unwrap_or_default(),
        }
    }
}

/// A status, and what it enrols.
fn status_members(input: &Value, status: &Status<'_>) -> Value {
    let names = |resource: &str, objects: &str| {
        let managers = status.managed.machine_managers.as_deref();
        let enrolment = machine_api_enrolment(managers, resource);
        enrolled_names(enrolment, input[objects].as_array())
    };
    let control_plane = if has_gate(input, CPMS_FEATURE_GATE) {
        names(CONTROL_PLANE_MACHINE_SETS, "control_plane_machine_sets")
    } else {
        json!({"gate_disabled": true})
    };
    json!({
        "managed_boot_images_status": status.managed,
        "boot_image_skew_enforcement_status": status.skew.clone().unwrap_or_default(),
        "observed_generation": status.observed_generation,
        "enrolled_machine_sets": names(MACHINE_SETS, "machine_sets"),
        "enrolled_control_plane_machine_sets": control_plane,
    })
}

fn enrolled_names(
    enrolment: Result<Enrolment, EnrolmentError>,
    objects: Option<&Vec<Value>>,
) -> Value {
    let enrolment = match enrolment {
        Ok(enrolment) => enrolment,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let is_enrolled = |object: &&Value| {
        let entries = object["labels"].as_object().into_iter().flatten();
        let labels: StringMap<'_> = entries
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
            .collect();
        enrolment.includes(&labels)
    };
    let mut names: Vec<&Value> = objects
        .into_iter()
        .flatten()
        .filter(is_enrolled)
        .map(|object| &object["name"])
        .collect();
    names.sort_by_key(|name| name.as_str());
    json!({"manager_found": enrolment.has_manager(), "names": names})
}

/// The texts of an input's objects, for the views that borrow from them.
struct Documents(Vec<(String, String)>);

impl Documents {
    fn of(input: &Value) -> Self {
        let members = input.as_object().into_iter().flatten();
        Self(
            members
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
        )
    }

    fn object(&self, name: &str) -> Option<RawObject<'_>> {
        let (_, text) = self.0.iter().find(|(member, _)| member == name)?;
        RawObject::parse(text).ok()?
    }

    fn configuration(&self) -> Option<MachineConfiguration<'_>> {
        MachineConfiguration::read(&self.object("machine_configuration")?).ok()
    }

    fn cluster_version(&self) -> Option<ClusterVersion<'_>> {
        ClusterVersion::read(&self.object("cluster_version")?).ok()
    }

    fn infrastructure(&self) -> Option<Infrastructure<'_>> {
        Infrastructure::read(&self.object("infrastructure")?).ok()
    }

    fn provisioning(&self) -> Result<Option<Provisioning<'_>>, ReadError> {
        self.object("provisioning")
            .map(|object| Provisioning::read(&object))
            .transpose()
    }
}

fn statistics(input: &Value) -> Statistics {
    let number = |name: &str| input[name].as_u64().unwrap_or_default();
    Statistics {
        total: number("total"),
        in_progress: number("in_progress"),
        errored: number("errored"),
        skipped: number("skipped"),
    }
}

fn has_gate(input: &Value, gate: &str) -> bool {
    let gates = input["feature_gates"].as_array();
    gates.into_iter().flatten().any(|open| open == gate)
}

/// A string of an input; an absent one is empty, as in the reference's types.
fn text<'v>(input: &'v Value, name: &str) -> &'v str {
    input[name].as_str().unwrap_or_default()
}

/// Adds a member to an object.
fn add(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

fn members(object: &Value, names: &[&str]) -> Value {
    let member = |name: &&str| Some(((*name).to_owned(), object.get(name)?.clone()));
    Value::Object(names.iter().filter_map(member).collect())
}
