//! What `osimage set-mode` changes: the selection of a manager, and skew enforcement where that is
//! in the way (BI-086).

use openshift_model::names::{
    CLUSTER, CONTROL_PLANE_MACHINE_SETS, MACHINE_API_GROUP, MACHINE_SETS,
};
use openshift_model::{
    Edit, EditError, LabelSelector, MachineConfiguration, Members, Profile, RawObject, RawValue,
    ReadError, SelectionMode, SkewEnforcement,
};
use serde_json::{Map, Value, json};

/// Where boot image management is configured.
const MANAGED: &str = "/spec/managedBootImages";
/// Where the list of managers is.
const MANAGERS: &str = "/spec/managedBootImages/machineManagers";
/// Where skew enforcement is.
const SKEW: &str = "/spec/bootImageSkewEnforcement";

/// Which machine resources are to be managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeRequest {
    /// The release's rules.
    pub profile: Profile,
    /// MachineSets; `None` leaves them as they are.
    pub machine_sets: Option<MachineSetMode>,
    /// ControlPlaneMachineSets: all (`true`) or none; `None` leaves them as they are.
    pub control_plane: Option<bool>,
}

/// Which MachineSets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineSetMode {
    /// All of them.
    All,
    /// None of them.
    None,
    /// The MachineSets that a label selector matches.
    Matching(LabelSelector),
}

/// One request to the API server. The next one may only follow once the operator has taken this one
/// over into the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeStep {
    /// The part of the spec that the step changes.
    pub change: ModeChange,
    /// What becomes of skew enforcement, where that is what it changes.
    pub skew: Option<SkewChange>,
    /// The edit of MachineConfiguration `cluster`; `None` where the spec has it already and the
    /// operator has yet to take it over.
    pub edit: Option<Edit>,
}

/// How a step changes skew enforcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkewChange {
    /// The recorded version is stated by hand: the guard stays what it was.
    Stated,
    /// It is switched off, since nothing is recorded that could be stated: old boot images block no
    /// upgrade any more.
    Off,
    /// The spec says something already.
    StatedBefore,
}

/// The part of the spec that a step changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChange {
    /// BI-086: skew enforcement becomes manual, at the version that is recorded: as long as it is
    /// automatic, the API server rejects everything but all MachineSets.
    SkewEnforcement,
    /// The selections.
    Managers,
}

/// Why the mode cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetModeError {
    /// The object cannot be read.
    #[error("{0}")]
    Unreadable(#[from] ReadError),
    /// The edit cannot be made.
    #[error("MachineConfiguration {CLUSTER}: {0}")]
    Edit(#[from] EditError),
}

/// The requests that bring a MachineConfiguration to a mode, in their order; none where it is there
/// already.
///
/// Entries are found by resource and API group (BI-072), and only their selection changes: other
/// entries, their order and members that are not known stay. BI-086: where skew enforcement is
/// automatic and MachineSets are not all to be managed, the first request makes it manual.
pub fn set_mode(
    object: &RawObject<'_>,
    request: &ModeRequest,
) -> Result<Vec<ModeStep>, SetModeError> {
    let configuration = MachineConfiguration::read(object)?;
    let managers = managers_edit(object, request)?;
    let narrows = !matches!(request.machine_sets, None | Some(MachineSetMode::All));
    let mut steps = Vec::new();
    if managers.is_empty() {
        return Ok(steps);
    }
    let status = configuration.status.skew_enforcement_status.as_ref();
    if let Some(status) = status.filter(|status| narrows && status.is_automatic()) {
        let (skew, edit) = manual_skew(object, &configuration, status)?;
        steps.push(ModeStep {
            change: ModeChange::SkewEnforcement,
            skew: Some(skew),
            edit,
        });
    }
    steps.push(ModeStep {
        change: ModeChange::Managers,
        skew: None,
        edit: Some(managers),
    });
    Ok(steps)
}

/// BI-091: what was recorded becomes what a person states, so that the guard stays what it was.
/// `None` where the spec already says something.
fn manual_skew(
    object: &RawObject<'_>,
    configuration: &MachineConfiguration<'_>,
    status: &SkewEnforcement<'_>,
) -> Result<(SkewChange, Option<Edit>), EditError> {
    if configuration.spec.skew_enforcement.is_some() {
        return Ok((SkewChange::StatedBefore, None));
    }
    let recorded = status.automatic.clone().unwrap_or_default();
    let manual = match (&recorded.ocp_version, &recorded.rhcos_version) {
        (Some(version), _) => Some(json!({"mode": "OCPVersion", "ocpVersion": version.as_str()})),
        (None, Some(version)) => {
            Some(json!({"mode": "RHCOSVersion", "rhcosVersion": version.as_str()}))
        }
        (None, None) => None,
    };
    let (change, stated) = match manual {
        Some(manual) => (
            SkewChange::Stated,
            json!({"mode": "Manual", "manual": manual}),
        ),
        None => (SkewChange::Off, json!({"mode": "None"})),
    };
    let mut edit = Edit::default();
    set(&mut edit, object, SKEW, &stated)?;
    Ok((change, Some(edit)))
}

fn managers_edit(object: &RawObject<'_>, request: &ModeRequest) -> Result<Edit, EditError> {
    let control_plane = request.control_plane.map(|all| {
        if all {
            MachineSetMode::All
        } else {
            MachineSetMode::None
        }
    });
    let wanted = [
        (MACHINE_SETS, request.machine_sets.clone()),
        (CONTROL_PLANE_MACHINE_SETS, control_plane),
    ];
    let wanted = wanted
        .into_iter()
        .filter_map(|(resource, selection)| Some((resource, selection_document(&selection?))));
    if request.profile == Profile::P417 && request.machine_sets == Some(MachineSetMode::None) {
        return without_machine_sets(object);
    }
    let mut edit = Edit::default();
    let Some(present) = raw_at(object, MANAGERS).filter(|raw| is_list(raw)) else {
        let list: Vec<_> = wanted
            .map(|(resource, selection)| manager(resource, &selection))
            .collect();
        if !list.is_empty() {
            set(&mut edit, object, MANAGERS, &Value::Array(list))?;
        }
        return Ok(edit);
    };
    let entries: Vec<Value> = serde_json::from_str(present.get()).unwrap_or_default();
    for (resource, selection) in wanted {
        let mut numbered = entries.iter().enumerate();
        let found = numbered.find(|(_, entry)| is_entry_of(entry, resource));
        match found.map(|(place, entry)| (place, entry.get("selection"))) {
            Some((_, Some(old))) if same(old, &selection) => {}
            Some((place, Some(old))) => {
                edit.replace(&format!("{MANAGERS}/{place}/selection"), old, &selection)?;
            }
            Some((place, None)) => {
                edit.add(&format!("{MANAGERS}/{place}/selection"), &selection)?;
            }
            None => edit.add(&format!("{MANAGERS}/-"), &manager(resource, &selection))?,
        }
    }
    Ok(edit)
}

/// BI-074: mode `None` exists since the API of 4.19. Before, MachineSets without an entry are not
/// managed: the entry goes, and with the last one all of `managedBootImages`.
fn without_machine_sets(object: &RawObject<'_>) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    let Some(present) = raw_at(object, MANAGERS).filter(|raw| is_list(raw)) else {
        return Ok(edit);
    };
    let entries: Vec<Value> = serde_json::from_str(present.get()).unwrap_or_default();
    let is_of_sets = |entry: &Value| is_entry_of(entry, MACHINE_SETS);
    if entries.iter().all(is_of_sets) {
        let stanza = raw_at(object, MANAGED).filter(|raw| has_one_member(raw));
        match stanza {
            Some(stanza) => edit.remove(MANAGED, stanza)?,
            None => edit.remove(MANAGERS, present)?,
        }
        return Ok(edit);
    }
    // From the end, so that the places of those before stay.
    for (place, entry) in entries.iter().enumerate().rev() {
        if is_of_sets(entry) {
            edit.remove(&format!("{MANAGERS}/{place}"), entry)?;
        }
    }
    Ok(edit)
}

fn has_one_member(raw: &RawValue) -> bool {
    serde_json::from_str::<Map<String, Value>>(raw.get()).is_ok_and(|members| members.len() == 1)
}

fn is_entry_of(entry: &Value, resource: &str) -> bool {
    entry.get("resource").and_then(Value::as_str) == Some(resource)
        && entry.get("apiGroup").and_then(Value::as_str) == Some(MACHINE_API_GROUP)
}

/// Whether a selection is the one that is wanted, whatever it has besides that nobody asked about.
fn same(old: &Value, wanted: &Value) -> bool {
    old.get("mode") == wanted.get("mode") && old.get("partial") == wanted.get("partial")
}

fn selection_document(selection: &MachineSetMode) -> Value {
    match selection {
        MachineSetMode::All => json!({"mode": SelectionMode::All.name()}),
        MachineSetMode::None => json!({"mode": SelectionMode::None.name()}),
        MachineSetMode::Matching(selector) => json!({"mode": SelectionMode::Partial.name(),
            "partial": {"machineResourceSelector": selector}}),
    }
}

fn manager(resource: &str, selection: &Value) -> Value {
    json!({"resource": resource, "apiGroup": MACHINE_API_GROUP, "selection": selection})
}

fn is_list(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

/// Sets a member, and the members above it that are not there.
fn set(
    edit: &mut Edit,
    object: &RawObject<'_>,
    pointer: &str,
    value: &Value,
) -> Result<(), EditError> {
    if let Some(old) = raw_at(object, pointer) {
        return edit.replace_raw(pointer, old, value);
    }
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    match raw_at(object, parent) {
        _ if parent.is_empty() => edit.add(pointer, value),
        Some(raw) if raw.get().starts_with('{') => edit.add(pointer, value),
        _ => set(edit, object, parent, &json!({name: value})),
    }
}

/// The raw value at a pointer of member names; `None` where there is none.
fn raw_at<'a>(object: &RawObject<'a>, pointer: &str) -> Option<&'a RawValue> {
    let mut names = pointer.split('/').skip(1);
    let mut raw = object.member(names.next()?)?;
    for name in names {
        let members: Members<'a> = serde_json::from_str(raw.get()).ok()?;
        raw = members.get(name)?;
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(selection: MachineSetMode) -> ModeRequest {
        ModeRequest {
            profile: Profile::P422,
            machine_sets: Some(selection),
            control_plane: None,
        }
    }

    fn labels() -> MachineSetMode {
        MachineSetMode::Matching(LabelSelector::parse("update=yes").unwrap())
    }

    /// The steps, and the spec after all of them.
    fn check(object: &Value, request: &ModeRequest) -> (Vec<ModeChange>, Value) {
        let mut object = object.clone();
        object["apiVersion"] = json!("operator.openshift.io/v1");
        object["kind"] = json!("MachineConfiguration");
        let text = object.to_string();
        let raw = RawObject::parse(&text).unwrap().unwrap();
        let steps = set_mode(&raw, request).unwrap();
        for step in &steps {
            if let Some(edit) = &step.edit {
                edit.apply(&mut object).unwrap();
            }
        }
        (
            steps.iter().map(|step| step.change).collect(),
            object["spec"].clone(),
        )
    }

    fn entry(resource: &str, mode: &str) -> Value {
        json!({"resource": resource, "apiGroup": MACHINE_API_GROUP, "selection": {"mode": mode}})
    }

    #[test]
    fn bi_072_an_entry_keeps_all_but_its_selection() {
        use ModeChange::Managers;
        for spec in [
            json!(null),
            json!({}),
            json!({"managedBootImages": {}}),
            json!({"managedBootImages": null}),
            json!({"managedBootImages": {"machineManagers": null}}),
        ] {
            let (steps, spec) = check(&json!({"spec": spec}), &sets(MachineSetMode::All));
            assert_eq!(steps, [Managers]);
            assert_eq!(
                spec["managedBootImages"]["machineManagers"],
                json!([entry("machinesets", "All")])
            );
        }
        let mut first = entry("controlplanemachinesets", "All");
        first["later"] = json!("kept");
        let mut foreign = entry("machinesets", "None");
        foreign["apiGroup"] = json!("cluster.x-k8s.io");
        let object = json!({"spec": {"logLevel": "Normal", "managedBootImages": {
            "machineManagers": [first, foreign, entry("machinesets", "All")]}}});
        let (steps, spec) = check(&object, &sets(labels()));
        assert_eq!(steps, [Managers]);
        let list = &spec["managedBootImages"]["machineManagers"];
        assert_eq!((&list[0], &list[1]), (&first, &foreign));
        assert_eq!(
            list[2]["selection"],
            json!({"mode": "Partial",
                "partial": {"machineResourceSelector": {"matchLabels": {"update": "yes"}}}})
        );
        assert_eq!(spec["logLevel"], "Normal");
        let both = ModeRequest {
            profile: Profile::P422,
            machine_sets: Some(MachineSetMode::All),
            control_plane: Some(false),
        };
        let (_, spec) = check(
            &json!({"spec": {"managedBootImages": {"machineManagers": []}}}),
            &both,
        );
        assert_eq!(
            spec["managedBootImages"]["machineManagers"],
            json!([
                entry("machinesets", "All"),
                entry("controlplanemachinesets", "None")
            ])
        );
    }

    #[test]
    fn what_is_so_already_is_not_asked_for() {
        let object = json!({"spec": {"managedBootImages": {"machineManagers": [entry("machinesets", "All")]}},
            "status": {"bootImageSkewEnforcementStatus": {"mode": "Automatic",
                "automatic": {"ocpVersion": "4.18.11"}}}});
        assert_eq!(check(&object, &sets(MachineSetMode::All)).0, []);
        let nothing = ModeRequest {
            machine_sets: None,
            ..sets(MachineSetMode::All)
        };
        assert_eq!(check(&object, &nothing).0, []);
    }

    #[test]
    fn bi_072_another_selector_is_another_selection() {
        let mut partial = entry("machinesets", "Partial");
        partial["selection"]["partial"] =
            json!({"machineResourceSelector": {"matchLabels": {"update": "no"}}});
        let object = json!({"spec": {"managedBootImages": {"machineManagers": [partial]}}});
        let (steps, spec) = check(&object, &sets(labels()));
        assert_eq!(steps, [ModeChange::Managers]);
        let selection = &spec["managedBootImages"]["machineManagers"][0]["selection"];
        let selector = &selection["partial"]["machineResourceSelector"];
        assert_eq!(selector["matchLabels"], json!({"update": "yes"}));
    }

    #[test]
    fn bi_074_before_4_19_none_removes_the_entry() {
        let none = ModeRequest {
            profile: Profile::P417,
            ..sets(MachineSetMode::None)
        };
        let managed =
            |managed: Value| json!({"spec": {"logLevel": "Normal", "managedBootImages": managed}});
        let sets_entry = || entry("machinesets", "All");
        let (steps, spec) = check(&managed(json!({"machineManagers": [sets_entry()]})), &none);
        assert_eq!(steps, [ModeChange::Managers]);
        assert_eq!(spec, json!({"logLevel": "Normal"}));
        let (_, spec) = check(
            &managed(json!({"machineManagers": [sets_entry()], "later": 1})),
            &none,
        );
        assert_eq!(spec["managedBootImages"], json!({"later": 1}));
        let mut foreign = sets_entry();
        foreign["apiGroup"] = json!("cluster.x-k8s.io");
        let (_, spec) = check(
            &managed(json!({"machineManagers": [sets_entry(), foreign, sets_entry()]})),
            &none,
        );
        assert_eq!(
            spec["managedBootImages"]["machineManagers"],
            json!([foreign])
        );
        for nothing in [json!({"spec": {}}), managed(json!({}))] {
            assert_eq!(check(&nothing, &none).0, []);
        }
    }

    #[test]
    fn a_selector_is_written_with_expressions() {
        let selector = LabelSelector::parse("a=b,region!=west,!spot").unwrap();
        let (_, spec) = check(&json!({}), &sets(MachineSetMode::Matching(selector)));
        assert_eq!(
            spec["managedBootImages"]["machineManagers"][0]["selection"]["partial"],
            json!({"machineResourceSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [
                {"key": "region", "operator": "NotIn", "values": ["west"]},
                {"key": "spot", "operator": "DoesNotExist"}]}})
        );
    }

    #[test]
    fn bi_086_what_becomes_of_skew_enforcement_is_said() {
        let skew = |spec: Value, recorded: Value| {
            let text =
                json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
                "spec": spec, "status": {"bootImageSkewEnforcementStatus":
                    {"mode": "Automatic", "automatic": recorded}}})
                .to_string();
            let raw = RawObject::parse(&text).unwrap().unwrap();
            let steps = set_mode(&raw, &sets(MachineSetMode::None)).unwrap();
            steps.iter().map(|step| step.skew).collect::<Vec<_>>()
        };
        let recorded = json!({"ocpVersion": "4.18.11"});
        let by_hand = json!({"bootImageSkewEnforcement": {"mode": "None"}});
        assert_eq!(
            skew(json!({}), recorded.clone()),
            [Some(SkewChange::Stated), None]
        );
        assert_eq!(skew(json!({}), json!({})), [Some(SkewChange::Off), None]);
        assert_eq!(
            skew(by_hand, recorded),
            [Some(SkewChange::StatedBefore), None]
        );
    }

    #[test]
    fn bi_086_automatic_skew_enforcement_becomes_manual_first() {
        use ModeChange::{Managers, SkewEnforcement};
        let automatic = |recorded: Value| {
            json!({"spec": {}, "status": {"bootImageSkewEnforcementStatus":
                {"mode": "Automatic", "automatic": recorded}}})
        };
        for (recorded, manual) in [
            (
                json!({"ocpVersion": "4.18.11"}),
                json!({"mode": "Manual", "manual": {"mode": "OCPVersion", "ocpVersion": "4.18.11"}}),
            ),
            (
                json!({"rhcosVersion": "9.6.20251015-1"}),
                json!({"mode": "Manual", "manual": {"mode": "RHCOSVersion", "rhcosVersion": "9.6.20251015-1"}}),
            ),
            (json!({}), json!({"mode": "None"})),
        ] {
            for narrower in [MachineSetMode::None, labels()] {
                let (steps, spec) = check(&automatic(recorded.clone()), &sets(narrower));
                assert_eq!(steps, [SkewEnforcement, Managers]);
                assert_eq!(spec["bootImageSkewEnforcement"], manual);
            }
            assert_eq!(
                check(&automatic(recorded), &sets(MachineSetMode::All)).0,
                [Managers]
            );
        }
        // The spec says it already, and the operator has yet to follow.
        let mut waiting = automatic(json!({"ocpVersion": "4.18.11"}));
        waiting["spec"] = json!({"bootImageSkewEnforcement": {"mode": "None"}});
        let (steps, spec) = check(&waiting, &sets(MachineSetMode::None));
        assert_eq!(steps, [SkewEnforcement, Managers]);
        assert_eq!(spec["bootImageSkewEnforcement"], json!({"mode": "None"}));
    }
}
