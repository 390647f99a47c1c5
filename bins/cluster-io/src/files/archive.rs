//! Archives, read as the tree in them without unpacking.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Result, Seek};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::bufread::MultiGzDecoder;

use super::input::Reading;
use super::{FileError, MAX_FILE_BYTES, Texts, walk, zstd};

/// What every entry, and all that is kept of an archive, may expand to however small the archive
/// is, in bytes.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// How many times the size of an archive may come on top of that.
const ALLOWED_TIMES: u64 = 4;
/// Headers between two entries of a tar archive are no longer than this, long names included.
const MAX_HEADERS: u64 = 1 << 20;
/// How many entries wait to be looked at while the next one is unpacked.
const WAITING: usize = 4;
/// Where a tar archive says that it is one.
const TAR_MAGIC: usize = 257;

/// How an archive is recognised: by its first bytes, whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// gzip, of a tar archive or of one file.
    Gzip,
    /// Zstandard, of the same.
    Zstd,
    /// tar.
    Tar,
    /// zip.
    Zip,
}

/// The bytes that tell what a file is.
pub(super) fn start(file: &mut impl Read) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(512).read_to_end(&mut start)?;
    Ok(start)
}

/// The format of an archive; `None` for a file that is none.
pub(super) fn format(start: &[u8]) -> Option<Format> {
    match start {
        [0x1f, 0x8b, ..] => Some(Format::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Format::Zstd),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Format::Zip),
        _ if start
            .get(TAR_MAGIC..)
            .is_some_and(|magic| magic.starts_with(b"ustar")) =>
        {
            Some(Format::Tar)
        }
        _ => None,
    }
}

/// A file of an archive.
struct Entry {
    path: PathBuf,
    content: std::result::Result<Vec<u8>, FileError>,
}

/// Everything in an archive of `length` bytes. One thread unpacks, another looks and parses.
pub(super) fn read(
    reading: &Reading<'_>,
    name: &str,
    format: Format,
    file: impl Read + Seek,
    length: u64,
) -> Texts {
    let limit = ALWAYS_ALLOWED.saturating_add(length.saturating_mul(ALLOWED_TIMES));
    let (send, receive) = sync_channel(WAITING);
    let (unpacked, mut found) = std::thread::scope(|scope| {
        let looked_at = scope.spawn(move || look_at(reading, name, limit, &receive));
        let unpack = Unpack {
            name,
            limit: limit.min(MAX_FILE_BYTES),
            send,
        };
        let unpacked = unpack.all(format, file);
        // The other thread ends when nobody sends any more.
        drop(unpack);
        let found = looked_at.join();
        (unpacked, found.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    // As in a directory: the order of an archive is that of whoever packed it.
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut texts = Texts::default();
    for (_, more) in found {
        texts.append(more);
    }
    if let Err(problem) = unpacked {
        texts.errors.push(FileError::Archive {
            path: name.to_owned(),
            problem: problem.to_string(),
        });
    }
    texts
}

fn look_at(
    reading: &Reading<'_>,
    archive: &str,
    limit: u64,
    entries: &Receiver<Entry>,
) -> Vec<(PathBuf, Texts)> {
    let mut found = Vec::new();
    let mut kept = 0_u64;
    for Entry { path, content } in entries {
        let texts = match content {
            Ok(bytes) => reading.bytes(&entry_name(archive, &path), &bytes),
            Err(error) => Texts::of_error(error),
        };
        reading.progress.add_file();
        kept += texts.texts.iter().map(|t| t.json.len() as u64).sum::<u64>();
        if kept > limit {
            found.push((path, Texts::of_error(expands(archive.to_owned(), limit))));
            return found;
        }
        found.push((path, texts));
    }
    found
}

/// The name of an entry as if the archive were a directory; a file that was packed by itself has
/// that of its archive.
fn entry_name(archive: &str, path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return archive.to_owned();
    }
    format!("{archive}/{}", path.display())
}

fn expands(path: String, limit: u64) -> FileError {
    let limit = limit >> 20;
    FileError::Expands { path, limit }
}

/// What was packed as a whole.
fn unpacked<'r>(format: Format, packed: impl BufRead + 'r) -> Box<dyn Read + 'r> {
    match format {
        Format::Zstd => Box::new(zstd::Unpacked::new(packed)),
        _ => Box::new(MultiGzDecoder::new(packed)),
    }
}

/// Takes an archive apart.
struct Unpack<'a> {
    name: &'a str,
    /// For one entry, in bytes.
    limit: u64,
    send: SyncSender<Entry>,
}

/// Whether somebody still takes entries.
type Wanted = bool;

impl Unpack<'_> {
    fn all(&self, format: Format, mut file: impl Read + Seek) -> Result<()> {
        match format {
            Format::Tar => self.tar(file),
            Format::Zip => self.zip(file),
            Format::Gzip | Format::Zstd => {
                let start = start(&mut unpacked(format, BufReader::new(&mut file)))?;
                file.rewind()?;
                let unpacked = unpacked(format, BufReader::with_capacity(64 << 10, file));
                if self::format(&start) == Some(Format::Tar) {
                    return self.tar(unpacked);
                }
                self.entry(PathBuf::new(), unpacked, 0)?;
                Ok(())
            }
        }
    }

    fn tar(&self, stream: impl Read) -> Result<()> {
        let allowance = Rc::new(Cell::new(MAX_HEADERS));
        let limited = Limited {
            stream,
            left: Rc::clone(&allowance),
        };
        let mut archive = tar::Archive::new(limited);
        for entry in archive.entries()? {
            let entry = entry?;
            allowance.set(entry.size().saturating_add(MAX_HEADERS));
            let path = entry.path()?.into_owned();
            if !entry.header().entry_type().is_file() || !walk::is_read(&path) {
                continue;
            }
            let size = entry.size();
            if !self.entry(path, entry, size)? {
                break;
            }
        }
        Ok(())
    }

    fn zip(&self, file: impl Read + Seek) -> Result<()> {
        let mut archive = zip::ZipArchive::new(file)?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index)?;
            // A name with `..` in it leads nowhere: nothing is unpacked into files.
            let path = PathBuf::from(entry.name()?.into_owned());
            if !entry.is_file() || !walk::is_read(&path) {
                continue;
            }
            let size = entry.size();
            if !self.entry(path, entry, size)? {
                break;
            }
        }
        Ok(())
    }

    /// Unpacks a file that says it is `size` bytes long.
    fn entry(&self, path: PathBuf, stream: impl Read, size: u64) -> Result<Wanted> {
        let mut bytes = Vec::new();
        if size <= self.limit {
            stream.take(self.limit + 1).read_to_end(&mut bytes)?;
        }
        let content = if size.max(bytes.len() as u64) > self.limit {
            Err(expands(entry_name(self.name, &path), self.limit))
        } else {
            Ok(bytes)
        };
        Ok(self.send.send(Entry { path, content }).is_ok())
    }
}

/// A stream that ends with an error where more is read than was announced: a header of a tar archive
/// may say that a name follows which is as long as memory.
struct Limited<R> {
    stream: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.stream.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => {
                return Err(std::io::Error::other(format!(
                    "the name of an entry, or what else stands before it, is longer than {} KiB",
                    MAX_HEADERS >> 10
                )));
            }
        }
        Ok(read)
    }
}
