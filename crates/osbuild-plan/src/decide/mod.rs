//! What to do next (Appendix B): a total, deterministic function of what there is.
//!
//! Level-triggered: it looks at nothing but the situation, never at the event that led to it, so
//! that the order of events does not matter and a crash between two steps costs nothing.

mod action;
#[cfg(test)]
mod simulation;
mod situation;

use osbuild_check::{BuildState, is_image_digest, is_image_name, transition};

pub use action::{Action, Decision, Wait};
pub use situation::{Build, Config, ImageFact, Observed, Pool, Situation};

use crate::pool_condition::pool_condition;

/// Appendix B: what to do next about a MachineOSConfig. The first row that fits wins.
///
/// - of the builds of a MachineOSConfig at most one goes on;
/// - a build that stands for an image of another one, or for one that was built before, never gets
///   a Job;
/// - an image that a node runs or is to run is never deleted;
/// - asked again about its own result, it has nothing to do.
pub fn decide(situation: &Situation) -> Decision {
    let mut decision = rows(situation);
    if !situation.config.is_deleted
        && situation.config.yields_to.is_none()
        && let Some(pool) = &situation.pool
        && let Some(condition) = pool_condition(situation)
        && pool.needs(&condition)
    {
        decision.actions.push(Action::SetPoolCondition(condition));
    }
    decision
}

fn rows(situation: &Situation) -> Decision {
    if situation.config.is_deleted {
        return config_is_deleted(situation);
    }
    if let Some(other) = &situation.config.yields_to {
        let pool = &situation.config.pool;
        let why = format!("MachineOSConfig {other} for pool {pool} is older and has it");
        return Decision::wait("IL-829", Wait::Person(why));
    }
    jobs_moved(situation)
        .or_else(|| pre_built(situation))
        .or_else(|| rebuild(situation))
        .unwrap_or_else(|| match blocked(situation) {
            Ok((pool, target)) => Rows {
                situation,
                pool,
                target,
            }
            .target(),
            Err(decision) => decision,
        })
}

/// IL-810, IL-350: the builds that this very object controls go with it. (A new object of the same
/// name keeps its own.)
fn config_is_deleted(situation: &Situation) -> Decision {
    let going: Vec<&Build> = situation
        .builds
        .iter()
        .filter(|build| build.is_owned && !build.is_being_deleted)
        .collect();
    let delete = |(index, build): (usize, &&Build)| {
        // An image that two builds share goes with the last of them.
        let rest = going.get(index + 1..).unwrap_or_default();
        let is_shared = rest.iter().any(|other| other.digest == build.digest);
        let in_use = situation.is_in_use(build.digest.as_deref());
        Action::DeleteBuild {
            build: build.name.clone(),
            image: build.digest.clone().filter(|_| !is_shared && !in_use),
        }
    };
    Decision::act("IL-810", going.iter().enumerate().map(delete).collect())
}

/// IL-822, IL-312: what Jobs say goes into the status of their builds; a Job that is gone before
/// it succeeded interrupted its build.
fn jobs_moved(situation: &Situation) -> Option<Decision> {
    let mut actions = Vec::new();
    for build in situation
        .builds
        .iter()
        .filter(|build| !build.is_being_deleted)
    {
        let is_transient = build.state.is_some_and(BuildState::is_transient);
        let told = match build.job {
            Some(told) => told,
            None if is_transient => BuildState::Interrupted,
            None => continue,
        };
        if told != BuildState::Initial && transition(build.state, Some(told)).allowed {
            let build = build.name.clone();
            actions.push(Action::SetState { build, state: told });
        }
    }
    (!actions.is_empty()).then(|| Decision::act("IL-822", actions))
}

/// IL-811, IL-812, IL-370 … IL-375: an image that was built before.
fn pre_built(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    let image = config.pre_built_image.as_ref()?;
    if config.current_build.is_some() {
        let is_complete = config.image.is_some();
        return is_complete.then(|| Decision::act("IL-812", vec![Action::RemovePreBuiltImage]));
    }
    let (_, target) = match blocked(situation) {
        Ok(found) => found,
        Err(decision) => return Some(decision),
    };
    let name = image.split('@').next().unwrap_or_default();
    if !is_image_digest(image) || !is_image_name(name) {
        let why = format!(
            "the pre-built image {image:?} is not of the form host/[namespace/]name@sha256:…"
        );
        return Some(Decision::wait("IL-811", Wait::Person(why)));
    }
    let (build, image) = (target.to_owned(), image.clone());
    Some(Decision::act("IL-811", vec![Action::Seed { build, image }]))
}

/// IL-813, IL-814: somebody asks for another build: the current one goes, and with it a target
/// that failed. What comes next makes them new, and drops the request when it starts.
fn rebuild(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    if !config.rebuild {
        return None;
    }
    let current = situation.current_build()?;
    // One that never started is as good as new.
    let is_new = current.job.is_none() && !current.has_ended_or_runs();
    if is_new || current.is_being_deleted {
        return None;
    }
    let failed_target = situation.target_build().filter(|target| {
        target.name != current.name
            && target.state.is_some_and(BuildState::is_degraded)
            && !target.is_being_deleted
    });
    let going = std::iter::once(current).chain(failed_target);
    let delete = |build| situation.delete(build);
    Some(Decision::act("IL-813", going.map(delete).collect()))
}

/// IL-815, IL-816: what must be there before anything is built.
fn blocked(situation: &Situation) -> Result<(&Pool, &str), Decision> {
    let retry = |rule, why: String| Err(Decision::wait(rule, Wait::Retry(why)));
    let config = &situation.config;
    let Some(pool) = &situation.pool else {
        let (pool, name) = (&config.pool, &config.name);
        let why = format!("could not get MachineConfigPool {pool} for MachineOSConfig {name}");
        return retry("IL-815", why);
    };
    if pool.target.is_empty() {
        let why = format!(
            "MachineConfigPool {} has no rendered MachineConfig yet",
            config.pool
        );
        return retry("IL-815", why);
    }
    if !pool.has_target {
        let (target, name) = (&pool.target, &config.pool);
        let why = format!("could not get MachineConfig {target} for MachineConfigPool {name}");
        return retry("IL-815", why);
    }
    if pool.degraded_by.is_some() {
        let why = format!(
            "MachineConfigPool {} is degraded due to non-build issues",
            config.pool
        );
        return retry("IL-816", why);
    }
    match &situation.target {
        Ok(target) => Ok((pool, target)),
        Err(why) => Err(Decision::wait("IL-815", Wait::Person(why.clone()))),
    }
}

/// The rows about the build that should be.
struct Rows<'a> {
    situation: &'a Situation,
    pool: &'a Pool,
    target: &'a str,
}

impl Rows<'_> {
    fn target(&self) -> Decision {
        let Some(build) = self.situation.target_build() else {
            return self.content(None);
        };
        if build.is_being_deleted {
            let why = format!("MachineOSBuild {} is being deleted", build.name);
            return Decision::wait("IL-820", Wait::Progress(why));
        }
        match build.state {
            None | Some(BuildState::Initial) if build.is_seeded => self.seeded(build),
            None | Some(BuildState::Initial) => self.content(Some(build)),
            Some(BuildState::Prepared | BuildState::Building) => self.running(build),
            Some(BuildState::Succeeded) => self.succeeded(build),
            Some(BuildState::Failed | BuildState::Interrupted) => self.ended(build),
        }
    }

    /// IL-373: a build for an image that was built before lacks its status: a crash came between.
    fn seeded(&self, build: &Build) -> Decision {
        let build = build.name.clone();
        if let Some(image) = self.situation.config.image.clone() {
            return Decision::act("IL-811", vec![Action::CopyImage { build, image }]);
        }
        let why = format!("MachineOSBuild {build} stands for a pre-built image and has none");
        Decision::wait("IL-811", Wait::Person(why))
    }

    /// IL-817 … IL-821: the target has no image and no Job yet: it takes over an image, or is built.
    fn content(&self, build: Option<&Build>) -> Decision {
        if build.is_some_and(|build| build.job.is_some()) {
            let why = "the Job of the build has not begun".to_owned();
            return Decision::wait("IL-822", Wait::Progress(why));
        }
        let Some(image) = self.reusable() else {
            let rule = if build.is_some() { "IL-821" } else { "IL-820" };
            return self.build(rule, build);
        };
        match self.situation.images.get(image) {
            None => Decision::wait("IL-817", Wait::Images(vec![image.to_owned()])),
            Some(ImageFact::NotFound) => self.build("IL-818", build),
            Some(ImageFact::Unknown(why)) => {
                let why = format!("image {image} could not be inspected: {why}");
                Decision::wait("IL-819", Wait::Retry(why))
            }
            Some(ImageFact::Found) => {
                let mut actions = self.create(build);
                let image = image.to_owned();
                let copied = Some(image.clone());
                actions.push(Action::CopyImage {
                    build: self.target.to_owned(),
                    image,
                });
                actions.push(Action::Point {
                    build: self.target.to_owned(),
                    image: copied,
                });
                Decision::act("IL-817", actions)
            }
        }
    }

    /// IL-817: the image that the MachineOSConfig has, where the pool moves to a MachineConfig that
    /// needs no other one and a build of it is still there.
    fn reusable(&self) -> Option<&str> {
        let image = self.situation.config.image.as_deref()?;
        let is_built = self.situation.builds.iter().any(|build| {
            build.name != self.target
                && build.state == Some(BuildState::Succeeded)
                && build.digest.as_deref() == Some(image)
                && !build.is_being_deleted
        });
        (self.pool.is_layer_only && is_built).then_some(image)
    }

    fn create(&self, build: Option<&Build>) -> Vec<Action> {
        match build {
            Some(_) => Vec::new(),
            None => vec![Action::CreateBuild {
                build: self.target.to_owned(),
            }],
        }
    }

    /// IL-820, IL-821: other builds make way, the MachineOSConfig names the target, the Job starts.
    /// (In this order, so that a crash never starts a build twice.)
    fn build(&self, rule: &'static str, build: Option<&Build>) -> Decision {
        let mut actions = self.create(build);
        actions.extend(self.without_image());
        actions.extend(self.point(None));
        actions.push(Action::Start {
            build: self.target.to_owned(),
        });
        Decision::act(rule, actions)
    }

    /// IL-823
    fn running(&self, build: &Build) -> Decision {
        let mut actions = self.without_image();
        actions.extend(self.point(None));
        let why = format!("MachineOSBuild {} is at work", build.name);
        Decision {
            rule: "IL-823",
            actions,
            wait: Some(Wait::Progress(why)),
        }
    }

    /// IL-824 … IL-826, IL-331: a build that is not current yet counts only if its image is there.
    fn succeeded(&self, build: &Build) -> Decision {
        let Some(image) = &build.digest else {
            let why = format!(
                "MachineOSBuild {} succeeded and has no image digest",
                build.name
            );
            return Decision::wait("IL-824", Wait::Retry(why));
        };
        let point = self.point(Some(image));
        // Its Job is there still: it was built just now.
        let is_fresh = build.job == Some(BuildState::Succeeded);
        if point.is_some() && !is_fresh {
            match self.situation.images.get(image) {
                Some(ImageFact::Found) => {}
                None => return Decision::wait("IL-824", Wait::Images(vec![image.clone()])),
                Some(ImageFact::NotFound) => {
                    let build = build.name.clone();
                    let delete = Action::DeleteBuild { build, image: None };
                    return Decision::act("IL-825", vec![delete]);
                }
                Some(ImageFact::Unknown(why)) => {
                    let why = format!("image {image} could not be inspected: {why}");
                    return Decision::wait("IL-826", Wait::Retry(why));
                }
            }
        }
        let mut actions = self.without_image();
        actions.extend(point);
        if build.job.is_some() {
            actions.push(Action::CleanUp {
                build: build.name.clone(),
            });
        }
        Decision::act("IL-824", actions)
    }

    /// IL-827: what failed stays until a person, or a change, moves it; what never started goes.
    fn ended(&self, build: &Build) -> Decision {
        let never_started = |other: &&Build| other.job.is_none() && !other.has_ended_or_runs();
        let going = self.others().filter(never_started);
        let actions = going.map(|other| self.situation.delete(other)).collect();
        let why = format!(
            "MachineOSBuild {} ended without an image: change the MachineOSConfig, or annotate it \
             with {}",
            build.name,
            mosb_naming::keys::REBUILD,
        );
        Decision {
            rule: "IL-827",
            actions,
            wait: Some(Wait::Person(why)),
        }
    }

    fn others(&self) -> impl Iterator<Item = &Build> {
        let builds = self.situation.builds.iter();
        builds.filter(|build| build.name != self.target && !build.is_being_deleted)
    }

    /// IL-327, IL-828: other builds that have no image go.
    fn without_image(&self) -> Vec<Action> {
        self.others()
            .filter(|build| build.state != Some(BuildState::Succeeded))
            .map(|build| self.situation.delete(build))
            .collect()
    }

    /// IL-360: names the target as current, where that says something new.
    fn point(&self, image: Option<&String>) -> Option<Action> {
        let config = &self.situation.config;
        let is_named = config.current_build.as_deref() == Some(self.target) && !config.rebuild;
        let has_image = image.is_none_or(|image| {
            config.image.as_ref() == Some(image)
                && config.build_of_image.as_deref() == Some(self.target)
                && config.is_observed
        });
        (!is_named || !has_image).then(|| Action::Point {
            build: self.target.to_owned(),
            image: image.cloned(),
        })
    }
}

impl Situation {
    fn current_build(&self) -> Option<&Build> {
        let current = self.config.current_build.as_deref()?;
        self.builds.iter().find(|build| build.name == current)
    }

    /// IL-353: an image that nodes run or are to run.
    fn is_in_use(&self, digest: Option<&str>) -> bool {
        digest.is_some_and(|digest| self.images_in_use.contains(digest))
    }

    /// IL-351, IL-353: deletes a build, and its image where nothing else needs it: no node, no
    /// other build, not the MachineOSConfig.
    fn delete(&self, build: &Build) -> Action {
        let digest = build.digest.as_deref();
        let is_shared = self.builds.iter().any(|other| {
            other.name != build.name && other.digest.is_some() && other.digest == build.digest
        });
        let is_needed =
            is_shared || self.is_in_use(digest) || self.config.image.as_deref() == digest;
        Action::DeleteBuild {
            build: build.name.clone(),
            image: build.digest.clone().filter(|_| !is_needed),
        }
    }
}

impl Build {
    fn has_ended_or_runs(&self) -> bool {
        self.state.is_some_and(|state| state != BuildState::Initial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool_condition::PoolCondition;

    const IMAGE: &str =
        "r.io/o/i@sha256:628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

    /// A MachineOSConfig that was just created, and its pool.
    fn situation() -> Situation {
        Situation {
            config: Config {
                name: "worker".to_owned(),
                pool: "worker".to_owned(),
                is_observed: true,
                ..Config::default()
            },
            builds: Vec::new(),
            pool: Some(Pool {
                target: "rendered-worker-1".to_owned(),
                has_target: true,
                build_condition: Some(PoolCondition {
                    is_true: false,
                    reason: "BuildSuccess".to_owned(),
                    message: "Build succeeded for pool worker".to_owned(),
                }),
                ..Pool::default()
            }),
            target: Ok("target".to_owned()),
            images: std::collections::BTreeMap::new(),
            images_in_use: std::collections::BTreeSet::new(),
        }
    }

    fn build(name: &str, state: BuildState) -> Build {
        let digest = (state == BuildState::Succeeded).then(|| IMAGE.to_owned());
        Build {
            name: name.to_owned(),
            is_owned: true,
            state: Some(state),
            digest,
            ..Build::default()
        }
    }

    fn create() -> Action {
        Action::CreateBuild {
            build: "target".to_owned(),
        }
    }

    fn start() -> Action {
        Action::Start {
            build: "target".to_owned(),
        }
    }

    fn point(image: Option<&str>) -> Action {
        let image = image.map(str::to_owned);
        Action::Point {
            build: "target".to_owned(),
            image,
        }
    }

    fn delete(build: &str, image: Option<&str>) -> Action {
        let image = image.map(str::to_owned);
        Action::DeleteBuild {
            build: build.to_owned(),
            image,
        }
    }

    fn check(situation: &Situation, rule: &str, actions: &[Action]) {
        let decision = decide(situation);
        let mut found = decision.actions;
        found.retain(|action| !matches!(action, Action::SetPoolCondition(_)));
        assert_eq!((decision.rule, found.as_slice()), (rule, actions));
    }

    #[test]
    fn il_810_builds_go_with_their_config() {
        let mut deleted = situation();
        deleted.config.is_deleted = true;
        deleted.builds = vec![
            build("a", BuildState::Succeeded),
            build("b", BuildState::Succeeded),
            Build {
                is_owned: false,
                ..build("c", BuildState::Failed)
            },
        ];
        // The image is shared: it goes with the last build.
        check(
            &deleted,
            "IL-810",
            &[delete("a", None), delete("b", Some(IMAGE))],
        );
        deleted.images_in_use.insert(IMAGE.to_owned());
        check(&deleted, "IL-810", &[delete("a", None), delete("b", None)]);
    }

    #[test]
    fn il_811_il_812_an_image_that_was_built_before_is_taken_over() {
        let mut seeding = situation();
        seeding.config.pre_built_image = Some(IMAGE.to_owned());
        let seed = Action::Seed {
            build: "target".to_owned(),
            image: IMAGE.to_owned(),
        };
        check(&seeding, "IL-811", &[seed]);
        seeding.config.pre_built_image = Some("r.io/o/i:tag".to_owned());
        assert!(matches!(decide(&seeding).wait, Some(Wait::Person(_))));
        seeding.config.current_build = Some("target".to_owned());
        seeding.config.image = Some(IMAGE.to_owned());
        check(&seeding, "IL-812", &[Action::RemovePreBuiltImage]);
    }

    #[test]
    fn il_813_a_request_deletes_the_current_build_and_a_target_that_failed() {
        let mut asked = situation();
        asked.config.rebuild = true;
        asked.config.current_build = Some("old".to_owned());
        asked.config.image = Some(IMAGE.to_owned());
        asked.builds = vec![
            build("old", BuildState::Succeeded),
            build("target", BuildState::Failed),
        ];
        check(
            &asked,
            "IL-813",
            &[delete("old", None), delete("target", None)],
        );
    }

    #[test]
    fn il_814_a_request_without_a_current_build_is_dropped_when_a_build_starts() {
        let mut asked = situation();
        asked.config.rebuild = true;
        check(&asked, "IL-820", &[create(), point(None), start()]);
        asked.config.current_build = Some("target".to_owned());
        asked.builds = vec![build("target", BuildState::Initial)];
        check(&asked, "IL-821", &[point(None), start()]);
    }

    #[test]
    fn il_815_il_816_nothing_is_built_for_a_pool_that_is_not_ready() {
        let check = |change: &dyn Fn(&mut Situation), rule: &str, said: &str| {
            let mut situation = situation();
            change(&mut situation);
            let decision = decide(&situation);
            let (Some(Wait::Retry(why) | Wait::Person(why)), true) =
                (decision.wait, decision.actions.is_empty())
            else {
                panic!("{rule}");
            };
            assert!(decision.rule == rule && why.contains(said), "{why}");
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
            &|s| pool(s, |pool| pool.degraded_by = Some("NodeDegraded")),
            "IL-816",
            "MachineConfigPool worker is degraded due to non-build issues",
        );
        check(
            &|s| s.target = Err("too long".to_owned()),
            "IL-815",
            "too long",
        );
    }

    /// A pool that moves to a MachineConfig that needs no other image.
    fn layer_only() -> Situation {
        let mut moving = situation();
        moving.pool.as_mut().unwrap().is_layer_only = true;
        moving.config.image = Some(IMAGE.to_owned());
        moving.config.current_build = Some("old".to_owned());
        moving.builds = vec![build("old", BuildState::Succeeded)];
        moving
    }

    fn with_fact(mut situation: Situation, fact: ImageFact) -> Situation {
        situation.images.insert(IMAGE.to_owned(), fact);
        situation
    }

    #[test]
    fn il_817_an_image_is_taken_over_where_nothing_of_it_changes() {
        let asked = decide(&layer_only());
        assert_eq!(asked.wait, Some(Wait::Images(vec![IMAGE.to_owned()])));
        let copy = Action::CopyImage {
            build: "target".to_owned(),
            image: IMAGE.to_owned(),
        };
        let found = with_fact(layer_only(), ImageFact::Found);
        check(&found, "IL-817", &[create(), copy, point(Some(IMAGE))]);
    }

    #[test]
    fn il_818_il_819_it_is_built_where_the_image_is_gone_and_nothing_is_done_in_doubt() {
        let gone = with_fact(layer_only(), ImageFact::NotFound);
        check(&gone, "IL-818", &[create(), point(None), start()]);
        let unknown = with_fact(layer_only(), ImageFact::Unknown("denied".to_owned()));
        check(&unknown, "IL-819", &[]);
    }

    #[test]
    fn il_326_a_first_opt_in_builds_whatever_the_pool_does() {
        let mut first = layer_only();
        first.config.image = None;
        check(&first, "IL-820", &[create(), point(None), start()]);
    }

    #[test]
    fn il_820_il_821_others_without_an_image_make_way() {
        let mut situation = situation();
        situation.builds = vec![
            build("failed", BuildState::Failed),
            build("good", BuildState::Succeeded),
        ];
        check(
            &situation,
            "IL-820",
            &[create(), delete("failed", None), point(None), start()],
        );
    }

    #[test]
    fn il_822_jobs_move_their_builds() {
        let mut situation = situation();
        let at_work = |job| Build {
            job,
            ..build("target", BuildState::Building)
        };
        let set = |state| Action::SetState {
            build: "target".to_owned(),
            state,
        };
        situation.builds = vec![at_work(Some(BuildState::Succeeded))];
        check(&situation, "IL-822", &[set(BuildState::Succeeded)]);
        situation.builds = vec![at_work(None)];
        check(&situation, "IL-822", &[set(BuildState::Interrupted)]);
        // A build never goes back (IL-023).
        situation.builds = vec![at_work(Some(BuildState::Prepared))];
        check(&situation, "IL-823", &[point(None)]);
    }

    #[test]
    fn il_824_a_build_that_is_done_becomes_current() {
        let mut situation = situation();
        let fresh = Build {
            job: Some(BuildState::Succeeded),
            ..build("target", BuildState::Succeeded)
        };
        situation.builds = vec![fresh];
        let clean_up = Action::CleanUp {
            build: "target".to_owned(),
        };
        check(&situation, "IL-824", &[point(Some(IMAGE)), clean_up]);
        situation.config.current_build = Some("target".to_owned());
        situation.config.build_of_image = Some("target".to_owned());
        situation.config.image = Some(IMAGE.to_owned());
        situation.builds = vec![build("target", BuildState::Succeeded)];
        check(&situation, "IL-824", &[]);
        assert_eq!(decide(&situation).wait, None);
    }

    #[test]
    fn il_825_il_826_an_old_build_counts_only_if_its_image_is_there() {
        let mut old = situation();
        old.builds = vec![build("target", BuildState::Succeeded)];
        assert_eq!(
            decide(&old).wait,
            Some(Wait::Images(vec![IMAGE.to_owned()]))
        );
        check(
            &with_fact(old.clone(), ImageFact::Found),
            "IL-824",
            &[point(Some(IMAGE))],
        );
        check(
            &with_fact(old.clone(), ImageFact::NotFound),
            "IL-825",
            &[delete("target", None)],
        );
        let unknown = ImageFact::Unknown("denied".to_owned());
        check(&with_fact(old, unknown), "IL-826", &[]);
    }

    #[test]
    fn il_827_what_failed_stays_until_somebody_moves_it() {
        let mut failed = situation();
        failed.builds = vec![build("target", BuildState::Failed)];
        check(&failed, "IL-827", &[]);
        assert!(matches!(decide(&failed).wait, Some(Wait::Person(_))));
    }

    #[test]
    fn il_829_of_two_configs_for_a_pool_the_older_one_has_it() {
        let mut younger = situation();
        younger.config.yields_to = Some("first".to_owned());
        check(&younger, "IL-829", &[]);
    }

    #[test]
    fn il_365_the_pool_is_told() {
        let told = |situation: &Situation| {
            let actions = decide(situation).actions;
            actions.into_iter().find_map(|action| match action {
                Action::SetPoolCondition(condition) => Some(condition),
                _ => None,
            })
        };
        let mut failed = situation();
        failed.config.current_build = Some("target".to_owned());
        failed.builds = vec![build("target", BuildState::Failed)];
        let condition = told(&failed).unwrap();
        assert_eq!(
            condition.message,
            "Failed to build OS image for pool worker (MachineOSBuild: target): Failed: Build Failed"
        );
        failed.pool.as_mut().unwrap().build_condition = Some(condition);
        assert_eq!(told(&failed), None);
        // That a build goes on is no news to a pool that is well.
        let mut building = situation();
        building.builds = vec![Build {
            job: Some(BuildState::Building),
            ..build("target", BuildState::Building)
        }];
        assert_eq!(told(&building), None);
        building.pool.as_mut().unwrap().build_condition = None;
        assert_eq!(
            told(&building).unwrap().message,
            "Build started for pool worker"
        );
    }
}
