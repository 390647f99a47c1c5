//! Whether a builder takes a Containerfile, and what its author should know (IL-186 … IL-194).

mod advice;
mod arguments;
mod base;
mod builder;
mod instructions;
mod problem;
mod reference;
mod target;
mod words;

pub use base::{FinalBase, final_base, has_run};
pub use problem::{Advice, Keyword, Located, ParseProblem, Problem};
pub use reference::operator_refusal;
pub use target::{Builder, BuilderError, CheckFor, Place};

pub(crate) use builder::instructions;
#[cfg(test)]
pub(crate) use instructions::{Instructions, Position};

/// Most bytes of a rendered document: what a ConfigMap holds, less room for its metadata.
pub const LONGEST: usize = 1_000_000;
/// Most characters that the API takes for one entry of `containerFile`.
pub const LONGEST_IN_API: usize = 4096;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Why the builder refuses the text; the first reason.
    pub problem: Option<Located<Problem>>,
    /// What works and is unwise, in the order of the text.
    pub advice: Vec<Located<Advice>>,
}

/// IL-194: whether the builder takes what a user wrote, and what we advise against besides.
/// [`crate::render`] refuses exactly what this does for [`Place::Cluster`].
///
/// ```
/// use containerfile_render::{CheckFor, check};
///
/// let report = check("FROM configs AS final\nRUN\n", CheckFor::default());
/// let problem = report.problem.expect("RUN alone does nothing");
/// assert_eq!(problem.to_string(), "2:1: RUN instruction requires a command");
/// ```
pub fn check(text: &str, checked: CheckFor) -> Report {
    let problem = problem(text, checked);
    let advice = if problem.is_none() {
        advice::of(text, checked)
    } else {
        Vec::new()
    };
    Report { problem, advice }
}

/// Why the builder refuses the text.
pub(crate) fn problem(text: &str, checked: CheckFor) -> Option<Located<Problem>> {
    limits(text).or_else(|| builder::refusal(text, checked))
}

/// What no builder takes, wherever it stands.
fn limits(text: &str) -> Option<Located<Problem>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Checks the verdict: `line:column: text`, or nothing.
    fn verdict(text: &str, expected: &str) {
        let found = check(text, CheckFor::default()).problem;
        let found = found.map(|problem| problem.to_string());
        assert_eq!(found.unwrap_or_default(), expected, "{text:?}");
    }

    fn advice(text: &str, expected: &[(usize, usize, Advice)]) {
        let found: Vec<_> = check(text, CheckFor::default())
            .advice
            .into_iter()
            .map(|at| (at.line, at.column, at.what))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    const COMMITTED: &str = "FROM configs AS final\nRUN true && ostree container commit\n";

    #[test]
    fn il_194_where_the_words_mislead_there_is_a_hint() {
        for (text, expected) in [
            (
                "\u{feff}FROM x",
                Some("the text begins with a byte order mark: remove it"),
            ),
            (
                "# escape=`\nFROM configs\nRUN a `\n b",
                Some(
                    "the escape directive has no effect, because the text does not stand at the \
                     start of the document that is built: continue lines with a backslash",
                ),
            ),
            ("FROM x\nRUN", None),
        ] {
            let problem = check(text, CheckFor::default()).problem.unwrap();
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
            "[\"ostree\", \"container\", \"commit\"]",
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
            "FROM configs AS a\nFROM a AS b\nFROM quay.io/x AS c\nFROM b\n",
            &[],
        );
        advice("ARG BASE=x\nFROM $BASE\n", &[]);
        advice("RUN ostree container commit\n", &[(1, 1, Advice::NoFrom)]);
        advice(
            "FROM configs\nCOPY --from=0 a b\n",
            &[(2, 1, Advice::StageNumber("0".to_owned()))],
        );
        let onbuild = "ONBUILD instruction requires an instruction to execute".to_owned();
        advice(
            "FROM configs\nONBUILD RUN a\n",
            &[
                (2, 1, Advice::OnBuild),
                (2, 1, Advice::RefusedByOperator(onbuild)),
            ],
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
            let report = check(&text, CheckFor::default());
            if let Some(problem) = report.problem {
                prop_assert!(problem.line <= text.lines().count().max(1));
            }
        }
    }
}
