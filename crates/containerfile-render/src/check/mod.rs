//! Whether a Containerfile is one, and what its author should know (IL-186 … IL-194).

pub(crate) mod advice;
mod arguments;
mod instructions;
mod problem;

pub use problem::{Advice, Keyword, Located, ParseProblem, Problem};

pub(crate) use instructions::{Instruction, Instructions, Position};

/// Most bytes of a rendered document: what a ConfigMap holds, less room for its metadata.
pub const LONGEST: usize = 1_000_000;
/// Most characters that the API takes for one entry of `containerFile`.
pub const LONGEST_IN_API: usize = 4096;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Why no builder takes the text; the first reason.
    pub problem: Option<Located<Problem>>,
    /// What works and is unwise, in the order of the text.
    pub advice: Vec<Located<Advice>>,
}

/// IL-186 … IL-193: checks what a user wrote, as a document of its own, with the reference's
/// verdict and texts; and what we advise against besides.
///
/// ```
/// let report = containerfile_render::check("FROM configs AS final\nRUN\n");
/// let problem = report.problem.expect("RUN alone does nothing");
/// assert_eq!(problem.to_string(), "2:1: RUN instruction requires a command");
/// ```
///
/// Upstream: `buildrequest.validateContainerfile`.
pub fn check(text: &str) -> Report {
    let problem = limits(text).or_else(|| {
        if is_empty(text) {
            None
        } else if !has_from(text) {
            Some(Located::new(1, 1, Problem::NoFrom))
        } else {
            syntax(text, Position::WholeDocument, |_| {})
        }
    });
    let advice = if problem.is_none() {
        advice::of(text)
    } else {
        Vec::new()
    };
    Report { problem, advice }
}

/// What no builder takes, wherever it stands.
pub(crate) fn limits(text: &str) -> Option<Located<Problem>> {
    if text.len() > LONGEST {
        let (bytes, most) = (text.len(), LONGEST);
        return Some(Located::new(1, 1, Problem::TooLong { bytes, most }));
    }
    let nul = memchr::memchr(0, text.as_bytes())?;
    let before = text.get(..nul).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Some(Located::new(
        before.matches('\n').count() + 1,
        column,
        Problem::Nul,
    ))
}

/// IL-186: nothing, or comments alone.
fn is_empty(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#'))
}

/// IL-186: whether a line starts with the letters of `FROM`.
fn has_from(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches([' ', '\t', '\u{c}', '\r']);
        line.get(..4)
            .is_some_and(|word| word.eq_ignore_ascii_case("from"))
    })
}

/// IL-187 … IL-192: the first problem of a text; `visit` sees every instruction before it.
pub(crate) fn syntax<'a>(
    text: &'a str,
    position: Position,
    mut visit: impl FnMut(&Instruction<'a>),
) -> Option<Located<Problem>> {
    // What cannot be parsed comes before what makes no sense, wherever it stands.
    let mut first = None;
    for instruction in Instructions::of(text, position) {
        match instruction {
            Ok(instruction) => {
                if first.is_none() {
                    first = meaning(&instruction);
                }
                visit(&instruction);
            }
            Err(problem) => return tolerated(text, problem),
        }
    }
    first
}

/// IL-191 … IL-193: whether an instruction is one and has what it needs. (What ONBUILD carries
/// counts as nothing.)
fn meaning(instruction: &Instruction<'_>) -> Option<Located<Problem>> {
    let problem = match instruction.keyword {
        None => Problem::UnknownInstruction(instruction.word().to_lowercase()),
        Some(keyword) => {
            let has_arguments = instruction.has_arguments && keyword != Keyword::Onbuild;
            if has_arguments || keyword.needs().is_empty() {
                return None;
            }
            Problem::NoArguments(keyword)
        }
    };
    Some(Located::new(instruction.line, instruction.column, problem))
}

/// IL-189, IL-190: parse problems that the reference lets pass, and with them everything behind.
fn tolerated(text: &str, problem: Located<ParseProblem>) -> Option<Located<Problem>> {
    let said = problem.what.to_string();
    if said.contains("<<") || said.contains("heredoc") {
        return None;
    }
    let Located { line, column, what } = problem;
    match what {
        ParseProblem::NoEquals { .. } => line_without_equals(text),
        what => Some(Located::new(line, column, Problem::Parse(what))),
    }
}

/// IL-190: the first line that starts with ENV or LABEL and has no `=`.
fn line_without_equals(text: &str) -> Option<Located<Problem>> {
    text.split('\n').enumerate().find_map(|(index, line)| {
        let bare = line.trim();
        let (word, _) = bare.split_once(' ')?;
        let instruction = Keyword::of(word)?;
        if !matches!(instruction, Keyword::Env | Keyword::Label) || bare.contains('=') {
            return None;
        }
        let line = index + 1;
        Some(Located::new(
            line,
            1,
            Problem::NoEquals { line, instruction },
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Checks the verdict: `line:column: text`, or nothing.
    fn verdict(text: &str, expected: &str) {
        let found = check(text).problem.map(|problem| problem.to_string());
        assert_eq!(found.unwrap_or_default(), expected, "{text:?}");
    }

    fn valid(texts: &[&str]) {
        for text in texts {
            verdict(text, "");
        }
    }

    fn advice(text: &str, expected: &[(usize, usize, Advice)]) {
        let found: Vec<_> = check(text)
            .advice
            .into_iter()
            .map(|at| (at.line, at.column, at.what))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    const COMMITTED: &str = "FROM configs AS final\nRUN true && ostree container commit\n";

    #[test]
    fn il_186_a_text_says_what_to_build_from() {
        valid(&[
            "",
            " \n\t",
            "# a\n\n  # b",
            "from x",
            "RUN a \\\nFROM x",
            "ARG V=1\nFROM x:$V",
        ]);
        let problem = "1:1: Containerfile must contain at least one FROM instruction";
        for text in [
            "RUN true",
            "# FROM x\nRUN a",
            "\u{feff}FROM x",
            "RUN echo FROM",
        ] {
            verdict(text, problem);
        }
    }

    #[test]
    fn il_187_lines_are_joined_and_comments_skipped() {
        valid(&[
            "FROM x\nRUN a \\\n\n  # c\n && b",
            "# escape=`\nFROM x\nRUN a `\n b",
            "FROM x\r\nRUN a \\\r\n b\r\n",
            "FROM x\n\\\n",
            "FROM x\nRUN a\\",
        ]);
        verdict(
            "# escape=x\nFROM x",
            "1:1: failed to parse Containerfile: invalid ESCAPE 'x'. Must be ` or \\",
        );
        verdict(
            "# escape=`\n# escape=`\nFROM x",
            "2:1: failed to parse Containerfile: only one escape parser directive can be used",
        );
    }

    #[test]
    fn il_188_arrays_hold_strings_and_pairs_have_two_sides() {
        valid(&[
            "FROM x\nCMD []",
            "FROM x\nRUN [a",
            "FROM x\nENV A b",
            "FROM x\nLABEL a=b c=d",
        ]);
        verdict(
            "FROM x\n  CMD [1]",
            "2:3: failed to parse Containerfile: when using JSON array syntax, arrays must be \
             comprised of strings only",
        );
        verdict(
            "FROM x\nENV A",
            "2:1: failed to parse Containerfile: ENV must have two arguments",
        );
    }

    #[test]
    fn il_189_here_documents_are_skipped() {
        valid(&[
            "FROM x\nRUN <<EOF\nFOO\nEOF\nRUN true",
            "FROM x\nCOPY <<-A <<'B' /etc/\na\n\tA\nb\nB\nRUN true",
            "FROM x\nRUN <<EOF\nFOO\n",
            "FROM x\nLABEL a=b <<EOF",
        ]);
        verdict(
            "FROM x\nRUN <<EOF\nFOO\nEOF\nBAD",
            "5:1: unknown Dockerfile instruction: bad",
        );
        verdict(
            "FROM x\nRUN [\"<<A\"]\nBAD",
            "3:1: unknown Dockerfile instruction: bad",
        );
    }

    #[test]
    fn il_190_a_word_without_equals_lets_the_rest_pass() {
        valid(&["FROM x\nLABEL a=b c\nNONSENSE"]);
        verdict(
            "FROM x\nLABEL a=b c\n  ENV X\n",
            "3:1: line 3: ENV instruction must use key=value form",
        );
    }

    #[test]
    fn il_191_words_that_are_no_instructions() {
        verdict(
            "FROM x\nFOO bar",
            "2:1: unknown Dockerfile instruction: foo",
        );
        verdict("FROMAGE x", "1:1: unknown Dockerfile instruction: fromage");
        // What cannot be parsed comes first, wherever it stands.
        verdict(
            "FROM x\nFOO\nENV A",
            "3:1: failed to parse Containerfile: ENV must have two arguments",
        );
    }

    #[test]
    fn il_192_instructions_need_arguments() {
        for (word, needs) in [
            ("ADD", "source and destination paths"),
            ("FROM", "a base image"),
            ("Run --mount=type=bind", "a command"),
            ("workdir", "a directory path"),
        ] {
            let name = word.split(' ').next().unwrap().to_uppercase();
            let expected = format!("2:1: {name} instruction requires {needs}");
            verdict(&format!("FROM x\n{word}\n"), &expected);
        }
        valid(&[
            "FROM x\nHEALTHCHECK\nMAINTAINER",
            "FROM x\nUSER \"\"",
            "FROM x\nCOPY a",
        ]);
    }

    #[test]
    fn il_193_onbuild_is_always_refused() {
        let problem = "2:1: ONBUILD instruction requires an instruction to execute";
        for child in ["", " RUN x", " FOO", " ONBUILD ONBUILD"] {
            verdict(&format!("FROM x\nONBUILD{child}"), problem);
        }
        assert!(
            check(&format!("FROM x\n{}", "ONBUILD ".repeat(100_000)))
                .problem
                .is_some()
        );
    }

    #[test]
    fn il_194_where_the_words_mislead_there_is_a_hint() {
        for (text, expected) in [
            ("RUN true", Some("begin with `FROM configs AS final`")),
            (
                "\u{feff}FROM x",
                Some("the text begins with a byte order mark: remove it"),
            ),
            (
                "FROM x\nONBUILD RUN y",
                Some(
                    "nothing is built on an image of nodes: write the instruction without ONBUILD",
                ),
            ),
            ("FROM x\nRUN", None),
        ] {
            let problem = check(text).problem.unwrap();
            assert_eq!(problem.what.hint(text), expected, "{text:?}");
        }
    }

    #[test]
    fn il_194_what_no_builder_takes_is_refused_with_its_place() {
        verdict(
            "FROM x\nRUN é\0",
            "2:6: the text has a NUL byte, which no builder takes: remove it",
        );
        let long = format!("FROM x\n{}", "#".repeat(5_000_000));
        verdict(
            &long,
            "1:1: the text has 5000007 bytes, and the ConfigMap of a build holds 1000000: put what is \
             large into an image, and copy it from there",
        );
    }

    #[test]
    fn il_179_advice_on_what_people_forget() {
        advice(COMMITTED, &[]);
        advice("", &[]);
        advice("FROM configs\nRUN a\n", &[(2, 1, Advice::NoCommit)]);
        for command in [
            "dnf install -y a && bootc  container lint;",
            "true;ostree container commit",
            "sh -c 'a && ostree container commit'",
            "(ostree container commit)",
        ] {
            advice(&format!("FROM configs\nRUN {command}\n"), &[]);
        }
        for command in ["ostree", "ostree container", "ostree container commits"] {
            let text = format!("FROM configs\nRUN {command}\n");
            advice(&text, &[(2, 1, Advice::NoCommit)]);
        }
        let stray = Advice::NotFromConfigs("quay.io/a".to_owned());
        advice("FROM quay.io/a\n", &[(1, 1, stray)]);
        advice(
            "FROM configs AS a\nFROM A AS b\nFROM quay.io/x AS c\nFROM b\n",
            &[],
        );
        advice("FROM $BASE\n", &[]);
        advice(
            "FROM configs AS Extract\nRUN a; ostree container commit\n",
            &[(1, 1, Advice::ReservedStage("Extract".to_owned()))],
        );
        advice(
            "FROM configs\nRUN rpm-ostree install a && \\\n    ostree container commit\n",
            &[(2, 1, Advice::NoCleanUp)],
        );
        advice(
            "FROM configs\nRUN rpm-ostree override replace a && rpm-ostree cleanup -m && ostree \
             container commit\n",
            &[],
        );
        advice(
            "FROM configs\nRUN <<A\na\nA\n",
            &[(2, 1, Advice::HereDocument)],
        );
        advice(
            "# escape=\\\nFROM configs\n",
            &[(1, 1, Advice::EscapeDirective)],
        );
    }

    #[test]
    fn il_104_advice_on_bytes_that_change_the_hash() {
        advice(COMMITTED.trim_end(), &[(2, 36, Advice::NoFinalLineFeed)]);
        let crlf = COMMITTED.replace('\n', "\r\n");
        advice(&crlf, &[(1, 1, Advice::CarriageReturn)]);
        let long = format!("{COMMITTED}{}\n", "#".repeat(5000));
        let (characters, most) = (long.chars().count(), LONGEST_IN_API);
        advice(&long, &[(3, 1, Advice::LongerThanApi { characters, most })]);
    }

    proptest! {
        #[test]
        fn any_text_has_a_verdict(text in "(FROM |RUN |ENV |ONBUILD |<<E|#|\\\\|\n|\"|'|=|[ a-z\\[\\]]|.){0,30}") {
            let report = check(&text);
            if let Some(problem) = report.problem {
                prop_assert!(problem.line <= text.lines().count().max(1));
            }
        }
    }
}
