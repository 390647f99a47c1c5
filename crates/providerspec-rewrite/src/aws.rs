//! AWS: `ami` (BI-260, BI-270, BI-346).

use openshift_model::boot_image::AwsBootImage;
use openshift_model::read::read as read_view;
use openshift_model::{Edit, EditError, RawValue, Text, view};
use serde::Serialize;

use crate::{ProviderSpecError, UserDataSecret};

view! {
    /// The part of an `AWSMachineProviderConfig` that is looked at.
    struct Spec<'a> {
        /// The AMI that the machine boots from.
        ami: &'a RawValue = "ami",
        /// Where it stands.
        placement: Placement<'a> = "placement",
        /// The stub that it boots with.
        user_data_secret: UserDataSecret<'a> = "userDataSecret",
    }
}

view! {
    /// A reference to an image: by id, ARN or filters.
    struct Ami<'a> {
        /// `ami-…`
        id: Text<'a> = "id",
    }
}

view! {
    /// Where a machine stands.
    struct Placement<'a> {
        /// The region.
        region: Text<'a> = "region",
    }
}

/// What an AWS provider spec boots.
#[derive(Debug, Clone, Default)]
pub struct AwsProviderSpec<'a> {
    /// Its image.
    pub image: AwsBootImage<'a>,
    /// The stub that its machines boot with; `None` where it names none.
    pub user_data_secret: Option<UserDataSecret<'a>>,
    /// `ami` as it stands there, which an edit tests for.
    ami: Option<&'a RawValue>,
}

/// Reads what a provider spec boots (BI-241, BI-260). `spec` is the value of `providerSpec.value`.
pub fn read<'a>(spec: Option<&'a RawValue>) -> Result<AwsProviderSpec<'a>, ProviderSpecError> {
    let spec: Spec<'a> = read_view(spec.ok_or(ProviderSpecError::Missing)?, "")?;
    let ami: Ami<'a> = match spec.ami {
        Some(ami) => read_view(ami, "/ami")?,
        None => Ami::default(),
    };
    Ok(AwsProviderSpec {
        image: AwsBootImage {
            id: ami.id,
            region: spec
                .placement
                .and_then(|placement| placement.region)
                .unwrap_or_default(),
        },
        user_data_secret: spec.user_data_secret,
        ami: spec.ami,
    })
}

/// `ami` as it is written.
#[derive(Serialize)]
struct Written<'w> {
    id: &'w str,
}

/// BI-270, BI-346: the edit that makes machines boot the image `id`: the whole of `/ami`, because
/// only one of id, ARN and filters may be set. Nothing where they boot it already. `at` is the JSON
/// pointer of the provider spec.
pub fn write(spec: &AwsProviderSpec<'_>, id: &str, at: &str) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    if spec.image.id.as_deref() == Some(id) {
        return Ok(edit);
    }
    let pointer = format!("{at}/ami");
    let ami = Written { id };
    match spec.ami {
        Some(old) => edit.replace_raw(&pointer, old, &ami)?,
        None => edit.add(&pointer, &ami)?,
    }
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Expected: id, region.
    fn check(spec: &str, expected: (Option<&str>, &str)) {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        let image = read(Some(raw)).unwrap().image;
        assert_eq!(
            (image.id.as_deref(), image.region.as_str()),
            expected,
            "{spec}"
        );
    }

    #[test]
    fn bi_260_id_and_region_are_read() {
        check("{}", (None, ""));
        check("null", (None, ""));
        check(r#"{"ami":null,"placement":null}"#, (None, ""));
        check(
            r#"{"ami":{"arn":"x"},"placement":{"region":"r"}}"#,
            (None, "r"),
        );
        check(
            r#"{"ami":{"filters":[{"name":"n"}],"id":null}}"#,
            (None, ""),
        );
        check(r#"{"ami":{"id":""}}"#, (Some(""), ""));
        check(
            r#"{"ami":{"id":"ami-1","arn":5},"placement":{"region":"r"},"deviceIndex":"x"}"#,
            (Some("ami-1"), "r"),
        );
        check(r#"{"AMI":{"id":"ami-1"}}"#, (None, ""));
    }

    fn check_error(spec: Option<&str>, expected: &str) {
        let raw = spec.map(|spec| serde_json::from_str::<&RawValue>(spec).unwrap());
        assert_eq!(read(raw).unwrap_err().to_string(), expected, "{spec:?}");
    }

    #[test]
    fn bi_241_a_wrong_shape_is_an_error() {
        check_error(None, "providerSpec field was empty");
        for (spec, place) in [
            (
                r#""x""#,
                r#"/: invalid type: string "x", expected an object"#,
            ),
            (
                r#"{"ami":"x"}"#,
                r#"/ami: invalid type: string "x", expected an object"#,
            ),
            (
                r#"{"ami":{"id":5}}"#,
                "/ami/id: invalid type: integer `5`, expected a string",
            ),
            (
                r#"{"placement":[]}"#,
                "/placement: invalid type: sequence, expected an object",
            ),
            (
                r#"{"placement":{"region":true}}"#,
                "/placement/region: invalid type: boolean `true`, expected a string",
            ),
            (
                r#"{"userDataSecret":{"name":1}}"#,
                "/userDataSecret/name: invalid type: integer `1`, expected a string",
            ),
        ] {
            check_error(
                Some(spec),
                &format!("unmarshal into providerSpec failed {place}"),
            );
        }
    }

    fn written(spec: &Value, id: &str, at: &str) -> Edit {
        let text = spec.to_string();
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        write(&read(Some(raw)).unwrap(), id, at).unwrap()
    }

    #[test]
    fn bi_270_bi_346_the_whole_reference_is_replaced() {
        let ami = json!({"id": "old", "arn": "x", "filters": [{"name": "n"}], "new": 1});
        let spec = json!({"ami": ami, "placement": {"region": "r"}});
        let edit = written(&spec, "new", "/spec/value");
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            json!([
                {"op": "test", "path": "/spec/value/ami", "value": ami},
                {"op": "replace", "path": "/spec/value/ami", "value": {"id": "new"}},
            ])
        );
        assert!(written(&spec, "old", "").is_empty());
        let edit = written(&json!({"placement": {}}), "new", "");
        assert_eq!(edit.changed_pointers().collect::<Vec<_>>(), ["/ami"]);
    }

    #[test]
    fn bi_347_as_a_merge_patch_arn_and_filters_become_null() {
        let spec = json!({"ami": {"id": "old", "arn": "x", "filters": []}});
        let patch = written(&spec, "new", "").to_merge_patch(&spec).unwrap();
        let expected = json!({"ami": {"id": "new", "arn": null, "filters": null}});
        assert_eq!(patch, expected);
    }

    proptest! {
        #[test]
        fn bi_421_nothing_else_moves_and_writing_twice_is_a_no_op(
            ami in prop::option::of(prop::collection::btree_map("(id|arn|x)", "[a-z]{0,3}", 0..3)),
            unknown in "[b-z]{1,3}",
        ) {
            let mut before = json!({"placement": {"region": "r"}, "y": [1.5, null]});
            before[unknown] = json!({"deep": [1, 2.5, null]});
            if let Some(ami) = ami {
                before["ami"] = json!(ami);
            }
            let mut after = before.clone();
            written(&before, "target", "").apply(&mut after).unwrap();
            prop_assert!(written(&after, "target", "").is_empty());
            let after = after.as_object_mut().unwrap();
            prop_assert_eq!(after.remove("ami"), Some(json!({"id": "target"})));
            before.as_object_mut().unwrap().remove("ami");
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
