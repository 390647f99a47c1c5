//! The `osimage` command.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use osimage::cli::Cli;
use osimage::complete;

fn main() -> ExitCode {
    // Where a shell asks what completes a command line, this answers and ends the process.
    CompleteEnv::with_factory(Cli::command)
        .var(complete::VARIABLE)
        .complete();
    let code = osimage::run(&Cli::parse());
    ExitCode::from(code)
}
