//! Programs that end with the test, even where the test is killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program under a shell that kills it once the test is gone: when the pipe to the shell closes,
/// be it that the test was killed itself. The shell ends with the program.
const SUPERVISOR: &str = "exec 3<&0; \"$@\" </dev/null 3<&- & pid=$!; \
    (read -r _ <&3; kill -9 $pid) & watcher=$!; \
    wait $pid 2>/dev/null; code=$?; kill $watcher 2>/dev/null; exit $code";

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

    /// Whether the program ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.shell.try_wait().is_ok_and(|status| status.is_some())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn process(folder: &Path, script: &str) -> Process {
        let arguments = ["-c".to_owned(), script.to_owned()];
        Process::start(Path::new("sh"), &arguments, folder.join("log"))
    }

    fn wait_until(is: impl Fn(&mut Process) -> bool, process: &mut Process) {
        for _ in 0..1000 {
            if is(process) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it stays as it is: {}", process.last_words());
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = process(folder.path(), "echo no port; exit 1");
        wait_until(Process::ended, &mut process);
        assert_eq!(process.last_words(), "no port");
    }

    #[test]
    fn a_program_is_killed_when_it_is_no_longer_needed() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = process(folder.path(), "echo $$; exec sleep 1000");
        wait_until(|it| !it.last_words().is_empty(), &mut process);
        let pid = process.last_words();
        assert!(!process.ended());
        drop(process);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        assert!(
            status.is_empty() || status.contains("State:\tZ"),
            "{status}"
        );
    }
}
