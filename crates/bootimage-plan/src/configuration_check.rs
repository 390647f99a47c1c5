//! What a cluster would make of a configuration before somebody writes it.

use bootimage_selection::admission_problems;
use openshift_model::names::{CONTROL_PLANE_MACHINE_SETS, MACHINE_SETS};
use openshift_model::{Kind, MachineResource, Profile};
use serde_json::Value;

use crate::context::{Context, Objects};
use crate::gates::{GateSource, ShutGate};
use crate::outcome::roll_out;
use crate::{ClusterSnapshot, Policy};

/// What a cluster would make of `spec.managedBootImages`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigurationCheck {
    /// Why it would be refused, or would change nothing.
    pub refusals: Vec<String>,
    /// What an administrator should know before it is written.
    pub warnings: Vec<String>,
}

/// BI-410: the release's rules that hold for a cluster.
pub fn profile(snapshot: &ClusterSnapshot<'_>, policy: &Policy) -> Profile {
    Context::new(snapshot, &Objects::of(snapshot), policy).profile
}

/// BI-060 … BI-062, BI-083 … BI-085: what a cluster would make of `managed`, the value of
/// `spec.managedBootImages`, and BI-170: what follows for its control plane.
pub fn check_configuration(
    snapshot: &ClusterSnapshot<'_>,
    policy: &Policy,
    managed: &Value,
) -> ConfigurationCheck {
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    let mut check = ConfigurationCheck::default();
    for problem in admission_problems(managed, context.admission()) {
        let list = if problem.refuses {
            &mut check.refusals
        } else {
            &mut check.warnings
        };
        list.push(problem.to_string());
    }
    let asks_for = |resource: &str| manages(managed, resource);
    if asks_for(MACHINE_SETS) {
        let is_able = context.capability.machine_sets;
        check.capability(
            &context,
            MACHINE_SETS,
            is_able,
            context.shut_platform.as_ref(),
        );
    }
    if asks_for(CONTROL_PLANE_MACHINE_SETS) {
        let is_able = context.capability.control_plane_machine_sets;
        let shut = context.shut_platform.as_ref();
        let shut = shut.or(context.shut_control_plane.as_ref());
        check.capability(&context, CONTROL_PLANE_MACHINE_SETS, is_able, shut);
        let sets = objects.of_kind(Kind::ControlPlaneMachineSet);
        let warnings =
            sets.filter_map(|set| roll_out(set, MachineResource::read(set).as_ref().ok()));
        check.warnings.extend(warnings);
    }
    check
}

impl ConfigurationCheck {
    fn capability(
        &mut self,
        context: &Context<'_, '_>,
        resource: &str,
        is_able: bool,
        shut: Option<&ShutGate>,
    ) {
        match shut {
            Some(gate) if gate.source == GateSource::NoObject => {
                self.warnings.push(gate.sentence());
            }
            Some(gate) => self.refusals.push(gate.sentence()),
            None if is_able => {}
            None => {
                let release = context.profile;
                match &context.cluster.platform {
                    Some(platform) => self.refusals.push(format!(
                        "the rules of {release} do not manage boot images of {resource} on {}: \
                         nothing would follow from it",
                        platform.name()
                    )),
                    None => self.warnings.push(format!(
                        "nothing in the input tells the platform: whether boot images of {resource} \
                         are managed there is not known"
                    )),
                }
            }
        }
    }
}

/// Whether a configuration asks for machine resources of a kind to be managed.
fn manages(managed: &Value, resource: &str) -> bool {
    let managers = managed.get("machineManagers").and_then(Value::as_array);
    let is_managed = |manager: &Value| {
        let mode = manager.pointer("/selection/mode").and_then(Value::as_str);
        manager.get("resource").and_then(Value::as_str) == Some(resource) && mode != Some("None")
    };
    managers.into_iter().flatten().any(is_managed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Completeness;
    use openshift_model::RawObject;
    use serde_json::json;

    fn check(platform: &str, release: &str, managed: &Value) -> ConfigurationCheck {
        let texts = [
            json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure", "metadata":
                {"name": "cluster"}, "status": {"platformStatus": {"type": platform}}}),
            json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata":
                {"name": "version"}, "status": {"desired": {"version": release}}}),
            json!({"apiVersion": "config.openshift.io/v1", "kind": "FeatureGate", "metadata":
                {"name": "cluster"}, "spec": {}}),
            json!({"apiVersion": "machine.openshift.io/v1", "kind": "ControlPlaneMachineSet",
                "metadata": {"name": "cluster", "namespace": "openshift-machine-api"},
                "spec": {"state": "Active"}}),
        ]
        .map(|object| object.to_string());
        let objects = texts
            .iter()
            .map(|text| RawObject::parse(text).unwrap().unwrap());
        let snapshot = ClusterSnapshot {
            completeness: Completeness::Partial,
            objects: objects.collect(),
            streams: Vec::new(),
        };
        check_configuration(&snapshot, &Policy::default(), managed)
    }

    fn managers(entries: &[(&str, &str)]) -> Value {
        let entry = |(resource, mode): &(&str, &str)| {
            json!({"resource": resource, "apiGroup": "machine.openshift.io",
            "selection": {"mode": mode}})
        };
        json!({"machineManagers": entries.iter().map(entry).collect::<Vec<_>>()})
    }

    #[test]
    fn what_would_be_refused_or_do_nothing_is_said_before() {
        let refused = |platform: &str, release: &str, entries: &[(&str, &str)], words: &str| {
            let found = check(platform, release, &managers(entries));
            let refusals = found.refusals.join("\n");
            assert!(
                refusals.contains(words) && refusals.is_empty() == words.is_empty(),
                "{platform} {release}: {refusals}"
            );
        };
        let sets = [("machinesets", "All")];
        let control_plane = [("controlplanemachinesets", "All")];
        refused("GCP", "4.22.1", &sets, "");
        refused("None", "4.22.1", &sets, "only supported on these platforms");
        refused("AWS", "4.17.3", &sets, "ManagedBootImagesAWS");
        refused(
            "GCP",
            "4.17.3",
            &[("machinesets", "None")],
            "Unsupported value",
        );
        refused("GCP", "4.21.3", &control_plane, "ManagedBootImagesCPMS");
        refused(
            "VSphere",
            "4.22.1",
            &control_plane,
            "only supported on these platforms",
        );
        refused("GCP", "4.22.1", &control_plane, "");
    }

    #[test]
    fn bi_170_a_control_plane_that_would_be_rolled_earns_a_warning() {
        let all = managers(&[("controlplanemachinesets", "All")]);
        let found = check("GCP", "4.22.1", &all);
        let warnings = found.warnings.join("\n");
        assert!(warnings.contains("RollingUpdate"), "{warnings}");
        let none = managers(&[("controlplanemachinesets", "None")]);
        assert_eq!(check("GCP", "4.22.1", &none).warnings, [""; 0]);
    }
}
