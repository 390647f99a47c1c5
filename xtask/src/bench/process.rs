//! A controller as a process whose log and memory are read.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{PEAK, memory};

/// How long is waited for anything.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running controller; it is killed when this is dropped.
pub(super) struct Controller {
    child: Child,
    log: Receiver<String>,
}

impl Controller {
    pub(super) fn start(
        binary: &Path,
        kubeconfig: &Path,
        arguments: &[&str],
    ) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .args(arguments)
            .args([
                "--leader-elect=false",
                "--health-probe-bind-address=127.0.0.1:0",
                "--metrics-bind-address=127.0.0.1:0",
                "--metrics-secure=false",
            ])
            .env("KUBECONFIG", kubeconfig)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let (sender, log) = channel();
        let pipe = child.stderr.take().ok_or("the controller has no log")?;
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // Nobody listens any more once the measurement is over.
                sender.send(line).ok();
            }
        });
        Ok(Self { child, log })
    }

    /// Waits for so many lines of its log.
    pub(super) fn lines(
        &self,
        count: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let mut seen = 0;
        let mut last = String::new();
        while seen < count {
            let line = self.log.recv_timeout(PATIENCE);
            let line =
                line.map_err(|_| format!("{seen} of {count} lines came; the last: {last}"))?;
            seen += usize::from(is_wanted(&line));
            last = line;
        }
        Ok(())
    }

    /// What it has in memory, in MiB; 0 where it has ended.
    pub(super) fn memory(&self, member: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        memory(Path::new(&status), member)
            .unwrap_or(0)
            .div_ceil(1024)
    }

    pub(super) fn peak(&self) -> u64 {
        self.memory(PEAK)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
