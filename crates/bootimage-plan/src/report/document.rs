//! The report as a document (`apiVersion: osimage.dev/v1`, `kind: FleetReport`).

use std::collections::BTreeMap;

use bootimage_hazards::{Certainty, Severity, Stops, Verdict};
use openshift_model::{Kind, Platform};
use serde::Serialize;

use super::{Change, ExceptionStatus};
use crate::inventory::{Behind, BootImage};
use crate::{DecisionKind, ReasonCode};

/// `kind` of a report.
pub const KIND: &str = "FleetReport";

/// Many clusters: a line for each, sums, what changed, what is accepted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FleetReport {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `FleetReport`
    pub kind: &'static str,
    /// The day by which hazards and exceptions were judged.
    pub as_of: String,
    /// Every cluster, by name.
    pub clusters: Vec<ClusterLine>,
    /// What they add up to.
    pub sums: Sums,
    /// The hazards that any set meets or may meet: those that count first, then the worst.
    pub hazards: Vec<HazardInFleet>,
    /// What changed since the report of `--since`; null without one.
    pub changes: Option<Vec<Change>>,
    /// The exceptions of `--accept`, and what became of each.
    pub exceptions: Vec<ExceptionStatus>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterLine {
    /// What the installer named everything after, or else what it was read from.
    pub name: String,
    /// The dump, or the context of the kubeconfig.
    pub source: String,
    /// Why the cluster could not be read at all; the rest is empty then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Documents that could not be read; there may be objects missing because of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What was assumed, and what should be known about the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The release.
    pub version: Option<String>,
    /// The platform.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub platform: Option<Platform>,
    /// The worst verdict that counts, after exceptions; null where the cluster could not be read.
    pub verdict: Option<Verdict>,
    /// How many sets have each decision.
    pub decisions: BTreeMap<String, usize>,
    /// The oldest boot image of all sets; null where no version is known.
    pub oldest: Option<OldestImage>,
    /// Whether the boot images are too old by the cluster's own record; null where it has none.
    pub skew_exceeded: Option<bool>,
    /// Why boot images block the next upgrade; null where they do not.
    pub upgrade_blocked: Option<String>,
    /// Pools whose layered image is behind the release.
    pub layered_behind: Vec<String>,
    /// What says of itself that it is degraded.
    pub degraded: Vec<String>,
    /// How many machines, and nodes without one, there are.
    pub machines: usize,
    /// Its sets.
    pub sets: Vec<SetLine>,
}

/// The oldest boot image of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OldestImage {
    /// Its version.
    pub version: String,
    /// A set that boots it.
    pub set: String,
    /// How many releases it is behind the cluster; null where it cannot be counted.
    pub behind: Option<Behind>,
}

/// One set of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetLine {
    /// `MachineSet` or `ControlPlaneMachineSet`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// RPM name of the architecture.
    pub architecture: Option<String>,
    /// What the next node would be born from.
    pub boot_image: BootImage,
    /// How many releases that is behind the cluster; null where it cannot be counted.
    pub behind: Option<Behind>,
    /// What a plan decides on the set.
    pub decision: DecisionKind,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Why, for a person.
    pub message: String,
    /// Whether the next node would join.
    pub verdict: Verdict,
    /// What of that counts, after exceptions.
    pub counted: Verdict,
    /// What it would meet, or may.
    pub hazards: Vec<HazardOfSet>,
    /// Hazards of which nothing can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    /// The first release with which a node from this image does not join.
    pub stops: Option<Stops>,
}

/// A hazard of a set; its sentence stands in `hazards` of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HazardOfSet {
    /// Which one.
    pub id: String,
    /// How sure it is.
    pub certainty: Certainty,
    /// What it makes of the next node.
    pub verdict: Verdict,
    /// Whether somebody has accepted it.
    pub accepted: bool,
}

/// A hazard, and how many meet it or may.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HazardInFleet {
    /// Which one.
    pub id: String,
    /// How bad it is where it happens.
    pub severity: Severity,
    /// What happens.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it is from.
    pub sources: Vec<String>,
    /// In how many clusters a set meets it, or may.
    pub clusters: usize,
    /// How many sets do.
    pub sets: usize,
    /// For how many of them it counts: what depends on an arrangement that nothing read tells of is
    /// listed and counts as nothing, and so does what is accepted.
    pub counted: usize,
}

/// What the clusters add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sums {
    /// All clusters.
    pub clusters: usize,
    /// Those that could not be read.
    pub unreadable: usize,
    /// Clusters by the verdict that counts.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// All sets.
    pub sets: usize,
    /// Sets by decision.
    pub decisions: BTreeMap<String, usize>,
    /// Sets by platform, and by decision.
    pub decisions_by_platform: BTreeMap<String, BTreeMap<String, usize>>,
    /// Sets by how many releases they are at least behind; `unknown` where it cannot be counted.
    pub behind: BTreeMap<String, usize>,
    /// Clusters whose boot images are too old by their own record.
    pub skew_exceeded: usize,
    /// Clusters whose boot images block the next upgrade.
    pub upgrade_blocked: usize,
    /// Clusters with a layered pool that is behind.
    pub layered_behind: usize,
    /// Clusters that are degraded.
    pub degraded: usize,
    /// Machines, and nodes without one.
    pub machines: usize,
}
