//! Files.

use std::borrow::Cow;

use super::{inode, mode};
use crate::finding::{Change, Findings, Problem};
use crate::inodes::{Inode, Kind};
use crate::members::{Members, flag, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::section::last_of_same_name;
use crate::section::reference::{self, Reference};
use crate::version::SourceVersion;

/// A file in spec 3.
struct File<'a> {
    /// Its path as spec 2 has it, by which it is known.
    name: Cow<'a, str>,
    path: Cow<'a, str>,
    appends: bool,
    object: Object<'a>,
    found: Findings,
}

/// BI-364, BI-367: of files with the same path the last one wins; the others keep their order (the
/// reference turns it round).
pub(super) fn files<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    version: SourceVersion,
    inodes: &mut Vec<Inode<'a>>,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("files");
    let nodes = list(node, &place, found).into_iter().enumerate();
    let files: Vec<_> = nodes
        .map(|(index, node)| file(node, &place.element(index), version))
        .collect();
    let names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
    let kept = last_of_same_name(&names);
    let appends: Vec<_> = files.iter().map(|file| file.appends).collect();
    let mut objects = Vec::new();
    for ((index, file), last) in files.into_iter().enumerate().zip(kept) {
        if last == index {
            found.absorb(file.found);
            inodes.push(Inode::new(Kind::File, index, objects.len(), file.path));
            objects.push(file.object);
            continue;
        }
        found.absorb_dropped(file.found);
        let by = place.element(last).pointer();
        if appends.get(last) == Some(&true) {
            found.obstacle(&place.element(index), Problem::AppendedTo { by });
        } else {
            found.note(&place.element(index), Change::OverruledBy { by });
        }
    }
    objects
}

/// BI-367: contents, or what is appended; `overwrite` is spelled out, because spec 3 has another
/// default.
fn file<'a>(node: Node<'a>, place: &Place<'_>, version: SourceVersion) -> File<'a> {
    let mut findings = Findings::default();
    let found = &mut findings;
    let mut members = Members::of(Some(node), place, found);
    let mut inode = inode(&mut members, version, found);
    let append = members.take_since("append", (SourceVersion::V2_2, version), found);
    let appends = flag(append, &place.member("append"), found) == Some(true);
    let at = place.member("contents");
    let contents = members.take("contents", found);
    let contents = Reference::read(contents, reference::Kind::Contents, &at, &at, found);
    let mode = mode(&mut members, version, (!appends).then_some("0644"), found);
    members.finish(found);
    if appends && inode.overwrite == Some(true) {
        found.invalid(place, "cannot set both append and overwrite to true");
    }
    inode.overwrite = Some(!appends && inode.overwrite.unwrap_or(true));
    let (name, path) = (inode.name.clone(), inode.path.clone());
    let mut object = inode.object();
    object.put("mode", mode);
    if appends {
        object.put("append", vec![contents]);
    } else {
        object.put("contents", contents);
    }
    File {
        name,
        path,
        appends,
        object,
        found: findings,
    }
}
