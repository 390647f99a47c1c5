//! What a cloud says.

use serde::Serialize;

/// BI-263: the AWS account that publishes what the marketplace sells.
pub const AWS_MARKETPLACE_OWNER: &str = "679593333241";

/// An answer to a question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<T, W = String> {
    /// It is there.
    Found(T),
    /// It is not.
    NotFound,
    /// The cloud refused, or could not be reached; the text of its error.
    Denied(W),
}

/// An [`Answer`], borrowed.
pub type AnswerRef<'f, T> = Answer<&'f T, &'f str>;

impl<T> Answer<T> {
    /// The same answer, borrowed.
    pub fn as_ref(&self) -> AnswerRef<'_, T> {
        match self {
            Self::Found(value) => Answer::Found(value),
            Self::NotFound => Answer::NotFound,
            Self::Denied(words) => Answer::Denied(words),
        }
    }
}

impl<T, W> Answer<T, W> {
    /// The same answer with another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Answer<U, W> {
        match self {
            Self::Found(value) => Answer::Found(with(value)),
            Self::NotFound => Answer::NotFound,
            Self::Denied(words) => Answer::Denied(words),
        }
    }
}

/// An image as EC2 describes it: `Images[]` of `DescribeImages`. What EC2 does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AwsImage {
    /// `ImageId`
    #[serde(rename = "ImageId")]
    pub id: String,
    /// `OwnerId`: an account number.
    #[serde(rename = "OwnerId")]
    pub owner: String,
    /// `Name`
    #[serde(rename = "Name")]
    pub name: String,
    /// `Description`
    #[serde(rename = "Description")]
    pub description: String,
    /// `CreationDate`, e.g. `2026-02-10T12:00:00.000Z`.
    #[serde(rename = "CreationDate")]
    pub creation_date: String,
}

impl AwsImage {
    /// BI-263: the marketplace product that it belongs to.
    pub fn marketplace_product(&self) -> Option<&str> {
        (self.owner == AWS_MARKETPLACE_OWNER)
            .then(|| marketplace_product_id(&self.name))
            .flatten()
    }
}

/// BI-263: the product id at the end of a marketplace image's name: a UUID, the last five groups
/// between dashes.
pub fn marketplace_product_id(name: &str) -> Option<&str> {
    /// Hex digits of a UUID's groups.
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    /// With its four dashes.
    const LENGTH: usize = 36;
    let (before, id) = name.split_at_checked(name.len().checked_sub(LENGTH)?)?;
    let ends_a_group = before.is_empty() || before.ends_with('-');
    let is_group = |(group, length): (&str, usize)| {
        group.len() == length && group.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    (ends_a_group
        && id.matches('-').count() + 1 == GROUPS.len()
        && id.split('-').zip(GROUPS).all(is_group))
    .then_some(id)
}

/// What a vCenter has under the names that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VsphereMachines {
    /// BI-316: inventory path of the folder that was asked for; `None` where there is none.
    pub folder_path: Option<String>,
    /// The machines, templates among them, in any folder of the datacenter.
    pub machines: Vec<VsphereMachine>,
}

/// A virtual machine, most likely a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VsphereMachine {
    /// Inventory path, e.g. `/dc1/vm/folder/name`.
    pub path: String,
    /// BI-321: `summary.config.product.version`; empty where it has none.
    pub version: String,
    /// BI-332: `thinProvisioned` of the last disk with flat backing.
    pub thin_provisioned: Option<bool>,
    /// BI-332: `eagerlyScrub` of the last disk with flat backing.
    pub eagerly_scrub: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCP: &str = "59ead7de-2540-4653-a8b0-fa7926d5c845";

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(marketplace_product_id(name), expected, "{name}");
    }

    #[test]
    fn t_08_bi_263_the_product_id_ends_the_name() {
        let arm = "abc249f8-7440-45f7-a4b1-c026baff64c1";
        check(OCP, Some(OCP));
        check(&format!("x-{OCP}"), Some(OCP));
        check(
            &format!("RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-aarch64-0-{arm}"),
            Some(arm),
        );
        check(&OCP.to_uppercase(), Some(OCP.to_uppercase().as_str()));
        check(&format!("name{OCP}"), None);
        check(&format!("{OCP}-"), None);
        check("59ead7de-2540-4653-a8b0-fa7926d5c84", None);
        check("59ead7de-2540-4653-a8b0-fa7926d5c84g", None);
        check("59ead7de-25404-653-a8b0-fa7926d5c845", None);
        check("59ead7de2-540-4653-a8b0-fa7926d5c845", None);
        check("rhcos-419-94-202504151514-0-x86_64", None);
        check("RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-x86_64-0-notauuid", None);
        check("some-image-without-a-uuid", None);
        check("short", None);
        check("", None);
        check("é-2540-4653-a8b0-fa7926d5c845-ééééé", None);
    }

    #[test]
    fn bi_263_a_product_is_the_marketplaces_alone() {
        let mut image = AwsImage {
            owner: AWS_MARKETPLACE_OWNER.to_owned(),
            name: format!("x-{OCP}"),
            ..AwsImage::default()
        };
        assert_eq!(image.marketplace_product(), Some(OCP));
        image.owner = "123456789012".to_owned();
        assert_eq!(image.marketplace_product(), None);
    }
}
