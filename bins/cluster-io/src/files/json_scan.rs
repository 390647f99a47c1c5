//! One pass over the bytes of JSON text: which documents, and which elements of lists, can be seen to be
//! of another kind, and members that are written twice. The text may come block by block: of a large
//! file no more is held than what a string needs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::look::is_read;

/// Deepest nesting that is gone through, as deep as the API server reads: each level costs memory.
const MAX_DEPTH: usize = 10_000;
/// Objects with more members than this remember their keys in a set: below it comparing is quicker.
const FEW_KEYS: usize = 24;

/// What is kept of a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The parts that are kept, in the order of the text.
    pub(super) parts: Vec<Part>,
    /// How many documents are of other kinds, and how many elements of lists.
    pub(super) ignored: usize,
    /// Only a parser can tell what the text is.
    pub(super) unclear: bool,
}

/// A document that is kept, all or some of it, or several documents one after the other.
#[derive(Debug)]
pub(super) struct Part {
    /// Number of the (first) document, from 1.
    pub(super) number: usize,
    /// In bytes from the start of the text.
    pub(super) bytes: Range<u64>,
    /// `None`: all of it is kept.
    pub(super) list: Option<List>,
    /// Number of the last document.
    last: usize,
}

/// The elements of a list.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Where the first element starts and the last one ends.
    pub(super) elements: Range<u64>,
    /// What is kept: elements with what stands between them.
    pub(super) kept: Vec<Range<u64>>,
    ignored: usize,
    /// Whether the last element was kept.
    keeps: bool,
}

/// Why a text is refused that may be JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Where, in bytes from the start of the text.
    pub(super) offset: u64,
    /// Number of the document, from 1.
    pub(super) document: usize,
    /// What is wrong.
    pub(super) problem: String,
}

/// What a value is the value of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Document,
    Kind,
    Items,
    Element,
    Other,
}

/// An object or a list that is not at its end.
struct Frame {
    is_object: bool,
    role: Role,
    /// Of an object: the next string is a key.
    expects_key: bool,
    /// Of an object: what the value behind the last key is.
    value: Role,
    /// Which of [`Keys`] is its first.
    keys: usize,
    /// Of an object with many keys: all of them.
    many: Option<HashSet<Vec<u8>>>,
}

/// The document that is not at its end.
#[derive(Default)]
struct Document {
    start: u64,
    /// Only a parser can tell what it is.
    unclear: bool,
    other_kind: bool,
    list: Option<List>,
    element: Element,
}

/// The last element of a list.
#[derive(Default)]
struct Element {
    start: u64,
    other_kind: bool,
}

/// Goes through a text, which need not be valid.
#[derive(Default)]
pub(super) struct Scan {
    /// Of what comes next.
    offset: u64,
    frames: Vec<Frame>,
    keys: Keys,
    document: Document,
    /// How many documents have begun.
    number: usize,
    found: Found,
}

impl Scan {
    /// Starts at `offset`.
    pub(super) fn new(offset: u64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }

    /// Takes the next bytes, and says how many: a string that does not end in them is left, and has to
    /// come again with what follows it, unless nothing follows.
    pub(super) fn take(&mut self, bytes: &[u8], is_last: bool) -> Result<usize, Refused> {
        let mut position = 0;
        while let Some(byte) = bytes.get(position) {
            let place = self.offset + position as u64;
            match byte {
                b'"' => {
                    let string = bytes.get(position + 1..).unwrap_or_default();
                    let (raw, length) = match end_of_string(string) {
                        Some(end) => (string.get(..end).unwrap_or_default(), end + 1),
                        None if is_last => (string, string.len()),
                        None => break,
                    };
                    self.string(place, raw)?;
                    position += length;
                }
                b'{' | b'[' if self.frames.len() >= MAX_DEPTH => {
                    return Err(Refused {
                        offset: place,
                        document: self.number.max(1),
                        problem: format!("it nests deeper than {MAX_DEPTH} levels"),
                    });
                }
                b'{' => self.open(place, true),
                b'[' => self.open(place, false),
                b'}' | b']' => self.close(place),
                b',' => match self.frames.last_mut() {
                    Some(frame) => frame.expects_key = frame.is_object,
                    None => self.found.unclear = true,
                },
                b' ' | b'\n' | b'\r' | b'\t' | b':' => {}
                _ => self.scalar(),
            }
            position += 1;
        }
        self.offset += position as u64;
        Ok(position)
    }

    /// What was found, behind the last byte.
    pub(super) fn finish(mut self) -> Found {
        // A text that ends too early: a parser will say where.
        self.found.unclear |= !self.frames.is_empty();
        self.found
    }

    /// What a value that starts here is.
    fn role(&self) -> Role {
        match self.frames.last() {
            None => Role::Document,
            Some(frame) if frame.is_object => frame.value,
            Some(frame) if frame.role == Role::Items => Role::Element,
            Some(_) => Role::Other,
        }
    }

    /// A value that is neither object nor list.
    fn scalar(&mut self) {
        match self.role() {
            // It is a document of its own, or no JSON.
            Role::Document => self.found.unclear = true,
            Role::Items | Role::Element => self.document.unclear = true,
            Role::Kind | Role::Other => {}
        }
    }

    fn open(&mut self, place: u64, is_object: bool) {
        let role = self.role();
        let document = &mut self.document;
        match role {
            Role::Document => {
                self.number += 1;
                *document = Document {
                    start: place,
                    unclear: !is_object,
                    ..Document::default()
                };
            }
            Role::Items if !is_object => document.list = Some(List::default()),
            Role::Element if is_object => {
                document.element = Element {
                    start: place,
                    other_kind: false,
                };
            }
            Role::Items | Role::Element => document.unclear = true,
            Role::Kind | Role::Other => {}
        }
        self.frames.push(Frame {
            is_object,
            role,
            expects_key: is_object,
            value: Role::Other,
            keys: self.keys.len(),
            many: None,
        });
    }

    fn close(&mut self, place: u64) {
        let Some(frame) = self.frames.pop() else {
            self.found.unclear = true;
            return;
        };
        self.keys.truncate(frame.keys);
        let end = place + 1;
        match frame.role {
            Role::Document => {
                let document = std::mem::take(&mut self.document);
                self.found.add(document, end, self.number);
            }
            Role::Element => {
                let Element { start, other_kind } = self.document.element;
                let list = self.document.list.get_or_insert_default();
                list.add(start..end, !other_kind);
            }
            _ => {}
        }
    }

    fn string(&mut self, place: u64, raw: &[u8]) -> Result<(), Refused> {
        let role = self.role();
        match self.frames.last_mut() {
            Some(frame) if frame.expects_key => {
                frame.expects_key = false;
                return self.key(place, raw);
            }
            _ if role == Role::Kind => self.kind(raw),
            _ => self.scalar(),
        }
        Ok(())
    }

    fn key(&mut self, offset: u64, raw: &[u8]) -> Result<(), Refused> {
        let key = unescaped(raw);
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        frame.value = match (frame.role, key.as_ref()) {
            (Role::Document | Role::Element, b"kind") => Role::Kind,
            (Role::Document, b"items") => Role::Items,
            _ => Role::Other,
        };
        if frame.many.is_none() && self.keys.len() - frame.keys >= FEW_KEYS {
            frame.many = Some(self.keys.from(frame.keys).map(<[u8]>::to_vec).collect());
        }
        let is_new = match &mut frame.many {
            Some(keys) => keys.insert(key.to_vec()),
            None => !self
                .keys
                .from(frame.keys)
                .any(|known| known == key.as_ref()),
        };
        if !is_new {
            let key = String::from_utf8_lossy(&key);
            return Err(Refused {
                offset,
                document: self.number.max(1),
                problem: format!("duplicate mapping key: {key}"),
            });
        }
        if frame.many.is_none() {
            self.keys.push(&key);
        }
        Ok(())
    }

    /// The kind of the object that is at the top.
    fn kind(&mut self, raw: &[u8]) {
        let other =
            std::str::from_utf8(raw).is_ok_and(|kind| !kind.contains('\\') && !is_read(kind));
        if self.frames.last().map(|frame| frame.role) == Some(Role::Document) {
            self.document.other_kind = other;
        } else {
            self.document.element.other_kind = other;
        }
    }
}

impl Found {
    /// A document that ends at `end`.
    fn add(&mut self, document: Document, end: u64, number: usize) {
        let ignored = match &document.list {
            _ if document.unclear => 0,
            None => usize::from(document.other_kind),
            Some(list) => list.ignored,
        };
        self.ignored += ignored;
        let bytes = document.start..end;
        if ignored == 0 {
            return self.add_whole(bytes, number);
        }
        let list = document.list.filter(|list| !list.kept.is_empty());
        self.parts.extend(list.map(|list| Part {
            number,
            bytes,
            list: Some(list),
            last: number,
        }));
    }

    fn add_whole(&mut self, bytes: Range<u64>, number: usize) {
        let before = self.parts.last_mut();
        match before.filter(|part| part.list.is_none() && part.last + 1 == number) {
            Some(part) => {
                part.bytes.end = bytes.end;
                part.last = number;
            }
            None => self.parts.push(Part {
                number,
                bytes,
                list: None,
                last: number,
            }),
        }
    }
}

impl List {
    fn add(&mut self, element: Range<u64>, is_kept: bool) {
        if self.elements.end == 0 {
            self.elements.start = element.start;
        }
        self.elements.end = element.end;
        match self.kept.last_mut() {
            _ if !is_kept => self.ignored += 1,
            Some(kept) if self.keeps => kept.end = element.end,
            _ => self.kept.push(element),
        }
        self.keeps = is_kept;
    }
}

/// The keys of all objects that are not at their ends, one behind the other.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The keys from the one with this number on.
    fn from(&self, first: usize) -> impl Iterator<Item = &[u8]> {
        let before = first.checked_sub(1).and_then(|last| self.ends.get(last));
        let mut start = before.copied().unwrap_or(0);
        let ends = self.ends.get(first..).unwrap_or_default();
        ends.iter().map(move |end| {
            let key = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            key
        })
    }
}

/// Where the quote stands that ends a string; the text starts behind its first quote.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut position = 0;
    loop {
        let offset = memchr::memchr2(b'"', b'\\', text.get(position..)?)?;
        match text.get(position + offset) {
            Some(b'"') => return Some(position + offset),
            // The character behind a backslash ends nothing.
            _ => position += offset + 2,
        }
    }
}

/// A key without its escapes; as it is where they are wrong, which a parser will say.
fn unescaped(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    match serde_json::from_slice::<String>(&quoted) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of a text that comes in blocks of `block` bytes.
    fn scan(text: &str, block: usize) -> Result<Found, Refused> {
        let (text, mut scan) = (text.as_bytes(), Scan::new(0));
        let (mut taken, mut known) = (0, block.min(text.len()));
        loop {
            taken += scan.take(&text[taken..known], known == text.len())?;
            if known == text.len() {
                return Ok(scan.finish());
            }
            known = (known + block).min(text.len());
        }
    }

    /// The parts that are kept, and how many objects are not.
    fn check(text: &str, kept: &[&str], ignored: usize) {
        for block in [1, 3, 1000] {
            let found = scan(text, block).unwrap();
            assert!(!found.unclear, "{text}");
            let part = |range: &Range<u64>| {
                let index = |place: u64| usize::try_from(place).unwrap();
                text.get(index(range.start)..index(range.end)).unwrap()
            };
            let mut parts = Vec::new();
            for found in &found.parts {
                match &found.list {
                    Some(list) => parts.extend(list.kept.iter().map(part)),
                    None => parts.push(part(&found.bytes)),
                }
            }
            assert_eq!((parts.as_slice(), found.ignored), (kept, ignored), "{text}");
        }
    }

    #[test]
    fn what_is_of_another_kind_is_left_out() {
        check(
            r#"{"kind":"Pod"} {"kind":"Node"}"#,
            &[r#"{"kind":"Node"}"#],
            1,
        );
        check(
            r#"{"x":1} {"kind":"Node"}"#,
            &[r#"{"x":1} {"kind":"Node"}"#],
            0,
        );
        check(
            r#"{"items":[{"kind":"Pod"},{"kind":"Node"}, {"a":[1]},{"kind":"Pod"},{}],"x":1}"#,
            &[r#"{"kind":"Node"}, {"a":[1]}"#, "{}"],
            2,
        );
        check(r#"{"items":[{"kind":"Pod"}]}"#, &[], 1);
        check(
            r#"{"x":{"kind":"Pod"},"y":"\"}{"}"#,
            &[r#"{"x":{"kind":"Pod"},"y":"\"}{"}"#],
            0,
        );
        check(
            r#"{"items":[5,{"kind":"Pod"}]}"#,
            &[r#"{"items":[5,{"kind":"Pod"}]}"#],
            0,
        );
        check(r#"[{"kind":"Pod"}]"#, &[r#"[{"kind":"Pod"}]"#], 0);
    }

    #[test]
    fn what_only_a_parser_can_tell_is_unclear() {
        for text in ["5", r#"{"a":1"#, r#"{"a"#, "{},{}", "{}]", r#"{} "x""#] {
            assert!(scan(text, 1).unwrap().unclear, "{text}");
        }
    }

    #[test]
    fn keys_are_compared_without_their_escapes() {
        for block in [1, 2, 1000] {
            let found = scan(r#"{} {"a":1,"b":{"a":2,"c":3},"\u0061":4}"#, block).unwrap_err();
            let expected = Refused {
                offset: 28,
                document: 2,
                problem: "duplicate mapping key: a".to_owned(),
            };
            assert_eq!(found, expected);
        }
    }
}
