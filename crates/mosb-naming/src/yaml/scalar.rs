//! Styles of strings and how each is printed (IL-113 … IL-117).

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

pub(super) fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// Appends a string that starts at `column`; its further lines are indented by `indent`.
pub(super) fn write(out: &mut String, text: &str, column: usize, indent: usize) {
    if is_simple(text) {
        out.push_str(text);
        return;
    }
    let traits = Traits::of(text);
    match style(text, &traits) {
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

/// Most strings are names and image references: plain, without a blank, and not worth a second
/// look. (The characters of IL-115 and those that IL-118 looks at are not among the first ones.)
fn is_simple(text: &str) -> bool {
    let bytes = text.as_bytes();
    let first = match bytes.first() {
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            return !is_special(text) && is_simple_tail(bytes);
        }
        Some(first) => first,
        None => return false,
    };
    (first.is_ascii_alphabetic() || *first == b'/') && is_simple_tail(bytes)
}

/// A colon at the end would end a key.
fn is_simple_tail(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(byte))
        && bytes.last() != Some(&b':')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// IL-113, IL-116: the style that the reference chooses.
fn style(text: &str, traits: &Traits) -> Style {
    if text.is_empty() {
        return Style::Double;
    }
    if text.contains('\n') {
        let allowed = !(traits.trailing_space || traits.space_break || traits.special);
        return if allowed { Style::Literal } else { Style::Double };
    }
    if is_special(text) {
        return Style::Double;
    }
    let quoted_only = traits.leading_space
        || traits.trailing_space
        || traits.breaks
        || traits.indicator
        || traits.break_space
        || traits.space_break
        || traits.special;
    if !quoted_only {
        Style::Plain
    } else if traits.break_space || traits.space_break || traits.special {
        Style::Double
    } else {
        Style::Single
    }
}

/// IL-114, IL-115: what a scan over a string finds.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent findings of one scan")]
struct Traits {
    leading_space: bool,
    trailing_space: bool,
    breaks: bool,
    break_space: bool,
    space_break: bool,
    special: bool,
    indicator: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let mut traits = Self {
            leading_space: text.starts_with(' '),
            trailing_space: text.ends_with(' '),
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
        (None, '-' | '?' | ':') => blank(next),
        (None, c) => "#,[]{}&*!|>'\"%@`".contains(c),
        (Some(_), ':') => blank(next),
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
    let mut at_start = true;
    for c in text.chars() {
        let ends_line = is_break(c);
        if at_start && !ends_line {
            spaces(out, indent);
        }
        out.push(c);
        at_start = ends_line;
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
            out.push_str(&match code {
                ..=0xff => format!("x{code:02X}"),
                ..=0xffff => format!("u{code:04X}"),
                _ => format!("U{code:08X}"),
            });
            return;
        }
    };
    out.push(short);
}
