//! Numbers of callouts that stay in an example when it is copied out of a document.

/// The number at the end of a line or of a value that refers to a list below an example: `(4)`,
/// `<4>`, or a digit or two behind a blank. A value that is a number altogether is none.
///
/// ```
/// use osbuild_check::callout;
/// assert_eq!(callout("name: layered (2)"), Some("(2)"));
/// assert_eq!(callout("imageBuilder: 3"), Some("3"));
/// assert_eq!(callout("name: layered"), None);
/// ```
pub fn callout(text: &str) -> Option<&str> {
    let (before, last) = text.trim_end().rsplit_once([' ', '\t'])?;
    let is_number = |text: &str| {
        (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let inner = |open, close| last.strip_prefix(open)?.strip_suffix(close);
    let bracketed = inner('(', ')').or_else(|| inner('<', '>'));
    let is_callout = bracketed.map_or_else(|| is_number(last), is_number);
    (is_callout && !before.trim().is_empty()).then_some(last)
}

/// What to do about a callout, for people.
pub(crate) fn hint(text: &str) -> Option<String> {
    let callout = callout(text)?;
    Some(format!(
        "{callout:?} at the end looks like the number of a callout in the document that the text was \
         copied from: remove it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_behind_a_blank_are_callouts() {
        for (text, expected) in [
            ("<mcp_name> 1", Some("1")),
            ("quay.io/a/b:latest  7", Some("7")),
            ("layered <2>", Some("<2>")),
            ("containerFile: (4)", Some("(4)")),
            ("layered", None),
            ("7", None),
            (" 7", None),
            ("a 123", None),
            ("a (b)", None),
            ("a ()", None),
            ("", None),
        ] {
            assert_eq!(callout(text), expected, "{text}");
        }
    }
}
