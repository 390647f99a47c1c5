//! Jobs and their builds: the state of one follows from the other.

use osbuild_check::{BuildState, Failure, Stage, digested_pull_spec, transition};

use super::action::{Action, Decision, Wait};
use super::rows::live;
use super::situation::{Build, ImageFact, Situation};

/// IL-822, IL-312: the state of a Job goes into the status of its build; a Job that is gone before
/// it succeeded interrupted its build.
pub(super) fn job_moved(situation: &Situation) -> Option<Decision> {
    let mut builds = situation.builds.iter();
    builds.find_map(|build| {
        if build.is_being_deleted || !build.is_owned || build.is_seeded {
            return None;
        }
        let is_transient = build.state.is_some_and(BuildState::is_transient);
        let state = match &build.job {
            // IL-780: what failed twice in a step is not tried again, unless the attempt after those,
            // which ran already, made the image.
            Some(job)
                if is_transient
                    && job.state != Some(BuildState::Succeeded)
                    && build.failed_step().is_some() =>
            {
                BuildState::Failed
            }
            Some(job) => job.state?,
            None if is_transient && !situation.is_live => {
                return Some(Decision::wait("IL-822", Wait::Live));
            }
            None if is_transient => BuildState::Interrupted,
            None => return None,
        };
        if !transition(build.state, Some(state)).allowed {
            return None;
        }
        Some(moved(situation, build, state))
    })
}

fn moved(situation: &Situation, build: &Build, state: BuildState) -> Decision {
    let set = |state, image, failure| {
        let build = build.id.clone();
        Decision::act(
            "IL-822",
            vec![Action::SetState {
                build,
                state,
                image,
                failure,
            }],
        )
    };
    match state {
        BuildState::Failed => set(state, None, build.failure()),
        BuildState::Succeeded => match digest_of(situation, build) {
            Digest::Known(image) => set(state, Some(image), None),
            Digest::Ask(decision) => decision,
            // The pod ended well, and nobody knows what it made: as good as a failure.
            Digest::Lost(why) => set(
                BuildState::Failed,
                None,
                Some(Failure {
                    stage: Stage::Digest,
                    cause: "NoDigest",
                    permanent: false,
                    text: why,
                }),
            ),
        },
        state => set(state, None, None),
    }
}

/// IL-780, IL-782: of a build that failed, the Job makes no further pod, and the log is kept. (The pods
/// that ended stay, so that the log, which may not be readable for a while, can wait.)
pub(super) fn failed_job(situation: &Situation) -> Option<Decision> {
    let mut builds = situation.builds.iter();
    builds.find_map(|build| {
        let is_kept = build.is_owned && !build.is_being_deleted;
        let job = build.job.as_ref().filter(|job| !job.is_being_deleted)?;
        if build.state != Some(BuildState::Failed) || !is_kept {
            return None;
        }
        let id = build.id.clone();
        if job.is_live && !job.is_stopped {
            let (build, job) = (id, job.uid.clone());
            return Some(Decision::act(
                "IL-780",
                vec![Action::StopJob { build, job }],
            ));
        }
        if build.has_log || build.attempts.is_empty() {
            return None;
        }
        let mut pods: Vec<String> = [build.attempts.first(), build.attempts.last()]
            .into_iter()
            .flatten()
            .map(|attempt| attempt.pod.clone())
            .collect();
        pods.dedup();
        let keep = Action::KeepLog { build: id, pods };
        Some(Decision::act("IL-782", vec![keep]))
    })
}

/// IL-283: a build that succeeded is cleaned up, also where it is the target no more: that was edited
/// back meanwhile.
pub(super) fn ended_job(situation: &Situation) -> Option<Decision> {
    let target = situation.target_build().map(|build| &build.id);
    let mut builds = situation.builds.iter();
    let action = builds.find_map(|build| {
        let is_past = build.is_owned
            && !build.is_being_deleted
            && build.state == Some(BuildState::Succeeded)
            && Some(&build.id) != target;
        clean_up(build).filter(|_| is_past)
    })?;
    Some(live(situation, "IL-283", vec![action]))
}

/// IL-275, IL-282: what is next for the Job of a build that succeeded: its digest is written where
/// older tools look for it, then what the Job was given goes, and the Job.
pub(super) fn clean_up(build: &Build) -> Option<Action> {
    let job = build.job.as_ref().filter(|job| !job.is_being_deleted)?;
    let (_, digest) = build.digest.as_ref()?.split_once('@')?;
    let id = build.id.clone();
    if build.digest_in_config_map.as_deref() != Some(digest) {
        let (build, digest) = (id, digest.to_owned());
        return Some(Action::WriteDigest { build, digest });
    }
    Some(Action::CleanUp {
        build: id,
        job: job.uid.clone(),
        inputs: build.job_inputs.clone(),
    })
}

/// What is known about the image of a build that ended well.
enum Digest {
    /// The image by digest.
    Known(String),
    /// Who is to be asked first.
    Ask(Decision),
    /// Nobody can tell.
    Lost(String),
}

/// IL-276, IL-781: the image by digest: out of the termination message, else the ConfigMap, else
/// the registry, if the image there was rendered from the inputs of this very Job.
fn digest_of(situation: &Situation, build: &Build) -> Digest {
    let from_message = build.attempts.iter().rev().find_map(|attempt| {
        let digest = osbuild_check::Termination::read(&attempt.message)?.digest;
        (!digest.is_empty()).then_some(digest)
    });
    let known = from_message.or_else(|| build.digest_in_config_map.clone());
    let digest = match known.map_or_else(|| digest_in_registry(situation, build), Ok) {
        Ok(digest) => digest,
        Err(unknown) => return unknown,
    };
    match digested_pull_spec(&build.push_spec, digest.trim()) {
        Ok(image) => Digest::Known(image),
        Err(error) => Digest::Lost(format!("{digest:?} is no digest: {error}")),
    }
}

fn digest_in_registry(situation: &Situation, build: &Build) -> Result<String, Digest> {
    let image = &build.push_spec;
    Err(match situation.images.get(image) {
        Some(ImageFact::Found { digest, inputs }) => {
            let expected = build.job.as_ref().and_then(|job| job.inputs.as_ref());
            if expected.is_some() && inputs.as_ref() == expected {
                return Ok(digest.clone());
            }
            Digest::Lost(format!("the image {image} is not this build's"))
        }
        Some(ImageFact::NotFound) => Digest::Lost(format!("the registry has no image {image}")),
        Some(ImageFact::Unknown(why) | ImageFact::Undeletable(why)) => {
            let why = format!("image {image} could not be inspected: {why}");
            Digest::Ask(Decision::wait("IL-822", Wait::Retry(why)))
        }
        None => Digest::Ask(Decision::wait("IL-822", Wait::Images(vec![image.clone()]))),
    })
}
