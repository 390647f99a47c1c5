//! The `boot-image-controller` command.

use std::process::ExitCode;

use boot_image_controller::flags::Flags;
use clap::Parser;

fn main() -> ExitCode {
    let code = boot_image_controller::run(&Flags::parse());
    ExitCode::from(code)
}
