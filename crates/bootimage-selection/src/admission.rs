//! What the API server would say of `spec.managedBootImages` (BI-083 … BI-085): manifests have not
//! been through one.

use openshift_model::names::{CONTROL_PLANE_MACHINE_SETS, MACHINE_API_GROUP, MACHINE_SETS};
use openshift_model::{Platform, Profile};
use serde_json::Value;

/// What the API server would say of one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("MachineConfiguration cluster: {path}: {says}")]
pub struct AdmissionProblem {
    /// Where, e.g. `spec.managedBootImages.machineManagers[0].apiGroup`.
    pub path: String,
    /// What the server says.
    pub says: String,
    /// Whether it refuses the object; it drops what it does not know.
    pub refuses: bool,
}

/// What the server decides by.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'p> {
    /// The release's rules.
    pub profile: Profile,
    /// The cluster's platform; `None` where nothing tells, so that no policy can speak.
    pub platform: Option<&'p Platform>,
    /// BI-060: whether the gate of ControlPlaneMachineSets is open.
    pub cpms_gate: bool,
}

const ROOT: &str = "spec.managedBootImages";
/// BI-083: `maxItems` of the list.
const MOST_MANAGERS: usize = 5;

/// BI-083 … BI-085: everything that the API server would say of `spec.managedBootImages`.
pub fn admission_problems(managed: &Value, admission: Admission<'_>) -> Vec<AdmissionProblem> {
    let mut check = Check {
        admission,
        problems: Vec::new(),
    };
    check.run(managed);
    check.problems
}

struct Check<'p> {
    admission: Admission<'p>,
    problems: Vec<AdmissionProblem>,
}

impl Check<'_> {
    fn say(&mut self, path: String, says: impl Into<String>) {
        self.problems.push(AdmissionProblem {
            path,
            says: says.into(),
            refuses: true,
        });
    }

    fn run(&mut self, managed: &Value) {
        if managed.is_null() {
            return;
        }
        self.platform_policy();
        self.unknown_members(managed, ROOT, &["machineManagers"]);
        let Some(managers) = managed["machineManagers"].as_array() else {
            return;
        };
        let list = format!("{ROOT}.machineManagers");
        if managers.len() > MOST_MANAGERS {
            let says = format!(
                "Too many: {}: must have at most {MOST_MANAGERS} items",
                managers.len()
            );
            self.say(list.clone(), says);
        }
        for (index, manager) in managers.iter().enumerate() {
            let path = format!("{list}[{index}]");
            let earlier = managers.get(..index).unwrap_or_default();
            self.manager(manager, earlier, &path);
        }
        self.control_plane_policy(managers);
    }

    fn manager(&mut self, manager: &Value, earlier: &[Value], path: &str) {
        self.unknown_members(manager, path, &["resource", "apiGroup", "selection"]);
        let resources: &[&str] = if self.admission.cpms_gate {
            &[MACHINE_SETS, CONTROL_PLANE_MACHINE_SETS]
        } else {
            &[MACHINE_SETS]
        };
        let resource = self.one_of(manager, "resource", path, resources);
        let group = self.one_of(manager, "apiGroup", path, &[MACHINE_API_GROUP]);
        let same = |other: &&Value| {
            other["resource"] == manager["resource"] && other["apiGroup"] == manager["apiGroup"]
        };
        if earlier.iter().any(|other| same(&other)) {
            let says = format!(
                "Duplicate value: map[string]interface {{}}{{\"apiGroup\":{group:?}, \
                 \"resource\":{resource:?}}}"
            );
            self.say(path.to_owned(), says);
        }
        let selection = &manager["selection"];
        let path = format!("{path}.selection");
        if selection.is_null() {
            self.say(path, "Required value");
            return;
        }
        self.selection(selection, resource, &path);
    }

    fn selection(&mut self, selection: &Value, resource: &str, path: &str) {
        self.unknown_members(selection, path, &["mode", "partial"]);
        // `None` exists since the API of 4.19.
        let modes: &[&str] = if self.admission.profile == Profile::P417 {
            &["All", "Partial"]
        } else {
            &["All", "Partial", "None"]
        };
        let mode = self.one_of(selection, "mode", path, modes);
        let partial = &selection["partial"];
        if (mode == "Partial") == partial.is_null() {
            let says = "Partial is required when type is partial, and forbidden otherwise";
            self.say(path.to_owned(), says);
        }
        if resource == CONTROL_PLANE_MACHINE_SETS && mode == "Partial" {
            let says = "Only All or None selection mode is permitted for ControlPlaneMachineSets";
            self.say(path.to_owned(), says);
        }
        let path = format!("{path}.partial");
        self.unknown_members(partial, &path, &["machineResourceSelector"]);
        if partial.is_object() && partial["machineResourceSelector"].is_null() {
            self.say(format!("{path}.machineResourceSelector"), "Required value");
        }
    }

    /// BI-083: the text of a member that takes some words only.
    fn one_of<'v>(&mut self, of: &'v Value, key: &str, path: &str, words: &[&str]) -> &'v str {
        let found = of[key].as_str().unwrap_or_default();
        let path = format!("{path}.{key}");
        if of[key].is_null() {
            self.say(path, "Required value");
        } else if !words.contains(&found) {
            let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            let words = quoted.join(", ");
            self.say(
                path,
                format!("Unsupported value: {found:?}: supported values: {words}"),
            );
        }
        found
    }

    fn unknown_members(&mut self, object: &Value, path: &str, known: &[&str]) {
        let members = object.as_object().into_iter().flatten();
        for (name, _) in members.filter(|(name, _)| !known.contains(&name.as_str())) {
            self.problems.push(AdmissionProblem {
                path: format!("{path}.{name}"),
                says: format!("unknown field \"{path}.{name}\": the server drops it"),
                refuses: false,
            });
        }
    }

    /// BI-084: boot images may be configured on these platforms only.
    fn platform_policy(&mut self) {
        let allowed: &[&str] = match self.admission.profile {
            Profile::P417 => &["GCP", "AWS"],
            Profile::P419 => &["GCP", "AWS", "VSphere"],
            Profile::P421 | Profile::P422 => &["GCP", "AWS", "VSphere", "Azure"],
        };
        self.policy(allowed, "This feature is only supported on these platforms");
    }

    /// BI-085: the control plane on fewer still, from 4.22 on.
    fn control_plane_policy(&mut self, managers: &[Value]) {
        let names_it = |manager: &Value| manager["resource"] == CONTROL_PLANE_MACHINE_SETS;
        let Admission {
            profile, cpms_gate, ..
        } = self.admission;
        if cpms_gate && profile >= Profile::P422 && managers.iter().any(names_it) {
            self.policy(
                &["GCP", "AWS", "Azure"],
                "The control plane machineset boot image update feature is only supported on these \
                 platforms",
            );
        }
    }

    fn policy(&mut self, allowed: &[&str], says: &str) {
        let platform = self.admission.platform.map(Platform::name);
        if platform.is_some_and(|platform| !allowed.contains(&platform)) {
            self.say(ROOT.to_owned(), format!("{says}: {}", allowed.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(platform: &str, profile: Profile, managed: &Value, expected: &[(&str, &str)]) {
        let platform = Platform::from_name(platform);
        let admission = Admission {
            profile,
            platform: Some(&platform),
            cpms_gate: profile == Profile::P422,
        };
        let found = admission_problems(managed, admission);
        let found: Vec<_> = found
            .iter()
            .map(|problem| {
                let path = problem.path.strip_prefix(ROOT).unwrap();
                let dropped = problem.says.starts_with("unknown field");
                assert_eq!(problem.refuses, !dropped);
                (path, problem.says.as_str())
            })
            .collect();
        assert_eq!(found, expected, "{managed}");
    }

    fn manager(resource: &str, selection: &Value) -> Value {
        json!({"resource": resource, "apiGroup": "machine.openshift.io", "selection": selection})
    }

    fn latest(managers: &Value, expected: &[(&str, &str)]) {
        let managed = json!({ "machineManagers": managers });
        check("GCP", Profile::P422, &managed, expected);
    }

    #[test]
    fn bi_083_t_13_what_the_schema_refuses() {
        let all = json!({"mode": "All"});
        let selector = json!({"machineResourceSelector": {"matchLabels": {"a": "b"}}});
        let partial = json!({"mode": "Partial", "partial": selector});
        latest(&json!([]), &[]);
        latest(
            &json!([
                manager("machinesets", &partial),
                manager("controlplanemachinesets", &all)
            ]),
            &[],
        );
        let at = ".machineManagers[0].selection";
        let required = "Partial is required when type is partial, and forbidden otherwise";
        for selection in [
            json!({"mode": "All", "partial": selector}),
            json!({"mode": "Partial"}),
        ] {
            latest(
                &json!([manager("machinesets", &selection)]),
                &[(at, required)],
            );
        }
        latest(
            &json!([manager("controlplanemachinesets", &partial)]),
            &[(
                at,
                "Only All or None selection mode is permitted for ControlPlaneMachineSets",
            )],
        );
        latest(
            &json!([manager("machinesets", &json!({"mode": "none"}))]),
            &[(
                ".machineManagers[0].selection.mode",
                "Unsupported value: \"none\": supported values: \"All\", \"Partial\", \"None\"",
            )],
        );
        latest(
            &json!([manager("machinesets", &Value::Null)]),
            &[(at, "Required value")],
        );
        let mut foreign = manager("machinesets", &all);
        foreign["apiGroup"] = json!("cluster.x-k8s.io");
        latest(
            &json!([foreign]),
            &[(
                ".machineManagers[0].apiGroup",
                "Unsupported value: \"cluster.x-k8s.io\": supported values: \"machine.openshift.io\"",
            )],
        );
        let twice = manager("machinesets", &all);
        latest(
            &json!([twice, twice]),
            &[(
                ".machineManagers[1]",
                "Duplicate value: map[string]interface {}{\"apiGroup\":\"machine.openshift.io\", \
                 \"resource\":\"machinesets\"}",
            )],
        );
        let mut later = twice;
        later["later"] = json!(1);
        latest(
            &json!([later]),
            &[(
                ".machineManagers[0].later",
                "unknown field \"spec.managedBootImages.machineManagers[0].later\": the server \
                 drops it",
            )],
        );
    }

    #[test]
    fn bi_084_bi_085_what_the_policies_refuse() {
        let managers = json!({"machineManagers": []});
        let text = "This feature is only supported on these platforms: GCP, AWS";
        check("Azure", Profile::P417, &managers, &[("", text)]);
        check("VSphere", Profile::P419, &managers, &[]);
        let text = "This feature is only supported on these platforms: GCP, AWS, VSphere, Azure";
        check("OpenStack", Profile::P422, &managers, &[("", text)]);
        check("OpenStack", Profile::P422, &Value::Null, &[]);
        let control_plane = manager("controlplanemachinesets", &json!({"mode": "All"}));
        let text = "The control plane machineset boot image update feature is only supported on \
                    these platforms: GCP, AWS, Azure";
        let managers = json!({"machineManagers": [control_plane]});
        check("VSphere", Profile::P422, &managers, &[("", text)]);
    }
}
