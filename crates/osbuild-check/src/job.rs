//! What a Job says about its build (IL-025, IL-026).

use openshift_model::{BuildJob, Condition, JobStatus, RawValue};
use serde::Serialize;

use crate::state::{BuildState, NewCondition, conditions};

/// IL-025: failures that end a Job: the first attempt and three more (IL-260).
pub const ATTEMPTS: i64 = 4;

/// IL-025: the state of the build that a Job carries out. The first rule that fits wins.
pub fn job_state(job: &BuildJob<'_>) -> BuildState {
    let JobStatus {
        active,
        succeeded,
        failed,
        uncounted_terminated_pods,
        conditions,
    } = &job.status;
    let active = active.unwrap_or_default();
    let succeeded = succeeded.unwrap_or_default();
    let failed = failed.unwrap_or_default();
    let uncounted = uncounted_terminated_pods.is_some_and(|pods: &RawValue| pods.get() != "null");
    let may_go_on = succeeded == 0 && failed < ATTEMPTS;
    if job.meta.deletion_timestamp.is_some() && may_go_on {
        BuildState::Interrupted
    } else if active == 0 && succeeded == 0 && failed == 0 && !uncounted {
        BuildState::Prepared
    } else if may_go_on {
        BuildState::Building
    } else if succeeded > 0 {
        finished(conditions.iter().flatten().flatten())
    } else if failed >= ATTEMPTS {
        BuildState::Failed
    } else {
        BuildState::Initial
    }
}

/// IL-025: a pod succeeded; the Job's conditions have the last word.
fn finished<'b>(conditions: impl Iterator<Item = &'b Condition<'b>>) -> BuildState {
    let mut any = false;
    for condition in conditions {
        any = true;
        let is_true = condition.status.as_deref() == Some("True");
        match condition.kind.as_deref() {
            Some("Complete") if is_true => return BuildState::Succeeded,
            Some("Failed") if is_true => return BuildState::Failed,
            _ => {}
        }
    }
    if any {
        BuildState::Building
    } else {
        BuildState::Succeeded
    }
}

/// IL-026: the status of a build, computed from its Job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewStatus {
    /// IL-020.
    pub conditions: Vec<NewCondition>,
    /// IL-016.
    pub builder: Builder,
    /// RFC 3339; written only where the build has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_start: Option<String>,
    /// RFC 3339; written only where the build has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_end: Option<String>,
    /// The image by digest, of a build that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digested_image_push_spec: Option<String>,
}

/// IL-016: what builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// `Job`
    pub image_builder_type: &'static str,
    /// Which one.
    pub job: JobReference,
}

/// IL-016: a reference to a Job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobReference {
    /// `batch`
    pub group: &'static str,
    /// `jobs`
    pub resource: &'static str,
    /// The namespace of the Machine Config Operator.
    pub namespace: &'static str,
    /// The name.
    pub name: String,
}

/// IL-026: the status of a build whose Job is this one. `current` are the conditions that the
/// build has; `digested` is the image by digest (IL-276), where the Job left one.
///
/// A build that ends in the second in which it started gets no end: the API would refuse it
/// (IL-014).
pub fn status_from_job<'b>(
    job: &BuildJob<'_>,
    current: impl IntoIterator<Item = &'b Condition<'b>>,
    digested: Option<&str>,
    now: &str,
) -> NewStatus {
    let state = job_state(job);
    let created = job.meta.creation_timestamp.as_deref();
    let start = if state.is_terminal() { created } else { None };
    let start = start.unwrap_or(now);
    // Times in UTC compare as text.
    let ends = state.is_terminal() && start < now;
    let starts = state != BuildState::Initial;
    NewStatus {
        conditions: conditions(state, current, now),
        builder: Builder {
            image_builder_type: "Job",
            job: JobReference {
                group: "batch",
                resource: "jobs",
                namespace: openshift_model::names::MCO_NAMESPACE,
                name: job.name.to_string(),
            },
        },
        build_start: starts.then(|| start.to_owned()),
        build_end: ends.then(|| now.to_owned()),
        digested_image_push_spec: digested
            .filter(|_| state == BuildState::Succeeded)
            .map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;

    fn with_job<T>(status: &str, metadata: &str, check: impl FnOnce(&BuildJob<'_>) -> T) -> T {
        let text = format!(
            r#"{{"apiVersion":"batch/v1","kind":"Job","metadata":{{"name":"build-a"{metadata}}},
                "status":{status}}}"#
        );
        check(&BuildJob::read(&RawObject::parse(&text).unwrap().unwrap()).unwrap())
    }

    #[test]
    fn il_025_a_job_tells_the_state() {
        let deleted = r#","deletionTimestamp":"2026-01-01T00:00:00Z""#;
        let cases = [
            ("{}", "", BuildState::Prepared),
            (r#"{"active":1}"#, "", BuildState::Building),
            (
                r#"{"uncountedTerminatedPods":{}}"#,
                "",
                BuildState::Building,
            ),
            (r#"{"failed":3}"#, "", BuildState::Building),
            (r#"{"failed":4,"active":1}"#, "", BuildState::Failed),
            (r#"{"succeeded":1}"#, "", BuildState::Succeeded),
            (r#"{"active":1}"#, deleted, BuildState::Interrupted),
            (r#"{"failed":4}"#, deleted, BuildState::Failed),
            (
                r#"{"succeeded":1,"conditions":[{"type":"Failed","status":"True"}]}"#,
                "",
                BuildState::Failed,
            ),
            (
                r#"{"succeeded":1,"conditions":[{"type":"Complete","status":"False"}]}"#,
                "",
                BuildState::Building,
            ),
        ];
        for (status, metadata, expected) in cases {
            assert_eq!(
                with_job(status, metadata, job_state),
                expected,
                "{status} {metadata}"
            );
        }
    }

    #[test]
    fn il_026_a_job_gives_the_status() {
        let created = r#","creationTimestamp":"2026-01-01T00:00:00Z""#;
        let now = "2026-01-01T00:10:00Z";
        let status = with_job(r#"{"succeeded":1}"#, created, |job| {
            status_from_job(job, [], Some("r/o@sha256:1"), now)
        });
        assert_eq!(status.build_start.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(status.build_end.as_deref(), Some(now));
        assert_eq!(
            status.digested_image_push_spec.as_deref(),
            Some("r/o@sha256:1")
        );
        assert_eq!(status.builder.job.name, "build-a");
        let running = with_job(r#"{"active":1}"#, created, |job| {
            status_from_job(job, [], Some("x"), now)
        });
        assert_eq!(running.build_start.as_deref(), Some(now));
        assert_eq!(
            (running.build_end, running.digested_image_push_spec),
            (None, None)
        );
    }

    #[test]
    fn il_014_a_build_never_ends_when_it_starts() {
        let created = r#","creationTimestamp":"2026-01-01T00:00:00Z""#;
        let status = with_job(r#"{"failed":4}"#, created, |job| {
            status_from_job(job, [], None, "2026-01-01T00:00:00Z")
        });
        assert!(status.build_start.is_some() && status.build_end.is_none());
    }
}
