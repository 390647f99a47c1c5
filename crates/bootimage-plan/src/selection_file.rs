//! The file that tells a controller which machine resources it manages where another operator has
//! MachineConfiguration (`--config`).

use bootimage_selection::{Admission, admission_problems, machine_api_enrolment};
use openshift_model::{ManagedBootImages, Profile, names};
use serde_json::{Value, json};

use crate::API_VERSION;

/// `kind` of the file.
pub const SELECTION_KIND: &str = "BootImagePolicy";
/// Where a member stands in MachineConfiguration that stands at the top of the file.
const IN_CONFIGURATION: &str = "spec.managedBootImages.";
/// What the file may have.
const MEMBERS: &[&str] = &["apiVersion", "kind", "machineManagers"];

/// What is wrong with one member of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SelectionProblem {
    /// Where, e.g. `machineManagers[0].selection`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// Reads the file: `apiVersion: osimage.dev/v1`, `kind: BootImagePolicy`, and `machineManagers` as
/// in MachineConfiguration (BI-083). What the API server would refuse there is refused here, and so
/// is what it would drop: nobody writes a member for nothing.
pub fn selection_of_file(document: &Value) -> Result<ManagedBootImages, Vec<SelectionProblem>> {
    let mut problems = header_problems(document);
    let managers = document.get("machineManagers");
    if !managers.is_some_and(Value::is_array) {
        let what = "a list is required; [] manages nothing";
        problems.push(problem("machineManagers", what));
        return Err(problems);
    }
    let managed = json!({"machineManagers": managers});
    let admission = Admission {
        profile: Profile::LATEST,
        platform: None,
        cpms_gate: true,
    };
    for found in admission_problems(&managed, admission) {
        let path = found.path.strip_prefix(IN_CONFIGURATION);
        let path = path.unwrap_or(&found.path).to_owned();
        let says = if found.refuses {
            found.says
        } else {
            "unknown member".to_owned()
        };
        problems.push(problem(&path, &says));
    }
    let read = serde_json::from_value::<ManagedBootImages>(managed);
    match read {
        Err(error) => problems.push(problem("machineManagers", &error.to_string())),
        Ok(managed) if problems.is_empty() => {
            problems.extend(selector_problems(&managed));
            if problems.is_empty() {
                return Ok(managed);
            }
        }
        Ok(_) => {}
    }
    Err(problems)
}

fn header_problems(document: &Value) -> Vec<SelectionProblem> {
    let Some(members) = document.as_object() else {
        return vec![problem("the file", "it is no object")];
    };
    let unknown = members
        .keys()
        .filter(|name| !MEMBERS.contains(&name.as_str()));
    let mut problems: Vec<_> = unknown
        .map(|name| problem(name, "unknown member"))
        .collect();
    for (name, expected) in [("apiVersion", API_VERSION), ("kind", SELECTION_KIND)] {
        if members.get(name).and_then(Value::as_str) != Some(expected) {
            problems.push(problem(name, &format!("it has to be {expected}")));
        }
    }
    problems
}

/// BI-080: a selector that cannot be understood selects nothing.
fn selector_problems(managed: &ManagedBootImages) -> Vec<SelectionProblem> {
    let managers = managed.machine_managers.as_deref();
    [names::MACHINE_SETS, names::CONTROL_PLANE_MACHINE_SETS]
        .into_iter()
        .filter_map(|resource| machine_api_enrolment(managers, resource).err())
        .map(|error| problem("machineManagers", &error.to_string()))
        .collect()
}

fn problem(path: &str, problem: &str) -> SelectionProblem {
    SelectionProblem {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(resource: &str, selection: &Value) -> Value {
        json!({"resource": resource, "apiGroup": "machine.openshift.io", "selection": selection})
    }

    fn check(document: &Value, expected: &[&str]) {
        let problems = selection_of_file(document).err().unwrap_or_default();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(paths, expected, "{document}: {problems:?}");
    }

    fn file(managers: &Value) -> Value {
        json!({"apiVersion": "osimage.dev/v1", "kind": "BootImagePolicy", "machineManagers": managers})
    }

    #[test]
    fn bi_083_what_a_cluster_would_take_is_taken() {
        let partial = json!({"mode": "Partial", "partial":
            {"machineResourceSelector": {"matchLabels": {"update": "yes"}}}});
        for managers in [
            json!([]),
            json!([manager("machinesets", &json!({"mode": "All"}))]),
            json!([
                manager("machinesets", &partial),
                manager("controlplanemachinesets", &json!({"mode": "None"}))
            ]),
        ] {
            check(&file(&managers), &[]);
        }
    }

    #[test]
    fn bi_083_everything_else_is_refused_with_its_place() {
        let all = json!({"mode": "All"});
        let twice = json!([manager("machinesets", &all), manager("machinesets", &all)]);
        let place = "machineManagers[0].selection";
        let selector = |selector: Value| {
            let partial = json!({"machineResourceSelector": selector});
            file(&json!([manager(
                "machinesets",
                &json!({"mode": "Partial", "partial": partial})
            )]))
        };
        let mut unknown = file(&json!([]));
        unknown["managers"] = json!([]);
        for (document, expected) in [
            (json!(5), &["the file", "machineManagers"][..]),
            (json!({}), &["apiVersion", "kind", "machineManagers"]),
            (unknown, &["managers"]),
            (file(&json!({"a": 1})), &["machineManagers"]),
            (file(&twice), &["machineManagers[1]"]),
            (
                file(&json!([manager("machinesets", &json!({"mode": "Some"}))])),
                &["machineManagers[0].selection.mode"],
            ),
            (
                file(&json!([manager(
                    "machinesets",
                    &json!({"mode": "Partial"})
                )])),
                &[place],
            ),
            (
                file(&json!([manager(
                    "machinesets",
                    &json!({"mode": "All", "x": 1})
                )])),
                &["machineManagers[0].selection.x"],
            ),
            (
                selector(json!({"matchExpressions": [{"key": "a", "operator": "Near"}]})),
                &["machineManagers"],
            ),
        ] {
            check(&document, expected);
        }
        let mut other = file(&json!([]));
        other["kind"] = json!("MachineConfiguration");
        check(&other, &["kind"]);
    }
}
