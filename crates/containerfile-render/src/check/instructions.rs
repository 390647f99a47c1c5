//! Splits a text into instructions (IL-187, IL-189).

use std::borrow::Cow;

use super::arguments::{self, Arguments};
use super::problem::{Keyword, Located, ParseProblem};

/// Whether a text is a whole document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// It is: a parser directive on its first lines has an effect.
    WholeDocument,
    /// Other instructions stand before it, so that a parser directive is a comment.
    Continuation,
}

/// One instruction.
#[derive(Debug)]
pub(crate) struct Instruction<'a> {
    /// Line of its first word, from 1.
    pub(crate) line: usize,
    /// Column of its first word in characters, from 1.
    pub(crate) column: usize,
    /// All of it, continuation lines joined.
    pub(crate) text: Cow<'a, str>,
    /// Which one it is; `None` for a word that is none.
    pub(crate) keyword: Option<Keyword>,
    /// Whether it has arguments.
    pub(crate) has_arguments: bool,
    /// The arguments where they are a JSON array of strings.
    pub(crate) json: Option<Vec<String>>,
    /// Whether a here-document follows.
    pub(crate) has_here_document: bool,
}

impl Instruction<'_> {
    /// Its first word.
    pub(crate) fn word(&self) -> &str {
        arguments::split(&self.text).0
    }

    /// What follows it and its flags.
    pub(crate) fn arguments(&self) -> &str {
        arguments::split(&self.text).1
    }

    /// Its flags, e.g. `--from=builder`, without the two dashes: name and value.
    pub(crate) fn flags(&self) -> Vec<(&str, &str)> {
        arguments::flags(&self.text)
    }
}

/// The instructions of a text, up to the first one that cannot be read.
pub(crate) struct Instructions<'a> {
    lines: Lines<'a>,
    escape: char,
    /// Whether lines may still be directives.
    at_top: bool,
    escape_seen: bool,
    /// Whether the builder knows here-documents; to one that does not, their lines are
    /// instructions.
    here_documents: bool,
}

impl<'a> Instructions<'a> {
    pub(crate) fn of(text: &'a str, position: Position) -> Self {
        let at_top = position == Position::WholeDocument;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) if at_top => rest,
            _ => text,
        };
        Self {
            lines: Lines {
                rest: text,
                number: 0,
            },
            escape: '\\',
            at_top,
            escape_seen: false,
            here_documents: true,
        }
    }

    /// Reads the text as a builder does that does not know here-documents.
    pub(crate) fn without_here_documents(mut self) -> Self {
        self.here_documents = false;
        self
    }

    /// The character that continues a line.
    pub(crate) fn escape(&self) -> char {
        self.escape
    }

    /// IL-187: a directive at the top of a document.
    fn directive(&mut self, line: &str) -> Result<(), ParseProblem> {
        self.at_top = false;
        let Some(escape) = escape_directive(line) else {
            return Ok(());
        };
        if self.escape_seen {
            return Err(ParseProblem::SecondEscape);
        }
        self.at_top = true;
        self.escape_seen = true;
        match escape {
            '`' | '\\' => {
                self.escape = escape;
                Ok(())
            }
            other => Err(ParseProblem::Escape(other)),
        }
    }

    /// IL-187: the line without the character that continues it, where it has one.
    fn continued<'b>(&self, line: &'b str) -> Option<&'b str> {
        line.trim_end_matches([' ', '\t']).strip_suffix(self.escape)
    }

    /// The rest of an instruction that goes on behind its first line.
    fn join(&mut self, first: &'a str) -> Cow<'a, str> {
        let mut joined = Cow::Borrowed(first);
        while let Some((_, line)) = self.lines.next() {
            let bare = line.trim_start();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let continued = self.continued(line);
            joined.to_mut().push_str(continued.unwrap_or(line));
            if continued.is_none() {
                break;
            }
        }
        joined
    }

    fn read(&mut self, line: usize, column: usize, text: Cow<'a, str>) -> Next<'a> {
        let wrong = |problem| Located::new(line, column, problem);
        let (word, rest) = arguments::split(&text);
        let keyword = Keyword::of(word);
        let found = match keyword {
            Some(keyword) => arguments::parse(keyword, rest, self.escape).map_err(wrong)?,
            None => Arguments::default(),
        };
        let takes_here_documents = self.here_documents
            && found.json.is_none()
            && matches!(
                keyword,
                Some(Keyword::Add | Keyword::Copy | Keyword::Run | Keyword::Onbuild)
            );
        let mut has_here_document = false;
        if takes_here_documents {
            for end in arguments::here_documents(&text) {
                has_here_document = true;
                self.skip_here_document(&end)
                    .ok_or(wrong(ParseProblem::UnterminatedHereDocument(end.word)))?;
            }
        }
        Ok(Instruction {
            line,
            column,
            keyword,
            has_arguments: found.any,
            json: found.json,
            has_here_document,
            text,
        })
    }

    /// IL-189: the body ends at a line that is the word and nothing else.
    fn skip_here_document(&mut self, end: &arguments::Terminator) -> Option<()> {
        loop {
            let (_, line) = self.lines.next()?;
            let line = if end.chomp {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == end.word {
                return Some(());
            }
        }
    }
}

type Next<'a> = Result<Instruction<'a>, Located<ParseProblem>>;

impl<'a> Iterator for Instructions<'a> {
    type Item = Next<'a>;

    fn next(&mut self) -> Option<Next<'a>> {
        loop {
            let (number, line) = self.lines.next()?;
            let bare = line.trim_start();
            if self.at_top
                && let Err(problem) = self.directive(bare)
            {
                return Some(Err(Located::new(number, 1, problem)));
            }
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let text = match self.continued(bare) {
                Some(first) => self.join(first),
                None => Cow::Borrowed(bare),
            };
            if !text.trim().is_empty() {
                let indent = line.len() - bare.len();
                let column = line
                    .get(..indent)
                    .map_or(0, |indent| indent.chars().count())
                    + 1;
                return Some(self.read(number, column, text));
            }
        }
    }
}

/// Whether a text begins with a directive that names the character that continues a line.
pub(super) fn has_escape_directive(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    escape_directive(first.trim_start()).is_some()
}

/// `# escape=X`
pub(super) fn escape_directive(line: &str) -> Option<char> {
    let blanks = [' ', '\t'];
    let rest = line.strip_prefix('#')?.trim_start_matches(blanks);
    let name = rest
        .get(..6)
        .filter(|name| name.eq_ignore_ascii_case("escape"))?;
    let rest = rest.strip_prefix(name)?.trim_start_matches(blanks);
    let rest = rest.strip_prefix('=')?.trim_start_matches(blanks);
    rest.chars().next().map(|c| c.to_ascii_lowercase())
}

/// Lines with their numbers from 1, without their ends.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = match end {
            Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
            None => (self.rest, ""),
        };
        self.rest = rest;
        Some((self.number, line.strip_suffix('\r').unwrap_or(line)))
    }
}
