//! What the files, directories and links of one config do to each other (BI-366).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::content::{is_below, join_root};
use crate::finding::{Findings, Problem};
use crate::place::Place;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Directory => "Directory",
            Self::Link => "Link",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::Directory => "directories",
            Self::Link => "links",
        }
    }
}

/// A path that a config writes.
#[derive(Debug)]
pub(crate) struct Inode<'a> {
    kind: Kind,
    /// Where it stands in its list of the stub.
    index: usize,
    /// Where it stands in its list of the new document.
    new_index: usize,
    path: Cow<'a, str>,
    /// What a hard link leads to.
    pub(crate) hard_target: Option<Cow<'a, str>>,
}

impl<'a> Inode<'a> {
    pub(crate) fn new(kind: Kind, index: usize, new_index: usize, path: Cow<'a, str>) -> Self {
        Self {
            kind,
            index,
            new_index,
            path,
            hard_target: None,
        }
    }

    /// As the reference names it, e.g. `File: /etc/a`.
    fn title(&self) -> String {
        format!("{}: {}", self.kind.name(), self.path)
    }
}

/// BI-366: two inodes at one path, paths that lead through links of the same config, files that
/// systemd units write as well, hard links to directories. `unit_paths` are the files that Ignition
/// writes for units.
pub(crate) fn check(inodes: &[Inode<'_>], unit_paths: &BTreeSet<String>, found: &mut Findings) {
    let links = links_above(inodes);
    let mut known: BTreeMap<&str, &Inode<'_>> = BTreeMap::new();
    for (inode, link) in inodes.iter().zip(links) {
        let mut report = |problem| at(inode, |place, _| found.obstacle(place, problem));
        if let Some(first) = known.get(&*inode.path) {
            report(Problem::ConflictingInodes {
                first: first.title(),
                second: inode.title(),
            });
            continue;
        }
        if let Some(link) = link {
            report(Problem::UsesLink {
                inode: inode.title(),
                link: link.to_owned(),
            });
        }
        known.insert(&inode.path, inode);
        if unit_paths.contains(&*inode.path) {
            let reason = "path conflicts with systemd unit or dropin";
            at(inode, |place, new| {
                found.rejected(&place.member("path"), &new.member("path"), reason);
            });
        }
    }
    for link in inodes {
        let end = link.target().and_then(|target| known.get(&*target));
        if end.is_some_and(|end| end.kind == Kind::Directory) {
            at(link, |place, new| {
                found.rejected(place, new, "hard link target is a directory");
            });
        }
    }
}

impl Inode<'_> {
    /// The path that a hard link leads to; a relative one starts at the link itself.
    fn target(&self) -> Option<Cow<'_, str>> {
        let target = self.hard_target.as_deref()?;
        let path = if target.starts_with('/') {
            Cow::Borrowed(target)
        } else {
            Cow::Owned(format!("{}/{target}", self.path))
        };
        Some(join_root(path))
    }
}

/// Calls `report` with the place of an inode in the stub and in the new document.
fn at(inode: &Inode<'_>, report: impl FnOnce(&Place<'_>, &Place<'_>)) {
    let storage = Place::Root.member("storage");
    let list = storage.member(inode.kind.list());
    report(&list.element(inode.index), &list.element(inode.new_index));
}

/// For each inode the link that its path leads through: the first of them in the stub.
///
/// Paths are sorted step by step, so that what is below a link follows it: one pass with a stack of
/// links finds them all, however many there are.
fn links_above<'i>(inodes: &'i [Inode<'_>]) -> Vec<Option<&'i str>> {
    let mut above = vec![None; inodes.len()];
    if !inodes.iter().any(|inode| inode.kind == Kind::Link) {
        return above;
    }
    let mut sorted: Vec<_> = inodes.iter().zip(&mut above).collect();
    sorted.sort_by(|(a, _), (b, _)| steps(&a.path).cmp(steps(&b.path)));
    // Links that the path may be below, each with the first in the stub of those up to it.
    let mut open: Vec<(&str, &'i Inode<'_>)> = Vec::new();
    for (inode, above) in sorted {
        while open
            .pop_if(|(path, _)| !is_below(&inode.path, path) && inode.path != *path)
            .is_some()
        {}
        let through = open.iter().rev().find(|(path, _)| inode.path != *path);
        *above = through.map(|(_, first)| &*first.path);
        if inode.kind == Kind::Link && open.last().is_none_or(|(path, _)| inode.path != *path) {
            let first = through.map_or(inode, |&(_, first)| {
                if first.index < inode.index {
                    first
                } else {
                    inode
                }
            });
            open.push((&inode.path, first));
        }
    }
    above
}

/// A path in an order in which everything below it follows it: the slash comes before all else.
fn steps(path: &str) -> impl Iterator<Item = u8> {
    path.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link_above(paths: &[(Kind, &str)]) -> Vec<Option<String>> {
        let inodes: Vec<_> = paths
            .iter()
            .enumerate()
            .map(|(index, (kind, path))| Inode::new(*kind, index, index, Cow::Borrowed(*path)))
            .collect();
        let above = links_above(&inodes);
        above
            .into_iter()
            .map(|link| link.map(str::to_owned))
            .collect()
    }

    #[test]
    fn bi_366_links_above_are_found() {
        use Kind::{File, Link};
        let paths = [
            (File, "/a-b/c"),
            (File, "/a/b/c"),
            (File, "/a"),
            (Link, "/a/b"),
            (Link, "/a"),
            (Link, "/a"),
            (File, "/b"),
            (File, "/ab/c"),
        ];
        let expected = [None, Some("/a/b"), None, Some("/a"), None, None, None, None];
        assert_eq!(
            link_above(&paths),
            expected.map(|link| link.map(str::to_owned))
        );
    }
}
