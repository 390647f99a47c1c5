//! Builds that go, and their images (IL-774).

use super::action::{Action, Decision, Wait};
use super::situation::{Build, ImageFact, Situation};

/// IL-774: what is next for a build that is on its way out and held for its image: the image is
/// deleted where nobody else needs it, then the build is let go.
pub(super) fn held(situation: &Situation) -> Option<Decision> {
    let build = situation
        .builds
        .iter()
        .find(|build| build.is_being_deleted && build.is_held && !build.is_live())?;
    if !situation.is_live {
        return Some(Decision::wait("IL-774", Wait::Live));
    }
    let let_go = |left| {
        let build = build.id.clone();
        Some(Decision::act(
            "IL-774",
            vec![Action::RemoveFinalizer { build, left }],
        ))
    };
    let Some(image) = image_of(build) else {
        return let_go(None);
    };
    if situation.is_in_use(&image) || situation.is_shared(build, &image) {
        return let_go(None);
    }
    match situation.images.get(&image) {
        Some(ImageFact::NotFound) => let_go(None),
        Some(ImageFact::Undeletable(why)) => let_go(Some(format!("{image}: {why}"))),
        // The tag of a build that never told its digest may be that of an image that is needed.
        Some(ImageFact::Found { digest, .. })
            if situation.is_in_use(digest) || situation.is_shared(build, digest) =>
        {
            let_go(None)
        }
        Some(ImageFact::Unknown(why)) => {
            let why = format!("image {image} could not be deleted: {why}");
            Some(Decision::wait("IL-774", Wait::Retry(why)))
        }
        None if build.digest.is_none() => Some(Decision::wait("IL-774", Wait::Images(vec![image]))),
        Some(ImageFact::Found { .. }) | None => {
            let build = build.id.clone();
            Some(Decision::act(
                "IL-774",
                vec![Action::DeleteImage { build, image }],
            ))
        }
    }
}

/// The image that a build has pushed, or may have: by digest, else by its own tag.
fn image_of(build: &Build) -> Option<String> {
    if build.is_seeded {
        // Somebody else pushed it, and keeps it.
        return None;
    }
    let tag = || Some(build.push_spec.clone()).filter(|tag| build.has_begun() && !tag.is_empty());
    build.digest.clone().or_else(tag)
}

/// IL-774: a build that has pushed an image, or may soon, and is not held yet: one that the stock
/// builder made.
pub(super) fn unheld(situation: &Situation) -> Option<Action> {
    let build = situation.builds.iter().find(|build| {
        build.is_owned && !build.is_held && !build.is_being_deleted && !build.is_seeded
    })?;
    let build = build.id.clone();
    Some(Action::AddFinalizer { build })
}
