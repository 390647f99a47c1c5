//! What builders of 4.16 and 4.17 left behind (IL-875).

use std::collections::BTreeSet;

use mosb_naming::keys;
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Address, DeleteRequest, Guard, Kind, ObjectMeta, RawObject, Read, Text, Verb, Which, Write,
};

use crate::builder::BuilderSnapshot;
use crate::decide::BuildPod;

/// IL-126: what a copy of a Secret is called after its original.
const CANONICAL: &str = "-canonical";
/// IL-875: how names of ConfigMaps begin that belonged to a build.
const CONFIG_MAPS: [&str; 3] = ["dockerfile-rendered-", "mc-rendered-", "digest-rendered-"];
/// IL-875: how names of its pods begin.
const PODS: &str = "build-rendered-";

/// IL-875: where leftovers are looked for, once; Secrets by name besides
/// ([`BuilderSnapshot::legacy_secrets`]).
pub fn legacy_reads() -> Vec<Read> {
    let all = |kind| {
        let why = "what builders of 4.16 and 4.17 left (IL-875)";
        Read::new(kind, MCO_NAMESPACE, Which::All, Verb::Watch, why)
    };
    vec![all(Kind::ConfigMap), all(Kind::Pod)]
}

impl BuilderSnapshot<'_> {
    /// IL-126: the names of copies that 4.16 and 4.17 made of Secrets that MachineOSConfigs name, but for
    /// those that one names itself.
    pub fn legacy_secrets(&self) -> BTreeSet<String> {
        let configs = self.layers.configs.iter();
        let named: BTreeSet<&str> = configs
            .flat_map(|config| {
                let base = config.spec.base_image_pull_secret.as_ref();
                let base = base.and_then(|secret| secret.name.as_deref());
                [Some(config.push_secret()), base]
            })
            .flatten()
            .filter(|name| !name.is_empty())
            .collect();
        let copies = named.iter().map(|name| format!("{name}{CANONICAL}"));
        copies
            .filter(|copy| !named.contains(copy.as_str()))
            .collect()
    }

    /// IL-875: what is deleted of these objects: what has the name of a leftover, belongs to nothing that is
    /// there, and does not run. One that cannot be read stays.
    pub fn legacy_deletions(&self, objects: &[RawObject<'_>]) -> Vec<Write> {
        let secrets = self.legacy_secrets();
        let leftovers = objects.iter().filter_map(|object| {
            let name = object.name.as_str();
            let has_name = match object.kind {
                Kind::ConfigMap => CONFIG_MAPS.iter().any(|start| name.starts_with(start)),
                Kind::Pod => name.starts_with(PODS),
                Kind::Secret => secrets.contains(name),
                _ => false,
            };
            let meta = object.meta().ok()?;
            let is_left = has_name
                && object.namespace.as_str() == MCO_NAMESPACE
                && meta.deletion_timestamp.is_none()
                && !runs(object)
                && !self.is_owned(&meta);
            is_left.then(|| delete(object, &meta))
        });
        leftovers.collect()
    }

    /// Whether an object has an owner, or is of a build that is there. (The pods of the stock builder make
    /// the ConfigMap with the digest without an owner; the build of a MachineOSConfig whose name begins with
    /// `rendered-` has names like a leftover's.)
    fn is_owned(&self, meta: &ObjectMeta<'_>) -> bool {
        let mut owners = meta.owner_references.iter().flatten().flatten();
        let build = meta.label(keys::MACHINE_OS_BUILD);
        let mut builds = self.layers.builds.iter();
        owners.next().is_some() || builds.any(|it| Some(it.name.as_str()) == build)
    }
}

/// Whether it is a pod that has not ended.
fn runs(object: &RawObject<'_>) -> bool {
    object.kind == Kind::Pod && BuildPod::read(object).map_or(true, |pod| pod.is_running())
}

fn delete(object: &RawObject<'_>, meta: &ObjectMeta<'_>) -> Write {
    let text = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
    Write::Delete(DeleteRequest {
        address: Address::of(object.kind, MCO_NAMESPACE, &object.name),
        guard: Guard {
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
        },
    })
}
