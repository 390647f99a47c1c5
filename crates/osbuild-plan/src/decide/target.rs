//! The rows about the build that should be (IL-817 … IL-827).

use mosb_naming::keys;
use osbuild_check::BuildState;

use super::action::{Action, Decision, Wait};
use super::jobs::clean_up;
use super::rows::{delete, live, not_ours};
use super::situation::{Build, BuildInput, ImageFact, Pool, PushAccess, Situation, Target};
use super::trigger::Trigger;

/// The rows about the build that should be.
pub(super) struct Rows<'a> {
    pub(super) situation: &'a Situation,
    pub(super) pool: &'a Pool,
    pub(super) target: &'a Target,
}

impl Rows<'_> {
    pub(super) fn target(&self) -> Decision {
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

    /// IL-820. Nothing is created that lacks what it is built from, unless it may reuse an image.
    fn create(&self) -> Decision {
        if let Some(BuildInput::Missing(why)) = &self.situation.input
            && !self.may_reuse()
        {
            return Decision::wait("IL-820", Wait::Retry(why.clone()));
        }
        let create = Action::CreateBuild {
            build: self.target.name.clone(),
            content: self.target.content.clone(),
            trigger: self.trigger(),
            is_seeded: false,
        };
        live(self.situation, "IL-820", vec![create])
    }

    /// IL-770: whether there is an image of the same content, wherever it is.
    fn may_reuse(&self) -> bool {
        let content = Some(self.target.content.as_str());
        let is_same = |build: &&Build| {
            build.state == Some(BuildState::Succeeded) && build.content.as_deref() == content
        };
        !self.situation.config.rebuild && self.others().any(|build| is_same(&build))
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
        let before = match (&situation.config.current_build, situation.current_build()) {
            (_, Some(current)) => current,
            (Some(name), None) => return Trigger::Deleted(name.clone()),
            (None, None) => match situation.build_of_image() {
                Some(build) => build,
                None => return Trigger::First,
            },
        };
        let content = before.content.as_ref();
        Trigger::Changed {
            from: before.rendered.clone(),
            to: self.pool.target.clone(),
            content: content.map(|content| *content != self.target.content),
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
            if build.job_uid.as_ref() != Some(&job.uid) {
                let (build, job) = (build.id.clone(), job.uid.clone());
                return Decision::act("IL-822", vec![Action::SetJobUid { build, job }]);
            }
            let why = format!(
                "the Job of MachineOSBuild {} has made no pod yet",
                build.id.name
            );
            return Decision::wait("IL-822", Wait::Progress(why));
        }
        let Some(image) = self.reusable(build) else {
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
                    vec![Action::ReuseImage { build, image }],
                )
            }
        }
    }

    /// IL-770: an image of the same content in the repository that the target is pushed to: the one that nodes have, else any. Who asks for another
    /// build gets one, also after the request was dropped and before its build starts.
    fn reusable(&self, build: &Build) -> Option<&str> {
        if self.situation.config.rebuild || build.is_rebuild {
            return None;
        }
        let fits = |other: &&Build| {
            other.id.name != self.target.name
                && other.is_owned
                && other.state == Some(BuildState::Succeeded)
                && other.content.as_deref() == Some(self.target.content.as_str())
                && other.has_repository_of(build)
                && !other.is_being_deleted
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
        if self.situation.config.rebuild && !build.is_rebuild {
            let build = build.id.clone();
            return Decision::act(rule, vec![Action::SetRebuildTrigger { build }]);
        }
        if let Some(set) = self.set_current_build() {
            return Decision::act(rule, vec![set]);
        }
        let superseded = self.superseded();
        if !superseded.is_empty() {
            return live(self.situation, rule, superseded);
        }
        // Its own Job is not there: a pod of it would be of a Job that was deleted.
        if let Some(other) = self.situation.builds.iter().find(|other| other.is_live()) {
            let name = &other.id.name;
            let why = format!("a pod of MachineOSBuild {name} has not ended yet");
            return Decision::wait("IL-776", Wait::Progress(why));
        }
        self.start(rule, build)
    }

    /// IL-783, IL-785: what can be known to fail is not started.
    fn start(&self, rule: &'static str, build: &Build) -> Decision {
        let id = build.id.clone();
        match &self.situation.input {
            None => return Decision::wait(rule, Wait::Live),
            Some(BuildInput::Missing(why)) => {
                return Decision::wait(rule, Wait::Retry(why.clone()));
            }
            Some(BuildInput::Invalid(failure)) => {
                let set = Action::SetState {
                    build: id,
                    state: BuildState::Failed,
                    image: None,
                    failure: Some(failure.clone()),
                };
                return live(self.situation, "IL-785", vec![set]);
            }
            Some(BuildInput::Complete) => {}
        }
        match &self.situation.push_access {
            None => Decision::wait("IL-783", Wait::PushAccess(build.push_spec.clone())),
            Some(PushAccess::Denied(why)) => {
                let why = format!(
                    "the push secret may not push {}, and nothing was built: {why}",
                    build.push_spec
                );
                Decision::wait("IL-783", Wait::Retry(why))
            }
            Some(PushAccess::Allowed | PushAccess::Unknown(_)) => {
                live(self.situation, rule, vec![Action::Start { build: id }])
            }
        }
    }

    /// IL-823
    fn running(&self, build: &Build) -> Decision {
        let set_job_uid = match &build.job {
            Some(job) if build.job_uid.as_ref() != Some(&job.uid) => {
                let (build, job) = (build.id.clone(), job.uid.clone());
                Some(Action::SetJobUid { build, job })
            }
            _ => None,
        };
        let why = format!("MachineOSBuild {} is being built", build.id.name);
        Decision {
            rule: "IL-823",
            actions: self
                .set_current_build()
                .into_iter()
                .chain(set_job_uid)
                .collect(),
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
        if self.situation.config.rebuild {
            return live(self.situation, "IL-813", vec![delete(build)]);
        }
        let act = |action| Decision::act("IL-824", vec![action]);
        if let Some(set) = self.set_current_build() {
            return act(set);
        }
        if let Some(set) = self.set_current_image(image) {
            return act(set);
        }
        match clean_up(build) {
            Some(write @ Action::WriteDigest { .. }) => return act(write),
            Some(clean_up) => return live(self.situation, "IL-824", vec![clean_up]),
            None => {}
        }
        let superseded = self.superseded();
        if superseded.is_empty() {
            return Decision::act("IL-824", superseded);
        }
        live(self.situation, "IL-824", superseded)
    }

    /// A build that succeeded and whose digest nobody wrote. The status cannot be changed any more
    /// (IL-015): it is made again.
    fn without_digest(&self, build: &Build) -> Decision {
        live(self.situation, "IL-825", vec![delete(build)])
    }

    /// IL-827: what failed stays until a person, or a change, moves it; what never started goes.
    fn ended(&self, build: &Build) -> Decision {
        if self.situation.config.rebuild {
            return live(self.situation, "IL-813", vec![delete(build)]);
        }
        if let Some(set) = self.set_current_build() {
            return Decision::act("IL-827", vec![set]);
        }
        let never_started = |other: &&Build| !other.is_started();
        let superseded: Vec<Action> = self.others().filter(never_started).map(delete).collect();
        if !superseded.is_empty() {
            return live(self.situation, "IL-827", superseded);
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
    fn superseded(&self) -> Vec<Action> {
        self.others()
            .filter(|build| build.state != Some(BuildState::Succeeded))
            .map(delete)
            .collect()
    }

    /// IL-360: names the target as current, unless it is.
    fn set_current_build(&self) -> Option<Action> {
        let config = &self.situation.config;
        let is_named =
            config.current_build.as_deref() == Some(&*self.target.name) && !config.rebuild;
        (!is_named).then(|| Action::SetCurrentBuild {
            build: self.target.name.clone(),
        })
    }

    /// IL-360: takes over the image of the target, unless that is done.
    fn set_current_image(&self, image: &str) -> Option<Action> {
        let config = &self.situation.config;
        let is_taken = config.image.as_deref() == Some(image)
            && config.build_of_image.as_deref() == Some(&*self.target.name);
        (!is_taken).then(|| Action::SetCurrentImage {
            build: self.target.name.clone(),
            image: image.to_owned(),
        })
    }
}
