//! What an edit of a provider spec changes: for whoever checks an edit before it is sent.

use openshift_model::Platform;
use openshift_model::boot_image::AzureBootImage;
use serde_json::Value;

/// What stands at a pointer that an edit may touch (BI-346).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditedMember {
    /// The boot image.
    Image,
    /// BI-244: the name of the user-data Secret, under profile 4.17 only.
    UserDataSecretName,
}

/// The six members that `image` of an Azure provider spec has after an edit (BI-296).
const AZURE_MEMBERS: [&str; 6] = ["publisher", "offer", "sku", "version", "resourceID", "type"];

/// BI-346: what stands at a pointer, which starts at the provider spec; `None` where no edit of
/// this platform may touch it.
pub fn edited_member(platform: &Platform, pointer: &str) -> Option<EditedMember> {
    if pointer == "/userDataSecret/name" {
        return Some(EditedMember::UserDataSecretName);
    }
    let is_image = match platform {
        Platform::Aws => pointer == "/ami",
        Platform::Azure => pointer == "/image",
        Platform::Gcp => is_disk_image(pointer),
        Platform::VSphere => pointer == "/template",
        Platform::BareMetal | Platform::Other(_) => false,
    };
    is_image.then_some(EditedMember::Image)
}

fn is_disk_image(pointer: &str) -> bool {
    let index = pointer
        .strip_prefix("/disks/")
        .and_then(|rest| rest.strip_suffix("/image"));
    index.is_some_and(|index| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The image that a value stands for, as plans write it; `None` where it names none.
pub fn image_text(platform: &Platform, value: &Value) -> Option<String> {
    let member = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let text = match platform {
        Platform::Aws => member("id").to_owned(),
        Platform::Azure => AzureBootImage {
            publisher: member("publisher").into(),
            offer: member("offer").into(),
            sku: member("sku").into(),
            version: member("version").into(),
            resource_id: member("resourceID").into(),
            kind: member("type").into(),
        }
        .to_string(),
        Platform::Gcp | Platform::VSphere => value.as_str().unwrap_or_default().to_owned(),
        Platform::BareMetal | Platform::Other(_) => String::new(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// [`image_text`] of a value that is written; `None` where it is not of the form in which images of
/// this platform are written (BI-270, BI-296), so that nothing else is written along with it.
pub fn written_image_text(platform: &Platform, value: &Value) -> Option<String> {
    let has_only = |names: &[&str]| {
        value.as_object().is_some_and(|members| {
            members.len() == names.len()
                && names
                    .iter()
                    .all(|name| members.get(*name).is_some_and(Value::is_string))
        })
    };
    let is_well_formed = match platform {
        Platform::Aws => has_only(&["id"]),
        Platform::Azure => has_only(&AZURE_MEMBERS),
        Platform::Gcp | Platform::VSphere => value.is_string(),
        Platform::BareMetal | Platform::Other(_) => false,
    };
    image_text(platform, value).filter(|_| is_well_formed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bi_346_only_these_pointers_are_edited() {
        let image = Some(EditedMember::Image);
        for (platform, pointer, expected) in [
            (Platform::Gcp, "/disks/0/image", image),
            (Platform::Gcp, "/disks/12/image", image),
            (Platform::Gcp, "/disks//image", None),
            (Platform::Gcp, "/disks/-/image", None),
            (Platform::Gcp, "/disks/0/labels/image", None),
            (Platform::Gcp, "/serviceAccounts", None),
            (Platform::Gcp, "/ami", None),
            (Platform::Aws, "/ami", image),
            (Platform::Aws, "/ami/id", None),
            (Platform::Azure, "/image", image),
            (Platform::VSphere, "/template", image),
            (Platform::VSphere, "/workspace", None),
            (Platform::BareMetal, "/image", None),
            (
                Platform::Gcp,
                "/userDataSecret/name",
                Some(EditedMember::UserDataSecretName),
            ),
            (Platform::Gcp, "/userDataSecret", None),
        ] {
            assert_eq!(edited_member(&platform, pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn bi_270_bi_296_what_is_written_has_one_form() {
        let azure = json!({"publisher": "p", "offer": "o", "sku": "s", "version": "v",
            "resourceID": "", "type": "t"});
        let mut more = azure.clone();
        more["communityGalleryImage"] = json!("x");
        for (platform, value, read, written) in [
            (Platform::Gcp, json!("a"), Some("a"), Some("a")),
            (Platform::Gcp, json!({"a": 1}), None, None),
            (
                Platform::Aws,
                json!({"id": "ami-1"}),
                Some("ami-1"),
                Some("ami-1"),
            ),
            (
                Platform::Aws,
                json!({"id": "ami-1", "arn": "x"}),
                Some("ami-1"),
                None,
            ),
            (Platform::Aws, json!({"arn": "x"}), None, None),
            (Platform::Azure, azure, Some("p:o:s:v"), Some("p:o:s:v")),
            (Platform::Azure, more, Some("p:o:s:v"), None),
            (Platform::VSphere, json!("t"), Some("t"), Some("t")),
            (Platform::BareMetal, json!("t"), None, None),
        ] {
            assert_eq!(image_text(&platform, &value).as_deref(), read, "{value}");
            let found = written_image_text(&platform, &value);
            assert_eq!(found.as_deref(), written, "{value}");
        }
    }
}
