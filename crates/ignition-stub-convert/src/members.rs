//! The members of an object of spec 2, taken out one by one; what nobody takes is unknown.

use std::borrow::Cow;

use crate::finding::{Change, Findings, Problem};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::SourceVersion;

/// The members of an object that were not taken yet.
pub(crate) struct Members<'a, 'p> {
    members: Vec<(Cow<'a, str>, Node<'a>)>,
    place: &'p Place<'p>,
}

impl<'a, 'p> Members<'a, 'p> {
    /// The members of the object at `place`; null and absent have none.
    pub(crate) fn of(node: Option<Node<'a>>, place: &'p Place<'p>, found: &mut Findings) -> Self {
        let members = match node {
            Some(Node::Object(Object(members))) => members,
            None | Some(Node::Null) => Vec::new(),
            Some(other) => {
                wrong_type(&other, "an object", place, found);
                Vec::new()
            }
        };
        Self { members, place }
    }

    pub(crate) fn place(&self) -> &'p Place<'p> {
        self.place
    }

    /// Takes a member; null is absent. Ignition reads names in any case, and so do we (`ReadAs`).
    pub(crate) fn take(&mut self, name: &'static str, found: &mut Findings) -> Option<Node<'a>> {
        let position = |same: fn(&str, &str) -> bool| {
            self.members
                .iter()
                .position(|(written, _)| same(written, name))
        };
        let index = position(|written, name| written == name).or_else(|| position(same_name))?;
        let (written, node) = self.members.remove(index);
        if written != name {
            found.note(&self.place.member(&written), Change::ReadAs(name));
        }
        let left = self.members.len();
        self.members
            .retain(|(written, _)| !same_name(written, name));
        if self.members.len() < left {
            found.obstacle(&self.place.member(name), Problem::WrittenTwice);
        }
        (node != Node::Null).then_some(node)
    }

    /// Takes a member that spec 2 has from `since` on. An older stub keeps it all the same: what
    /// people wrote is never lost (BI-363).
    pub(crate) fn take_since(
        &mut self,
        name: &'static str,
        (since, version): (SourceVersion, SourceVersion),
        found: &mut Findings,
    ) -> Option<Node<'a>> {
        let node = self.take(name, found)?;
        if version < since {
            let (since, version) = (since.as_str(), version.as_str());
            found.note(
                &self.place.member(name),
                Change::LaterSpec { since, version },
            );
        }
        Some(node)
    }

    pub(crate) fn text(
        &mut self,
        name: &'static str,
        found: &mut Findings,
    ) -> Option<Cow<'a, str>> {
        let node = self.take(name, found);
        text(node, &self.place.member(name), found)
    }

    /// A text; the empty one says nothing (BI-367).
    pub(crate) fn filled_text(
        &mut self,
        name: &'static str,
        found: &mut Findings,
    ) -> Option<Cow<'a, str>> {
        self.text(name, found).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&mut self, name: &'static str, found: &mut Findings) -> Option<bool> {
        let node = self.take(name, found);
        flag(node, &self.place.member(name), found)
    }

    /// A flag; `false` says nothing (BI-367).
    pub(crate) fn raised_flag(&mut self, name: &'static str, found: &mut Findings) -> Option<bool> {
        self.flag(name, found).filter(|flag| *flag)
    }

    pub(crate) fn integer(&mut self, name: &'static str, found: &mut Findings) -> Option<i64> {
        let node = self.take(name, found);
        integer(node, &self.place.member(name), found)
    }

    /// The elements of a list; absent is empty.
    pub(crate) fn list(&mut self, name: &'static str, found: &mut Findings) -> Vec<Node<'a>> {
        let node = self.take(name, found);
        list(node, &self.place.member(name), found)
    }

    pub(crate) fn texts(&mut self, name: &'static str, found: &mut Findings) -> Vec<Cow<'a, str>> {
        let node = self.take(name, found);
        texts(node, &self.place.member(name), found)
    }

    /// BI-363: what is left is no key of spec 2, and would be lost.
    pub(crate) fn finish(self, found: &mut Findings) {
        for (name, _) in &self.members {
            found.obstacle(&self.place.member(name), Problem::UnknownKey);
        }
    }
}

fn same_name(written: &str, name: &str) -> bool {
    written.eq_ignore_ascii_case(name)
}

/// The elements of a list; absent is empty.
pub(crate) fn list<'a>(
    node: Option<Node<'a>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Vec<Node<'a>> {
    match node {
        Some(Node::List(list)) => list,
        None => Vec::new(),
        Some(other) => {
            wrong_type(&other, "a list", place, found);
            Vec::new()
        }
    }
}

pub(crate) fn text<'a>(
    node: Option<Node<'a>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Option<Cow<'a, str>> {
    match node? {
        Node::Text(text) => Some(text),
        other => {
            wrong_type(&other, "a string", place, found);
            None
        }
    }
}

pub(crate) fn flag(
    node: Option<Node<'_>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Option<bool> {
    match node? {
        Node::Flag(flag) => Some(flag),
        other => {
            wrong_type(&other, "a boolean", place, found);
            None
        }
    }
}

pub(crate) fn integer(
    node: Option<Node<'_>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Option<i64> {
    match node? {
        Node::Integer(number) => Some(number),
        other => {
            wrong_type(&other, "an integer", place, found);
            None
        }
    }
}

/// The texts of a list; null is the empty text, as Ignition reads it.
pub(crate) fn texts<'a>(
    node: Option<Node<'a>>,
    place: &Place<'_>,
    found: &mut Findings,
) -> Vec<Cow<'a, str>> {
    let elements = list(node, place, found).into_iter().enumerate();
    elements
        .filter_map(|(index, node)| match node {
            Node::Null => Some(Cow::Borrowed("")),
            node => text(Some(node), &place.element(index), found),
        })
        .collect()
}

/// BI-360: spec 2 gives the member another type.
fn wrong_type(node: &Node<'_>, expected: &'static str, place: &Place<'_>, found: &mut Findings) {
    let problem = Problem::WrongType {
        found: node.type_name(),
        expected,
    };
    found.obstacle(place, problem);
}
