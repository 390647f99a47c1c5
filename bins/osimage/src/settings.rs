//! How much is said, and how: what every command takes.

use std::sync::OnceLock;

use crate::cli::{ColorArg, Settings};

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Warnings as well.
    #[default]
    Normal,
    /// What was read, as well.
    Verbose,
}

/// Set once, at the start of the process.
static VERBOSITY: OnceLock<Verbosity> = OnceLock::new();

/// Takes the settings of the command line over for the whole process.
pub(crate) fn take_over(settings: &Settings) {
    let choice = match settings.color {
        ColorArg::Auto => anstream::ColorChoice::Auto,
        ColorArg::Always => anstream::ColorChoice::Always,
        ColorArg::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    let verbosity = match (settings.quiet, settings.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    // A process has one command line; a second one in a test changes nothing.
    let _ = VERBOSITY.set(verbosity);
}

/// How much is said.
pub(crate) fn verbosity() -> Verbosity {
    VERBOSITY.get().copied().unwrap_or_default()
}
