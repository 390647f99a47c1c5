//! What is known of a cluster: the objects of each watch, and how far it has come. No I/O.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::WatchSpec;
use super::object::{StoredObject, compare_versions};
use super::request::{WatchError, WatchEvent};

/// Namespace and name.
type Key = (Box<str>, Box<str>);

/// The objects of one watch.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) spec: WatchSpec,
    /// Whether a whole list has arrived once.
    pub(super) synced: bool,
    /// Whether a whole list has arrived at some time: the kind is expected to be there.
    pub(super) was_listed: bool,
    /// Whether the API server has lost its data since the last list began.
    lost: bool,
    /// What is wrong with the watch now.
    pub(super) problem: Option<WatchError>,
    /// How many objects had no name and were left out.
    pub(super) unreadable: usize,
    /// The version up to which everything has arrived; empty before the first list.
    position: String,
    objects: BTreeMap<Key, Arc<StoredObject>>,
    /// Of objects that are watched as metadata: those that are kept whole.
    whole: BTreeMap<Key, Arc<StoredObject>>,
}

/// Which objects a list has shown so far.
#[derive(Debug, Default)]
pub(super) struct Listing {
    shown: BTreeSet<Key>,
    version: String,
}

fn key(object: &StoredObject) -> Key {
    (object.namespace.clone(), object.name.clone())
}

fn is_newer(version: &str, than: &str) -> bool {
    compare_versions(version, than) == Some(Ordering::Greater)
}

impl Row {
    pub(super) fn new(spec: WatchSpec) -> Self {
        Self {
            spec,
            synced: false,
            was_listed: false,
            lost: false,
            problem: None,
            unreadable: 0,
            position: String::new(),
            objects: BTreeMap::new(),
            whole: BTreeMap::new(),
        }
    }

    pub(super) fn position(&self) -> &str {
        &self.position
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<StoredObject>> {
        self.objects.values()
    }

    /// Objects that are kept whole, where that is still what the metadata says.
    pub(super) fn whole(&self) -> impl Iterator<Item = &Arc<StoredObject>> {
        self.whole
            .iter()
            .filter(|(key, object)| self.is_current(key, object))
            .map(|(_, object)| object)
    }

    fn is_current(&self, key: &Key, object: &StoredObject) -> bool {
        self.objects.get(key).is_some_and(|metadata| {
            (&metadata.uid, &metadata.resource_version) == (&object.uid, &object.resource_version)
        })
    }

    /// Forgets whole objects of other names; returns the names whose whole object is still needed.
    pub(super) fn keep_whole(&mut self, namespace: &str, names: &BTreeSet<&str>) -> Vec<String> {
        let wanted = |key: &Key| &*key.0 == namespace && names.contains(&*key.1);
        self.whole.retain(|key, _| wanted(key));
        let missing = |key: &&Key| {
            let kept = self.whole.get(*key);
            wanted(key) && !kept.is_some_and(|object| self.is_current(key, object))
        };
        let missing = self.objects.keys().filter(missing);
        missing.map(|(_, name)| name.to_string()).collect()
    }

    pub(super) fn put_whole(&mut self, object: StoredObject) {
        self.whole.insert(key(&object), Arc::new(object));
    }

    /// Whether a list of the state at `version` is older than what has arrived already: the API server
    /// has lost its data, or has it from a backup.
    pub(super) fn is_before(&self, version: &str) -> bool {
        is_newer(&self.position, version)
    }

    /// The API server has lost its data: nothing that is known can be compared with what comes, and
    /// there is no snapshot before a new list is complete. Of a kind that was absent nothing is known.
    pub(super) fn lose(&mut self) {
        if !self.was_listed {
            return;
        }
        self.lost = true;
        self.synced = false;
        self.position.clear();
    }

    /// A list of the state at `version` begins.
    pub(super) fn begin(&mut self, version: &str) -> Listing {
        if std::mem::take(&mut self.lost) {
            self.objects.clear();
            self.whole.clear();
        }
        Listing {
            shown: BTreeSet::new(),
            version: version.to_owned(),
        }
    }

    /// An object that was added or changed. Whether anything that counts has changed. An older
    /// version never replaces a newer one: that may be the answer to a write of our own, which the
    /// watch is still to tell of.
    fn put(&mut self, object: StoredObject) -> bool {
        let known = self.objects.get(&key(&object));
        let stays =
            known.is_some_and(|known| is_newer(&known.resource_version, &object.resource_version));
        !stays && self.replace(object)
    }

    /// An object of a list. The list is true, be its objects older than what is known: an API server
    /// that was restored from a backup has them so. Only what was written after the list stays.
    pub(super) fn show(&mut self, object: StoredObject, listing: &mut Listing) -> bool {
        let key = key(&object);
        let known = self.objects.get(&key);
        let stays = known.is_some_and(|known| is_newer(&known.resource_version, &listing.version));
        listing.shown.insert(key);
        !stays && self.replace(object)
    }

    fn replace(&mut self, object: StoredObject) -> bool {
        let key = key(&object);
        let known = self.objects.get(&key);
        let counts = known.is_none_or(|known| known.differs(&object, self.spec.status_counts()));
        self.objects.insert(key, Arc::new(object));
        counts
    }

    /// The list is complete: what it has not shown is gone, unless it is newer than the list.
    pub(super) fn end(&mut self, listing: Listing) -> bool {
        let Listing { shown, version } = listing;
        let before = self.objects.len();
        self.objects.retain(|key, object| {
            shown.contains(key) || is_newer(&object.resource_version, &version)
        });
        let gone = before != self.objects.len();
        if self.lost {
            // The list was begun before the API server lost its data: another one follows.
            return gone;
        }
        self.position = version;
        self.was_listed = true;
        !std::mem::replace(&mut self.synced, true) || gone
    }

    /// An event of the watch. Whether anything that counts has changed.
    pub(super) fn take(&mut self, event: WatchEvent) -> bool {
        if self.lost {
            // The event is of a watch that was begun before the API server lost its data.
            return false;
        }
        match event {
            WatchEvent::Bookmark(version) => {
                self.arrived(&version);
                false
            }
            WatchEvent::Unreadable => {
                self.unreadable += 1;
                false
            }
            WatchEvent::Put(object) => {
                self.arrived(&object.resource_version);
                self.put(object)
            }
            WatchEvent::Removed(object) => {
                self.arrived(&object.resource_version);
                self.remove(&object)
            }
        }
    }

    /// Everything up to this version has arrived.
    fn arrived(&mut self, version: &str) {
        if !version.is_empty() {
            version.clone_into(&mut self.position);
        }
    }

    /// The watch does not go on. Whether that is news.
    ///
    /// A kind that is not served, and that a plan can do without, counts as absent, if that is the
    /// first thing that is heard of it. Later on, and whatever else happens, what is known stays: an
    /// API server that says once that there is no such kind, or that it is not ours to see, has not
    /// said that the objects are gone. But where it has lost its data, a kind that is not served has no
    /// objects any more.
    pub(super) fn failed(&mut self, error: &WatchError) -> bool {
        let before = (self.synced, self.problem.take());
        // That the API server has forgotten is no problem: a list follows.
        self.problem = Some(error.clone()).filter(|error| *error != WatchError::Expired);
        if *error == WatchError::NoSuchKind && !self.spec.is_required() {
            if self.lost {
                // What was there before the API server lost its data is not there now.
                self.objects.clear();
                self.whole.clear();
            }
            self.synced = true;
        }
        before != (self.synced, self.problem.clone())
    }

    /// An object is gone, as it was at its end. A newer one of the same name stays.
    fn remove(&mut self, object: &StoredObject) -> bool {
        let key = key(object);
        let known = self.objects.get(&key);
        let stays =
            known.is_none_or(|known| is_newer(&known.resource_version, &object.resource_version));
        if stays {
            return false;
        }
        self.whole.remove(&key);
        self.objects.remove(&key).is_some()
    }

    /// The answer to a write. One that the watch has told of already, and that is gone again, does
    /// not come back: everything up to the position has arrived.
    pub(super) fn put_answer(&mut self, object: StoredObject) -> bool {
        let is_known = self.objects.contains_key(&key(&object));
        let later = compare_versions(&object.resource_version, &self.position);
        if !is_known && matches!(later, Some(Ordering::Less | Ordering::Equal)) {
            return false;
        }
        self.put(object)
    }

    /// The answer to a write after which the object is none of those that are watched: it leaves.
    pub(super) fn leave(&mut self, object: &StoredObject) -> bool {
        self.remove(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::{Kind, Read, Verb, Which};

    fn row() -> Row {
        let read = Read::new(Kind::MachineSet, "n", Which::All, Verb::Watch, "for a test");
        Row::new(WatchSpec::of(&read).unwrap())
    }

    fn object(name: &str, version: u64) -> StoredObject {
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","uid":"u","resourceVersion":"{version}"}},"spec":{version}}}"#
        );
        StoredObject::read(&json).unwrap()
    }

    fn list(row: &mut Row, version: &str, objects: &[(&str, u64)]) -> bool {
        let mut listing = row.begin(version);
        let mut changed = false;
        for (name, version) in objects {
            changed |= row.show(object(name, *version), &mut listing);
        }
        row.end(listing) || changed
    }

    fn check(row: &Row, expected: &[(&str, &str)]) {
        let found: Vec<_> = row
            .objects()
            .map(|it| (&*it.name, &*it.resource_version))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_an_api_server_had_before_it_lost_its_data_counts_no_more() {
        let mut row = row();
        list(&mut row, "20", &[("a", 20), ("b", 20)]);
        assert!(row.is_before("5") && !row.is_before("20") && row.synced);
        // Another row finds it out, while this one is listed.
        let mut listing = row.begin("20");
        row.show(object("a", 20), &mut listing);
        row.lose();
        row.end(listing);
        assert!(!row.synced && row.position().is_empty());
        row.take(WatchEvent::Bookmark("21".to_owned()));
        assert!(row.position().is_empty(), "the watch of before");
        list(&mut row, "5", &[("b", 5)]);
        assert!(row.synced);
        check(&row, &[("b", "5")]);
        // A kind that is not there any more, and that a plan can do without.
        row.lose();
        row.failed(&WatchError::NoSuchKind);
        assert!(row.synced);
        check(&row, &[]);
    }

    #[test]
    fn a_list_shows_what_is_there() {
        let mut row = row();
        assert!(!row.synced);
        assert!(
            list(&mut row, "10", &[]),
            "that there is nothing is news once"
        );
        assert!(!list(&mut row, "11", &[]));
        assert!(list(&mut row, "12", &[("a", 11), ("b", 12)]));
        assert!(!list(&mut row, "13", &[("a", 11), ("b", 12)]));
        assert!(list(&mut row, "14", &[("b", 12)]));
        check(&row, &[("b", "12")]);
    }

    #[test]
    fn the_answer_to_a_write_is_not_undone_by_what_was_before_it() {
        let mut row = row();
        list(&mut row, "10", &[("a", 5)]);
        assert!(row.put_answer(object("a", 20)));
        assert!(!row.put(object("a", 15)), "an event from before");
        assert!(!row.remove(&object("a", 15)), "another one of its name");
        list(&mut row, "16", &[("a", 15)]);
        list(&mut row, "17", &[]);
        check(&row, &[("a", "20")]);
        assert!(!row.put(object("a", 20)), "the event of our own write");
        assert!(row.put(object("a", 21)));
        assert!(row.remove(&object("a", 22)));
        check(&row, &[]);
    }

    #[test]
    fn what_is_gone_does_not_come_back_with_a_late_answer() {
        let mut row = row();
        list(&mut row, "10", &[("a", 5)]);
        row.remove(&object("a", 30));
        row.arrived("30");
        assert!(!row.put_answer(object("a", 20)));
        assert!(row.put_answer(object("a", 40)), "it was made anew");
        check(&row, &[("a", "40")]);
    }

    #[test]
    fn an_api_server_that_lost_its_data_is_believed() {
        let mut row = row();
        list(&mut row, "1000", &[("a", 900), ("b", 901)]);
        assert!(row.is_before("7"));
        row.lose();
        assert!(list(&mut row, "7", &[("a", 3)]));
        check(&row, &[("a", "3")]);
        assert_eq!(row.position(), "7");
    }

    #[test]
    fn a_list_is_believed_though_its_objects_are_older() {
        let mut row = row();
        list(&mut row, "1000", &[("a", 900)]);
        // Restored from a backup, and written to since: the list is newer, the object is not.
        assert!(list(&mut row, "1100", &[("a", 300)]));
        check(&row, &[("a", "300")]);
        assert!(row.put_answer(object("a", 1200)));
        assert!(!list(&mut row, "1150", &[("a", 300)]));
        check(&row, &[("a", "1200")]);
    }

    #[test]
    fn what_is_known_stays_whatever_the_api_server_refuses() {
        let forbidden = WatchError::Forbidden("no".to_owned());
        for error in [WatchError::NoSuchKind, forbidden.clone()] {
            let mut row = row();
            list(&mut row, "10", &[("a", 5)]);
            assert!(row.failed(&error));
            assert!(!row.failed(&error), "it is no news twice");
            check(&row, &[("a", "5")]);
            assert!(row.synced && row.problem.is_some());
        }
        let mut never = row();
        never.failed(&forbidden);
        assert!(!never.synced, "who may not look does not know");
        never.failed(&WatchError::NoSuchKind);
        assert!(never.synced);
    }

    #[test]
    fn whole_objects_are_kept_while_they_are_what_the_metadata_says() {
        let mut row = row();
        list(&mut row, "10", &[("a", 5), ("b", 6)]);
        let wanted = BTreeSet::from(["a", "absent"]);
        assert_eq!(row.keep_whole("", &wanted), ["a"]);
        row.put_whole(object("a", 5));
        assert!(row.keep_whole("", &wanted).is_empty());
        assert_eq!(row.whole().count(), 1);
        row.put(object("a", 7));
        assert_eq!(row.whole().count(), 0);
        assert_eq!(row.keep_whole("", &wanted), ["a"]);
        row.keep_whole("", &BTreeSet::new());
        assert!(row.whole.is_empty());
    }
}
