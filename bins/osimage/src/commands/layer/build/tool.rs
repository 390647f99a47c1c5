//! Finds a program that builds.

use std::process::{Command, Stdio};

use osbuild_plan::{BuildTool, Program};

use super::error::BuildError;
use crate::cli::ProgramArg;

/// What the kernel says of each kind of program that it runs with the help of another one.
pub(super) fn emulators() -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir("/proc/sys/fs/binfmt_misc");
    let paths = entries.into_iter().flatten().flatten();
    let paths = paths.map(|entry| entry.path());
    paths.filter_map(|path| std::fs::read_to_string(path).ok())
}

/// The program that was asked for, else the first one that is there and new enough.
pub(super) fn find(wanted: Option<ProgramArg>) -> Result<BuildTool, BuildError> {
    let programs = match wanted {
        Some(ProgramArg::Buildah) => vec![Program::Buildah],
        Some(ProgramArg::Podman) => vec![Program::Podman],
        None => Program::ALL.to_vec(),
    };
    let mut problems = Vec::new();
    for program in programs {
        match look(program) {
            Ok(tool) => return Ok(tool),
            Err(problem) => problems.push(problem),
        }
    }
    Err(BuildError::Tool(format!(
        "no program that builds images: {}; install buildah 1.26 or podman 4.2, or a later one",
        problems.join(", ")
    )))
}

fn look(program: Program) -> Result<BuildTool, String> {
    let version = said(program, &["--version"])?;
    // Without what it tells about itself its driver is not known, and it builds all the same.
    let info = said(program, program.info()).unwrap_or_default();
    BuildTool::read(program, &version, &info).map_err(|error| error.to_string())
}

fn said(program: Program, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program.name())
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(format!(
            "{program} cannot be used: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("{program} is not installed"))
        }
        Err(error) => Err(format!("{program} cannot be run: {error}")),
    }
}
