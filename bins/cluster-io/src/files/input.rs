//! From paths to texts.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use super::look::Keep;
use super::walk::{self, Below, io_error};
use super::{FileError, MAX_FILE_BYTES, Progress, STANDARD_INPUT, Texts, archive, parallel, part};

/// A file that is longer, in bytes, is looked at block by block. Shorter ones are read as a whole, which is
/// quicker; at most one for each processor is held at a time.
const LARGE: u64 = 4 << 20;

/// How texts are read.
pub(super) struct Reading<'p> {
    /// Which documents are kept.
    pub(super) keep: Keep,
    /// Who waits for it.
    pub(super) progress: &'p Progress,
}

/// Everything that a list of paths leads to.
pub(super) fn read(paths: &[PathBuf], keep: Keep, progress: &Progress) -> Texts {
    let reading = Reading { keep, progress };
    let mut texts = Texts::default();
    for path in paths {
        texts.append(reading.path(path));
    }
    texts
}

/// A file or an archive in memory.
pub(super) fn named_bytes(name: &str, bytes: &[u8], keep: Keep) -> Texts {
    let progress = &Progress::default();
    Reading { keep, progress }.named_bytes(name, bytes)
}

/// One file as it is; `-` is standard input.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    if is_standard_input(path) {
        return standard_input();
    }
    let (mut file, length) = open(path)?;
    let mut bytes = Vec::new();
    fill(&mut bytes, path, &mut file, length)?;
    Ok(bytes)
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn standard_input() -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    fill(
        &mut bytes,
        Path::new(STANDARD_INPUT),
        &mut std::io::stdin().lock(),
        0,
    )?;
    Ok(bytes)
}

fn open(path: &Path) -> Result<(File, u64), FileError> {
    let path = walk::regular(path)?;
    let file = File::open(&path).map_err(|source| io_error(&path, source))?;
    let length = file
        .metadata()
        .map_err(|source| io_error(&path, source))?
        .len();
    if length > MAX_FILE_BYTES {
        let path = path.display().to_string();
        return Err(FileError::TooLarge { path });
    }
    Ok((file, length))
}

/// Reads a stream of about `expected` bytes to its end.
fn fill(
    bytes: &mut Vec<u8>,
    path: &Path,
    stream: &mut dyn Read,
    expected: u64,
) -> Result<(), FileError> {
    bytes.clear();
    bytes.reserve(usize::try_from(expected).unwrap_or_default() + 1);
    let read = stream.take(MAX_FILE_BYTES + 1).read_to_end(bytes);
    read.map_err(|source| io_error(path, source))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let path = path.display().to_string();
        return Err(FileError::TooLarge { path });
    }
    Ok(())
}

impl Reading<'_> {
    fn path(&self, path: &Path) -> Texts {
        let found = if is_standard_input(path) {
            standard_input().map(|bytes| self.named_bytes(STANDARD_INPUT, &bytes))
        } else if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return self.directory(path);
        } else {
            self.named_file(path)
        };
        found.unwrap_or_else(Texts::of_error)
    }

    /// A file that somebody named: an archive, or a document.
    fn named_file(&self, path: &Path) -> Result<Texts, FileError> {
        let path = walk::regular(path)?;
        let mut file = File::open(&path).map_err(|source| io_error(&path, source))?;
        let io_error = |source| io_error(&path, source);
        let length = file.metadata().map_err(io_error)?.len();
        let start = archive::start(&mut file).map_err(io_error)?;
        let Some(format) = archive::format(&start) else {
            return Ok(self.file(&mut Vec::new(), &path));
        };
        file.rewind().map_err(io_error)?;
        let name = path.display().to_string();
        Ok(archive::read(self, &name, format, file, length))
    }

    fn named_bytes(&self, name: &str, bytes: &[u8]) -> Texts {
        match archive::format(bytes) {
            Some(format) => {
                let length = bytes.len() as u64;
                archive::read(self, name, format, std::io::Cursor::new(bytes), length)
            }
            None => self.bytes(name, bytes),
        }
    }

    /// Everything below a directory, shared out among the processors.
    fn directory(&self, path: &Path) -> Texts {
        let Below { files, errors } = Below::of(path);
        let mut texts = Texts {
            errors,
            ..Texts::default()
        };
        for found in parallel::map_with(&files, Vec::new, |buffer, file| self.file(buffer, file)) {
            texts.append(found);
        }
        texts
    }

    fn file(&self, buffer: &mut Vec<u8>, path: &Path) -> Texts {
        let texts = self.try_file(buffer, path).unwrap_or_else(Texts::of_error);
        self.progress.add_file();
        texts
    }

    fn try_file(&self, buffer: &mut Vec<u8>, path: &Path) -> Result<Texts, FileError> {
        let (mut file, length) = open(path)?;
        let name = path.display().to_string();
        if length > LARGE
            && let Some(texts) =
                part::large(self, &name, &mut file).map_err(|source| io_error(path, source))?
        {
            return Ok(texts);
        }
        fill(buffer, path, &mut file, length)?;
        Ok(self.bytes(&name, buffer))
    }

    /// A document, or several, in memory.
    pub(super) fn bytes(&self, name: &str, bytes: &[u8]) -> Texts {
        self.progress.add_bytes(bytes.len() as u64);
        part::texts(self, name, bytes)
    }
}
