//! Disks, RAID arrays and filesystems.

use std::borrow::Cow;

use crate::content::{PATH_RELATIVE, UNTIDY_PATH, is_absolute, join_root};
use crate::finding::{Change, Findings, Problem};
use crate::members::{Members, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::section::reject_duplicates;
use crate::version::SourceVersion;

/// BI-366, BI-367: disks; partitions of spec 2.2 are measured in sectors, for which spec 3 has no
/// word.
pub(super) fn disks<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("disks");
    let mut devices = Vec::new();
    let mut disks = Vec::new();
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let device = members.text("device", found).unwrap_or_default();
        if device.is_empty() {
            found.invalid(&place.member("device"), "disk device is required");
        } else {
            check_device(&device, &place.member("device"), found);
        }
        let partitions = place.member("partitions");
        for index in 0..members.list("partitions", found).len() {
            found.obstacle(&partitions.element(index), Problem::DeprecatedSectors);
        }
        let mut disk = Object::default();
        disk.put("device", device.clone());
        disk.put("wipeTable", members.raised_flag("wipeTable", found));
        members.finish(found);
        devices.push(device);
        disks.push(disk);
    }
    reject_duplicates(devices.iter().map(AsRef::as_ref), &place, &place, found);
    disks
}

/// BI-367: RAID arrays, as they are.
pub(super) fn raid<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("raid");
    let mut names = Vec::new();
    let mut arrays = Vec::new();
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let name = members.text("name", found).unwrap_or_default();
        let level = members.text("level", found).unwrap_or_default();
        let spares = members
            .integer("spares", found)
            .filter(|spares| *spares != 0);
        if let Some(reason) = check_level(&level, spares) {
            found.invalid(&place.member("level"), reason);
        }
        let devices = members.texts("devices", found);
        check_devices(&devices, &place.member("devices"), found);
        let options = members.take_since("options", (SourceVersion::V2_2, version), found);
        let options = crate::members::texts(options, &place.member("options"), found);
        members.finish(found);
        let mut array = Object::default();
        array.put("name", name.clone());
        array.put("level", level);
        array.put("devices", devices);
        array.put("spares", spares);
        array.put("options", options);
        names.push(name);
        arrays.push(array);
    }
    reject_duplicates(names.iter().map(AsRef::as_ref), &place, &place, found);
    arrays
}

fn check_level(level: &str, spares: Option<i64>) -> Option<&'static str> {
    match level {
        "linear" | "raid0" | "0" | "stripe" => {
            spares.map(|_| "spares unsupported for arrays with a level greater than 0")
        }
        "raid1" | "1" | "mirror" | "raid4" | "4" | "raid5" | "5" | "raid6" | "6" | "raid10"
        | "10" => None,
        _ => Some("unrecognized raid level"),
    }
}

fn check_devices(devices: &[Cow<'_, str>], place: &Place<'_>, found: &mut Findings) {
    if devices.is_empty() {
        found.rejected(place, place, "raid devices required");
    }
    for (index, device) in devices.iter().enumerate() {
        check_device(device, &place.element(index), found);
    }
    reject_duplicates(devices.iter().map(AsRef::as_ref), place, place, found);
}

/// A device is an absolute path; spec 3 wants it without superfluous steps.
fn check_device(device: &str, place: &Place<'_>, found: &mut Findings) {
    if !is_absolute(device) {
        found.invalid(place, PATH_RELATIVE);
    } else if join_root(Cow::Borrowed(device)) != device {
        found.rejected(place, place, UNTIDY_PATH);
    }
}

/// BI-366, BI-367: an entry named `root` goes without a word, because spec 3 knows that filesystem
/// by itself; any other has no place to be mounted at.
pub(super) fn filesystems(node: Option<Node<'_>>, parent: &Place<'_>, found: &mut Findings) {
    let place = parent.member("filesystems");
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let name = members.text("name", found).unwrap_or_default();
        let mount = members.take("mount", found);
        let path = members.text("path", found);
        members.finish(found);
        if name != "root" {
            let name = name.into_owned();
            found.obstacle(&place, Problem::Filesystem { name });
            continue;
        }
        match (mount, path.as_deref()) {
            // Where the initial RAM disk has the root filesystem of the machine.
            (None, Some("/" | "/sysroot")) => found.note(&place, Change::RootImplied),
            (None, None) => found.invalid(&place, "filesystem is missing mount or path"),
            _ => found.obstacle(&place, Problem::RootFilesystem),
        }
    }
}
