//! What a shell completes: names of objects out of the files that the command line names with `-f`. A
//! live cluster is not asked: whoever types does not wait for a network.

use std::ffi::OsString;
use std::path::PathBuf;

use clap_complete::CompletionCandidate;
use cluster_io::files::{self, Progress};
use cluster_io::load;
use openshift_model::{Kind, RawObject};

/// The variable by which a shell asks for what completes a command line; its value is the shell.
pub const VARIABLE: &str = "OSIMAGE_COMPLETE";

/// `NAME` as `osimage plan` and `osimage explain` take it.
pub(crate) fn planned() -> Vec<CompletionCandidate> {
    candidates(|object| match object.kind {
        Kind::MachineSet => Some(object.name.as_str().to_owned()),
        kind => planned_kind(kind).map(|kind| format!("{kind}/{}", object.name.as_str())),
    })
}

/// `KIND/NAME` as `osimage inventory` takes it.
pub(crate) fn inventoried() -> Vec<CompletionCandidate> {
    candidates(|object| {
        let kind = match object.kind {
            Kind::Machine => "machine",
            Kind::Node => "node",
            Kind::MachineConfigPool => "mcp",
            kind => planned_kind(kind)?,
        };
        Some(format!("{kind}/{}", object.name.as_str()))
    })
}

/// What has a boot image that a plan is about.
fn planned_kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::MachineSet => Some("machineset"),
        Kind::ControlPlaneMachineSet => Some("cpms"),
        _ => None,
    }
}

fn candidates(word: impl Fn(&RawObject<'_>) -> Option<String>) -> Vec<CompletionCandidate> {
    let files = files_named(&command_line());
    let texts = files::read_objects(&files, &Progress::default());
    let mut words: Vec<String> = load(&texts).objects.iter().filter_map(word).collect();
    // A shell would show a name twice, and a control character as it is.
    words.retain(|word| !word.contains(|character: char| character.is_control()));
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(CompletionCandidate::new).collect()
}

/// The command line that is completed: a shell gives it behind `--`.
fn command_line() -> Vec<OsString> {
    let words = std::env::args_os().skip_while(|word| word != "--");
    words.skip(1).collect()
}

/// The values of `-f`, but for standard input.
fn files_named(words: &[OsString]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else {
            continue;
        };
        let value = match text {
            // bash takes `--filename=dump` for three words.
            "-f" | "--filename" => words.find(|word| *word != "=").cloned(),
            _ => text
                .strip_prefix("--filename=")
                .or_else(|| text.strip_prefix("-f"))
                .map(OsString::from),
        };
        files.extend(value.filter(|value| value != "-").map(PathBuf::from));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_however_the_flag_is_written() {
        let check = |line: &str, expected: &[&str]| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(files_named(&words), expected, "{line}");
        };
        check("osimage plan w", &[]);
        check(
            "osimage plan -f a -fb --filename c --filename=d -f",
            &["a", "b", "c", "d"],
        );
        check("osimage plan -f - w", &[]);
        check("osimage plan --filename = dump w", &["dump"]);
    }
}
