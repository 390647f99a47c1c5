//! What a cluster says of itself now, where it is not well: whoever reads a plan has to know.

use bootimage_status::codes::{DEGRADED, OPERATOR_DEGRADED};
use openshift_model::{ClusterOperator, Condition, Kind};

use crate::context::{Context, Objects};

/// The ClusterOperator that boot images are the business of.
pub(crate) const OPERATOR: &str = "machine-config";
/// The state of an operator that does what MachineConfiguration says.
const MANAGED: &str = "Managed";

/// BI-183, BI-056: a line for everything that is not well. Hot loops (BI-190) are told by the
/// condition of MachineConfiguration.
pub(crate) fn present(context: &Context<'_, '_>, objects: &Objects<'_, '_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(configuration) = &context.machine_configuration {
        let conditions = configuration.status.conditions.iter().flatten().flatten();
        let degraded = conditions.filter(|condition| is_true(condition, DEGRADED));
        lines.extend(degraded.map(|condition| line("MachineConfiguration cluster", condition)));
        let state = configuration.spec.management_state.as_deref();
        if let Some(state) = state.filter(|state| !matches!(*state, "" | MANAGED)) {
            lines.push(format!(
                "MachineConfiguration cluster has managementState {state}"
            ));
        }
    }
    let operators = objects.of_kind(Kind::ClusterOperator);
    for object in operators.filter(|object| object.name.as_str() == OPERATOR) {
        let operator = match ClusterOperator::read(object) {
            Ok(operator) => operator,
            Err(error) => {
                lines.push(format!("{error}; whether it is degraded is not known"));
                continue;
            }
        };
        let conditions = operator.conditions.iter().flatten().flatten();
        let degraded = conditions.filter(|condition| is_true(condition, OPERATOR_DEGRADED));
        lines.extend(degraded.map(|condition| line(&object.reference().to_string(), condition)));
    }
    lines
}

fn is_true(condition: &Condition<'_>, kind: &str) -> bool {
    condition.kind.as_deref() == Some(kind) && condition.status.as_deref() == Some("True")
}

fn line(object: &str, condition: &Condition<'_>) -> String {
    let kind = condition.kind.as_deref().unwrap_or_default();
    let told = [&condition.reason, &condition.message];
    let told = told.into_iter().filter_map(|text| text.as_deref());
    let told: Vec<_> = told
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    if told.is_empty() {
        return format!("{object}: {kind}");
    }
    format!("{object}: {kind}: {}", told.join(": "))
}

#[cfg(test)]
mod tests {
    use crate::{ClusterSnapshot, Completeness, Facts, Policy, plan};
    use openshift_model::RawObject;
    use serde_json::{Value, json};

    fn check(objects: &[Value], expected: &[&str]) {
        let texts: Vec<_> = objects.iter().map(Value::to_string).collect();
        let objects = texts
            .iter()
            .map(|text| RawObject::parse(text).unwrap().unwrap());
        let snapshot = ClusterSnapshot {
            completeness: Completeness::Partial,
            objects: objects.collect(),
            streams: Vec::new(),
        };
        let plan = plan(&snapshot, &Facts::default(), &Policy::default());
        assert_eq!(plan.present, expected);
    }

    fn configuration(state: &str, status: &str) -> Value {
        json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster"}, "spec": {"managementState": state}, "status":
            {"conditions": [{"type": "BootImageUpdateDegraded", "status": status,
                "reason": "MachineSetHotLoop", "message": "1 Degraded MAPI MachineSets"}]}})
    }

    fn operator(name: &str) -> Value {
        json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterOperator",
            "metadata": {"name": name},
            "status": {"conditions": [{"type": "Degraded", "status": "True"}]}})
    }

    #[test]
    fn bi_183_what_is_not_well_stands_in_the_plan() {
        check(&[], &[]);
        check(
            &[configuration("Managed", "False"), operator("network")],
            &[],
        );
        check(
            &[
                configuration("Unmanaged", "True"),
                operator("machine-config"),
            ],
            &[
                "MachineConfiguration cluster: BootImageUpdateDegraded: MachineSetHotLoop: 1 \
                 Degraded MAPI MachineSets",
                "MachineConfiguration cluster has managementState Unmanaged",
                "ClusterOperator machine-config: Degraded",
            ],
        );
    }
}
