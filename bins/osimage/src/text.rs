//! Text for terminals: columns and wrapped lines.

use std::io::IsTerminal;

use crate::screen::shown;

/// The width that everything for people fits into where there is no terminal.
pub(crate) const WIDTH: usize = 80;
/// A terminal that is narrower, or says so, is written to as if it were this wide.
const NARROWEST: usize = 40;

/// The width of the terminal that standard output is, else [`WIDTH`].
pub(crate) fn width() -> usize {
    if !std::io::stdout().is_terminal() {
        return WIDTH;
    }
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0).max(NARROWEST))
}

/// Columns are no wider than this: one name of megabytes, which no API server accepts, would make
/// every other row as long.
const WIDEST_COLUMN: usize = 512;

/// A value for a terminal, padded to a width, counted in characters.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let text = shown(text);
    let missing = width
        .min(WIDEST_COLUMN)
        .saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// Breaks a sentence at blanks into lines of at most [`width`] characters, each indented. A word that
/// is longer stays whole: people copy it.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let (width, margin) = (width(), " ".repeat(indent));
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let word = shown(word);
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && indent + length > width {
            lines.push_str(&format!("{margin}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push_str(&format!("{margin}{line}\n"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_blanks_and_long_words_stay_whole() {
        let text = format!("{} {}", "word ".repeat(40), "x".repeat(100));
        let wrapped = wrap(&text, 4);
        for line in wrapped.lines() {
            assert!(line.starts_with("    "));
            assert!(
                line.chars().count() <= WIDTH || line.contains(&"x".repeat(100)),
                "{line}"
            );
        }
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&wrapped), words(&text));
    }

    #[test]
    fn padding_counts_characters() {
        assert_eq!(pad("→", 3), "→  ");
        assert_eq!(pad("long", 2), "long");
    }
}
