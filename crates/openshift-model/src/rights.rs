//! What a role allows, as data: made from the tables of what is read and written.

use crate::{Kind, Read, Resource, Subresource};

/// One rule of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Where it holds; empty: in the whole cluster.
    pub namespace: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// Plural, with a subresource behind a slash.
    pub resource: String,
    /// The objects to which it is limited; none: it is not limited.
    pub names: Vec<&'static str>,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// What for, as a sentence.
    pub why: &'static str,
}

impl Right {
    /// A right to all objects of a resource.
    pub fn new(
        namespace: &'static str,
        resource: Resource,
        verbs: &'static [&'static str],
        why: &'static str,
    ) -> Self {
        Self {
            namespace,
            group: resource.group,
            resource: resource.plural.to_owned(),
            names: Vec::new(),
            verbs,
            why,
        }
    }

    /// What a program needs for a read that it makes once.
    pub fn of_read_once(read: &Read) -> Self {
        Self::of_read(read, read.once_verbs())
    }

    /// What a program needs for a read that it keeps watching.
    pub fn of_watch(read: &Read) -> Self {
        Self::of_read(read, read.watch_verbs())
    }

    fn of_read(read: &Read, verbs: &'static [&'static str]) -> Self {
        let right = Self::new(read.namespace, read.resource(), verbs, read.why);
        right.limited_to(read.resource_names())
    }

    /// A right to write objects of a kind that is read as well.
    pub fn of_write(
        kind: Kind,
        namespace: &'static str,
        verbs: &'static [&'static str],
        why: &'static str,
    ) -> Self {
        Self::new(namespace, kind.resource(), verbs, why)
    }

    /// What a controller needs to serve metrics to nobody but whom the API server allows it.
    pub fn of_metrics() -> [Self; 2] {
        let why = "who reads metrics is asked for a token, which the API server checks";
        let token = Self::new("", Resource::TOKEN_REVIEWS, &["create"], why);
        let why = "whether they may read metrics";
        let access = Self::new("", Resource::SUBJECT_ACCESS_REVIEWS, &["create"], why);
        [token, access]
    }

    /// What a controller needs so that one of its replicas writes.
    pub fn of_lease(namespace: &'static str, name: &'static str) -> [Self; 2] {
        let lease = |verbs, why| Self::new(namespace, Resource::LEASES, verbs, why);
        let held = lease(&["get", "patch"], "which replica writes").limited_to(&[name]);
        let why = "the Lease is made once; a role cannot limit that to a name";
        [held, lease(&["create"], why)]
    }

    /// The same right, to objects of these names alone.
    #[must_use]
    pub fn limited_to(mut self, names: &[&'static str]) -> Self {
        self.names = names.to_vec();
        self
    }

    /// The same right, to a part of the objects that the API serves on its own.
    #[must_use]
    pub fn part(mut self, part: Subresource) -> Self {
        self.resource = format!("{}/{}", self.resource, part.name());
        self
    }
}
