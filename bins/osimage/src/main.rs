//! The `osimage` command.

use std::process::ExitCode;

use clap::Parser;
use osimage::cli::Cli;

fn main() -> ExitCode {
    let code = osimage::run(&Cli::parse());
    ExitCode::from(code)
}
