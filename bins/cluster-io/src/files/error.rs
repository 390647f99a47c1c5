//! Why a file, or a document in it, could not be read.

use super::MAX_FILE_BYTES;

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
    /// The path leads to neither a file nor a directory. A pipe that nobody writes to hangs, and a
    /// device such as `/dev/zero` never ends.
    #[error(
        "{path}: is {what}, and only files and directories are read; `-f -` reads standard input"
    )]
    NotAFile {
        /// The path.
        path: String,
        /// What it is instead.
        what: &'static str,
    },
    /// An archive is damaged, or of a form that is not read.
    #[error("{path}: cannot be read as an archive: {problem}; unpack it and name the directory")]
    Archive {
        /// The archive, or an entry of it.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// An archive holds more than its size lets expect.
    #[error(
        "{path}: expands to more than {limit} MiB, the limit for an archive of this size; unpack it and \
         name the directory"
    )]
    Expands {
        /// The archive, or an entry of it.
        path: String,
        /// The limit, in MiB.
        limit: u64,
    },
    /// The file is not UTF-8.
    #[error("{path}: not UTF-8 at byte {offset}; convert it to UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
        /// Offset of the first byte that is wrong, from 0.
        offset: u64,
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
    /// An object of which a cluster has one, and on which every plan depends, is there twice.
    #[error(
        "{object} stands twice in the input ({first_path} and {second_path}) and differs; a cluster \
         has one: leave out the one that is not of the cluster as it is"
    )]
    Differs {
        /// Kind and name.
        object: String,
        /// The file that was read first.
        first_path: String,
        /// The file that was read then.
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
