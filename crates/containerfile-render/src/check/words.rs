//! Words with quotes and variables, as a builder expands them.

use super::problem::Problem;

/// Why a builder cannot expand the words of an instruction: a quote that is not closed, or a
/// variable that is written wrongly. Variables themselves are not looked up.
pub(super) fn problem(text: &str, escape: char) -> Option<Problem> {
    let mut rest = text.chars();
    let mut quote = None;
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, c) if c == escape => {
                rest.next();
            }
            (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (_, '$') if rest.as_str().starts_with('{') => {
                rest.next();
                if let Err(problem) = skip_variable(&mut rest) {
                    return Some(problem);
                }
            }
            _ => {}
        }
    }
    quote.map(Problem::OpenQuote)
}

/// What follows `${`.
fn skip_variable(rest: &mut std::str::Chars<'_>) -> Result<(), Problem> {
    let text = rest.as_str();
    let wrong = || Problem::Variable(text.chars().take(SHOWN).collect());
    let (inside, after) = text.split_once('}').ok_or_else(wrong)?;
    let end = inside.find(|c: char| !is_name(c)).unwrap_or(inside.len());
    let modifier = inside.get(end..).unwrap_or_default();
    if !modifier.is_empty() && !modifier.starts_with(":-") && !modifier.starts_with(":+") {
        return Err(wrong());
    }
    *rest = after.chars();
    Ok(())
}

/// How much of a wrong variable is shown.
const SHOWN: usize = 40;

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The text with its variables filled in: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`.
/// One that `value` does not know is empty.
pub(super) fn expand<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(inside) = after.strip_prefix('{') {
            let (inside, after) = inside.split_once('}').unwrap_or((inside, ""));
            let end = inside.find(|c: char| !is_name(c)).unwrap_or(inside.len());
            let (name, modifier) = inside.split_at_checked(end).unwrap_or((inside, ""));
            let found = value(name).unwrap_or_default();
            match (modifier.get(..2), modifier.get(2..).unwrap_or_default()) {
                (Some(":-"), default) if found.is_empty() => out.push_str(default),
                (Some(":+"), other) if !found.is_empty() => out.push_str(other),
                (Some(":+"), _) => {}
                _ => out.push_str(found),
            }
            rest = after;
        } else {
            let end = after.find(|c: char| !is_name(c)).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end).unwrap_or((after, ""));
            out.push_str(value(name).unwrap_or_default());
            rest = after;
        }
    }
    out.push_str(rest);
    // Quotes group words and are no part of them.
    out.retain(|c| c != '"' && c != '\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_closed_and_variables_well_formed() {
        for good in [
            "a",
            "'$x'",
            "\"a 'b\"",
            "${A}",
            "${A:-b c}",
            "\\\"",
            "a'\"'",
        ] {
            assert_eq!(problem(good, '\\'), None, "{good}");
        }
        for quote in ["a \"b", "'a", "a='\\'b'"] {
            assert!(
                matches!(problem(quote, '\\'), Some(Problem::OpenQuote(_))),
                "{quote}"
            );
        }
        for variable in ["${A", "${A:?x}", "${A-b}"] {
            assert!(
                matches!(problem(variable, '\\'), Some(Problem::Variable(_))),
                "{variable}"
            );
        }
    }

    #[test]
    fn variables_are_filled_in() {
        let of = |text: &str| expand(text, |name| (name == "A").then_some("x"));
        for (text, expected) in [
            ("quay.io/$A:1", "quay.io/x:1"),
            ("${A}-${B}", "x-"),
            ("${B:-y}${A:-z}", "yx"),
            ("${A:+y}${B:+z}", "y"),
            ("\"a\"", "a"),
            ("$", ""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
