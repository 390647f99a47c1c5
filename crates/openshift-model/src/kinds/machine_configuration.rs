//! MachineConfiguration: which machine resources are to be managed (BI-001, §1.4).

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::label_selector::LabelSelector;
use crate::object::{ObjectMeta, RawObject};
use crate::read::ReadError;
use crate::{Condition, Text};

/// MachineConfiguration as rules look at it.
#[derive(Debug, Clone, Default)]
pub struct MachineConfiguration<'a> {
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What the administrator asked for.
    pub spec: MachineConfigurationSpec<'a>,
    /// What the operator made of it.
    pub status: MachineConfigurationStatus<'a>,
}

view! {
    /// `MachineConfiguration.spec`.
    pub struct MachineConfigurationSpec<'a> {
        /// Boot image management.
        managed_boot_images: ManagedBootImages = "managedBootImages",
        /// Skew enforcement.
        skew_enforcement: SkewEnforcement<'a> = "bootImageSkewEnforcement",
        /// `Managed`, `Unmanaged`, `Force` or `Removed`.
        management_state: Text<'a> = "managementState",
    }
}

view! {
    /// `MachineConfiguration.status`.
    pub struct MachineConfigurationStatus<'a> {
        /// The generation of the spec that the operator has seen.
        observed_generation: i64 = "observedGeneration",
        /// What is in force.
        managed_boot_images_status: ManagedBootImages = "managedBootImagesStatus",
        /// What is in force.
        skew_enforcement_status: SkewEnforcement<'a> = "bootImageSkewEnforcementStatus",
        /// What the controller reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

view! {
    /// `bootImageSkewEnforcement` of the spec and `bootImageSkewEnforcementStatus`.
    #[derive(PartialEq, Eq, Serialize)]
    pub struct SkewEnforcement<'a> {
        /// `Automatic` (in a status only), `Manual` or `None`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Text<'a> = "mode",
        /// The version that the controller recorded.
        #[serde(skip_serializing_if = "Option::is_none")]
        automatic: SkewVersion<'a> = "automatic",
        /// The version that a person stated.
        #[serde(skip_serializing_if = "Option::is_none")]
        manual: SkewVersion<'a> = "manual",
    }
}

view! {
    /// A version of boot images.
    #[derive(PartialEq, Eq, Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct SkewVersion<'a> {
        /// `OCPVersion` or `RHCOSVersion`; of a manual version only.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Text<'a> = "mode",
        /// `x.y.z`
        #[serde(skip_serializing_if = "Option::is_none")]
        ocp_version: Text<'a> = "ocpVersion",
        /// `9.6.20251015-1` or `418.94.202511191518-0`
        #[serde(skip_serializing_if = "Option::is_none")]
        rhcos_version: Text<'a> = "rhcosVersion",
    }
}

impl SkewEnforcement<'_> {
    /// BI-091: whether the cluster records the version of its boot images itself.
    pub fn is_automatic(&self) -> bool {
        self.mode.as_deref() == Some("Automatic")
    }
}

impl<'a> MachineConfiguration<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            meta: object.meta()?,
            spec: object.view("spec")?,
            status: object.view("status")?,
        })
    }
}

/// `managedBootImages` of the spec and `managedBootImagesStatus`: the list of managers.
///
/// BI-040: an absent list and an empty one are different values.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedBootImages {
    /// The managers in their order.
    pub machine_managers: Option<Vec<MachineManager>>,
}

impl<'de> Deserialize<'de> for ManagedBootImages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct List {
            machine_managers: Option<Vec<Option<MachineManager>>>,
        }
        let members = Option::<List>::deserialize(deserializer)?.unwrap_or_default();
        let managers = members
            .machine_managers
            .map(|list| list.into_iter().flatten().collect());
        Ok(Self {
            machine_managers: managers,
        })
    }
}

/// How a manager chooses among the resources of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectionMode {
    /// All of them.
    All,
    /// None of them.
    None,
    /// Those that a label selector matches.
    Partial,
    /// Any other mode, as it is written; a missing one is empty.
    Other(String),
}

impl SelectionMode {
    /// The mode with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "All" => Self::All,
            "None" => Self::None,
            "Partial" => Self::Partial,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name as the API writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::All => "All",
            Self::None => "None",
            Self::Partial => "Partial",
            Self::Other(name) => name,
        }
    }
}

/// `selection.partial` of a manager.
#[derive(Debug, Clone, PartialEq)]
pub enum PartialSelection {
    /// There is no `partial`: with mode `Partial` the API server would refuse the object.
    Missing,
    /// There is one without `machineResourceSelector`: it selects nothing.
    NoSelector,
    /// The selector.
    Selector(LabelSelector),
}

/// One entry of `machineManagers`. Keeps the members that it does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineManager {
    resource: String,
    api_group: String,
    mode: SelectionMode,
    partial: PartialSelection,
    document: Value,
}

impl MachineManager {
    /// A manager of the Machine API's resource `resource` in this mode, without a selector.
    pub fn new(resource: &str, mode: &SelectionMode) -> Self {
        let api_group = crate::names::MACHINE_API_GROUP;
        let selection = Map::from_iter([("mode".to_owned(), Value::from(mode.name()))]);
        let document = Map::from_iter([
            ("resource".to_owned(), Value::from(resource)),
            ("apiGroup".to_owned(), Value::from(api_group)),
            ("selection".to_owned(), Value::Object(selection)),
        ]);
        Self {
            resource: resource.to_owned(),
            api_group: api_group.to_owned(),
            mode: mode.clone(),
            partial: PartialSelection::Missing,
            document: Value::Object(document),
        }
    }

    /// The resource, e.g. `machinesets`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The API group, e.g. `machine.openshift.io`.
    pub fn api_group(&self) -> &str {
        &self.api_group
    }

    /// How it chooses.
    pub fn mode(&self) -> &SelectionMode {
        &self.mode
    }

    /// Its label selector.
    pub fn partial(&self) -> &PartialSelection {
        &self.partial
    }

    /// BI-072: takes over the selection of another manager and nothing else.
    pub fn set_selection_of(&mut self, other: &MachineManager) {
        self.mode = other.mode.clone();
        self.partial = other.partial.clone();
        if let Value::Object(members) = &mut self.document {
            match other.document.get("selection") {
                Some(selection) => {
                    members.insert("selection".to_owned(), selection.clone());
                }
                None => {
                    members.shift_remove("selection");
                }
            }
        }
    }
}

impl Serialize for MachineManager {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

view! {
    /// The members of a manager that rules look at.
    pub struct ManagerMembers<'a> {
        /// The resource.
        resource: Text<'a> = "resource",
        /// The API group.
        api_group: Text<'a> = "apiGroup",
        /// The choice.
        selection: SelectionMembers<'a> = "selection",
    }
}

view! {
    /// `selection`.
    pub struct SelectionMembers<'a> {
        /// The mode.
        mode: Text<'a> = "mode",
        /// The selector's block.
        partial: PartialMembers = "partial",
    }
}

/// `selection.partial`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PartialMembers {
    machine_resource_selector: Option<LabelSelector>,
}

impl<'de> Deserialize<'de> for MachineManager {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        let members = ManagerMembers::deserialize(&document).map_err(D::Error::custom)?;
        let selection = members.selection.unwrap_or_default();
        let partial = match selection.partial {
            None => PartialSelection::Missing,
            Some(PartialMembers {
                machine_resource_selector: None,
            }) => PartialSelection::NoSelector,
            Some(PartialMembers {
                machine_resource_selector: Some(selector),
            }) => PartialSelection::Selector(selector),
        };
        Ok(Self {
            resource: members.resource.unwrap_or_default().into_string(),
            api_group: members.api_group.unwrap_or_default().into_string(),
            mode: SelectionMode::from_name(selection.mode.as_deref().unwrap_or_default()),
            partial,
            document,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn managers(list: &Value) -> ManagedBootImages {
        serde_json::from_value(json!({ "machineManagers": list })).unwrap()
    }

    #[test]
    fn bi_040_absent_and_empty_lists_differ() {
        assert_eq!(managers(&Value::Null).machine_managers, None);
        assert_eq!(managers(&json!([])).machine_managers, Some(Vec::new()));
        let none: ManagedBootImages = serde_json::from_value(json!({})).unwrap();
        assert_eq!(none, ManagedBootImages::default());
        assert_eq!(
            serde_json::to_value(&none).unwrap(),
            json!({"machineManagers": null})
        );
    }

    #[test]
    fn a_manager_keeps_what_it_does_not_know() {
        let list = json!([{"resource": "machinesets", "new": {"a": 1},
            "selection": {"mode": "Partial", "partial": {"x": 1}}}]);
        let found = managers(&list);
        assert_eq!(
            serde_json::to_value(&found).unwrap()["machineManagers"],
            list
        );
        let manager = &found.machine_managers.unwrap()[0];
        assert_eq!(manager.mode(), &SelectionMode::Partial);
        assert_eq!(manager.partial(), &PartialSelection::NoSelector);
        assert_eq!(
            (manager.resource(), manager.api_group()),
            ("machinesets", "")
        );
    }

    #[test]
    fn bi_072_only_the_selection_is_taken_over() {
        let list = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
            "new": 1, "selection": {"mode": "None"}}]);
        let mut manager = managers(&list).machine_managers.unwrap().remove(0);
        manager.set_selection_of(&MachineManager::new("machinesets", &SelectionMode::All));
        assert_eq!(manager.mode(), &SelectionMode::All);
        assert_eq!(
            serde_json::to_value(&manager).unwrap(),
            json!({"resource": "machinesets", "apiGroup": "machine.openshift.io",
                "new": 1, "selection": {"mode": "All"}})
        );
    }

    #[test]
    fn skew_enforcement_is_written_as_it_was_read() {
        for document in [
            json!({}),
            json!({"mode": "None"}),
            json!({"mode": "Automatic", "automatic": {"ocpVersion": "4.18.0"}}),
            json!({"mode": "Manual", "manual": {"mode": "RHCOSVersion", "rhcosVersion": "9.4.1-0"}}),
        ] {
            let text = document.to_string();
            let view: SkewEnforcement<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(&view).unwrap(), document);
        }
    }

    #[test]
    fn a_wrong_type_is_named() {
        let text = r#"{"apiVersion":"operator.openshift.io/v1","kind":"MachineConfiguration",
            "metadata":{"name":"cluster"},"spec":{"managedBootImages":{"machineManagers":[
            {"resource":5}]}}}"#;
        let object = RawObject::parse(text).unwrap().unwrap();
        let error = MachineConfiguration::read(&object).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "MachineConfiguration cluster: /spec/managedBootImages/machineManagers/0"
            ),
            "{error}"
        );
    }
}
