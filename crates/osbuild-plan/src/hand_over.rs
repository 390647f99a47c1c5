//! What a builder that is asked to stop still waits for (§5.9): the time between the deletion of an
//! object and that of what was made for it.

use std::fmt;

use mosb_naming::keys;
use openshift_model::{Kind, ObjectMeta};

use crate::builder::{BUILD_NAMESPACE, BuilderSnapshot};

/// IL-381: what owns something that a build made.
const OWNERS: [Kind; 3] = [Kind::MachineOSConfig, Kind::MachineOSBuild, Kind::Job];

/// IL-381: an object that should be on its way out, and is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// MachineOSBuild, Job, ConfigMap or Secret.
    pub kind: Kind,
    /// `metadata.name`
    pub name: String,
    /// IL-553: `metadata.uid`: another object of the name is another one.
    pub uid: String,
    /// The MachineOSConfig that it is of; empty where it says none.
    pub config: String,
}

impl fmt::Display for Leftover {
    /// As a command line names it, e.g. `job/build-layered-1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name().to_lowercase(), self.name)
    }
}

impl Leftover {
    /// IL-380: the command by which a person deletes it.
    pub fn command(&self) -> String {
        format!("oc delete {self} -n {BUILD_NAMESPACE}")
    }
}

impl BuilderSnapshot<'_> {
    /// IL-380, IL-381: what should be on its way out and is not: its owner, or what its labels name, is
    /// gone or goes. What has neither never counts.
    pub fn leftovers(&self) -> Vec<Leftover> {
        let builds = self.layers.builds.iter();
        let builds = builds.map(|build| (Kind::MachineOSBuild, build.name.as_str(), &build.meta));
        let jobs = self.jobs.iter();
        let jobs = jobs.map(|job| (Kind::Job, job.name.as_str(), &job.meta));
        let owned = self.owned.iter();
        let owned = owned.map(|object| (object.kind, object.name.as_str(), &object.meta));
        let all = builds.chain(jobs).chain(owned);
        let left = all.filter(|(_, _, meta)| meta.deletion_timestamp.is_none() && self.goes(meta));
        let mut left: Vec<_> = left
            .map(|(kind, name, meta)| Leftover {
                kind,
                name: name.to_owned(),
                uid: meta.uid.as_deref().unwrap_or_default().to_owned(),
                config: meta
                    .label(keys::MACHINE_OS_CONFIG)
                    .unwrap_or_default()
                    .to_owned(),
            })
            .collect();
        left.sort();
        left
    }

    /// IL-381: whether what an object belongs to is gone or goes.
    fn goes(&self, meta: &ObjectMeta<'_>) -> bool {
        let mut owners = meta.owner_references.iter().flatten().flatten();
        let owner = owners.find_map(|owner| {
            let mut kinds = OWNERS.into_iter();
            let kind = kinds.find(|kind| owner.kind.as_deref() == Some(kind.name()))?;
            let name = owner.name.as_deref().filter(|name| !name.is_empty())?;
            Some((kind, name, owner.uid.as_deref()))
        });
        let named = |kind, label| {
            let name = meta.label(label).filter(|name| !name.is_empty())?;
            Some((kind, name, None))
        };
        let labels = [
            named(Kind::MachineOSConfig, keys::MACHINE_OS_CONFIG),
            named(Kind::MachineOSBuild, keys::MACHINE_OS_BUILD),
        ];
        let mut belongs_to = labels.into_iter().flatten().chain(owner);
        belongs_to.any(|(kind, name, uid)| !self.stays(kind, name, uid))
    }

    /// Whether an object is there and stays; IL-771: this very one, where its uid is known.
    fn stays(&self, kind: Kind, name: &str, uid: Option<&str>) -> bool {
        let is_it = |found: &str, meta: &ObjectMeta<'_>| {
            found == name
                && meta.deletion_timestamp.is_none()
                && (uid.is_none() || meta.uid.as_deref() == uid)
        };
        match kind {
            Kind::MachineOSConfig => {
                let mut configs = self.layers.configs.iter();
                let mut others = self.layers.of_other_versions.iter();
                configs.any(|config| is_it(&config.name, &config.meta))
                    || others.any(|config| config.name == name)
            }
            Kind::MachineOSBuild => {
                let mut builds = self.layers.builds.iter();
                builds.any(|build| is_it(&build.name, &build.meta))
            }
            _ => self.jobs.iter().any(|job| is_it(&job.name, &job.meta)),
        }
    }
}

#[cfg(test)]
mod tests {
    use openshift_model::V1;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::raw;

    const NAMES: [(&str, &str); 5] = [
        ("MOSC", "layered"),
        ("MOSB", "layered-1"),
        ("Job", "build-layered-1"),
        ("CM", "mc-layered-1"),
        ("Secret", "base-layered-1"),
    ];

    fn owner(kind: &str) -> Value {
        let name = NAMES.iter().find(|(known, _)| *known == kind).unwrap().1;
        let (version, long) = match kind {
            "MOSC" => (V1, "MachineOSConfig"),
            "MOSB" => (V1, "MachineOSBuild"),
            _ => ("batch/v1", "Job"),
        };
        json!({"apiVersion": version, "kind": long, "name": name, "uid": format!("uid-{kind}")})
    }

    /// An object as the case calls it: `p` in front: it is on its way out; `digest-CM`: without an owner;
    /// `bare-CM`: without labels besides.
    fn object(text: &str) -> String {
        let (is_pending, text) = match text.strip_prefix('p') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (variant, kind) = text.split_once('-').unwrap_or(("", text));
        let name = NAMES.iter().find(|(known, _)| *known == kind).unwrap().1;
        let labels = match kind {
            "MOSC" => json!({}),
            "MOSB" => json!({keys::MACHINE_OS_CONFIG: "layered"}),
            _ => json!({keys::MACHINE_OS_CONFIG: "layered", keys::MACHINE_OS_BUILD: "layered-1"}),
        };
        let owners = match kind {
            "MOSC" => json!([]),
            "MOSB" => json!([owner("MOSC")]),
            "Job" => json!([owner("MOSB")]),
            _ => json!([owner("Job")]),
        };
        let mut metadata = json!({"name": name, "uid": format!("uid-{kind}")});
        if variant != "bare" {
            metadata["labels"] = labels;
        }
        if variant.is_empty() {
            metadata["ownerReferences"] = owners;
        }
        if is_pending {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let (version, long) = match kind {
            "MOSC" => (V1, "MachineOSConfig"),
            "MOSB" => (V1, "MachineOSBuild"),
            "Job" => ("batch/v1", "Job"),
            "CM" => ("v1", "ConfigMap"),
            _ => ("v1", "Secret"),
        };
        json!({"apiVersion": version, "kind": long, "metadata": metadata}).to_string()
    }

    fn check(there: &str, expected: &str) {
        let texts: Vec<String> = there.split_whitespace().map(object).collect();
        let (view, errors) =
            BuilderSnapshot::of(texts.iter().map(|text| raw(text)).collect::<Vec<_>>());
        assert_eq!(errors, [], "{there}");
        let left = view.leftovers();
        let mut left: Vec<_> = left.iter().map(ToString::to_string).collect();
        let mut wanted: Vec<_> = expected
            .split_whitespace()
            .map(|kind| {
                let name = NAMES.iter().find(|(known, _)| *known == kind).unwrap().1;
                let kind = match kind {
                    "MOSB" => "machineosbuild",
                    "Job" => "job",
                    "CM" => "configmap",
                    _ => "secret",
                };
                format!("{kind}/{name}")
            })
            .collect();
        wanted.sort();
        left.sort();
        assert_eq!(left, wanted, "{there}");
    }

    #[test]
    fn il_381_il_552_what_should_go_and_does_not_is_waited_for() {
        for (there, expected) in [
            ("", ""),
            ("MOSC MOSB", ""),
            ("pMOSC MOSB", "MOSB"),
            ("MOSC pMOSB", ""),
            ("MOSC MOSB Job", ""),
            ("MOSC pMOSB Job", "Job"),
            ("pMOSC pMOSB Job", "Job"),
            ("pMOSC pMOSB pJob CM", "CM"),
            ("pMOSC pMOSB pJob Secret", "Secret"),
            ("Job", "Job"),
            ("pJob", ""),
            ("CM", "CM"),
            ("Secret", "Secret"),
            ("pCM", ""),
            ("pSecret", ""),
            ("bare-MOSB bare-Job bare-CM bare-Secret", ""),
            ("MOSC MOSB Job CM Secret", ""),
            ("pMOSC pMOSB pJob pCM pSecret", ""),
            ("MOSB Job CM Secret", "MOSB Job CM Secret"),
            ("digest-CM", "CM"),
            ("pdigest-CM", ""),
            ("pMOSB digest-CM", "CM"),
            ("pMOSB pdigest-CM", ""),
            ("pMOSC digest-CM", "CM"),
            ("pMOSC pdigest-CM", ""),
            ("pMOSC pMOSB digest-CM", "CM"),
            ("pMOSC pMOSB pdigest-CM", ""),
            ("pMOSC MOSB digest-CM", "MOSB CM"),
            ("pMOSC MOSB pdigest-CM", "MOSB"),
            ("MOSC MOSB digest-CM", ""),
            ("MOSC MOSB pdigest-CM", ""),
        ] {
            check(there, expected);
        }
    }

    #[test]
    fn il_771_the_owner_is_this_very_object() {
        let build = object("MOSB");
        let of = |uid: &str| {
            let config = object("MOSC").replace("uid-MOSC", uid);
            let (view, _) = BuilderSnapshot::of(vec![raw(&config), raw(&build)]);
            view.leftovers().len()
        };
        assert_eq!((of("uid-MOSC"), of("another")), (0, 1));
    }

    #[test]
    fn il_380_a_person_is_told_how_to_delete_it() {
        let leftover = Leftover {
            kind: Kind::MachineOSBuild,
            name: "layered-1".to_owned(),
            uid: String::new(),
            config: "layered".to_owned(),
        };
        assert_eq!(
            leftover.command(),
            "oc delete machineosbuild/layered-1 -n openshift-machine-config-operator"
        );
    }
}
