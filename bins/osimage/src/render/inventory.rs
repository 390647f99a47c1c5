//! An inventory for people, and for spreadsheets.

use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use bootimage_hazards::{Certainty, Hazard, Verdict};
use bootimage_plan::inventory::{
    Behind, BootImage, ImageSource, InventoriedMachine, InventoriedPool, InventoriedSet, Inventory,
    NodeImage,
};
use openshift_model::{Architecture, Kind, Platform};

use super::csv::row;
use crate::screen::shown;
use crate::text::{pad, wrap};

/// The inventory at 80 columns: the sets, what is wrong with them, what the nodes were born from.
pub(crate) fn table(out: &mut dyn Write, found: &Inventory) -> Result<()> {
    writeln!(out, "{}\n", shown(&headline(found)))?;
    if found.sets.is_empty() {
        writeln!(
            out,
            "The input has no MachineSet and no ControlPlaneMachineSet."
        )?;
    } else {
        sets(out, &found.sets)?;
    }
    for (hazard, sets) in met(&found.sets) {
        let names = format!(
            "{} {}: {}",
            hazard.verdict().name(),
            hazard.id,
            sets.join(", ")
        );
        write!(out, "\n{}", wrap(&names, 0))?;
        write!(out, "{}", wrap(&hazard.sentence, 2))?;
        if !hazard.reservation.is_empty() {
            write!(out, "{}", wrap(&hazard.reservation, 2))?;
        }
        write!(out, "{}", wrap(&hazard.remedy, 2))?;
    }
    for set in found
        .sets
        .iter()
        .filter(|set| set.boot_image.unknown.is_some())
    {
        writeln!(out, "\n{} {}", set.verdict.name(), short_name(set))?;
        write!(
            out,
            "{}",
            wrap(
                &shown(set.boot_image.unknown.as_deref().unwrap_or_default()),
                2
            )
        )?;
    }
    if !found.machines.is_empty() {
        writeln!(out)?;
        machines(out, &found.machines)?;
    }
    for what in &found.degraded {
        writeln!(out, "\n{} is degraded", shown(what))?;
    }
    if found.skew.upgradeable == Some(false) {
        write!(
            out,
            "\n{}",
            wrap(
                &format!("blocks upgrades: {}", shown(&found.skew.message)),
                0
            )
        )?;
    }
    Ok(())
}

fn headline(found: &Inventory) -> String {
    let cluster = &found.cluster;
    let or = |text: Option<&str>, other: &str| text.unwrap_or(other).to_owned();
    format!(
        "{} · {} · {} · {}",
        or(cluster.name.as_deref(), "cluster without a name"),
        or(
            cluster.platform.as_ref().map(Platform::name),
            "platform unknown"
        ),
        or(cluster.version.as_deref(), "release unknown"),
        verdicts(&found.sets)
    )
}

/// How many sets there are of each verdict, the worst first.
fn verdicts(sets: &[InventoriedSet]) -> String {
    let count = |verdict: Verdict| sets.iter().filter(|set| set.verdict == verdict).count();
    let counts = Verdict::ALL
        .iter()
        .rev()
        .map(|verdict| (count(*verdict), verdict.name()));
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if counts.is_empty() {
        "no sets".to_owned()
    } else {
        counts.join(", ")
    }
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "new nodes join, as far as is known",
        Verdict::Slow => "new nodes join, some later than they could",
        Verdict::Unknown => "whether new nodes join is not known",
        Verdict::Risk => "new nodes may not join",
        Verdict::Fails => "new nodes do not join",
    }
}

fn sets(out: &mut dyn Write, sets: &[InventoriedSet]) -> Result<()> {
    let name_width = width(sets.iter().map(short_name), "SET");
    let version_width = width(sets.iter().map(|set| version(&set.boot_image)), "VERSION");
    writeln!(
        out,
        "{}  {}  {}  {}  DECISION",
        pad("VERDICT", VERDICT_WIDTH),
        pad("SET", name_width),
        pad("VERSION", version_width),
        pad("BEHIND", BEHIND_WIDTH)
    )?;
    for set in sets {
        writeln!(
            out,
            "{}  {}  {}  {}  {}",
            styled(set.verdict),
            pad(&short_name(set), name_width),
            pad(&version(&set.boot_image), version_width),
            pad(&behind(set.behind), BEHIND_WIDTH),
            set.decision.name()
        )?;
    }
    Ok(())
}

fn machines(out: &mut dyn Write, machines: &[InventoriedMachine]) -> Result<()> {
    let name_width = width(machines.iter().map(machine_name), "NODE");
    let version_width = width(
        machines.iter().map(|m| version(&m.born.boot_image)),
        "BORN FROM",
    );
    let header = [pad("NODE", name_width), pad("BORN FROM", version_width)];
    writeln!(out, "{}  {}  SINCE       READY", header[0], header[1])?;
    for machine in machines {
        let since = machine.born.at.as_deref().unwrap_or("-");
        writeln!(
            out,
            "{}  {}  {}  {}",
            pad(&machine_name(machine), name_width),
            pad(&version(&machine.born.boot_image), version_width),
            // The day of an RFC 3339 time.
            pad(&shown(since.split('T').next().unwrap_or_default()), 10),
            ready(machine)
        )?;
    }
    Ok(())
}

/// Everything on one line for each object.
pub(crate) fn wide(out: &mut dyn Write, found: &Inventory) -> Result<()> {
    let header = SET_COLUMNS.map(|name| name.to_uppercase().replace('_', " "));
    columns(out, &header, found.sets.iter().map(set_row).collect())?;
    let header = [
        "MACHINE",
        "NODE",
        "SET",
        "BORN FROM",
        "SOURCE",
        "AT",
        "OS IMAGE",
        "CONFIG",
        "IMAGE",
        "KIND",
        "POOL",
        "READY",
    ];
    writeln!(out)?;
    columns(
        out,
        &header.map(str::to_owned),
        found.machines.iter().map(machine_row).collect(),
    )?;
    let header = [
        "POOL",
        "CURRENT",
        "TARGET",
        "IMAGE",
        "LAYERED BY",
        "MACHINES",
        "UPDATED",
        "READY",
        "PAUSED",
        "DEGRADED",
    ];
    writeln!(out)?;
    columns(
        out,
        &header.map(str::to_owned),
        found.pools.iter().map(pool_row).collect(),
    )
}

/// One set in five lines, or one machine, node or pool with everything that is known of it.
pub(crate) fn one(out: &mut dyn Write, found: &Inventory) -> Result<()> {
    if let Some(set) = found.sets.first() {
        return five_lines(out, set);
    }
    for machine in &found.machines {
        let image = &machine.born.boot_image;
        writeln!(out, "{}", machine_name(machine))?;
        writeln!(out, "  born   {}", shown(&image_in_words(image)))?;
        let at = machine.born.at.as_deref().unwrap_or("an unknown time");
        writeln!(
            out,
            "  at     {}, by {}",
            shown(at),
            source(machine.born.source)
        )?;
        let runs = machine.runs.as_ref();
        let os = runs
            .and_then(|runs| runs.os_image.as_deref())
            .unwrap_or("not known");
        let config = runs
            .and_then(|runs| runs.rendered_config.as_deref())
            .unwrap_or("-");
        writeln!(out, "  runs   {}, {}", shown(os), shown(config))?;
        writeln!(out, "  ready  {}", ready(machine))?;
    }
    for pool in &found.pools {
        for (name, value) in [
            "pool", "current", "target", "image", "layered", "nodes", "updated", "ready", "paused",
            "degraded",
        ]
        .iter()
        .zip(pool_row(pool))
        {
            writeln!(out, "{name:<9} {}", shown(&value))?;
        }
    }
    Ok(())
}

fn five_lines(out: &mut dyn Write, set: &InventoriedSet) -> Result<()> {
    writeln!(
        out,
        "{} {}: {}",
        set.kind,
        shown(&set.name),
        in_words(set.verdict)
    )?;
    let behind = match set.behind {
        Some(Behind {
            at_least: 0,
            at_most: 0,
        }) => ", that of the cluster".to_owned(),
        Some(_) => format!(", {} releases behind", self::behind(set.behind)),
        None => String::new(),
    };
    let stops = set.stops.as_ref().map_or(String::new(), |stops| {
        format!(
            "; stops joining with {} ({})",
            stops.release,
            certainty(stops.certainty)
        )
    });
    writeln!(
        out,
        "  boots  {}{behind}{stops}",
        shown(&image_in_words(&set.boot_image))
    )?;
    writeln!(
        out,
        "  plan   {} ({}): {}",
        set.decision.name(),
        set.reason,
        shown(&set.message)
    )?;
    // What counts most is the first.
    let Some(hazard) = set.hazards.first() else {
        writeln!(out, "  meets  nothing that is known")?;
        return writeln!(out, "  do     nothing");
    };
    let more = set.hazards.len() - 1;
    let more = if more == 0 {
        String::new()
    } else {
        format!(" (and {more} more: -o yaml)")
    };
    writeln!(
        out,
        "  meets  {}, {}: {}{more}",
        hazard.id,
        certainty(hazard.certainty),
        hazard.sentence
    )?;
    writeln!(out, "  do     {}", hazard.remedy)
}

/// One line for each set.
pub(crate) fn csv(out: &mut dyn Write, found: &Inventory) -> Result<()> {
    row(out, &SET_COLUMNS)?;
    found
        .sets
        .iter()
        .try_for_each(|set| row(out, &set_row(set)))
}

const SET_COLUMNS: [&str; 16] = [
    "verdict",
    "kind",
    "namespace",
    "name",
    "platform",
    "architecture",
    "image",
    "version",
    "releases",
    "behind",
    "decision",
    "reason",
    "hazards",
    "stops",
    "machines",
    "unknown",
];

fn set_row(set: &InventoriedSet) -> Vec<String> {
    let image = &set.boot_image;
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let hazards: Vec<_> = set
        .hazards
        .iter()
        .map(|hazard| format!("{} ({})", hazard.id, certainty(hazard.certainty)))
        .collect();
    vec![
        set.verdict.name().to_owned(),
        set.kind.name().to_owned(),
        set.namespace.clone().into_owned(),
        set.name.clone(),
        text(set.platform.as_ref().map(Platform::name)),
        text(set.architecture.as_ref().map(Architecture::rpm_name)),
        text(image.image.as_deref()),
        text(image.version.as_deref()),
        text(image.releases.as_deref()),
        behind(set.behind),
        set.decision.name().to_owned(),
        set.reason.name().to_owned(),
        hazards.join("; "),
        text(set.stops.as_ref().map(|stops| &*stops.release)),
        set.machines.to_string(),
        image.unknown.clone().unwrap_or_default(),
    ]
}

fn machine_row(machine: &InventoriedMachine) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let runs = machine.runs.as_ref();
    vec![
        text(machine.machine.as_deref()),
        text(machine.node.as_deref()),
        text(machine.set.as_deref()),
        version(&machine.born.boot_image),
        source(machine.born.source).to_owned(),
        text(machine.born.at.as_deref()),
        text(runs.and_then(|runs| runs.os_image.as_deref())),
        text(runs.and_then(|runs| runs.rendered_config.as_deref())),
        text(runs.and_then(|runs| runs.image.as_deref())),
        text(runs.map(|runs| match runs.image_kind {
            NodeImage::Layered => "layered",
            NodeImage::MachineConfig => "of the MachineConfig",
            NodeImage::Unknown => "unknown",
        })),
        text(runs.and_then(|runs| runs.pool.as_deref())),
        ready(machine).to_owned(),
    ]
}

fn pool_row(pool: &InventoriedPool) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let count = |count: Option<i64>| count.map_or("-".to_owned(), |count| count.to_string());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        pool.name.clone(),
        text(pool.current.as_deref()),
        text(pool.target.as_deref()),
        text(pool.image.as_deref()),
        text(pool.machine_os_config.as_deref()),
        count(pool.machines),
        count(pool.updated),
        count(pool.ready),
        yes(pool.paused),
        yes(pool.degraded),
    ]
}

/// A table, each column as wide as it has to be.
pub(super) fn columns(
    out: &mut dyn Write,
    header: &[String],
    rows: Vec<Vec<String>>,
) -> Result<()> {
    let rows = rows.into_iter().map(|row| {
        let cells = row.iter().map(|cell| shown(cell).into_owned());
        cells.collect()
    });
    let all: Vec<Vec<String>> = std::iter::once(header.to_vec()).chain(rows).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| width(all.iter().filter_map(|row| row.get(column)).cloned(), ""))
        .collect();
    for row in &all {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| pad(cell, *width));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Each hazard that counts, with the sets that meet it, in the order in which they are met.
fn met(sets: &[InventoriedSet]) -> Vec<(&Hazard, Vec<String>)> {
    let mut found: Vec<(&Hazard, Vec<String>)> = Vec::new();
    for set in sets {
        for hazard in set.hazards.iter().filter(|hazard| hazard.counts()) {
            match found.iter_mut().find(|(known, _)| known.id == hazard.id) {
                Some((_, names)) => names.push(short_name(set)),
                None => found.push((hazard, vec![short_name(set)])),
            }
        }
    }
    found.sort_by_key(|(hazard, _)| std::cmp::Reverse(hazard.verdict()));
    found
}

/// Room for the longest verdict, `unknown`.
pub(super) const VERDICT_WIDTH: usize = 7;
/// Room for `10 to 12`.
const BEHIND_WIDTH: usize = 8;

pub(super) fn styled(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Ok => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Verdict::Slow => Style::new(),
        Verdict::Unknown => Style::new().fg_color(Some(AnsiColor::Cyan.into())),
        Verdict::Risk => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Verdict::Fails => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
    };
    format!("{style}{}{style:#}", pad(verdict.name(), VERDICT_WIDTH))
}

fn width(cells: impl Iterator<Item = String>, header: &str) -> usize {
    let longest = cells.map(|cell| cell.chars().count()).max();
    longest.unwrap_or_default().max(header.len())
}

fn short_name(set: &InventoriedSet) -> String {
    match set.kind {
        Kind::ControlPlaneMachineSet => format!("cpms/{}", shown(&set.name)),
        _ => shown(&set.name).into_owned(),
    }
}

fn machine_name(machine: &InventoriedMachine) -> String {
    let name = machine.node.as_deref().or(machine.machine.as_deref());
    shown(name.unwrap_or("-")).into_owned()
}

fn version(image: &BootImage) -> String {
    image
        .version
        .clone()
        .unwrap_or_else(|| "unknown".to_owned())
}

/// `4`, or `2 to 4` where the image may belong to several releases.
pub(super) fn behind(behind: Option<Behind>) -> String {
    match behind {
        None => "-".to_owned(),
        Some(Behind { at_least, at_most }) if at_least == at_most => at_least.to_string(),
        Some(Behind { at_least, at_most }) => format!("{at_least} to {at_most}"),
    }
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "certain",
        Certainty::Possible => "possible",
        Certainty::CannotTell => "cannot tell",
    }
}

fn image_in_words(image: &BootImage) -> String {
    let Some(version) = &image.version else {
        let why = image
            .unknown
            .as_deref()
            .unwrap_or("its version is not known");
        return format!("an unknown image: {why}");
    };
    let of = image
        .releases
        .as_ref()
        .map(|releases| format!(" of {releases}"));
    let os = image.os.as_ref().map(|os| format!(" (OS {os})"));
    format!(
        "{version}{}{}",
        of.unwrap_or_default(),
        os.unwrap_or_default()
    )
}

fn source(source: ImageSource) -> &'static str {
    match source {
        ImageSource::Aleph => "its own file",
        ImageSource::ProviderSpec => "its provider spec",
        ImageSource::Unknown => "nobody",
    }
}

fn ready(machine: &InventoriedMachine) -> &'static str {
    match machine.runs.as_ref().map(|runs| runs.ready) {
        None => "no node",
        Some(None) => "unknown",
        Some(Some(true)) => "yes",
        Some(Some(false)) => "no",
    }
}
