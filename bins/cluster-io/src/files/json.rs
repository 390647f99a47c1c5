//! JSON text as it is, without what can be seen to be of another kind.

use serde::de::IgnoredAny;

use super::json_scan::{Found, Part, Refused, Scan};
use super::look::Keep;
use super::part::Source;
use super::{FileError, Text, Texts};

/// Whether a text is meant to be JSON: it starts like an object or a list, and its first token
/// after that is one of JSON. YAML's flow style starts alike, but rarely with a quote.
pub(super) fn is_json(text: &[u8]) -> bool {
    match text.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')),
        _ => false,
    }
}

/// The documents of a JSON text. Members that are written twice mean different things to different
/// readers, and are an error.
pub(super) fn texts(name: &str, text: &str, keep: Keep) -> Texts {
    let mut scan = Scan::new(0);
    if let Err(refused) = scan.take(text.as_bytes(), true) {
        return Texts::of_error(syntax_error(name, text, refused));
    }
    let kept = match keep {
        Keep::All => None,
        Keep::ObjectsThatAreRead => kept(name, &Source::Bytes(text.as_bytes()), &scan.finish()),
    };
    kept.unwrap_or_else(|| Texts {
        texts: vec![Text {
            path: name.to_owned(),
            document: 1,
            json: text.to_owned(),
        }],
        ..Texts::default()
    })
}

/// What a scan found to be kept. `None` where the whole text is to be read: where nothing is left out,
/// where only a parser can tell, and where there is an error, the place of which has to be that in the
/// file.
pub(super) fn kept(name: &str, source: &Source<'_>, found: &Found) -> Option<Texts> {
    if found.unclear || found.ignored == 0 {
        return None;
    }
    let text = |part: &Part| {
        let json = part.json(source)?;
        let mut documents = serde_json::Deserializer::from_str(&json).into_iter::<IgnoredAny>();
        documents.all(|document| document.is_ok()).then(|| Text {
            path: name.to_owned(),
            document: part.number,
            json,
        })
    };
    let texts: Option<Vec<Text>> = found.parts.iter().map(text).collect();
    Some(Texts {
        texts: texts?,
        ignored: found.ignored,
        ..Texts::default()
    })
}

impl Part {
    /// What is kept of it; `None` where it cannot be read.
    fn json(&self, source: &Source<'_>) -> Option<String> {
        let mut json = Vec::new();
        let Some(list) = &self.list else {
            source.append(&self.bytes, &mut json).ok()?;
            return String::from_utf8(json).ok();
        };
        let (head, tail) = (
            self.bytes.start..list.elements.start,
            list.elements.end..self.bytes.end,
        );
        source.append(&head, &mut json).ok()?;
        for (index, elements) in list.kept.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            source.append(elements, &mut json).ok()?;
        }
        source.append(&tail, &mut json).ok()?;
        String::from_utf8(json).ok()
    }
}

fn syntax_error(name: &str, text: &str, refused: Refused) -> FileError {
    let offset = usize::try_from(refused.offset).unwrap_or(usize::MAX);
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    FileError::Syntax {
        path: name.to_owned(),
        document: refused.document,
        line: memchr::memchr_iter(b'\n', before).count() as u64 + 1,
        column: (offset - line_start) as u64 + 1,
        problem: refused.problem,
    }
}
