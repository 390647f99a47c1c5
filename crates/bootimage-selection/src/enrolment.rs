//! Which resources a configuration enrols (BI-080 … BI-082).

use openshift_model::names::MACHINE_API_GROUP;
use openshift_model::{
    MachineManager, PartialSelection, SelectionMode, Selector, SelectorError, StringMap,
};

/// BI-080: what a configuration says of the resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolment {
    /// No manager names them.
    NoManager,
    /// Mode `None`, or `Partial` without a selector: a manager names them and enrols nothing.
    Nothing,
    /// Mode `All`.
    Everything,
    /// Mode `Partial`: those that the selector matches; the empty selector matches everything.
    Matching(Selector),
}

/// A configuration says something of the resources of one kind that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The label selector is not one.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Mode `Partial` without `partial`. The API server refuses that; the reference crashes on it.
    #[error("selection mode Partial without a partial block")]
    NoPartial,
}

/// BI-080: the first manager that is equal in API group and resource decides; BI-082: one whose
/// mode is no mode is passed over.
pub fn enrolment(
    managers: Option<&[MachineManager]>,
    api_group: &str,
    resource: &str,
) -> Result<Enrolment, EnrolmentError> {
    let named = managers
        .unwrap_or_default()
        .iter()
        .filter(|manager| manager.api_group() == api_group && manager.resource() == resource);
    for manager in named {
        return match (manager.mode(), manager.partial()) {
            (SelectionMode::All, _) => Ok(Enrolment::Everything),
            (SelectionMode::None, _) | (SelectionMode::Partial, PartialSelection::NoSelector) => {
                Ok(Enrolment::Nothing)
            }
            (SelectionMode::Partial, PartialSelection::Missing) => Err(EnrolmentError::NoPartial),
            (SelectionMode::Partial, PartialSelection::Selector(selector)) => {
                Ok(Enrolment::Matching(selector.compile()?))
            }
            (SelectionMode::Other(_), _) => continue,
        };
    }
    Ok(Enrolment::NoManager)
}

/// [`enrolment`] for a resource of the Machine API.
pub fn machine_api_enrolment(
    managers: Option<&[MachineManager]>,
    resource: &str,
) -> Result<Enrolment, EnrolmentError> {
    enrolment(managers, MACHINE_API_GROUP, resource)
}

impl Enrolment {
    /// BI-081: whether an object with these labels (of the object itself, not of its template or
    /// of nodes) is enrolled.
    pub fn includes(&self, labels: &StringMap<'_>) -> bool {
        match self {
            Self::NoManager | Self::Nothing => false,
            Self::Everything => true,
            Self::Matching(selector) => selector.matches(labels),
        }
    }

    /// Whether a manager names the resources.
    pub fn has_manager(&self) -> bool {
        !matches!(self, Self::NoManager)
    }

    /// What the configuration says, as a sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::NoManager => "the configuration does not name this kind".to_owned(),
            Self::Nothing => "the configuration selects none of this kind".to_owned(),
            Self::Everything => "the configuration selects all of this kind".to_owned(),
            Self::Matching(selector) if selector.to_string().is_empty() => {
                "the configuration's selector is empty and selects all of this kind".to_owned()
            }
            Self::Matching(selector) => format!("the configuration selects by label: {selector}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::ManagedBootImages;
    use serde_json::{Value, json};

    fn find(managers: &Value) -> Result<Enrolment, EnrolmentError> {
        let list: ManagedBootImages =
            serde_json::from_value(json!({ "machineManagers": managers })).unwrap();
        machine_api_enrolment(list.machine_managers.as_deref(), "machinesets")
    }

    fn entry(selection: &Value) -> Value {
        json!({"resource": "machinesets", "apiGroup": "machine.openshift.io", "selection": selection})
    }

    fn check(managers: &Value, labelled: bool, unlabelled: bool) {
        let found = find(managers).unwrap();
        let labels = StringMap::from_iter([("a", "1")]);
        assert_eq!(found.includes(&labels), labelled, "{managers}");
        assert_eq!(
            found.includes(&StringMap::default()),
            unlabelled,
            "{managers}"
        );
    }

    #[test]
    fn bi_080_the_first_equal_manager_decides() {
        check(&Value::Null, false, false);
        check(&json!([]), false, false);
        check(&json!([entry(&json!({"mode": "All"}))]), true, true);
        check(
            &json!([
                entry(&json!({"mode": "None"})),
                entry(&json!({"mode": "All"}))
            ]),
            false,
            false,
        );
        check(
            &json!([{"resource": "machinesets", "selection": {"mode": "All"}}]),
            false,
            false,
        );
        let partial = |selector: Value| {
            entry(&json!({"mode": "Partial", "partial": {"machineResourceSelector": selector}}))
        };
        check(
            &json!([partial(json!({"matchLabels": {"a": "1"}}))]),
            true,
            false,
        );
        check(&json!([partial(json!({}))]), true, true);
        check(&json!([partial(Value::Null)]), false, false);
        check(
            &json!([partial(
                json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]})
            )]),
            false,
            true,
        );
    }

    #[test]
    fn bi_080_what_the_configuration_says_is_told() {
        let partial = |selector: Value| {
            entry(&json!({"mode": "Partial", "partial": {"machineResourceSelector": selector}}))
        };
        for (managers, named, says) in [
            (json!([]), false, "does not name this kind"),
            (
                json!([entry(&json!({"mode": "None"}))]),
                true,
                "selects none",
            ),
            (
                json!([entry(&json!({"mode": "All"}))]),
                true,
                "configuration selects all",
            ),
            (
                json!([partial(json!({}))]),
                true,
                "selector is empty and selects all",
            ),
            (
                json!([partial(json!({"matchLabels": {"a": "1"}}))]),
                true,
                "selects by label: a=1",
            ),
        ] {
            let found = find(&managers).unwrap();
            assert_eq!(found.has_manager(), named, "{managers}");
            let told = found.describe();
            assert!(told.contains(says), "{managers}: {told}");
        }
    }

    #[test]
    fn bi_082_an_unknown_mode_is_passed_over() {
        check(&json!([entry(&json!({"mode": "Some"}))]), false, false);
        check(
            &json!([
                entry(&json!({"mode": "all"})),
                entry(&json!({"mode": "All"}))
            ]),
            true,
            true,
        );
        check(&json!([entry(&Value::Null)]), false, false);
    }

    #[test]
    fn bi_080_what_cannot_be_understood_is_an_error() {
        let missing = find(&json!([entry(&json!({"mode": "Partial"}))]));
        assert_eq!(missing, Err(EnrolmentError::NoPartial));
        let selector = json!({"matchExpressions": [{"key": "a", "operator": "Gt"}]});
        let selection =
            json!({"mode": "Partial", "partial": {"machineResourceSelector": selector}});
        let error = find(&json!([entry(&selection)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"Gt\" is not a valid label selector operator"
        );
    }
}
