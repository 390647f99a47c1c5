//! References to something that Ignition fetches: source, hash, compression.

use std::borrow::Cow;

use crate::content::{INVALID_SCHEME, check_hash, check_source, is_known_to_spec_3};
use crate::finding::{Findings, Problem};
use crate::members::Members;
use crate::node::{Node, Object};
use crate::place::Place;

/// A reference that was read.
pub(super) struct Reference<'a> {
    /// Empty where the stub has none.
    pub(super) source: Cow<'a, str>,
    compression: Option<Cow<'a, str>>,
    hash: Option<Cow<'a, str>>,
}

/// What refers to something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A config to merge with.
    Append,
    /// A config to be used instead.
    Replace,
    /// A certificate authority.
    Authority,
    /// The contents of a file, which may be compressed; an empty source is an empty file.
    Contents,
}

impl<'a> Reference<'a> {
    /// BI-367: reads the reference at `place`. `at` is where it stands in the new document.
    pub(super) fn read(
        node: Option<Node<'a>>,
        kind: Kind,
        place: &Place<'_>,
        at: &Place<'_>,
        found: &mut Findings,
    ) -> Self {
        let mut members = Members::of(node, place, found);
        let source = members.text("source", found).unwrap_or_default();
        let compression = match kind {
            Kind::Contents => members.filled_text("compression", found),
            Kind::Append | Kind::Replace | Kind::Authority => None,
        };
        let verification = members.take("verification", found);
        members.finish(found);
        if let Some(reason) = check_source(&source) {
            found.invalid(&place.member("source"), reason);
        }
        if source.is_empty() && kind == Kind::Append {
            found.obstacle(place, Problem::Required("source"));
        } else if source.is_empty() && kind == Kind::Authority || !is_known_to_spec_3(&source) {
            let (place, at) = (place.member("source"), at.member("source"));
            found.rejected(&place, &at, INVALID_SCHEME);
        }
        if compression
            .as_deref()
            .is_some_and(|method| method != "gzip")
        {
            found.invalid(&place.member("compression"), "invalid compression method");
        }
        let hash = hash(verification, &place.member("verification"), found);
        Self {
            source,
            compression,
            hash,
        }
    }
}

fn hash<'a>(
    node: Option<Node<'a>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Option<Cow<'a, str>> {
    let mut members = Members::of(node, place, found);
    let hash = members.text("hash", found);
    members.finish(found);
    if let Some(reason) = hash.as_deref().and_then(check_hash) {
        found.invalid(&place.member("hash"), reason);
    }
    hash
}

impl<'a> From<Reference<'a>> for Node<'a> {
    fn from(reference: Reference<'a>) -> Self {
        let mut verification = Object::default();
        verification.put("hash", reference.hash);
        let mut object = Object::default();
        object.put("compression", reference.compression);
        object.put("source", reference.source);
        object.put("verification", verification);
        object.into()
    }
}
