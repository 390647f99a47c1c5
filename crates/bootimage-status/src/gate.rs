//! Whether a pass may write at all (BI-113, BI-140, BI-141).

use openshift_model::{
    BootImagesConfigMap, ClusterVersion, MachineConfig, MachineConfiguration, Profile,
};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// What the gates look at.
#[derive(Debug, Clone, Copy)]
pub struct GateInput<'a> {
    /// Whose rules apply. Under 4.17 the spec counts, so that nobody waits for the operator
    /// (BI-143).
    pub profile: Profile,
    /// Whether what is absent here is absent from the cluster. Where it may merely be missing from
    /// the input, no gate closes for its absence.
    pub complete: bool,
    /// MachineConfiguration `cluster`.
    pub configuration: Option<&'a MachineConfiguration<'a>>,
    /// ClusterVersion `version`.
    pub cluster_version: Option<&'a ClusterVersion<'a>>,
    /// The ConfigMap `coreos-bootimages`.
    pub boot_images: Option<&'a BootImagesConfigMap<'a>>,
    /// The rendered MachineConfig that the master pool is to run: the controller of the release
    /// that the cluster is on rendered it.
    pub rendered: Option<&'a MachineConfig<'a>>,
}

/// Why nothing may be written now. It is no error: the next pass looks again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Deferred {
    /// BI-141.
    #[error(
        "MachineConfiguration was not ready: machineconfiguration.operator.openshift.io \
         \"cluster\" not found"
    )]
    ConfigurationMissing,
    /// BI-141.
    #[error("MachineConfiguration was not ready: MachineConfiguration.Status is not up to date")]
    ConfigurationOutdated,
    /// BI-140.
    #[error(
        "failed to check cluster stability: failed to fetch clusterversion: \
         clusterversion.config.openshift.io \"version\" not found"
    )]
    ClusterVersionMissing,
    /// BI-140.
    #[error("Cluster install or upgrade in progress, deferring boot image reconciliation")]
    ClusterNotStable,
    /// BI-113, with the text of BI-112.
    #[error(
        "mismatch between MCO hash version stored in configmap and current MCO version; sync will \
         exit to wait for the MCO upgrade to complete"
    )]
    OtherController {
        /// The hash that the boot images are stamped with.
        stamped: String,
        /// The hash of the controller that is running.
        running: String,
    },
    /// BI-113, with the text of BI-112.
    #[error(
        "mismatch between OCP release version stored in configmap and current MCO release version; \
         sync will exit to wait for the MCO upgrade to complete"
    )]
    OtherRelease {
        /// The release that the boot images are of.
        boot_images: String,
        /// The release that the cluster is to run.
        desired: String,
    },
}

/// The reason code of a pass that writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeferredReason {
    /// BI-140: an installation or an upgrade is under way.
    ClusterNotStable,
    /// BI-141: the operator has not yet taken the configuration in.
    ConfigurationNotReady,
    /// BI-113: the boot images are not those of the release that the cluster is on.
    BootImagesStale,
}

impl DeferredReason {
    /// The code as a plan writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClusterNotStable => "ClusterNotStable",
            Self::ConfigurationNotReady => "ConfigurationNotReady",
            Self::BootImagesStale => "BootImagesStale",
        }
    }
}

impl Deferred {
    /// The reason code.
    pub const fn reason(&self) -> DeferredReason {
        match self {
            Self::ConfigurationMissing | Self::ConfigurationOutdated => {
                DeferredReason::ConfigurationNotReady
            }
            Self::ClusterVersionMissing | Self::ClusterNotStable => {
                DeferredReason::ClusterNotStable
            }
            Self::OtherController { .. } | Self::OtherRelease { .. } => {
                DeferredReason::BootImagesStale
            }
        }
    }
}

/// `{"reason", "message"}`, as in a plan.
impl Serialize for Deferred {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Deferred", 2)?;
        members.serialize_field("reason", self.reason().name())?;
        members.serialize_field("message", &self.to_string())?;
        members.end()
    }
}

/// BI-142: the gates in their order: is the configuration taken in, is the cluster stable, are the
/// boot images those of its release? `None` where all are open.
///
/// While one is closed a controller touches nothing, conditions included (BI-140); a configuration
/// that is not ready for minutes is an error of the pass, with this text (BI-141).
pub fn deferred(input: &GateInput<'_>) -> Option<Deferred> {
    readiness(input).or_else(|| deferred_besides_configuration(input))
}

/// The gates behind that of the configuration: what keeps whoever is to take the configuration in
/// from doing so (BI-113, BI-140).
pub fn deferred_besides_configuration(input: &GateInput<'_>) -> Option<Deferred> {
    stability(input)
        .or_else(|| handshake(input.boot_images?, input.cluster_version, input.rendered))
}

/// BI-141: the operator has seen the present generation of the configuration. An absent generation
/// is 0, as everywhere in the API.
fn readiness(input: &GateInput<'_>) -> Option<Deferred> {
    if input.profile == Profile::P417 {
        return None;
    }
    let Some(configuration) = input.configuration else {
        return input.complete.then_some(Deferred::ConfigurationMissing);
    };
    let generation = configuration.meta.generation.unwrap_or_default();
    let observed = configuration.status.observed_generation.unwrap_or_default();
    (generation != observed).then_some(Deferred::ConfigurationOutdated)
}

fn stability(input: &GateInput<'_>) -> Option<Deferred> {
    match input.cluster_version {
        Some(version) => (!is_stable(version)).then_some(Deferred::ClusterNotStable),
        None => input.complete.then_some(Deferred::ClusterVersionMissing),
    }
}

/// BI-140: the newest release of the history is applied completely.
pub fn is_stable(cluster_version: &ClusterVersion<'_>) -> bool {
    cluster_version
        .history()
        .next()
        .is_some_and(|newest| newest.state.as_deref() == Some("Completed"))
}

/// BI-031: what `releaseVersion` says in a payload in which nobody substituted it.
const RELEASE_NOT_SUBSTITUTED: &str = "0.0.1-snapshot";

/// BI-113: the hash and the release that the boot images carry, against those of the cluster, each
/// where both sides are known.
fn handshake(
    boot_images: &BootImagesConfigMap<'_>,
    cluster_version: Option<&ClusterVersion<'_>>,
    rendered: Option<&MachineConfig<'_>>,
) -> Option<Deferred> {
    let running = rendered.and_then(MachineConfig::controller_version);
    if let Some((stamped, running)) = both(boot_images.mco_version_hash(), running)
        && stamped != running
    {
        return Some(Deferred::OtherController { stamped, running });
    }
    let desired = cluster_version
        .and_then(|version| version.desired.as_ref())
        .and_then(|desired| desired.version.as_deref());
    let release = boot_images
        .release_version()
        .filter(|release| *release != RELEASE_NOT_SUBSTITUTED);
    let (boot_images, desired) = both(release, desired)?;
    (boot_images != desired).then_some(Deferred::OtherRelease {
        boot_images,
        desired,
    })
}

/// Both texts, where neither is absent or empty.
fn both(one: Option<&str>, other: Option<&str>) -> Option<(String, String)> {
    let known = |text: &&str| !text.is_empty();
    let (one, other) = (one.filter(known)?, other.filter(known)?);
    Some((one.to_owned(), other.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use openshift_model::RawObject;
    use serde_json::{Value, json};

    #[test]
    fn bi_140_t_01_a_cluster_is_stable_when_its_newest_release_is_complete() {
        let cases: [(&[&str], bool); 5] = [
            (&[], false),
            (&["P 4.18.0"], false),
            (&["C 4.18.0"], true),
            (&["P 4.19.0", "C 4.18.0"], false),
            (&["C 4.19.0", "C 4.18.0"], true),
        ];
        for (history, expected) in cases {
            let text = testing::cluster_version(history);
            let version: ClusterVersion<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(is_stable(&version), expected, "{history:?}");
        }
    }

    /// The objects that the gates look at, as JSON; null is absent.
    #[derive(Clone)]
    struct Objects {
        configuration: Value,
        history: Option<Vec<&'static str>>,
        boot_images: Value,
        controller: Option<&'static str>,
    }

    /// A cluster of which every gate is open.
    fn open() -> Objects {
        Objects {
            configuration: json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 3}}),
            history: Some(vec!["C 4.22.1", "C 4.21.0"]),
            boot_images: json!({"releaseVersion": "4.22.1", "MCOVersionHash": "abc"}),
            controller: Some("abc"),
        }
    }

    fn found(profile: Profile, complete: bool, objects: &Objects) -> Option<Deferred> {
        let configuration = object(
            "operator.openshift.io/v1",
            "MachineConfiguration",
            objects.configuration.clone(),
        )
        .map(|object| MachineConfiguration::read(&object).unwrap());
        let boot_images = match &objects.boot_images {
            Value::Null => None,
            data => object("v1", "ConfigMap", json!({ "data": data })),
        }
        .map(|object| BootImagesConfigMap::read(&object).unwrap());
        let annotations = json!({"metadata": {"annotations": {
            "machineconfiguration.openshift.io/generated-by-controller-version": objects.controller}}});
        let rendered = object(
            "machineconfiguration.openshift.io/v1",
            "MachineConfig",
            annotations,
        )
        .map(|object| MachineConfig::read(&object).unwrap());
        let status = objects.history.as_deref().map(testing::cluster_version);
        let version = status.and_then(|status| {
            let mut status: Value = serde_json::from_str(&status).unwrap();
            status["desired"] = json!({"version": "4.22.1"});
            object(
                "config.openshift.io/v1",
                "ClusterVersion",
                json!({ "status": status }),
            )
        });
        let version = version.map(|object| ClusterVersion::read(&object).unwrap());
        deferred(&GateInput {
            profile,
            complete,
            configuration: configuration.as_ref(),
            cluster_version: version.as_ref(),
            boot_images: boot_images.as_ref(),
            rendered: rendered.as_ref(),
        })
    }

    /// An object of these members; null is none.
    fn object(api_version: &str, kind: &str, members: Value) -> Option<RawObject<'static>> {
        let Value::Object(mut members) = members else {
            return None;
        };
        members.insert("apiVersion".to_owned(), json!(api_version));
        members.insert("kind".to_owned(), json!(kind));
        RawObject::parse(Value::Object(members).to_string().leak()).unwrap()
    }

    fn check(change: impl FnOnce(&mut Objects), expected: Option<&Deferred>) {
        let mut objects = open();
        change(&mut objects);
        assert_eq!(found(Profile::P422, true, &objects).as_ref(), expected);
    }

    #[test]
    fn bi_141_the_operator_must_have_seen_the_configuration() {
        check(|_| {}, None);
        let outdated = Deferred::ConfigurationOutdated;
        check(
            |objects| objects.configuration["metadata"]["generation"] = json!(4),
            Some(&outdated),
        );
        check(
            |objects| objects.configuration["status"] = Value::Null,
            Some(&outdated),
        );
        check(
            |objects| objects.configuration["metadata"] = Value::Null,
            Some(&outdated),
        );
        // a manifest that no API server has seen
        check(|objects| objects.configuration = json!({}), None);
        check(
            |objects| objects.configuration = json!({"status": {"observedGeneration": 0}}),
            None,
        );
        check(
            |objects| objects.configuration = Value::Null,
            Some(&Deferred::ConfigurationMissing),
        );
    }

    #[test]
    fn bi_143_under_4_17_the_spec_counts_so_that_nobody_waits_for_the_operator() {
        let mut objects = open();
        objects.configuration = json!({"metadata": {"generation": 4}});
        assert_eq!(found(Profile::P417, true, &objects), None);
        let outdated = Some(Deferred::ConfigurationOutdated);
        assert_eq!(found(Profile::P419, true, &objects), outdated);
    }

    #[test]
    fn bi_142_readiness_comes_before_stability() {
        check(
            |objects| {
                objects.history = Some(vec!["P 4.22.1"]);
                objects.configuration["metadata"]["generation"] = json!(4);
            },
            Some(&Deferred::ConfigurationOutdated),
        );
        check(
            |objects| {
                objects.history = Some(vec!["P 4.22.1"]);
                objects.boot_images["MCOVersionHash"] = json!("other");
            },
            Some(&Deferred::ClusterNotStable),
        );
        check(
            |objects| objects.history = None,
            Some(&Deferred::ClusterVersionMissing),
        );
    }

    #[test]
    fn bi_113_the_boot_images_must_be_of_the_release_of_the_cluster() {
        check(
            |objects| objects.boot_images["releaseVersion"] = json!("4.22.0"),
            Some(&Deferred::OtherRelease {
                boot_images: "4.22.0".to_owned(),
                desired: "4.22.1".to_owned(),
            }),
        );
        check(
            |objects| objects.boot_images["MCOVersionHash"] = json!("old"),
            Some(&Deferred::OtherController {
                stamped: "old".to_owned(),
                running: "abc".to_owned(),
            }),
        );
        // what one side does not know is not compared
        for unknown in [json!(""), Value::Null, json!("0.0.1-snapshot")] {
            check(
                |objects| objects.boot_images["releaseVersion"] = unknown,
                None,
            );
        }
        check(
            |objects| objects.boot_images["MCOVersionHash"] = json!(""),
            None,
        );
        check(|objects| objects.controller = None, None);
        check(|objects| objects.boot_images = Value::Null, None);
    }

    #[test]
    fn what_a_partial_input_lacks_closes_no_gate() {
        let mut objects = open();
        objects.configuration = Value::Null;
        objects.history = None;
        assert_eq!(found(Profile::P422, false, &objects), None);
    }

    #[test]
    fn bi_112_bi_140_bi_141_what_a_plan_shows() {
        let (one, other) = (String::new, String::new);
        let cases = [
            (
                Deferred::ConfigurationMissing,
                "ConfigurationNotReady",
                "MachineConfiguration was not ready: machineconfiguration.operator.openshift.io \
                 \"cluster\" not found",
            ),
            (
                Deferred::ConfigurationOutdated,
                "ConfigurationNotReady",
                "MachineConfiguration was not ready: MachineConfiguration.Status is not up to date",
            ),
            (
                Deferred::ClusterVersionMissing,
                "ClusterNotStable",
                "failed to check cluster stability: failed to fetch clusterversion: \
                 clusterversion.config.openshift.io \"version\" not found",
            ),
            (
                Deferred::ClusterNotStable,
                "ClusterNotStable",
                "Cluster install or upgrade in progress, deferring boot image reconciliation",
            ),
            (
                Deferred::OtherController {
                    stamped: one(),
                    running: other(),
                },
                "BootImagesStale",
                "mismatch between MCO hash version stored in configmap and current MCO version; \
                 sync will exit to wait for the MCO upgrade to complete",
            ),
            (
                Deferred::OtherRelease {
                    boot_images: one(),
                    desired: other(),
                },
                "BootImagesStale",
                "mismatch between OCP release version stored in configmap and current MCO release \
                 version; sync will exit to wait for the MCO upgrade to complete",
            ),
        ];
        for (deferred, reason, message) in cases {
            let shown = serde_json::to_value(&deferred).unwrap();
            assert_eq!(shown, json!({"reason": reason, "message": message}));
        }
    }
}
