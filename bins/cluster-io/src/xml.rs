//! XML of bounded cost: what a cloud or a vCenter answers is read in a time and with a stack that
//! do not depend on what it says.

use roxmltree::{Document, ParsingOptions};

/// An answer of 16 MiB with small elements.
pub(crate) const MAX_NODES: u32 = 2_000_000;
/// How many attributes an element may have. The parser compares them with each other.
const MAX_ATTRIBUTES: usize = 16;
/// How deep elements may nest. The parser calls itself for each level, and hands namespaces down.
const MAX_DEPTH: usize = 64;

/// Why a text is not read as XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    /// It is no XML, or has more than [`MAX_NODES`] nodes.
    #[error("{0}")]
    Syntax(String),
    /// An element has too many attributes.
    #[error("an element has more than {MAX_ATTRIBUTES} attributes")]
    Attributes,
    /// Elements nest too deep.
    #[error("elements nest deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, XmlError> {
    check(text)?;
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|error| XmlError::Syntax(error.to_string()))
}

/// Whether attributes and levels are few, in one pass. What is no XML may pass: the parser says so.
fn check(text: &str) -> Result<(), XmlError> {
    let mut rest = text;
    let mut depth: usize = 0;
    while let Some((_, after)) = rest.split_once('<') {
        // What stands in these is no element.
        let end = match after {
            _ if after.starts_with("!--") => Some("-->"),
            _ if after.starts_with("![CDATA[") => Some("]]>"),
            _ if after.starts_with('?') => Some("?>"),
            _ => None,
        };
        if let Some(end) = end {
            rest = after.split_once(end).map_or("", |(_, behind)| behind);
            continue;
        }
        let tag = Tag::read(after);
        if tag.attributes > MAX_ATTRIBUTES {
            return Err(XmlError::Attributes);
        }
        if after.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.is_empty {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return Err(XmlError::Depth);
        }
        rest = tag.behind;
    }
    Ok(())
}

/// A tag behind its `<`.
struct Tag<'t> {
    attributes: usize,
    /// Whether it has no end tag.
    is_empty: bool,
    behind: &'t str,
}

impl<'t> Tag<'t> {
    fn read(text: &'t str) -> Self {
        let mut quote = None;
        let mut attributes = 0;
        let mut last = 0;
        for (at, byte) in text.bytes().enumerate() {
            match (quote, byte) {
                (None, b'>') => {
                    let (_, behind) = text.split_at(at);
                    return Self {
                        attributes,
                        is_empty: last == b'/',
                        behind,
                    };
                }
                (None, b'"' | b'\'') => {
                    quote = Some(byte);
                    attributes += 1;
                }
                (Some(open), close) if open == close => quote = None,
                _ => {}
            }
            last = byte;
        }
        Self {
            attributes,
            is_empty: true,
            behind: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn any_text_is_read_or_refused_soon() {
        let attributes: String =
            (0..60_000).fold(String::new(), |text, n| text + &format!(" a{n}='>'"));
        let one_by_one = format!("<a{}/>", " b='c'".repeat(17)).repeat(150_000);
        for (text, error) in [
            (format!("<a{attributes}/>"), Some(XmlError::Attributes)),
            (one_by_one, Some(XmlError::Attributes)),
            ("<a b='".repeat(2_000_000), Some(XmlError::Attributes)),
            ("<a xmlns:b='c'>".repeat(1_000_000), Some(XmlError::Depth)),
            ("<a>".repeat(5 << 20), Some(XmlError::Depth)),
            ("<".repeat(16 << 20), None),
            (format!("<a>{}</a>", "<b/>".repeat(3_000_000)), None),
            (format!("<a>{}", "<!-- <b> -->".repeat(1_000_000)), None),
        ] {
            let start = Instant::now();
            let found = parse(&text).map(|_| ()).unwrap_err();
            // A build without optimisation on a busy machine takes ten times as long.
            assert!(start.elapsed() < Duration::from_secs(10), "{found}");
            match error {
                Some(error) => assert_eq!(found, error),
                None => assert!(matches!(found, XmlError::Syntax(_)), "{found}"),
            }
        }
    }

    #[test]
    fn what_is_no_element_does_not_count() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)).unwrap_err(), XmlError::Depth);
        let comments = "<!-- <a b='' --><![CDATA[<a>]]><?p <a>?>".repeat(MAX_DEPTH + 1);
        let many = "<b c='1' d=\">\"/>".repeat(MAX_DEPTH + 1);
        assert!(parse(&format!("<?xml version='1.0'?><a>{comments}{many}</a>")).is_ok());
    }
}
