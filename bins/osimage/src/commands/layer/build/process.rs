//! Runs a builder, and reads what it prints while it does so.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use osbuild_plan::BuildCommand;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::error::BuildError;
use super::interrupt::{Interrupts, PAUSE};

/// How many lines of its output are kept for whoever wants to know why it failed.
const KEPT_LINES: usize = 400;
/// How long the rest of its output is waited for once it has ended: a process that it has left behind
/// may keep the pipe open.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// How a builder ended.
pub(super) struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub(super) code: Option<i32>,
    /// The last lines that it printed.
    pub(super) log: String,
}

/// Runs a command to its end. `look` sees every line that it prints, and nothing now and then. Into the
/// folder `temporary` goes what it needs meanwhile: ended by a signal, it leaves that behind.
pub(super) fn run(
    command: &BuildCommand,
    temporary: &Path,
    interrupts: &Interrupts,
    mut look: impl FnMut(Option<&str>),
) -> Result<Ended, BuildError> {
    let failed = |source| BuildError::Program {
        command: command.program.to_owned(),
        source,
    };
    let (mut child, lines) = start(command, temporary).map_err(failed)?;
    let mut log = VecDeque::new();
    let mut told = 0;
    let mut ended: Option<(Option<i32>, Instant)> = None;
    loop {
        match lines.recv_timeout(PAUSE) {
            Ok(line) => {
                look(Some(&line));
                log.push_back(line);
                if log.len() > KEPT_LINES {
                    log.pop_front();
                }
            }
            Err(RecvTimeoutError::Timeout) => look(None),
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().map_err(failed)?;
                ended = Some((status.code(), Instant::now()));
                break;
            }
        }
        let count = interrupts.count();
        if count > told {
            told = count;
            stop(&child, count);
        }
        match ended {
            None => {
                let status = child.try_wait().map_err(failed)?;
                ended = status.map(|status| (status.code(), Instant::now()));
            }
            Some((_, at)) if at.elapsed() > AFTERWARDS => break,
            Some(_) => {}
        }
    }
    if told > 1 {
        return Err(BuildError::Killed(match command.program {
            "podman" => "podman ps --all --external",
            _ => "buildah containers",
        }));
    }
    interrupts.check()?;
    Ok(Ended {
        code: ended.and_then(|(code, _)| code),
        log: log.into_iter().collect::<Vec<_>>().join("\n"),
    })
}

fn start(command: &BuildCommand, temporary: &Path) -> std::io::Result<(Child, Receiver<String>)> {
    let (reader, writer) = std::io::pipe()?;
    let child = Command::new(command.program)
        .args(&command.arguments)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        // A terminal interrupts a group of processes: this one is told by us, once, so that it cleans up.
        .process_group(0)
        .spawn()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end().to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    Ok((child, receiver))
}

/// The first interruption lets a builder clean up; another one ends it, and all that it runs.
fn stop(child: &Child, count: u32) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // That it has ended meanwhile is no failure.
    if let Some(pid) = pid {
        let _ = match count {
            1 => kill_process(pid, Signal::INT),
            _ => kill_process_group(pid, Signal::KILL),
        };
    }
}

/// Whether a program of this name runs, of whomever.
pub(super) fn is_running(program: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| std::fs::read_to_string(process.path().join("comm")).ok())
        .any(|name| name.trim_end() == program)
}

/// What a short command prints on standard output.
pub(super) fn output(command: &BuildCommand) -> Result<String, BuildError> {
    let program = command.program;
    let output = Command::new(program)
        .args(&command.arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| BuildError::Program {
            command: program.to_owned(),
            source,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BuildError::Builder {
        command: command.to_string(),
        said,
    })
}
