//! What a text becomes before it is written (IL-119).

use std::borrow::Cow;

/// IL-119: a character that the reference cannot hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ControlCharacter(pub(crate) char);

/// IL-108, IL-119: the text as the reference has it after its round trip through JSON and a YAML
/// reader: U+0085 is a line break there and is folded with the blanks around it; control characters
/// that JSON does not escape are refused.
pub(crate) fn clean(text: &str) -> Result<Cow<'_, str>, ControlCharacter> {
    if text.is_ascii() {
        return match text.find('\u{7f}') {
            Some(_) => Err(ControlCharacter('\u{7f}')),
            None => Ok(Cow::Borrowed(text)),
        };
    }
    if let Some(refused) = text.chars().find(|c| is_refused(*c)) {
        return Err(ControlCharacter(refused));
    }
    if text.contains(NEXT_LINE) {
        return Ok(Cow::Owned(fold(text)));
    }
    Ok(Cow::Borrowed(text))
}

const NEXT_LINE: char = '\u{85}';

fn is_refused(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') && c != NEXT_LINE
}

/// A run of blanks and U+0085 is one blank, or where it has several breaks, a line feed for each
/// but the first.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([' ', NEXT_LINE]) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let end = from
            .find(|c| c != ' ' && c != NEXT_LINE)
            .unwrap_or(from.len());
        let (run, after) = from.split_at_checked(end).unwrap_or((from, ""));
        match run.matches(NEXT_LINE).count() {
            0 => out.push_str(run),
            1 => out.push(' '),
            breaks => out.extend(std::iter::repeat_n('\n', breaks - 1)),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_119_next_line_is_folded_with_the_blanks_around_it() {
        let cases = [
            ("a", "a"),
            ("a  b", "a  b"),
            ("a\u{85}b", "a b"),
            ("a \u{85} b  c", "a b  c"),
            ("a\u{85}\u{85}b", "a\nb"),
            ("a\u{85} \u{85}\u{85}b", "a\n\nb"),
            ("\u{85}", " "),
            ("\u{e9}", "\u{e9}"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn il_119_control_characters_are_refused() {
        for refused in ['\u{7f}', '\u{80}', '\u{9f}', '\u{fffe}', '\u{ffff}'] {
            for text in [format!("a{refused}"), format!("é{refused}")] {
                assert_eq!(clean(&text), Err(ControlCharacter(refused)));
            }
        }
        assert!(clean("\u{1}\t\u{feff}\u{2028}").is_ok());
    }
}
