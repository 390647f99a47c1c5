//! A history for people: what was written, then from what to what.

use std::io::{Result, Write};

use bootimage_plan::HistoryEntry;

use crate::screen::shown;

/// Writes the entries, the oldest first.
pub(crate) fn table(out: &mut dyn Write, entries: &[&HistoryEntry]) -> Result<()> {
    if entries.is_empty() {
        return writeln!(out, "no write is listed");
    }
    let header = ["TIME", "OBJECT", "RELEASE", "REASON", "BY"].map(str::to_owned);
    let rows: Vec<_> = entries.iter().map(|entry| cells(entry)).collect();
    let mut widths = header.each_ref().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    row(out, &header, widths)?;
    for (entry, cells) in entries.iter().zip(&rows) {
        row(out, cells, widths)?;
        if let Some(step) = &entry.vcenter_step {
            writeln!(out, "  step  {}", shown(step))?;
            writeln!(out, "  plan  {}", entry.plan)?;
            continue;
        }
        let unknown = "unknown";
        let from = entry.from.as_deref().unwrap_or(unknown);
        let to = entry.to.as_deref().unwrap_or(unknown);
        writeln!(out, "  from  {}", shown(from))?;
        writeln!(out, "  to    {}", shown(to))?;
        writeln!(out, "  plan  {}", entry.plan)?;
    }
    Ok(())
}

fn cells(entry: &HistoryEntry) -> [String; 5] {
    let kind = entry.kind.name().to_ascii_lowercase();
    [
        shown(&entry.time).into_owned(),
        format!("{kind}/{}", shown(&entry.name)),
        shown(entry.release.as_deref().unwrap_or("-")).into_owned(),
        entry.reason.name().to_owned(),
        shown(&entry.manager).into_owned(),
    ]
}

fn row(out: &mut dyn Write, cells: &[String; 5], widths: [usize; 5]) -> Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!("{cell:width$}  "));
    }
    writeln!(out, "{}", line.trim_end())
}
