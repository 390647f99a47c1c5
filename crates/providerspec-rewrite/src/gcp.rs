//! GCP: `disks[].image` of the boot disks (BI-251, BI-346).

use openshift_model::boot_image::{GcpBootDisk, GcpBootDisks};
use openshift_model::read::read as read_view;
use openshift_model::{Edit, EditError, RawValue, Text, view};

use crate::{ProviderSpecError, UserDataSecret};

view! {
    /// The part of a `GCPMachineProviderSpec` that is looked at.
    struct Spec<'a> {
        /// Disks of the machine.
        disks: Vec<Option<Disk<'a>>> = "disks",
        /// The stub that the machine boots with.
        user_data_secret: UserDataSecret<'a> = "userDataSecret",
    }
}

view! {
    /// One of its disks.
    struct Disk<'a> {
        /// Whether the machine boots from it.
        boot: bool = "boot",
        /// The image that the disk is made from.
        image: Text<'a> = "image",
    }
}

/// What a GCP provider spec boots.
#[derive(Debug, Clone, Default)]
pub struct GcpProviderSpec<'a> {
    /// Its boot disks.
    pub disks: GcpBootDisks<'a>,
    /// The stub that its machines boot with; `None` where it names none.
    pub user_data_secret: Option<UserDataSecret<'a>>,
}

/// Reads what a provider spec boots (BI-241, BI-251). `spec` is the value of `providerSpec.value`.
pub fn read<'a>(spec: Option<&'a RawValue>) -> Result<GcpProviderSpec<'a>, ProviderSpecError> {
    let spec: Spec<'a> = read_view(spec.ok_or(ProviderSpecError::Missing)?, "")?;
    let mut disks = Vec::new();
    for (index, disk) in spec.disks.into_iter().flatten().enumerate() {
        let Some(disk) = disk else {
            return Err(ProviderSpecError::NullElement {
                pointer: format!("/disks/{index}"),
            });
        };
        if disk.boot == Some(true) {
            disks.push(GcpBootDisk {
                index,
                image: disk.image.unwrap_or_default(),
            });
        }
    }
    Ok(GcpProviderSpec {
        disks: GcpBootDisks(disks),
        user_data_secret: spec.user_data_secret,
    })
}

/// The edit that makes every boot disk from `image` (BI-346): one `test` and one `replace` at
/// `/disks/<i>/image` for each disk that has another one. `at` is the JSON pointer of the provider
/// spec.
pub fn write(disks: &GcpBootDisks<'_>, image: &str, at: &str) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    for disk in disks.0.iter().filter(|disk| disk.image.as_str() != image) {
        let pointer = format!("{at}/disks/{}/image", disk.index);
        edit.replace(&pointer, disk.image.as_str(), image)?;
    }
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn check(spec: &str, expected: &[(usize, &str)]) {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        let found = read(Some(raw)).unwrap();
        let found: Vec<_> = found
            .disks
            .0
            .iter()
            .map(|d| (d.index, d.image.as_str()))
            .collect();
        assert_eq!(found, expected, "{spec}");
    }

    #[test]
    fn bi_251_boot_disks_are_read_in_order() {
        check("{}", &[]);
        check("null", &[]);
        check(r#"{"disks":null}"#, &[]);
        check(
            r#"{"disks":[{"boot":null,"image":"a"},{"boot":false,"image":"b"},{"image":"c"}]}"#,
            &[],
        );
        check(
            r#"{"disks":[{"image":"d"},{"boot":true,"image":"a"},{"boot":true}]}"#,
            &[(1, "a"), (2, "")],
        );
        // BI-346: names are case-sensitive, and what no rule reads may have any type.
        check(
            r#"{"Disks":[{"boot":true}],"disks":[{"boot":true,"image":"a","sizeGb":"x"}],"zone":1.5}"#,
            &[(0, "a")],
        );
    }

    fn check_error(spec: Option<&str>, expected: &str) {
        let raw = spec.map(|spec| serde_json::from_str::<&RawValue>(spec).unwrap());
        assert_eq!(read(raw).unwrap_err().to_string(), expected, "{spec:?}");
    }

    #[test]
    fn bi_241_a_wrong_shape_is_an_error() {
        check_error(None, "providerSpec field was empty");
        let prefix = "unmarshal into providerSpec failed";
        check_error(
            Some(r#""x""#),
            &format!(r#"{prefix} /: invalid type: string "x", expected an object"#),
        );
        check_error(
            Some("[]"),
            &format!("{prefix} /: invalid type: sequence, expected an object"),
        );
        check_error(
            Some(r#"{"disks":{}}"#),
            &format!("{prefix} /disks: invalid type: map, expected a sequence"),
        );
        check_error(
            Some(r#"{"disks":[null]}"#),
            &format!("{prefix} /disks/0: is null"),
        );
        check_error(
            Some(r#"{"disks":[{"boot":"true"}]}"#),
            &format!(r#"{prefix} /disks/0/boot: invalid type: string "true", expected a boolean"#),
        );
        check_error(
            Some(r#"{"userDataSecret":"x"}"#),
            &format!(r#"{prefix} /userDataSecret: invalid type: string "x", expected an object"#),
        );
    }

    #[test]
    fn bi_346_only_images_of_boot_disks_change() {
        let spec = json!({"disks": [{"boot": true, "image": "a", "x": 1}, {"image": "a"},
            {"boot": true, "image": "b"}], "y": [1.5]});
        let mut object = json!({"spec": {"value": spec}});
        let text = spec.to_string();
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let disks = read(Some(raw)).unwrap().disks;
        let edit = write(&disks, "b", "/spec/value").unwrap();
        assert_eq!(
            edit.changed_pointers().collect::<Vec<_>>(),
            ["/spec/value/disks/0/image"]
        );
        edit.apply(&mut object).unwrap();
        assert_eq!(
            object["spec"]["value"],
            json!({"disks": [{"boot": true, "image": "b", "x": 1}, {"image": "a"},
                {"boot": true, "image": "b"}], "y": [1.5]})
        );
    }

    proptest! {
        #[test]
        fn bi_421_nothing_else_moves_and_writing_twice_is_a_no_op(
            images in prop::collection::vec((any::<bool>(), "[a-z]{0,3}", "[a-z]{1,3}"), 0..5),
        ) {
            let disks: Vec<Value> = images
                .iter()
                .map(|(boot, image, unknown)| json!({"boot": boot, "image": image, unknown: "kept"}))
                .collect();
            let before = json!({"disks": disks, "unknown": {"deep": [1, 2.5, null]}});
            let text = before.to_string();
            let raw: &RawValue = serde_json::from_str(&text).unwrap();
            let edit = write(&read(Some(raw)).unwrap().disks, "target", "").unwrap();
            let mut after = before.clone();
            edit.apply(&mut after).unwrap();
            let again = after.to_string();
            let raw: &RawValue = serde_json::from_str(&again).unwrap();
            prop_assert!(write(&read(Some(raw)).unwrap().disks, "target", "").unwrap().is_empty());
            for (index, (boot, image, _)) in images.iter().enumerate() {
                let expected = if *boot { "target" } else { image.as_str() };
                prop_assert_eq!(&after["disks"][index]["image"], expected);
                after["disks"][index]["image"] = Value::from(image.as_str());
            }
            prop_assert_eq!(after, before);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&text) {
                let _ = read(Some(raw));
            }
        }
    }
}
