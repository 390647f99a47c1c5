//! Styles of strings and how each is printed (IL-113 … IL-117).

use std::fmt::Write as _;

use super::resolve::is_special;

/// Columns after which a line is folded at the next blank (IL-117).
const WIDTH: usize = 80;

/// IL-114: whether a character ends a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// IL-114: whether a character can stand as it is outside double quotes.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// Deeper than anything that is hashed.
const SPACES: &str = "                ";

pub(super) fn spaces(out: &mut String, count: usize) {
    out.push_str(SPACES.get(..count).unwrap_or(SPACES));
}

/// Appends a string that starts at `column`; its further lines are indented by `indent`.
pub(super) fn write(out: &mut String, text: &str, column: usize, indent: usize) {
    if is_simple(text) {
        out.push_str(text);
        return;
    }
    match style(text) {
        Style::Plain => fold(out, text, column, indent, Style::Plain),
        Style::Single => {
            out.push('\'');
            fold(out, text, column + 1, indent, Style::Single);
            out.push('\'');
        }
        Style::Double => double(out, text, column, indent),
        Style::Literal => literal(out, text, indent),
    }
}

/// Whether a string is plain for certain. Most strings are names and image references; they need no
/// full scan.
fn is_simple(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|first| first.is_ascii_alphanumeric() || *first == b'/')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(byte))
        // A colon at the end would end a key (IL-115).
        && bytes.last() != Some(&b':')
        && !is_special(text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// IL-113, IL-116: the style that the reference chooses.
fn style(text: &str) -> Style {
    if text.is_empty() {
        return Style::Double;
    }
    if text.contains('\n') {
        return if may_be_literal(text) {
            Style::Literal
        } else {
            Style::Double
        };
    }
    if is_special(text) {
        return Style::Double;
    }
    let traits = Traits::of(text);
    if traits.break_space || traits.space_break || traits.special {
        Style::Double
    } else if traits.at_edge || traits.breaks || traits.indicator {
        Style::Single
    } else {
        Style::Plain
    }
}

/// IL-116: whether a text has no special character and no line that ends in a blank.
fn may_be_literal(text: &str) -> bool {
    !text.ends_with(' ') && !blank_before_break(text) && text.chars().all(is_printable)
}

fn blank_before_break(text: &str) -> bool {
    // Every other line break is special, or more than one byte.
    let bytes = text.as_bytes();
    bytes.windows(2).any(|pair| pair == b" \n")
        || (!text.is_ascii() && (text.contains(" \u{2028}") || text.contains(" \u{2029}")))
}

/// IL-114, IL-115: what a scan over a string finds.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings of one scan"
)]
struct Traits {
    /// A blank at the start or at the end.
    at_edge: bool,
    breaks: bool,
    break_space: bool,
    space_break: bool,
    special: bool,
    indicator: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let mut traits = Self {
            at_edge: text.starts_with(' ') || text.ends_with(' '),
            indicator: text.starts_with("---") || text.starts_with("..."),
            ..Self::default()
        };
        let mut previous = None;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let next = characters.peek().copied();
            traits.indicator |= is_indicator(previous, c, next);
            traits.special |= !is_printable(c);
            if is_break(c) {
                traits.breaks = true;
                traits.space_break |= previous == Some(' ');
            } else if c == ' ' {
                traits.break_space |= previous.is_some_and(is_break);
            }
            previous = Some(c);
        }
        traits
    }
}

/// IL-115: whether a character would mean something to a YAML reader at its place.
fn is_indicator(previous: Option<char>, c: char, next: Option<char>) -> bool {
    let blank = |c: Option<char>| c.is_none_or(|c| matches!(c, ' ' | '\t') || is_break(c));
    match (previous, c) {
        (None, '-' | '?') | (_, ':') => blank(next),
        (None, c) => "#,[]{}&*!|>'\"%@`".contains(c),
        (Some(_), '#') => blank(previous),
        _ => false,
    }
}

/// IL-117: plain and single-quoted text, folded at single blanks.
fn fold(out: &mut String, text: &str, mut column: usize, indent: usize, style: Style) {
    let quoted = style == Style::Single;
    let last = text.len().saturating_sub(1);
    let mut previous = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let within = !quoted || (at != 0 && at != last);
        if c == ' ' && column > WIDTH && within && previous != Some(' ') && next != Some(' ') {
            out.push('\n');
            spaces(out, indent);
            column = indent;
        } else if is_break(c) {
            out.push(c);
            column = 0;
        } else {
            if previous.is_some_and(is_break) {
                spaces(out, indent);
                column = indent;
            }
            if quoted && c == '\'' {
                out.push(c);
                column += 1;
            }
            out.push(c);
            column += 1;
        }
        previous = Some(c);
    }
}

/// IL-117: text line by line as it is.
fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with(|c| c == ' ' || is_break(c)) {
        out.push('2');
    }
    let mut backwards = text.chars().rev();
    if backwards.next().is_none_or(|last| !is_break(last)) {
        out.push('-');
    } else if backwards.next().is_none_or(is_break) {
        out.push('+');
    }
    out.push('\n');
    for line in text.split_inclusive(is_break) {
        if !line.starts_with(is_break) {
            spaces(out, indent);
        }
        out.push_str(line);
    }
}

/// IL-117: text with escapes, folded at blanks.
fn double(out: &mut String, text: &str, column: usize, indent: usize) {
    // The reference looks for a byte order mark at the start of the text only, and then takes
    // every character for one.
    let escape_all = text.starts_with('\u{feff}');
    let mut column = column + 1;
    let last = text.chars().next_back();
    let last_at = text.len() - last.map_or(0, char::len_utf8);
    let mut after_space = false;
    out.push('"');
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next_is_space = characters.peek().is_some_and(|(_, next)| *next == ' ');
        if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
            let before = out.len();
            escape(out, c);
            column += out.len() - before;
            after_space = false;
        } else if c == ' ' {
            if !after_space && column > WIDTH && at != 0 && at != last_at {
                out.push('\n');
                spaces(out, indent);
                column = indent;
                if next_is_space {
                    out.push('\\');
                    column += 1;
                }
            } else {
                out.push(' ');
                column += 1;
            }
            after_space = true;
        } else {
            out.push(c);
            column += 1;
            after_space = false;
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    out.push('\\');
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            // Writing to a string cannot fail.
            let _ = match code {
                ..=0xff => write!(out, "x{code:02X}"),
                0x100..=0xffff => write!(out, "u{code:04X}"),
                _ => write!(out, "U{code:08X}"),
            };
            return;
        }
    };
    out.push(short);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks how a text stands behind `  content: `.
    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        write(&mut out, text, 11, 4);
        assert_eq!(out, expected, "{text:?}");
    }

    #[test]
    fn il_113_the_style_follows_from_the_text() {
        check("", "\"\"");
        check("FROM x", "FROM x");
        check("true", "\"true\"");
        check("a\nb", "|-\n    a\n    b");
        check("a\nb\n", "|\n    a\n    b\n");
        check("a\n\n", "|+\n    a\n\n");
        check("\na", "|2-\n\n    a");
        check(" a\n", "|2\n     a\n");
        check("\n", "|2+\n\n");
    }

    #[test]
    fn il_115_indicators_are_quoted() {
        check("a: b", "'a: b'");
        check("a:b", "a:b");
        check("a:", "'a:'");
        check("a #b", "'a #b'");
        check("a#b", "a#b");
        check("- a", "'- a'");
        check("-a", "-a");
        check("...", "'...'");
        check("it's: a", "'it''s: a'");
        check("@a", "'@a'");
        check("a, [b]", "a, [b]");
    }

    #[test]
    fn il_116_special_characters_need_double_quotes() {
        check("a\tb\n", "\"a\\tb\\n\"");
        check("a \nb", "\"a \\nb\"");
        check("a\r\nb", "\"a\\r\\nb\"");
        check("\u{1f680}", "\"\\U0001F680\"");
        check("\u{feff}a b", "\"\\uFEFF\\x61\\x20\\x62\"");
        check("a\u{2028}b\n ", "\"a\\Lb\\n \"");
        check("a\u{2028}b", "'a\u{2028}    b'");
        check(" a", "' a'");
    }

    #[test]
    fn il_117_long_lines_are_folded_at_single_blanks() {
        let long = "x".repeat(69);
        check(&format!("{long} b c"), &format!("{long} b\n    c"));
        check(&format!("{long}  b  c"), &format!("{long}  b  c"));
        check(&format!("{long}: b c"), &format!("'{long}:\n    b c'"));
        check(
            &format!("{long}\tb  c"),
            &format!("\"{long}\\tb\n    \\ c\""),
        );
        check(
            &format!("{long}\n{long} b c"),
            &format!("|-\n    {long}\n    {long} b c"),
        );
    }
}
