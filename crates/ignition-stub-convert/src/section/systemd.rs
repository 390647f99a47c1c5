//! `systemd`: units and their drop-ins.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::last_of_same_name;
use crate::content::{
    INVALID_DROPIN_EXTENSION, INVALID_UNIT_EXTENSION, check_unit_text, is_dropin_name, is_unit_name,
};
use crate::finding::{Change, Findings, Problem};
use crate::members::{Members, flag, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::SourceVersion;

/// What became of `systemd`.
pub(super) struct Units<'a> {
    pub(super) section: Object<'a>,
    /// The files that Ignition writes for units and drop-ins.
    pub(super) paths: BTreeSet<String>,
}

/// Where Ignition writes units.
const UNIT_DIRECTORY: &str = "/etc/systemd/system";

/// BI-364, BI-367: `systemd` in spec 3.
pub(super) fn units<'a>(
    node: Option<Node<'a>>,
    version: SourceVersion,
    found: &mut Findings,
) -> Units<'a> {
    let place = Place::Root.member("systemd");
    let mut members = Members::of(node, &place, found);
    let units = members.take("units", found);
    members.finish(found);
    let units = joined(units, &place.member("units"), version, found);
    let paths = units.iter().flat_map(Unit::paths).collect();
    let mut section = Object::default();
    section.put(
        "units",
        units.into_iter().map(Unit::object).collect::<Vec<_>>(),
    );
    Units { section, paths }
}

struct Unit<'a> {
    name: Cow<'a, str>,
    enabled: Option<bool>,
    mask: Option<bool>,
    contents: Option<Cow<'a, str>>,
    dropins: Vec<Dropin<'a>>,
}

struct Dropin<'a> {
    name: Cow<'a, str>,
    contents: Option<Cow<'a, str>>,
}

/// BI-364: of units with the same name the last one wins, and gets the drop-ins of the others that
/// it has not. What only an earlier one says is kept (the reference drops it), and the units keep
/// their order (the reference turns it round).
fn joined<'a>(
    node: Option<Node<'a>>,
    place: &Place<'_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Vec<Unit<'a>> {
    let nodes = list(node, place, found).into_iter().enumerate();
    let units: Vec<_> = nodes
        .map(|(index, node)| unit(node, &place.element(index), version, found))
        .collect();
    let names: Vec<_> = units.iter().map(|unit| unit.name.clone()).collect();
    let mut kept: Vec<Option<Kept<'a>>> = names.iter().map(|_| None).collect();
    let last = last_of_same_name(&names);
    for ((index, unit), last) in units.into_iter().enumerate().zip(last).rev() {
        let Some(slot) = kept.get_mut(last) else {
            continue;
        };
        match slot {
            None => *slot = Some(Kept::new(unit, &place.element(index), found)),
            Some(kept) => {
                let with = place.element(last).pointer();
                found.note(&place.element(index), Change::Joined { with });
                kept.join(unit);
            }
        }
    }
    kept.into_iter().flatten().map(|kept| kept.unit).collect()
}

/// A unit that is kept, and the names of its drop-ins.
struct Kept<'a> {
    unit: Unit<'a>,
    dropins: BTreeSet<Cow<'a, str>>,
}

impl<'a> Kept<'a> {
    /// BI-366: names of drop-ins are unique in a unit.
    fn new(unit: Unit<'a>, place: &Place<'_>, found: &mut Findings) -> Self {
        let mut dropins = BTreeSet::new();
        for (index, dropin) in unit.dropins.iter().enumerate() {
            if !dropins.insert(dropin.name.clone()) {
                let problem = Problem::DuplicateDropin {
                    name: dropin.name.clone().into_owned(),
                    unit: unit.name.clone().into_owned(),
                };
                found.obstacle(&place.member("dropins").element(index), problem);
            }
        }
        Self { unit, dropins }
    }

    /// BI-364: takes over what an earlier unit of the same name says.
    fn join(&mut self, earlier: Unit<'a>) {
        let Unit {
            name: _,
            enabled,
            mask,
            contents,
            dropins,
        } = earlier;
        self.unit.enabled = self.unit.enabled.or(enabled);
        self.unit.mask = self.unit.mask.or(mask);
        self.unit.contents = self.unit.contents.take().or(contents);
        for dropin in dropins {
            if self.dropins.insert(dropin.name.clone()) {
                self.unit.dropins.push(dropin);
            }
        }
    }
}

fn unit<'a>(
    node: Node<'a>,
    place: &Place<'_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Unit<'a> {
    let mut members = Members::of(Some(node), place, found);
    let name = members.text("name", found).unwrap_or_default();
    if !is_unit_name(&name) {
        found.invalid(&place.member("name"), INVALID_UNIT_EXTENSION);
    }
    let unit = Unit {
        name,
        enabled: enabled(&mut members, version, found),
        mask: members.raised_flag("mask", found),
        contents: unit_text(&mut members, found),
        dropins: dropins(&mut members, found),
    };
    members.finish(found);
    unit
}

/// BI-367: `enabled`; else the older `enable`, which can only say yes.
fn enabled(
    members: &mut Members<'_, '_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Option<bool> {
    let enable = members.raised_flag("enable", found);
    let place = members.place().member("enabled");
    let enabled = members.take_since("enabled", (SourceVersion::V2_1, version), found);
    let enabled = flag(enabled, &place, found);
    if enable == Some(true) && enabled == Some(false) {
        let by = place.pointer();
        found.note(
            &members.place().member("enable"),
            Change::OverruledBy { by },
        );
    }
    enabled.or(enable)
}

fn dropins<'a>(members: &mut Members<'a, '_>, found: &mut Findings) -> Vec<Dropin<'a>> {
    let place = members.place().member("dropins");
    let nodes = members.list("dropins", found).into_iter().enumerate();
    nodes
        .map(|(index, node)| {
            let place = place.element(index);
            let mut members = Members::of(Some(node), &place, found);
            let name = members.text("name", found).unwrap_or_default();
            if !is_dropin_name(&name) {
                found.invalid(&place.member("name"), INVALID_DROPIN_EXTENSION);
            }
            let contents = unit_text(&mut members, found);
            members.finish(found);
            Dropin { name, contents }
        })
        .collect()
}

fn unit_text<'a>(members: &mut Members<'a, '_>, found: &mut Findings) -> Option<Cow<'a, str>> {
    let contents = members.filled_text("contents", found)?;
    if let Some(reason) = check_unit_text(&contents) {
        found.invalid(&members.place().member("contents"), reason);
    }
    Some(contents)
}

impl<'a> Unit<'a> {
    fn paths(&self) -> impl Iterator<Item = String> {
        let name = &self.name;
        let own = self
            .contents
            .iter()
            .map(move |_| format!("{UNIT_DIRECTORY}/{name}"));
        let written = self
            .dropins
            .iter()
            .filter(|dropin| dropin.contents.is_some());
        own.chain(written.map(move |dropin| format!("{UNIT_DIRECTORY}/{name}.d/{}", dropin.name)))
    }

    fn object(self) -> Object<'a> {
        let mut unit = Object::default();
        unit.put("name", self.name);
        unit.put("enabled", self.enabled);
        unit.put("mask", self.mask);
        unit.put("contents", self.contents);
        let dropins = self.dropins.into_iter().map(|dropin| {
            let mut object = Object::default();
            object.put("name", dropin.name);
            object.put("contents", dropin.contents);
            object
        });
        unit.put("dropins", dropins.collect::<Vec<_>>());
        unit
    }
}
