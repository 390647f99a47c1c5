//! `storage`: files, directories, links; disks, RAID, filesystems.

mod device;
mod file;

use super::inode::{inode, mode};
use crate::finding::{Findings, Problem};
use crate::inodes::{Inode, Kind};
use crate::members::{Members, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::SourceVersion;

/// What became of `storage`.
pub(super) struct Storage<'a> {
    pub(super) section: Object<'a>,
    /// What it writes, in the order in which the reference looks at it.
    pub(super) inodes: Vec<Inode<'a>>,
}

/// BI-367: `storage` in spec 3.
pub(super) fn storage<'a>(
    node: Option<Node<'a>>,
    version: SourceVersion,
    found: &mut Findings,
) -> Storage<'a> {
    let place = Place::Root.member("storage");
    let mut members = Members::of(node, &place, found);
    let mut section = Object::default();
    let disks = members.take("disks", found);
    section.put("disks", device::disks(disks, &place, found));
    let raid = members.take("raid", found);
    section.put("raid", device::raid(raid, &place, version, found));
    device::filesystems(members.take("filesystems", found), &place, found);
    let mut inodes = Vec::new();
    let files = members.take("files", found);
    section.put(
        "files",
        file::files(files, &place, version, &mut inodes, found),
    );
    let since = (SourceVersion::V2_1, version);
    let directories = members.take_since("directories", since, found);
    let directories = self::directories(directories, &place, version, &mut inodes, found);
    section.put("directories", directories);
    let links = members.take_since("links", since, found);
    section.put(
        "links",
        self::links(links, &place, version, &mut inodes, found),
    );
    members.finish(found);
    Storage { section, inodes }
}

fn directories<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    version: SourceVersion,
    inodes: &mut Vec<Inode<'a>>,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("directories");
    let mut directories = Vec::new();
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let inode = inode(&mut members, version, found);
        inodes.push(Inode::new(
            Kind::Directory,
            index,
            index,
            inode.path.clone(),
        ));
        let mode = mode(&mut members, version, Some("0755"), found);
        members.finish(found);
        let mut directory = inode.object();
        directory.put("mode", mode);
        directories.push(directory);
    }
    directories
}

fn links<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    version: SourceVersion,
    inodes: &mut Vec<Inode<'a>>,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("links");
    let mut links = Vec::new();
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let inode = inode(&mut members, version, found);
        let target = members.text("target", found).unwrap_or_default();
        let hard = members.raised_flag("hard", found);
        members.finish(found);
        if target.is_empty() {
            found.obstacle(&place, Problem::Required("link target"));
        }
        let mut entry = Inode::new(Kind::Link, index, index, inode.path.clone());
        entry.hard_target = hard.and(Some(target.clone()));
        inodes.push(entry);
        let mut link = inode.object();
        link.put("target", target);
        link.put("hard", hard);
        links.push(link);
    }
    links
}
