//! Files and directories as text: one JSON text for each document, whatever it was written in.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::yaml;

/// Largest file that is read, in bytes. A dump of ten thousand MachineSets is 21 MB; what is
/// larger than this by an order of magnitude is not what somebody meant to name.
pub const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// The name under which standard input appears in messages.
const STANDARD_INPUT: &str = "standard input";
/// Which files of a directory are read.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// A file, or a document in it, that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("{path}: larger than {} MiB, the limit for one file; split it", MAX_FILE_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
    /// The file is not UTF-8.
    #[error("{path}: not UTF-8 at byte {offset}; convert it to UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
        /// Offset of the first byte that is wrong, from 0.
        offset: usize,
    },
    /// What there is one of in every cluster is there twice, and not of the same cluster: nothing
    /// can be said of both at once.
    #[error(
        "the input is of two clusters: {object} has {member} {first:?} in {first_path}, and \
         {second:?} in {second_path}; give one cluster at a time"
    )]
    TwoClusters {
        /// Kind and name.
        object: String,
        /// What tells clusters apart.
        member: &'static str,
        /// Its value in the object that was read first.
        first: String,
        /// The file of that.
        first_path: String,
        /// Its value in the object that was read then.
        second: String,
        /// The file of that.
        second_path: String,
    },
    /// A document is neither JSON nor YAML.
    #[error("{path}: document {document}, line {line}, column {column}: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// Number of the document in the file, from 1.
        document: usize,
        /// Line in the file, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        problem: String,
    },
}

/// A text that was read: a JSON document, or several one after the other.
#[derive(Debug)]
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
}

/// Reads files and directories; `-` is standard input. Of a directory, which is read with
/// everything below it, `.yaml`, `.yml` and `.json` count. What cannot be read is an error of its
/// own and stops nothing else.
pub fn read(paths: &[PathBuf]) -> Texts {
    let mut texts = Texts::default();
    for path in paths {
        if path.as_os_str() == "-" {
            texts.add_stream(STANDARD_INPUT, Format::Unknown, std::io::stdin().lock(), 0);
        } else {
            texts.add_path(path, Named::ByUser);
        }
    }
    texts
}

/// Reads one file as it is; `-` is standard input.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    if path.as_os_str() == "-" {
        return bytes(STANDARD_INPUT, std::io::stdin().lock(), 0);
    }
    let name = path.display().to_string();
    let io_error = |source| {
        let path = name.clone();
        FileError::Io { path, source }
    };
    let file = fs::File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    bytes(&name, file, length)
}

/// Reads a stream of about `expected` bytes to its end.
fn bytes(path: &str, stream: impl Read, expected: u64) -> Result<Vec<u8>, FileError> {
    let path = path.to_owned();
    if expected > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { path });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default() + 1);
    if let Err(source) = stream.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes) {
        return Err(FileError::Io { path, source });
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { path });
    }
    Ok(bytes)
}

/// Who named a path: what a person names is read whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    ByUser,
    InDirectory,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Unknown,
}

impl Texts {
    fn add_path(&mut self, path: &Path, named: Named) {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(source) => return self.io_error(path, source),
        };
        if metadata.is_dir() {
            return self.add_directory(path);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let extension = extension.unwrap_or_default().to_ascii_lowercase();
        if named == Named::InDirectory && !EXTENSIONS.contains(&extension.as_str()) {
            return;
        }
        let format = if extension == "json" {
            Format::Json
        } else {
            Format::Unknown
        };
        match fs::File::open(path) {
            Ok(file) => {
                self.add_stream(&path.display().to_string(), format, file, metadata.len());
            }
            Err(source) => self.io_error(path, source),
        }
    }

    fn add_directory(&mut self, path: &Path) {
        let mut entries = Vec::new();
        match fs::read_dir(path) {
            Ok(found) => {
                for entry in found {
                    match entry {
                        Ok(entry) => entries.push(entry),
                        Err(source) => self.io_error(path, source),
                    }
                }
            }
            Err(source) => return self.io_error(path, source),
        }
        // The order of a directory is that of its file system; that of a plan's warnings is not.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // A link to a directory may lead back to where we are.
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if is_link && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
                continue;
            }
            self.add_path(&entry.path(), Named::InDirectory);
        }
    }

    fn io_error(&mut self, path: &Path, source: std::io::Error) {
        self.errors.push(FileError::Io {
            path: path.display().to_string(),
            source,
        });
    }

    fn add_stream(&mut self, path: &str, format: Format, stream: impl Read, expected: u64) {
        let bytes = match bytes(path, stream, expected) {
            Ok(bytes) => bytes,
            Err(error) => return self.errors.push(error),
        };
        let path = path.to_owned();
        match String::from_utf8(bytes) {
            Ok(text) => self.add_text(path, format, text),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                self.errors.push(FileError::NotUtf8 { path, offset });
            }
        }
    }

    fn add_text(&mut self, path: String, format: Format, text: String) {
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        if format == Format::Json || is_json(&text) {
            self.texts.push(Text {
                path,
                document: 1,
                json: text,
            });
            return;
        }
        for chunk in yaml_documents(&text) {
            match yaml::from_str(chunk.text) {
                Ok(serde_json::Value::Null) => {}
                Ok(value) => self.texts.push(Text {
                    path: path.clone(),
                    document: chunk.number,
                    json: value.to_string(),
                }),
                Err(error) => self.errors.push(FileError::Syntax {
                    path: path.clone(),
                    document: chunk.number,
                    line: chunk.first_line + error.line.max(1) - 1,
                    column: error.column.max(1),
                    problem: error.problem,
                }),
            }
        }
    }
}

/// Whether a text is meant to be JSON: it starts like an object or a list, and its first token
/// after that is one of JSON. YAML's flow style starts alike, but rarely with a quote.
fn is_json(text: &str) -> bool {
    let mut start = text.trim_start().chars();
    match start.next() {
        Some('{') => matches!(start.as_str().trim_start().chars().next(), Some('"' | '}')),
        Some('[') => matches!(start.as_str().trim_start().chars().next(), Some('{' | ']')),
        _ => false,
    }
}

struct Chunk<'a> {
    /// From 1.
    number: usize,
    /// Line in the file at which it starts, from 1.
    first_line: u64,
    text: &'a str,
}

/// Splits a YAML file where kubectl does, at lines that start with `---`, so that a broken document
/// spoils no other one.
fn yaml_documents(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks: Vec<Chunk<'_>> = Vec::new();
    let mut start = 0;
    let mut first_line = 1;
    let mut has_content = false;
    let mut offset = 0;
    for (line, content) in (1_u64..).zip(text.split_inclusive('\n')) {
        let is_separator = content
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        // What stands before the first separator may be comments and directives only: they belong
        // to the document that follows.
        if is_separator && has_content {
            push(&mut chunks, text, start..offset, first_line);
            start = offset;
            first_line = line;
            has_content = false;
        }
        let trimmed = content.trim();
        let inline = is_separator && trimmed.len() > 3;
        has_content |= inline
            || !(is_separator
                || trimmed.is_empty()
                || trimmed.starts_with('#')
                || content.starts_with('%'));
        offset += content.len();
    }
    push(&mut chunks, text, start..text.len(), first_line);
    chunks
}

fn push<'a>(chunks: &mut Vec<Chunk<'a>>, text: &'a str, range: std::ops::Range<usize>, line: u64) {
    let number = chunks.len() + 1;
    let text = text.get(range).unwrap_or_default();
    chunks.push(Chunk {
        number,
        first_line: line,
        text,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_split(text: &str, expected: &[(u64, &str)]) {
        let chunks = yaml_documents(text);
        let found: Vec<_> = chunks
            .iter()
            .map(|chunk| (chunk.first_line, chunk.text))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn yaml_files_are_split_where_kubectl_splits_them() {
        check_split("a: 1\n", &[(1, "a: 1\n")]);
        check_split("a: 1\n---\nb: 2", &[(1, "a: 1\n"), (2, "---\nb: 2")]);
        check_split(
            "---\na: 1\n---\nb: 2",
            &[(1, "---\na: 1\n"), (3, "---\nb: 2")],
        );
        check_split(
            "# x\n%YAML 1.1\n---\na: 1\n",
            &[(1, "# x\n%YAML 1.1\n---\na: 1\n")],
        );
        check_split(
            "--- {a: 1}\n--- {b: 2}\n",
            &[(1, "--- {a: 1}\n"), (2, "--- {b: 2}\n")],
        );
        check_split("a: |\n  ---\n  x\n", &[(1, "a: |\n  ---\n  x\n")]);
        check_split("a: ---x\n---x: 1\n", &[(1, "a: ---x\n---x: 1\n")]);
    }

    fn texts_of(path: &str, content: &[u8]) -> Texts {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(path);
        fs::write(&file, content).unwrap();
        read(&[file])
    }

    fn check_error(path: &str, content: &[u8], expected: &str, texts: usize) {
        let found = texts_of(path, content);
        let error = found.errors.first().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(found.texts.len(), texts, "{error}");
    }

    #[test]
    fn what_cannot_be_read_names_its_place_and_spoils_nothing_else() {
        check_error(
            "a.yaml",
            b"a: 1\n---\nb: [\n---\nc: 3\n",
            "document 2, line ",
            2,
        );
        check_error("a.yaml", b"a: \xff\n", "not UTF-8 at byte 3", 0);
        let missing = read(&[PathBuf::from("/nowhere/at/all.yaml")]);
        assert!(
            missing.errors[0]
                .to_string()
                .starts_with("/nowhere/at/all.yaml: cannot be read")
        );
    }

    #[test]
    fn json_is_kept_as_it_is() {
        let found = texts_of("a.json", b"\xef\xbb\xbf{\"a\":  1.10}");
        assert_eq!(found.texts[0].json, "{\"a\":  1.10}");
        let flow = texts_of("a.yaml", b"{a: 1}");
        assert_eq!(flow.texts[0].json, "{\"a\":1}");
    }

    #[test]
    fn directories_are_read_in_order_and_other_files_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for (name, text) in [
            ("c.json", "{\"n\":3}"),
            ("b/x.yml", "n: 2"),
            ("a.yaml", "n: 1"),
            ("d.log", "no"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
        let found = read(&[folder.path().to_owned()]);
        let texts: Vec<_> = found.texts.iter().map(|text| text.json.as_str()).collect();
        assert_eq!(texts, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]);
        assert!(found.errors.is_empty());
    }
}
