//! Builds that go, and their images (IL-774).

use super::action::{Action, Wait};
use super::situation::{Build, ImageFact, Situation};

/// What is next for builds that are on their way out.
pub(super) struct Deletions {
    /// The next step.
    pub(super) action: Option<Action>,
    /// What one of them waits for; the others and the MachineOSConfig go on meanwhile.
    pub(super) wait: Option<Wait>,
}

/// What is next for one build.
enum Next {
    Act(Action),
    Ask(String),
    Retry(String),
}

/// IL-774: an image is deleted where nobody else needs it, then our finalizer goes.
pub(super) fn deletions(situation: &Situation) -> Deletions {
    let builds = situation.builds.iter();
    let going =
        builds.filter(|build| build.is_being_deleted && build.has_finalizer && !build.is_live());
    let (mut images, mut retry) = (Vec::new(), None);
    for build in going {
        match next(situation, build) {
            Next::Act(action) if situation.is_live => {
                let action = Some(action);
                return Deletions { action, wait: None };
            }
            Next::Act(_) => {
                let wait = Some(Wait::Live);
                return Deletions { action: None, wait };
            }
            Next::Ask(image) => images.push(image),
            Next::Retry(why) => retry = retry.or(Some(Wait::Retry(why))),
        }
    }
    let wait = (!images.is_empty()).then_some(Wait::Images(images));
    Deletions {
        action: None,
        wait: wait.or(retry),
    }
}

fn next(situation: &Situation, build: &Build) -> Next {
    let remove_finalizer = |left| {
        let build = build.id.clone();
        Next::Act(Action::RemoveFinalizer { build, left })
    };
    let Some(image) = image_of(build) else {
        return remove_finalizer(None);
    };
    if situation.is_needed(build, &image) {
        return remove_finalizer(None);
    }
    match situation.images.get(&image) {
        Some(ImageFact::NotFound) => remove_finalizer(None),
        Some(ImageFact::Undeletable(why)) => remove_finalizer(Some(format!("{image}: {why}"))),
        Some(ImageFact::Unknown(why)) => {
            Next::Retry(format!("image {image} could not be deleted: {why}"))
        }
        // The tag of a build without a digest may stand for an image that is needed.
        Some(ImageFact::Found { digest, .. })
            if build
                .image_with(digest)
                .is_some_and(|image| situation.is_needed(build, &image)) =>
        {
            remove_finalizer(None)
        }
        None if build.digest.is_none() => Next::Ask(image),
        Some(ImageFact::Found { .. }) | None => {
            let build = build.id.clone();
            Next::Act(Action::DeleteImage { build, image })
        }
    }
}

/// The image that a build has pushed, or may have: by digest, else by its own tag.
fn image_of(build: &Build) -> Option<String> {
    if build.is_seeded {
        // Somebody else pushed it, and keeps it.
        return None;
    }
    let tag = || Some(build.push_spec.clone()).filter(|tag| build.is_started() && !tag.is_empty());
    build.digest.clone().or_else(tag)
}

/// IL-774: a build that has pushed an image, or may soon, without our finalizer: one that the stock
/// builder made.
pub(super) fn missing_finalizer(situation: &Situation) -> Option<Action> {
    let build = situation.builds.iter().find(|build| {
        build.is_owned && !build.has_finalizer && !build.is_being_deleted && !build.is_seeded
    })?;
    let build = build.id.clone();
    Some(Action::AddFinalizer { build })
}
