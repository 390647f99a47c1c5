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
