//! Each row of the decision table, and each thing that went wrong once.

use std::collections::{BTreeMap, BTreeSet};

use mosb_naming::keys;
use openshift_model::{BuildJob, LayeredPool, MachineOSBuild, MachineOSConfig, OsMachineConfig};
use osbuild_check::{Attempt, BuildState, Failure, Stage};
use serde_json::{Value, json};

use super::*;
use crate::pool_condition::PoolCondition;
use crate::testing::{object, raw};

const IMAGE: &str =
    "r.io/o/i@sha256:628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";
const DIGEST: &str = "sha256:628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

/// A MachineOSConfig that was just created, and its pool, as the API server has them.
fn situation() -> Situation {
    Situation {
        is_live: true,
        config: Config {
            id: ObjectRef {
                name: "worker".to_owned(),
                uid: "config".to_owned(),
                resource_version: "1".to_owned(),
            },
            pool: "worker".to_owned(),
            is_observed: true,
            ..Config::default()
        },
        builds: Vec::new(),
        pool: Some(Pool {
            target: "rendered-worker-2".to_owned(),
            has_target: true,
            build_condition: Some(PoolCondition {
                is_true: false,
                reason: "BuildSuccess".to_owned(),
                message: "Build succeeded for pool worker".to_owned(),
            }),
            ..Pool::default()
        }),
        target: Ok(Target {
            name: "target".to_owned(),
            content: "new".to_owned(),
        }),
        images: BTreeMap::new(),
        named_by: BTreeMap::new(),
        images_in_use: BTreeSet::new(),
        input: Some(BuildInput::Complete),
        push_access: Some(PushAccess::Allowed),
    }
}

fn id(name: &str) -> ObjectRef {
    ObjectRef {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        resource_version: "1".to_owned(),
    }
}

fn build(name: &str, state: BuildState) -> Build {
    let digest = (state == BuildState::Succeeded).then(|| IMAGE.to_owned());
    let content = if name == "target" { "new" } else { "old" };
    Build {
        id: id(name),
        is_owned: true,
        has_finalizer: true,
        rendered: "rendered-worker-1".to_owned(),
        push_spec: format!("r.io/o/i:{name}"),
        content: Some(content.to_owned()),
        state: Some(state),
        digest,
        ..Build::default()
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is put where there may be none"
)]
fn job(state: BuildState) -> Option<Job> {
    Some(Job {
        uid: "job".to_owned(),
        state: Some(state),
        is_live: !state.is_terminal(),
        inputs: Some("inputs".to_owned()),
        ..Job::default()
    })
}

/// What a decision does to builds and to the annotations of the MachineOSConfig: what conditions
/// say besides is left out.
fn done(situation: &Situation) -> (&'static str, Vec<Action>, Option<Wait>) {
    let mut decision = decide(situation);
    decision.actions.retain(|action| {
        !matches!(
            action,
            Action::SetPoolCondition(_) | Action::SetConfigConditions(_)
        )
    });
    (decision.rule, decision.actions, decision.wait)
}

fn check(situation: &Situation, rule: &str, actions: &[Action]) {
    let (found, done, _) = done(situation);
    assert_eq!((found, done.as_slice()), (rule, actions));
}

/// Checks that nothing is done, and why.
fn check_waits(situation: &Situation, rule: &str, expected: &str) {
    let (found, actions, wait) = done(situation);
    let why = match wait.unwrap() {
        Wait::Progress(why) | Wait::Retry(why) | Wait::Person(why) => why,
        Wait::Images(images) => images.join(" "),
        Wait::PushAccess(image) => format!("push {image}"),
        Wait::Live => "live".to_owned(),
    };
    assert_eq!((found, actions), (rule, Vec::new()), "{why}");
    assert!(why.contains(expected), "{why}");
}

fn create(trigger: Trigger) -> Action {
    Action::CreateBuild {
        build: "target".to_owned(),
        content: "new".to_owned(),
        trigger,
        is_seeded: false,
    }
}

fn start() -> Action {
    Action::Start {
        build: id("target"),
    }
}

fn set_current() -> Action {
    let build = "target".to_owned();
    Action::SetCurrentBuild { build }
}

fn delete(build: &str) -> Action {
    Action::DeleteBuild { build: id(build) }
}

fn found() -> ImageFact {
    ImageFact::Found {
        digest: DIGEST.to_owned(),
        inputs: None,
    }
}

fn reuse() -> Action {
    Action::ReuseImage {
        build: id("target"),
        image: IMAGE.to_owned(),
    }
}

/// The target is there and named, and nothing was started yet; `old` has an image.
fn about_to_build() -> Situation {
    let mut about = situation();
    about.config.current_build = Some("target".to_owned());
    about.config.image = Some(IMAGE.to_owned());
    about.config.build_of_image = Some("old".to_owned());
    about.builds = vec![
        build("old", BuildState::Succeeded),
        build("target", BuildState::Initial),
    ];
    about
}

#[test]
fn il_770_a_paused_pool_does_not_get_the_image_of_an_older_containerfile() {
    // The Containerfile was edited while the pool was paused, with a change of files pending: the
    // rendered configurations need no other image, and the Containerfile does.
    let mut paused = about_to_build();
    paused.images.insert(IMAGE.to_owned(), found());
    check(&paused, "IL-821", &[start()]);
}

#[test]
fn il_770_an_extension_that_was_dropped_is_not_copied() {
    let mut dropped = about_to_build();
    dropped.images.insert(IMAGE.to_owned(), found());
    dropped.builds[0].content = Some("with usbguard".to_owned());
    check(&dropped, "IL-821", &[start()]);
    // In doubt it is built.
    dropped.builds[0].content = None;
    check(&dropped, "IL-821", &[start()]);
}

#[test]
fn il_817_an_image_of_the_same_content_is_taken_over() {
    let mut same = about_to_build();
    same.builds[0].content = Some("new".to_owned());
    check_waits(&same, "IL-817", IMAGE);
    same.images.insert(IMAGE.to_owned(), found());
    check(&same, "IL-817", &[reuse()]);
    same.is_live = false;
    check_waits(&same, "IL-817", "live");
    // Who asks for another build gets one, also once the request is dropped.
    same.is_live = true;
    same.config.rebuild = true;
    let build = id("target");
    check(&same, "IL-821", &[Action::SetRebuildTrigger { build }]);
    same.builds[1].is_rebuild = true;
    check(&same, "IL-821", &[set_current()]);
    same.config.rebuild = false;
    check(&same, "IL-821", &[start()]);
}

#[test]
fn il_602_il_770_who_names_another_repository_wants_the_image_there() {
    let mut moved = about_to_build();
    moved.builds[0].content = Some("new".to_owned());
    moved.builds[1].push_spec = "r.io/o/other:target".to_owned();
    moved.images.insert(IMAGE.to_owned(), found());
    check(&moved, "IL-821", &[start()]);
}

#[test]
fn il_750_a_build_that_somebody_deleted_is_made_again_and_says_so() {
    let mut deleted = about_to_build();
    deleted.builds.truncate(1);
    let decision = decide(&deleted);
    let Some(Action::CreateBuild { trigger, .. }) = decision.actions.first() else {
        panic!("{decision:?}");
    };
    assert_eq!(trigger.to_string(), "MachineOSBuild target was deleted");
    // IL-048: a current build that is out of date is none, and the MachineOSConfig is not new.
    deleted.config.current_build = None;
    let decision = decide(&deleted);
    let Some(Action::CreateBuild { trigger, .. }) = decision.actions.first() else {
        panic!("{decision:?}");
    };
    assert!(matches!(trigger, Trigger::Changed { .. }), "{trigger}");
}

#[test]
fn il_818_il_819_it_is_built_where_the_image_is_gone_and_nothing_is_done_in_doubt() {
    let mut same = about_to_build();
    same.builds[0].content = Some("new".to_owned());
    same.images.insert(IMAGE.to_owned(), ImageFact::NotFound);
    check(&same, "IL-818", &[start()]);
    let denied = ImageFact::Unknown("denied".to_owned());
    same.images.insert(IMAGE.to_owned(), denied);
    check_waits(&same, "IL-819", "denied");
}

#[test]
fn il_820_nothing_is_created_that_lacks_what_it_is_built_from() {
    let mut lacking = situation();
    lacking.input = Some(BuildInput::Missing("no Secret".to_owned()));
    check_waits(&lacking, "IL-820", "no Secret");
    // An image of the same content needs none of it.
    lacking.builds = vec![build("old", BuildState::Succeeded)];
    lacking.builds[0].content = Some("new".to_owned());
    let (rule, actions, _) = done(&lacking);
    assert_eq!(rule, "IL-820");
    assert!(matches!(
        actions.as_slice(),
        [Action::CreateBuild { .. }, ..]
    ));
    // What the author has to change stands in the build that is made for it (IL-327).
    let mut wrong = situation();
    wrong.input = Some(BuildInput::Invalid(Failure {
        stage: Stage::Containerfile,
        cause: "InvalidContainerfile",
        permanent: true,
        text: "wrong".to_owned(),
    }));
    check(&wrong, "IL-820", &[create(Trigger::First)]);
}

#[test]
fn il_772_an_empty_cache_interrupts_nothing() {
    let mut stale = situation();
    stale.is_live = false;
    stale.builds = vec![build("target", BuildState::Building)];
    check_waits(&stale, "IL-822", "live");
    stale.is_live = true;
    let interrupted = Action::SetState {
        build: id("target"),
        state: BuildState::Interrupted,
        image: None,
        failure: None,
    };
    check(&stale, "IL-822", &[interrupted]);
}

#[test]
fn il_772_nothing_is_created_or_deleted_on_the_word_of_a_cache() {
    let mut stale = situation();
    stale.is_live = false;
    check_waits(&stale, "IL-820", "live");
    stale.builds = vec![
        build("target", BuildState::Initial),
        build("other", BuildState::Failed),
    ];
    stale.config.current_build = Some("target".to_owned());
    check_waits(&stale, "IL-821", "live");
    stale.config.presence = Presence::Gone;
    check_waits(&stale, "IL-810", "live");
}

/// A build on its way out that has pushed an image; its MachineOSConfig is gone.
fn deleted() -> Situation {
    let mut deleted = situation();
    deleted.config.presence = Presence::Gone;
    deleted.builds = vec![Build {
        is_being_deleted: true,
        ..build("old", BuildState::Succeeded)
    }];
    deleted
}

fn delete_image(image: &str) -> Action {
    Action::DeleteImage {
        build: id("old"),
        image: image.to_owned(),
    }
}

fn remove_finalizer(left: Option<&str>) -> Action {
    Action::RemoveFinalizer {
        build: id("old"),
        left: left.map(str::to_owned),
    }
}

#[test]
fn il_774_an_image_goes_with_its_build_and_the_build_after_it() {
    let mut deleted = deleted();
    check(&deleted, "IL-774", &[delete_image(IMAGE)]);
    deleted.is_live = false;
    check_waits(&deleted, "IL-810", "live");
    deleted.is_live = true;
    deleted.images.insert(IMAGE.to_owned(), ImageFact::NotFound);
    check(&deleted, "IL-774", &[remove_finalizer(None)]);
    let unreachable = ImageFact::Unknown("timeout".to_owned());
    deleted.images.insert(IMAGE.to_owned(), unreachable);
    check_waits(&deleted, "IL-810", "timeout");
}

#[test]
fn il_774_a_registry_that_does_not_answer_stops_nothing_else() {
    let mut stuck = situation();
    stuck.builds = deleted().builds;
    let unreachable = ImageFact::Unknown("timeout".to_owned());
    stuck.images.insert(IMAGE.to_owned(), unreachable);
    let (rule, actions, wait) = done(&stuck);
    assert_eq!((rule, actions), ("IL-820", vec![create(Trigger::First)]));
    assert!(matches!(wait, Some(Wait::Retry(why)) if why.contains("timeout")));
    // Nor does it stop another build that goes.
    stuck.builds.push(Build {
        is_being_deleted: true,
        digest: None,
        ..build("other", BuildState::Initial)
    });
    let let_go = Action::RemoveFinalizer {
        build: id("other"),
        left: None,
    };
    check(&stuck, "IL-774", &[let_go]);
}

#[test]
fn il_736_a_registry_that_deletes_nothing_keeps_no_build() {
    let mut deleted = deleted();
    let refused = ImageFact::Undeletable("UNSUPPORTED".to_owned());
    deleted.images.insert(IMAGE.to_owned(), refused);
    let left = format!("{IMAGE}: UNSUPPORTED");
    check(&deleted, "IL-774", &[remove_finalizer(Some(&left))]);
}

#[test]
fn il_774_an_image_that_a_build_of_somebody_else_names_stays() {
    let mut shared = deleted();
    let names = ["uid-old", "a build of another MachineOSConfig"].map(str::to_owned);
    shared.named_by.insert(IMAGE.to_owned(), names.into());
    check(&shared, "IL-774", &[remove_finalizer(None)]);
    let mut used = deleted();
    used.images_in_use.insert(IMAGE.to_owned());
    check(&used, "IL-774", &[remove_finalizer(None)]);
    // A MachineOSConfig that goes as well does not keep its own image.
    let mut all_go = deleted();
    all_go
        .named_by
        .insert(IMAGE.to_owned(), ["config".to_owned()].into());
    check(&all_go, "IL-774", &[delete_image(IMAGE)]);
    all_go.config.presence = Presence::Here;
    check(&all_go, "IL-774", &[remove_finalizer(None)]);
}

#[test]
fn il_774_an_unfinished_push_goes_by_its_tag() {
    let mut unfinished = deleted();
    unfinished.builds[0].state = Some(BuildState::Failed);
    unfinished.builds[0].digest = None;
    let tag = "r.io/o/i:old";
    check_waits(&unfinished, "IL-810", tag);
    unfinished.images.insert(tag.to_owned(), found());
    check(&unfinished, "IL-774", &[delete_image(tag)]);
    // The tag stands for an image that nodes run.
    unfinished.images_in_use.insert(IMAGE.to_owned());
    check(&unfinished, "IL-774", &[remove_finalizer(None)]);
    // One that never started has pushed nothing; one whose Job is gone may have.
    unfinished.images_in_use.clear();
    unfinished.images.clear();
    unfinished.builds[0].state = Some(BuildState::Initial);
    check(&unfinished, "IL-774", &[remove_finalizer(None)]);
    unfinished.builds[0].job_uid = Some("job".to_owned());
    check_waits(&unfinished, "IL-810", tag);
    unfinished.builds[0].has_running_pods = true;
    check(&unfinished, "IL-810", &[]);
}

#[test]
fn il_774_builds_of_the_stock_builder_get_our_finalizer() {
    let mut adopted = situation();
    adopted.builds = vec![Build {
        has_finalizer: false,
        ..build("target", BuildState::Succeeded)
    }];
    let build = id("target");
    check(&adopted, "IL-774", &[Action::AddFinalizer { build }]);
}

#[test]
fn il_776_a_build_starts_when_no_other_one_has_a_pod() {
    let mut overlapping = about_to_build();
    overlapping.builds.push(Build {
        job: job(BuildState::Building),
        ..build("running", BuildState::Building)
    });
    check(&overlapping, "IL-821", &[delete("running")]);
    // It goes, and its pod is still there.
    overlapping.builds[2].is_being_deleted = true;
    overlapping.builds[2].has_finalizer = false;
    check_waits(
        &overlapping,
        "IL-776",
        "a pod of MachineOSBuild running has not ended",
    );
    // So it is with one of a former MachineOSConfig.
    overlapping.builds[2].is_owned = false;
    check_waits(
        &overlapping,
        "IL-776",
        "a pod of MachineOSBuild running has not ended",
    );
    // And with a pod whose Job is gone, be it the build's own.
    overlapping.builds.pop();
    overlapping.builds[1].has_running_pods = true;
    check_waits(&overlapping, "IL-776", "a pod of MachineOSBuild target");
    overlapping.builds[1].has_running_pods = false;
    check(&overlapping, "IL-821", &[start()]);
}

#[test]
fn il_778_another_writers_message_is_left_alone() {
    let sets = |condition: &str, message: &str| {
        let mut situation = situation();
        situation.builds = vec![Build {
            state: Some(BuildState::Succeeded),
            ..build("target", BuildState::Succeeded)
        }];
        situation.config.current_build = Some("target".to_owned());
        situation.pool.as_mut().unwrap().build_condition = Some(PoolCondition {
            is_true: condition == "BuildFailed",
            reason: condition.to_owned(),
            message: message.to_owned(),
        });
        let actions = decide(&situation).actions;
        actions
            .iter()
            .any(|action| matches!(action, Action::SetPoolCondition(_)))
    };
    assert!(!sets("BuildSuccess", "Build completed successfully"));
    assert!(sets("BuildFailed", "Failed to build OS image"));
    assert!(sets("NoLayeredObjects", "No layered pool objects found"));
}

#[test]
fn il_779_a_build_may_cure_the_nodes_that_its_predecessor_broke() {
    let mut broken = about_to_build();
    broken.pool.as_mut().unwrap().nodes_degraded_by = Some("NodeDegraded");
    check(&broken, "IL-821", &[start()]);
    broken.builds[0].content = Some("new".to_owned());
    check_waits(
        &broken,
        "IL-816",
        "is degraded due to non-build issues (NodeDegraded)",
    );
}

#[test]
fn il_775_a_seeding_that_was_cut_in_half_goes_on() {
    let mut seeding = situation();
    seeding.config.pre_built_image = Some(IMAGE.to_owned());
    let create = Action::CreateBuild {
        build: "target".to_owned(),
        content: "new".to_owned(),
        trigger: Trigger::PreBuiltImage,
        is_seeded: true,
    };
    check(&seeding, "IL-811", &[create]);
    // What was built, or is being built, is not overwritten.
    for built in [BuildState::Building, BuildState::Succeeded] {
        seeding.builds = vec![Build {
            job: job(built),
            ..build("target", built)
        }];
        assert_ne!(done(&seeding).0, "IL-811");
    }
    seeding.builds = vec![build("target", BuildState::Initial)];
    check(
        &seeding,
        "IL-811",
        &[Action::SetPreBuiltLabel {
            build: id("target"),
        }],
    );
    seeding.builds[0].is_seeded = true;
    let (build, image) = (id("target"), IMAGE.to_owned());
    check(&seeding, "IL-811", &[Action::Seed { build, image }]);
    seeding.builds[0].state = Some(BuildState::Succeeded);
    seeding.builds[0].digest = Some(IMAGE.to_owned());
    check(&seeding, "IL-811", &[set_current()]);
    // Here it waited for ever: the annotation is there, and the image is not.
    seeding.config.current_build = Some("target".to_owned());
    let (build, image) = ("target".to_owned(), IMAGE.to_owned());
    check(
        &seeding,
        "IL-811",
        &[Action::SetCurrentImage { build, image }],
    );
    seeding.config.image = Some(IMAGE.to_owned());
    check(&seeding, "IL-812", &[Action::RemovePreBuiltImage]);
    seeding.config.current_build = None;
    seeding.config.image = None;
    seeding.config.pre_built_image = Some("r.io/o/i:tag".to_owned());
    check_waits(&seeding, "IL-811", "is not of the form host/");
}

#[test]
fn il_781_a_digest_that_is_not_known_is_looked_for() {
    let mut ended = situation();
    ended.builds = vec![Build {
        job: job(BuildState::Succeeded),
        ..build("target", BuildState::Building)
    }];
    let set = |image: Option<&str>| Action::SetState {
        build: id("target"),
        state: BuildState::Succeeded,
        image: image.map(str::to_owned),
        failure: None,
    };
    check_waits(&ended, "IL-822", "r.io/o/i:target");
    // The ConfigMap of the stock builder's pods.
    let mut known = ended.clone();
    known.builds[0].digest_in_config_map = Some(DIGEST.to_owned());
    check(&known, "IL-822", &[set(Some(IMAGE))]);
    let mut known = ended.clone();
    known.builds[0].attempts = vec![Attempt {
        message: format!(r#"{{"v":1,"digest":"{DIGEST}"}}"#),
        ..Attempt::default()
    }];
    check(&known, "IL-822", &[set(Some(IMAGE))]);
    // The registry, if the image is rendered from the same.
    let fact = |inputs: &str| ImageFact::Found {
        digest: DIGEST.to_owned(),
        inputs: Some(inputs.to_owned()),
    };
    let tag = "r.io/o/i:target".to_owned();
    ended.images.insert(tag.clone(), fact("inputs"));
    check(&ended, "IL-822", &[set(Some(IMAGE))]);
    for lost in [fact("new"), ImageFact::NotFound] {
        ended.images.insert(tag.clone(), lost);
        let (_, actions, _) = done(&ended);
        let [Action::SetState { state, failure, .. }] = actions.as_slice() else {
            panic!("{actions:?}");
        };
        assert_eq!(*state, BuildState::Failed);
        assert_eq!(failure.as_ref().unwrap().stage, Stage::Digest);
    }
}

#[test]
fn il_825_a_build_that_succeeded_without_a_digest_is_made_again() {
    let mut lost = situation();
    lost.builds = vec![Build {
        digest: None,
        ..build("target", BuildState::Succeeded)
    }];
    check(&lost, "IL-825", &[delete("target")]);
}

#[test]
fn il_777_a_failure_has_the_message_of_its_last_pod() {
    let mut failed = situation();
    failed.builds = vec![Build {
        job: job(BuildState::Failed),
        attempts: vec![Attempt {
            exit_code: Some(40),
            message: r#"{"v":1,"text":"unauthorized"}"#.to_owned(),
            ..Attempt::default()
        }],
        ..build("target", BuildState::Building)
    }];
    let (_, actions, _) = done(&failed);
    let [Action::SetState { failure, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    let failure = failure.as_ref().unwrap();
    assert_eq!((failure.stage, failure.permanent), (Stage::Push, true));
    assert_eq!(failure.text, "unauthorized");
}

#[test]
fn il_721_il_727_a_deadline_is_a_failure_of_its_own() {
    let mut late = situation();
    let failure = osbuild_check::Failure::of_job("DeadlineExceeded", "active too long");
    late.builds = vec![Build {
        job: Some(Job {
            failure: Some(failure.clone()),
            ..job(BuildState::Failed).unwrap()
        }),
        attempts: vec![attempt(31)],
        ..build("target", BuildState::Building)
    }];
    assert_eq!(set_failure(&late), failure);
    // That all attempts are used up says less than the last of them.
    let used_up = osbuild_check::Failure::of_job("BackoffLimitExceeded", "");
    late.builds[0].job.as_mut().unwrap().failure = Some(used_up);
    assert_eq!(set_failure(&late).stage, Stage::Step);
    late.builds[0].attempts.clear();
    assert_eq!(set_failure(&late).cause, "Unknown");
}

fn attempt(code: i64) -> Attempt {
    Attempt {
        pod: format!("pod-{code}"),
        exit_code: Some(code),
        ..Attempt::default()
    }
}

fn set_failure(situation: &Situation) -> osbuild_check::Failure {
    let (_, actions, _) = done(situation);
    match actions.as_slice() {
        [
            Action::SetState {
                failure: Some(failure),
                ..
            },
        ] => failure.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn il_780_a_step_is_tried_twice_and_everything_else_four_times() {
    let mut failing = situation();
    failing.config.current_build = Some("target".to_owned());
    failing.builds = vec![Build {
        job: job(BuildState::Building),
        job_uid: Some("job".to_owned()),
        attempts: vec![attempt(31), attempt(22)],
        ..build("target", BuildState::Building)
    }];
    check(&failing, "IL-823", &[]);
    failing.builds[0].attempts.push(attempt(31));
    assert_eq!(set_failure(&failing).stage, Stage::Step);
    // Then the Job stops, whether its log can be read or not, and the log is kept.
    failing.builds[0].state = Some(BuildState::Failed);
    let (build, job) = (id("target"), "job".to_owned());
    check(&failing, "IL-780", &[Action::StopJob { build, job }]);
    // A pod of it may take its time to end.
    failing.builds[0].job.as_mut().unwrap().is_stopped = true;
    let (build, pods) = (id("target"), vec!["pod-31".to_owned()]);
    check(&failing, "IL-782", &[Action::KeepLog { build, pods }]);
    failing.builds[0].has_log = true;
    check_waits(&failing, "IL-827", "ended without an image");
}

#[test]
fn il_780_a_third_attempt_that_made_the_image_counts() {
    let mut made = situation();
    let message = format!(r#"{{"v":1,"digest":"{DIGEST}"}}"#);
    let last = Attempt {
        message,
        ..attempt(0)
    };
    made.builds = vec![Build {
        job: job(BuildState::Succeeded),
        attempts: vec![attempt(31), attempt(31), last],
        ..build("target", BuildState::Building)
    }];
    let set = Action::SetState {
        build: id("target"),
        state: BuildState::Succeeded,
        image: Some(IMAGE.to_owned()),
        failure: None,
    };
    check(&made, "IL-822", &[set]);
}

#[test]
fn il_732_no_condition_is_written_while_an_answer_is_awaited() {
    let writes = |situation: &Situation| {
        let decision = decide(situation);
        let mut actions = decision.actions.iter();
        let writes = actions.any(|action| matches!(action, Action::SetConfigConditions(_)));
        (decision.wait, writes)
    };
    let mut unread = situation();
    unread.is_live = false;
    assert_eq!(writes(&unread), (Some(Wait::Live), false));
    let mut same = about_to_build();
    same.builds[0].content = Some("new".to_owned());
    let asked = Wait::Images(vec![IMAGE.to_owned()]);
    assert_eq!(writes(&same), (Some(asked), false));
    let mut about = about_to_build();
    about.push_access = None;
    let asked = Wait::PushAccess("r.io/o/i:target".to_owned());
    assert_eq!(writes(&about), (Some(asked), false));
    // The answer is what is told.
    about.push_access = Some(PushAccess::Denied("wrong password".to_owned()));
    let (wait, writes) = writes(&about);
    assert!(matches!(wait, Some(Wait::Retry(_))) && writes);
}

#[test]
fn il_783_il_785_what_is_known_to_fail_is_not_started() {
    let mut about = about_to_build();
    about.push_access = None;
    check_waits(&about, "IL-783", "push r.io/o/i:target");
    about.push_access = Some(PushAccess::Denied("unauthorized".to_owned()));
    check_waits(&about, "IL-783", "nothing was built: unauthorized");
    about.push_access = Some(PushAccess::Unknown("timeout".to_owned()));
    check(&about, "IL-821", &[start()]);
    about.input = Some(BuildInput::Missing("secret push is not there".to_owned()));
    check_waits(&about, "IL-821", "secret push is not there");
    let failure = osbuild_check::Failure::of_input("too large");
    about.input = Some(BuildInput::Invalid(failure.clone()));
    assert_eq!(set_failure(&about), failure);
    about.input = None;
    check_waits(&about, "IL-821", "live");
}

#[test]
fn il_732_il_787_the_author_reads_it_in_conditions() {
    let true_ones = |situation: &Situation| {
        let actions = decide(situation).actions;
        let set = actions.into_iter().find_map(|action| match action {
            Action::SetConfigConditions(conditions) => Some(conditions),
            _ => None,
        });
        set.unwrap_or_default()
            .into_iter()
            .filter(|condition| condition.is_true)
            .map(|condition| format!("{}: {}", condition.kind, condition.message))
            .collect::<Vec<_>>()
    };
    let mut failed = situation();
    failed.config.current_build = Some("target".to_owned());
    failed.config.unused_entries = Some("ARM64".to_owned());
    failed.builds = vec![Build {
        failure_message: Some("Build Failed: no".to_owned()),
        ..build("target", BuildState::Failed)
    }];
    assert_eq!(
        true_ones(&failed),
        [
            "Failed: MachineOSBuild target: Build Failed: no",
            "UnusedContainerFile: ARM64"
        ]
    );
    // A pool takes an image once the status names it: it is not ready before.
    let mut built = situation();
    built.config.current_build = Some("target".to_owned());
    built.builds = vec![Build {
        digest_in_config_map: Some(DIGEST.to_owned()),
        ..build("target", BuildState::Succeeded)
    }];
    built.images.insert(IMAGE.to_owned(), found());
    assert_eq!(true_ones(&built), Vec::<String>::new());
    built.config.image = Some(IMAGE.to_owned());
    built.config.build_of_image = Some("target".to_owned());
    assert_eq!(
        true_ones(&built),
        ["Ready: the image of MachineOSBuild target is current"]
    );
    let mut blocked = situation();
    blocked.target = Err("too long".to_owned());
    assert_eq!(true_ones(&blocked), ["Failed: too long"]);
    let mut younger = situation();
    younger.config.yields_to = Some("first".to_owned());
    assert!(true_ones(&younger)[0].contains("MachineOSConfig first for pool worker is older"));
}

#[test]
fn il_750_a_build_says_why_it_is_made() {
    let trigger = |change: fn(&mut Situation)| {
        let mut situation = situation();
        situation.config.current_build = Some("old".to_owned());
        situation.builds = vec![build("old", BuildState::Succeeded)];
        change(&mut situation);
        let (_, actions, _) = done(&situation);
        match actions.as_slice() {
            [Action::CreateBuild { trigger, .. }] => trigger.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        trigger(|_| {}),
        "pool configuration rendered-worker-2 instead of rendered-worker-1"
    );
    let same = |s: &mut Situation| s.builds[0].rendered = "rendered-worker-2".to_owned();
    assert_eq!(trigger(same), "change of the MachineOSConfig's spec");
    assert_eq!(
        trigger(|s| s.builds.clear()),
        "MachineOSBuild old was deleted"
    );
    let first = |s: &mut Situation| {
        s.builds.clear();
        s.config.current_build = None;
    };
    assert_eq!(trigger(first), "first build of the MachineOSConfig");
    let asked = |s: &mut Situation| {
        s.builds.clear();
        s.config.rebuild = true;
    };
    assert_eq!(trigger(asked), "rebuild annotation");
}

#[test]
fn il_813_il_814_a_request_deletes_the_current_build_and_is_dropped_before_the_next_one_starts() {
    let mut asked = situation();
    asked.config.rebuild = true;
    asked.config.current_build = Some("old".to_owned());
    asked.builds = vec![
        build("old", BuildState::Succeeded),
        build("target", BuildState::Failed),
    ];
    check(&asked, "IL-813", &[delete("old"), delete("target")]);
    asked.builds.clear();
    check(&asked, "IL-820", &[create(Trigger::Rebuild)]);
    asked.builds = vec![Build {
        is_rebuild: true,
        ..build("target", BuildState::Initial)
    }];
    check(&asked, "IL-821", &[set_current()]);
    asked.config.rebuild = false;
    asked.config.current_build = Some("target".to_owned());
    check(&asked, "IL-821", &[start()]);
}

#[test]
fn il_815_il_816_nothing_is_built_for_a_pool_that_is_not_ready() {
    let check = |change: &dyn Fn(&mut Situation), rule: &str, message: &str| {
        let mut situation = situation();
        change(&mut situation);
        check_waits(&situation, rule, message);
    };
    check(
        &|s| s.pool = None,
        "IL-815",
        "could not get MachineConfigPool worker for",
    );
    let pool = |s: &mut Situation, change: fn(&mut Pool)| s.pool.as_mut().map(change).unwrap();
    check(
        &|s| pool(s, |pool| pool.target.clear()),
        "IL-815",
        "no rendered",
    );
    check(
        &|s| pool(s, |pool| pool.has_target = false),
        "IL-815",
        "could not get MachineConfig ",
    );
    check(
        &|s| pool(s, |pool| pool.degraded_by = Some("RenderDegraded")),
        "IL-816",
        "MachineConfigPool worker is degraded due to non-build issues",
    );
    check(
        &|s| s.target = Err("too long".to_owned()),
        "IL-815",
        "too long",
    );
}

#[test]
fn il_822_il_823_jobs_move_their_builds_and_never_back() {
    let mut situation = situation();
    situation.builds = vec![Build {
        job: job(BuildState::Building),
        job_uid: Some("job".to_owned()),
        ..build("target", BuildState::Prepared)
    }];
    let building = Action::SetState {
        build: id("target"),
        state: BuildState::Building,
        image: None,
        failure: None,
    };
    check(&situation, "IL-822", &[building]);
    situation.builds[0].state = Some(BuildState::Building);
    situation.builds[0].job = job(BuildState::Prepared);
    check(&situation, "IL-823", &[set_current()]);
}

#[test]
fn il_824_a_build_that_is_done_becomes_current_step_by_step() {
    let mut ended = situation();
    ended.builds = vec![Build {
        job: job(BuildState::Succeeded),
        ..build("target", BuildState::Succeeded)
    }];
    check(&ended, "IL-824", &[set_current()]);
    ended.config.current_build = Some("target".to_owned());
    let (build, image) = ("target".to_owned(), IMAGE.to_owned());
    check(
        &ended,
        "IL-824",
        &[Action::SetCurrentImage { build, image }],
    );
    ended.config.image = Some(IMAGE.to_owned());
    ended.config.build_of_image = Some("target".to_owned());
    let (build, digest) = (id("target"), DIGEST.to_owned());
    check(&ended, "IL-824", &[Action::WriteDigest { build, digest }]);
    ended.builds[0].digest_in_config_map = Some(DIGEST.to_owned());
    let inputs = vec![(openshift_model::Kind::Secret, id("base-target"))];
    ended.builds[0].job_inputs = inputs.clone();
    let (build, job) = (id("target"), "job".to_owned());
    let clean_up = Action::CleanUp { build, job, inputs };
    check(&ended, "IL-824", &[clean_up]);
    ended.is_live = false;
    check_waits(&ended, "IL-824", "live");
    ended.is_live = true;
    ended.builds[0].job = None;
    check(&ended, "IL-824", &[]);
    assert_eq!(decide(&ended).wait, None);
}

#[test]
fn il_283_a_build_that_is_the_target_no_more_is_cleaned_up_as_well() {
    let mut past = about_to_build();
    past.builds[0].job = job(BuildState::Succeeded);
    let (build, digest) = (id("old"), DIGEST.to_owned());
    check(&past, "IL-283", &[Action::WriteDigest { build, digest }]);
    past.builds[0].digest_in_config_map = Some(DIGEST.to_owned());
    let clean_up = Action::CleanUp {
        build: id("old"),
        job: "job".to_owned(),
        inputs: Vec::new(),
    };
    check(&past, "IL-283", &[clean_up]);
    past.builds[0].job.as_mut().unwrap().is_being_deleted = true;
    check(&past, "IL-821", &[start()]);
}

#[test]
fn il_825_il_826_an_old_build_counts_only_if_its_image_is_there() {
    let mut old = situation();
    old.builds = vec![build("target", BuildState::Succeeded)];
    check_waits(&old, "IL-824", IMAGE);
    old.images.insert(IMAGE.to_owned(), found());
    check(&old, "IL-824", &[set_current()]);
    old.images.insert(IMAGE.to_owned(), ImageFact::NotFound);
    check(&old, "IL-825", &[delete("target")]);
    let denied = ImageFact::Unknown("denied".to_owned());
    old.images.insert(IMAGE.to_owned(), denied);
    check_waits(&old, "IL-826", "denied");
}

#[test]
fn il_827_il_733_what_failed_is_named_as_current_and_stays() {
    let mut failed = situation();
    failed.builds = vec![build("target", BuildState::Failed)];
    check(&failed, "IL-827", &[set_current()]);
    failed.config.current_build = Some("target".to_owned());
    check_waits(
        &failed,
        "IL-827",
        "ended without an image: change the MachineOSConfig",
    );
}

#[test]
fn il_829_of_two_configs_for_a_pool_the_older_one_has_it() {
    let mut younger = situation();
    younger.config.yields_to = Some("first".to_owned());
    check_waits(
        &younger,
        "IL-829",
        "MachineOSConfig first for pool worker is older",
    );
}

#[test]
fn il_350_builds_of_this_very_object_go_with_it() {
    let mut gone = situation();
    gone.config.presence = Presence::Gone;
    gone.builds = vec![
        build("a", BuildState::Succeeded),
        Build {
            is_owned: false,
            ..build("b", BuildState::Failed)
        },
    ];
    check(&gone, "IL-810", &[delete("a")]);
}

/// Objects of a cluster, read and reduced.
fn observed(job_owner: &str, change: impl FnOnce(&mut Value)) -> Situation {
    observed_with_digest(job_owner, &json!({"metadata": {"name": "other"}}), change)
}

fn observed_with_digest(
    job_owner: &str,
    digest: &Value,
    change: impl FnOnce(&mut Value),
) -> Situation {
    let config = object(
        "MachineOSConfig",
        &json!({"metadata": {"name": "worker", "uid": "config"}, "spec": {
            "machineConfigPool": {"name": "worker"}, "imageBuilder": {"imageBuilderType": "Job"},
            "renderedImagePushSecret": {"name": "push"},
            "renderedImagePushSpec": "quay.io/org/os:x"}}),
    );
    let pool = object(
        "MachineConfigPool",
        &json!({"metadata": {"name": "worker"},
            "spec": {"configuration": {"name": "rendered-worker-2"}},
            "status": {"configuration": {"name": "rendered-worker-1"}}}),
    );
    let machine_config = |name: &str| {
        object(
            "MachineConfig",
            &json!({"metadata": {"name": name, "annotations": {
                OsMachineConfig::RELEASE_ANNOTATION: "4.20.3",
                OsMachineConfig::CONTROLLER_ANNOTATION: "1"}}, "spec": {"osImageURL": "a"}}),
        )
    };
    let mut build = json!({"metadata": {"name": "worker-1", "uid": "build",
            "labels": {keys::MACHINE_OS_CONFIG: "worker"},
            "finalizers": ["osimage.dev/image"],
            "ownerReferences": [{"uid": "config", "controller": true}]},
        "spec": {"machineOSConfig": {"name": "worker"}},
        "status": {"conditions": [{"type": "Building", "status": "True"}]}});
    change(&mut build);
    let build = object("MachineOSBuild", &build);
    let job = object(
        "Job",
        &json!({"metadata": {"name": "build-worker-1", "uid": "job",
                "ownerReferences": [{"uid": job_owner}]},
            "status": {"failed": 4}}),
    );
    let digest = object("ConfigMap", digest);
    let (current, target) = (
        machine_config("rendered-worker-1"),
        machine_config("rendered-worker-2"),
    );
    let configs = [MachineOSConfig::read(&raw(&config)).unwrap()];
    Situation::of(&Observed {
        is_live: true,
        config: &configs[0],
        is_gone: false,
        configs: &configs,
        builds: &[MachineOSBuild::read(&raw(&build)).unwrap()],
        jobs: &[BuildJob::read(&raw(&job)).unwrap()],
        pods: &[],
        owned: &[OwnedObject::read(&raw(&digest)).unwrap()],
        pool: Some(&LayeredPool::read(&raw(&pool)).unwrap()),
        current: Some(&OsMachineConfig::read(&raw(&current)).unwrap()),
        target: Some(&OsMachineConfig::read(&raw(&target)).unwrap()),
        images: &BTreeMap::new(),
        images_in_use: &BTreeSet::new(),
        input: None,
        push_access: None,
    })
}

#[test]
fn il_771_a_job_of_a_former_build_of_the_same_name_does_not_count() {
    let own = observed("build", |_| {});
    assert_eq!(
        own.builds[0].job.as_ref().unwrap().state,
        Some(BuildState::Failed)
    );
    assert!(own.builds[0].is_owned && own.builds[0].has_finalizer);
    let former = observed("another build of this name", |_| {});
    assert_eq!(former.builds[0].job, None);
}

#[test]
fn il_275_il_771_a_digest_of_a_former_build_of_the_same_name_does_not_count() {
    let digest = |metadata: &Value, made_by_us: bool| {
        let mut config_map = json!({"metadata": {"name": "digest-worker-1",
            "namespace": "openshift-machine-config-operator"}, "data": {"digest": DIGEST}});
        let members = metadata.as_object().unwrap().clone();
        let target = config_map["metadata"].as_object_mut().unwrap();
        target.extend(members);
        let found = observed_with_digest("build", &config_map, |build| {
            build["metadata"]["creationTimestamp"] = json!("2026-01-02T00:00:00Z");
            if made_by_us {
                build["metadata"]["annotations"] =
                    json!({"osimage.dev/content-digest": "sha256:1"});
            }
        });
        found.builds[0].digest_in_config_map.is_some()
    };
    let owner = |uid: &str| json!({"ownerReferences": [{"uid": uid}]});
    assert!(digest(&owner("build"), true) && digest(&owner("build"), false));
    assert!(!digest(&owner("another"), true) && !digest(&owner("another"), false));
    // The stock builder's has no owner: it counts for the stock builder's builds, unless it is older.
    let created = |day: &str| json!({"creationTimestamp": format!("2026-01-{day}T00:00:00Z")});
    assert!(digest(&created("02"), false) && digest(&created("03"), false));
    assert!(!digest(&created("01"), false) && !digest(&created("03"), true));
}

#[test]
fn il_770_the_name_of_a_stock_build_proves_what_it_was_made_of() {
    let name = observed("build", |_| {}).target.unwrap().name;
    let content = observed("build", |_| {}).target.unwrap().content;
    let named = observed("build", |build| build["metadata"]["name"] = json!(name));
    assert_eq!(named.builds[0].content, Some(content));
    let other = observed("build", |_| {});
    assert_eq!(other.builds[0].content, None);
    let annotated = observed("build", |build| {
        build["metadata"]["annotations"] = json!({"osimage.dev/content-digest": "sha256:1"});
    });
    assert_eq!(annotated.builds[0].content.as_deref(), Some("sha256:1"));
}
