//! Which files a path leads to.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::FileError;

/// Which files of a directory or an archive are read.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// What is below a directory.
#[derive(Default)]
pub(super) struct Below {
    /// What is YAML or JSON by its name, in the order of the names.
    pub(super) files: Vec<PathBuf>,
    /// Directories that could not be read.
    pub(super) errors: Vec<FileError>,
}

impl Below {
    /// Everything below a directory.
    pub(super) fn of(path: &Path) -> Self {
        let mut found = Self::default();
        found.add(path);
        found
    }

    fn add(&mut self, path: &Path) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(source) => return self.errors.push(io_error(path, source)),
        };
        let mut known = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => known.push(entry),
                Err(source) => self.errors.push(io_error(path, source)),
            }
        }
        // The order of a directory is that of its file system; that of a plan's warnings is not.
        known.sort_by_key(fs::DirEntry::file_name);
        for entry in known {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add(&path);
            } else if is_read(&path) && !path.is_dir() {
                // A link to a directory is not followed: it may lead back to where we are. What is
                // no file in another way is refused where it is opened.
                self.files.push(path);
            }
        }
    }
}

/// Whether a file of a directory or an archive is read.
pub(super) fn is_read(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|read| read.eq_ignore_ascii_case(extension))
    })
}

/// The path, if it leads to a regular file: anything else may hang or never end.
pub(super) fn regular(path: &Path) -> Result<PathBuf, FileError> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(source) => return Err(io_error(path, source)),
    };
    let what = match kind {
        _ if kind.is_file() => return Ok(path.to_owned()),
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(FileError::NotAFile {
        path: path.display().to_string(),
        what,
    })
}

/// That the operating system refused.
pub(super) fn io_error(path: &Path, source: std::io::Error) -> FileError {
    FileError::Io {
        path: path.display().to_string(),
        source,
    }
}
