//! From a step of a decision to requests and events.

mod edits;
mod events;

use mosb_naming::{MosbName, keys};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Address, CreateRequest, DeleteRequest, Edit, EditError, Guard, Kind, PatchBody, PatchRequest,
    Resource, Scope, Subresource, TransitionTime, WantedCondition, Write, upsert_condition,
};
use osbuild_check::{BuildState, Failure, seeded_conditions, seeded_config_condition};
use serde_json::{Map, Value, json};

use crate::config_condition::ConfigCondition;
use crate::content::CONTENT_DIGEST;
use crate::decide::{Action, ObjectRef, Trigger};
use crate::objects::{BuildObjects, config_status};
use crate::pool_condition::PoolCondition;
use edits::Metadata;
pub(crate) use events::{of_failure, of_operator};

/// IL-774: finalizer of a MachineOSBuild: its image is dealt with before it goes.
pub const FINALIZER: &str = "osimage.dev/image";
/// IL-750: annotation of a MachineOSBuild: why it was made.
pub const TRIGGER: &str = "osimage.dev/trigger";
/// Who writes, as `managedFields` names it.
pub const FIELD_MANAGER: &str = "machine-os-builder";
/// Who reports events.
pub const REPORTER: &str = "machineconfiguration.openshift.io/machine-os-builder";

/// The objects that requests are made for, as they were read.
#[derive(Debug, Clone, Copy)]
pub struct WriteInputs<'a> {
    /// RFC 3339 in seconds, in UTC.
    pub now: &'a str,
    /// The MachineOSConfig.
    pub config: &'a Value,
    /// Its builds.
    pub builds: &'a [Value],
    /// The pool.
    pub pool: Option<&'a Value>,
    /// The MachineOSBuild that would be created ([`crate::new_build`]).
    pub new_build: Option<&'a Value>,
    /// What a build creates, for [`Action::Start`].
    pub objects: Option<&'a BuildObjects>,
    /// Names of pods and their logs, for [`Action::KeepLog`].
    pub logs: &'a [(String, String)],
}

/// A step cannot be written: the caller did not give what it is made of, or an object changed its
/// shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WritesError {
    /// Something that the step needs was not given.
    #[error("{what} was not read: read it, and decide again")]
    Missing {
        /// What is missing.
        what: String,
    },
    /// A change cannot be expressed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// IL-775: the requests of one step, in order, and the events that tell of it (§5.11). Deleting an
/// image is no request to an API server, and is none here.
pub fn writes(action: &Action, inputs: &WriteInputs<'_>) -> Result<Vec<Write>, WritesError> {
    let mut writes = requests(action, inputs)?;
    writes.extend(events::of(action, inputs).into_iter().map(Write::Event));
    Ok(writes)
}

fn requests(action: &Action, inputs: &WriteInputs<'_>) -> Result<Vec<Write>, WritesError> {
    let one = |write| Ok(vec![write]);
    match action {
        Action::CreateBuild {
            content,
            trigger,
            is_seeded,
            ..
        } => one(inputs.create(content, trigger, *is_seeded)?),
        Action::AddFinalizer { build } => {
            let mut metadata = inputs.metadata_of(build)?;
            metadata.add_finalizer(FINALIZER)?;
            one(build_patch(build, metadata))
        }
        Action::RemoveFinalizer { build, .. } => {
            let mut metadata = inputs.metadata_of(build)?;
            metadata.remove_finalizer(FINALIZER)?;
            one(build_patch(build, metadata))
        }
        Action::SetPreBuiltLabel { build } => {
            let mut metadata = inputs.metadata_of(build)?;
            metadata.set("labels", keys::PRE_BUILT_IMAGE, "true")?;
            one(build_patch(build, metadata))
        }
        Action::SetJobUid { build, job } => {
            let mut metadata = inputs.metadata_of(build)?;
            metadata.set("annotations", keys::JOB_UID, job)?;
            one(build_patch(build, metadata))
        }
        Action::SetRebuildTrigger { build } => {
            let mut metadata = inputs.metadata_of(build)?;
            metadata.set("annotations", TRIGGER, &Trigger::Rebuild.to_string())?;
            one(build_patch(build, metadata))
        }
        Action::Seed { build, image } => one(inputs.seed(build, image)),
        Action::ReuseImage { build, image } => {
            let conditions = inputs.build_conditions(build, BuildState::Succeeded, None)?;
            let status = json!({"conditions": conditions, "digestedImagePushSpec": image});
            one(build_status(build, status))
        }
        Action::SetState {
            build,
            state,
            image,
            failure,
        } => one(inputs.state(build, *state, image.as_deref(), failure.as_ref())?),
        Action::SetCurrentBuild { build } => {
            let mut metadata = Metadata::of(inputs.config);
            metadata.set("annotations", keys::CURRENT_BUILD, build)?;
            metadata.unset("annotations", keys::REBUILD)?;
            one(inputs.config_patch(metadata))
        }
        Action::RemovePreBuiltImage => {
            let mut metadata = Metadata::of(inputs.config);
            metadata.unset("annotations", keys::PRE_BUILT_IMAGE)?;
            one(inputs.config_patch(metadata))
        }
        Action::SetCurrentImage { build, image } => {
            let name = MosbName::existing(build).map_err(|error| WritesError::Missing {
                what: error.to_string(),
            })?;
            one(inputs.config_status(inputs.taken(&name, image)))
        }
        Action::SetConfigConditions(conditions) => {
            let conditions = inputs.config_conditions(conditions);
            let status = json!({
                "conditions": conditions,
                "observedGeneration": inputs.generation(),
            });
            one(inputs.config_status(status))
        }
        Action::SetPoolCondition(condition) => inputs.pool_condition(condition),
        Action::Start { .. } => inputs.start(),
        Action::WriteDigest { build, digest } => one(inputs.digest(build, digest)?),
        Action::DeleteBuild { build } => one(Write::Delete(DeleteRequest {
            address: build_address(build),
            guard: uid_of(&build.uid),
        })),
        Action::CleanUp { build, job, inputs } => Ok(clean_up(build, job, inputs)),
        Action::StopJob { build, job } => one(stop(build, job)?),
        Action::KeepLog { build, .. } => one(inputs.log(build)?),
        Action::DeleteImage { .. } => Ok(Vec::new()),
    }
}

const JOBS: Resource = Kind::Job.resource();

fn job_name(build: &ObjectRef) -> String {
    format!("build-{}", build.name)
}

fn clean_up(build: &ObjectRef, job: &str, inputs: &[(Kind, ObjectRef)]) -> Vec<Write> {
    let delete = |resource, name: &str, uid: &str| {
        Write::Delete(DeleteRequest {
            address: address(resource, name),
            guard: uid_of(uid),
        })
    };
    let inputs = inputs.iter();
    let deletes = inputs.map(|(kind, object)| delete(kind.resource(), &object.name, &object.uid));
    deletes
        .chain([delete(JOBS, &job_name(build), job)])
        .collect()
}

/// A Job that is suspended makes no pods, and those that run are stopped.
fn stop(build: &ObjectRef, job: &str) -> Result<Write, WritesError> {
    let mut edit = Edit::default();
    edit.add("/spec/suspend", &true)?;
    Ok(Write::Patch(PatchRequest {
        address: address(JOBS, &job_name(build)),
        subresource: None,
        body: PatchBody::Json(edit),
        guard: uid_of(job),
        field_manager: FIELD_MANAGER.into(),
    }))
}

fn address(resource: Resource, name: &str) -> Address {
    let namespace = match resource.scope {
        Scope::Namespaced => MCO_NAMESPACE,
        Scope::Cluster => "",
    };
    Address {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn build_address(build: &ObjectRef) -> Address {
    address(Kind::MachineOSBuild.resource(), &build.name)
}

/// IL-771: the object that was looked at, whatever became of it since: a delete needs no version.
fn uid_of(uid: &str) -> Guard {
    Guard {
        uid: Some(uid.to_owned()),
        resource_version: None,
    }
}

/// IL-771: the object as it was looked at.
fn guard(object: &ObjectRef) -> Guard {
    Guard {
        uid: Some(object.uid.clone()),
        resource_version: Some(object.resource_version.clone()),
    }
}

fn build_patch(build: &ObjectRef, metadata: Metadata<'_>) -> Write {
    Write::Patch(PatchRequest {
        address: build_address(build),
        subresource: None,
        body: PatchBody::Json(metadata.into_edit()),
        guard: guard(build),
        field_manager: FIELD_MANAGER.into(),
    })
}

/// A status is applied: our fields of it, whoever wrote them before.
fn status_patch(address: Address, guard: Guard, status: Value) -> Write {
    Write::Patch(PatchRequest {
        address,
        subresource: Some(Subresource::Status),
        body: PatchBody::Apply {
            fields: Map::from_iter([("status".to_owned(), status)]),
            force: true,
        },
        guard,
        field_manager: FIELD_MANAGER.into(),
    })
}

fn build_status(build: &ObjectRef, status: Value) -> Write {
    status_patch(build_address(build), guard(build), status)
}

impl WriteInputs<'_> {
    fn build(&self, build: &ObjectRef) -> Result<&Value, WritesError> {
        let mut builds = self.builds.iter();
        let found = builds.find(|found| member(found, &["metadata", "uid"]) == build.uid.as_str());
        found.ok_or_else(|| WritesError::Missing {
            what: format!("MachineOSBuild {}", build.name),
        })
    }

    fn metadata_of(&self, build: &ObjectRef) -> Result<Metadata<'_>, WritesError> {
        Ok(Metadata::of(self.build(build)?))
    }

    fn config_ref(&self) -> ObjectRef {
        let text = |name: &str| {
            let text = member(self.config, &["metadata", name]).as_str();
            text.unwrap_or_default().to_owned()
        };
        ObjectRef {
            name: text("name"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
        }
    }

    fn generation(&self) -> i64 {
        member(self.config, &["metadata", "generation"])
            .as_i64()
            .unwrap_or_default()
    }

    fn config_address(&self) -> Address {
        address(Kind::MachineOSConfig.resource(), &self.config_ref().name)
    }

    fn config_patch(&self, metadata: Metadata<'_>) -> Write {
        Write::Patch(PatchRequest {
            address: self.config_address(),
            subresource: None,
            body: PatchBody::Json(metadata.into_edit()),
            guard: guard(&self.config_ref()),
            field_manager: FIELD_MANAGER.into(),
        })
    }

    /// What the status has besides, e.g. the image, stays: fields that are applied are merged with
    /// those that are there, under the same manager all of them are named.
    fn config_status(&self, change: Value) -> Write {
        let mut status = member(self.config, &["status"])
            .as_object()
            .cloned()
            .unwrap_or_default();
        if let Value::Object(change) = change {
            status.extend(change);
        }
        status_patch(
            self.config_address(),
            guard(&self.config_ref()),
            Value::Object(status),
        )
    }

    /// IL-360, IL-372: the status of a MachineOSConfig that takes over an image.
    fn taken(&self, build: &MosbName, image: &str) -> Value {
        let mut status = config_status(build, image, self.generation());
        let name = build.as_str();
        let mut builds = self.builds.iter();
        let found = builds.find(|found| member(found, &["metadata", "name"]) == name);
        let labels = found.map(|found| member(found, &["metadata", "labels"]));
        let is_seeded =
            labels.is_some_and(|labels| member(labels, &[keys::PRE_BUILT_IMAGE]) == "true");
        if is_seeded && let Some(members) = status.as_object_mut() {
            let seeded = seeded_config_condition(image, self.now);
            let current = member(self.config, &["status", "conditions"])
                .as_array()
                .cloned();
            let mut conditions = current.unwrap_or_default();
            conditions
                .retain(|condition| member(condition, &["type"]) != member(&seeded, &["type"]));
            conditions.push(seeded);
            members.insert("conditions".to_owned(), Value::Array(conditions));
        }
        status
    }

    /// IL-131, IL-750, IL-770: the build that should be.
    fn create(
        &self,
        content: &str,
        trigger: &Trigger,
        is_seeded: bool,
    ) -> Result<Write, WritesError> {
        let missing = || WritesError::Missing {
            what: "the MachineOSBuild that is to be created".to_owned(),
        };
        let mut object = self.new_build.ok_or_else(missing)?.clone();
        let config = self.config_ref();
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or_else(missing)?;
        metadata.insert(
            "ownerReferences".to_owned(),
            json!([{
                "apiVersion": openshift_model::V1,
                "kind": "MachineOSConfig",
                "name": config.name,
                "uid": config.uid,
                "controller": true,
                "blockOwnerDeletion": true,
            }]),
        );
        if let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") {
            finalizers.push(json!(FINALIZER));
        }
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.insert(CONTENT_DIGEST.to_owned(), json!(content));
            annotations.insert(TRIGGER.to_owned(), json!(trigger.to_string()));
        }
        if is_seeded {
            if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
                let key = keys::PRE_BUILT_IMAGE.to_owned();
                labels.insert(key, json!("true"));
            }
            // IL-371: the image has the tag that its author gave it.
            let push_spec = member(self.config, &["spec", "renderedImagePushSpec"]).clone();
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                spec.insert("renderedImagePushSpec".to_owned(), push_spec);
            }
        }
        let name = member(&object, &["metadata", "name"])
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(Write::Create(CreateRequest {
            address: address(Kind::MachineOSBuild.resource(), &name),
            object,
            field_manager: FIELD_MANAGER.into(),
        }))
    }

    /// IL-371: the status of a build that stands for an image that was built before.
    fn seed(&self, build: &ObjectRef, image: &str) -> Write {
        let status = json!({
            "conditions": seeded_conditions(image, self.now),
            "digestedImagePushSpec": image,
            "buildStart": self.now,
            "buildEnd": osbuild_check::second_after(self.now),
        });
        build_status(build, status)
    }

    /// IL-020, IL-022, IL-777: the conditions of a build that is in a state now, with its failure.
    fn build_conditions(
        &self,
        build: &ObjectRef,
        state: BuildState,
        failure: Option<&Failure>,
    ) -> Result<Vec<Value>, WritesError> {
        let current = member(self.build(build)?, &["status", "conditions"]).as_array();
        let current = current.cloned().unwrap_or_default();
        let mut conditions = osbuild_check::conditions(state, current, self.now);
        let failed = BuildState::Failed.name();
        let mut found = conditions.iter_mut();
        if let (Some(failure), Some(Value::Object(condition))) = (
            failure,
            found.find(|condition| member(condition, &["type"]) == failed),
        ) {
            condition.insert("message".to_owned(), json!(failure.to_string()));
        }
        Ok(conditions)
    }

    /// IL-026: the status of a build in a state.
    fn state(
        &self,
        build: &ObjectRef,
        state: BuildState,
        image: Option<&str>,
        failure: Option<&Failure>,
    ) -> Result<Write, WritesError> {
        let conditions = self.build_conditions(build, state, failure)?;
        let current = member(self.build(build)?, &["status"]);
        let start = member(current, &["buildStart"])
            .as_str()
            .unwrap_or(self.now);
        // IL-720: a build never ends in the second in which it started.
        let end = if start < self.now {
            Some(self.now.to_owned())
        } else {
            osbuild_check::second_after(start)
        };
        let mut status = json!({
            "conditions": conditions,
            "buildStart": start,
            "builder": {"imageBuilderType": "Job", "job": {
                "group": "batch",
                "resource": "jobs",
                "namespace": MCO_NAMESPACE,
                "name": job_name(build),
            }},
        });
        if let Some(members) = status.as_object_mut() {
            let end = member(current, &["buildEnd"])
                .as_str()
                .map(str::to_owned)
                .or(end);
            if let Some(end) = end.filter(|_| state.is_terminal()) {
                members.insert("buildEnd".to_owned(), json!(end));
            }
            if let Some(image) = image {
                members.insert("digestedImagePushSpec".to_owned(), json!(image));
            }
        }
        Ok(build_status(build, status))
    }

    /// IL-732: our conditions among those of others.
    fn config_conditions(&self, wanted: &[ConfigCondition]) -> Vec<Value> {
        let current = member(self.config, &["status", "conditions"]).as_array();
        let mut conditions = current.cloned().unwrap_or_default();
        for condition in wanted {
            let wanted = WantedCondition {
                kind: condition.kind,
                status: condition.is_true,
                reason: condition.reason,
                message: &condition.message,
            };
            upsert_condition(&mut conditions, &wanted, TransitionTime::OnStatus, self.now);
        }
        conditions
    }

    /// IL-365: the condition of the pool; conditions of others stay theirs, so the list is replaced
    /// only where it is still the one that was read.
    fn pool_condition(&self, condition: &PoolCondition) -> Result<Vec<Write>, WritesError> {
        let pool = self.pool.ok_or_else(|| WritesError::Missing {
            what: "the MachineConfigPool".to_owned(),
        })?;
        let current = member(pool, &["status", "conditions"]).as_array().cloned();
        let mut conditions = current.clone().unwrap_or_default();
        let wanted = WantedCondition {
            kind: PoolCondition::TYPE,
            status: condition.is_true,
            reason: &condition.reason,
            message: &condition.message,
        };
        if !upsert_condition(&mut conditions, &wanted, TransitionTime::OnStatus, self.now) {
            return Ok(Vec::new());
        }
        let mut edit = Edit::default();
        match current {
            Some(current) => edit.replace("/status/conditions", &current, &conditions)?,
            None if member(pool, &["status"]).is_object() => {
                edit.add("/status/conditions", &conditions)?;
            }
            None => edit.add("/status", &json!({"conditions": conditions}))?,
        }
        let text = |name: &str| {
            member(pool, &["metadata", name])
                .as_str()
                .map(str::to_owned)
        };
        Ok(vec![Write::Patch(PatchRequest {
            address: address(
                Kind::MachineConfigPool.resource(),
                &text("name").unwrap_or_default(),
            ),
            subresource: Some(Subresource::Status),
            body: PatchBody::Json(edit),
            guard: Guard {
                uid: text("uid"),
                resource_version: None,
            },
            field_manager: FIELD_MANAGER.into(),
        })])
    }

    /// IL-280, IL-773: ConfigMaps and Secrets are applied, so that nothing of a former build of the
    /// name survives; the Job is created, and is the last.
    fn start(&self) -> Result<Vec<Write>, WritesError> {
        let objects = self.objects.ok_or_else(|| WritesError::Missing {
            what: "the objects of the build".to_owned(),
        })?;
        let config_maps = objects.config_maps.iter();
        let config_maps = config_maps.map(|object| applied(Kind::ConfigMap.resource(), object));
        let secrets = objects.secrets.iter();
        let secrets = secrets.map(|object| applied(Kind::Secret.resource(), object));
        let name = member(&objects.job, &["metadata", "name"])
            .as_str()
            .unwrap_or_default();
        let job = Write::Create(CreateRequest {
            address: address(JOBS, name),
            object: objects.job.clone(),
            field_manager: FIELD_MANAGER.into(),
        });
        Ok(config_maps.chain(secrets).chain([job]).collect())
    }

    /// IL-275: the ConfigMap that other tools look for. It goes with the build.
    fn digest(&self, build: &ObjectRef, digest: &str) -> Result<Write, WritesError> {
        self.build_config_map(build, "digest", &json!({"digest": digest}))
    }

    /// IL-782: the ends of logs, by pod; first attempt and last one. It goes with the build.
    fn log(&self, build: &ObjectRef) -> Result<Write, WritesError> {
        let logs = self.logs.iter();
        let data: Map<String, Value> = logs
            .map(|(pod, log)| (pod.clone(), json!(osbuild_check::kept_log(log))))
            .collect();
        self.build_config_map(build, "log", &Value::Object(data))
    }

    /// A ConfigMap that is there as long as its build is.
    fn build_config_map(
        &self,
        build: &ObjectRef,
        what: &str,
        data: &Value,
    ) -> Result<Write, WritesError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = member(self.build(build)?, &["metadata", "labels"]);
        let label = |key: &str| text(member(labels, &[key]));
        let object = json!({
            "metadata": {
                "name": format!("{what}-{}", build.name),
                "namespace": MCO_NAMESPACE,
                "labels": {
                    keys::EPHEMERAL: "",
                    keys::ON_CLUSTER_LAYERING: "",
                    keys::RENDERED_CONFIG: label(keys::RENDERED_CONFIG),
                    keys::TARGET_POOL: label(keys::TARGET_POOL),
                    keys::MACHINE_OS_CONFIG: label(keys::MACHINE_OS_CONFIG),
                    keys::MACHINE_OS_BUILD: build.name,
                },
                "ownerReferences": [{
                    "apiVersion": openshift_model::V1,
                    "kind": "MachineOSBuild",
                    "name": build.name,
                    "uid": build.uid,
                    "controller": false,
                    "blockOwnerDeletion": false,
                }],
            },
            "data": data,
        });
        Ok(applied(Kind::ConfigMap.resource(), &object))
    }
}

/// A member of an object, by the names on the way to it; `null` where it is not there.
fn member<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    let step = |value: &'v Value, name: &&str| value.get(name).unwrap_or(&Value::Null);
    path.iter().fold(value, step)
}

/// The whole of an object that is ours alone.
fn applied(resource: Resource, object: &Value) -> Write {
    let mut fields = object.as_object().cloned().unwrap_or_default();
    fields.remove("apiVersion");
    fields.remove("kind");
    let name = member(object, &["metadata", "name"])
        .as_str()
        .unwrap_or_default();
    Write::Patch(PatchRequest {
        address: address(resource, name),
        subresource: None,
        body: PatchBody::Apply {
            fields,
            force: true,
        },
        guard: Guard::default(),
        field_manager: FIELD_MANAGER.into(),
    })
}

#[cfg(test)]
mod tests;
