//! The `machine-os-builder` command.

use std::process::ExitCode;

use clap::Parser;
use machine_os_builder::flags::Flags;

fn main() -> ExitCode {
    let code = machine_os_builder::run(&Flags::parse());
    ExitCode::from(code)
}
