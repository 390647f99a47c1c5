//! Text for terminals: columns and wrapped lines.

/// The width that everything for people fits into.
pub(crate) const WIDTH: usize = 80;

/// Pads to a width, counted in characters.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// Breaks a sentence at blanks into lines of at most `WIDTH` characters, each indented. A word that
/// is longer stays whole: people copy it.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && indent + length > WIDTH {
            lines.push_str(&format!("{margin}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
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
