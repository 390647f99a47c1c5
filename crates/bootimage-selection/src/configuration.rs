//! Which configuration is in force (BI-070 … BI-077).

use openshift_model::names::{CONTROL_PLANE_MACHINE_SETS, MACHINE_SETS, OPT_IN_ANNOTATION};
use openshift_model::{
    MachineConfiguration, MachineManager, ManagedBootImages, ObjectMeta, Profile, SelectionMode,
};

use crate::Capability;

/// Where the configuration in force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationSource {
    /// From the spec: what 4.17 and 4.18 do.
    Spec,
    /// From the status that the operator wrote.
    Status,
    /// From what the operator would write: its status is absent or older than the spec.
    Computed,
    /// A file of somebody's own, which goes before MachineConfiguration.
    File,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveConfiguration {
    /// Where it comes from.
    pub source: ConfigurationSource,
    /// The managers.
    pub managed: ManagedBootImages,
    /// Things that an administrator may not expect of it.
    pub notes: Vec<ConfigurationNote>,
}

/// Something that an administrator may not expect of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationNote {
    /// BI-077: the spec names the control plane alone, and the release keeps the workers' default.
    #[error(
        "MachineConfiguration cluster names ControlPlaneMachineSets only: MachineSets keep the \
         default of the release; name both to be sure"
    )]
    ControlPlaneOnlyKeepsWorkers,
    /// BI-077: the spec names the control plane alone, and the release then forgets the workers.
    #[error(
        "MachineConfiguration cluster names ControlPlaneMachineSets only: this release takes the \
         list as it is, so that MachineSets are no longer managed; name both"
    )]
    ControlPlaneOnlyDropsWorkers,
}

/// What a MachineConfiguration comes to under a release's rules. `None` stands for a cluster that
/// has no such object: the operator creates it without any configuration (BI-051).
///
/// Under 4.17 the spec; later the status where it is up to date
/// (`observedGeneration` equals `generation`, or both are absent), else what the operator would
/// write into it.
pub fn effective_configuration(
    profile: Profile,
    configuration: Option<&MachineConfiguration<'_>>,
    capability: Capability,
    cpms_gate: bool,
) -> EffectiveConfiguration {
    let absent = MachineConfiguration::default();
    let configuration = configuration.unwrap_or(&absent);
    let spec = configuration
        .spec
        .managed_boot_images
        .clone()
        .unwrap_or_default();
    let notes = notes(profile, &spec);
    if profile == Profile::P417 {
        return EffectiveConfiguration {
            source: ConfigurationSource::Spec,
            managed: spec,
            notes,
        };
    }
    let status = configuration.status.managed_boot_images_status.as_ref();
    let up_to_date = configuration.status.observed_generation == configuration.meta.generation;
    if let (Some(status), true) = (status, up_to_date) {
        let managed = status.clone();
        return EffectiveConfiguration {
            source: ConfigurationSource::Status,
            managed,
            notes,
        };
    }
    let existing = status.cloned().unwrap_or_default();
    let managed = reconcile_status(profile, &spec, &existing, capability, cpms_gate).managed;
    EffectiveConfiguration {
        source: ConfigurationSource::Computed,
        managed,
        notes,
    }
}

fn notes(profile: Profile, spec: &ManagedBootImages) -> Vec<ConfigurationNote> {
    let Some(managers) = spec.machine_managers.as_deref() else {
        return Vec::new();
    };
    let names = |resource: &str| {
        managers
            .iter()
            .any(|manager| manager.resource() == resource)
    };
    if !names(CONTROL_PLANE_MACHINE_SETS) || names(MACHINE_SETS) {
        return Vec::new();
    }
    match profile {
        Profile::P417 => Vec::new(),
        Profile::P419 => vec![ConfigurationNote::ControlPlaneOnlyDropsWorkers],
        Profile::P421 | Profile::P422 => vec![ConfigurationNote::ControlPlaneOnlyKeepsWorkers],
    }
}

/// The status that the operator computes from a spec.
#[derive(Debug, Clone, PartialEq)]
pub struct ReconciledStatus {
    /// The new `status.managedBootImagesStatus`.
    pub managed: ManagedBootImages,
    /// BI-020: whether this is a moment at which the default takes a cluster in.
    pub opt_in: bool,
}

impl ReconciledStatus {
    /// BI-020: whether the annotation that tells when the default took the cluster in is to be
    /// written. One that is there stays as it is: it tells the first time.
    pub fn writes_annotation(&self, meta: &ObjectMeta<'_>) -> bool {
        self.opt_in && meta.annotation(OPT_IN_ANNOTATION).is_none()
    }
}

/// BI-070 … BI-077: the status that the operator writes, from 4.19 on.
///
/// BI-063: on an unsupported platform the status stays as it is.
pub fn reconcile_status(
    profile: Profile,
    spec: &ManagedBootImages,
    existing: &ManagedBootImages,
    capability: Capability,
    cpms_gate: bool,
) -> ReconciledStatus {
    if !capability.machine_sets {
        return ReconciledStatus {
            managed: existing.clone(),
            opt_in: false,
        };
    }
    if profile <= Profile::P419 {
        return copy_spec(spec, existing, capability);
    }
    // BI-071: the empty list opts out of everything, whatever stood in the status.
    if spec.machine_managers.as_ref().is_some_and(Vec::is_empty) {
        return ReconciledStatus {
            managed: spec.clone(),
            opt_in: false,
        };
    }
    let (machine_sets, opt_in) = machine_sets_manager(spec, existing, capability);
    let mut list = existing.machine_managers.clone().unwrap_or_default();
    merge(&mut list, machine_sets);
    // BI-075: a manager of the control plane that is in the status already stays there, unused.
    if cpms_gate && capability.control_plane_machine_sets {
        let control_plane = manager_of(spec, CONTROL_PLANE_MACHINE_SETS).unwrap_or_else(|| {
            MachineManager::new(CONTROL_PLANE_MACHINE_SETS, &SelectionMode::None)
        });
        merge(&mut list, control_plane);
    }
    ReconciledStatus {
        managed: ManagedBootImages {
            machine_managers: Some(list),
        },
        opt_in,
    }
}

/// BI-077: 4.19 and 4.20 copy the spec whole.
fn copy_spec(
    spec: &ManagedBootImages,
    existing: &ManagedBootImages,
    capability: Capability,
) -> ReconciledStatus {
    if spec.machine_managers.is_some() {
        return ReconciledStatus {
            managed: spec.clone(),
            opt_in: false,
        };
    }
    let none = vec![MachineManager::new(MACHINE_SETS, &SelectionMode::None)];
    let list = |mode: &SelectionMode| ManagedBootImages {
        machine_managers: Some(vec![MachineManager::new(MACHINE_SETS, mode)]),
    };
    if !capability.on_by_default {
        return ReconciledStatus {
            managed: list(&SelectionMode::None),
            opt_in: false,
        };
    }
    let opt_in = existing
        .machine_managers
        .as_deref()
        .is_none_or(|managers| same_choices(managers, &none));
    ReconciledStatus {
        managed: list(&SelectionMode::All),
        opt_in,
    }
}

fn same_choices(a: &[MachineManager], b: &[MachineManager]) -> bool {
    let key = |manager: &MachineManager| {
        (
            manager.resource().to_owned(),
            manager.api_group().to_owned(),
            manager.mode().clone(),
        )
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| key(a) == key(b))
}

/// BI-070 step 2, BI-073, BI-074: the manager of MachineSets, and whether it comes by default.
fn machine_sets_manager(
    spec: &ManagedBootImages,
    existing: &ManagedBootImages,
    capability: Capability,
) -> (MachineManager, bool) {
    if let Some(named) = manager_of(spec, MACHINE_SETS) {
        return (named, false);
    }
    if !capability.on_by_default {
        return (
            MachineManager::new(MACHINE_SETS, &SelectionMode::None),
            false,
        );
    }
    // BI-076: a list that is present and empty, which `[]` in the spec left behind, is neither.
    let opt_in = existing
        .machine_managers
        .as_deref()
        .is_none_or(|managers| managers.iter().any(is_switched_off));
    (
        MachineManager::new(MACHINE_SETS, &SelectionMode::All),
        opt_in,
    )
}

fn is_switched_off(manager: &MachineManager) -> bool {
    manager.resource() == MACHINE_SETS && *manager.mode() == SelectionMode::None
}

/// BI-070: only the resource is compared, not the API group.
fn manager_of(list: &ManagedBootImages, resource: &str) -> Option<MachineManager> {
    let managers = list.machine_managers.as_deref()?;
    managers
        .iter()
        .find(|manager| manager.resource() == resource)
        .cloned()
}

/// BI-072: replaces the selection of the manager of the same resource and group, or appends.
fn merge(list: &mut Vec<MachineManager>, manager: MachineManager) {
    let same = |other: &&mut MachineManager| {
        other.resource() == manager.resource() && other.api_group() == manager.api_group()
    };
    match list.iter_mut().find(same) {
        Some(existing) => existing.set_selection_of(&manager),
        None => list.push(manager),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::{Platform, RawObject};
    use serde_json::{Value, json};

    fn list(value: &Value) -> ManagedBootImages {
        serde_json::from_value(json!({ "machineManagers": value })).unwrap()
    }

    fn manager(resource: &str, mode: &str) -> Value {
        json!({"resource": resource, "apiGroup": "machine.openshift.io", "selection": {"mode": mode}})
    }

    fn ms(mode: &str) -> Value {
        manager("machinesets", mode)
    }

    fn cp(mode: &str) -> Value {
        manager("controlplanemachinesets", mode)
    }

    struct Case {
        profile: Profile,
        platform: &'static str,
        gate: bool,
        spec: Value,
        status: Value,
        expected: Value,
        opt_in: bool,
    }

    fn check(case: &Case) {
        let platform = Platform::from_name(case.platform);
        let capability = Capability::of(Some(&platform), false, case.profile);
        let (spec, status) = (list(&case.spec), list(&case.status));
        let found = reconcile_status(case.profile, &spec, &status, capability, case.gate);
        let managed = serde_json::to_value(&found.managed).unwrap();
        assert_eq!(
            managed["machineManagers"], case.expected,
            "{} {}",
            case.platform, case.spec
        );
        assert_eq!(found.opt_in, case.opt_in, "{} {}", case.platform, case.spec);
    }

    #[test]
    fn bi_070_the_status_is_made_of_spec_status_and_platform() {
        let latest = |platform, gate, spec: Value, status: Value, expected: Value, opt_in| {
            check(&Case {
                profile: Profile::P422,
                platform,
                gate,
                spec,
                status,
                expected,
                opt_in,
            });
        };
        let null = Value::Null;
        // BI-073, by row and column
        latest(
            "GCP",
            false,
            null.clone(),
            null.clone(),
            json!([ms("All")]),
            true,
        );
        latest(
            "GCP",
            true,
            null.clone(),
            null.clone(),
            json!([ms("All"), cp("None")]),
            true,
        );
        latest(
            "VSphere",
            true,
            null.clone(),
            null.clone(),
            json!([ms("All")]),
            true,
        );
        latest(
            "GCP",
            true,
            json!([cp("All")]),
            null.clone(),
            json!([ms("All"), cp("All")]),
            true,
        );
        latest(
            "GCP",
            true,
            json!([ms("None")]),
            null.clone(),
            json!([ms("None"), cp("None")]),
            false,
        );
        // BI-071: the empty list wipes the control plane's entry as well
        latest(
            "GCP",
            true,
            json!([]),
            json!([cp("All"), ms("All")]),
            json!([]),
            false,
        );
        // BI-072: the order of the status is kept, and what is foreign in it
        latest(
            "GCP",
            true,
            json!([ms("None")]),
            json!([cp("All"), {"resource": "x", "apiGroup": "y"}, ms("All")]),
            json!([cp("None"), {"resource": "x", "apiGroup": "y"}, ms("None")]),
            false,
        );
        // BI-070: opting in anew after None
        latest(
            "GCP",
            false,
            null.clone(),
            json!([ms("None")]),
            json!([ms("All")]),
            true,
        );
        // BI-075
        latest(
            "GCP",
            false,
            json!([ms("All")]),
            json!([cp("All")]),
            json!([cp("All"), ms("All")]),
            false,
        );
        // BI-063
        latest(
            "OpenStack",
            true,
            json!([ms("All")]),
            null.clone(),
            null.clone(),
            false,
        );
        latest(
            "OpenStack",
            true,
            json!([ms("All")]),
            json!([ms("None")]),
            json!([ms("None")]),
            false,
        );
    }

    #[test]
    fn bi_074_removing_the_stanza_turns_it_on_from_4_19() {
        for (profile, platform, expected) in [
            (Profile::P419, "GCP", "All"),
            (Profile::P419, "VSphere", "None"),
            (Profile::P421, "AWS", "All"),
            (Profile::P421, "Azure", "None"),
            (Profile::P422, "Azure", "All"),
        ] {
            let expected = json!([ms(expected)]);
            let opt_in = expected == json!([ms("All")]);
            let (spec, status) = (Value::Null, Value::Null);
            check(&Case {
                profile,
                platform,
                gate: false,
                spec,
                status,
                expected,
                opt_in,
            });
        }
    }

    #[test]
    fn bi_077_4_19_copies_the_spec() {
        let case = |spec: Value, status: Value, expected: Value, opt_in| {
            let profile = Profile::P419;
            check(&Case {
                profile,
                platform: "GCP",
                gate: false,
                spec,
                status,
                expected,
                opt_in,
            });
        };
        case(
            json!([cp("All")]),
            json!([ms("All")]),
            json!([cp("All")]),
            false,
        );
        case(json!([]), json!([ms("All")]), json!([]), false);
        case(Value::Null, json!([ms("None")]), json!([ms("All")]), true);
        case(
            Value::Null,
            json!([ms("None"), cp("None")]),
            json!([ms("All")]),
            false,
        );
    }

    #[test]
    fn bi_076_removing_the_empty_list_is_no_opting_in() {
        for profile in [Profile::P419, Profile::P421, Profile::P422] {
            check(&Case {
                profile,
                platform: "GCP",
                gate: false,
                spec: Value::Null,
                status: json!([]),
                expected: json!([ms("All")]),
                opt_in: false,
            });
        }
    }

    #[test]
    fn bi_020_a_cluster_opts_in_by_default_once() {
        let reconciled = |opt_in| ReconciledStatus {
            managed: ManagedBootImages::default(),
            opt_in,
        };
        let with = |annotations: &[(&'static str, &'static str)]| ObjectMeta {
            annotations: Some(annotations.iter().copied().collect()),
            ..ObjectMeta::default()
        };
        let (new, before) = (with(&[("x", "")]), with(&[(OPT_IN_ANNOTATION, "2025")]));
        assert!(reconciled(true).writes_annotation(&new));
        assert!(reconciled(true).writes_annotation(&ObjectMeta::default()));
        assert!(!reconciled(true).writes_annotation(&before));
        assert!(!reconciled(false).writes_annotation(&new));
    }

    fn configuration(spec: &Value, status: &Value, generation: Option<i64>) -> String {
        json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster", "generation": generation},
            "spec": {"managedBootImages": spec}, "status": status})
        .to_string()
    }

    fn check_source(profile: Profile, text: &str, source: ConfigurationSource, expected: &Value) {
        let object = RawObject::parse(text).unwrap().unwrap();
        let configuration = MachineConfiguration::read(&object).unwrap();
        let capability = Capability::of(Some(&Platform::Gcp), false, profile);
        let found = effective_configuration(profile, Some(&configuration), capability, false);
        let managers = serde_json::to_value(&found.managed).unwrap();
        assert_eq!(
            (found.source, &managers["machineManagers"]),
            (source, expected),
            "{text}"
        );
    }

    #[test]
    fn the_status_counts_where_it_is_up_to_date() {
        use ConfigurationSource::{Computed, Spec, Status};
        let spec = json!({"machineManagers": [ms("None")]});
        let status = |observed: Option<i64>| {
            json!({"observedGeneration": observed,
                "managedBootImagesStatus": {"machineManagers": [ms("All")]}})
        };
        let (none, all) = (json!([ms("None")]), json!([ms("All")]));
        let p422 = Profile::P422;
        check_source(
            p422,
            &configuration(&spec, &status(Some(3)), Some(3)),
            Status,
            &all,
        );
        check_source(
            p422,
            &configuration(&spec, &status(None), None),
            Status,
            &all,
        );
        check_source(
            p422,
            &configuration(&spec, &status(Some(2)), Some(3)),
            Computed,
            &none,
        );
        check_source(
            p422,
            &configuration(&spec, &Value::Null, None),
            Computed,
            &none,
        );
        check_source(
            Profile::P417,
            &configuration(&spec, &status(Some(3)), Some(3)),
            Spec,
            &none,
        );
        let nothing = configuration(&Value::Null, &Value::Null, None);
        check_source(p422, &nothing, Computed, &all);
        check_source(Profile::P417, &nothing, Spec, &Value::Null);
    }

    #[test]
    fn bi_077_naming_the_control_plane_alone_is_noted() {
        let text = configuration(&json!({"machineManagers": [cp("All")]}), &Value::Null, None);
        let object = RawObject::parse(&text).unwrap().unwrap();
        let configuration = MachineConfiguration::read(&object).unwrap();
        for (profile, expected) in [
            (Profile::P417, vec![]),
            (
                Profile::P419,
                vec![ConfigurationNote::ControlPlaneOnlyDropsWorkers],
            ),
            (
                Profile::P421,
                vec![ConfigurationNote::ControlPlaneOnlyKeepsWorkers],
            ),
        ] {
            let capability = Capability::of(Some(&Platform::Gcp), false, profile);
            let found = effective_configuration(profile, Some(&configuration), capability, true);
            assert_eq!(found.notes, expected);
        }
    }
}
