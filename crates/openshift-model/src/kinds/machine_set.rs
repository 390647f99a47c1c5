//! MachineSets and ControlPlaneMachineSets: what rules look at before any platform does.

use serde_json::value::RawValue;

use crate::object::{Kind, ObjectMeta, RawObject};
use crate::read::ReadError;
use crate::{StringMap, Text};

/// A MachineSet or a ControlPlaneMachineSet: the two that have a provider spec with a boot image.
#[derive(Debug, Clone)]
pub struct MachineResource<'a> {
    /// [`Kind::MachineSet`] or [`Kind::ControlPlaneMachineSet`].
    pub kind: Kind,
    /// Name, as messages use it.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// The labels that tell Windows machines: for a MachineSet those of the template (BI-155), for
    /// a ControlPlaneMachineSet those of the machine spec's metadata (BI-166).
    pub os_labels: StringMap<'a>,
    /// The provider spec, where there is one.
    pub provider_spec: Option<&'a RawValue>,
    /// BI-163: `status.authoritativeAPI`, or else `spec.authoritativeAPI`.
    pub authoritative_api: Option<Text<'a>>,
    /// BI-170: what a change of the template leads to; of a ControlPlaneMachineSet only.
    pub rollout: Option<Rollout<'a>>,
}

/// BI-170: what a ControlPlaneMachineSet does when its template changes.
#[derive(Debug, Clone, Default)]
pub struct Rollout<'a> {
    /// `spec.state`: `Active` or `Inactive`.
    pub state: Option<Text<'a>>,
    /// `spec.strategy.type`: `RollingUpdate` (the default), `OnDelete`, `Recreate`.
    pub strategy: Option<Text<'a>>,
}

/// Where the provider spec of a MachineSet stands.
pub const MACHINE_SET_PROVIDER_SPEC: &str = "/spec/template/spec/providerSpec/value";
/// BI-340: where the provider spec of a ControlPlaneMachineSet stands.
pub const CPMS_PROVIDER_SPEC: &str =
    "/spec/template/machines_v1beta1_machine_openshift_io/spec/providerSpec/value";

impl<'a> MachineResource<'a> {
    /// Reads a MachineSet or a ControlPlaneMachineSet.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        match object.kind {
            Kind::ControlPlaneMachineSet => Self::read_control_plane_machine_set(object),
            _ => Self::read_machine_set(object),
        }
    }

    /// JSON pointer from the object to its provider spec.
    pub fn provider_spec_pointer(&self) -> &'static str {
        provider_spec_pointer(self.kind)
    }

    fn read_machine_set(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: MachineSetSpec<'a> = object.view("spec")?;
        let status: MachineSetStatus<'a> = object.view("status")?;
        let template = spec.template.unwrap_or_default();
        Ok(Self {
            kind: object.kind,
            name: object.name.clone(),
            meta: object.meta()?,
            os_labels: template
                .metadata
                .and_then(|meta| meta.labels)
                .unwrap_or_default(),
            provider_spec: provider_spec(template.spec),
            authoritative_api: status.authoritative_api.or(spec.authoritative_api),
            rollout: None,
        })
    }

    fn read_control_plane_machine_set(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: CpmsSpec<'a> = object.view("spec")?;
        let machine = spec
            .template
            .and_then(|template| template.machine)
            .unwrap_or_default();
        let labels = |spec: &MachineSpec<'a>| spec.metadata.as_ref()?.labels.clone();
        Ok(Self {
            kind: object.kind,
            name: object.name.clone(),
            meta: object.meta()?,
            os_labels: machine.spec.as_ref().and_then(labels).unwrap_or_default(),
            provider_spec: provider_spec(machine.spec),
            authoritative_api: None,
            rollout: Some(Rollout {
                state: spec.state,
                strategy: spec.strategy.and_then(|strategy| strategy.kind),
            }),
        })
    }
}

/// JSON pointer from an object of this kind to its provider spec (BI-340).
pub fn provider_spec_pointer(kind: Kind) -> &'static str {
    match kind {
        Kind::ControlPlaneMachineSet => CPMS_PROVIDER_SPEC,
        _ => MACHINE_SET_PROVIDER_SPEC,
    }
}

fn provider_spec(spec: Option<MachineSpec<'_>>) -> Option<&RawValue> {
    spec?.provider_spec?.value
}

view! {
    /// `MachineSet.spec`.
    pub struct MachineSetSpec<'a> {
        /// The machine that is made.
        template: MachineTemplate<'a> = "template",
        /// Which API owns the set.
        authoritative_api: Text<'a> = "authoritativeAPI",
    }
}

view! {
    /// `MachineSet.status`.
    pub struct MachineSetStatus<'a> {
        /// Which API owns the set.
        authoritative_api: Text<'a> = "authoritativeAPI",
    }
}

view! {
    /// The machine that is made.
    pub struct MachineTemplate<'a> {
        /// Its metadata.
        metadata: TemplateMetadata<'a> = "metadata",
        /// Its spec.
        spec: MachineSpec<'a> = "spec",
    }
}

view! {
    /// Metadata in a template.
    pub struct TemplateMetadata<'a> {
        /// Labels.
        labels: StringMap<'a> = "labels",
    }
}

view! {
    /// `Machine.spec` in a template.
    pub struct MachineSpec<'a> {
        /// Metadata for the node.
        metadata: TemplateMetadata<'a> = "metadata",
        /// The platform's part.
        provider_spec: ProviderSpecHolder<'a> = "providerSpec",
    }
}

view! {
    /// `providerSpec`.
    pub struct ProviderSpecHolder<'a> {
        /// The provider spec itself, unparsed.
        value: &'a RawValue = "value",
    }
}

view! {
    /// `ControlPlaneMachineSet.spec`.
    pub struct CpmsSpec<'a> {
        /// The machine that is made.
        template: CpmsTemplate<'a> = "template",
        /// `Active` or `Inactive`.
        state: Text<'a> = "state",
        /// What a change of the template leads to.
        strategy: CpmsStrategy<'a> = "strategy",
    }
}

view! {
    /// `ControlPlaneMachineSet.spec.strategy`.
    pub struct CpmsStrategy<'a> {
        /// Its name.
        kind: Text<'a> = "type",
    }
}

view! {
    /// `ControlPlaneMachineSet.spec.template`.
    pub struct CpmsTemplate<'a> {
        /// The only kind of machine there is.
        machine: CpmsMachine<'a> = "machines_v1beta1_machine_openshift_io",
    }
}

view! {
    /// The machine of a ControlPlaneMachineSet.
    pub struct CpmsMachine<'a> {
        /// Its spec.
        spec: MachineSpec<'a> = "spec",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, provider_spec: Option<&str>, windows: Option<&str>) {
        let object = RawObject::parse(text).unwrap().unwrap();
        let set = MachineResource::read(&object).unwrap();
        assert_eq!(
            set.provider_spec.map(RawValue::get),
            provider_spec,
            "{text}"
        );
        assert_eq!(set.os_labels.get("os"), windows, "{text}");
    }

    #[test]
    fn bi_340_the_provider_spec_is_found_in_both_kinds() {
        check(
            r#"{"apiVersion":"machine.openshift.io/v1beta1","kind":"MachineSet","spec":{"template":{
                "metadata":{"labels":{"os":"a"}},"spec":{"metadata":{"labels":{"os":"b"}},
                "providerSpec":{"value":{"x":1}}}}}}"#,
            Some(r#"{"x":1}"#),
            Some("a"),
        );
        check(
            r#"{"apiVersion":"machine.openshift.io/v1","kind":"ControlPlaneMachineSet","spec":{
                "template":{"machines_v1beta1_machine_openshift_io":{"metadata":{"labels":{"os":"a"}},
                "spec":{"metadata":{"labels":{"os":"b"}},"providerSpec":{"value":{"x":2}}}}}}}"#,
            Some(r#"{"x":2}"#),
            Some("b"),
        );
        for kind in [
            "machine.openshift.io/v1beta1\",\"kind\":\"MachineSet",
            "machine.openshift.io/v1\",\"kind\":\"ControlPlaneMachineSet",
        ] {
            check(&format!(r#"{{"apiVersion":"{kind}"}}"#), None, None);
            check(
                &format!(r#"{{"apiVersion":"{kind}","spec":{{"template":null}}}}"#),
                None,
                None,
            );
        }
    }

    #[test]
    fn a_wrong_type_names_object_and_place() {
        let text = r#"{"apiVersion":"machine.openshift.io/v1beta1","kind":"MachineSet",
            "metadata":{"name":"w","namespace":"n"},"spec":{"template":{"spec":[]}}}"#;
        let object = RawObject::parse(text).unwrap().unwrap();
        assert_eq!(
            MachineResource::read(&object).unwrap_err().to_string(),
            "MachineSet n/w: /spec/template/spec: invalid type: sequence, expected an object"
        );
    }
}
