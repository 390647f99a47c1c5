//! What the command says about itself: completion, manual pages, version.

use std::path::Path;

use clap::CommandFactory;

use super::{print, tell};
use crate::cli::Cli;
use crate::error::CommandError;
use crate::exit;

pub(super) fn completion(shell: clap_complete::Shell) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "osimage", &mut script);
    print(|out| out.write_all(&script))?;
    Ok(exit::OK)
}

pub(super) fn man(dir: &Path) -> Result<u8, CommandError> {
    let failed = |source| CommandError::Write {
        path: dir.display().to_string(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    tell(&format!("manual pages written into {}", dir.display()));
    Ok(exit::OK)
}

pub(super) fn version() -> Result<u8, CommandError> {
    print(|out| writeln!(out, "osimage {}", env!("CARGO_PKG_VERSION")))?;
    Ok(exit::OK)
}
