//! `osimage report`

mod cluster;

use std::path::Path;

use bootimage_hazards::{Day, HazardTable};
use bootimage_plan::Each;
use bootimage_plan::report::{
    ClusterLine, Exceptions, FleetReport, OldReport, ReportOptions, report,
};
use cluster_io::files;

use self::cluster::Source;
use super::{print, print_styled, print_text, tell, warn};
use crate::cli::{ReportArgs, ReportFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{is_standard_input, standard_input_once};
use crate::progress;
use crate::render::{document, fleet, fleet_page};
use crate::settings::{self, Verbosity};
use crate::threads::Threads;

pub(super) fn run(args: &ReportArgs) -> Result<u8, CommandError> {
    check_standard_input(args)?;
    let exceptions = match &args.accept {
        Some(path) => exceptions(path)?,
        None => Exceptions::default(),
    };
    let since = args.since.as_deref().map(old_report).transpose()?;
    let table = HazardTable::bundled()?;
    let no_clock = || CommandError::Usage("name the day: --today 2026-11-30".to_owned());
    let today: Day = args.judged.today().ok_or_else(no_clock)?;
    let clusters = read(args, &table, today);
    let options = ReportOptions {
        table: &table,
        exceptions: &exceptions,
        since: since.as_ref(),
        today,
    };
    let found = report(clusters, &options);
    tell_notes(&found);
    match args.output {
        ReportFormat::Table => print_styled(|out| fleet::table(out, &found))?,
        ReportFormat::Json => print_text(&document::json(&found)?)?,
        ReportFormat::Csv => print(|out| fleet::csv(out, &found))?,
        ReportFormat::Html => print_text(&fleet_page::page(&found)?)?,
    }
    let worst = found.clusters.iter().filter_map(|cluster| cluster.verdict);
    let is_broken = |cluster: &ClusterLine| cluster.error.is_some() || !cluster.problems.is_empty();
    Ok(if found.clusters.iter().any(is_broken) {
        exit::INVALID_INPUT
    } else if worst
        .max()
        .is_some_and(|worst| args.judged.is_failure(worst))
    {
        exit::WOULD_NOT_JOIN
    } else {
        exit::OK
    })
}

/// One cluster on each processor at a time: what was read of one is let go before the next.
fn read(args: &ReportArgs, table: &HazardTable, today: Day) -> Vec<ClusterLine> {
    let sources = Source::all(args);
    let mut items: Vec<_> = sources.into_iter().map(|source| (source, None)).collect();
    progress::shown(|progress| {
        Threads.each(&mut items, |(source, line)| {
            *line = Some(source.line(table, today, progress));
        });
    });
    items.into_iter().filter_map(|(_, line)| line).collect()
}

/// Every cluster is judged by the files of `--facts` and `--stream`, and standard input can be read only
/// once.
fn check_standard_input(args: &ReportArgs) -> Result<(), CommandError> {
    let of_all = [("--facts", &args.facts), ("--stream", &args.streams)];
    for (flag, paths) in of_all {
        if paths.iter().any(|path| is_standard_input(path)) {
            return Err(CommandError::Usage(format!(
                "{flag} - cannot be read for every cluster: save it into a file, and name that"
            )));
        }
    }
    standard_input_once(args.paths.iter().chain(&args.since).chain(&args.accept))
}

/// What is told besides the report.
fn tell_notes(found: &FleetReport) {
    for cluster in &found.clusters {
        for problem in cluster.error.iter().chain(&cluster.problems) {
            tell(&format!("error: {}: {problem}", cluster.name));
        }
        // Most dumps have one; they stand in every format of the report but the table.
        if settings::verbosity() == Verbosity::Verbose {
            for warning in &cluster.warnings {
                warn(format_args!("{}: {warning}", cluster.name));
            }
        }
    }
    for note in found
        .exceptions
        .iter()
        .filter_map(bootimage_plan::report::ExceptionStatus::note)
    {
        warn(note);
    }
}

/// One document, YAML or JSON, as JSON.
fn one_document(path: &Path) -> Result<String, CommandError> {
    let mut read = files::read(&[path.to_owned()]);
    if let Some(error) = read.errors.first() {
        return Err(CommandError::Invalid(error.to_string()));
    }
    match (read.texts.pop(), read.texts.is_empty()) {
        (Some(text), true) => Ok(text.json),
        _ => Err(CommandError::Invalid(format!(
            "{}: one document is expected",
            path.display()
        ))),
    }
}

fn exceptions(path: &Path) -> Result<Exceptions, CommandError> {
    let read = Exceptions::parse(&one_document(path)?);
    read.map_err(|error| CommandError::Invalid(format!("{}: {error}", path.display())))
}

fn old_report(path: &Path) -> Result<OldReport, CommandError> {
    let read = OldReport::parse(&one_document(path)?);
    read.map_err(|error| CommandError::Invalid(format!("{}: {error}", path.display())))
}
