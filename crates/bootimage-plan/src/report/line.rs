//! One cluster as a line of a report.

use std::collections::BTreeMap;

use bootimage_hazards::{BootImageVersion, Hazard, Verdict};
use openshift_model::Architecture;

use super::{ClusterLine, HazardOfSet, OldestImage, SetLine};
use crate::inventory::{InventoriedSet, Inventory};

/// How many problems of a cluster are listed, and how many warnings: a broken dump can have a thousand.
const SHOWN_PROBLEMS: usize = 5;

/// What was read of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The dump, or the context of the kubeconfig.
    pub source: String,
    /// What the cluster is called where it does not say.
    pub fallback_name: String,
    /// Documents that could not be read.
    pub problems: Vec<String>,
    /// What an administrator should know about the input, besides what the inventory warns of.
    pub warnings: Vec<String>,
    /// Pools whose layered image is behind the release.
    pub layered_behind: Vec<String>,
}

impl ClusterLine {
    /// The line of a cluster that could not be read at all.
    pub fn unreadable(observed: Observed, error: String) -> Self {
        Self {
            name: observed.fallback_name,
            source: observed.source,
            error: Some(error),
            problems: Vec::new(),
            warnings: Vec::new(),
            version: None,
            platform: None,
            verdict: None,
            decisions: BTreeMap::new(),
            oldest: None,
            skew_exceeded: None,
            upgrade_blocked: None,
            layered_behind: Vec::new(),
            degraded: Vec::new(),
            machines: 0,
            sets: Vec::new(),
        }
    }

    /// The line of a cluster.
    pub fn of(observed: Observed, inventory: Inventory) -> Self {
        let mut decisions = BTreeMap::new();
        for set in &inventory.sets {
            *decisions.entry(set.decision.name().to_owned()).or_default() += 1;
        }
        let mut warnings = observed.warnings;
        for warning in inventory.warnings {
            // A reader of layered pools may stumble over the same object.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let blocked =
            (inventory.skew.upgradeable == Some(false)).then(|| inventory.skew.message.clone());
        let line = Self {
            name: inventory.cluster.name.unwrap_or(observed.fallback_name),
            source: observed.source,
            error: None,
            problems: shortened(observed.problems),
            warnings: shortened(warnings),
            version: inventory.cluster.version,
            platform: inventory.cluster.platform,
            verdict: None,
            decisions,
            oldest: oldest(&inventory.sets),
            skew_exceeded: inventory.skew.exceeded,
            upgrade_blocked: blocked,
            layered_behind: observed.layered_behind,
            degraded: inventory.degraded,
            machines: inventory.machines.len(),
            sets: inventory.sets.into_iter().map(SetLine::of).collect(),
        };
        Self {
            verdict: Some(line.counted()),
            ..line
        }
    }

    /// The worst verdict of its sets that counts. Where there is no set, and something could not be
    /// read, nobody knows whether there is one.
    pub(super) fn counted(&self) -> Verdict {
        let none = if self.problems.is_empty() {
            Verdict::Ok
        } else {
            Verdict::Unknown
        };
        let worst = self.sets.iter().map(|set| set.counted).max();
        worst.unwrap_or(none)
    }
}

impl SetLine {
    fn of(set: InventoriedSet) -> Self {
        Self {
            kind: set.kind,
            name: set.name,
            architecture: set
                .architecture
                .as_ref()
                .map(Architecture::rpm_name)
                .map(str::to_owned),
            boot_image: set.boot_image,
            behind: set.behind,
            decision: set.decision,
            reason: set.reason,
            message: set.message.into_owned(),
            verdict: set.verdict,
            counted: set.verdict,
            hazards: set.hazards.iter().map(HazardOfSet::of).collect(),
            undecided: set.undecided,
            stops: set.stops,
        }
    }
}

impl ClusterLine {
    /// How many sets have a better verdict than they would have without exceptions.
    pub fn accepted(&self) -> usize {
        let accepted = self.sets.iter().filter(|set| set.counted < set.verdict);
        accepted.count()
    }
}

impl HazardOfSet {
    /// Whether it makes anything of the verdict that counts.
    pub fn counts(&self) -> bool {
        self.verdict > Verdict::Ok && !self.accepted
    }

    fn of(hazard: &Hazard) -> Self {
        Self {
            id: hazard.id.clone(),
            certainty: hazard.certainty,
            verdict: hazard.verdict(),
            accepted: false,
        }
    }
}

fn shortened(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(SHOWN_PROBLEMS);
    if more > 0 {
        problems.truncate(SHOWN_PROBLEMS);
        problems.push(format!("and {more} more"));
    }
    problems
}

/// The oldest by the order of versions; of equal ones the first set.
fn oldest(sets: &[InventoriedSet]) -> Option<OldestImage> {
    let dated = sets.iter().filter_map(|set| {
        let version = set.boot_image.version.as_deref()?;
        Some((BootImageVersion::parse(version)?, set))
    });
    let (version, set) = dated.min_by(|a, b| a.0.cmp(&b.0))?;
    Some(OldestImage {
        version: version.to_string(),
        set: set.name.clone(),
        behind: set.behind,
    })
}

/// Clusters of the same name get their source in their name.
pub(super) fn tell_apart(clusters: &mut [ClusterLine]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for cluster in clusters.iter() {
        *counts.entry(cluster.name.clone()).or_default() += 1;
    }
    for cluster in clusters {
        if counts.get(&cluster.name).is_some_and(|count| *count > 1) {
            cluster.name = format!("{} ({})", cluster.name, cluster.source);
        }
    }
}
