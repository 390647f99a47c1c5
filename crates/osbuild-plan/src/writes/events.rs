//! The events that tell of a step (§5.11).

use openshift_model::{EventRequest, Kind};
use osbuild_check::BuildState;
use sha2::{Digest as _, Sha256};

use super::{REPORTER, WriteInputs, address, member};
use crate::config_condition::blocked_by;
use crate::decide::{Action, ObjectRef, Trigger};
use crate::event::Event;
use crate::pool_condition::{PoolCondition, SUCCEEDED};

/// The events of a step; each stands once for an object and a reason.
pub(super) fn of(action: &Action, inputs: &WriteInputs<'_>) -> Vec<EventRequest> {
    let config = inputs.config_ref();
    let text = |pointer: &str| {
        let text = inputs.config.pointer(pointer);
        text.and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let pool = text("/spec/machineConfigPool/name");
    let now = inputs.now;
    let of_build = |build: &ObjectRef, event| request(now, Kind::MachineOSBuild, build, event);
    let of_config = |event| request(now, Kind::MachineOSConfig, &config, event);
    match action {
        Action::CreateBuild { trigger, .. } => match trigger {
            Trigger::Rebuild => vec![of_config(Event::rebuild_requested())],
            _ => vec![of_config(Event::config_reconciled())],
        },
        Action::Start { build } => {
            let rendered = inputs.build(build).ok();
            let rendered = rendered
                .and_then(|found| member(found, &["spec", "machineConfig", "name"]).as_str());
            let job = format!("build-{}", build.name);
            vec![
                of_build(
                    build,
                    Event::build_started(&pool, rendered.unwrap_or_default()),
                ),
                of_build(build, Event::build_preparing(&pool)),
                of_build(build, Event::job_created(&job)),
            ]
        }
        Action::SetState {
            build,
            state,
            image,
            failure,
        } => {
            let job = format!("build-{}", build.name);
            match state {
                BuildState::Building => vec![
                    of_build(build, Event::job_started(&job)),
                    of_build(build, Event::build_building()),
                ],
                BuildState::Succeeded => vec![
                    of_build(build, Event::job_completed(&job)),
                    of_build(
                        build,
                        Event::build_completed(image.as_deref().unwrap_or_default()),
                    ),
                ],
                BuildState::Failed => {
                    let mut failed = Event::build_failed(&build.name);
                    // IL-777: the cause stands in the event as well.
                    if let Some(failure) = failure {
                        failed.message = format!("{}: {failure}", failed.message);
                    }
                    vec![
                        of_build(build, Event::job_failed(&job, &build.name)),
                        of_build(build, failed),
                        of_config(Event::build_degraded(&pool)),
                    ]
                }
                BuildState::Interrupted => vec![of_build(build, Event::build_interrupted())],
                BuildState::Initial | BuildState::Prepared => Vec::new(),
            }
        }
        Action::SetPoolCondition(condition) if recovers(condition, inputs) => {
            vec![of_config(Event::build_recovered(&pool))]
        }
        Action::SetConfigConditions(conditions) => blocked_by(conditions)
            .map(|why| of_failure(&config, why, now))
            .into_iter()
            .collect(),
        Action::DeleteBuild { build } => {
            let mut events = vec![of_build(build, Event::build_deleted())];
            if config_goes(inputs) {
                events.push(of_config(Event::config_deleted(&config.name)));
            }
            events
        }
        Action::CleanUp { build, .. } => {
            let job = format!("build-{}", build.name);
            vec![of_build(build, Event::job_deleted(&job))]
        }
        Action::RemoveFinalizer {
            build,
            left: Some(why),
        } => vec![of_build(build, Event::image_left(why))],
        _ => Vec::new(),
    }
}

/// IL-310: a step about a MachineOSConfig failed, and does not succeed by itself. Each text stands there
/// once.
pub(crate) fn of_failure(config: &ObjectRef, error: &str, now: &str) -> EventRequest {
    let event = Event::config_reconcile_failed(error);
    let mut request = request(now, Kind::MachineOSConfig, config, event);
    request.key.push('.');
    // So few bytes tell the texts about one object apart.
    for byte in Sha256::digest(error).iter().take(4) {
        request.key.push_str(&format!("{byte:02x}"));
    }
    request
}

/// IL-350: whether a build goes with its MachineOSConfig, which is on its way out or gone.
fn config_goes(inputs: &WriteInputs<'_>) -> bool {
    let metadata = |name| member(inputs.config, &["metadata", name]);
    metadata("deletionTimestamp").is_string() || !metadata("resourceVersion").is_string()
}

/// IL-391 … IL-393: what is told on a pool; `key` tells the Events of one reason apart.
pub(crate) fn of_operator(pool: &ObjectRef, event: Event, key: &str, now: &str) -> EventRequest {
    let mut request = request(now, Kind::MachineConfigPool, pool, event);
    if !key.is_empty() {
        request.key.push('.');
        request.key.push_str(key);
    }
    request
}

/// IL-328: whether a pool whose build failed is current of one that succeeded.
fn recovers(condition: &PoolCondition, inputs: &WriteInputs<'_>) -> bool {
    let current = inputs
        .pool
        .map(|pool| member(pool, &["status", "conditions"]));
    let current = current.and_then(serde_json::Value::as_array);
    let mut own = current.into_iter().flatten();
    condition.reason == SUCCEEDED
        && own.any(|current| {
            member(current, &["type"]) == PoolCondition::TYPE
                && member(current, &["status"]) == "True"
        })
}

fn request(now: &str, kind: Kind, about: &ObjectRef, event: Event) -> EventRequest {
    // The uid makes it the event of this very object; the reason, of this step of its life.
    let short = about
        .uid
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8);
    EventRequest {
        regarding: address(kind.resource(), &about.name),
        uid: about.uid.clone(),
        is_warning: event.is_warning,
        reason: event.reason.into(),
        action: event.reason.into(),
        note: event.message,
        key: format!(
            "{}.{}",
            event.reason.to_lowercase(),
            short.collect::<String>()
        ),
        reporter: REPORTER.into(),
        time: now.replace('Z', ".000000Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_310_each_failure_is_told_once() {
        let config = ObjectRef {
            name: "layered".to_owned(),
            uid: "0123-4567-89".to_owned(),
            ..ObjectRef::default()
        };
        let of = |error, now| of_failure(&config, error, now);
        let first = of("no right", "2026-01-01T00:00:00Z");
        assert_eq!(first.reason, "ConfigReconcileFailed");
        assert!(first.is_warning && first.note.ends_with(": no right"));
        assert_eq!(first.time, "2026-01-01T00:00:00.000000Z");
        assert_eq!(first.key, of("no right", "2026-01-02T00:00:00Z").key);
        assert_ne!(first.key, of("no room", "2026-01-01T00:00:00Z").key);
    }
}
