//! What is known of a cluster at one moment.

use std::sync::Arc;

use openshift_model::{Kind, Members, RawObject};

use super::object::StoredObject;
use super::rows::Row;

/// What is known of a cluster at one moment. It shares its texts with the store.
#[derive(Debug, Clone)]
pub struct Snapshot {
    objects: Vec<Entry>,
    metadata: Vec<(Kind, Arc<StoredObject>)>,
}

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    /// An API server leaves the type out of the elements of a list.
    api_version: Arc<str>,
    object: Arc<StoredObject>,
}

impl Snapshot {
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut snapshot = Self {
            objects: Vec::new(),
            metadata: Vec::new(),
        };
        for row in rows {
            let kind = row.spec.kind();
            let api_version: Arc<str> = row.spec.api_version().into();
            let entry = |object: &Arc<StoredObject>| Entry {
                kind,
                api_version: Arc::clone(&api_version),
                object: Arc::clone(object),
            };
            if row.spec.is_metadata_only() {
                let metadata = row.objects().map(|object| (kind, Arc::clone(object)));
                snapshot.metadata.extend(metadata);
                snapshot.objects.extend(row.whole().map(entry));
            } else {
                snapshot.objects.extend(row.objects().map(entry));
            }
        }
        snapshot
    }

    /// All whole objects, as a plan takes them, in the order of the table, then of namespaces and
    /// names.
    pub fn objects(&self) -> Vec<RawObject<'_>> {
        self.objects_where(|_, _| true)
    }

    /// Those of them that are wanted; the others are not even parsed.
    pub fn objects_where(
        &self,
        is_wanted: impl Fn(Kind, &StoredObject) -> bool,
    ) -> Vec<RawObject<'_>> {
        self.objects
            .iter()
            .filter(|entry| is_wanted(entry.kind, &entry.object))
            .filter_map(|entry| {
                // What was kept is an object: its text was read once.
                let members: Members<'_> = serde_json::from_str(&entry.object.json).ok()?;
                RawObject::with_type(members, &entry.api_version, entry.kind.name())
            })
            .collect()
    }

    /// Of objects that are watched as metadata: all of a kind. Their text is a
    /// `PartialObjectMetadata`.
    pub fn metadata(&self, kind: Kind) -> impl Iterator<Item = &StoredObject> {
        let of_kind = self.metadata.iter().filter(move |(it, _)| *it == kind);
        of_kind.map(|(_, object)| &**object)
    }

    /// One whole object as it is kept.
    pub fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<&StoredObject> {
        let same = |entry: &&Entry| {
            entry.kind == kind
                && (&*entry.object.namespace, &*entry.object.name) == (namespace, name)
        };
        self.objects.iter().find(same).map(|entry| &*entry.object)
    }
}
