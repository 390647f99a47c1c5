//! The inventory as a document (`apiVersion: osimage.dev/v1`, `kind: Inventory`).

use std::borrow::Cow;

use bootimage_hazards::{Hazard, Stops, Verdict};
use openshift_model::{Architecture, Kind, Platform};
use serde::Serialize;

use super::image::BootImage;
use crate::{DecisionKind, GeneratedFrom, ReasonCode, SkewForecast};

/// `kind` of an inventory.
pub const KIND: &str = "Inventory";

/// What each set's next node would be born from, and what each node was born from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inventory {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `Inventory`
    pub kind: &'static str,
    /// Where the objects come from.
    pub generated_from: GeneratedFrom,
    /// Which cluster it is.
    pub cluster: InventoriedCluster,
    /// The worst verdict of all sets.
    pub verdict: Verdict,
    /// Operators and pools that say of themselves that they are degraded.
    pub degraded: Vec<String>,
    /// How old the boot images are by the cluster's own record, and what that blocks.
    pub skew: SkewForecast,
    /// ControlPlaneMachineSets and MachineSets, by namespace and name.
    pub sets: Vec<InventoriedSet>,
    /// Machines by name, then nodes that no machine is known of.
    pub machines: Vec<InventoriedMachine>,
    /// Pools by name.
    pub pools: Vec<InventoriedPool>,
    /// What was assumed, and what an administrator should know.
    pub warnings: Vec<String>,
}

/// Which cluster it is. What the input does not say is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InventoriedCluster {
    /// What the installer named everything after: `status.infrastructureName`.
    pub name: Option<String>,
    /// The release.
    pub version: Option<String>,
    /// The platform.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub platform: Option<Platform>,
}

/// How many releases an image is behind the cluster. An image may belong to several releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Behind {
    /// By the newest release that it may belong to.
    pub at_least: u16,
    /// By the oldest.
    pub at_most: u16,
}

/// A set, and what its next node would be born from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InventoriedSet {
    /// `MachineSet` or `ControlPlaneMachineSet`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: Kind,
    /// Its namespace; empty where a manifest leaves it out.
    pub namespace: Cow<'static, str>,
    /// Its name.
    pub name: String,
    /// The platform; null where nothing tells.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub platform: Option<Platform>,
    /// RPM name of the architecture; null where nothing tells.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub architecture: Option<Architecture>,
    /// What the next node would be born from.
    pub boot_image: BootImage,
    /// How many releases that is behind the cluster; null where it cannot be counted.
    pub behind: Option<Behind>,
    /// What a plan decides on the set.
    pub decision: DecisionKind,
    /// Why, as a code that never changes.
    pub reason: ReasonCode,
    /// Why, for a person.
    pub message: Cow<'static, str>,
    /// Whether the next node would join.
    pub verdict: Verdict,
    /// What it would meet, or may; what counts most for the verdict first.
    pub hazards: Vec<Hazard>,
    /// Hazards of which nothing can be said, because the version or the release is not known.
    pub undecided: Vec<String>,
    /// The first release with which a node from this image does not join, where that is known.
    pub stops: Option<Stops>,
    /// How many machines of the set there are in the input.
    pub machines: usize,
}

/// A machine, and the node that it became.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InventoriedMachine {
    /// The machine; null for a node of which no machine is known.
    pub machine: Option<String>,
    /// The node; null for a machine that is none in this input.
    pub node: Option<String>,
    /// The set that made it, e.g. `MachineSet worker-a`; null where nothing tells.
    pub set: Option<String>,
    /// What it was born from, and when.
    pub born: Born,
    /// What it runs now; null where there is no node.
    pub runs: Option<Running>,
}

/// What a node was born from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Born {
    /// The image.
    pub boot_image: BootImage,
    /// Who says so.
    pub source: ImageSource,
    /// When the machine, or else the node, was created: RFC 3339; null where nothing tells.
    pub at: Option<String>,
}

/// Who says what a node was born from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ImageSource {
    /// The node's own file.
    Aleph,
    /// The provider spec that the machine was made by.
    ProviderSpec,
    /// Nobody.
    Unknown,
}

/// What a node runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Running {
    /// The operating system, in the node's words.
    pub os_image: Option<String>,
    /// The rendered MachineConfig.
    pub rendered_config: Option<String>,
    /// The container image of the operating system, where the input has it.
    pub image: Option<String>,
    /// What sort of image that is.
    pub image_kind: NodeImage,
    /// The pool, by the name of the rendered MachineConfig.
    pub pool: Option<String>,
    /// Whether it is ready; null where it does not say.
    pub ready: Option<bool>,
}

/// What sort of image a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum NodeImage {
    /// One that the cluster built for the pool.
    Layered,
    /// The one that the rendered MachineConfig names: the release's, or one that a MachineConfig
    /// puts in its place.
    MachineConfig,
    /// Nothing tells.
    Unknown,
}

/// A pool of nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InventoriedPool {
    /// Its name.
    pub name: String,
    /// The rendered MachineConfig that it runs.
    pub current: Option<String>,
    /// The one that it is to run.
    pub target: Option<String>,
    /// The image of the operating system that it is to run, where the input has it.
    pub image: Option<String>,
    /// The MachineOSConfig by which the cluster builds an image for it.
    #[serde(rename = "machineOSConfig")]
    pub machine_os_config: Option<String>,
    /// All nodes; null where the pool does not say, as below.
    pub machines: Option<i64>,
    /// Nodes that run the target and are ready.
    pub ready: Option<i64>,
    /// Nodes that run the target.
    pub updated: Option<i64>,
    /// Whether nodes are left as they are.
    pub paused: bool,
    /// Whether the pool says that it is degraded.
    pub degraded: bool,
}
