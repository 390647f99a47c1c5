//! What an administrator should know about several targets at once: one line for each matter,
//! however many sets it is about.

use std::collections::{BTreeMap, BTreeSet};

use bootimage_selection::aws::marketplace::product_name;
use openshift_model::facts::{ClusterFacts, FactRequest};
use openshift_model::{MachineResource, ObjectRef, RawObject, names};
use providerspec_rewrite::aws as rewrite_aws;

use crate::{Target, UserDataDecision};

/// How many names a warning gives: enough to know what it is about.
const SHOWN_NAMES: usize = 3;

/// The first of some names, and how many more there are.
fn some_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names = names.into_iter();
    let mut text = names
        .by_ref()
        .take(SHOWN_NAMES)
        .collect::<Vec<_>>()
        .join(", ");
    match names.count() {
        0 => {}
        more => text.push_str(&format!(" and {more} more")),
    }
    text
}

/// The user-data Secrets that are not in the input.
pub(crate) fn unknown_secrets(targets: &[Target]) -> Option<String> {
    let named = targets
        .iter()
        .filter_map(|target| target.user_data.as_deref())
        .filter(|data| data.decision == UserDataDecision::Unknown);
    let named: Vec<&str> = named.map(|data| data.secret.as_str()).collect();
    let secrets: BTreeSet<&str> = named.iter().copied().collect();
    let namespace = names::MACHINE_API_NAMESPACE;
    let sets = match named.len() {
        0 => return None,
        1 => "1 update names".to_owned(),
        count => format!("{count} updates name"),
    };
    Some(if secrets.len() == 1 {
        format!(
            "Secret {namespace}/{} is not in the input, and {sets} it: whether its stub has to be \
             converted is not known",
            some_of(secrets)
        )
    } else {
        format!(
            "{} Secrets in {namespace} are not in the input, and {sets} them ({}): whether their \
             stubs have to be converted is not known",
            secrets.len(),
            some_of(secrets.iter().copied()),
        )
    })
}

/// BI-244: the Secrets that sets move away from under 4.17, each with the sets.
pub(crate) fn unused_secrets(unused: &[UnusedSecret]) -> impl Iterator<Item = String> {
    let mut by_secret: BTreeMap<&str, Vec<&ObjectRef>> = BTreeMap::new();
    for UnusedSecret { set, secret } in unused {
        by_secret.entry(secret).or_default().push(set);
    }
    by_secret.into_iter().map(|(secret, sets)| {
        let (them, which) = match sets.as_slice() {
            [set] => ("the set", set.to_string()),
            sets => {
                let names = some_of(sets.iter().map(|set| set.name.as_str()));
                ("the sets", format!("{} MachineSets ({names})", sets.len()))
            }
        };
        format!(
            "{which}: new machines no longer boot with the user data of Secret {secret}; if it is \
             customised, take {them} out of boot image management first"
        )
    })
}

/// A set that moves away from a Secret.
pub(crate) struct UnusedSecret {
    /// The set; control planes are not managed under 4.17.
    pub(crate) set: ObjectRef,
    /// The Secret.
    pub(crate) secret: String,
}

/// BI-276: marketplace products of which saved `describe-images` output lists nothing but what sets
/// boot. They count as searched, but most likely nobody has searched: a question for these images
/// alone prints the same.
pub(crate) fn listed_products(
    facts: ClusterFacts<'_>,
    is_booted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let only_booted = facts
        .aws_listed_products()
        .filter(|(_, images)| images.iter().all(|image| is_booted(&image.id)));
    only_booted
        .map(|(product, images)| {
            let search = FactRequest::AwsMarketplaceImages {
                region: facts.aws_region().unwrap_or_default().to_owned(),
                product_id: product.to_owned(),
            };
            let name = match product_name(product) {
                "" => String::new(),
                name => format!(" ({name})"),
            };
            format!(
                "of marketplace product {product}{name} the facts list only what sets boot ({}): \
                 whether there is a newer image is not known; add the output of `{}` with --facts",
                some_of(images.iter().map(|image| image.id.as_str())),
                search.command(),
            )
        })
        .collect()
}

/// The image that a set on AWS boots, by id.
pub(crate) fn aws_image(object: &RawObject<'_>) -> Option<String> {
    let spec = MachineResource::read(object).ok()?.provider_spec;
    let image = rewrite_aws::read(spec).ok()?.image;
    Some(image.id?.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_stand_for_all() {
        let check = |names: &[&str], expected: &str| {
            assert_eq!(some_of(names.iter().copied()), expected);
        };
        check(&[], "");
        check(&["a", "b", "c"], "a, b, c");
        check(&["a", "b", "c", "d", "e"], "a, b, c and 2 more");
    }

    #[test]
    fn bi_244_sets_that_leave_the_same_secret_share_a_warning() {
        let unused = |set: usize, secret: &str| UnusedSecret {
            set: ObjectRef {
                kind: "MachineSet".to_owned(),
                namespace: "n".to_owned(),
                name: set.to_string(),
            },
            secret: secret.to_owned(),
        };
        let mut all: Vec<_> = (0..5).map(|set| unused(set, "worker-user-data")).collect();
        all.push(unused(9, "tuned"));
        let customised = "if it is customised, take the set";
        let loses = "new machines no longer boot with the user data of Secret";
        assert_eq!(
            unused_secrets(&all).collect::<Vec<_>>(),
            [
                format!(
                    "MachineSet n/9: {loses} tuned; {customised} out of boot image management first"
                ),
                format!(
                    "5 MachineSets (0, 1, 2 and 2 more): {loses} \
                    worker-user-data; {customised}s out of boot image management first"
                ),
            ]
        );
    }
}
