//! vSphere: `template` (BI-322, BI-323, BI-346).

use openshift_model::boot_image::{VsphereBootImage, VsphereWorkspace};
use openshift_model::read::read as read_view;
use openshift_model::{Edit, EditError, RawValue, Text, view};

use crate::{ProviderSpecError, UserDataSecret};

view! {
    /// The part of a `VSphereMachineProviderSpec` that is looked at.
    struct Spec<'a> {
        /// The template that the machine is cloned from.
        template: Text<'a> = "template",
        /// Where it is made.
        workspace: Workspace<'a> = "workspace",
        /// What it is tagged with.
        tag_ids: Vec<Text<'a>> = "tagIDs",
        /// How it is connected.
        network: Network<'a> = "network",
        /// The stub that it boots with.
        user_data_secret: UserDataSecret<'a> = "userDataSecret",
    }
}

view! {
    /// How a machine is connected.
    struct Network<'a> {
        /// Its devices.
        devices: Vec<NetworkDevice<'a>> = "devices",
    }
}

view! {
    /// A network device.
    struct NetworkDevice<'a> {
        /// What it is connected to: a name, or an inventory path.
        network_name: Text<'a> = "networkName",
    }
}

view! {
    /// Where a machine is made.
    struct Workspace<'a> {
        /// Host name of the vCenter.
        server: Text<'a> = "server",
        /// Name of the datacenter.
        datacenter: Text<'a> = "datacenter",
        /// The folder.
        folder: Text<'a> = "folder",
        /// The datastore.
        datastore: Text<'a> = "datastore",
        /// The resource pool.
        resource_pool: Text<'a> = "resourcePool",
        /// The group that binds it to hosts.
        vm_group: Text<'a> = "vmGroup",
    }
}

/// What a vSphere provider spec boots.
#[derive(Debug, Clone, Default)]
pub struct VsphereProviderSpec<'a> {
    /// Its template, and where machines are made of it.
    pub image: VsphereBootImage<'a>,
    /// The stub that its machines boot with; `None` where it names none.
    pub user_data_secret: Option<UserDataSecret<'a>>,
    /// Whether there is a `template`, be it empty.
    has_template: bool,
}

/// Reads what a provider spec boots (BI-241). `spec` is the value of `providerSpec.value`. No
/// workspace is an empty one. (The reference crashes.)
pub fn read<'a>(spec: Option<&'a RawValue>) -> Result<VsphereProviderSpec<'a>, ProviderSpecError> {
    let spec: Spec<'a> = read_view(spec.ok_or(ProviderSpecError::Missing)?, "")?;
    let workspace = spec.workspace.unwrap_or_default();
    let devices = spec.network.and_then(|network| network.devices);
    let device = devices.into_iter().flatten().next();
    let network = device.and_then(|device| device.network_name);
    Ok(VsphereProviderSpec {
        has_template: spec.template.is_some(),
        image: VsphereBootImage {
            template: spec.template.unwrap_or_default(),
            workspace: VsphereWorkspace {
                server: workspace.server.unwrap_or_default(),
                datacenter: workspace.datacenter.unwrap_or_default(),
                folder: workspace.folder.unwrap_or_default(),
                datastore: workspace.datastore.unwrap_or_default(),
                resource_pool: workspace.resource_pool.unwrap_or_default(),
                vm_group: workspace.vm_group.unwrap_or_default(),
            },
            tag_ids: spec.tag_ids.unwrap_or_default(),
            network: network.unwrap_or_default(),
        },
        user_data_secret: spec.user_data_secret,
    })
}

/// BI-322, BI-323, BI-346: the edit that makes machines clones of `template`: `/template` alone.
/// Nothing where they are already, as after most replacements, which keep the name. `at` is the
/// JSON pointer of the provider spec.
pub fn write(spec: &VsphereProviderSpec<'_>, template: &str, at: &str) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    let current = spec.image.template.as_str();
    if current == template {
        return Ok(edit);
    }
    let pointer = format!("{at}/template");
    if spec.has_template {
        edit.replace(&pointer, current, template)?;
    } else {
        edit.add(&pointer, template)?;
    }
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Expected: template, and the members of the workspace.
    fn check(spec: &str, template: &str, workspace: [&str; 6]) {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        let image = read(Some(raw)).unwrap().image;
        assert_eq!(image.template.as_str(), template, "{spec}");
        let VsphereWorkspace {
            server,
            datacenter,
            folder,
            datastore,
            resource_pool,
            vm_group,
        } = image.workspace;
        let found = [
            server,
            datacenter,
            folder,
            datastore,
            resource_pool,
            vm_group,
        ];
        assert_eq!(found.map(Text::into_string), workspace, "{spec}");
    }

    #[test]
    fn bi_310_bi_313_template_and_workspace_are_read() {
        check("{}", "", [""; 6]);
        check("null", "", [""; 6]);
        check(
            r#"{"template":null,"workspace":null,"tagIDs":null}"#,
            "",
            [""; 6],
        );
        check(
            r#"{"template":"t","workspace":{"server":"s","datacenter":"dc","folder":"f",
                "datastore":"ds","resourcePool":"rp","vmGroup":"g","new":5},"numCPUs":"4"}"#,
            "t",
            ["s", "dc", "f", "ds", "rp", "g"],
        );
        let raw: &RawValue = serde_json::from_str(r#"{"tagIDs":["urn:a","urn:b"]}"#).unwrap();
        assert_eq!(read(Some(raw)).unwrap().image.tag_ids.len(), 2);
    }

    #[test]
    fn bi_314_the_network_is_that_of_the_first_device() {
        for (network, expected) in [
            ("null", ""),
            ("{}", ""),
            (r#"{"devices":[]}"#, ""),
            (r#"{"devices":[{}]}"#, ""),
            (
                r#"{"devices":[{"networkName":"a","gateway":5},{"networkName":"b"}]}"#,
                "a",
            ),
        ] {
            let spec = format!(r#"{{"network":{network}}}"#);
            let raw: &RawValue = serde_json::from_str(&spec).unwrap();
            assert_eq!(read(Some(raw)).unwrap().image.network.as_str(), expected);
        }
    }

    fn check_error(spec: Option<&str>, expected: &str) {
        let raw = spec.map(|spec| serde_json::from_str::<&RawValue>(spec).unwrap());
        assert_eq!(read(raw).unwrap_err().to_string(), expected, "{spec:?}");
    }

    #[test]
    fn bi_241_a_wrong_shape_is_an_error() {
        check_error(None, "providerSpec field was empty");
        for (spec, place) in [
            ("[]", "/: invalid type: sequence, expected an object"),
            (
                r#""x""#,
                r#"/: invalid type: string "x", expected an object"#,
            ),
            (
                r#"{"template":5}"#,
                "/template: invalid type: integer `5`, expected a string",
            ),
            (
                r#"{"workspace":"x"}"#,
                r#"/workspace: invalid type: string "x", expected an object"#,
            ),
            (
                r#"{"tagIDs":{}}"#,
                "/tagIDs: invalid type: map, expected a sequence",
            ),
            (
                r#"{"tagIDs":[null]}"#,
                "/tagIDs/0: invalid type: null, expected a string",
            ),
            (
                r#"{"userDataSecret":[]}"#,
                "/userDataSecret: invalid type: sequence, expected an object",
            ),
        ] {
            check_error(
                Some(spec),
                &format!("unmarshal into providerSpec failed {place}"),
            );
        }
        for member in [
            "server",
            "datacenter",
            "folder",
            "datastore",
            "resourcePool",
            "vmGroup",
        ] {
            check_error(
                Some(&format!(r#"{{"workspace":{{"{member}":5}}}}"#)),
                &format!(
                    "unmarshal into providerSpec failed /workspace/{member}: invalid type: integer \
                     `5`, expected a string"
                ),
            );
        }
    }

    fn written(spec: &Value, template: &str, at: &str) -> Edit {
        let text = spec.to_string();
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        write(&read(Some(raw)).unwrap(), template, at).unwrap()
    }

    #[test]
    fn bi_323_bi_346_the_name_alone_changes() {
        let edit = written(
            &json!({"template": "old", "workspace": {}}),
            "new",
            "/spec/value",
        );
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            json!([
                {"op": "test", "path": "/spec/value/template", "value": "old"},
                {"op": "replace", "path": "/spec/value/template", "value": "new"},
            ])
        );
        assert!(written(&json!({"template": "new"}), "new", "").is_empty());
        for absent in [json!({}), json!({"template": null})] {
            let edit = written(&absent, "new", "");
            let mut after = absent.clone();
            edit.apply(&mut after).unwrap();
            assert_eq!(after, json!({"template": "new"}));
        }
    }

    proptest! {
        #[test]
        fn bi_421_nothing_else_moves_and_writing_twice_is_a_no_op(
            template in prop::option::of("[a-z]{0,3}"),
            unknown in "[a-r]{1,3}",
        ) {
            let mut before = json!({"workspace": {"server": "s", "x": 1}, "y": [1.5, null]});
            before[unknown] = json!({"deep": [1, 2.5, null]});
            if let Some(template) = template {
                before["template"] = json!(template);
            }
            let mut after = before.clone();
            written(&before, "target", "").apply(&mut after).unwrap();
            prop_assert!(written(&after, "target", "").is_empty());
            let after = after.as_object_mut().unwrap();
            prop_assert_eq!(after.remove("template"), Some(json!("target")));
            before.as_object_mut().unwrap().remove("template");
            prop_assert_eq!(&*after, before.as_object().unwrap());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&text)
                && let Ok(spec) = read(Some(raw))
            {
                let _ = write(&spec, "x", "");
            }
        }
    }
}
