//! Azure: `image` (BI-296, BI-297, BI-346).

use openshift_model::boot_image::AzureBootImage;
use openshift_model::read::read as read_view;
use openshift_model::{Edit, EditError, RawValue, Text, view};
use serde::Serialize;

use crate::{ProviderSpecError, UserDataSecret};

view! {
    /// The part of an `AzureMachineProviderSpec` that is looked at.
    struct Spec<'a> {
        /// The image that the machine boots from.
        image: &'a RawValue = "image",
        /// How it is guarded.
        security_profile: SecurityProfile<'a> = "securityProfile",
        /// The stub that it boots with.
        user_data_secret: UserDataSecret<'a> = "userDataSecret",
    }
}

view! {
    /// `securityProfile`: whether the machine is a confidential or a trusted one.
    struct SecurityProfile<'a> {
        /// The kind of protection, as Azure names it.
        settings: SecuritySettings<'a> = "settings",
    }
}

view! {
    /// `securityProfile.settings`.
    struct SecuritySettings<'a> {
        /// `ConfidentialVM` or `TrustedLaunch`.
        security_type: Text<'a> = "securityType",
    }
}

/// What an Azure provider spec boots.
#[derive(Debug, Clone, Default)]
pub struct AzureProviderSpec<'a> {
    /// Its image.
    pub image: AzureBootImage<'a>,
    /// BI-290: `securityProfile.settings.securityType`, empty where it is not set.
    pub security_type: Text<'a>,
    /// The stub that its machines boot with; `None` where it names none.
    pub user_data_secret: Option<UserDataSecret<'a>>,
    /// `image` as it stands there, which an edit tests for.
    raw_image: Option<&'a RawValue>,
}

/// Reads what a provider spec boots (BI-241, BI-290). `spec` is the value of `providerSpec.value`.
pub fn read<'a>(spec: Option<&'a RawValue>) -> Result<AzureProviderSpec<'a>, ProviderSpecError> {
    let spec: Spec<'a> = read_view(spec.ok_or(ProviderSpecError::Missing)?, "")?;
    let image = match spec.image {
        Some(image) => AzureBootImage::read(image, "/image")?,
        None => AzureBootImage::default(),
    };
    let security = spec.security_profile.and_then(|profile| profile.settings);
    Ok(AzureProviderSpec {
        image,
        security_type: security
            .and_then(|settings| settings.security_type)
            .unwrap_or_default(),
        user_data_secret: spec.user_data_secret,
        raw_image: spec.image,
    })
}

/// BI-296: `image` as it is written.
#[derive(Serialize)]
struct Written<'w> {
    publisher: &'w str,
    offer: &'w str,
    sku: &'w str,
    version: &'w str,
    #[serde(rename = "resourceID")]
    resource_id: &'w str,
    #[serde(rename = "type")]
    kind: &'w str,
}

/// BI-297, BI-346: the edit that makes machines boot `image`: the whole of `/image`, which holds
/// exactly the six members of BI-296 afterwards. Nothing where they boot it already. `at` is the
/// JSON pointer of the provider spec.
pub fn write(
    spec: &AzureProviderSpec<'_>,
    image: &AzureBootImage<'_>,
    at: &str,
) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    if spec.image == *image {
        return Ok(edit);
    }
    let pointer = format!("{at}/image");
    let image = Written {
        publisher: &image.publisher,
        offer: &image.offer,
        sku: &image.sku,
        version: &image.version,
        resource_id: &image.resource_id,
        kind: &image.kind,
    };
    match spec.raw_image {
        Some(old) => edit.replace_raw(&pointer, old, &image)?,
        None => edit.add(&pointer, &image)?,
    }
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Expected: publisher, offer, sku, version, resource id, type; security type.
    fn check(spec: &str, expected: [&str; 7]) {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        let spec = read(Some(raw)).unwrap();
        let image = &spec.image;
        let found = [
            &image.publisher,
            &image.offer,
            &image.sku,
            &image.version,
            &image.resource_id,
            &image.kind,
            &spec.security_type,
        ];
        assert_eq!(found.map(Text::as_str), expected, "{raw}");
    }

    #[test]
    fn bi_290_bi_291_image_and_security_type_are_read() {
        check("{}", [""; 7]);
        check("null", [""; 7]);
        check(r#"{"image":null,"securityProfile":null}"#, [""; 7]);
        check(r#"{"securityProfile":{"settings":null}}"#, [""; 7]);
        check(
            r#"{"image":{"publisher":"p","offer":"o","sku":"s","version":"v","resourceID":"r",
                "type":"t","new":1},"securityProfile":{"encryptionAtHost":5,"settings":{
                "securityType":"TrustedLaunch"}},"zone":1}"#,
            ["p", "o", "s", "v", "r", "t", "TrustedLaunch"],
        );
        check(r#"{"image":{"Publisher":"p","resourceId":"r"}}"#, [""; 7]);
    }

    fn check_error(spec: Option<&str>, expected: &str) {
        let raw = spec.map(|spec| serde_json::from_str::<&RawValue>(spec).unwrap());
        assert_eq!(read(raw).unwrap_err().to_string(), expected, "{spec:?}");
    }

    #[test]
    fn bi_241_a_wrong_shape_is_an_error() {
        check_error(None, "providerSpec field was empty");
        let object = "expected an object";
        let text = "expected a string";
        for (spec, place) in [
            (
                "[]".to_owned(),
                format!("/: invalid type: sequence, {object}"),
            ),
            (
                r#"{"image":"x"}"#.to_owned(),
                format!(r#"/image: invalid type: string "x", {object}"#),
            ),
            (
                r#"{"securityProfile":true}"#.to_owned(),
                format!("/securityProfile: invalid type: boolean `true`, {object}"),
            ),
            (
                r#"{"securityProfile":{"settings":[]}}"#.to_owned(),
                format!("/securityProfile/settings: invalid type: sequence, {object}"),
            ),
            (
                r#"{"securityProfile":{"settings":{"securityType":1}}}"#.to_owned(),
                format!(
                    "/securityProfile/settings/securityType: invalid type: integer `1`, {text}"
                ),
            ),
            (
                r#"{"userDataSecret":5}"#.to_owned(),
                format!("/userDataSecret: invalid type: integer `5`, {object}"),
            ),
        ] {
            check_error(
                Some(&spec),
                &format!("unmarshal into providerSpec failed {place}"),
            );
        }
        for member in ["publisher", "offer", "sku", "version", "resourceID", "type"] {
            check_error(
                Some(&format!(r#"{{"image":{{"{member}":9.6}}}}"#)),
                &format!(
                    "unmarshal into providerSpec failed /image/{member}: invalid type: floating \
                     point `9.6`, {text}"
                ),
            );
        }
    }

    fn target() -> AzureBootImage<'static> {
        AzureBootImage {
            publisher: "azureopenshift".into(),
            offer: "aro4".into(),
            sku: "420-v2".into(),
            version: "9.6.20251015".into(),
            resource_id: "".into(),
            kind: "MarketplaceNoPlan".into(),
        }
    }

    fn target_value() -> Value {
        json!({"publisher": "azureopenshift", "offer": "aro4", "sku": "420-v2",
            "version": "9.6.20251015", "resourceID": "", "type": "MarketplaceNoPlan"})
    }

    fn written(spec: &Value, at: &str) -> Edit {
        let text = spec.to_string();
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        write(&read(Some(raw)).unwrap(), &target(), at).unwrap()
    }

    #[test]
    fn bi_296_bi_346_the_image_holds_six_members_afterwards() {
        let image = json!({"publisher": "", "resourceID": "/images/x-gen2", "new": [1]});
        let edit = written(&json!({"image": image, "zone": "1"}), "/spec/value");
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            json!([
                {"op": "test", "path": "/spec/value/image", "value": image},
                {"op": "replace", "path": "/spec/value/image", "value": target_value()},
            ])
        );
        let edit = written(&json!({"zone": "1"}), "");
        assert_eq!(edit.changed_pointers().collect::<Vec<_>>(), ["/image"]);
    }

    #[test]
    fn bi_297_an_image_that_matches_stays_with_what_else_it_has() {
        let mut image = target_value();
        image["new"] = json!(1);
        assert!(written(&json!({ "image": image }), "").is_empty());
        image.as_object_mut().unwrap().remove("resourceID");
        assert!(written(&json!({ "image": image }), "").is_empty());
        image.as_object_mut().unwrap().remove("type");
        assert!(!written(&json!({ "image": image }), "").is_empty());
    }

    proptest! {
        #[test]
        fn bi_421_nothing_else_moves_and_writing_twice_is_a_no_op(
            image in prop::option::of(prop::collection::btree_map(
                "(publisher|offer|sku|version|resourceID|type|x)", "[a-z]{0,3}", 0..7)),
            unknown in "[a-h]{1,3}",
        ) {
            let mut before = json!({"zone": "1", "y": [1.5, null]});
            before[unknown] = json!({"deep": [1, 2.5, null]});
            if let Some(image) = image {
                before["image"] = json!(image);
            }
            let mut after = before.clone();
            written(&before, "").apply(&mut after).unwrap();
            prop_assert!(written(&after, "").is_empty());
            let after = after.as_object_mut().unwrap();
            prop_assert_eq!(after.remove("image"), Some(target_value()));
            before.as_object_mut().unwrap().remove("image");
            prop_assert_eq!(&*after, before.as_object().unwrap());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&text)
                && let Ok(spec) = read(Some(raw))
            {
                let _ = write(&spec, &target(), "");
            }
        }
    }
}
