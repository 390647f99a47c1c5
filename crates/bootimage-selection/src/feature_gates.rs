//! Which feature gates are open in a release (BI-060).

use openshift_model::{OcpVersion, Platform, Profile, names};

/// The set of features that a cluster was switched to: `spec.featureSet` of FeatureGate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureSet {
    /// What every cluster has. `CustomNoUpgrade` and sets that are not known count as this one.
    Default,
    /// `TechPreviewNoUpgrade`.
    TechPreview,
    /// `DevPreviewNoUpgrade`.
    DevPreview,
}

impl FeatureSet {
    /// The set with this name; the empty name is the default set's.
    pub fn from_name(name: &str) -> Self {
        match name {
            "TechPreviewNoUpgrade" => Self::TechPreview,
            "DevPreviewNoUpgrade" => Self::DevPreview,
            _ => Self::Default,
        }
    }
}

/// Major and minor number of a release.
type Minor = (u64, u64);

/// From which release on a gate is open in a feature set.
struct Gate {
    name: &'static str,
    dev_preview: Minor,
    tech_preview: Minor,
    default: Minor,
}

const fn gate(name: &'static str, dev_preview: u64, tech_preview: u64, default: u64) -> Gate {
    Gate {
        name,
        dev_preview: (4, dev_preview),
        tech_preview: (4, tech_preview),
        default: (4, default),
    }
}

/// BI-060, `data/feature-gates-by-release.json`.
const GATES: [Gate; 6] = [
    gate("ManagedBootImages", 16, 16, 17),
    gate("ManagedBootImagesAWS", 17, 17, 18),
    gate("ManagedBootImagesvSphere", 20, 20, 21),
    gate("ManagedBootImagesAzure", 20, 20, 21),
    gate(names::CPMS_FEATURE_GATE, 21, 21, 22),
    gate(names::SKEW_FEATURE_GATE, 20, 21, 22),
];

/// BI-060: the gate that lets MachineSets of a platform be managed.
pub fn platform_gate(platform: &Platform) -> Option<&'static str> {
    match platform {
        Platform::Gcp => Some("ManagedBootImages"),
        Platform::Aws => Some("ManagedBootImagesAWS"),
        Platform::VSphere => Some("ManagedBootImagesvSphere"),
        Platform::Azure => Some("ManagedBootImagesAzure"),
        Platform::BareMetal | Platform::Other(_) => None,
    }
}

/// BI-060: whether a release opens a gate in a feature set. A gate that is not known is shut.
pub fn gate_is_open(name: &str, release: OcpVersion, set: FeatureSet) -> bool {
    let release = (release.major, release.minor);
    GATES
        .iter()
        .find(|gate| gate.name == name)
        .is_some_and(|gate| {
            release
                >= match set {
                    FeatureSet::Default => gate.default,
                    FeatureSet::TechPreview => gate.tech_preview,
                    FeatureSet::DevPreview => gate.dev_preview,
                }
        })
}

/// BI-060: whether the gates of platforms are gone in a release: what they guarded is always on.
pub fn platform_gates_are_gone(release: OcpVersion) -> bool {
    (release.major, release.minor) >= (4, 22)
}

/// The release whose gates count: the cluster's where its rules apply, else the newest one with
/// these rules.
pub fn release_of_gates(profile: Profile, release: Option<&str>) -> OcpVersion {
    let minor = match profile {
        Profile::P417 => 18,
        Profile::P419 => 20,
        Profile::P421 => 21,
        Profile::P422 => 22,
    };
    release
        .and_then(OcpVersion::parse)
        .filter(|version| Profile::of_release(*version) == profile)
        .unwrap_or(OcpVersion {
            major: 4,
            minor,
            patch: 0,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn bi_060_the_gates_are_those_of_the_table() {
        let text = include_str!("../../../docs/spec/data/feature-gates-by-release.json");
        let table: Value = serde_json::from_str(text).unwrap();
        let columns = table["columns"].as_array().unwrap();
        let mut checked = 0;
        for (name, row) in table.as_object().unwrap() {
            let release = name.split('/').next().and_then(OcpVersion::parse);
            let (Some(release), Some(row)) = (release, row.as_array()) else {
                continue;
            };
            for (gate, state) in columns.iter().zip(row) {
                let (gate, state) = (gate.as_str().unwrap(), state.as_str().unwrap());
                let open = |set| gate_is_open(gate, release, set);
                let found = (
                    open(FeatureSet::Default),
                    open(FeatureSet::TechPreview),
                    open(FeatureSet::DevPreview),
                );
                let expected = match state {
                    "D" | "x" => (true, true, true),
                    "DP" => (false, false, true),
                    "-" => (false, false, false),
                    _ => (false, true, true),
                };
                assert_eq!(found, expected, "{gate} {name}");
                checked += 1;
            }
        }
        assert!(checked >= 6 * 8, "{checked}");
    }

    #[test]
    fn bi_410_without_a_release_the_newest_one_of_the_rules_counts() {
        for (profile, release, expected) in [
            (Profile::P417, Some("4.17.3"), "4.17.3"),
            (Profile::P417, Some("4.21.3"), "4.18.0"),
            (Profile::P417, None, "4.18.0"),
            (Profile::P419, None, "4.20.0"),
            (Profile::P422, Some("5.0.0"), "5.0.0"),
        ] {
            let found = release_of_gates(profile, release);
            assert_eq!(found.to_string(), expected, "{profile} {release:?}");
        }
    }
}
