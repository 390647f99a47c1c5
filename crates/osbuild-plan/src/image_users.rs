//! Who names an image, so that it must not go (IL-353, IL-707).

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::keys;
use openshift_model::Kind;

use crate::cluster::Cluster;
use crate::local_build::ROLE_LABEL;
use crate::rollout::{current_config, desired_config, images_in_use};

/// The label of an image with the pool that it is for (IL-178).
pub const POOL_LABEL: &str = "machineconfigpool";

/// Names of objects, as KIND/NAME, by the digest of the image that they name.
pub type ImageUsers = BTreeMap<String, BTreeSet<String>>;

/// IL-353, IL-707: who names each image: nodes, MachineOSConfigs, MachineOSBuilds, and MachineConfigs that
/// are no rendered ones, which are made of those.
pub fn image_users(cluster: &Cluster<'_>) -> ImageUsers {
    let mut users = ImageUsers::new();
    for config in cluster.machine_configs {
        // A rendered MachineConfig has no role.
        if config.meta.label(ROLE_LABEL).is_some() {
            add(
                &mut users,
                config.os_image(),
                Kind::MachineConfig,
                &config.name,
            );
        }
    }
    for config in cluster.configs {
        let current = config.status.current_image_pull_spec.as_deref();
        let pre_built = config.meta.annotation(keys::PRE_BUILT_IMAGE);
        for image in current.into_iter().chain(pre_built) {
            add(&mut users, image, Kind::MachineOSConfig, &config.name);
        }
    }
    for build in cluster.builds {
        let image = build.status.digested_image_push_spec.as_deref();
        let image = image.unwrap_or_default();
        add(&mut users, image, Kind::MachineOSBuild, &build.name);
    }
    for node in cluster.nodes {
        for image in images_in_use(std::slice::from_ref(node)) {
            add(&mut users, &image, Kind::Node, &node.name);
        }
    }
    users
}

/// The same, and the rendered MachineConfigs that a pool or a node runs or is to run.
pub(crate) fn image_users_with_rendered(cluster: &Cluster<'_>) -> ImageUsers {
    let mut users = image_users(cluster);
    let mut rendered: BTreeSet<&str> = BTreeSet::new();
    for pool in cluster.pools {
        rendered.extend([pool.target.name(), pool.current.name()]);
    }
    for node in cluster.nodes {
        rendered.extend(current_config(node).into_iter().chain(desired_config(node)));
    }
    for name in rendered {
        if let Some(config) = cluster.machine_config(name) {
            add(&mut users, config.os_image(), Kind::MachineConfig, name);
        }
    }
    users
}

fn add(users: &mut ImageUsers, image: &str, kind: Kind, name: &str) {
    if let Some((_, digest)) = image.rsplit_once('@') {
        let names = users.entry(digest.to_owned()).or_default();
        names.insert(format!("{}/{name}", kind.name()));
    }
}
