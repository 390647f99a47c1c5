//! Names, labels and annotations of everything that a build creates (IL-030, IL-031, IL-124).

use std::collections::BTreeMap;
use std::fmt;

use openshift_model::{LayeredPool, MachineOSConfig, Selector, SelectorError};
use serde::Serialize;

use crate::keys;
use crate::name::{JOB_PREFIX, LONGEST_LABEL, MosbName};

/// Labels or annotations, sorted by key.
pub type StringMap = BTreeMap<&'static str, String>;

macro_rules! object_name {
    ($(#[$doc:meta])* $name:ident, longest $longest:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name(String);

        impl $name {
            /// Longest name that Kubernetes takes.
            pub const MAX_LENGTH: usize = $longest;

            fn of(prefix: &str, build: &MosbName) -> Self {
                Self(format!("{prefix}{build}"))
            }

            /// The characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

object_name! {
    /// The name of a Job: the value of a label of its pods.
    JobName, longest LONGEST_LABEL
}
object_name! {
    /// The name of a ConfigMap.
    ConfigMapName, longest 253
}
object_name! {
    /// The name of a Secret.
    SecretName, longest 253
}

/// The ConfigMaps of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildConfigMap {
    /// The rendered Containerfile.
    Containerfile,
    /// The rendered MachineConfig, packed.
    MachineConfig,
    /// `policy.json` of the nodes.
    EtcPolicy,
    /// `registries.conf` of the nodes.
    EtcRegistries,
    /// Certificates that the administrator trusts.
    AdditionalTrustBundle,
    /// The digest of the image; it stays when the build is done.
    Digest,
}

/// The Secrets of a build: normalised copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildSecret {
    /// For pulling the base image.
    BasePull,
    /// For pushing the result.
    FinalPush,
}

impl BuildConfigMap {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Containerfile,
        Self::MachineConfig,
        Self::EtcPolicy,
        Self::EtcRegistries,
        Self::AdditionalTrustBundle,
        Self::Digest,
    ];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Containerfile => "containerfile-",
            Self::MachineConfig => "mc-",
            Self::EtcPolicy => "etc-policy-",
            Self::EtcRegistries => "etc-registries-",
            Self::AdditionalTrustBundle => LONGEST_PREFIX,
            Self::Digest => "digest-",
        }
    }
}

const LONGEST_PREFIX: &str = "additionaltrustbundle-";
const _: () = assert!(LONGEST_PREFIX.len() + MosbName::MAX_LENGTH <= ConfigMapName::MAX_LENGTH);
const _: () = assert!(JOB_PREFIX.len() + MosbName::MAX_LENGTH <= JobName::MAX_LENGTH);

impl BuildSecret {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::BasePull, Self::FinalPush];

    const fn prefix(self) -> &'static str {
        match self {
            Self::BasePull => "base-",
            Self::FinalPush => "final-",
        }
    }
}

impl MosbName {
    /// IL-124: the Job.
    ///
    /// ```
    /// let build = mosb_naming::MosbName::existing("layered-fbd0c995898fad6a87c4b09a5b782818")?;
    /// assert_eq!(build.job().as_str(), "build-layered-fbd0c995898fad6a87c4b09a5b782818");
    /// # Ok::<(), mosb_naming::LimitError>(())
    /// ```
    pub fn job(&self) -> JobName {
        JobName::of(JOB_PREFIX, self)
    }

    /// IL-124: a ConfigMap.
    pub fn config_map(&self, which: BuildConfigMap) -> ConfigMapName {
        ConfigMapName::of(which.prefix(), self)
    }

    /// IL-124: a Secret.
    pub fn secret(&self, which: BuildSecret) -> SecretName {
        SecretName::of(which.prefix(), self)
    }
}

/// IL-124: the Secret with a pool's entitlement, which the operator copies.
pub fn entitlement_secret(pool: &str) -> String {
    format!("etc-pki-entitlement-{pool}")
}

/// IL-142: whether a MachineOSBuild has the name of an older release
/// (`<pool>-<rendered MachineConfig>-builder`, or `<pool>-<hash>-builder` as documents print it).
/// Such names are recognised, never made.
pub fn is_legacy_build(name: &str) -> bool {
    name.strip_suffix("-builder")
        .is_some_and(|rest| rest.contains('-'))
}

/// IL-030, IL-131: labels of a MachineOSBuild.
pub fn build_labels(config: &MachineOSConfig<'_>, pool: &LayeredPool<'_>) -> StringMap {
    StringMap::from([
        (keys::TARGET_POOL, pool.name.to_string()),
        (keys::RENDERED_CONFIG, pool.target.name().to_owned()),
        (keys::MACHINE_OS_CONFIG, config.name.to_string()),
    ])
}

/// IL-030, IL-131: annotations of a MachineOSBuild.
pub fn build_annotations(config: &MachineOSConfig<'_>) -> StringMap {
    StringMap::from([(keys::PUSH_SECRET, config.push_secret().to_owned())])
}

/// Labels and annotations of the objects of one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// IL-030: six labels.
    pub labels: StringMap,
    /// IL-030: annotations.
    pub annotations: StringMap,
}

/// What a build may use if the cluster has it (IL-241).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Optional {
    /// The Secret `etc-pki-entitlement-<pool>`.
    pub entitlement: bool,
    /// The ConfigMap `etc-yum-repos-d`.
    pub yum_repos: bool,
    /// The Secret `etc-pki-rpm-gpg`.
    pub gpg_keys: bool,
}

/// IL-030: labels and annotations of the Job, the ConfigMaps and the Secrets of a build.
pub fn object_marks(
    build: &MosbName,
    config: &str,
    pool: &str,
    rendered: &str,
    optional: Optional,
) -> Marks {
    let labels = StringMap::from([
        (keys::EPHEMERAL, String::new()),
        (keys::ON_CLUSTER_LAYERING, String::new()),
        (keys::RENDERED_CONFIG, rendered.to_owned()),
        (keys::TARGET_POOL, pool.to_owned()),
        (keys::MACHINE_OS_CONFIG, config.to_owned()),
        (keys::MACHINE_OS_BUILD, build.to_string()),
    ]);
    let Optional {
        entitlement,
        yum_repos,
        gpg_keys,
    } = optional;
    let mut annotations = StringMap::from([
        (keys::MACHINE_OS_CONFIG, config.to_owned()),
        (keys::MACHINE_OS_BUILD, build.to_string()),
    ]);
    for (key, is_there) in [
        (keys::HAS_ENTITLEMENT, entitlement),
        (keys::HAS_YUM_REPOS, yum_repos),
        (keys::HAS_GPG_KEYS, gpg_keys),
    ] {
        if is_there {
            annotations.insert(key, String::new());
        }
    }
    Marks {
        labels,
        annotations,
    }
}

/// IL-030: further labels of the copy of a Secret.
pub fn secret_copy_labels(original: &str) -> StringMap {
    StringMap::from([
        (keys::CANONICALIZED_SECRET, String::new()),
        (keys::ORIGINAL_SECRET, original.to_owned()),
    ])
}

/// IL-031: everything that builds create and that goes when they are done.
pub fn ephemeral_objects() -> Result<Selector, SelectorError> {
    os_builds()?.and_exists(keys::EPHEMERAL)
}

/// IL-031: everything that belongs to image layering and names a configuration and a pool.
pub fn os_builds() -> Result<Selector, SelectorError> {
    Selector::default()
        .and_exists(keys::ON_CLUSTER_LAYERING)?
        .and_exists(keys::RENDERED_CONFIG)?
        .and_exists(keys::TARGET_POOL)
}

/// IL-031: the builds of a MachineOSConfig.
pub fn builds_of(config: &str, pool: &str) -> Result<Selector, SelectorError> {
    Selector::default()
        .and_equals(keys::TARGET_POOL, pool)?
        .and_equals(keys::MACHINE_OS_CONFIG, config)
}

/// IL-031: the builds of a MachineOSConfig for what its pool is to run.
pub fn builds_for(config: &str, pool: &LayeredPool<'_>) -> Result<Selector, SelectorError> {
    builds_of(config, &pool.name)?.and_equals(keys::RENDERED_CONFIG, pool.target.name())
}

/// IL-031: the objects of one build.
pub fn objects_of(build: &MosbName, pool: &str, rendered: &str) -> Result<Selector, SelectorError> {
    Selector::default()
        .and_exists(keys::EPHEMERAL)?
        .and_exists(keys::ON_CLUSTER_LAYERING)?
        .and_equals(keys::RENDERED_CONFIG, rendered)?
        .and_equals(keys::TARGET_POOL, pool)?
        .and_equals(keys::MACHINE_OS_BUILD, build.as_str())
}

/// IL-031: the copies of Secrets.
pub fn secret_copies() -> Result<Selector, SelectorError> {
    Selector::default()
        .and_exists(keys::CANONICALIZED_SECRET)?
        .and_exists(keys::ORIGINAL_SECRET)?
        .and_exists(keys::ON_CLUSTER_LAYERING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::documents;

    fn build() -> MosbName {
        MosbName::existing("layered-fbd0c995898fad6a87c4b09a5b782818").unwrap()
    }

    #[test]
    fn il_124_objects_are_named_after_the_build() {
        let build = build();
        let name = |text: &str| format!("{text}{build}");
        assert_eq!(build.job().as_str(), name("build-"));
        let config_maps = BuildConfigMap::ALL.map(|which| build.config_map(which).to_string());
        let prefixes = [
            "containerfile-",
            "mc-",
            "etc-policy-",
            "etc-registries-",
            "additionaltrustbundle-",
            "digest-",
        ];
        assert_eq!(config_maps, prefixes.map(name));
        let secrets = BuildSecret::ALL.map(|which| build.secret(which).to_string());
        assert_eq!(secrets, ["base-", "final-"].map(name));
        assert_eq!(entitlement_secret("worker"), "etc-pki-entitlement-worker");
    }

    #[test]
    fn il_142_names_of_older_releases_are_recognised() {
        assert!(is_legacy_build("layered-rendered-layered-ad5a3cad-builder"));
        assert!(!is_legacy_build("layered-fbd0c995898fad6a87c4b09a5b782818"));
    }

    #[test]
    fn il_030_builds_and_their_objects_carry_labels_and_annotations() {
        documents().read(|inputs| {
            let (config, pool) = (inputs.machine_os_config.unwrap(), inputs.pool.unwrap());
            let labels = build_labels(config, pool);
            assert_eq!(labels.len(), 3);
            assert_eq!(labels[keys::RENDERED_CONFIG], "rendered-layered-1");
            assert_eq!(build_annotations(config)[keys::PUSH_SECRET], "push");
        });
        let optional = Optional {
            gpg_keys: true,
            ..Optional::default()
        };
        let marks = object_marks(
            &build(),
            "layered",
            "layered",
            "rendered-layered-1",
            optional,
        );
        assert_eq!(marks.labels.len(), 6);
        let annotations: Vec<_> = marks.annotations.keys().copied().collect();
        assert_eq!(
            annotations,
            [
                keys::HAS_GPG_KEYS,
                keys::MACHINE_OS_BUILD,
                keys::MACHINE_OS_CONFIG
            ]
        );
        assert_eq!(secret_copy_labels("push")[keys::ORIGINAL_SECRET], "push");
    }

    #[test]
    fn il_031_selectors_find_what_carries_the_labels() {
        let marks = object_marks(
            &build(),
            "layered",
            "layered",
            "rendered-1",
            Optional::default(),
        );
        let labels = || {
            marks
                .labels
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
        };
        let carried: openshift_model::StringMap<'_> = labels().collect();
        let finds = |selector: Result<Selector, SelectorError>| selector.unwrap().matches(&carried);
        assert!(finds(ephemeral_objects()) && finds(os_builds()));
        assert!(finds(builds_of("layered", "layered")) && !finds(builds_of("other", "layered")));
        assert!(finds(objects_of(&build(), "layered", "rendered-1")));
        assert!(!finds(objects_of(&build(), "layered", "rendered-2")));
        assert!(!finds(secret_copies()));
        documents().read(|inputs| {
            let selector = builds_for("layered", inputs.pool.unwrap());
            assert!(!finds(selector));
        });
    }
}
