//! Images that were built before (IL-370 … IL-375).

use osbuild_check::{BuildState, is_image_digest, is_image_name};

use super::action::{Action, Decision, Wait};
use super::rows::{blocked, live, not_ours};
use super::situation::{Situation, Target};
use super::trigger::Trigger;

/// IL-811, IL-812, IL-370 … IL-375: an image that was built before, one step after the other.
pub(super) fn pre_built(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    let image = config.pre_built_image.as_ref()?;
    let is_taken = config.image.is_some() && config.current_build.is_some();
    if is_taken {
        return Some(Decision::act("IL-812", vec![Action::RemovePreBuiltImage]));
    }
    let target = situation.target_build();
    let is_seeding = target.is_some_and(|build| build.is_seeded);
    // The annotation came too late: another build is current (IL-373), or the target is being built
    // or was. What was built is not overwritten.
    let is_built = target.is_some_and(|build| build.is_owned && build.is_started());
    if !is_seeding && (is_built || config.current_build.is_some()) {
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
        return act(Action::SetPreBuiltLabel { build: id });
    }
    if build.state != Some(BuildState::Succeeded) {
        return act(Action::Seed { build: id, image });
    }
    let build = target.name.clone();
    if situation.config.current_build.as_ref() != Some(&build) {
        return act(Action::SetCurrentBuild { build });
    }
    act(Action::SetCurrentImage { build, image })
}
