//! Why a build failed (IL-777, IL-780, IL-781).

use std::fmt;

use serde::{Deserialize, Serialize};

/// IL-777: what a build was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its objects were made.
    Input,
    /// The base image was pulled.
    BasePull,
    /// The Containerfile was read.
    Containerfile,
    /// A step of the Containerfile ran.
    Step,
    /// The image was pushed.
    Push,
    /// The digest of the image was told.
    Digest,
    /// The node or the pod went away, or had no room.
    Node,
}

impl Stage {
    /// The name, for labels of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::BasePull => "base-pull",
            Self::Containerfile => "containerfile",
            Self::Step => "step",
            Self::Push => "push",
            Self::Digest => "digest",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// IL-777: why a build failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it was doing.
    pub stage: Stage,
    /// Why, as a code, e.g. `AccessDenied`.
    pub cause: &'static str,
    /// Whether another attempt would fail in the same way.
    pub permanent: bool,
    /// The program's own words; may be empty.
    pub text: String,
}

impl fmt::Display for Failure {
    /// One sentence for the condition of a build.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stage, cause, text, ..
        } = self;
        let what = match known(cause) {
            Some(known) => known.meaning,
            None => cause,
        };
        write!(f, "Build Failed: {what} (stage {stage})")?;
        if text.is_empty() {
            Ok(())
        } else {
            write!(f, ": {text}")
        }
    }
}

/// IL-780: a code that the build script ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode {
    /// The code.
    pub code: i64,
    /// What the build was doing.
    pub stage: Stage,
    /// Why it failed, as a code.
    pub cause: &'static str,
    /// Why it failed, for people.
    pub meaning: &'static str,
    /// Whether the Job gives up at once.
    pub permanent: bool,
}

const fn code(
    code: i64,
    stage: Stage,
    cause: &'static str,
    meaning: &'static str,
    permanent: bool,
) -> ExitCode {
    ExitCode {
        code,
        stage,
        cause,
        meaning,
        permanent,
    }
}

/// IL-780: every code of the build script.
pub const EXIT_CODES: [ExitCode; 11] = [
    code(
        10,
        Stage::Input,
        "InvalidInput",
        "the build's own files are missing or broken",
        true,
    ),
    code(
        20,
        Stage::BasePull,
        "BaseNotFound",
        "there is no such base image",
        true,
    ),
    code(
        21,
        Stage::BasePull,
        "BaseDenied",
        "the pull secret does not open the base image",
        true,
    ),
    code(
        22,
        Stage::BasePull,
        "BaseUnreachable",
        "the registry of the base image does not answer",
        false,
    ),
    code(
        30,
        Stage::Containerfile,
        "InvalidContainerfile",
        "the Containerfile is not valid",
        true,
    ),
    code(
        31,
        Stage::Step,
        "StepFailed",
        "a step of the Containerfile failed",
        false,
    ),
    code(
        40,
        Stage::Push,
        "PushDenied",
        "the push secret may not push",
        true,
    ),
    code(
        41,
        Stage::Push,
        "PushRefused",
        "the registry does not take the image",
        true,
    ),
    code(
        42,
        Stage::Push,
        "PushUnreachable",
        "the registry that the image is pushed to does not answer",
        false,
    ),
    code(
        50,
        Stage::Node,
        "NoSpace",
        "the node has no room for the build",
        false,
    ),
    code(
        60,
        Stage::Digest,
        "NoDigest",
        "the digest of the image is not known",
        false,
    ),
];

/// What only the pod or the Job says.
const FROM_POD: [(&str, &str); 4] = [
    ("DeadlineExceeded", "the build took longer than it may"),
    ("Evicted", "the node evicted the build"),
    ("OutOfMemory", "the build took more memory than it may"),
    ("Unknown", "the build pod ended without saying why"),
];

fn known(cause: &str) -> Option<Known> {
    let of_codes = EXIT_CODES.iter().map(|code| (code.cause, code.meaning));
    let mut all = of_codes.chain(FROM_POD);
    all.find(|(name, _)| *name == cause)
        .map(|(name, meaning)| Known { name, meaning })
}

struct Known {
    name: &'static str,
    meaning: &'static str,
}

/// One attempt of a Job: the end of its pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
    /// The code that the build container ended with; `None` where it did not end by itself.
    pub exit_code: Option<i64>,
    /// `reason` of the container or of the pod, e.g. `OOMKilled` or `Evicted`.
    pub reason: String,
    /// IL-781: the termination message of the build container.
    pub message: String,
}

/// IL-781: what the build script says at its end, as one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Termination {
    /// The version of the line.
    pub v: u32,
    /// IL-777: the stage.
    pub stage: String,
    /// The cause.
    pub reason: String,
    /// The program's own words.
    pub text: String,
    /// The digest of the image that was pushed.
    pub digest: String,
    /// The storage driver that was used (IL-784).
    pub driver: String,
}

impl Termination {
    /// Reads the last line of a termination message; `None` where it is none of ours.
    pub fn read(message: &str) -> Option<Self> {
        let line = message.trim_end().lines().next_back()?;
        let read: Self = serde_json::from_str(line).ok()?;
        (read.v == 1).then_some(read)
    }
}

/// IL-780: a step of the Containerfile is tried so often: what failed twice in the same way hardly
/// depends on the network.
pub const STEP_ATTEMPTS: usize = 2;

/// Most characters of a program's own words that go into a condition.
const LONGEST_TEXT: usize = 1024;

impl Failure {
    /// IL-721, IL-777: why a Job ended, where the Job says it and no pod does. `reason` and
    /// `message` are those of its condition `Failed`.
    pub fn of_job(reason: &str, message: &str) -> Self {
        let (cause, permanent) = match reason {
            "DeadlineExceeded" => ("DeadlineExceeded", true),
            _ => ("Unknown", false),
        };
        Self {
            stage: Stage::Node,
            cause,
            permanent,
            text: tail(message),
        }
    }

    /// IL-785, IL-327: the objects of a build cannot be made.
    pub fn of_input(problem: &str) -> Self {
        Self {
            stage: Stage::Input,
            cause: "InvalidInput",
            permanent: true,
            text: tail(problem),
        }
    }
}

/// IL-782: a text without user and password of any URL in it.
///
/// ```
/// let line = "HTTPS_PROXY=http://user:p@ss@proxy:3128 set";
/// assert_eq!(osbuild_check::redact(line), "HTTPS_PROXY=http://***@proxy:3128 set");
/// ```
pub fn redact(text: &str) -> String {
    const SCHEME_END: &str = "://";
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(SCHEME_END) {
        kept.push_str(before);
        kept.push_str(SCHEME_END);
        let end = after.find(|c: char| c == '/' || c.is_whitespace());
        let (authority, tail) = after.split_at(end.unwrap_or(after.len()));
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                kept.push_str("***@");
                kept.push_str(host);
            }
            None => kept.push_str(authority),
        }
        rest = tail;
    }
    kept.push_str(rest);
    kept
}

/// IL-782: how many lines of a log are kept.
pub const LOG_LINES: usize = 200;

/// IL-782: what is kept of a log: its last lines ([`LOG_LINES`]), no more than 64 KiB, redacted.
pub fn kept_log(log: &str) -> String {
    const BYTES: usize = 64 * 1024;
    let redacted = redact(log);
    let skipped = redacted.lines().count().saturating_sub(LOG_LINES);
    let lines: Vec<&str> = redacted.lines().skip(skipped).collect();
    let kept = lines.join("\n");
    let start = kept.ceil_char_boundary(kept.len().saturating_sub(BYTES));
    kept.get(start..).unwrap_or_default().to_owned()
}

impl Attempt {
    /// IL-777, IL-780: why the attempt failed; `None` where it did not.
    pub fn failure(&self) -> Option<Failure> {
        if self.exit_code == Some(0) {
            return None;
        }
        let result = Termination::read(&self.message);
        let text = result.map_or_else(|| self.message.trim().to_owned(), |result| result.text);
        let text = tail(&redact(&text));
        let by_code = EXIT_CODES
            .iter()
            .find(|code| Some(code.code) == self.exit_code);
        let (stage, cause, permanent) = match (by_code, self.reason.as_str()) {
            (Some(code), _) => (code.stage, code.cause, code.permanent),
            (None, "OOMKilled") => (Stage::Node, "OutOfMemory", false),
            (None, "Evicted") => (Stage::Node, "Evicted", false),
            (None, "DeadlineExceeded") => (Stage::Node, "DeadlineExceeded", true),
            (None, _) => (Stage::Node, "Unknown", false),
        };
        Some(Failure {
            stage,
            cause: known(cause).map_or(cause, |known| known.name),
            permanent,
            text,
        })
    }
}

/// The end of a text, which says most.
fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(LONGEST_TEXT);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(exit_code: Option<i64>, reason: &str, message: &str) -> Attempt {
        Attempt {
            exit_code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            ..Attempt::default()
        }
    }

    #[test]
    fn il_780_codes_tell_stage_cause_and_whether_it_is_final() {
        let check = |attempt: Attempt, expected: (Stage, &str, bool)| {
            let failure = attempt.failure().unwrap();
            assert_eq!((failure.stage, failure.cause, failure.permanent), expected);
        };
        check(
            attempt(Some(21), "Error", ""),
            (Stage::BasePull, "BaseDenied", true),
        );
        check(
            attempt(Some(31), "Error", ""),
            (Stage::Step, "StepFailed", false),
        );
        check(
            attempt(Some(50), "Error", ""),
            (Stage::Node, "NoSpace", false),
        );
        check(
            attempt(Some(137), "OOMKilled", ""),
            (Stage::Node, "OutOfMemory", false),
        );
        check(
            attempt(None, "Evicted", ""),
            (Stage::Node, "Evicted", false),
        );
        check(
            attempt(Some(1), "Error", ""),
            (Stage::Node, "Unknown", false),
        );
        assert_eq!(attempt(Some(0), "Completed", "").failure(), None);
    }

    #[test]
    fn il_777_il_781_the_programs_own_words_are_kept() {
        let line = r#"{"v":1,"stage":"step","reason":"StepFailed","text":"exit status 42"}"#;
        let failure = attempt(Some(31), "Error", &format!("log\n{line}\n"))
            .failure()
            .unwrap();
        assert_eq!(
            failure.to_string(),
            "Build Failed: a step of the Containerfile failed (stage step): exit status 42"
        );
        let plain = attempt(Some(31), "Error", "the last lines")
            .failure()
            .unwrap();
        assert_eq!(plain.text, "the last lines");
        let long = attempt(Some(31), "Error", &"x".repeat(5000))
            .failure()
            .unwrap();
        assert_eq!(long.text.len(), LONGEST_TEXT);
        assert_eq!(Termination::read(r#"{"v":2}"#), None);
        assert_eq!(Termination::read("x"), None);
    }

    #[test]
    fn il_782_users_and_passwords_of_urls_are_not_kept() {
        for (text, kept) in [
            ("a http://u:p@h/x b", "a http://***@h/x b"),
            ("http://u:p@w@h", "http://***@h"),
            ("https://h/x@y", "https://h/x@y"),
            ("ftp://u:p@a https://v:q@b/", "ftp://***@a https://***@b/"),
            ("no url: u:p@h", "no url: u:p@h"),
            ("://", "://"),
        ] {
            assert_eq!(redact(text), kept);
        }
        let lines: Vec<String> = (0..300).map(|line| format!("line {line}")).collect();
        let kept = kept_log(&lines.join("\n"));
        assert!(kept.starts_with("line 100\n") && kept.ends_with("line 299"));
        assert!(kept_log(&"ä".repeat(100_000)).len() <= 64 * 1024);
    }

    #[test]
    fn il_721_a_deadline_is_told_by_the_job() {
        let failure = Failure::of_job("DeadlineExceeded", "Job was active longer than specified");
        assert_eq!(
            failure.to_string(),
            "Build Failed: the build took longer than it may (stage node): Job was active longer \
             than specified"
        );
        assert!(failure.permanent);
        assert_eq!(Failure::of_job("Other", "").cause, "Unknown");
    }

    #[test]
    fn codes_and_causes_are_unique() {
        for (index, code) in EXIT_CODES.iter().enumerate() {
            for other in EXIT_CODES.iter().skip(index + 1) {
                assert!(code.code != other.code && code.cause != other.cause);
            }
        }
    }
}
