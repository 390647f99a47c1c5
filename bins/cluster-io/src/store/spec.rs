//! What is watched: one row of the table of reads as requests.

use std::time::Duration;

use openshift_model::{Form, Kind, Read, Verb, Which, raw_json};

use super::object::StoredObject;
use crate::cluster::path;

/// One watch: which objects, and how much of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSpec {
    kind: Kind,
    api_version: String,
    /// Where the objects are in the API.
    path: String,
    namespace: &'static str,
    which: Selection,
    metadata_only: bool,
    required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    All,
    Named(&'static str),
    Labelled(&'static str),
}

impl WatchSpec {
    /// What is watched for a row of the table. `None` for a row that is read by name when it is
    /// needed, and for Secrets: those are never watched, whatever a table says.
    ///
    /// A row for one platform is watched on all of them: which one it is is known only once the
    /// cluster has been read.
    pub fn of(read: &Read) -> Option<Self> {
        let which = match read.which {
            Which::All => Selection::All,
            Which::Named(name) => Selection::Named(name),
            Which::Labelled(label) => Selection::Labelled(label),
            Which::NamedBy { .. } if read.form == Form::Metadata => Selection::All,
            Which::NamedBy { .. } => return None,
        };
        if read.verb != Verb::Watch || read.kind == Kind::Secret {
            return None;
        }
        let resource = read.resource();
        let api_version = resource.api_version();
        Some(Self {
            kind: read.kind,
            path: path::collection(&resource, read.namespace),
            api_version,
            namespace: read.namespace,
            which,
            metadata_only: read.form == Form::Metadata,
            required: read.required,
        })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn api_version(&self) -> &str {
        &self.api_version
    }

    pub(super) fn is_metadata_only(&self) -> bool {
        self.metadata_only
    }

    pub(super) fn is_required(&self) -> bool {
        self.required
    }

    /// Whether a change of the status alone is news. That of machine resources changes with every
    /// machine, and no rule looks at it.
    pub(super) fn status_counts(&self) -> bool {
        !matches!(self.kind, Kind::MachineSet | Kind::ControlPlaneMachineSet)
    }

    /// Whether an object of the kind is one that is watched.
    pub(super) fn takes(&self, object: &StoredObject) -> bool {
        let selected = match self.which {
            Selection::All => true,
            Selection::Named(name) => &*object.name == name,
            Selection::Labelled(label) => {
                let labels = raw_json::member(&object.json, "metadata")
                    .and_then(|metadata| raw_json::member(metadata, "labels"));
                labels.is_some_and(|labels| raw_json::member(labels, label).is_some())
            }
        };
        let somewhere = self.namespace.is_empty() || &*object.namespace == self.namespace;
        selected && somewhere && !self.metadata_only
    }

    pub(super) fn list_uri(&self, size: usize, token: &str) -> String {
        let from = match token {
            "" => String::new(),
            token => format!("&continue={}", escaped(token)),
        };
        format!("{}?limit={size}{}{from}", self.path, self.selector())
    }

    pub(super) fn watch_uri(&self, version: &str, lifetime: Duration) -> String {
        format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}{}",
            self.path,
            lifetime.as_secs(),
            escaped(version),
            self.selector()
        )
    }

    /// One object of those that are watched.
    pub(super) fn object_uri(&self, name: &str) -> String {
        format!("{}/{}", self.path, escaped(name))
    }

    fn selector(&self) -> String {
        match self.which {
            Selection::All => String::new(),
            Selection::Named(name) => {
                format!(
                    "&fieldSelector={}",
                    escaped(&format!("metadata.name={name}"))
                )
            }
            Selection::Labelled(label) => format!("&labelSelector={}", escaped(label)),
        }
    }

    pub(super) fn media_type(&self) -> &'static str {
        if self.metadata_only {
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        } else {
            super::request::JSON
        }
    }

    pub(super) fn list_media_type(&self) -> &'static str {
        if self.metadata_only {
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        } else {
            super::request::JSON
        }
    }
}

/// As it stands in a path or a query.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, namespace: &'static str, which: Which) -> Read {
        Read::new(kind, namespace, which, Verb::Watch, "for a test")
    }

    #[test]
    fn a_row_becomes_requests() {
        for (row, list) in [
            (
                read(Kind::MachineSet, "n", Which::All),
                "/apis/machine.openshift.io/v1beta1/namespaces/n/machinesets?limit=5",
            ),
            (
                read(Kind::ConfigMap, "n", Which::Named("a")),
                "/api/v1/namespaces/n/configmaps?limit=5&fieldSelector=metadata.name%3Da",
            ),
            (
                read(Kind::Node, "", Which::Labelled("x/y")),
                "/api/v1/nodes?limit=5&labelSelector=x%2Fy",
            ),
        ] {
            let spec = WatchSpec::of(&row).unwrap();
            assert_eq!(spec.list_uri(5, ""), list);
            assert_eq!(spec.list_uri(5, "a=b"), format!("{list}&continue=a%3Db"));
        }
        let spec = WatchSpec::of(&read(Kind::Node, "", Which::All)).unwrap();
        assert_eq!(
            spec.watch_uri("7", Duration::from_secs(9)),
            "/api/v1/nodes?watch=true&allowWatchBookmarks=true&timeoutSeconds=9&resourceVersion=7"
        );
    }

    #[test]
    fn secrets_are_never_watched_and_reads_by_name_are_not_either() {
        assert_eq!(WatchSpec::of(&read(Kind::Secret, "n", Which::All)), None);
        let by_name = Read::new(Kind::Node, "", Which::All, Verb::Get, "for a test");
        assert_eq!(WatchSpec::of(&by_name), None);
    }

    #[test]
    fn an_answer_goes_where_it_is_watched() {
        let object =
            StoredObject::read(r#"{"metadata":{"name":"a","namespace":"n","labels":{"x/y":""}}}"#)
                .unwrap();
        for (which, namespace, expected) in [
            (Which::All, "n", true),
            (Which::All, "other", false),
            (Which::Named("a"), "n", true),
            (Which::Named("b"), "n", false),
            (Which::Labelled("x/y"), "n", true),
            (Which::Labelled("z"), "n", false),
        ] {
            let spec = WatchSpec::of(&read(Kind::ConfigMap, namespace, which)).unwrap();
            assert_eq!(spec.takes(&object), expected, "{which:?} {namespace}");
        }
    }
}
