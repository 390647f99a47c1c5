//! Programs that end with the test, even where the test is killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program under a shell that kills it once the test is gone: when the pipe to the shell closes,
/// be it that the test was killed itself.
const SUPERVISOR: &str = "exec 3<&0; \"$@\" </dev/null 3<&- & pid=$!; read -r _ <&3; kill -9 $pid; wait $pid 2>/dev/null";

/// A running program.
pub(crate) struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    shell: Child,
    pub(crate) log: PathBuf,
}

impl Process {
    pub(crate) fn start(program: &Path, arguments: &[String], log: PathBuf) -> Self {
        Self {
            shell: shell(program, arguments, &log),
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            log,
        }
    }

    /// Ends the program.
    pub(crate) fn stop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }

    /// Starts the program again after it was stopped, with the same arguments and a new log.
    pub(crate) fn start_again(&mut self) {
        self.shell = shell(&self.program, &self.arguments, &self.log);
    }

    /// The last lines of the program's log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let start = lines.len().saturating_sub(20);
        lines.get(start..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn shell(program: &Path, arguments: &[String], log: &Path) -> Child {
    let file = File::create(log).expect("a log file");
    Command::new("sh")
        .args(["-c", SUPERVISOR, "sh"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(file.try_clone().expect("a log file"))
        .stderr(file)
        .spawn()
        .expect("a shell")
}
