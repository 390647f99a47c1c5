//! What a builder refuses: the rules of buildah, instruction by instruction.

use std::collections::BTreeMap;

use openshift_model::ImageReference;

use super::instructions::{Instruction, Instructions, Position};
use super::problem::{Keyword, Located, Problem};
use super::target::{CheckFor, Place};
use super::words;
use crate::render::{ARGUMENT_PREFIX, CONFIGS_STAGE, EXTRACT_STAGE};

/// Why the builder refuses the text; the first reason. What cannot be parsed comes first, wherever
/// it stands.
pub(super) fn refusal(text: &str, checked: CheckFor) -> Option<Located<Problem>> {
    let mut document = Document::new(checked);
    let mut first = None;
    let mut instructions = instructions(text, checked);
    while let Some(instruction) = instructions.next() {
        let instruction = match instruction {
            Ok(instruction) => instruction,
            Err(Located { line, column, what }) => {
                return Some(Located::new(line, column, Problem::Parse(what)));
            }
        };
        let problem = document.look(&instruction, instructions.escape());
        first = first.or_else(|| {
            problem.map(|what| Located::new(instruction.line, instruction.column, what))
        });
    }
    first.or_else(|| document.end())
}

/// The instructions of a text as the builder reads them.
pub(crate) fn instructions(text: &str, checked: CheckFor) -> Instructions<'_> {
    let position = match checked.place {
        Place::Cluster => Position::Continuation,
        Place::Elsewhere => Position::WholeDocument,
    };
    let instructions = Instructions::of(text, position);
    if checked.builder.knows_here_documents() {
        instructions
    } else {
        instructions.without_here_documents()
    }
}

/// What was read so far.
struct Document {
    checked: CheckFor,
    /// Names of the stages before the one that is read now; the empty text for one without a name.
    stages: Vec<String>,
    /// The name of the stage that is read now; `None` before the first FROM.
    stage: Option<String>,
    /// Arguments that stand before the first FROM, with their default values.
    global: BTreeMap<String, String>,
    /// Whether arguments still are global: on a cluster, where nothing else stands before the
    /// user's first FROM (IL-787).
    at_top: bool,
}

impl Document {
    fn new(checked: CheckFor) -> Self {
        let (stages, stage) = match checked.place {
            Place::Cluster => (
                vec![EXTRACT_STAGE.to_owned()],
                Some(CONFIGS_STAGE.to_owned()),
            ),
            Place::Elsewhere => (Vec::new(), None),
        };
        Self {
            checked,
            stages,
            stage,
            global: BTreeMap::new(),
            at_top: true,
        }
    }

    fn end(&self) -> Option<Located<Problem>> {
        let is_empty = self.stage.is_none();
        is_empty.then(|| Located::new(1, 1, Problem::NoFrom))
    }

    fn look(&mut self, instruction: &Instruction<'_>, escape: char) -> Option<Problem> {
        let Some(keyword) = instruction.keyword else {
            let word = instruction.word().to_lowercase();
            return Some(Problem::UnknownInstruction(word));
        };
        if self.stage.is_none() && !matches!(keyword, Keyword::From | Keyword::Arg) {
            return Some(Problem::NoFrom);
        }
        self.at_top &= keyword == Keyword::Arg;
        // Both clear what the base image has.
        let may_be_empty = matches!(keyword, Keyword::Cmd | Keyword::Entrypoint);
        if !instruction.has_arguments && !may_be_empty {
            return Some(Problem::NoArguments(keyword));
        }
        self.flags(keyword, instruction)
            .or_else(|| words_of(keyword, instruction, escape))
            .or_else(|| self.arguments(keyword, instruction))
    }

    fn flags(&self, keyword: Keyword, instruction: &Instruction<'_>) -> Option<Problem> {
        let flags = instruction.flags();
        let unknown = flags.iter().find(|(name, value)| {
            !self.checked.builder.knows_flag(keyword, name)
                || (keyword == Keyword::Healthcheck && !is_health_flag(name, value))
        });
        if let Some((name, _)) = unknown {
            let (flag, builder) = (format!("--{name}"), self.checked.builder.to_string());
            return Some(Problem::Flag {
                keyword,
                flag,
                builder,
            });
        }
        flags.iter().find_map(|(name, value)| match *name {
            "from" => self.source(value),
            "mount" => self.mount(value),
            _ => None,
        })
    }

    /// What a file is copied from, or mounted from: a stage, its number, or an image.
    fn source(&self, value: &str) -> Option<Problem> {
        if value.contains('$') || self.stages.iter().any(|stage| stage == value) {
            return None;
        }
        let number = value.parse::<usize>().ok();
        if number.is_some_and(|number| number < self.stages.len()) {
            return None;
        }
        if number.is_none() && ImageReference::parse(value).is_ok() {
            return None;
        }
        Some(Problem::NoSource(value.to_owned()))
    }

    fn mount(&self, value: &str) -> Option<Problem> {
        let options = value.split(',').filter_map(|option| option.split_once('='));
        for (name, value) in options {
            match name {
                "type" if !MOUNT_TYPES.contains(&value) => {
                    return Some(Problem::MountType(value.to_owned()));
                }
                "from" => return self.source(value),
                _ => {}
            }
        }
        None
    }

    fn arguments(&mut self, keyword: Keyword, instruction: &Instruction<'_>) -> Option<Problem> {
        match keyword {
            Keyword::From => self.from(instruction),
            Keyword::Arg => self.argument(instruction),
            Keyword::Copy | Keyword::Add => self.copy(keyword, instruction),
            Keyword::Shell => match &instruction.json {
                Some(words) if !words.is_empty() => None,
                _ => Some(Problem::ShellForm),
            },
            Keyword::Volume => {
                let words = instruction.json.as_ref()?;
                let has_none = words.is_empty() || words.iter().any(String::is_empty);
                has_none.then_some(Problem::NoArguments(keyword))
            }
            Keyword::Stopsignal => signal(instruction.arguments()),
            Keyword::Healthcheck => health_check(instruction.arguments()),
            Keyword::Onbuild => on_build(instruction.arguments()),
            _ => None,
        }
    }

    /// A global argument, which a FROM can use. Any other one is one of its stage.
    fn argument(&mut self, instruction: &Instruction<'_>) -> Option<Problem> {
        if !self.at_top {
            return None;
        }
        let text = instruction.arguments();
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if self.checked.place == Place::Cluster && name.starts_with(ARGUMENT_PREFIX) {
            return Some(Problem::ReservedArgument(name.to_owned()));
        }
        let value = words::expand(value, |name| self.global.get(name).map(String::as_str));
        self.global.insert(name.to_owned(), value);
        None
    }

    fn from(&mut self, instruction: &Instruction<'_>) -> Option<Problem> {
        let words: Vec<&str> = instruction.arguments().split_whitespace().collect();
        let (image, name) = match words.as_slice() {
            [image] => (*image, ""),
            [image, word, name] if word.eq_ignore_ascii_case("as") => (*image, *name),
            _ => return Some(Problem::FromForm),
        };
        self.stages.extend(self.stage.replace(name.to_owned()));
        let expanded = words::expand(image, |name| self.global.get(name).map(String::as_str));
        if expanded.is_empty() {
            return Some(Problem::NoBaseImage(image.to_owned()));
        }
        if self.stages.contains(&expanded) || expanded == SCRATCH {
            return self.reserved(name);
        }
        let stage = self
            .stages
            .iter()
            .find(|stage| stage.eq_ignore_ascii_case(&expanded) && !stage.is_empty());
        match (ImageReference::parse(&expanded), stage) {
            (Ok(_), _) => self.reserved(name),
            (Err(_), Some(stage)) => Some(Problem::StageCase {
                found: expanded,
                stage: stage.clone(),
            }),
            (Err(source), None) => Some(Problem::Image {
                image: expanded,
                source,
            }),
        }
    }

    /// A builder takes a second stage of the same name; which of them `--from` then means is not
    /// defined, so we refuse it.
    fn reserved(&self, name: &str) -> Option<Problem> {
        let is_reserved =
            self.checked.place == Place::Cluster && [CONFIGS_STAGE, EXTRACT_STAGE].contains(&name);
        is_reserved.then(|| Problem::ReservedStage(name.to_owned()))
    }

    fn copy(&self, keyword: Keyword, instruction: &Instruction<'_>) -> Option<Problem> {
        let words: Vec<&str> = match &instruction.json {
            Some(words) => words.iter().map(String::as_str).collect(),
            None => instruction.arguments().split_whitespace().collect(),
        };
        let Some((_, sources)) = words
            .split_last()
            .filter(|(_, sources)| !sources.is_empty())
        else {
            return Some(Problem::NoArguments(keyword));
        };
        let here_document = sources.iter().find(|source| source.starts_with("<<"));
        if here_document.is_some() && !self.checked.builder.knows_here_documents() {
            let builder = self.checked.builder.to_string();
            return Some(Problem::HereDocument(builder));
        }
        let is_from = instruction.flags().iter().any(|(name, _)| *name == "from");
        if is_from || self.checked.place == Place::Elsewhere {
            return None;
        }
        let missing = sources.iter().find(|source| !is_in_context(source))?;
        Some(Problem::NotInContext {
            keyword,
            file: (*missing).to_owned(),
        })
    }
}

/// An image without a file.
const SCRATCH: &str = "scratch";

/// What `RUN --mount` knows.
const MOUNT_TYPES: [&str; 5] = ["bind", "cache", "secret", "ssh", "tmpfs"];

/// IL-271: what the context of a build on a cluster holds.
const CONTEXT: [&str; 4] = [
    "Containerfile",
    "machineconfig",
    "machineconfig/machineconfig.json.gz",
    "openshift-config-user-ca-bundle.crt",
];

/// Whether the context of a build on a cluster may have the source; patterns and variables may name
/// something that is there.
fn is_in_context(source: &str) -> bool {
    let is_open = source.contains(['*', '?', '[', '$', '<']) || source.contains("://");
    let path = source.trim_start_matches("./").trim_start_matches('/');
    let path = path.trim_end_matches('/');
    is_open
        || source.starts_with("git@")
        || path.is_empty()
        || path == "."
        || CONTEXT.contains(&path)
}

/// The words of instructions whose variables a builder fills in.
fn words_of(keyword: Keyword, instruction: &Instruction<'_>, escape: char) -> Option<Problem> {
    let is_expanded = matches!(
        keyword,
        Keyword::Add
            | Keyword::Copy
            | Keyword::Env
            | Keyword::Expose
            | Keyword::Label
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Volume
            | Keyword::Workdir
    );
    if !is_expanded || instruction.json.is_some() {
        return None;
    }
    words::problem(instruction.arguments(), escape)
}

/// Names of signals without `SIG`, as Linux has them.
const SIGNALS: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

fn signal(text: &str) -> Option<Problem> {
    if text.contains('$') {
        return None;
    }
    let signal = text.replace(['"', '\''], "").to_uppercase();
    let name = signal.strip_prefix("SIG").unwrap_or(&signal);
    let is_number = name.parse::<u32>().is_ok_and(|number| number > 0);
    let is_realtime = name.starts_with("RTMIN") || name.starts_with("RTMAX");
    let is_known = is_number || is_realtime || SIGNALS.contains(&name);
    (!is_known).then(|| Problem::Signal(text.to_owned()))
}

fn health_check(text: &str) -> Option<Problem> {
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is_right = match kind.to_uppercase().as_str() {
        "NONE" => rest.trim().is_empty(),
        "CMD" => !rest.trim().is_empty(),
        _ => false,
    };
    (!is_right).then_some(Problem::HealthCheck)
}

/// Flags of HEALTHCHECK: times with their unit, and a number.
fn is_health_flag(name: &str, value: &str) -> bool {
    match name {
        "interval" | "timeout" | "start-period" | "start-interval" => is_duration(value),
        "retries" => value.parse::<u32>().is_ok(),
        _ => false,
    }
}

/// A time as Go writes it, e.g. `1m30s`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let unit = rest.get(number..).unwrap_or_default();
        let Some(unit) = ["ns", "us", "ms", "s", "m", "h"]
            .into_iter()
            .find(|known| number > 0 && unit.starts_with(known))
        else {
            return text == "0";
        };
        rest = rest.get(number + unit.len()..).unwrap_or_default();
    }
    !text.is_empty()
}

/// An instruction for builds on the image. Its own arguments are looked at when it is carried out.
fn on_build(text: &str) -> Option<Problem> {
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_wrong = matches!(
        Keyword::of(word),
        Some(Keyword::From | Keyword::Onbuild | Keyword::Maintainer)
    );
    is_wrong.then(|| Problem::OnBuild(word.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Builder;

    fn check_with(checked: CheckFor, text: &str, expected: &str) {
        let found = refusal(text, checked).map(|problem| problem.to_string());
        let found = found.unwrap_or_default();
        assert!(found.starts_with(expected), "{text:?}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{text:?}: {found}");
    }

    /// Checks a text that continues `configs`.
    fn check(text: &str, expected: &str) {
        check_with(CheckFor::default(), text, expected);
    }

    #[test]
    fn il_194_what_the_builder_takes_is_taken() {
        for text in [
            "",
            "RUN a",
            "# a",
            "FROM configs AS final\nRUN a\nFROM final",
            "ONBUILD RUN a",
            "CMD\nENTRYPOINT",
            "HEALTHCHECK --interval=1m30s --retries=3 CMD a\nHEALTHCHECK none",
            "STOPSIGNAL kill\nSTOPSIGNAL 9\nSTOPSIGNAL SIGRTMIN+1\nSTOPSIGNAL $A",
            "COPY --from=configs a b\nCOPY --from=0 a b\nCOPY --from=quay.io/a:1 a b",
            "COPY . /x\nCOPY *.txt /x\nADD https://example.com/x /y\nCOPY ./Containerfile /x",
            "RUN --mount=type=bind,from=extract,target=/x a",
            "VOLUME /a\nSHELL [\"a\"]\nWORKDIR a b\nUSER a b\nEXPOSE foo",
            "FROM scratch",
            "ARG A=quay.io/b\nFROM $A AS c\nFROM ${A:-x}:1",
            "RUN a\nARG OSIMAGE_A\nFROM configs",
            "ENV A=$B C='d'\nLABEL a=${b:-c}",
        ] {
            let text = text.replace("COPY --from=configs", "COPY --from=extract");
            check(&text, "");
        }
    }

    #[test]
    fn il_194_what_the_builder_refuses_is_refused() {
        for (text, expected) in [
            ("COPY a", "1:1: COPY instruction requires"),
            ("COPY [\"a\"]", "1:1: COPY instruction requires"),
            ("SHELL /bin/sh", "1:1: SHELL takes a JSON array"),
            ("SHELL []", "1:1: SHELL takes"),
            ("VOLUME []", "1:1: VOLUME instruction requires"),
            ("HEALTHCHECK", "1:1: HEALTHCHECK instruction requires"),
            ("MAINTAINER", "1:1: MAINTAINER instruction requires"),
            ("HEALTHCHECK NONE a", "1:1: HEALTHCHECK is"),
            ("HEALTHCHECK FOO a", "1:1: HEALTHCHECK is"),
            (
                "HEALTHCHECK --interval=5 CMD a",
                "1:1: HEALTHCHECK does not take --interval",
            ),
            (
                "ENV A=b C",
                "1:1: failed to parse Containerfile: Syntax error",
            ),
            ("ENV A=\"b", "1:1: a quote (\") is not closed"),
            ("LABEL a=${b:?c}", "1:1: the variable \"${b:?c}"),
            ("STOPSIGNAL \"\"", "1:1: \"\\\"\\\"\" is no signal"),
            ("ONBUILD FROM x", "1:1: ONBUILD FROM"),
            ("FROM x a", "1:1: FROM takes an image"),
            ("FROM ${X}", "1:1: FROM \"${X}\" names no image"),
            ("FROM x:$V", "1:1: \"x:\" is no image reference"),
            ("RUN a\nARG A=x\nFROM $A", "3:1: FROM \"$A\" names no image"),
            (
                "ARG OSIMAGE_PACKAGES=x\nFROM configs",
                "1:1: the argument OSIMAGE_PACKAGES is",
            ),
            ("FROM Configs", "1:1: there is no stage \"Configs\""),
            ("FROM HTTP://x", "1:1: \"HTTP://x\" is no image reference"),
            (
                "FROM configs AS extract",
                "1:1: the stage name \"extract\" is taken",
            ),
            ("FROM --foo=a configs", "1:1: FROM does not take --foo"),
            ("RUN --security=a b", "1:1: RUN does not take --security"),
            ("RUN --mount=type=foo b", "1:1: \"foo\" is no type of mount"),
            ("COPY --from=7 a b", "1:1: there is no stage or image \"7\""),
            (
                "COPY --from=Bad a b",
                "1:1: there is no stage or image \"Bad\"",
            ),
            (
                "COPY a b",
                "1:1: COPY \"a\": the context of a build on a cluster",
            ),
            (
                "RUN <<A\nx",
                "1:1: failed to parse Containerfile: A: unterminated heredoc",
            ),
            (
                "# escape=`\nRUN a `\n b",
                "3:2: unknown Dockerfile instruction: b",
            ),
            (
                "\u{feff}FROM configs",
                "1:1: unknown Dockerfile instruction",
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn il_189_an_old_builder_reads_here_documents_as_instructions() {
        let old = CheckFor {
            builder: Builder {
                major: 1,
                minor: 28,
            },
            ..CheckFor::default()
        };
        check("RUN <<A\nx\nA", "");
        check_with(
            old,
            "RUN <<A\nx\nA",
            "2:1: unknown Dockerfile instruction: x",
        );
        check_with(old, "RUN cat <<A", "");
        check_with(old, "COPY <<A /x", "1:1: buildah 1.28 does not");
        check_with(
            old,
            "RUN --network=none a",
            "1:1: RUN does not take --network (buildah 1.28)",
        );
    }

    #[test]
    fn a_document_of_its_own_says_what_to_build_from() {
        let elsewhere = CheckFor {
            place: Place::Elsewhere,
            ..CheckFor::default()
        };
        for text in ["", "RUN a\nFROM x", "ARG A"] {
            check_with(elsewhere, text, "1:1: Containerfile must contain");
        }
        check_with(elsewhere, "# escape=`\nFROM x\nCOPY a b\nRUN a `\n b", "");
        check_with(elsewhere, "FROM x AS configs", "");
        check_with(
            elsewhere,
            "ARG A=x\nFROM $A\nARG B=y\nFROM $B",
            "4:1: FROM \"$B\" names no",
        );
    }
}
