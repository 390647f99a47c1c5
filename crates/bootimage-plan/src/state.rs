//! What osimage itself keeps in a cluster: one ConfigMap, with a key for each purpose.

use openshift_model::{
    Address, Guard, Kind, PatchBody, PatchRequest, RawObject, ReadError, StringMap, Write,
};
use serde_json::{Map, Value};

use crate::{History, HistoryEntry};

/// The ConfigMap.
pub const STATE_CONFIG_MAP: &str = "osimage-boot-images";
/// Its namespace, unless somebody chose another one.
pub const STATE_NAMESPACE: &str = "osimage";
/// The key of what was written: a [`History`].
pub const HISTORY_KEY: &str = "history.json";
/// The key of who reverts what is written.
pub const HOT_LOOPS_KEY: &str = "hot-loops.json";
/// Who makes the ConfigMap. It owns no member of it, so that it takes nothing from anybody.
pub const STATE_FIELD_MANAGER: &str = "osimage-state";
/// Who writes the history: the same for every program, since they continue each other's.
pub const HISTORY_FIELD_MANAGER: &str = "osimage-history";

/// A history that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The ConfigMap is none.
    #[error("{0}")]
    ConfigMap(#[from] ReadError),
    /// The key holds something else.
    #[error("key {key} of ConfigMap {namespace}/{name}: {problem}")]
    Key {
        /// The key.
        key: &'static str,
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Name of the ConfigMap.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl History {
    /// The history in a state ConfigMap; the empty one where nothing was written yet.
    pub fn of_state(state: &RawObject<'_>) -> Result<Self, StateError> {
        let data: StringMap<'_> = state.view("data")?;
        let Some(text) = data.get(HISTORY_KEY) else {
            return Ok(Self::default());
        };
        serde_json::from_str(text).map_err(|error| StateError::Key {
            key: HISTORY_KEY,
            namespace: state.namespace.to_string(),
            name: state.name.to_string(),
            problem: error.to_string(),
        })
    }

    /// The request that writes the history into the state ConfigMap that was read, and nothing
    /// else of it: a history that somebody else has continued since is not overwritten.
    pub fn write(&self, state: &RawObject<'_>) -> Result<Write, StateError> {
        let meta = state.meta()?;
        let text = serde_json::to_value(self).unwrap_or_default().to_string();
        let data = Map::from_iter([(HISTORY_KEY.to_owned(), Value::String(text))]);
        let guard = Guard {
            uid: meta.uid.as_deref().map(str::to_owned),
            resource_version: meta.resource_version.as_deref().map(str::to_owned),
        };
        Ok(apply(
            &state.namespace,
            Some(data),
            guard,
            HISTORY_FIELD_MANAGER,
        ))
    }

    /// The history with more writes, each once.
    #[must_use]
    pub fn extended(self, entries: impl IntoIterator<Item = HistoryEntry>) -> Self {
        entries.into_iter().fold(self, Self::append)
    }
}

/// The request that makes an empty state ConfigMap, or leaves the one that is there as it is. The
/// answer is the ConfigMap in either case.
pub fn state_write(namespace: &str) -> Write {
    apply(namespace, None, Guard::default(), STATE_FIELD_MANAGER)
}

fn apply(
    namespace: &str,
    data: Option<Map<String, Value>>,
    guard: Guard,
    field_manager: &'static str,
) -> Write {
    let data = data.map(|data| ("data".to_owned(), Value::Object(data)));
    Write::Patch(PatchRequest {
        address: Address::of(Kind::ConfigMap, namespace, STATE_CONFIG_MAP),
        subresource: None,
        body: PatchBody::Apply {
            fields: data.into_iter().collect(),
            // The history has one owner, whatever program writes it; who edited it by hand loses it.
            force: true,
        },
        guard,
        field_manager: field_manager.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with<R>(data: &Value, run: impl FnOnce(&RawObject<'_>) -> R) -> R {
        let text = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "u",
            "name": STATE_CONFIG_MAP, "namespace": "osimage", "resourceVersion": "7"},
            "data": data})
        .to_string();
        run(&RawObject::parse(&text).unwrap().unwrap())
    }

    #[test]
    fn a_history_is_found_where_it_was_written() {
        let none = json!({});
        with(&none, |state| {
            assert_eq!(History::of_state(state), Ok(History::default()));
            let Write::Patch(request) = History::default().write(state).unwrap() else {
                panic!("no patch")
            };
            assert_eq!(
                request.document(),
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "osimage",
                    "name": STATE_CONFIG_MAP, "uid": "u", "resourceVersion": "7"},
                    "data": {"history.json": "[]"}})
            );
        });
    }

    #[test]
    fn what_somebody_broke_is_an_error_that_names_the_place() {
        for data in [json!({"history.json": "{"}), json!({"history.json": "[1]"})] {
            let error = with(&data, |state| History::of_state(state).unwrap_err());
            let text = error.to_string();
            assert!(
                text.contains("history.json of ConfigMap osimage/"),
                "{text}"
            );
        }
        assert!(with(&json!([]), |state| History::of_state(state).is_err()));
    }
}
