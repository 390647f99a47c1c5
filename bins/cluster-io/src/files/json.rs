//! JSON text as it is, without what can be seen to be of another kind. One pass over the bytes finds
//! that, and members that are written twice, which mean different things to different readers.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::look::{Keep, is_read};
use super::{FileError, Text, Texts};

/// Deepest nesting that is gone through, as deep as the API server reads: each level costs memory.
const MAX_DEPTH: usize = 10_000;
/// Objects with more members than this remember their keys in a set: below it comparing is quicker.
const FEW_KEYS: usize = 24;

/// Whether a text is meant to be JSON: it starts like an object or a list, and its first token
/// after that is one of JSON. YAML's flow style starts alike, but rarely with a quote.
pub(super) fn is_json(text: &[u8]) -> bool {
    match text.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')),
        _ => false,
    }
}

/// The documents of a JSON text.
pub(super) fn texts(name: &str, text: &str, keep: Keep) -> Texts {
    let mut scan = Scan::new(text.as_bytes());
    if let Some(Refused { offset, problem }) = scan.run() {
        let number = scan.documents.len();
        return Texts::of_error(syntax_error(name, text, offset, problem, number));
    }
    let documents = scan.documents;
    let unclear = scan.unclear;
    let whole = || Texts {
        texts: vec![Text {
            path: name.to_owned(),
            document: 1,
            json: text.to_owned(),
        }],
        ..Texts::default()
    };
    if keep == Keep::All || unclear || !documents.iter().any(Document::leaves_out) {
        return whole();
    }
    let mut found = Texts::default();
    for (document, number) in documents.iter().zip(1..) {
        found.ignored += document.ignored();
        let Some(json) = document.kept(text) else {
            continue;
        };
        // The place of an error has to be that in the file.
        if serde_json::from_str::<IgnoredAny>(&json).is_err() {
            return whole();
        }
        found.texts.push(Text {
            path: name.to_owned(),
            document: number,
            json,
        });
    }
    found
}

fn syntax_error(
    name: &str,
    text: &str,
    offset: usize,
    problem: String,
    documents: usize,
) -> FileError {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    FileError::Syntax {
        path: name.to_owned(),
        document: documents.max(1),
        line: memchr::memchr_iter(b'\n', before).count() as u64 + 1,
        column: (offset - line_start) as u64 + 1,
        problem,
    }
}

/// A document of a text.
#[derive(Default)]
struct Document {
    range: Range<usize>,
    /// Only a parser can tell what it is.
    unclear: bool,
    other_kind: bool,
    elements: Option<Vec<Element>>,
}

/// An object of `items`.
struct Element {
    range: Range<usize>,
    other_kind: bool,
}

impl Document {
    fn leaves_out(&self) -> bool {
        self.ignored() > 0
    }

    /// How many objects are left out.
    fn ignored(&self) -> usize {
        match &self.elements {
            _ if self.unclear => 0,
            None => usize::from(self.other_kind),
            Some(elements) => elements.iter().filter(|e| e.other_kind).count(),
        }
    }

    /// The document without the elements that are left out.
    fn kept(&self, text: &str) -> Option<String> {
        let all = || Some(text.get(self.range.clone())?.to_owned());
        let elements = match &self.elements {
            _ if self.ignored() == 0 => return all(),
            None => return None,
            Some(elements) => elements,
        };
        let kept = || elements.iter().filter(|element| !element.other_kind);
        kept().next()?;
        let (first, last) = (elements.first()?, elements.last()?);
        let mut out = text.get(self.range.start..first.range.start)?.to_owned();
        for (element, index) in kept().zip(0..) {
            out.push_str(if index == 0 { "" } else { "," });
            out.push_str(text.get(element.range.clone())?);
        }
        out.push_str(text.get(last.range.end..self.range.end)?);
        Some(out)
    }
}

/// Why a text is refused that may be JSON.
struct Refused {
    offset: usize,
    problem: String,
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
struct Frame<'a> {
    is_object: bool,
    role: Role,
    /// Of an object: the next string is a key.
    expects_key: bool,
    /// Of an object: what the value behind the last key is.
    value: Role,
    /// Where the keys of an object start in [`Scan::keys`].
    keys: usize,
    /// Of an object with many keys: all of them.
    many: Option<HashSet<Cow<'a, [u8]>>>,
}

struct Scan<'a> {
    text: &'a [u8],
    position: usize,
    frames: Vec<Frame<'a>>,
    /// Keys of the objects that are not at their ends.
    keys: Vec<Cow<'a, [u8]>>,
    documents: Vec<Document>,
    /// There is something between documents.
    unclear: bool,
}

impl<'a> Scan<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            position: 0,
            frames: Vec::new(),
            keys: Vec::new(),
            documents: Vec::new(),
            unclear: false,
        }
    }

    /// Goes through the text, which need not be valid, to the first key that stands twice.
    fn run(&mut self) -> Option<Refused> {
        while let Some(byte) = self.text.get(self.position) {
            match byte {
                b'"' => {
                    if let Some(refused) = self.string() {
                        return Some(refused);
                    }
                    continue;
                }
                b'{' | b'[' if self.frames.len() >= MAX_DEPTH => {
                    return Some(Refused {
                        offset: self.position,
                        problem: format!("it nests deeper than {MAX_DEPTH} levels"),
                    });
                }
                b'{' => self.open(true),
                b'[' => self.open(false),
                b'}' | b']' => self.close(),
                b',' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.expects_key = frame.is_object;
                    }
                }
                b' ' | b'\n' | b'\r' | b'\t' | b':' => {}
                _ => self.scalar(),
            }
            self.position += 1;
        }
        if !self.frames.is_empty()
            && let Some(document) = self.documents.last_mut()
        {
            // It ends too early, which a parser will say.
            document.unclear = true;
        }
        None
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
        let role = self.role();
        // Between documents it is one of its own, or no JSON: only a parser can tell.
        self.unclear |= role == Role::Document;
        if matches!(role, Role::Element | Role::Items)
            && let Some(document) = self.documents.last_mut()
        {
            document.unclear = true;
        }
    }

    fn begin(&mut self) {
        self.documents.push(Document {
            range: self.position..self.text.len(),
            ..Document::default()
        });
    }

    fn open(&mut self, is_object: bool) {
        let role = self.role();
        if role == Role::Document {
            self.begin();
        }
        let position = self.position;
        if let Some(document) = self.documents.last_mut() {
            match role {
                Role::Items if !is_object => document.elements = Some(Vec::new()),
                Role::Element if is_object => {
                    let element = Element {
                        range: position..position,
                        other_kind: false,
                    };
                    document.elements.get_or_insert_default().push(element);
                }
                Role::Items | Role::Element => document.unclear = true,
                Role::Document => document.unclear = !is_object,
                Role::Kind | Role::Other => {}
            }
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

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.keys.truncate(frame.keys);
        let end = self.position + 1;
        let Some(document) = self.documents.last_mut() else {
            return;
        };
        match frame.role {
            Role::Document => document.range.end = end,
            Role::Element => {
                if let Some(element) = document.elements.iter_mut().flatten().last() {
                    element.range.end = end;
                }
            }
            _ => {}
        }
    }

    fn string(&mut self) -> Option<Refused> {
        let start = self.position;
        let raw = self.raw_string();
        let role = self.role();
        match self.frames.last_mut() {
            Some(frame) if frame.expects_key => {
                frame.expects_key = false;
                return self.key(start, raw);
            }
            _ if role == Role::Kind => self.kind(raw),
            _ => {
                let behind = std::mem::replace(&mut self.position, start);
                self.scalar();
                self.position = behind;
            }
        }
        None
    }

    /// The string that starts here, without quotes and with its escapes; goes behind it.
    fn raw_string(&mut self) -> &'a [u8] {
        let start = self.position + 1;
        let mut position = start;
        loop {
            let rest = self.text.get(position..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(offset) if rest.get(offset) == Some(&b'"') => {
                    let end = position + offset;
                    self.position = end + 1;
                    return self.text.get(start..end).unwrap_or_default();
                }
                Some(offset) => position += offset + 2,
                None => {
                    self.position = self.text.len();
                    return rest;
                }
            }
        }
    }

    fn key(&mut self, offset: usize, raw: &'a [u8]) -> Option<Refused> {
        let key = unescaped(raw);
        let frame = self.frames.last_mut()?;
        frame.value = match (frame.role, key.as_ref()) {
            (Role::Document | Role::Element, b"kind") => Role::Kind,
            (Role::Document, b"items") => Role::Items,
            _ => Role::Other,
        };
        let known = self.keys.get(frame.keys..).unwrap_or_default();
        if known.len() >= FEW_KEYS && frame.many.is_none() {
            frame.many = Some(known.iter().cloned().collect());
        }
        let is_new = match &mut frame.many {
            Some(keys) => keys.insert(key.clone()),
            None => !known.contains(&key),
        };
        if !is_new {
            let key = key.into_owned();
            let problem = format!("duplicate mapping key: {}", String::from_utf8_lossy(&key));
            return Some(Refused { offset, problem });
        }
        if frame.many.is_none() {
            self.keys.push(key);
        }
        None
    }

    /// The kind of the object that is at the top.
    fn kind(&mut self, raw: &[u8]) {
        let other =
            std::str::from_utf8(raw).is_ok_and(|kind| !kind.contains('\\') && !is_read(kind));
        let role = self.frames.last().map(|frame| frame.role);
        let Some(document) = self.documents.last_mut() else {
            return;
        };
        if role == Some(Role::Document) {
            document.other_kind = other;
        } else if let Some(element) = document.elements.iter_mut().flatten().last() {
            element.other_kind = other;
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
