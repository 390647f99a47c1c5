//! Text that is safe to show on a terminal. Names, images and messages come from files and servers: a
//! terminal obeys control characters in them, and a line feed in a name is another row of a table.

use std::borrow::Cow;
use std::io::{Result, Write};

/// A value in the middle of a line: what a terminal would obey is written as `\u{1b}`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut out, character);
    }
    Cow::Owned(out)
}

/// A message of several lines: a line feed stays one where the next line is indented, as our own
/// lists are.
pub(crate) fn shown_message(text: &str) -> String {
    let lines: Vec<_> = text.split("\n  ").map(shown).collect();
    lines.join("\n  ")
}

fn push(out: &mut String, character: char) {
    if is_obeyed(character) {
        out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
    } else {
        out.push(character);
    }
}

/// Whether a terminal does something else with a character than to show it: control characters of
/// ASCII and C1, what turns the direction of writing, and separators of lines and paragraphs.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// A stream to a screen. Line feeds end lines, as they should; everything else that a terminal would
/// obey is escaped, except colours and weights if the stream has them.
pub(crate) struct Screen<W> {
    stream: W,
    /// Colours are let through.
    styled: bool,
    /// The start of a character whose end has not been written yet.
    partial: Vec<u8>,
}

impl<W: Write> Screen<W> {
    /// A stream without colours.
    pub(crate) fn plain(stream: W) -> Self {
        Self::new(stream, false)
    }

    /// A stream with colours. Values are escaped by [`shown`] before they are written, so that only
    /// our own colours are left.
    pub(crate) fn styled(stream: W) -> Self {
        Self::new(stream, true)
    }

    fn new(stream: W, styled: bool) -> Self {
        Self {
            stream,
            styled,
            partial: Vec::new(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let length = if self.styled { style(rest) } else { 0 };
            let taken = length.max(character.len_utf8());
            if length > 0 || character == '\n' {
                out.push_str(rest.get(..taken).unwrap_or_default());
            } else {
                push(&mut out, character);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }
}

/// The length of the colour that a text starts with: `ESC [ digits m`.
fn style(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let length = parameters
        .find(|character: char| !character.is_ascii_digit() && character != ';')
        .unwrap_or(parameters.len());
    let ends = parameters
        .get(length..)
        .is_some_and(|rest| rest.starts_with('m'));
    if ends {
        "\u{1b}[".len() + length + 1
    } else {
        0
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.partial.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.partial) {
            Ok(text) => text.len(),
            // A character that goes on in the next write.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.partial.len(),
        };
        let rest = self.partial.split_off(complete);
        let text = String::from_utf8_lossy(&self.partial);
        let safe = self.text(&text);
        self.partial = rest;
        self.stream.write_all(safe.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected);
        check("worker-a → é", "worker-a → é");
        check("a\u{1b}[31mb", "a\\u{1b}[31mb");
        check("a\nUpdate  b", "a\\u{a}Update  b");
        check("\u{1b}]8;;http://x\u{7}y", "\\u{1b}]8;;http://x\\u{7}y");
        check(
            "\u{9b}31m\u{202e}x\u{2066}\u{2028}\t",
            "\\u{9b}31m\\u{202e}x\\u{2066}\\u{2028}\\u{9}",
        );
        assert_eq!(shown_message("a\n  b\nerror: c"), "a\n  b\\u{a}error: c");
    }

    fn through(mut screen: Screen<Vec<u8>>, parts: &[&[u8]]) -> String {
        for part in parts {
            screen.write_all(part).unwrap();
        }
        String::from_utf8(screen.stream).unwrap()
    }

    #[test]
    fn a_stream_lets_lines_and_its_own_colours_through() {
        let check = |parts: &[&[u8]], plain: &str, styled: &str| {
            assert_eq!(through(Screen::plain(Vec::new()), parts), plain);
            assert_eq!(through(Screen::styled(Vec::new()), parts), styled);
        };
        check(&[b"a\nb\n"], "a\nb\n", "a\nb\n");
        check(
            &["\u{1b}[1;33mx\u{1b}[0m".as_bytes()],
            "\\u{1b}[1;33mx\\u{1b}[0m",
            "\u{1b}[1;33mx\u{1b}[0m",
        );
        check(
            &["\u{1b}[2J\u{1b}[".as_bytes()],
            "\\u{1b}[2J\\u{1b}[",
            "\\u{1b}[2J\\u{1b}[",
        );
        check(
            &["→".as_bytes().split_at(1).0, "→".as_bytes().split_at(1).1],
            "→",
            "→",
        );
        check(&[b"a\xffb"], "a\u{fffd}b", "a\u{fffd}b");
    }
}
