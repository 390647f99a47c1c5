//! Which feature gates are open, and who says so (BI-060, BI-075).

use bootimage_selection::{FeatureSet, gate_is_open, platform_gate, platform_gates_are_gone};
use openshift_model::{CUSTOM_FEATURE_SET, FeatureGate, OcpVersion, Platform, names};

/// A gate that is shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShutGate {
    pub(crate) name: &'static str,
    pub(crate) release: OcpVersion,
    /// Who says so.
    pub(crate) source: GateSource,
}

/// Who says that a gate is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateSource {
    /// FeatureGate does.
    Stated,
    /// FeatureGate is in the input and does not list it: the release's default is assumed.
    NotListed,
    /// There is no FeatureGate: the release's default is assumed.
    NoObject,
}

impl ShutGate {
    /// Why nothing is managed, and what to do about it.
    pub(crate) fn sentence(&self) -> String {
        let (major, minor) = (self.release.major, self.release.minor);
        let gate = self.name;
        match self.source {
            GateSource::Stated => format!(
                "the feature gate {gate} is shut in {major}.{minor}; upgrade to a release that \
                 opens it, or keep the image up to date by hand"
            ),
            GateSource::NotListed => format!(
                "FeatureGate cluster does not list the gate {gate}, and by default it is shut in \
                 {major}.{minor}; upgrade to a release that opens it, or keep the image up to date \
                 by hand"
            ),
            GateSource::NoObject => format!(
                "there is no FeatureGate in the input, and by default the gate {gate} is shut in \
                 {major}.{minor}; add FeatureGate cluster to the input if the cluster opens it"
            ),
        }
    }
}

/// The gates of one cluster.
pub(crate) struct Gates<'g, 'a> {
    pub(crate) object: Option<&'g FeatureGate<'a>>,
    /// The cluster's release, as its FeatureGate names it.
    pub(crate) release_name: Option<&'g str>,
    pub(crate) release: OcpVersion,
}

impl Gates<'_, '_> {
    /// What the cluster says of a gate; `None` where it says nothing.
    pub(crate) fn stated(&self, gate: &str) -> Option<bool> {
        let object = self.object?;
        if object.has_status() {
            return object.is_enabled(gate, self.release_name);
        }
        let custom = object.is_custom(gate);
        custom.or_else(|| Some(gate_is_open(gate, self.release, self.feature_set())))
    }

    fn feature_set(&self) -> FeatureSet {
        let name = self.object.and_then(|object| object.feature_set());
        FeatureSet::from_name(name.unwrap_or_default())
    }

    fn shut(&self, name: &'static str) -> Option<ShutGate> {
        let by_default = || gate_is_open(name, self.release, FeatureSet::Default);
        let stated = self.stated(name);
        let is_open = stated.unwrap_or_else(by_default);
        (!is_open).then_some(ShutGate {
            name,
            release: self.release,
            source: match (stated, self.object) {
                (Some(_), _) => GateSource::Stated,
                (None, Some(_)) => GateSource::NotListed,
                (None, None) => GateSource::NoObject,
            },
        })
    }

    /// BI-060: the gate of a platform, where it is shut.
    pub(crate) fn shut_of_platform(&self, platform: Option<&Platform>) -> Option<ShutGate> {
        if platform_gates_are_gone(self.release) {
            return None;
        }
        self.shut(platform.and_then(platform_gate)?)
    }

    /// BI-075: the gate of ControlPlaneMachineSets, where it is shut.
    pub(crate) fn shut_of_control_plane(&self) -> Option<ShutGate> {
        self.shut(names::CPMS_FEATURE_GATE)
    }

    /// What is assumed of a FeatureGate that is given as a document prints it.
    pub(crate) fn assumption(&self) -> Option<String> {
        let object = self.object.filter(|object| !object.has_status())?;
        let (major, minor) = (self.release.major, self.release.minor);
        let set = object.feature_set().unwrap_or_default();
        let taken = match (FeatureSet::from_name(set), set) {
            (FeatureSet::Default, "" | "Default") => "of feature set Default".to_owned(),
            (FeatureSet::Default, CUSTOM_FEATURE_SET) => format!(
                "that spec.customNoUpgrade names, and for the rest those of feature set Default \
                 ({CUSTOM_FEATURE_SET})"
            ),
            (FeatureSet::Default, unknown) => format!(
                "of feature set Default, because {unknown:?} is no feature set that is known"
            ),
            (FeatureSet::TechPreview | FeatureSet::DevPreview, set) => {
                format!("of feature set {set}")
            }
        };
        Some(format!(
            "FeatureGate cluster has no status in the input: the gates are taken to be those \
             {taken} in {major}.{minor}"
        ))
    }
}
