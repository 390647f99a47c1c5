//! Why a builder failed, out of what it printed: the rules of the build script of a cluster (IL-780),
//! which a test holds these against.

use osbuild_check::{Attempt, Failure};
use regex::RegexBuilder;

/// The lines with which a program gives up.
const ERROR_LINE: &str = "^(Error|ERRO|error)|level=(error|fatal)";
/// What a user wrote, and the digits of a digest, are no causes.
const STEP: &str = r#"STEP "([^"\\]|\\.)*""#;
const DIGEST: &str = "sha256:[0-9a-f]+";
const NO_SPACE: &str = "no space left on device";
const DENIED: &str = "unauthorized|authentication required|denied|incorrect username|invalid username|\
    status[ a-z]*:? *(401|403)";
const MISSING: &str = "manifest unknown|name unknown|repository .*not found|status[ a-z]*:? *404";
const UNREACHABLE: &str = "pinging container registry|dial tcp|no such host|timeout|connection \
    (refused|reset)|: EOF|unexpected EOF|broken pipe|x509|tls:|status[ a-z]*:? *(429|5[0-9][0-9])|too many requests|server gave HTTP";
const OF_PULL: &str = "initializing source|reading manifest|pinging container registry|reading blob|\
    copying system image";
const OF_STEP: &str = "exit status [0-9]|exited with";
const OF_TEXT: &str = "parsing main Dockerfile|Unknown instruction|no FROM statement|requires \
    (at least|exactly)|checking on sources under|unknown user error|invalid reference format";

/// What stopped a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Space,
    Denied,
    Missing,
    Unreachable,
    Other,
}

/// What a program printed.
struct Log<'a> {
    text: &'a str,
    errors: String,
}

impl<'a> Log<'a> {
    fn of(text: &'a str) -> Self {
        let lines = text.lines().filter(|line| is_in(ERROR_LINE, line, false));
        let errors: Vec<String> = lines
            .map(|line| without(DIGEST, &without(STEP, line)))
            .collect();
        Self {
            text,
            errors: errors.join("\n"),
        }
    }

    fn cause(&self) -> Cause {
        let says = |pattern| is_in(pattern, &self.errors, true);
        if is_in(NO_SPACE, self.text, true) {
            Cause::Space
        } else if says(DENIED) {
            Cause::Denied
        } else if says(MISSING) {
            Cause::Missing
        } else if says(UNREACHABLE) {
            Cause::Unreachable
        } else {
            Cause::Other
        }
    }

    /// The failure that a code of the build script stands for, with the program's last words.
    fn failure(&self, code: i64) -> Failure {
        let lines = self.text.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<&str> = lines.collect();
        let start = lines.len().saturating_sub(SHOWN_LINES);
        let attempt = Attempt {
            exit_code: Some(code),
            message: lines.get(start..).unwrap_or_default().join("\n"),
            ..Attempt::default()
        };
        let unknown = || Failure::of_job("", self.text);
        attempt.failure().unwrap_or_else(unknown)
    }

    fn pull_code(&self) -> i64 {
        match self.cause() {
            Cause::Space => 50,
            Cause::Denied => 21,
            Cause::Missing => 20,
            Cause::Unreachable | Cause::Other => 22,
        }
    }

    fn build_code(&self) -> i64 {
        let says = |pattern| is_in(pattern, &self.errors, false);
        if self.cause() == Cause::Space {
            50
        } else if says(OF_PULL) {
            self.pull_code()
        } else if says(OF_STEP) {
            31
        } else if says(OF_TEXT) {
            30
        } else {
            31
        }
    }

    fn push_code(&self) -> i64 {
        match self.cause() {
            Cause::Space => 50,
            Cause::Denied => 40,
            Cause::Unreachable => 42,
            Cause::Missing | Cause::Other => 41,
        }
    }
}

/// How many of a program's last lines are shown.
const SHOWN_LINES: usize = 20;

/// IL-780: why the base image could not be pulled.
pub fn failure_of_pull(log: &str) -> Failure {
    let log = Log::of(log);
    log.failure(log.pull_code())
}

/// IL-780: why the image could not be built. What is not known counts as a step that failed.
pub fn failure_of_build(log: &str) -> Failure {
    let log = Log::of(log);
    log.failure(log.build_code())
}

/// IL-780: why the image could not be pushed.
pub fn failure_of_push(log: &str) -> Failure {
    let log = Log::of(log);
    log.failure(log.push_code())
}

/// Whether a text has what a pattern describes. The patterns are the constants above.
fn is_in(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let pattern = RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .build();
    pattern.is_ok_and(|pattern| pattern.is_match(text))
}

fn without(pattern: &str, text: &str) -> String {
    let pattern = RegexBuilder::new(pattern).build();
    pattern.map_or_else(
        |_| text.to_owned(),
        |pattern| pattern.replace_all(text, "").into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script that builds on a cluster.
    const SCRIPT: &str = include_str!("../objects/image-build.sh");

    #[test]
    fn il_780_causes_are_told_apart_as_on_a_cluster() {
        for pattern in [
            ERROR_LINE,
            STEP,
            DIGEST,
            NO_SPACE,
            DENIED,
            MISSING,
            UNREACHABLE,
            OF_PULL,
            OF_STEP,
            OF_TEXT,
        ] {
            assert!(SCRIPT.contains(pattern), "the script differs: {pattern}");
        }
    }

    #[test]
    fn il_780_what_builders_print_tells_why_they_failed() {
        let check = |found: Failure, cause: &str| assert_eq!(found.cause, cause, "{found}");
        let step = "Error: building at STEP \"RUN curl --denied x509\": exit status 42";
        check(failure_of_build(step), "StepFailed");
        let unknown =
            "Error: building at STEP \"RUNX \": Build error: Unknown instruction: \"RUNX\"";
        check(failure_of_build(unknown), "InvalidContainerfile");
        let pull = "Error: initializing source docker://h/b@sha256:401: reading manifest: manifest unknown";
        check(failure_of_build(pull), "BaseNotFound");
        check(failure_of_pull(pull), "BaseNotFound");
        check(
            failure_of_pull("Error: pinging container registry h: x509: certificate signed by"),
            "BaseUnreachable",
        );
        check(
            failure_of_build("writing: No space left on device\nError: exit status 1"),
            "NoSpace",
        );
        let push = |log| failure_of_push(log);
        check(
            push("Error: unauthorized: authentication required"),
            "PushDenied",
        );
        check(
            push("Error: dial tcp 127.0.0.1:1: connection refused"),
            "PushUnreachable",
        );
        check(
            push("Error: writing blob: Patch \"https://h/\": write tcp 1->2: write: broken pipe"),
            "PushUnreachable",
        );
        check(push("Error: blob upload invalid"), "PushRefused");
    }

    #[test]
    fn il_782_the_last_lines_are_kept_without_passwords() {
        let lines: Vec<_> = (0..100).map(|number| format!("line {number}")).collect();
        let mut log = lines.join("\n");
        log.push_str("\n\nError: https://me:secret@h/ exit status 3\n");
        let failure = failure_of_build(&log);
        let shown = "line 81\nline 82\n";
        assert!(failure.text.starts_with(shown), "{}", failure.text);
        assert!(
            failure
                .text
                .ends_with("Error: https://***@h/ exit status 3")
        );
    }
}
