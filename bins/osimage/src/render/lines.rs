//! One line for each target, for programs.

use std::io::{Result, Write};

use bootimage_plan::{Plan, Target};

use super::csv;
use crate::screen::shown;

/// `KIND.GROUP/NAME` for each target, as `oc -o name` writes it.
pub(crate) fn names(out: &mut dyn Write, plan: &Plan) -> Result<()> {
    for target in &plan.targets {
        let kind = target.kind.name().to_ascii_lowercase();
        writeln!(
            out,
            "{kind}.{}/{}",
            target.kind.group(),
            shown(&target.name)
        )?;
    }
    Ok(())
}

/// The names of the columns of [`csv`].
const COLUMNS: [&str; 10] = [
    "kind",
    "namespace",
    "name",
    "platform",
    "architecture",
    "decision",
    "reason",
    "current",
    "target",
    "message",
];

/// Comma-separated values as RFC 4180 has them, with a line of names.
pub(crate) fn csv(out: &mut dyn Write, plan: &Plan) -> Result<()> {
    csv::row(out, &COLUMNS)?;
    plan.targets
        .iter()
        .try_for_each(|target| csv::row(out, &row(target)))
}

fn row(target: &Target) -> [&str; 10] {
    [
        target.kind.name(),
        &target.namespace,
        &target.name,
        target
            .platform
            .as_ref()
            .map_or("", |platform| platform.name()),
        target
            .architecture
            .as_ref()
            .map_or("", |architecture| architecture.rpm_name()),
        target.decision.name(),
        target.reason.name(),
        target.current.as_deref().unwrap_or_default(),
        target.target.as_deref().unwrap_or_default(),
        &target.message,
    ]
}
