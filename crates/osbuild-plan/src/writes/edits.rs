//! Changes of labels, annotations and finalizers, as JSON Patches that test what they replace.

use openshift_model::{Edit, EditError};
use serde_json::{Value, json};

use super::member;

/// The metadata of an object, and the change to it.
pub(super) struct Metadata<'a> {
    object: &'a Value,
    edit: Edit,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self {
            object,
            edit: Edit::default(),
        }
    }

    pub(super) fn into_edit(self) -> Edit {
        self.edit
    }

    /// Sets one label or annotation.
    pub(super) fn set(&mut self, map: &str, key: &str, value: &str) -> Result<(), EditError> {
        let members = member(self.object, &["metadata", map]);
        if members.is_null() {
            let pointer = format!("/metadata/{map}");
            return self.edit.add(&pointer, &json!({key: value}));
        }
        let pointer = pointer(map, key);
        match member(members, &[key]).as_str() {
            Some(old) if old == value => Ok(()),
            Some(old) => self.edit.replace(&pointer, old, value),
            None => self.edit.add(&pointer, value),
        }
    }

    /// Removes one label or annotation, where it is there.
    pub(super) fn unset(&mut self, map: &str, key: &str) -> Result<(), EditError> {
        match member(self.object, &["metadata", map, key]).as_str() {
            Some(old) => self.edit.remove(&pointer(map, key), old),
            None => Ok(()),
        }
    }

    pub(super) fn add_finalizer(&mut self, finalizer: &str) -> Result<(), EditError> {
        match member(self.object, &["metadata", "finalizers"]).as_array() {
            Some(old) => {
                let mut new = old.clone();
                new.push(json!(finalizer));
                self.edit.replace("/metadata/finalizers", old, &new)
            }
            None => self.edit.add("/metadata/finalizers", &json!([finalizer])),
        }
    }

    pub(super) fn remove_finalizer(&mut self, finalizer: &str) -> Result<(), EditError> {
        let Some(old) = member(self.object, &["metadata", "finalizers"]).as_array() else {
            return Ok(());
        };
        let kept = old.iter().filter(|found| **found != json!(finalizer));
        let new: Vec<&Value> = kept.collect();
        self.edit.replace("/metadata/finalizers", old, &new)
    }
}

/// RFC 6901: `~` and `/` of a key are escaped.
fn pointer(map: &str, key: &str) -> String {
    let key = key.replace('~', "~0").replace('/', "~1");
    format!("/metadata/{map}/{key}")
}
