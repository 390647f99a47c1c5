//! A report for people, and for spreadsheets.

use std::io::{Result, Write};

use bootimage_hazards::Verdict;
use bootimage_plan::DecisionKind;
use bootimage_plan::report::{Change, Changed, ClusterLine, FleetReport};
use openshift_model::Platform;

use super::csv::row;
use super::inventory::{VERDICT_WIDTH, behind, styled};
use crate::screen::shown;
use crate::text::{pad, wrap};

/// One line for each cluster, then sums, hazards and changes.
pub(crate) fn table(out: &mut dyn Write, found: &FleetReport) -> Result<()> {
    let header = [
        "CLUSTER",
        "VERSION",
        "PLATFORM",
        "SETS",
        "OLDEST IMAGE",
        "BEHIND",
    ];
    let rows: Vec<[String; 6]> = found.clusters.iter().map(shown_cells).collect();
    let mut widths = header.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let cells = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| pad(cell, width));
        cells.collect::<Vec<_>>().join("  ")
    };
    let header = line(&header.map(str::to_owned));
    writeln!(out, "{}  {header}  NOTES", pad("VERDICT", VERDICT_WIDTH))?;
    for (cluster, row) in found.clusters.iter().zip(&rows) {
        let verdict = cluster
            .verdict
            .map_or_else(|| pad("-", VERDICT_WIDTH), styled);
        let text = format!("{}  {}", line(row), shown(&notes(cluster).join(", ")));
        writeln!(out, "{verdict}  {}", text.trim_end())?;
    }
    write!(out, "\n{}", wrap(&summary(found), 0))?;
    for hazard in found.hazards.iter().filter(|hazard| hazard.counted > 0) {
        let count = format!("{} of {} sets", hazard.counted, found.sums.sets);
        writeln!(out, "\n{}: {count}", hazard.id)?;
        write!(
            out,
            "{}{}",
            wrap(&hazard.sentence, 2),
            wrap(&hazard.remedy, 2)
        )?;
    }
    if let Some(changes) = &found.changes {
        writeln!(out, "\nChanged since the earlier report: {}", changes.len())?;
        for change in changes {
            writeln!(out, "  {}", shown(&in_words(change)))?;
        }
    }
    Ok(())
}

/// The columns, as a terminal shows them.
fn shown_cells(cluster: &ClusterLine) -> [String; 6] {
    cells(cluster).map(|cell| shown(&cell).into_owned())
}

fn cells(cluster: &ClusterLine) -> [String; 6] {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let oldest = cluster.oldest.as_ref();
    [
        cluster.name.clone(),
        text(cluster.version.as_deref()),
        text(cluster.platform.as_ref().map(Platform::name)),
        cluster.sets.len().to_string(),
        text(oldest.map(|oldest| &*oldest.version)),
        behind(oldest.and_then(|oldest| oldest.behind)),
    ]
}

/// What a line says besides its columns.
pub(super) fn notes(cluster: &ClusterLine) -> Vec<String> {
    let mut notes = Vec::new();
    if cluster.error.is_some() {
        notes.push("cannot be read".to_owned());
    }
    if !cluster.problems.is_empty() {
        notes.push("parts cannot be read".to_owned());
    }
    if cluster.upgrade_blocked.is_some() {
        notes.push("boot images block the upgrade".to_owned());
    } else if cluster.skew_exceeded == Some(true) {
        notes.push("boot images too old".to_owned());
    }
    if !cluster.layered_behind.is_empty() {
        notes.push(format!(
            "layered and behind: {}",
            cluster.layered_behind.join(" ")
        ));
    }
    if !cluster.degraded.is_empty() {
        notes.push("degraded".to_owned());
    }
    let accepted = cluster.accepted();
    if accepted > 0 {
        notes.push(format!("{accepted} accepted"));
    }
    notes
}

fn summary(found: &FleetReport) -> String {
    let sums = &found.sums;
    let verdicts = Verdict::ALL.iter().rev().filter_map(|verdict| {
        let count = sums.verdicts.get(verdict)?;
        Some(format!("{count} {}", verdict.name()))
    });
    let decisions = sums
        .decisions
        .iter()
        .map(|(name, count)| format!("{count} {name}"));
    let mut parts = vec![
        format!("{} clusters: {}", sums.clusters, listed(verdicts)),
        format!("{} sets: {}", sums.sets, listed(decisions)),
    ];
    for (count, what) in [
        (sums.unreadable, "cannot be read"),
        (
            sums.upgrade_blocked,
            "blocked from upgrading by boot images",
        ),
        (sums.layered_behind, "with layered pools behind"),
        (sums.degraded, "degraded"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join("; ")
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// One change as a line.
pub(super) fn in_words(change: &Change) -> String {
    let of = change
        .set
        .as_ref()
        .map(|set| format!(" {set}"))
        .unwrap_or_default();
    let what = match change.changed {
        Changed::Appeared => "appeared",
        Changed::Gone => "gone",
        Changed::Readable => "readable",
        Changed::Version => "release",
        Changed::Verdict => "verdict",
        Changed::BootImage => "boot image",
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let (from, to) = (value(&change.from), value(&change.to));
    format!("{}{of}: {what}: {from} → {to}", change.cluster)
}

/// The names of the columns of [`csv`].
const COLUMNS: [&str; 18] = [
    "name",
    "source",
    "version",
    "platform",
    "verdict",
    "sets",
    "update",
    "blocked",
    "oldest_image",
    "behind",
    "skew_exceeded",
    "upgrade_blocked",
    "layered_behind",
    "degraded",
    "accepted",
    "error",
    "problems",
    "warnings",
];

/// One line for each cluster.
pub(crate) fn csv(out: &mut dyn Write, found: &FleetReport) -> Result<()> {
    row(out, &COLUMNS)?;
    for cluster in &found.clusters {
        let [name, version, platform, sets, oldest, behind] = cells(cluster);
        let decided = |decision: DecisionKind| {
            let count = cluster.decisions.get(decision.name()).copied();
            count.unwrap_or_default().to_string()
        };
        let line = [
            name,
            cluster.source.clone(),
            version,
            platform,
            cluster.verdict.map_or("-", Verdict::name).to_owned(),
            sets,
            decided(DecisionKind::Update),
            decided(DecisionKind::Blocked),
            oldest,
            behind,
            cluster
                .skew_exceeded
                .map(|it| it.to_string())
                .unwrap_or_default(),
            cluster.upgrade_blocked.is_some().to_string(),
            cluster.layered_behind.join(" "),
            cluster.degraded.join("; "),
            cluster.accepted().to_string(),
            cluster.error.clone().unwrap_or_default(),
            cluster.problems.join("; "),
            cluster.warnings.join("; "),
        ];
        row(out, &line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line() {
        let change = Change {
            cluster: "a".to_owned(),
            set: Some("MachineSet w".to_owned()),
            changed: Changed::Verdict,
            from: Some("ok".to_owned()),
            to: None,
        };
        assert_eq!(in_words(&change), "a MachineSet w: verdict: ok → -");
    }
}
