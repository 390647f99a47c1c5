//! `cargo xtask bench`: time and memory of the whole process on large inputs.

mod builder;
mod controller;
mod dumps;
mod fleet;
mod generate;
mod live;
mod process;
mod vcenter;

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::generate::Input;
use crate::r#gen::root;
use crate::say;

/// How many sets a cluster of the benchmark has.
const SETS: usize = 10_000;
/// How many sets are shown as a diff.
const SHOWN: usize = 50_000;
/// How often a command is run; the median counts.
const RUNS: usize = 9;
/// Time between two readings of the memory in use.
const SAMPLE: Duration = Duration::from_micros(500);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Plans and diffs of many sets
    Plans,
    /// Dumps of which almost nothing is read
    Dumps,
    /// A report on many dumps
    Fleet,
    /// A live cluster: a plan, the controller and the builder
    Live,
    /// The import of a template of a GiB into a vCenter
    Vcenter,
}

/// Builds the release binaries, makes the inputs and measures; everything where no part is named.
pub(crate) fn run(parts: &[Part]) -> Result<(), String> {
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let is_wanted = |part| parts.is_empty() || parts.contains(&part);
    let [binary, controller, builder] = build()?;
    say(&format!(
        "median and range of {RUNS} runs, peak of resident memory"
    ));
    if is_wanted(Part::Plans) {
        plans(&binary, &folder)?;
    }
    if is_wanted(Part::Dumps) {
        dumps::run(&binary, &folder)?;
    }
    if is_wanted(Part::Fleet) {
        fleet::run(&binary, &folder)?;
    }
    if is_wanted(Part::Live) {
        live::run(&binary, &controller, &builder)?;
    }
    if is_wanted(Part::Vcenter) {
        vcenter::run()?;
    }
    Ok(())
}

fn plans(binary: &Path, folder: &Path) -> Result<(), String> {
    let inputs = generate::all(folder, SETS).map_err(|error| error.to_string())?;
    inputs
        .iter()
        .try_for_each(|input| measure(binary, input, SETS, "patch"))?;
    let many = generate::gcp(&folder.join("many"), SHOWN).map_err(|error| error.to_string())?;
    measure(binary, &many, SHOWN, "diff")
}

/// The command, the controller and the builder.
fn build() -> Result<[PathBuf; 3], String> {
    let names = ["osimage", "boot-image-controller", "machine-os-builder"];
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--release", "--locked"])
        .args(names.map(|name| format!("--package={name}")))
        .status()
        .map_err(|error| format!("cargo build: {error}"))?;
    if !status.success() {
        return Err("cargo build failed".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    Ok(names.map(|name| target.join("release").join(name)))
}

fn measure(binary: &Path, input: &Input, sets: usize, format: &str) -> Result<(), String> {
    let facts = input.facts.iter();
    let facts = facts.flat_map(|facts| [OsStr::new("--facts"), facts.as_os_str()]);
    let runs = runs(|| {
        let mut command = Command::new(binary);
        command
            .args(["plan", "-o", format, "-f"])
            .arg(&input.objects)
            .args(facts.clone());
        command
    })?;
    let time = |index: usize| runs.get(index).map_or(0, |run| run.time.as_millis());
    let memory = runs.iter().map(|run| run.peak_kib).max().unwrap_or(0);
    let lines = runs.first().map_or(0, |run| run.lines);
    say(&format!(
        "{sets} {} sets, -o {format}: {} ms ({}–{} ms), {} MiB, {lines} lines",
        input.name,
        time(RUNS / 2),
        time(0),
        time(RUNS - 1),
        memory.div_ceil(1024),
    ));
    Ok(())
}

struct Run {
    time: Duration,
    /// Time to the first byte on standard output.
    first_line: Duration,
    peak_kib: u64,
    lines: usize,
}

/// Runs a command again and again; the quickest run is the first.
fn runs(command: impl Fn() -> Command) -> Result<Vec<Run>, String> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(once(command()).map_err(|error| format!("the command: {error}"))?);
    }
    runs.sort_by_key(|run| run.time);
    Ok(runs)
}

fn once(mut command: Command) -> std::io::Result<Run> {
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut stdout = child.stdout.take();
    // The pipe is read all the while, as a person's next command would.
    let reader = std::thread::spawn(move || {
        let mut text = vec![0; 1];
        let first = stdout.as_mut().map(|pipe| pipe.read(&mut text));
        let first_line = start.elapsed();
        text.truncate(first.and_then(Result::ok).unwrap_or(0));
        stdout.as_mut().map(|pipe| pipe.read_to_end(&mut text));
        let lines = String::from_utf8_lossy(&text).lines().count();
        (first_line, lines)
    });
    let mut peak_kib = 0;
    while child.try_wait()?.is_none() {
        peak_kib = memory(&status, PEAK).unwrap_or(0).max(peak_kib);
        std::thread::sleep(SAMPLE);
    }
    let time = start.elapsed();
    if !child.wait()?.success() {
        return Err(std::io::Error::other("it failed"));
    }
    let (first_line, lines) = reader.join().unwrap_or_default();
    Ok(Run {
        time,
        first_line,
        peak_kib,
        lines,
    })
}

/// The highest resident memory of a process so far, as `/proc/…/status` names it.
const PEAK: &str = "VmHWM:";

/// A kind of memory of a process, in KiB; Linux only.
fn memory(status: &Path, member: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(member))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
