//! What the command says about itself: completion, manual pages, version.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::env::Shells;

use super::{note, print};
use crate::cli::Cli;
use crate::complete;
use crate::error::CommandError;
use crate::exit;

/// What the shell calls to be told what completes a command line, and for which command.
const NAME: &str = "osimage";

pub(super) fn completion(shell: clap_complete::Shell) -> Result<u8, CommandError> {
    let shells = Shells::builtins();
    let shell = shell.to_string();
    let completer = shells.completer(&shell).ok_or_else(|| {
        CommandError::Usage(format!("there is no completion for the shell {shell}"))
    })?;
    print(|out| completer.write_registration(complete::VARIABLE, NAME, NAME, NAME, out))?;
    Ok(exit::OK)
}

pub(super) fn man(dir: &Path) -> Result<u8, CommandError> {
    let failed = |source| CommandError::Write {
        path: dir.display().to_string(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    note(&format!("manual pages written into {}", dir.display()));
    Ok(exit::OK)
}

pub(super) fn version() -> Result<u8, CommandError> {
    print(|out| writeln!(out, "osimage {}", env!("CARGO_PKG_VERSION")))?;
    Ok(exit::OK)
}
