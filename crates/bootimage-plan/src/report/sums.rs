//! What the lines of a report add up to.

use std::collections::{BTreeMap, BTreeSet};

use bootimage_hazards::HazardTable;
use openshift_model::Platform;

use super::{ClusterLine, HazardInFleet, Sums};

/// How a cluster or a number that is not known is counted.
const UNKNOWN: &str = "unknown";

pub(super) fn sums(clusters: &[ClusterLine]) -> Sums {
    let mut sums = Sums {
        clusters: clusters.len(),
        ..Sums::default()
    };
    for cluster in clusters {
        sums.unreadable += usize::from(cluster.error.is_some());
        sums.skew_exceeded += usize::from(cluster.skew_exceeded == Some(true));
        sums.upgrade_blocked += usize::from(cluster.upgrade_blocked.is_some());
        sums.layered_behind += usize::from(!cluster.layered_behind.is_empty());
        sums.degraded += usize::from(!cluster.degraded.is_empty());
        sums.machines += cluster.machines;
        sums.sets += cluster.sets.len();
        if let Some(verdict) = cluster.verdict {
            *sums.verdicts.entry(verdict).or_default() += 1;
        }
        let platform = cluster.platform.as_ref().map_or(UNKNOWN, Platform::name);
        for set in &cluster.sets {
            let decision = set.decision.name();
            *sums.decisions.entry(decision.to_owned()).or_default() += 1;
            let of_platform = sums.decisions_by_platform.entry(platform.to_owned());
            let of_platform = of_platform.or_default();
            *of_platform.entry(decision.to_owned()).or_default() += 1;
            let behind = set.behind.map(|behind| behind.at_least.to_string());
            let behind = behind.unwrap_or_else(|| UNKNOWN.to_owned());
            *sums.behind.entry(behind).or_default() += 1;
        }
    }
    sums
}

/// The hazards that were met, those that count first, then the worst.
pub(super) fn hazards(clusters: &[ClusterLine], table: &HazardTable) -> Vec<HazardInFleet> {
    let mut met: BTreeMap<&str, (BTreeSet<usize>, usize, usize)> = BTreeMap::new();
    for (number, cluster) in clusters.iter().enumerate() {
        for hazard in cluster.sets.iter().flat_map(|set| &set.hazards) {
            let (clusters, sets, counted) = met.entry(&hazard.id).or_default();
            clusters.insert(number);
            *sets += 1;
            *counted += usize::from(hazard.counts());
        }
    }
    let mut found: Vec<_> = table
        .rows()
        .iter()
        .filter_map(|row| {
            let (clusters, sets, counted) = met.get(row.id.as_str())?;
            Some(HazardInFleet {
                id: row.id.clone(),
                severity: row.severity,
                sentence: row.sentence.clone(),
                remedy: row.remedy.clone(),
                sources: row.sources.clone(),
                clusters: clusters.len(),
                sets: *sets,
                counted: *counted,
            })
        })
        .collect();
    let key = |hazard: &HazardInFleet| (hazard.counted > 0, hazard.severity, hazard.clusters);
    found.sort_by_key(|entry| std::cmp::Reverse(key(entry)));
    found
}
