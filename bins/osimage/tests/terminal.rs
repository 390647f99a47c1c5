//! What a person sees on a terminal, in tmux: tables as wide as it is, colours, and the line that says
//! how far a read has come. `OSIMAGE_OVERWRITE=1` writes the pictures anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const DUMP: &str = "../../fixtures/gcp-must-gather";
/// How long a command may take; a busy machine has other things to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal of its own, in which one command runs.
struct Terminal {
    socket: String,
}

/// Whether there is tmux; says so where there is none.
fn has_tmux() -> bool {
    let version = Command::new("tmux").arg("-V").output();
    let is_there = version.is_ok_and(|output| output.status.success());
    if !is_there {
        let line = "\nSKIPPED: what a terminal shows: there is no tmux\n";
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
    is_there
}

impl Terminal {
    /// Runs a line of shell in a terminal of this width; `osimage` in it is the command.
    fn run(width: u32, line: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("osimage-{}-{number}", std::process::id()),
        };
        let folder = Path::new(env!("CARGO_BIN_EXE_osimage")).parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let width = width.to_string();
        // The terminal is looked at after the command has ended.
        let line = format!("{line}; echo \"exit $?\"; exec sleep 600");
        let started = terminal
            .tmux(&["new-session", "-d", "-x", &width, "-y", "60", &line])
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("TMUX")
            .status();
        assert!(started.unwrap().success());
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .args(["-u", "-f", "/dev/null", "-L", &self.socket])
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// What the terminal shows, with the sequences for colours where `styled`.
    fn shown(&self, styled: bool) -> String {
        let sequences: &[&str] = if styled { &["-e"] } else { &[] };
        let arguments = [&["capture-pane", "-p"], sequences].concat();
        let output = self.tmux(&arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// What the terminal shows once it shows what is waited for.
    fn wait(&self, styled: bool, is: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let shown = self.shown(styled);
            if is(&shown) {
                return shown;
            }
            assert!(start.elapsed() <= PATIENCE, "{shown}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// What it shows when the command has ended.
    fn end(&self, styled: bool) -> String {
        self.wait(styled, |shown| {
            shown.contains("\nexit ") || shown.starts_with("exit ")
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).status();
    }
}

/// Compares with a file beside this one.
fn check(name: &str, width: u32, line: &str) {
    let shown = Terminal::run(width, line).end(false);
    for text in shown.lines() {
        assert!(text.chars().count() <= width as usize, "{name}: {text}");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/terminal/{name}.txt"));
    let picture = format!("{width} columns: {line}\n\n{shown}\n");
    if std::env::var_os("OSIMAGE_OVERWRITE").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(picture, expected, "{}", path.display());
}

#[test]
fn tables_are_as_wide_as_the_terminal() {
    if !has_tmux() {
        return;
    }
    let plan = format!("osimage plan -q -f {DUMP}");
    check("plan-60", 60, &plan);
    check("plan-120", 120, &plan);
    let narrowed =
        format!("osimage plan --only-changes -n openshift-machine-api -l '!gone' -f {DUMP}");
    check("plan-narrowed-100", 100, &narrowed);
    check(
        "inventory-100",
        100,
        &format!("osimage inventory -q --today 2026-11-30 -f {DUMP}"),
    );
    check(
        "report-140",
        140,
        &format!("osimage report --today 2026-11-30 {DUMP} ../../fixtures/fleet/dump.yaml"),
    );
    check("facts-100", 100, &format!("osimage facts -f {DUMP}"));
}

/// The start of a sequence for colours.
const STYLE: &str = "\u{1b}[";

#[test]
fn colours_are_for_terminals_unless_somebody_says_otherwise() {
    if !has_tmux() {
        return;
    }
    let styled = |line: &str| {
        let shown = Terminal::run(100, line).end(true);
        assert!(shown.contains("shop-4k7mn-worker-b"), "{line}: {shown}");
        shown.contains(STYLE)
    };
    let plan = format!("osimage plan -q -f {DUMP}");
    assert!(styled(&plan));
    assert!(styled(&format!("{plan} --color auto")));
    assert!(!styled(&format!("{plan} --color never")));
    assert!(!styled(&format!("NO_COLOR=1 {plan}")));
    assert!(!styled(&format!("{plan} | cat")));
    assert!(styled(&format!("{plan} --color always | cat")));
}

#[test]
fn a_long_read_is_told_and_leaves_nothing_behind() {
    if !has_tmux() {
        return;
    }
    let dump = "../../fixtures/fleet/dump.yaml";
    let terminal = Terminal::run(
        100,
        &format!("(sleep 2; cat {dump}) | osimage plan -o name -f -"),
    );
    let told = terminal.wait(false, |shown| shown.contains("reading"));
    assert!(!told.contains("machineset"), "{told}");
    let end = terminal.end(false);
    assert!(!end.contains("reading"), "{end}");
    assert!(end.contains("machineset.machine.openshift.io/"), "{end}");
    // Where standard error is no terminal, nothing is told.
    let piped =
        format!("(sleep 2; cat {dump}) | osimage plan -o name -f - 2> err; grep -c reading err");
    let folder = tempfile::tempdir().unwrap();
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join(dump);
    std::fs::copy(dump, folder.path().join("dump.yaml")).unwrap();
    let line = piped.replace("../../fixtures/fleet/dump.yaml", "dump.yaml");
    let end = Terminal::run(100, &format!("cd {} && {line}", folder.path().display())).end(false);
    assert!(end.contains("\n0\nexit 1"), "{end}");
}

#[test]
fn what_was_read_is_told_to_whoever_asks() {
    if !has_tmux() {
        return;
    }
    let end = Terminal::run(100, &format!("osimage plan -v -o name -f {DUMP}")).end(false);
    assert!(end.contains("\nread ") || end.starts_with("read "), "{end}");
    assert!(
        end.contains(" KiB in ") && end.contains(" files, "),
        "{end}"
    );
    let quiet = Terminal::run(100, &format!("osimage plan -q -o name -f {DUMP}")).end(false);
    assert!(
        !quiet.contains("warning") && !quiet.contains("ignored"),
        "{quiet}"
    );
}
