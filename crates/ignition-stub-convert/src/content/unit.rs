//! Systemd units, as far as Ignition reads them.

use super::{Reason, extension};

pub(crate) const INVALID_UNIT_EXTENSION: Reason = "invalid systemd unit extension";
pub(crate) const INVALID_DROPIN_EXTENSION: Reason = "invalid systemd drop-in extension";

const UNIT_EXTENSIONS: [&str; 12] = [
    ".automount",
    ".device",
    ".mount",
    ".path",
    ".scope",
    ".service",
    ".slice",
    ".snapshot",
    ".socket",
    ".swap",
    ".target",
    ".timer",
];

pub(crate) fn is_unit_name(name: &str) -> bool {
    UNIT_EXTENSIONS.contains(&extension(name))
}

pub(crate) fn is_dropin_name(name: &str) -> bool {
    extension(name) == ".conf"
}

/// Longest line, in bytes: what systemd's own limit was when Ignition's reader was written.
const MAX_LINE: usize = 2048;
/// Ignition's reader sees a line that is too long only as far as its buffer is filled.
const BUFFER: usize = 4096;

/// Why the text of a unit is refused, if it is.
pub(crate) fn check_unit_text(text: &str) -> Option<Reason> {
    Lexer {
        text,
        at: 0,
        filled: 0,
    }
    .run()
    .err()
}

/// Goes through a unit as Ignition's reader does, which decides what it takes for an error.
struct Lexer<'a> {
    text: &'a str,
    /// Next byte to read.
    at: usize,
    /// How far the reader's buffer is filled.
    filled: usize,
}

/// What is read next.
#[derive(Clone, Copy)]
enum Step {
    /// Anything up to a section; what stands before the first one is skipped.
    Section,
    SectionName,
    SectionSuffix,
    OptionOrSection,
    OptionName,
    /// A value, which a backslash continues on the next line.
    OptionValue,
    /// A comment, after which the reader goes on with what it looked for before.
    Comment {
        before_first_section: bool,
    },
}

impl Lexer<'_> {
    fn run(mut self) -> Result<(), Reason> {
        let mut step = Step::Section;
        loop {
            self.check_line_length()?;
            step = match self.take(step)? {
                Some(step) => step,
                None => return Ok(()),
            };
        }
    }

    /// Reads one step; `None` at the end of the text.
    fn take(&mut self, step: Step) -> Result<Option<Step>, Reason> {
        Ok(Some(match step {
            Step::Section => match self.next_char() {
                None => return Ok(None),
                Some('[') => Step::SectionName,
                Some('#' | ';') => Step::Comment {
                    before_first_section: true,
                },
                Some(_) => Step::Section,
            },
            Step::SectionName => {
                if !self.read_to(b']').1 {
                    return Err("invalid unit content: unable to find end of section");
                }
                Step::SectionSuffix
            }
            Step::SectionSuffix => {
                if !self.line().0.trim().is_empty() {
                    return Err("invalid unit content: found garbage after section name");
                }
                Step::OptionOrSection
            }
            Step::OptionOrSection => match self.peek_char() {
                None => return Ok(None),
                Some(c) if c.is_whitespace() => {
                    self.next_char();
                    Step::OptionOrSection
                }
                Some('[') => {
                    self.next_char();
                    Step::SectionName
                }
                Some('#' | ';') => {
                    self.next_char();
                    Step::Comment {
                        before_first_section: false,
                    }
                }
                Some(_) => Step::OptionName,
            },
            Step::OptionName => self.option_name()?,
            Step::OptionValue => {
                let (line, at_end) = self.line();
                if !line.trim().is_empty() && line.ends_with('\\') && !at_end {
                    Step::OptionValue
                } else {
                    Step::OptionOrSection
                }
            }
            Step::Comment {
                before_first_section,
            } => {
                self.comment();
                if before_first_section {
                    Step::Section
                } else {
                    Step::OptionOrSection
                }
            }
        }))
    }

    /// A comment goes on where its line ends in a backslash.
    fn comment(&mut self) {
        loop {
            let (line, at_end) = self.line();
            if at_end || !line.strip_suffix(' ').unwrap_or(line).ends_with('\\') {
                return;
            }
        }
    }

    fn option_name(&mut self) -> Result<Step, Reason> {
        loop {
            match self.next_char() {
                Some('=') => return Ok(Step::OptionValue),
                Some('\n' | '\r') => {
                    return Err(
                        "invalid unit content: unexpected newline encountered while parsing option name",
                    );
                }
                Some(_) => {}
                None => return Err("invalid unit content: EOF"),
            }
        }
    }

    /// The reader looks at the length of a line before each step, but never beyond its buffer.
    fn check_line_length(&self) -> Result<(), Reason> {
        let ahead = self
            .text
            .as_bytes()
            .get(self.at..self.filled)
            .unwrap_or_default();
        match ahead.get(..MAX_LINE) {
            Some(line) if !line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) => {
                Err("invalid unit content: line too long (max 2048 bytes)")
            }
            _ => Ok(()),
        }
    }

    fn fill(&mut self) {
        self.filled = self.text.len().min(self.at + BUFFER);
    }

    fn peek_char(&mut self) -> Option<char> {
        let next = self.text.get(self.at..)?.chars().next()?;
        if self.at + next.len_utf8() > self.filled {
            self.fill();
        }
        Some(next)
    }

    fn next_char(&mut self) -> Option<char> {
        let next = self.peek_char()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Reads up to and including `end`, or to the end of the text; says whether `end` was there.
    fn read_to(&mut self, end: u8) -> (&str, bool) {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let found = rest.as_bytes().iter().position(|&byte| byte == end);
        let stop = found.map_or(self.text.len(), |found| start + found + 1);
        // The buffer is filled from its start each time it was read to its end in vain.
        while self.filled < stop {
            if self.filled - self.at >= BUFFER {
                self.at = self.filled;
            }
            self.fill();
        }
        self.at = stop;
        (
            self.text.get(start..stop).unwrap_or_default(),
            found.is_some(),
        )
    }

    /// Reads a line; says whether the text ends with it.
    fn line(&mut self) -> (&str, bool) {
        let (line, ended) = self.read_to(b'\n');
        let line = line.strip_suffix('\n').unwrap_or(line);
        (line, !ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|reason| format!("invalid unit content: {reason}"));
        let found = check_unit_text(text).map(str::to_owned);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn bi_362_units_are_read_as_ignition_reads_them() {
        for good in [
            "",
            "text before a section",
            "[Unit]",
            "[Unit]\n",
            "[Unit]\nA=b\n",
            "[Unit]  \nA=\n\n[B]\n",
            "# comment\n[Unit]\n; comment\\\nstill\nA=b",
            "[Unit]\nA=b\\\nc\nD=e",
            "[Unit]\r\nA=b\r\n",
            "[U\nnit]\nA=b",
            "[Unit]\nA=b\\",
            "#x\\",
        ] {
            check(good, None);
        }
        check("[Foo", Some("unable to find end of section"));
        check("[Foo] x", Some("found garbage after section name"));
        check(
            "[Foo]\nA\n",
            Some("unexpected newline encountered while parsing option name"),
        );
        check("[Foo]\nA", Some("EOF"));
    }

    #[test]
    fn bi_362_long_lines_are_refused_as_far_as_ignition_sees_them() {
        let long = "x".repeat(MAX_LINE);
        check(
            &format!("[Unit]\nA={long}\n"),
            Some("line too long (max 2048 bytes)"),
        );
        check(&format!("[Unit]\nA={}\n", "x".repeat(MAX_LINE - 4)), None);
        // Read from a buffer that is nearly empty.
        let before = format!("[Unit]\n{}", "#y\n".repeat(1000));
        check(&format!("{before}A={long}\n"), None);
        check(
            &format!("[{}]\n", "x".repeat(10 * BUFFER)),
            Some("line too long (max 2048 bytes)"),
        );
    }
}
