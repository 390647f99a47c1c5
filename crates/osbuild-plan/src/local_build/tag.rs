//! Whether a tag may be moved to another image: what is there may be somebody else's, or in use.

use containerfile_render::PROVENANCE_LABEL;
use openshift_model::Kind;

use crate::image_users::{POOL_LABEL, image_users};
use crate::snapshot::LayerSnapshot;

/// The image that a tag names now.
#[derive(Debug, Clone, Copy)]
pub struct TagImage<'a> {
    /// Its digest.
    pub digest: &'a str,
    /// Its labels, a JSON object.
    pub labels: &'a serde_json::Value,
}

/// Why a tag is not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagObstacle {
    /// It was made by something else.
    #[error(
        "{push_spec} is an image already that was not built by osimage (it has no label \
         {PROVENANCE_LABEL}): choose another tag, or take this one with --overwrite"
    )]
    Foreign {
        /// Where the image was to be pushed.
        push_spec: String,
    },
    /// It was made for another pool.
    #[error(
        "{push_spec} is the image of pool {pool} already: choose another tag, or take this one with \
         --overwrite"
    )]
    OfOtherPool {
        /// Where the image was to be pushed.
        push_spec: String,
        /// The pool that it was made for.
        pool: String,
    },
    /// Something else needs it.
    #[error(
        "{push_spec} is in use by {}: many registries delete an image that no tag names any more, and then \
         no node can pull it; choose another tag, or take this one with --overwrite", .users.join(", ")
    )]
    InUse {
        /// Where the image was to be pushed.
        push_spec: String,
        /// Who names it, as KIND/NAME.
        users: Vec<String>,
    },
}

/// IL-055: whether the tag `push_spec` may be moved from the image that it names to the next one for
/// `pool`. That the MachineConfig `name`, which the next image is for, names it is no obstacle.
pub fn check_tag(
    snapshot: &LayerSnapshot<'_>,
    pool: &str,
    name: &str,
    push_spec: &str,
    there: &TagImage<'_>,
) -> Result<(), TagObstacle> {
    let push_spec = || push_spec.to_owned();
    let label = |name| there.labels.get(name).and_then(serde_json::Value::as_str);
    if label(PROVENANCE_LABEL).is_none() {
        let push_spec = push_spec();
        return Err(TagObstacle::Foreign { push_spec });
    }
    if let Some(other) = label(POOL_LABEL).filter(|other| *other != pool) {
        return Err(TagObstacle::OfOtherPool {
            push_spec: push_spec(),
            pool: other.to_owned(),
        });
    }
    let own = format!("{}/{name}", Kind::MachineConfig.name());
    let users = image_users(&snapshot.cluster()).remove(there.digest);
    let users = users.unwrap_or_default().into_iter();
    let users: Vec<String> = users.filter(|user| *user != own).collect();
    if users.is_empty() {
        return Ok(());
    }
    let push_spec = push_spec();
    Err(TagObstacle::InUse { push_spec, users })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_build::{PUSH_SPEC, ROLE_LABEL};
    use crate::testing::{object, raw};
    use serde_json::{Value, json};

    fn check(objects: &[String], labels: &Value, expected: &str) {
        let (snapshot, errors) = LayerSnapshot::of(objects.iter().map(|text| raw(text)).collect());
        assert!(errors.is_empty(), "{errors:?}");
        let there = TagImage {
            digest: "sha256:1",
            labels,
        };
        let found = check_tag(&snapshot, "worker", "os-layer", "r.io/o/i:t", &there).err();
        let found = found.map(|error| error.to_string()).unwrap_or_default();
        assert!(found.contains(expected), "{found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
    }

    #[test]
    fn il_055_a_tag_of_somebody_else_is_not_taken() {
        let ours = json!({PROVENANCE_LABEL: "sha256:9", POOL_LABEL: "worker"});
        check(&[], &ours, "");
        check(&[], &json!({PROVENANCE_LABEL: "sha256:9"}), "");
        check(&[], &json!({}), "was not built by osimage");
        check(&[], &Value::Null, "was not built by osimage");
        let gpu = json!({PROVENANCE_LABEL: "sha256:9", POOL_LABEL: "gpu"});
        check(&[], &gpu, "is the image of pool gpu already");
    }

    #[test]
    fn il_055_a_tag_that_is_in_use_is_not_taken() {
        let ours = json!({PROVENANCE_LABEL: "sha256:9", POOL_LABEL: "worker"});
        let image = "r.io/o/i@sha256:1";
        let config = |name: &str, image: &str| {
            object(
                "MachineConfig",
                &json!({"metadata": {"name": name, "labels": {ROLE_LABEL: "worker"},
                    "annotations": {PUSH_SPEC: "r.io/o/i:t"}}, "spec": {"osImageURL": image}}),
            )
        };
        check(&[config("os-layer", image)], &ours, "");
        check(&[config("other", "r.io/o/i@sha256:11")], &ours, "");
        check(
            &[config("other", image)],
            &ours,
            "in use by MachineConfig/other: ",
        );
        let config = object(
            "MachineOSConfig",
            &json!({"metadata": {"name": "layered"}, "status": {"currentImagePullSpec": image}}),
        );
        let build = object(
            "MachineOSBuild",
            &json!({"metadata": {"name": "b"}, "status": {"digestedImagePushSpec": image}}),
        );
        let node = object(
            "Node",
            &json!({"metadata": {"name": "a", "annotations":
                {"machineconfiguration.openshift.io/desiredImage": image}}}),
        );
        check(
            &[config, build, node],
            &ours,
            "MachineOSBuild/b, MachineOSConfig/layered, Node/a",
        );
    }
}
