//! The pods of a build: how each attempt ended.

use openshift_model::read::read as read_view;
use openshift_model::{ObjectMeta, RawObject, RawValue, ReadError, Text, view};
use osbuild_check::Attempt;

/// A pod of a build's Job.
#[derive(Debug, Clone, Default)]
pub struct BuildPod<'a> {
    /// `metadata.name`
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// How it goes.
    pub status: PodStatus<'a>,
}

view! {
    /// `Pod.status`, the part that is looked at.
    pub struct PodStatus<'a> {
        /// `Pending`, `Running`, `Succeeded` or `Failed`.
        phase: Text<'a> = "phase",
        /// Why, e.g. `Evicted`.
        reason: Text<'a> = "reason",
        /// For people.
        message: Text<'a> = "message",
        /// The container that builds.
        init: Vec<Option<ContainerStatus<'a>>> = "initContainerStatuses",
        /// The container that writes the digest.
        containers: Vec<Option<ContainerStatus<'a>>> = "containerStatuses",
    }
}

view! {
    /// `containerStatuses[]`
    pub struct ContainerStatus<'a> {
        /// Its state, unread.
        state: &'a RawValue = "state",
    }
}

view! {
    /// `containerStatuses[].state`
    struct ContainerState<'a> {
        /// How it ended.
        terminated: Terminated<'a> = "terminated",
    }
}

view! {
    /// `containerStatuses[].state.terminated`
    struct Terminated<'a> {
        /// Its code.
        exit_code: i64 = "exitCode",
        /// Why, e.g. `OOMKilled`.
        reason: Text<'a> = "reason",
        /// Its termination message.
        message: Text<'a> = "message",
    }
}

impl<'a> BuildPod<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            status: object.view("status")?,
        })
    }

    /// Name and uid of the Job that made it.
    pub(crate) fn job(&self) -> Option<(&str, &str)> {
        let mut owners = self.meta.owner_references.iter().flatten().flatten();
        let job = owners.find(|owner| owner.kind.as_deref() == Some("Job"))?;
        Some((job.name.as_deref()?, job.uid.as_deref()?))
    }

    /// Whether its containers run, or may yet.
    pub(crate) fn is_running(&self) -> bool {
        let phase = self.status.phase.as_deref();
        !matches!(phase, Some("Failed" | "Succeeded"))
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn attempt(&self) -> Option<Attempt> {
        let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
        let mut attempt = Attempt {
            pod: self.name.to_string(),
            uid: text(&self.meta.uid),
            reason: text(&self.status.reason),
            message: text(&self.status.message),
            ..Attempt::default()
        };
        let statuses = self.status.init.iter().chain(&self.status.containers);
        let states = statuses.flatten().flatten().filter_map(|status| {
            let state: ContainerState<'_> = read_view(status.state?, "/status/state").ok()?;
            state.terminated
        });
        let ended: Vec<_> = states.collect();
        // The first container that failed says why; else the build container what it left.
        let failed = ended.iter().find(|ended| ended.exit_code != Some(0));
        if let Some(ended) = failed.or_else(|| ended.first()) {
            attempt.exit_code = ended.exit_code;
            attempt.message = text(&ended.message);
            if attempt.reason.is_empty() {
                attempt.reason = text(&ended.reason);
            }
        }
        (!self.is_running()).then_some(attempt)
    }
}
