//! The rows of the decision table (Appendix B).

use mosb_naming::keys;
use osbuild_check::{
    BuildState, Failure, Stage, digested_pull_spec, is_image_digest, is_image_name, transition,
};

use super::action::{Action, Decision, Wait};
use super::images;
use super::situation::{Build, ImageFact, Pool, Presence, Situation, Target};
use super::trigger::Trigger;

/// The first row that fits.
pub(super) fn decide(situation: &Situation) -> Decision {
    if let Some(decision) = images::held(situation) {
        return decision;
    }
    if situation.config.presence != Presence::Here {
        return config_goes(situation);
    }
    if let Some(other) = &situation.config.yields_to {
        let pool = &situation.config.pool;
        let why = format!("MachineOSConfig {other} for pool {pool} is older and has it");
        return Decision::wait("IL-829", Wait::Person(why));
    }
    if let Some(action) = images::unheld(situation) {
        return Decision::act("IL-774", vec![action]);
    }
    job_moved(situation)
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

/// What destroys, or follows from something that is not there, waits for a live reading (IL-772).
fn live(situation: &Situation, rule: &'static str, actions: Vec<Action>) -> Decision {
    if situation.is_live {
        Decision::act(rule, actions)
    } else {
        Decision::wait(rule, Wait::Live)
    }
}

/// IL-810, IL-350: the builds that this very object controls go with it. (A new object of the same
/// name keeps its own.)
fn config_goes(situation: &Situation) -> Decision {
    let going = situation
        .builds
        .iter()
        .filter(|build| build.is_owned && !build.is_being_deleted);
    let actions: Vec<Action> = going.map(delete).collect();
    if actions.is_empty() {
        return Decision::act("IL-810", actions);
    }
    live(situation, "IL-810", actions)
}

fn delete(build: &Build) -> Action {
    let build = build.id.clone();
    Action::DeleteBuild { build }
}

/// IL-822, IL-312: what a Job says goes into the status of its build; a Job that is gone before it
/// succeeded interrupted its build.
fn job_moved(situation: &Situation) -> Option<Decision> {
    let mut builds = situation.builds.iter();
    builds.find_map(|build| {
        if build.is_being_deleted || !build.is_owned || build.is_seeded {
            return None;
        }
        let is_transient = build.state.is_some_and(BuildState::is_transient);
        let told = match &build.job {
            Some(job) => job.state?,
            None if is_transient && !situation.is_live => {
                return Some(Decision::wait("IL-822", Wait::Live));
            }
            None if is_transient => BuildState::Interrupted,
            None => return None,
        };
        if !transition(build.state, Some(told)).allowed {
            return None;
        }
        Some(moved(situation, build, told))
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
            // The pod ended well, and nothing tells what it made: as good as a failure.
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
/// the registry, if the tag is that of this very build.
fn digest_of(situation: &Situation, build: &Build) -> Digest {
    let told = build.attempts.iter().rev().find_map(|attempt| {
        let told = osbuild_check::Termination::read(&attempt.message)?.digest;
        (!told.is_empty()).then_some(told)
    });
    let told = told.or_else(|| build.digest_in_config_map.clone());
    let from_registry = match (&told, situation.images.get(&build.push_spec)) {
        (Some(_), _) => None,
        (None, Some(ImageFact::Found { digest, inputs })) => {
            let is_its_own = inputs.is_some() && *inputs == build.content;
            if !is_its_own {
                let why = format!("the image {} is not this build's", build.push_spec);
                return Digest::Lost(why);
            }
            Some(digest.clone())
        }
        (None, Some(ImageFact::NotFound)) => {
            return Digest::Lost(format!("the registry has no image {}", build.push_spec));
        }
        (None, Some(ImageFact::Unknown(why) | ImageFact::Undeletable(why))) => {
            let why = format!("image {} could not be inspected: {why}", build.push_spec);
            return Digest::Ask(Decision::wait("IL-822", Wait::Retry(why)));
        }
        (None, None) => {
            let images = vec![build.push_spec.clone()];
            return Digest::Ask(Decision::wait("IL-822", Wait::Images(images)));
        }
    };
    let digest = told.or(from_registry).unwrap_or_default();
    match digested_pull_spec(&build.push_spec, digest.trim()) {
        Ok(image) => Digest::Known(image),
        Err(error) => Digest::Lost(format!("{digest:?} is no digest: {error}")),
    }
}

/// IL-811, IL-812, IL-370 … IL-375: an image that was built before, one step after the other.
fn pre_built(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    let image = config.pre_built_image.as_ref()?;
    let is_taken = config.image.is_some() && config.current_build.is_some();
    if is_taken {
        return Some(Decision::act("IL-812", vec![Action::RemovePreBuiltImage]));
    }
    let seeding = situation
        .target_build()
        .is_some_and(|build| build.is_seeded);
    // Another build became current before: the annotation came too late (IL-373).
    if config.current_build.is_some() && !seeding {
        return None;
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
    Some(seed(situation, target, image))
}

fn seed(situation: &Situation, target: &Target, image: &str) -> Decision {
    let act = |action| Decision::act("IL-811", vec![action]);
    let Some(build) = situation.target_build() else {
        let create = Action::CreateBuild {
            build: target.name.clone(),
            content: target.content.clone(),
            trigger: Trigger::PreBuiltImage,
            is_seeded: true,
        };
        return live(situation, "IL-811", vec![create]);
    };
    if let Some(decision) = not_ours(build) {
        return decision;
    }
    let (id, image) = (build.id.clone(), image.to_owned());
    if !build.is_seeded {
        return act(Action::MarkSeeded { build: id });
    }
    if build.state != Some(BuildState::Succeeded) {
        return act(Action::Seed { build: id, image });
    }
    let build = target.name.clone();
    if situation.config.current_build.as_ref() != Some(&build) {
        return act(Action::Name { build });
    }
    act(Action::TakeImage { build, image })
}

/// A build of the target's name that is not to be touched now.
fn not_ours(build: &Build) -> Option<Decision> {
    let name = &build.id.name;
    let why = if build.is_being_deleted {
        format!("MachineOSBuild {name} is being deleted")
    } else if build.is_owned {
        return None;
    } else {
        format!("MachineOSBuild {name} is of a former MachineOSConfig: waits until it is deleted")
    };
    Some(Decision::wait("IL-820", Wait::Progress(why)))
}

/// IL-813, IL-814: somebody asks for another build: the current one goes, and with it a target
/// that failed. What comes next makes them new, and drops the request before it starts.
fn rebuild(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    if !config.rebuild {
        return None;
    }
    let current = situation.current_build().filter(|build| build.is_owned)?;
    // One that never started is as good as new.
    if !current.has_begun() || current.is_being_deleted {
        return None;
    }
    let failed_target = situation.target_build().filter(|target| {
        target.id != current.id
            && target.is_owned
            && target.state.is_some_and(BuildState::is_degraded)
            && !target.is_being_deleted
    });
    let going = std::iter::once(current).chain(failed_target);
    Some(live(situation, "IL-813", going.map(delete).collect()))
}

/// IL-815, IL-816: what must be there before anything is built.
fn blocked(situation: &Situation) -> Result<(&Pool, &Target), Decision> {
    let retry = |rule, why: String| Err(Decision::wait(rule, Wait::Retry(why)));
    let config = &situation.config;
    let Some(pool) = &situation.pool else {
        let (pool, name) = (&config.pool, &config.id.name);
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
    let target = match &situation.target {
        Ok(target) => target,
        Err(why) => return Err(Decision::wait("IL-815", Wait::Person(why.clone()))),
    };
    let by_nodes = pool
        .nodes_degraded_by
        .filter(|_| !may_cure(situation, target));
    if let Some(condition) = pool.degraded_by.or(by_nodes) {
        let why = format!(
            "MachineConfigPool {} is degraded due to non-build issues ({condition})",
            config.pool
        );
        return retry("IL-816", why);
    }
    Ok((pool, target))
}

/// IL-779: whether the target's content is another one than what nodes run: it may be the cure.
fn may_cure(situation: &Situation, target: &Target) -> bool {
    let name = situation.config.build_of_image.as_deref();
    let mut builds = situation.builds.iter();
    let running = builds.find(|build| Some(build.id.name.as_str()) == name);
    let content = running.and_then(|build| build.content.as_deref());
    content != Some(target.content.as_str())
}

/// The rows about the build that should be.
struct Rows<'a> {
    situation: &'a Situation,
    pool: &'a Pool,
    target: &'a Target,
}

impl Rows<'_> {
    fn target(&self) -> Decision {
        let Some(build) = self.situation.target_build() else {
            return self.create();
        };
        if let Some(decision) = not_ours(build) {
            return decision;
        }
        match build.state {
            None | Some(BuildState::Initial) if build.is_seeded => self.seeded(build),
            None | Some(BuildState::Initial) => self.content(build),
            Some(BuildState::Prepared | BuildState::Building) => self.running(build),
            Some(BuildState::Succeeded) => self.succeeded(build),
            Some(BuildState::Failed | BuildState::Interrupted) => self.ended(build),
        }
    }

    /// IL-820
    fn create(&self) -> Decision {
        let create = Action::CreateBuild {
            build: self.target.name.clone(),
            content: self.target.content.clone(),
            trigger: self.trigger(),
            is_seeded: false,
        };
        live(self.situation, "IL-820", vec![create])
    }

    fn trigger(&self) -> Trigger {
        let situation = self.situation;
        if situation.config.rebuild {
            return Trigger::Rebuild;
        }
        let image = situation.config.image.as_ref();
        if let Some(image) = image
            && situation.config.build_of_image.as_ref() == Some(&self.target.name)
        {
            return Trigger::MissingImage(image.clone());
        }
        match situation.current_build() {
            None => Trigger::First,
            Some(before) => Trigger::Changed {
                from: before.rendered.clone(),
                to: self.pool.target.clone(),
                content: before
                    .content
                    .as_ref()
                    .map(|content| *content != self.target.content),
            },
        }
    }

    /// IL-373: a build for an image that was built before lacks its status: a crash came between,
    /// and the annotation is gone since.
    fn seeded(&self, build: &Build) -> Decision {
        let id = build.id.clone();
        if let Some(image) = self.situation.config.image.clone() {
            return Decision::act("IL-811", vec![Action::Seed { build: id, image }]);
        }
        let why = format!(
            "MachineOSBuild {} stands for a pre-built image and has none",
            id.name
        );
        Decision::wait("IL-811", Wait::Person(why))
    }

    /// IL-817 … IL-821: the target has no image and no Job yet: it takes over an image, or is built.
    fn content(&self, build: &Build) -> Decision {
        if let Some(job) = &build.job {
            if build.noted_job.as_ref() != Some(&job.uid) {
                let (build, job) = (build.id.clone(), job.uid.clone());
                return Decision::act("IL-822", vec![Action::NoteJob { build, job }]);
            }
            let why = "the Job of the build has not begun".to_owned();
            return Decision::wait("IL-822", Wait::Progress(why));
        }
        let Some(image) = self.reusable() else {
            return self.build("IL-821", build);
        };
        match self.situation.images.get(image) {
            None => Decision::wait("IL-817", Wait::Images(vec![image.to_owned()])),
            Some(ImageFact::NotFound) => self.build("IL-818", build),
            Some(ImageFact::Unknown(why)) => {
                let why = format!("image {image} could not be inspected: {why}");
                Decision::wait("IL-819", Wait::Retry(why))
            }
            Some(ImageFact::Found { .. } | ImageFact::Undeletable(_)) => {
                let (build, image) = (build.id.clone(), image.to_owned());
                live(
                    self.situation,
                    "IL-817",
                    vec![Action::CopyImage { build, image }],
                )
            }
        }
    }

    /// IL-770: an image of the same content: the one that nodes have, else any.
    fn reusable(&self) -> Option<&str> {
        if self.situation.config.rebuild {
            return None;
        }
        let fits = |build: &&Build| {
            build.id.name != self.target.name
                && build.is_owned
                && build.state == Some(BuildState::Succeeded)
                && build.content.as_deref() == Some(self.target.content.as_str())
                && !build.is_being_deleted
        };
        let builds = self.situation.builds.iter().filter(fits);
        let mut images: Vec<&str> = builds.filter_map(|build| build.digest.as_deref()).collect();
        let current = self.situation.config.image.as_deref();
        images.sort_by_key(|image| (Some(*image) != current, *image));
        let is_gone =
            |image: &&str| self.situation.images.get(*image) == Some(&ImageFact::NotFound);
        let there = images.iter().find(|image| !is_gone(image));
        there.or(images.first()).copied()
    }

    /// IL-820, IL-821, IL-776: the MachineOSConfig names the target, other builds make way, and once
    /// none of them has a pod the Job starts. (In this order, so that a crash never starts a build
    /// twice.)
    fn build(&self, rule: &'static str, build: &Build) -> Decision {
        if let Some(name) = self.name() {
            return Decision::act(rule, vec![name]);
        }
        let going = self.without_image();
        if !going.is_empty() {
            return live(self.situation, rule, going);
        }
        let mut live_ones = self.situation.builds.iter();
        let other = live_ones.find(|other| other.id.uid != build.id.uid && other.is_live());
        if let Some(other) = other {
            let why = format!(
                "the Job of MachineOSBuild {} has not ended yet",
                other.id.name
            );
            return Decision::wait("IL-776", Wait::Progress(why));
        }
        let build = build.id.clone();
        live(self.situation, rule, vec![Action::Start { build }])
    }

    /// IL-823
    fn running(&self, build: &Build) -> Decision {
        let noted = match &build.job {
            Some(job) if build.noted_job.as_ref() != Some(&job.uid) => {
                let (build, job) = (build.id.clone(), job.uid.clone());
                Some(Action::NoteJob { build, job })
            }
            _ => None,
        };
        let why = format!("MachineOSBuild {} is at work", build.id.name);
        Decision {
            rule: "IL-823",
            actions: self.name().into_iter().chain(noted).collect(),
            wait: Some(Wait::Progress(why)),
        }
    }

    /// IL-824 … IL-826, IL-331: a build that is not current yet counts only if its image is there.
    fn succeeded(&self, build: &Build) -> Decision {
        let Some(image) = &build.digest else {
            return self.without_digest(build);
        };
        let is_current = self.situation.config.image.as_ref() == Some(image);
        // Its Job is there still: it was built just now.
        let is_fresh = build.job.is_some();
        if !is_current && !is_fresh {
            match self.situation.images.get(image) {
                Some(ImageFact::Found { .. } | ImageFact::Undeletable(_)) => {}
                None => return Decision::wait("IL-824", Wait::Images(vec![image.clone()])),
                Some(ImageFact::NotFound) => {
                    return live(self.situation, "IL-825", vec![delete(build)]);
                }
                Some(ImageFact::Unknown(why)) => {
                    let why = format!("image {image} could not be inspected: {why}");
                    return Decision::wait("IL-826", Wait::Retry(why));
                }
            }
        }
        let act = |action| Decision::act("IL-824", vec![action]);
        if let Some(name) = self.name() {
            return act(name);
        }
        if let Some(take) = self.take(image) {
            return act(take);
        }
        if let Some(digest) = untold_digest(build, image) {
            return act(digest);
        }
        if let Some(job) = &build.job {
            let (build, job) = (build.id.clone(), job.uid.clone());
            return act(Action::CleanUp { build, job });
        }
        let going = self.without_image();
        if going.is_empty() {
            return Decision::act("IL-824", Vec::new());
        }
        live(self.situation, "IL-824", going)
    }

    /// A build that succeeded and whose digest nobody wrote. The status cannot be changed any more
    /// (IL-015): it is made again.
    fn without_digest(&self, build: &Build) -> Decision {
        live(self.situation, "IL-825", vec![delete(build)])
    }

    /// IL-827: what failed stays until a person, or a change, moves it; what never started goes.
    fn ended(&self, build: &Build) -> Decision {
        if let Some(name) = self.name().filter(|_| !self.situation.config.rebuild) {
            return Decision::act("IL-827", vec![name]);
        }
        if self.situation.config.rebuild {
            return live(self.situation, "IL-813", vec![delete(build)]);
        }
        let never_started = |other: &&Build| !other.has_begun();
        let going: Vec<Action> = self.others().filter(never_started).map(delete).collect();
        if !going.is_empty() {
            return live(self.situation, "IL-827", going);
        }
        let why = format!(
            "MachineOSBuild {} ended without an image: change the MachineOSConfig, or annotate it \
             with {}",
            build.id.name,
            keys::REBUILD,
        );
        Decision::wait("IL-827", Wait::Person(why))
    }

    fn others(&self) -> impl Iterator<Item = &Build> {
        let builds = self.situation.builds.iter();
        builds.filter(|build| {
            build.id.name != self.target.name && build.is_owned && !build.is_being_deleted
        })
    }

    /// IL-327, IL-828: other builds that have no image go.
    fn without_image(&self) -> Vec<Action> {
        self.others()
            .filter(|build| build.state != Some(BuildState::Succeeded))
            .map(delete)
            .collect()
    }

    /// IL-360: names the target as current, where that says something new.
    fn name(&self) -> Option<Action> {
        let config = &self.situation.config;
        let is_named =
            config.current_build.as_deref() == Some(&*self.target.name) && !config.rebuild;
        (!is_named).then(|| Action::Name {
            build: self.target.name.clone(),
        })
    }

    /// IL-360: takes over the image of the target, where that says something new.
    fn take(&self, image: &str) -> Option<Action> {
        let config = &self.situation.config;
        let is_taken = config.image.as_deref() == Some(image)
            && config.build_of_image.as_deref() == Some(&*self.target.name);
        (!is_taken).then(|| Action::TakeImage {
            build: self.target.name.clone(),
            image: image.to_owned(),
        })
    }
}

/// IL-275: the digest stands where older tools look for it; for builds of our own alone.
fn untold_digest(build: &Build, image: &str) -> Option<Action> {
    let (_, digest) = image.split_once('@')?;
    let is_told = build.digest_in_config_map.as_deref() == Some(digest);
    (build.job.is_some() && !is_told).then(|| Action::WriteDigest {
        build: build.id.clone(),
        digest: digest.to_owned(),
    })
}
