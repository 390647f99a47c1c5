//! Files as they will stand somewhere, and archives of them: sorted, of nobody, of one time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::{Compression, GzBuilder};

/// What stands at a path.
pub(crate) enum Entry {
    /// A file for everybody to read.
    Text(Vec<u8>),
    /// A file for everybody to run.
    Program(Vec<u8>),
    /// Another path, relative to the folder of the link.
    Link(String),
}

/// Entries by their paths, without a leading slash.
#[derive(Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, Entry>);

impl Tree {
    pub(crate) fn add(&mut self, path: impl Into<String>, entry: Entry) {
        self.0.insert(path.into(), entry);
    }

    /// Every folder on the way to an entry, outer ones first.
    pub(crate) fn folders(&self) -> BTreeSet<&str> {
        self.0
            .keys()
            .flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
            .collect()
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> usize {
        self.0
            .values()
            .map(|entry| match entry {
                Entry::Text(content) | Entry::Program(content) => content.len(),
                Entry::Link(_) => 0,
            })
            .sum()
    }

    /// A tar archive; every path starts with `prefix`.
    pub(crate) fn tar(&self, prefix: &str, time: u64) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("tar: {error}");
        let mut archive = tar::Builder::new(Vec::new());
        for folder in self.folders() {
            let mut header = header(tar::EntryType::Directory, 0o755, 0, time);
            archive
                .append_data(&mut header, format!("{prefix}{folder}/"), std::io::empty())
                .map_err(failed)?;
        }
        for (path, entry) in &self.0 {
            let path = format!("{prefix}{path}");
            match entry {
                Entry::Text(content) | Entry::Program(content) => {
                    let is_program = matches!(entry, Entry::Program(_));
                    let mode = if is_program { 0o755 } else { 0o644 };
                    let mut header = header(tar::EntryType::Regular, mode, content.len(), time);
                    archive
                        .append_data(&mut header, path, content.as_slice())
                        .map_err(failed)?;
                }
                Entry::Link(to) => {
                    let mut header = header(tar::EntryType::Symlink, 0o777, 0, time);
                    archive.append_link(&mut header, path, to).map_err(failed)?;
                }
            }
        }
        archive.into_inner().map_err(failed)
    }
}

fn header(kind: tar::EntryType, mode: u32, size: usize, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Packs bytes with gzip, without a name and a time.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("gzip: {error}");
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(content).map_err(failed)?;
    packed.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add("usr/share/doc/b", Entry::Text(b"b".to_vec()));
        tree.add("usr/bin/a", Entry::Program(b"a".to_vec()));
        tree.add("usr/bin/c", Entry::Link("a".to_owned()));
        tree
    }

    #[test]
    fn an_archive_is_sorted_and_of_nobody() {
        let bytes = tree().tar("", 1_700_000_000).unwrap();
        assert_eq!(bytes, tree().tar("", 1_700_000_000).unwrap());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let seen: Vec<(String, u32, u64, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                (
                    entry.path().unwrap().to_string_lossy().into_owned(),
                    header.mode().unwrap(),
                    header.uid().unwrap(),
                    header.mtime().unwrap(),
                )
            })
            .collect();
        let time = 1_700_000_000;
        let expected = [
            ("usr/", 0o755),
            ("usr/bin/", 0o755),
            ("usr/share/", 0o755),
            ("usr/share/doc/", 0o755),
            ("usr/bin/a", 0o755),
            ("usr/bin/c", 0o777),
            ("usr/share/doc/b", 0o644),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(path, mode)| (path.to_owned(), mode, 0, time))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_packed_has_no_time() {
        let packed = gzip(b"text").unwrap();
        assert_eq!(packed[4..8], [0; 4]);
    }
}
