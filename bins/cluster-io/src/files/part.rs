//! The parts of a file that are kept, as JSON.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::input::Reading;
use super::look::{Document, List, Look, Place};
use super::{FileError, Text, Texts, json, parallel};
use crate::yaml::{self, YamlError};

/// The mark with which some programs on Windows start a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How much of a large file is looked at at a time.
const BLOCK: usize = 256 << 10;
/// A file with a longer line than this is read as a whole: it is not what a program that writes YAML
/// makes.
const MAX_LINE: usize = 16 << 20;

/// Where the parts of a file are read from.
pub(super) enum Source<'a> {
    /// The whole file.
    Bytes(&'a [u8]),
    /// An open file.
    File(&'a File),
}

impl Source<'_> {
    fn bytes(&self, place: &Place) -> Result<Cow<'_, [u8]>> {
        let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let range = index(place.bytes.start)..index(place.bytes.end);
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes.get(range).unwrap_or_default())),
            Self::File(file) => {
                let mut bytes = vec![0; range.len()];
                file.read_exact_at(&mut bytes, place.bytes.start)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

/// The texts of a file in memory.
pub(super) fn texts(reading: &Reading<'_>, name: &str, bytes: &[u8]) -> Texts {
    let start = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if json::is_json(start) {
        return json_texts(reading, name, bytes, start);
    }
    let mut look = Look::new(reading.keep, (bytes.len() - start.len()) as u64);
    let mut rest = start;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(end + 1);
        look.line(line);
        rest = behind;
    }
    if !rest.is_empty() {
        look.line(rest);
    }
    parsed(name, &Source::Bytes(bytes), look)
}

fn json_texts(reading: &Reading<'_>, name: &str, bytes: &[u8], start: &[u8]) -> Texts {
    match std::str::from_utf8(start) {
        Ok(text) => json::texts(name, text, reading.keep),
        Err(error) => Texts::of_error(FileError::NotUtf8 {
            path: name.to_owned(),
            offset: (bytes.len() - start.len() + error.valid_up_to()) as u64,
        }),
    }
}

/// The texts of a large file that is looked at block by block; `None` for one that has to be read as a
/// whole.
pub(super) fn large(reading: &Reading<'_>, name: &str, file: &mut File) -> Result<Option<Texts>> {
    let mut block = vec![0; BLOCK];
    let mut filled = file.read(&mut block)?;
    let start = block.get(..filled).unwrap_or_default();
    let behind_mark = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    if json::is_json(behind_mark) {
        file.seek(SeekFrom::Start(0))?;
        return Ok(None);
    }
    let mark = start.len() - behind_mark.len();
    let mut look = Look::new(reading.keep, mark as u64);
    block.copy_within(mark..filled, 0);
    filled -= mark;
    reading.progress.add_bytes(filled as u64);
    loop {
        let known = block.get(..filled).unwrap_or_default();
        let mut done = 0;
        for end in memchr::memchr_iter(b'\n', known) {
            look.line(known.get(done..=end).unwrap_or_default());
            done = end + 1;
        }
        block.copy_within(done..filled, 0);
        filled -= done;
        if filled == block.len() {
            if filled >= MAX_LINE {
                file.seek(SeekFrom::Start(0))?;
                return Ok(None);
            }
            block.resize(filled * 2, 0);
        }
        let read = file.read(block.get_mut(filled..).unwrap_or_default())?;
        reading.progress.add_bytes(read as u64);
        if read == 0 {
            break;
        }
        filled += read;
    }
    if filled > 0 {
        look.line(block.get(..filled).unwrap_or_default());
    }
    Ok(Some(parsed(name, &Source::File(file), look)))
}

/// Parses what was found.
fn parsed(name: &str, source: &Source<'_>, look: Look) -> Texts {
    let found = look.finish();
    let mut texts = Texts {
        ignored: found.ignored,
        ..Texts::default()
    };
    let work = |document: &Document| document_text(name, source, document);
    for text in parallel::map(&found.documents, work) {
        match text {
            Ok((text, ignored)) => {
                texts.texts.extend(text);
                texts.ignored += ignored;
            }
            Err(error) => texts.errors.push(error),
        }
    }
    texts
}

/// A document as JSON, `None` for one with nothing in it, and how many elements were left out of it.
fn document_text(
    name: &str,
    source: &Source<'_>,
    document: &Document,
) -> std::result::Result<(Option<Text>, usize), FileError> {
    // An element may need an anchor of another one. Then, and where it is no YAML, the whole document
    // tells more.
    let list = document.list.as_ref();
    let kept = list.and_then(|list| Some((list_text(source, list)?, list.ignored)));
    let (json, ignored) = match kept {
        Some(kept) => kept,
        None => (
            place_text(name, source, document.number, &document.place)?,
            0,
        ),
    };
    let text = (json != "null").then(|| Text {
        path: name.to_owned(),
        document: document.number,
        json,
    });
    Ok((text, ignored))
}

/// A list with the elements that are kept; `None` where one of them cannot be read by itself.
fn list_text(source: &Source<'_>, list: &List) -> Option<String> {
    let element = |place: &Place| {
        let bytes = source.bytes(place).ok()?;
        let json = yaml::to_json(std::str::from_utf8(&bytes).ok()?).ok()?;
        let element = json.strip_prefix('[')?.strip_suffix(']')?;
        Some(element.to_owned())
    };
    let elements: Option<Vec<String>> =
        parallel::map(&list.elements, element).into_iter().collect();
    // Both are words without anything that JSON would have to escape.
    let (api_version, kind) = (&list.api_version, &list.kind);
    let head = format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}","items":["#);
    Some(format!("{head}{}]}}", elements?.join(",")))
}

/// A part of a file as JSON.
fn place_text(
    name: &str,
    source: &Source<'_>,
    document: usize,
    place: &Place,
) -> std::result::Result<String, FileError> {
    let path = || name.to_owned();
    let bytes = source.bytes(place).map_err(|source| FileError::Io {
        path: path(),
        source,
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| FileError::NotUtf8 {
        path: path(),
        offset: place.bytes.start + error.valid_up_to() as u64,
    })?;
    yaml::to_json(text).map_err(|error| syntax_error(name, document, place, text, error))
}

fn syntax_error(
    name: &str,
    document: usize,
    place: &Place,
    text: &str,
    error: YamlError,
) -> FileError {
    FileError::Syntax {
        path: name.to_owned(),
        document,
        line: place.line + error.line.max(1) - 1,
        column: error.column.max(1),
        problem: with_callout(error.problem, text, error.line),
    }
}

/// The problem, and what else it may be: examples that are copied out of a document keep the numbers
/// of its callouts, and a number where a mapping should begin is no YAML.
fn with_callout(problem: String, text: &str, line: u64) -> String {
    // What is written twice is no number that was copied along.
    if problem.starts_with("duplicate") {
        return problem;
    }
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    // The parser notices at the line itself, or where a key was to follow.
    let mut lines = text
        .lines()
        .take(line)
        .collect::<Vec<_>>()
        .into_iter()
        .rev();
    let of_keys = |line: &&str| line.contains(": ");
    let callout = lines
        .by_ref()
        .take(line)
        .filter(of_keys)
        .take(CALLOUT_LINES)
        .find_map(osbuild_check::callout);
    match callout {
        Some(callout) => format!(
            "{problem} ({callout:?} at the end of a line looks like the number of a callout in the \
             document that the text was copied from: remove it)"
        ),
        None => problem,
    }
}

/// How many keys before a mistake are looked at.
const CALLOUT_LINES: usize = 3;
