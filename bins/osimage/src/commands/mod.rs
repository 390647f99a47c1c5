//! The subcommands: read, call one pure function, write.

mod apply;
mod explain;
mod facts;
mod history;
mod ignition;
mod inventory;
mod layer;
mod meta;
mod plan;
mod report;
mod set_mode;
mod skew;
mod vsphere;

use std::io::Write;

pub(crate) use self::explain::reference;
pub(crate) use self::layer::BuildError;

use crate::cli::{Cli, Command};
use crate::error::CommandError;
use crate::exit;
use crate::progress;
use crate::screen::{Screen, shown, shown_message};
use crate::settings::{self, Verbosity};

/// Runs a command line; returns the exit code.
pub fn run(cli: &Cli) -> u8 {
    settings::take_over(&cli.settings);
    let result = match &cli.command {
        Command::Plan(args) => plan::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Facts(args) => facts::run(args),
        Command::Explain(args) => explain::run(args),
        Command::History(args) => history::run(args),
        Command::Inventory(args) => inventory::run(args),
        Command::Report(args) => report::run(args),
        Command::SetMode(args) => set_mode::run(args),
        Command::Skew(args) => skew::run(args),
        Command::Ignition(command) => ignition::run(command),
        Command::Layer { command } => layer::run(command),
        Command::Vsphere(command) => vsphere::run(command),
        Command::Completion { shell } => meta::completion(*shell),
        Command::Man { dir } => meta::man(dir),
        Command::Version => meta::version(),
    };
    match result {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => exit::OK,
        Err(error) => {
            tell(&format!("osimage: {error}"));
            error.code()
        }
    }
}

/// Writes a line to standard error; that there is nobody to read it is no failure.
pub(crate) fn tell(line: &str) {
    progress::clear();
    let _ = writeln!(anstream::stderr(), "{}", shown_message(line));
}

/// Writes a line that `--quiet` leaves out.
pub(crate) fn note(line: &str) {
    if settings::verbosity() != Verbosity::Quiet {
        tell(line);
    }
}

/// Writes a warning.
pub(crate) fn warn(warning: impl std::fmt::Display) {
    note(&format!("warning: {warning}"));
}

/// Tells what an administrator should know about the input and its assumptions.
fn tell_all(warnings: &[String], errors: &[String], ignored: usize) {
    for error in errors {
        tell(&format!("error: {}", shown(error)));
    }
    for warning in warnings {
        warn(shown(warning));
    }
    if ignored > 0 {
        let documents = if ignored == 1 {
            "document"
        } else {
            "documents"
        };
        note(&format!("{ignored} {documents} of other kinds ignored"));
    }
}

/// Writes something for people to standard output.
fn print_shown(
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    print_to(Screen::plain(std::io::stdout().lock()), write)
}

/// Writes something for people to standard output: styled on a terminal, plain elsewhere.
fn print_styled(
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    let stdout = anstream::AutoStream::auto(std::io::stdout().lock());
    print_to(Screen::styled(stdout), write)
}

/// Writes data to standard output, as it is.
fn print(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), CommandError> {
    print_to(std::io::stdout().lock(), write)
}

fn print_to(
    stdout: impl Write,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    // Larger than a pipe's buffer: fewer calls for a long result.
    let mut out = std::io::BufWriter::with_capacity(128 * 1024, stdout);
    let failed = |source| CommandError::Write {
        path: "standard output".to_owned(),
        source,
    };
    write(&mut out).and_then(|()| out.flush()).map_err(failed)
}

/// Writes text to standard output, as it is.
fn print_text(text: &str) -> Result<(), CommandError> {
    print(|out| out.write_all(text.as_bytes()))
}
