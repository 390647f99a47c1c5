//! `passwd`: users and groups.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::reject_duplicates;
use crate::finding::{Change, Findings, Problem};
use crate::members::{Members, list};
use crate::node::{Node, Object};
use crate::place::Place;
use crate::version::SourceVersion;

/// The only user that a node has.
const CORE: &str = "core";

/// BI-364, BI-367: `passwd` in spec 3.
pub(super) fn passwd<'a>(
    node: Option<Node<'a>>,
    version: SourceVersion,
    found: &mut Findings,
) -> Object<'a> {
    let place = Place::Root.member("passwd");
    let mut members = Members::of(node, &place, found);
    let mut passwd = Object::default();
    let users = members.take("users", found);
    passwd.put("users", self::users(users, &place, version, found));
    let groups = members.take("groups", found);
    passwd.put("groups", self::groups(groups, &place, found));
    members.finish(found);
    passwd
}

/// An entry for the user.
struct User<'a> {
    name: Cow<'a, str>,
    keys: Vec<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    account: Account<'a>,
}

/// How an account is made: what is not said is not there.
struct Account<'a> {
    /// Everything but the groups, by name.
    details: Vec<(&'static str, Node<'a>)>,
    groups: Vec<Cow<'a, str>>,
    /// Whether the deprecated `create` said it.
    from_create: bool,
}

/// BI-364: all entries are for `core` and become one: the last one wins, and gets the keys of the
/// others, from last to first, each key once. What only an earlier entry says is kept (the
/// reference drops it).
fn users<'a>(
    node: Option<Node<'a>>,
    parent: &Place<'_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Vec<Object<'a>> {
    let place = parent.member("users");
    let nodes = list(node, &place, found).into_iter().enumerate();
    let entries: Vec<_> = nodes
        .map(|(index, node)| user(node, &place.element(index), version, found))
        .collect();
    let Some(last) = entries.len().checked_sub(1) else {
        return Vec::new();
    };
    let with = place.element(last).pointer();
    let mut keys = Keys::default();
    let mut password = None;
    let mut details: Vec<(&'static str, Node<'a>)> = Vec::new();
    let mut groups = Vec::new();
    for (index, entry) in entries.into_iter().enumerate().rev() {
        let place = place.element(index);
        if entry.name != CORE {
            let name = entry.name.into_owned();
            found.obstacle(&place, Problem::ForeignUser { name });
        }
        if index != last {
            let with = with.clone();
            found.note(&place, Change::Joined { with });
        }
        keys.add(entry.keys, &place.member("sshAuthorizedKeys"), found);
        password = password.or(entry.password);
        if groups.is_empty() {
            check_groups(&entry.account, &place, found);
            groups = entry.account.groups;
        }
        for (name, value) in entry.account.details {
            if !details.iter().any(|(known, _)| *known == name) {
                details.push((name, value));
            }
        }
    }
    let mut user = Object::default();
    user.put("name", CORE);
    user.put("sshAuthorizedKeys", keys.kept);
    user.put("passwordHash", password);
    for (name, value) in details {
        user.put(name, value);
    }
    user.put("groups", groups);
    vec![user]
}

/// BI-366: the groups of the one user that there will be are unique.
fn check_groups(account: &Account<'_>, user: &Place<'_>, found: &mut Findings) {
    let create = user.member("create");
    let holder = if account.from_create { &create } else { user };
    let passwd = Place::Root.member("passwd");
    let users = passwd.member("users");
    let new = users.element(0);
    let names = account.groups.iter().map(AsRef::as_ref);
    reject_duplicates(
        names,
        &holder.member("groups"),
        &new.member("groups"),
        found,
    );
}

/// Keys, each once, in the order in which they came.
#[derive(Default)]
struct Keys<'a> {
    kept: Vec<Cow<'a, str>>,
    seen: BTreeSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    fn add(&mut self, keys: Vec<Cow<'a, str>>, place: &Place<'_>, found: &mut Findings) {
        for (index, key) in keys.into_iter().enumerate() {
            if self.seen.insert(key.clone()) {
                self.kept.push(key);
            } else {
                found.note(&place.element(index), Change::KeyAgain);
            }
        }
    }
}

fn user<'a>(
    node: Node<'a>,
    place: &Place<'_>,
    version: SourceVersion,
    found: &mut Findings,
) -> User<'a> {
    let mut members = Members::of(Some(node), place, found);
    let name = members.text("name", found).unwrap_or_default();
    let keys = members.texts("sshAuthorizedKeys", found);
    let password = members.text("passwordHash", found);
    let create = members.take("create", found);
    let mut account = account(&mut members, version, found);
    members.finish(found);
    if let Some(create) = create {
        account = lifted(create, &account, place, found);
    }
    User {
        name,
        keys,
        password,
        account,
    }
}

/// BI-366: members of the deprecated `create` become the user's own (the reference drops them).
fn lifted<'a>(
    create: Node<'a>,
    own: &Account<'_>,
    user: &Place<'_>,
    found: &mut Findings,
) -> Account<'a> {
    let place = user.member("create");
    let mut members = Members::of(Some(create), &place, found);
    // Spec 2.0 had them here and nowhere else.
    let mut account = account(&mut members, SourceVersion::V2_2, found);
    account.from_create = true;
    members.finish(found);
    let details = own.details.iter().map(|(name, _)| *name);
    let groups = (!own.groups.is_empty()).then_some("groups");
    for name in details.chain(groups) {
        found.invalid(&user.member(name), both_create_and(name));
    }
    found.note(&place, Change::Lifted);
    account
}

/// BI-362: why `create` and a member of the user's own do not go together.
fn both_create_and(name: &str) -> &'static str {
    match name {
        "gecos" => "cannot use both the create object and the user-level gecos field",
        "groups" => "cannot use both the create object and the user-level groups field",
        "homeDir" => "cannot use both the create object and the user-level homeDir field",
        "noCreateHome" => "cannot use both the create object and the user-level noCreateHome field",
        "noLogInit" => "cannot use both the create object and the user-level noLogInit field",
        "noUserGroup" => "cannot use both the create object and the user-level noUserGroup field",
        "primaryGroup" => "cannot use both the create object and the user-level primaryGroup field",
        "shell" => "cannot use both the create object and the user-level shell field",
        "system" => "cannot use both the create object and the user-level system field",
        _ => "cannot use both the create object and the user-level uid field",
    }
}

/// BI-367: how the account is made; `""` and `false` say nothing.
fn account<'a>(
    members: &mut Members<'a, '_>,
    version: SourceVersion,
    found: &mut Findings,
) -> Account<'a> {
    const TEXTS: [&str; 4] = ["gecos", "homeDir", "primaryGroup", "shell"];
    const FLAGS: [&str; 4] = ["noCreateHome", "noUserGroup", "noLogInit", "system"];
    let since = (SourceVersion::V2_1, version);
    let place = members.place();
    let uid = members.take_since("uid", since, found);
    let uid = crate::members::integer(uid, &place.member("uid"), found);
    let mut details = vec![("uid", uid.into())];
    for name in TEXTS {
        let text = members.take_since(name, since, found);
        let text = crate::members::text(text, &place.member(name), found);
        details.push((name, text.filter(|text| !text.is_empty()).into()));
    }
    for name in FLAGS {
        let flag = members.take_since(name, since, found);
        let flag = crate::members::flag(flag, &place.member(name), found);
        details.push((name, flag.filter(|flag| *flag).into()));
    }
    details.retain(|(_, value)| *value != Node::Null);
    let groups = members.take_since("groups", since, found);
    let groups = crate::members::texts(groups, &place.member("groups"), found);
    Account {
        details,
        groups,
        from_create: false,
    }
}

fn groups<'a>(node: Option<Node<'a>>, parent: &Place<'_>, found: &mut Findings) -> Vec<Object<'a>> {
    let place = parent.member("groups");
    let mut names = Vec::new();
    let mut groups = Vec::new();
    for (index, node) in list(node, &place, found).into_iter().enumerate() {
        let place = place.element(index);
        let mut members = Members::of(Some(node), &place, found);
        let name = members.text("name", found).unwrap_or_default();
        let mut group = Object::default();
        group.put("name", name.clone());
        group.put("gid", members.integer("gid", found));
        group.put("passwordHash", members.filled_text("passwordHash", found));
        group.put("system", members.raised_flag("system", found));
        members.finish(found);
        names.push(name);
        groups.push(group);
    }
    reject_duplicates(names.iter().map(AsRef::as_ref), &place, &place, found);
    groups
}
