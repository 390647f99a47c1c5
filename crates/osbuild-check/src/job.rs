//! What a Job says about its build (IL-025, IL-026).

use openshift_model::{BuildJob, Condition, JobStatus, MachineOSBuildStatus, RawValue, Text};
use serde::Serialize;
use serde_json::Value;

use crate::state::{BuildState, conditions};

/// IL-025: failures that end a Job: the first attempt and three more (IL-260).
pub const ATTEMPTS: i64 = 4;

/// IL-025: the state of the build that a Job carries out. The first rule that fits wins.
///
/// IL-721: what the Job controller concludes comes first: a Job may fail before its last attempt,
/// of a deadline or of a failure that no attempt cures. (The reference counts attempts alone.)
pub fn job_state(job: &BuildJob<'_>) -> BuildState {
    let JobStatus {
        active,
        succeeded,
        failed,
        uncounted_terminated_pods,
        conditions,
    } = &job.status;
    if let Some(state) = concluded(conditions.iter().flatten().flatten()) {
        return state;
    }
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
        // A pod succeeded; with conditions, the Job controller has not come to an end yet.
        if conditions.iter().flatten().flatten().next().is_some() {
            BuildState::Building
        } else {
            BuildState::Succeeded
        }
    } else if failed >= ATTEMPTS {
        BuildState::Failed
    } else {
        BuildState::Initial
    }
}

/// IL-721: the first condition that ends a Job.
fn concluded<'b>(conditions: impl Iterator<Item = &'b Condition<'b>>) -> Option<BuildState> {
    let mut true_ones = conditions.filter(|condition| condition.status.as_deref() == Some("True"));
    true_ones.find_map(|condition| match condition.kind.as_deref() {
        Some("Complete") => Some(BuildState::Succeeded),
        Some("Failed") => Some(BuildState::Failed),
        _ => None,
    })
}

/// IL-026: the status of a build, computed from its Job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewStatus {
    /// IL-020.
    pub conditions: Vec<Value>,
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

/// IL-026: the status of a build whose Job is this one. `current` is the status that the build
/// has: times that it has stay; `current_conditions` are its conditions as they are written
/// (`RawObject::condition_documents`). `digested` is the image by digest (IL-276), where the Job left one.
///
/// IL-720: a build that ends in the second in which it started ends one second later: else the API
/// refuses the whole status (IL-014).
pub fn status_from_job(
    job: &BuildJob<'_>,
    current: &MachineOSBuildStatus<'_>,
    current_conditions: Vec<Value>,
    digested: Option<&str>,
    now: &str,
) -> NewStatus {
    let state = job_state(job);
    let created = job.meta.creation_timestamp.as_deref();
    let written = current.build_start.as_deref();
    let from_job = if state.is_terminal() { created } else { None };
    let start = written.or(from_job).unwrap_or(now);
    // Times in UTC compare as text.
    let end = if start < now {
        Some(now.to_owned())
    } else {
        second_after(start)
    };
    let is_new = |time: &Option<Text<'_>>| time.is_none();
    NewStatus {
        conditions: conditions(state, current_conditions, now),
        builder: Builder {
            image_builder_type: "Job",
            job: JobReference {
                group: "batch",
                resource: "jobs",
                namespace: openshift_model::names::MCO_NAMESPACE,
                name: job.name.to_string(),
            },
        },
        build_start: Some(start.to_owned())
            .filter(|_| state != BuildState::Initial && is_new(&current.build_start)),
        build_end: end.filter(|_| state.is_terminal() && is_new(&current.build_end)),
        digested_image_push_spec: digested
            .filter(|_| state == BuildState::Succeeded)
            .map(str::to_owned),
    }
}

/// IL-720: the second after a time in UTC, e.g. `2026-02-28T23:59:59Z`; `None` for any other form.
pub fn second_after(time: &str) -> Option<String> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    };
    let carry = |value: u32, first: u32, last: u32| {
        if value > last { (1, first) } else { (0, value) }
    };
    let (more, second) = carry(second + 1, 0, 59);
    let (more, minute) = carry(minute + more, 0, 59);
    let (more, hour) = carry(hour + more, 0, 23);
    let (more, day) = carry(day + more, 1, days);
    let (more, month) = carry(month + more, 1, 12);
    let year = year + more;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// Three numbers of at most four digits.
fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let fits = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<u32>().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
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
            (
                r#"{"succeeded":1,"conditions":[null,{"type":"Failed","status":"False"},
                    {"type":"Complete","status":"True"}]}"#,
                "",
                BuildState::Succeeded,
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
    fn il_721_a_job_may_fail_before_its_last_attempt() {
        let failed = r#"{"failed":1,"conditions":[{"type":"FailureTarget","status":"True"},
            {"type":"Failed","status":"True","reason":"DeadlineExceeded"}]}"#;
        assert_eq!(with_job(failed, "", job_state), BuildState::Failed);
        // One that is being stopped has not failed yet.
        let stopping = r#"{"active":1,"conditions":[{"type":"FailureTarget","status":"True"}]}"#;
        assert_eq!(with_job(stopping, "", job_state), BuildState::Building);
    }

    const CREATED: &str = r#","creationTimestamp":"2026-01-01T00:00:00Z""#;

    fn status_at(status: &str, build: &MachineOSBuildStatus<'_>, now: &str) -> NewStatus {
        with_job(status, CREATED, |job| {
            status_from_job(job, build, Vec::new(), Some("r/o@sha256:1"), now)
        })
    }

    #[test]
    fn il_026_a_job_gives_the_status() {
        let now = "2026-01-01T00:10:00Z";
        let new = MachineOSBuildStatus::default();
        let status = status_at(r#"{"succeeded":1}"#, &new, now);
        assert_eq!(status.build_start.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(status.build_end.as_deref(), Some(now));
        assert_eq!(
            status.digested_image_push_spec.as_deref(),
            Some("r/o@sha256:1")
        );
        assert_eq!(status.builder.job.name, "build-a");
        let running = status_at(r#"{"active":1}"#, &new, now);
        assert_eq!(running.build_start.as_deref(), Some(now));
        assert_eq!(
            (running.build_end, running.digested_image_push_spec),
            (None, None)
        );
    }

    #[test]
    fn il_026_times_that_are_written_stay() {
        let ended = MachineOSBuildStatus {
            build_start: Some("2026-01-01T00:00:05Z".into()),
            build_end: Some("2026-01-01T00:00:06Z".into()),
            ..MachineOSBuildStatus::default()
        };
        let status = status_at(r#"{"failed":4}"#, &ended, "2026-01-01T00:10:00Z");
        assert_eq!((status.build_start, status.build_end), (None, None));
    }

    #[test]
    fn il_720_a_build_never_ends_when_it_starts() {
        let check = |written: Option<&str>, now: &str, expected: &str| {
            let build = MachineOSBuildStatus {
                build_start: written.map(Text::from),
                ..MachineOSBuildStatus::default()
            };
            let status = status_at(r#"{"failed":4}"#, &build, now);
            assert_eq!(status.build_end.as_deref(), Some(expected), "{written:?}");
        };
        check(None, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        // The start that is written may be later than the Job, and a clock may be behind.
        let written = Some("2026-01-01T00:00:59Z");
        check(written, "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z");
        check(written, "2026-01-01T00:00:01Z", "2026-01-01T00:01:00Z");
        check(written, "2026-01-01T00:02:00Z", "2026-01-01T00:02:00Z");
    }

    #[test]
    fn the_second_after_a_time() {
        for (time, expected) in [
            ("2026-02-28T23:59:59Z", Some("2026-03-01T00:00:00Z")),
            ("2028-02-28T23:59:59Z", Some("2028-02-29T00:00:00Z")),
            ("2026-12-31T23:59:59Z", Some("2027-01-01T00:00:00Z")),
            ("2026-04-30T10:00:00Z", Some("2026-04-30T10:00:01Z")),
            ("2026-04-30T10:00:00+02:00", None),
            ("2026-04-30T10:00Z", None),
            ("2026-04-30T10:00:00.5Z", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(second_after(time).as_deref(), expected, "{time}");
        }
    }
}
