//! The edits that osimage makes: JSON Patches that test what they replace.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde::de::Error;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use serde_transcode::Transcoder;

/// BI-347: a change of one object: a JSON Patch (RFC 6902) in which every value that is replaced
/// or removed is tested first, so that it fails rather than overwrite what somebody else wrote.
///
/// Written and read as the list of operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit(Vec<Change>);

/// One change. In a patch it is two operations where there is an old value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    pointer: PointerBuf,
    /// What is tested for; `None` for a member that is added.
    old: Option<Json>,
    /// What is written; `None` for a member that is removed.
    new: Option<Json>,
}

/// One change of an [`Edit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedValue<'e> {
    /// JSON pointer to the value, from the root of the object.
    pub pointer: &'e str,
    /// What is tested for; `None` for a member that is added.
    pub old: Option<Value>,
    /// What is written; `None` for a member that is removed.
    pub new: Option<Value>,
}

/// JSON text without blanks, members in the order in which they were given. A plan holds thousands
/// of edits: a tree would take ten times the memory, and most of them are only written out again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Json(Box<str>);

/// An edit could not be made or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no JSON pointer (RFC 6901).
    #[error("{0:?} is not a JSON pointer")]
    Pointer(String),
    /// A test failed, or a pointer leads nowhere: the object is not the one the edit was made for.
    #[error("the edit does not fit the object: {0}")]
    DoesNotFit(String),
    /// What is to be replaced cannot be tested for: it nests too deep, or has a number that is too
    /// large.
    #[error("the old value at {pointer} cannot be tested for: {problem}")]
    OldValue {
        /// JSON pointer to it.
        pointer: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What is to be written is no JSON: the caller's bug.
    #[error("the new value at {pointer} cannot be written: {problem}")]
    NewValue {
        /// JSON pointer to it.
        pointer: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Edit {
    /// Replaces the value at a JSON pointer, after testing that it is still `old`.
    pub fn replace(
        &mut self,
        pointer: &str,
        old: &(impl Serialize + ?Sized),
        new: &(impl Serialize + ?Sized),
    ) -> Result<(), EditError> {
        let old = Json::of(old).map_err(|error| old_value(pointer, &error))?;
        self.push(pointer, Some(old), Some(new_value(pointer, new)?))
    }

    /// [`Edit::replace`] for a value that nobody has parsed.
    pub fn replace_raw(
        &mut self,
        pointer: &str,
        old: &RawValue,
        new: &(impl Serialize + ?Sized),
    ) -> Result<(), EditError> {
        let old = Json::of_raw(old).map_err(|error| old_value(pointer, &error))?;
        self.push(pointer, Some(old), Some(new_value(pointer, new)?))
    }

    /// Sets a member that the object does not have.
    pub fn add(
        &mut self,
        pointer: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), EditError> {
        self.push(pointer, None, Some(new_value(pointer, value)?))
    }

    /// Removes the value at a JSON pointer, after testing that it is still `old`.
    pub fn remove(
        &mut self,
        pointer: &str,
        old: &(impl Serialize + ?Sized),
    ) -> Result<(), EditError> {
        let old = Json::of(old).map_err(|error| old_value(pointer, &error))?;
        self.push(pointer, Some(old), None)
    }

    fn push(
        &mut self,
        pointer: &str,
        old: Option<Json>,
        new: Option<Json>,
    ) -> Result<(), EditError> {
        let pointer = PointerBuf::parse(pointer.to_owned())
            .map_err(|_| EditError::Pointer(pointer.to_owned()))?;
        // Most edits are one change, and a plan holds thousands of them.
        self.0.reserve_exact(1);
        self.0.push(Change { pointer, old, new });
        Ok(())
    }

    /// The edit that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let inverse = |change: &Change| Change {
            pointer: change.pointer.clone(),
            old: change.new.clone(),
            new: change.old.clone(),
        };
        Self(self.0.iter().rev().map(inverse).collect())
    }

    /// Whether the edit changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patch, for a client that sends it.
    pub fn patch(&self) -> Patch {
        Patch(self.0.iter().flat_map(Change::operations).collect())
    }

    /// The pointers whose values change.
    pub fn changed_pointers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|change| change.pointer.as_str())
    }

    /// What is changed, in order, for whoever checks an edit or shows it.
    pub fn changes(&self) -> impl Iterator<Item = EditedValue<'_>> {
        self.0.iter().map(|change| EditedValue {
            pointer: change.pointer.as_str(),
            old: change.old.as_ref().map(Json::value),
            new: change.new.as_ref().map(Json::value),
        })
    }

    /// Applies the edit to an object; leaves it as it was where the edit does not fit.
    pub fn apply(&self, object: &mut Value) -> Result<(), EditError> {
        json_patch::patch(object, &self.patch())
            .map_err(|error| EditError::DoesNotFit(error.to_string()))
    }

    /// BI-347: the same change as a JSON merge patch (RFC 7386) for `object`. Arrays are replaced
    /// whole, removed members are `null`.
    pub fn to_merge_patch(&self, object: &Value) -> Result<Value, EditError> {
        let mut edited = object.clone();
        self.apply(&mut edited)?;
        Ok(merge_difference(object, &edited).unwrap_or_else(|| Value::Object(Map::new())))
    }
}

fn old_value(pointer: &str, error: &serde_json::Error) -> EditError {
    EditError::OldValue {
        pointer: pointer.to_owned(),
        problem: error.to_string(),
    }
}

fn new_value(pointer: &str, value: &(impl Serialize + ?Sized)) -> Result<Json, EditError> {
    Json::of(value).map_err(|error| EditError::NewValue {
        pointer: pointer.to_owned(),
        problem: error.to_string(),
    })
}

impl Json {
    fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into_boxed_str()))
    }

    /// Of text that somebody else wrote. It becomes a tree on the way: that refuses what nobody
    /// could test for, and leaves the last of two members with the same name.
    fn of_raw(raw: &RawValue) -> Result<Self, serde_json::Error> {
        Self::of(&serde_json::from_str::<Value>(raw.get())?)
    }

    /// The tree; it was one, or could have become one, when the text was written.
    fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Transcoder::new(&mut serde_json::Deserializer::from_str(&self.0)).serialize(serializer)
    }
}

impl Change {
    fn operations(&self) -> impl Iterator<Item = PatchOperation> {
        let path = || self.pointer.clone();
        let test = self.old.as_ref().map(|old| TestOperation {
            path: path(),
            value: old.value(),
        });
        let change = match (&self.old, &self.new) {
            (Some(_), Some(new)) => PatchOperation::Replace(ReplaceOperation {
                path: path(),
                value: new.value(),
            }),
            (None, Some(new)) => PatchOperation::Add(AddOperation {
                path: path(),
                value: new.value(),
            }),
            (_, None) => PatchOperation::Remove(RemoveOperation { path: path() }),
        };
        test.map(PatchOperation::Test).into_iter().chain([change])
    }

    /// The same operations, without a tree.
    fn written(&self) -> impl Iterator<Item = Written<'_>> {
        let written = |op, value| Written {
            op,
            path: self.pointer.as_str(),
            value,
        };
        let test = self.old.as_ref().map(|old| written("test", Some(old)));
        let op = match (&self.old, &self.new) {
            (Some(_), Some(_)) => "replace",
            (None, Some(_)) => "add",
            (_, None) => "remove",
        };
        test.into_iter().chain([written(op, self.new.as_ref())])
    }
}

/// An operation as it is written.
struct Written<'e> {
    op: &'static str,
    path: &'e str,
    value: Option<&'e Json>,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("op", self.op)?;
        members.serialize_entry("path", self.path)?;
        if let Some(value) = self.value {
            members.serialize_entry("value", value)?;
        }
        members.end()
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().flat_map(Change::written))
    }
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut edit = Self::default();
        let mut tested: Option<TestOperation> = None;
        for operation in Patch::deserialize(deserializer)?.0 {
            let pointer = operation.path().to_buf();
            let old = tested
                .take()
                .filter(|test| test.path == pointer)
                .map(|test| test.value);
            let json = |value: Value| Json::of(&value).map_err(D::Error::custom);
            let new = match operation {
                PatchOperation::Test(test) => {
                    tested = Some(test);
                    continue;
                }
                PatchOperation::Replace(replace) if old.is_some() => Some(replace.value),
                PatchOperation::Add(add) if old.is_none() => Some(add.value),
                PatchOperation::Remove(_) if old.is_some() => None,
                other => {
                    return Err(D::Error::custom(format!(
                        "an operation at {} that is none of ours: every value that is replaced or \
                         removed is tested first",
                        other.path()
                    )));
                }
            };
            edit.0.push(Change {
                pointer,
                old: old.map(json).transpose()?,
                new: new.map(json).transpose()?,
            });
        }
        match tested {
            None => Ok(edit),
            Some(test) => Err(D::Error::custom(format!(
                "a test at {} and nothing behind it",
                test.path
            ))),
        }
    }
}

/// The merge patch from `old` to `new`; `None` where they are equal. Recursion ends where the
/// values stop being objects on both sides, as deep as the edited pointer.
fn merge_difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => {
                if let Some(difference) = merge_difference(before, value) {
                    patch.insert(key.clone(), difference);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bi_347_an_edit_tests_what_it_replaces() {
        let mut edit = Edit::default();
        edit.replace("/a/0/b", "old", "new").unwrap();
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            json!([
                {"op": "test", "path": "/a/0/b", "value": "old"},
                {"op": "replace", "path": "/a/0/b", "value": "new"},
            ])
        );
        let mut object = json!({"a": [{"b": "old", "c": 1}], "d": 2});
        edit.apply(&mut object).unwrap();
        assert_eq!(object, json!({"a": [{"b": "new", "c": 1}], "d": 2}));
        let before = object.clone();
        assert!(matches!(
            edit.apply(&mut object),
            Err(EditError::DoesNotFit(_))
        ));
        assert_eq!(object, before);
        assert_eq!(edit.changed_pointers().collect::<Vec<_>>(), ["/a/0/b"]);
    }

    #[test]
    fn bi_347_an_old_value_that_cannot_be_tested_for_is_an_error() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let raw: &RawValue = serde_json::from_str(&deep).unwrap();
        let mut edit = Edit::default();
        let error = edit.replace_raw("/a", raw, &1).unwrap_err();
        assert!(matches!(error, EditError::OldValue { .. }), "{error}");
        assert!(edit.is_empty());
    }

    #[test]
    fn bi_347_of_a_member_that_is_written_twice_the_last_one_is_tested_for() {
        let raw: &RawValue = serde_json::from_str(r#"{ "id": 1, "b": 1.50, "id": 2 }"#).unwrap();
        let mut edit = Edit::default();
        edit.replace_raw("/a", raw, "new").unwrap();
        let text = serde_json::to_string(&edit).unwrap();
        assert!(text.contains(r#""value":{"id":2,"b":1.5}}"#), "{text}");
    }

    #[test]
    fn bi_347_an_edit_becomes_a_merge_patch() {
        let object = json!({"ami": {"id": "old", "arn": "x"}, "disks": [{"image": "a"}], "k": 1});
        let mut edit = Edit::default();
        edit.replace("/disks/0/image", "a", "b").unwrap();
        edit.replace("/ami", &object["ami"], &json!({"id": "new"}))
            .unwrap();
        assert_eq!(
            edit.to_merge_patch(&object).unwrap(),
            json!({"ami": {"id": "new", "arn": null}, "disks": [{"image": "b"}]})
        );
        assert_eq!(Edit::default().to_merge_patch(&object).unwrap(), json!({}));
    }

    #[test]
    fn an_edit_is_read_as_it_was_written_and_nothing_else_is() {
        let mut edit = Edit::default();
        edit.replace("/a", &1, &2).unwrap();
        edit.add("/b", &3).unwrap();
        edit.remove("/c", &4).unwrap();
        let text = serde_json::to_string(&edit).unwrap();
        assert_eq!(serde_json::from_str::<Edit>(&text).unwrap(), edit);
        for wrong in [
            json!([{"op": "replace", "path": "/a", "value": 1}]),
            json!([{"op": "remove", "path": "/a"}]),
            json!([{"op": "test", "path": "/a", "value": 1}]),
            json!([{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/b"}]),
            json!([{"op": "move", "from": "/a", "path": "/b"}]),
            json!({}),
        ] {
            assert!(
                serde_json::from_value::<Edit>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        let error = Edit::default().add("a/b", &Value::Null).unwrap_err();
        assert_eq!(error.to_string(), "\"a/b\" is not a JSON pointer");
    }
}
