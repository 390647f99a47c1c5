//! Runs the programs that were built: directly, or in an emulator of their processor.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::architecture::Architecture;
use crate::command;

/// How programs for one processor are run here.
pub(crate) struct Runner {
    emulator: Option<PathBuf>,
}

impl Runner {
    /// An error where this machine cannot run them: what was never run is not released.
    pub(crate) fn new(architecture: Architecture) -> Result<Self, String> {
        if architecture.is_native() {
            return Ok(Self { emulator: None });
        }
        let name = format!("qemu-{architecture}");
        let names = [name.clone(), format!("{name}-static")];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .flat_map(|folder| names.clone().map(|name| folder.join(name)))
            .find(|candidate| candidate.exists());
        let emulator = found.ok_or_else(|| {
            format!(
                "programs for {architecture} cannot be tried: {name} is not in PATH; install it \
                 (Debian: qemu-user, Fedora: qemu-user), or leave them out by --arch"
            )
        })?;
        Ok(Self {
            emulator: Some(emulator),
        })
    }

    /// What a program prints.
    pub(crate) fn output(&self, program: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = match &self.emulator {
            Some(emulator) => {
                let mut command = Command::new(emulator);
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command::output(command.args(arguments))
    }

    /// Tries the command line: its version, and a plan of a dump.
    pub(crate) fn try_out(&self, program: &Path, version: &str, root: &Path) -> Result<(), String> {
        let said = self.output(program, &["version"])?;
        if said != format!("osimage {version}\n").into_bytes() {
            return Err(format!(
                "{}: its version is {}",
                program.display(),
                String::from_utf8_lossy(&said)
            ));
        }
        let dump = root.join("fixtures/gcp-must-gather");
        let plan = self.output(program, &["plan", "-f", &dump.to_string_lossy()])?;
        if !String::from_utf8_lossy(&plan).contains("4 to update") {
            return Err(format!(
                "{}: its plan of {} is another one",
                program.display(),
                dump.display()
            ));
        }
        Ok(())
    }
}
