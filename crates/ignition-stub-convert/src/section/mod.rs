//! The sections of a stub, from spec 2 to spec 3 (BI-367). Each reads its part with [`Members`],
//! and what a section does not read is unknown (BI-363).

mod ignition;
mod inode;
mod passwd;
mod reference;
mod storage;
mod systemd;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::{Findings, Problem};
use crate::inodes;
use crate::members::Members;
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::{SourceVersion, TargetVersion};

/// BI-365, BI-367: the document in spec 3. What stands in the way is in `found`; only without
/// obstacles is the result the whole document.
pub(crate) fn document<'a>(
    node: Node<'a>,
    from: SourceVersion,
    to: TargetVersion,
    found: &mut Findings,
) -> Object<'a> {
    let root = Place::Root;
    let mut members = Members::of(Some(node), &root, found);
    let mut document = Object::default();
    let ignition = members.take("ignition", found);
    document.put("ignition", ignition::ignition(ignition, from, to, found));
    let passwd = members.take("passwd", found);
    document.put("passwd", passwd::passwd(passwd, from, found));
    let systemd = members.take("systemd", found);
    let units = systemd::units(systemd, from, found);
    let storage = members.take("storage", found);
    let storage = storage::storage(storage, from, found);
    inodes::check(&storage.inodes, &units.paths, found);
    document.put("storage", storage.section);
    document.put("systemd", units.section);
    networkd(members.take("networkd", found), found);
    members.finish(found);
    document
}

/// BI-366: spec 3 has no networkd units; an empty section goes without a word.
fn networkd(node: Option<Node<'_>>, found: &mut Findings) {
    let place = Place::Root.member("networkd");
    let mut members = Members::of(node, &place, found);
    if !members.list("units", found).is_empty() {
        found.obstacle(&place.member("units"), Problem::Networkd);
    }
    members.finish(found);
}

/// BI-364: of entries with the same name the last one is kept. For each entry the one that is kept
/// in its stead; itself where it is the last of its name.
fn last_of_same_name(names: &[Cow<'_, str>]) -> Vec<usize> {
    let mut last = BTreeMap::new();
    let kept = names.iter().enumerate().rev();
    let mut kept: Vec<usize> = kept
        .map(|(index, name)| *last.entry(name).or_insert(index))
        .collect();
    kept.reverse();
    kept
}

/// BI-366: spec 3 refuses an entry that stands twice in a list.
fn reject_duplicates<'t>(
    keys: impl Iterator<Item = &'t str>,
    place: &Place<'_>,
    at: &Place<'_>,
    found: &mut Findings,
) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, key) in keys.enumerate() {
        if !seen.insert(key) {
            let reason = "duplicate entry defined";
            found.rejected(&place.element(index), &at.element(index), reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_364_the_last_of_each_name_is_kept() {
        let names = ["a", "b", "a", "c", "b"].map(Cow::Borrowed);
        assert_eq!(last_of_same_name(&names), [2, 4, 2, 3, 4]);
    }
}
