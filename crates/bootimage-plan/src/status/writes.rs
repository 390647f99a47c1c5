//! The requests that write a status.

use bootimage_status::upsert;
use openshift_model::{
    Address, Edit, EditError, Guard, Kind, MachineConfiguration, PatchBody, PatchRequest,
    RawObject, RawValue, ReadError, Subresource, Write, names, raw_json,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::ClusterStatus;

/// Who writes the status of MachineConfiguration.
pub const STATUS_FIELD_MANAGER: &str = "osimage-boot-images-status";

/// A status could not be made into requests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// MachineConfiguration cannot be read.
    #[error("the status of MachineConfiguration cannot be read")]
    Read(#[source] ReadError),
    /// What stands in the status cannot be tested for.
    #[error("the status of MachineConfiguration cannot be edited")]
    Edit(#[source] EditError),
}

impl ClusterStatus {
    /// BI-054, BI-188, W-02: the requests that make MachineConfiguration say this; none where it
    /// says so already (BI-187). `now` is RFC 3339.
    ///
    /// They are JSON Patches that test each member that they replace, and the object's
    /// resourceVersion: nobody's fields are overwritten, and members of the status that are not
    /// known here survive. (Server-side apply would have to take the conditions over from whoever
    /// wrote them with an update before, by force.) Where the annotation BI-020 is written as well,
    /// it comes first, and the second request tests the uid and the old values alone.
    pub fn writes(&self, live: &RawObject<'_>, now: &str) -> Result<Vec<Write>, StatusError> {
        let configuration = MachineConfiguration::read(live).map_err(StatusError::Read)?;
        let meta = &configuration.meta;
        let text = |text: &Option<openshift_model::Text<'_>>| text.as_deref().map(str::to_owned);
        let mut guard = Guard {
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
        };
        let mut writes = Vec::new();
        if self.opt_in && meta.annotation(names::OPT_IN_ANNOTATION).is_none() {
            let edit = annotation(meta.annotations.is_some(), now).map_err(StatusError::Edit)?;
            writes.push(patch(edit, None, guard.clone()));
            guard.resource_version = None;
        }
        let edit = self.edit(live, meta.generation, now)?;
        if !edit.is_empty() {
            writes.push(patch(edit, Some(Subresource::Status), guard));
        }
        Ok(writes)
    }

    fn edit(
        &self,
        live: &RawObject<'_>,
        generation: Option<i64>,
        now: &str,
    ) -> Result<Edit, StatusError> {
        let existing = live.condition_documents().map_err(StatusError::Read)?;
        let conditions = upsert(self.profile, existing, &self.conditions, now);
        let status = live.member("status").map(RawValue::get);
        let status = status.filter(|text| *text != "null");
        let mut members = Map::new();
        if conditions.changed {
            members.insert("conditions".to_owned(), Value::Array(conditions.list));
        }
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        // BI-063: where nothing is said, what is there stays.
        let managed = self.managed.as_ref();
        let managed = managed.filter(|managed| managed.machine_managers.is_some());
        set("managedBootImagesStatus", tree(managed));
        set("bootImageSkewEnforcementStatus", tree(self.skew.as_ref()));
        // BI-053: the configuration was taken in, where this is the status that follows from it.
        let observed = generation.filter(|_| self.managed.is_some());
        set("observedGeneration", observed.map(Value::from));
        let mut edit = Edit::default();
        let edited = match status {
            None if members.is_empty() => Ok(()),
            None => edit.add("/status", &members),
            Some(status) => members.iter().try_for_each(|(name, new)| {
                let old = raw_json::member(status, name)
                    .and_then(|text| serde_json::from_str::<Value>(text).ok());
                let pointer = format!("/status/{name}");
                match old {
                    Some(old) if old == *new => Ok(()),
                    Some(old) => edit.replace(&pointer, &old, new),
                    None => edit.add(&pointer, new),
                }
            }),
        };
        edited.map_err(StatusError::Edit)?;
        Ok(edit)
    }
}

/// A value of the model as a tree.
fn tree(value: Option<&impl Serialize>) -> Option<Value> {
    value.and_then(|value| serde_json::to_value(value).ok())
}

/// BI-020: when the default took the cluster in.
fn annotation(has_annotations: bool, now: &str) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    if has_annotations {
        let key = names::OPT_IN_ANNOTATION
            .replace('~', "~0")
            .replace('/', "~1");
        edit.add(&format!("/metadata/annotations/{key}"), now)?;
    } else {
        let annotations = Map::from_iter([(names::OPT_IN_ANNOTATION.to_owned(), now.into())]);
        edit.add("/metadata/annotations", &annotations)?;
    }
    Ok(edit)
}

fn patch(edit: Edit, subresource: Option<Subresource>, guard: Guard) -> Write {
    Write::Patch(PatchRequest {
        address: Address {
            resource: Kind::MachineConfiguration.resource(),
            namespace: String::new(),
            name: names::CLUSTER.to_owned(),
        },
        subresource,
        body: PatchBody::Json(edit),
        guard,
        field_manager: STATUS_FIELD_MANAGER.into(),
    })
}
