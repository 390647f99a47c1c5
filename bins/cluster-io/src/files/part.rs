//! The parts of a file that are kept, as JSON.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::input::Reading;
use super::json_scan::Scan;
use super::look::{Document, Keep, List, Look, Place};
use super::{FileError, Text, Texts, json, parallel};
use crate::yaml::{self, YamlError};

/// The mark with which some programs on Windows start a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How much of a large file is looked at at a time.
const BLOCK: usize = 256 << 10;
/// A file with a longer line of YAML than this, or with a longer string of JSON, is read as a whole: it
/// is not what a program writes.
const MAX_LINE: usize = 16 << 20;

/// How many documents are parsed before their texts are put where they belong: what is in between takes
/// as much memory as small documents themselves.
const AT_ONCE: usize = 4096;

/// Where the parts of a file are read from.
pub(super) enum Source<'a> {
    /// The whole file.
    Bytes(&'a [u8]),
    /// An open file.
    File(&'a File),
}

impl Source<'_> {
    fn bytes(&self, place: &Place) -> Result<Cow<'_, [u8]>> {
        if let Self::Bytes(bytes) = self {
            return Ok(Cow::Borrowed(part(bytes, &place.bytes)));
        }
        let mut bytes = Vec::new();
        self.append(&place.bytes, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Reads a part of the file and puts it behind what was read before.
    pub(super) fn append(&self, range: &Range<u64>, bytes: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Bytes(all) => bytes.extend_from_slice(part(all, range)),
            Self::File(file) => {
                let start = bytes.len();
                bytes.resize(start + index(range.end.saturating_sub(range.start)), 0);
                file.read_exact_at(bytes.get_mut(start..).unwrap_or_default(), range.start)?;
            }
        }
        Ok(())
    }
}

fn part<'b>(bytes: &'b [u8], range: &Range<u64>) -> &'b [u8] {
    bytes
        .get(index(range.start)..index(range.end))
        .unwrap_or_default()
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The texts of a file in memory.
pub(super) fn texts(reading: &Reading<'_>, name: &str, bytes: &[u8]) -> Texts {
    let start = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if json::is_json(start) {
        return json_texts(reading, name, bytes, start);
    }
    let mut look = Look::new(reading.keep, (bytes.len() - start.len()) as u64);
    let rest = look.lines(start);
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
/// whole, and is at its start again.
pub(super) fn large(reading: &Reading<'_>, name: &str, file: &mut File) -> Result<Option<Texts>> {
    let mut block = vec![0; BLOCK];
    let filled = file.read(&mut block)?;
    block.truncate(filled);
    let mark = if block.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    block.drain(..mark);
    reading.progress.add_bytes(block.len() as u64);
    let found = if json::is_json(&block) {
        large_json(reading, name, file, block, mark as u64)?
    } else {
        large_yaml(reading, name, file, block, mark as u64)?
    };
    if found.is_none() {
        file.seek(SeekFrom::Start(0))?;
    }
    Ok(found)
}

fn large_json(
    reading: &Reading<'_>,
    name: &str,
    file: &mut File,
    start: Vec<u8>,
    offset: u64,
) -> Result<Option<Texts>> {
    if reading.keep == Keep::All {
        return Ok(None);
    }
    let mut scan = Scan::new(offset);
    let take = |bytes: &[u8], is_last: bool| scan.take(bytes, is_last).ok();
    let is_seen = blocks(reading, file, start, take)?;
    Ok(if is_seen {
        json::kept(name, &Source::File(file), &scan.finish())
    } else {
        None
    })
}

fn large_yaml(
    reading: &Reading<'_>,
    name: &str,
    file: &mut File,
    start: Vec<u8>,
    offset: u64,
) -> Result<Option<Texts>> {
    let mut look = Look::new(reading.keep, offset);
    let take = |bytes: &[u8], is_last: bool| {
        let rest = look.lines(bytes);
        if is_last && !rest.is_empty() {
            look.line(rest);
            return Some(bytes.len());
        }
        Some(bytes.len() - rest.len())
    };
    let is_seen = blocks(reading, file, start, take)?;
    Ok(is_seen.then(|| parsed(name, &Source::File(file), look)))
}

/// Gives a file to `take` block by block, after its start, which was read before. `take` says how much of
/// a block it has taken: the rest comes again, with more behind it. False where `take` gives up, or
/// needs more at once than a line of a file is long.
fn blocks(
    reading: &Reading<'_>,
    file: &mut File,
    mut block: Vec<u8>,
    mut take: impl FnMut(&[u8], bool) -> Option<usize>,
) -> Result<bool> {
    let mut filled = block.len();
    block.resize(BLOCK, 0);
    loop {
        let Some(taken) = take(block.get(..filled).unwrap_or_default(), false) else {
            return Ok(false);
        };
        block.copy_within(taken..filled, 0);
        filled -= taken;
        if filled == block.len() {
            if filled >= MAX_LINE {
                return Ok(false);
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
    Ok(take(block.get(..filled).unwrap_or_default(), true).is_some())
}

/// Parses what was found.
fn parsed(name: &str, source: &Source<'_>, look: Look) -> Texts {
    let found = look.finish();
    let mut texts = Texts {
        ignored: found.ignored,
        ..Texts::default()
    };
    let work = |document: &Document| document_text(name, source, document);
    let chunks = found.documents.chunks(AT_ONCE);
    for text in chunks.flat_map(|documents| parallel::map(documents, work)) {
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
    // An element cannot be parsed by itself where it uses an anchor of another element, or where it is no
    // YAML. Then the whole document is parsed: it has the anchor, and the error gets its place.
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
    // Both consist of letters, digits, `.`, `/` and `-` only (see `look::word`): nothing to escape.
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
    // A key that stands twice is not explained by the number of a callout.
    if problem.starts_with("duplicate") {
        return problem;
    }
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    // The parser stops at the line with the number, or at the key after it: look backwards from there.
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
