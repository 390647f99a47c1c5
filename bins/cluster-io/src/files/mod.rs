//! Files, directories and archives as text: one JSON text for each document, whatever it was written
//! in.

mod archive;
mod error;
mod input;
mod json;
mod json_scan;
mod look;
mod parallel;
mod part;
mod progress;
mod walk;
mod zstd;

use std::path::{Path, PathBuf};

pub use error::FileError;
pub use progress::Progress;

use self::look::Keep;

/// Largest file that is read, in bytes. A dump of ten thousand MachineSets is 21 MB; what is
/// larger than this by an order of magnitude is not what somebody meant to name.
pub const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// The name under which standard input appears in messages.
const STANDARD_INPUT: &str = "standard input";

/// A text that was read: a JSON document, or several one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The file, for messages.
    pub path: String,
    /// Number in its file of the (first) document, from 1.
    pub document: usize,
    /// JSON.
    pub json: String,
}

/// Everything that a list of paths led to.
#[derive(Debug, Default)]
pub struct Texts {
    /// What could be read.
    pub texts: Vec<Text>,
    /// What could not.
    pub errors: Vec<FileError>,
    /// How many documents and elements of lists were seen to be of other kinds and left out.
    pub ignored: usize,
}

impl Texts {
    fn append(&mut self, more: Self) {
        self.texts.extend(more.texts);
        self.errors.extend(more.errors);
        self.ignored += more.ignored;
    }

    fn of_error(error: FileError) -> Self {
        Self {
            errors: vec![error],
            ..Self::default()
        }
    }
}

/// Reads files, directories and archives (`.tar`, `.tar.gz`, `.tgz`, `.tar.zst`, `.zip`); `-` is standard
/// input.
/// Of a directory, which is read with everything below it, `.yaml`, `.yml` and `.json` count, and of
/// an archive the same. What cannot be read is an error of its own and stops nothing else.
pub fn read(paths: &[PathBuf]) -> Texts {
    input::read(paths, Keep::All, &Progress::default())
}

/// [`read`] for objects: documents and elements of lists that are seen, without parsing them, to be
/// of a kind that osimage does not read are only counted. What is left out is not checked for
/// errors. All processors are used.
pub fn read_objects(paths: &[PathBuf], progress: &Progress) -> Texts {
    input::read(paths, Keep::ObjectsThatAreRead, progress)
}

/// [`read`] of a file or an archive in memory.
pub fn of_bytes(name: &str, bytes: &[u8]) -> Texts {
    input::named_bytes(name, bytes, Keep::All)
}

/// [`read_objects`] of a file or an archive in memory.
pub fn objects_of_bytes(name: &str, bytes: &[u8]) -> Texts {
    input::named_bytes(name, bytes, Keep::ObjectsThatAreRead)
}

/// Reads one file as it is; `-` is standard input.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    input::bytes(path)
}

#[cfg(test)]
mod same_answer;
#[cfg(test)]
mod tests;
