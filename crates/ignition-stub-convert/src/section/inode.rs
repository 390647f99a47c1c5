//! What files, directories and links have in common.

use std::borrow::Cow;

use crate::content::{PATH_RELATIVE, is_absolute, join_root};
use crate::finding::{Change, Findings, Problem};
use crate::members::Members;
use crate::node::{Node, Object};
use crate::version::SourceVersion;

/// Largest mode: the permission bits, and setuid, setgid, sticky.
const MAX_MODE: i64 = 0o7777;

/// A path and who owns it.
pub(super) struct Inode<'a> {
    /// The path as written.
    pub(super) name: Cow<'a, str>,
    /// The path as spec 3 wants it.
    pub(super) path: Cow<'a, str>,
    pub(super) user: Object<'a>,
    pub(super) group: Object<'a>,
    pub(super) overwrite: Option<bool>,
}

/// BI-367: reads filesystem, path, user, group and overwrite.
pub(super) fn inode<'a>(
    members: &mut Members<'a, '_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Inode<'a> {
    filesystem(members, found);
    let name = members.text("path", found).unwrap_or_default();
    let place = members.place().member("path");
    let path = join_root(name.clone());
    if !is_absolute(&name) {
        found.invalid(&place, PATH_RELATIVE);
    } else if path != name {
        found.note(&place, Change::Simplified(path.clone().into_owned()));
    }
    Inode {
        name,
        path,
        user: owner("user", members, version, found),
        group: owner("group", members, version, found),
        overwrite: overwrite(members, version, found),
    }
}

/// BI-367: only the root filesystem has a place in spec 3, and needs no mention there.
fn filesystem(members: &mut Members<'_, '_>, found: &mut Findings) {
    let name = members.text("filesystem", found).unwrap_or_default();
    let place = members.place().member("filesystem");
    match &*name {
        "root" => {}
        "" => found.invalid(&place, "no filesystem specified"),
        name => found.obstacle(
            &place,
            Problem::OtherFilesystem {
                name: name.to_owned(),
            },
        ),
    }
}

/// BI-367: user or group, by id or by name.
fn owner<'a>(
    which: &'static str,
    members: &mut Members<'a, '_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Object<'a> {
    let node = members.take(which, found);
    let place = members.place().member(which);
    let mut members = Members::of(node, &place, found);
    let id = members.integer("id", found);
    let since = (SourceVersion::V2_1, version);
    let name = members.take_since("name", since, found);
    let name = crate::members::text(name, &place.member("name"), found);
    let name = name.filter(|name| !name.is_empty());
    members.finish(found);
    if id.is_some() && name.is_some() {
        found.invalid(&place, "cannot set both id and name");
    }
    // Spec 2.0 has no unset owner: without an id it is root.
    let is_root = version == SourceVersion::V2_0 && name.is_none();
    let mut owner = Object::default();
    owner.put("id", id.or(is_root.then_some(0)));
    owner.put("name", name);
    owner
}

fn overwrite(
    members: &mut Members<'_, '_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Option<bool> {
    let place = members.place().member("overwrite");
    let node = members.take_since("overwrite", (SourceVersion::V2_2, version), found);
    crate::members::flag(node, &place, found)
}

/// BI-367: the mode, as it is; specs 2.0 and 2.1 have no unset mode, but 0. `default` is what spec 3
/// gives to something new that has none.
pub(super) fn mode(
    members: &mut Members<'_, '_>,
    version: SourceVersion,
    default: Option<&'static str>,
    found: &mut Findings,
) -> Option<i64> {
    let mode = members.integer("mode", found);
    if mode.is_some_and(|mode| !(0..=MAX_MODE).contains(&mode)) {
        found.invalid(&members.place().member("mode"), "illegal file mode");
    }
    if mode.is_some() || version < SourceVersion::V2_2 {
        return mode.or(Some(0));
    }
    if let Some(default) = default {
        found.note(members.place(), Change::DefaultMode(default));
    }
    None
}

impl<'a> Inode<'a> {
    /// The members that files, directories and links share.
    pub(super) fn object(self) -> Object<'a> {
        let mut object = Object::default();
        object.put("path", Node::Text(self.path));
        object.put("overwrite", self.overwrite);
        object.put("user", self.user);
        object.put("group", self.group);
        object
    }
}
