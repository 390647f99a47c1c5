//! What the Machine Config Operator says of a Containerfile before it builds it (IL-186 … IL-193).

use super::instructions::{Instruction, Instructions, Position};
use super::problem::{Keyword, Located, ParseProblem, Problem};

/// IL-186 … IL-193: why the operator, from 5.0 on, refuses a text that is a document of its own;
/// with its texts. Builders differ from it in both directions: see [`crate::check`].
///
/// Upstream: `buildrequest.validateContainerfile`.
pub fn operator_refusal(text: &str) -> Option<Located<Problem>> {
    if is_empty(text) {
        None
    } else if !has_from(text) {
        Some(Located::new(1, 1, Problem::NoFrom))
    } else {
        refusal(text, Position::WholeDocument)
    }
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

/// IL-187 … IL-192: the first problem of a text.
pub(super) fn refusal(text: &str, position: Position) -> Option<Located<Problem>> {
    // What cannot be parsed comes before what makes no sense, wherever it stands.
    let mut first = None;
    for instruction in Instructions::of(text, position) {
        match instruction {
            Ok(instruction) => first = first.or_else(|| meaning(&instruction)),
            Err(problem) => return tolerated(text, problem),
        }
    }
    first
}

/// IL-191 … IL-193: whether an instruction is one and has what it needs. The operator takes the
/// instruction behind ONBUILD for none.
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

/// IL-189, IL-190: parse problems that the operator lets pass, and with them everything behind.
fn tolerated(text: &str, problem: Located<ParseProblem>) -> Option<Located<Problem>> {
    let message = problem.what.to_string();
    if message.contains("<<") || message.contains("heredoc") {
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

    /// Checks the verdict: `line:column: text`, or nothing.
    fn verdict(text: &str, expected: &str) {
        let found = operator_refusal(text).map(|problem| problem.to_string());
        assert_eq!(found.unwrap_or_default(), expected, "{text:?}");
    }

    fn valid(texts: &[&str]) {
        for text in texts {
            verdict(text, "");
        }
    }

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
        let long = format!("FROM x\n{}", "ONBUILD ".repeat(100_000));
        assert!(operator_refusal(&long).is_some());
    }
}
