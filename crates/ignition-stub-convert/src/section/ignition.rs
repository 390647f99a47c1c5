//! `ignition`: version, other configs, certificate authorities, timeouts.

use super::reference::{Kind, Reference};
use super::reject_duplicates;
use crate::finding::Findings;
use crate::members::{Members, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::{SourceVersion, TargetVersion};

/// BI-367: `append` becomes `merge`, all else stays where it is. Several entries keep their order
/// (the reference fails on two).
pub(super) fn ignition<'a>(
    node: Option<Node<'a>>,
    from: SourceVersion,
    to: TargetVersion,
    found: &mut Findings,
) -> Object<'a> {
    let place = Place::Root.member("ignition");
    let mut members = Members::of(node, &place, found);
    // Was read before anything else; here it only must not count as unknown.
    members.take("version", found);
    let mut ignition = Object::default();
    ignition.put("version", to.as_str());
    ignition.put(
        "config",
        config(members.take("config", found), &place, found),
    );
    let security = members.take_since("security", (SourceVersion::V2_2, from), found);
    ignition.put("security", self::security(security, &place, found));
    let timeouts = members.take_since("timeouts", (SourceVersion::V2_1, from), found);
    ignition.put("timeouts", self::timeouts(timeouts, &place, found));
    members.finish(found);
    ignition
}

fn config<'a>(node: Option<Node<'a>>, parent: &Place<'_>, found: &mut Findings) -> Object<'a> {
    let place = parent.member("config");
    let mut members = Members::of(node, &place, found);
    let mut config = Object::default();
    let append = members.take("append", found);
    let (from, to) = (place.member("append"), place.member("merge"));
    config.put("merge", references(append, Kind::Append, &from, &to, found));
    if let Some(replace) = members.take("replace", found) {
        let place = place.member("replace");
        let reference = Reference::read(Some(replace), Kind::Replace, &place, &place, found);
        config.put("replace", reference);
    }
    members.finish(found);
    config
}

fn security<'a>(node: Option<Node<'a>>, parent: &Place<'_>, found: &mut Findings) -> Object<'a> {
    let place = parent.member("security");
    let mut members = Members::of(node, &place, found);
    let tls_place = place.member("tls");
    let mut tls_members = Members::of(members.take("tls", found), &tls_place, found);
    let authorities = tls_members.take("certificateAuthorities", found);
    let at = tls_place.member("certificateAuthorities");
    let mut tls = Object::default();
    let authorities = references(authorities, Kind::Authority, &at, &at, found);
    tls.put("certificateAuthorities", authorities);
    tls_members.finish(found);
    members.finish(found);
    let mut security = Object::default();
    security.put("tls", tls);
    security
}

fn references<'a>(
    node: Option<Node<'a>>,
    kind: Kind,
    place: &Place<'_>,
    at: &Place<'_>,
    found: &mut Findings,
) -> Vec<Reference<'a>> {
    let nodes = list(node, place, found).into_iter().enumerate();
    let references: Vec<_> = nodes
        .map(|(index, node)| {
            let (place, at) = (place.element(index), at.element(index));
            Reference::read(Some(node), kind, &place, &at, found)
        })
        .collect();
    let sources = references.iter().map(|reference| &*reference.source);
    reject_duplicates(sources, place, at, found);
    references
}

fn timeouts<'a>(node: Option<Node<'a>>, parent: &Place<'_>, found: &mut Findings) -> Object<'a> {
    let place = parent.member("timeouts");
    let mut members = Members::of(node, &place, found);
    let mut timeouts = Object::default();
    for name in ["httpResponseHeaders", "httpTotal"] {
        timeouts.put(name, members.integer(name, found));
    }
    members.finish(found);
    timeouts
}
