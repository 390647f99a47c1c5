//! Cluster-wide configuration: Infrastructure, ClusterVersion, FeatureGate, ClusterOperator,
//! Provisioning, Node.

use crate::object::{ObjectMeta, RawObject};
use crate::read::ReadError;
use crate::{Platform, StringMap, Text};

view! {
    /// BI-003: `Infrastructure.status`.
    pub struct Infrastructure<'a> {
        /// What the cluster runs on.
        platform_status: PlatformStatus<'a> = "platformStatus",
        /// `HighlyAvailable`, `SingleReplica`, …
        control_plane_topology: Text<'a> = "controlPlaneTopology",
        /// The prefix of everything that the installer named.
        infrastructure_name: Text<'a> = "infrastructureName",
    }
}

view! {
    /// `Infrastructure.status.platformStatus`.
    pub struct PlatformStatus<'a> {
        /// The platform.
        kind: Text<'a> = "type",
        /// AWS's part.
        aws: AwsPlatformStatus<'a> = "aws",
        /// Azure's part.
        azure: AzurePlatformStatus<'a> = "azure",
    }
}

view! {
    /// `Infrastructure.status.platformStatus.aws`.
    pub struct AwsPlatformStatus<'a> {
        /// The region that the cluster was installed in.
        region: Text<'a> = "region",
    }
}

view! {
    /// `Infrastructure.status.platformStatus.azure`.
    pub struct AzurePlatformStatus<'a> {
        /// `AzurePublicCloud`, `AzureStackCloud`, …
        cloud_name: Text<'a> = "cloudName",
    }
}

impl<'a> Infrastructure<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("status")
    }

    /// The platform, where `platformStatus` names one. The empty name is a name (BI-064).
    pub fn platform(&self) -> Option<Platform> {
        let status = self.platform_status.as_ref()?;
        Some(Platform::from_name(
            status.kind.as_deref().unwrap_or_default(),
        ))
    }

    /// The region of AWS that the cluster is in.
    pub fn aws_region(&self) -> Option<&str> {
        let region = self
            .platform_status
            .as_ref()?
            .aws
            .as_ref()?
            .region
            .as_deref();
        region.filter(|region| !region.is_empty())
    }

    /// BI-062: whether this is Azure Stack Hub.
    pub fn is_azure_stack(&self) -> bool {
        self.platform_status
            .as_ref()
            .and_then(|status| status.azure.as_ref())
            .and_then(|azure| azure.cloud_name.as_deref())
            == Some("AzureStackCloud")
    }
}

view! {
    /// BI-004: `ClusterVersion.status`.
    pub struct ClusterVersion<'a> {
        /// What the cluster is to be.
        desired: DesiredRelease<'a> = "desired",
        /// Releases that were applied, newest first.
        history: Vec<Option<UpdateHistory<'a>>> = "history",
    }
}

view! {
    /// `ClusterVersion.status.desired`.
    pub struct DesiredRelease<'a> {
        /// The release.
        version: Text<'a> = "version",
        /// `Multi`, or empty on a cluster of one architecture.
        architecture: Text<'a> = "architecture",
    }
}

view! {
    /// An entry of `ClusterVersion.status.history`.
    pub struct UpdateHistory<'a> {
        /// `Completed` or `Partial`.
        state: Text<'a> = "state",
        /// The release.
        version: Text<'a> = "version",
        /// When the cluster began to move to it, RFC 3339.
        started_time: Text<'a> = "startedTime",
    }
}

impl<'a> ClusterVersion<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("status")
    }

    /// The release that the cluster is to run, or else the newest one of its history.
    pub fn release(&self) -> Option<&str> {
        let desired = self
            .desired
            .as_ref()
            .and_then(|desired| desired.version.as_deref());
        let newest = || self.history().next()?.version.as_deref();
        desired
            .filter(|version| !version.is_empty())
            .or_else(newest)
    }

    /// BI-004: the releases that were applied, newest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &UpdateHistory<'a>> {
        self.history.iter().flatten().flatten()
    }

    /// BI-200: whether the cluster may have nodes of several architectures.
    pub fn is_multi_architecture(&self) -> bool {
        self.desired
            .as_ref()
            .and_then(|desired| desired.architecture.as_deref())
            == Some("Multi")
    }
}

/// BI-005: which features a cluster was switched to, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct FeatureGate<'a> {
    /// What an administrator asked for.
    pub spec: FeatureGateSpec<'a>,
    /// What the cluster made of it.
    pub status: FeatureGateStatus<'a>,
}

view! {
    /// `FeatureGate.spec`.
    pub struct FeatureGateSpec<'a> {
        /// E.g. `TechPreviewNoUpgrade`; empty for the default set.
        feature_set: Text<'a> = "featureSet",
        /// The gates of the set `CustomNoUpgrade`.
        custom: CustomFeatureGates<'a> = "customNoUpgrade",
    }
}

view! {
    /// `FeatureGate.spec.customNoUpgrade`.
    pub struct CustomFeatureGates<'a> {
        /// Open gates.
        enabled: Vec<Option<Text<'a>>> = "enabled",
        /// Shut gates.
        disabled: Vec<Option<Text<'a>>> = "disabled",
    }
}

view! {
    /// BI-005: `FeatureGate.status`.
    pub struct FeatureGateStatus<'a> {
        /// One entry for each release that the cluster has had.
        feature_gates: Vec<Option<FeatureGatesOfRelease<'a>>> = "featureGates",
    }
}

view! {
    /// An entry of `FeatureGate.status.featureGates`.
    pub struct FeatureGatesOfRelease<'a> {
        /// The release.
        version: Text<'a> = "version",
        /// Open gates.
        enabled: Vec<Option<FeatureGateName<'a>>> = "enabled",
        /// Shut gates.
        disabled: Vec<Option<FeatureGateName<'a>>> = "disabled",
    }
}

view! {
    /// A gate.
    pub struct FeatureGateName<'a> {
        /// Its name.
        name: Text<'a> = "name",
    }
}

/// The feature set of which an administrator names the gates.
pub const CUSTOM_FEATURE_SET: &str = "CustomNoUpgrade";

impl<'a> FeatureGate<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            spec: object.view("spec")?,
            status: object.view("status")?,
        })
    }

    /// Whether the cluster says which gates are open; a manifest does not.
    pub fn has_status(&self) -> bool {
        self.status
            .feature_gates
            .as_ref()
            .is_some_and(|gates| !gates.is_empty())
    }

    /// The feature set that an administrator asked for.
    pub fn feature_set(&self) -> Option<&str> {
        self.spec.feature_set.as_deref()
    }

    /// Whether an administrator opened or shut a gate of the set `CustomNoUpgrade`; with another
    /// set the lists of that one do not count.
    pub fn is_custom(&self, gate: &str) -> Option<bool> {
        if self.feature_set() != Some(CUSTOM_FEATURE_SET) {
            return None;
        }
        let custom = self.spec.custom.as_ref()?;
        let lists = |list: &Option<Vec<Option<Text<'_>>>>| {
            let mut names = list.iter().flatten().flatten();
            names.any(|name| name.as_str() == gate)
        };
        match (lists(&custom.enabled), lists(&custom.disabled)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// BI-060: whether a gate is open in a release. The entry of that release counts, or else the
    /// first one; `None` where the object says nothing of the gate.
    pub fn is_enabled(&self, gate: &str, release: Option<&str>) -> Option<bool> {
        let entries = self.status.feature_gates.as_deref().unwrap_or_default();
        let of_release = entries
            .iter()
            .flatten()
            .find(|e| release.is_some() && e.version.as_deref() == release);
        let entry = of_release.or_else(|| entries.iter().flatten().next())?;
        let lists = |list: &Option<Vec<Option<FeatureGateName<'_>>>>| {
            list.iter()
                .flatten()
                .flatten()
                .any(|entry| entry.name.as_deref() == Some(gate))
        };
        match (lists(&entry.enabled), lists(&entry.disabled)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

view! {
    /// BI-017: `ClusterOperator.status`.
    pub struct ClusterOperator<'a> {
        /// What the operator reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

impl<'a> ClusterOperator<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("status")
    }
}

view! {
    /// A condition, of any kind.
    pub struct Condition<'a> {
        /// Its type.
        kind: Text<'a> = "type",
        /// `True`, `False` or `Unknown`.
        status: Text<'a> = "status",
        /// The reason code.
        reason: Text<'a> = "reason",
        /// For people.
        message: Text<'a> = "message",
        /// RFC 3339.
        last_transition_time: Text<'a> = "lastTransitionTime",
    }
}

view! {
    /// BI-014: `Provisioning.spec`.
    pub struct Provisioning<'a> {
        /// Where bare-metal nodes take their image from, on clusters of the old kind.
        os_download_url: Text<'a> = "provisioningOSDownloadURL",
    }
}

impl<'a> Provisioning<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("spec")
    }
}

/// A node: what tells its role and its architecture.
#[derive(Debug, Clone, Default)]
pub struct Node<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// Go name of the architecture: `status.nodeInfo.architecture`, or else the label.
    pub architecture: Option<Text<'a>>,
    /// What the node says it runs: `status.nodeInfo.osImage`.
    pub os_image: Option<Text<'a>>,
}

view! {
    /// `Node.status`.
    pub struct NodeStatus<'a> {
        /// Facts about the machine.
        node_info: NodeInfo<'a> = "nodeInfo",
    }
}

view! {
    /// `Node.status.nodeInfo`.
    pub struct NodeInfo<'a> {
        /// Go name of the architecture.
        architecture: Text<'a> = "architecture",
        /// E.g. `Red Hat Enterprise Linux CoreOS 9.6.20251015-1 (Plow)`.
        os_image: Text<'a> = "osImage",
    }
}

impl<'a> Node<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let meta = object.meta()?;
        let status: NodeStatus<'a> = object.view("status")?;
        let label = |labels: &StringMap<'a>| labels.get("kubernetes.io/arch").map(str::to_owned);
        let info = status.node_info.unwrap_or_default();
        let architecture = info
            .architecture
            .or_else(|| meta.labels.as_ref().and_then(label).map(Text::from));
        Ok(Self {
            name: object.name.clone(),
            meta,
            architecture,
            os_image: info.os_image,
        })
    }

    /// Whether it is a node of the control plane.
    pub fn is_control_plane(&self) -> bool {
        use crate::names::{CONTROL_PLANE_NODE_LABEL, MASTER_NODE_LABEL};
        self.meta.label(CONTROL_PLANE_NODE_LABEL).is_some()
            || self.meta.label(MASTER_NODE_LABEL).is_some()
    }
}
