//! A line on standard error for whoever waits for a long read.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use cluster_io::files::Progress;

use crate::screen;
use crate::settings::{self, Verbosity};

/// How long a read takes before anything is said.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(200);
/// Back to the start of the line, which is cleared.
const CLEAR: &str = "\r\u{1b}[K";

/// Whether the line is on the terminal.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Takes the line away, where it is, before something else is written to standard error. It comes back
/// with the next change.
pub(crate) fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        say(CLEAR);
    }
}

/// Shows a line in the place of the last one, where standard error is a terminal; whether it did.
pub(crate) fn line(text: &str) -> bool {
    if settings::verbosity() == Verbosity::Quiet || !std::io::stderr().is_terminal() {
        return false;
    }
    let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0);
    let text: String = screen::shown(text)
        .chars()
        .take(usize::from(width) - 1)
        .collect();
    SHOWN.store(true, Ordering::Relaxed);
    say(&format!("{CLEAR}{text}"));
    true
}

/// Reads with a line on standard error that says how far it has come, where standard error is a
/// terminal and the read takes longer than a second. The line is gone afterwards.
pub(crate) fn shown<T>(read: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    let start = Instant::now();
    let result = watched(&progress, read);
    if settings::verbosity() == Verbosity::Verbose && progress.bytes() > 0 {
        let milliseconds = start.elapsed().as_millis();
        say(&format!(
            "read {} in {milliseconds} ms\n",
            amount(&progress)
        ));
    }
    result
}

fn watched<T>(progress: &Progress, read: impl FnOnce(&Progress) -> T) -> T {
    if settings::verbosity() == Verbosity::Quiet || !std::io::stderr().is_terminal() {
        return read(progress);
    }
    let (done, waits) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut pause = PATIENCE;
            while waits.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                SHOWN.store(true, Ordering::Relaxed);
                say(&format!("{CLEAR}{}", how_far(progress)));
                pause = INTERVAL;
            }
            clear();
        });
        let result = read(progress);
        drop(done);
        result
    })
}

/// Of standard input nothing is known before all of it is there, of a cluster never.
fn how_far(progress: &Progress) -> String {
    if progress.bytes() == 0 {
        return "reading".to_owned();
    }
    format!("reading: {}", amount(progress))
}

fn amount(progress: &Progress) -> String {
    let (files, kibibytes) = (progress.files(), progress.bytes() >> 10);
    let files = match files {
        0 => String::new(),
        1 => "1 file, ".to_owned(),
        _ => format!("{files} files, "),
    };
    if kibibytes < 1 << 10 {
        format!("{files}{kibibytes} KiB")
    } else {
        format!("{files}{} MiB", kibibytes >> 10)
    }
}

/// That there is nobody to read it is no failure.
fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
