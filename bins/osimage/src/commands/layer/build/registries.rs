//! What registries are asked before a build and after it, so that what would fail after minutes fails at once.

use cluster_io::registry::Image;
use containerfile_render::{Builder, FinalBase, PROVENANCE_LABEL, final_base};
use openshift_model::ImageReference;
use osbuild_check::{ImageError, Meaning, classify, digested_pull_spec};
use osbuild_plan::{TagImage, base_images, check_base_image, check_tag};
use serde_json::Value;

use super::super::access::Access;
use super::error::BuildError;
use super::{Request, invalid, refused};
use crate::commands::warn;
use crate::error::CommandError;

/// What the tag names that is pushed to.
pub(super) enum There {
    /// Nothing.
    Nothing,
    /// An image of the same inputs.
    Same(Image),
    /// Another one.
    Other(Image),
}

impl Request<'_, '_> {
    /// The reference by digest; a registry is asked for it where a tag is given.
    pub(super) async fn digested(
        &self,
        access: &Access,
        image: &str,
    ) -> Result<String, CommandError> {
        if image.contains('@') {
            return Ok(image.to_owned());
        }
        let found = access.inspect_base(image).await?;
        digested_pull_spec(image, &found.digest).map_err(invalid)
    }

    /// What the tag names: its label says whether it was made of the same inputs.
    pub(super) async fn what_is_there(
        &self,
        access: &Access,
        inputs: &str,
    ) -> Result<There, CommandError> {
        match access.registry()?.inspect(self.push_spec).await {
            Ok(found) => {
                let label = found.labels.get(PROVENANCE_LABEL).and_then(Value::as_str);
                Ok(if label == Some(inputs) {
                    There::Same(found)
                } else {
                    There::Other(found)
                })
            }
            // Whether it may be pushed is asked for itself: some registries deny what is not there.
            Err(error) if classify(&error) != Meaning::Unknown => Ok(There::Nothing),
            Err(error) => Err(failed("--push", error)),
        }
    }

    /// Whether the tag may be moved from what it names.
    pub(super) fn check_tag(&self, there: &There) -> Result<(), CommandError> {
        let (There::Same(image) | There::Other(image)) = there else {
            return Ok(());
        };
        if self.args.overwrite {
            return Ok(());
        }
        let there = TagImage {
            digest: &image.digest,
            labels: &image.labels,
        };
        let pool = &self.args.pool;
        check_tag(self.snapshot, pool, self.name, self.push_spec, &there).map_err(refused)
    }

    /// What would fail after minutes is tried at once. The images to build on, one for each architecture.
    pub(super) async fn check_registries(
        &self,
        access: &Access,
        base: &str,
        builder: Builder,
    ) -> Result<Vec<String>, CommandError> {
        let tried = access.registry()?.try_push(self.push_spec).await;
        match tried {
            Ok(()) => {}
            Err(error) if access.has_helper && classify(&error) == Meaning::AccessDenied => warn(
                "credentials are kept by a program (credHelpers): whether they let push shows after the \
                 build",
            ),
            Err(error) => return Err(failed("--push", error)),
        }
        let found = match access.inspect_base(base).await {
            Err(CommandError::Build(BuildError::Registry { error, .. }))
                if access.has_helper
                    && self.architectures.len() == 1
                    && classify(&error) == Meaning::AccessDenied =>
            {
                return Ok(vec![base.to_owned()]);
            }
            found => found?,
        };
        let labels = found.labels.as_object().into_iter().flatten();
        check_base_image(labels.map(|(name, _)| name.as_str()))
            .map_err(|problem| refused(format_args!("base image {base}: {problem}")))?;
        let parts = found.parts.iter();
        let parts = parts.map(|part| (part.architecture.clone(), part.digest.clone()));
        let parts: Vec<_> = parts.collect();
        let bases = base_images(base, &parts, &found.architecture, self.architectures);
        let bases = bases.map_err(refused)?;
        self.check_final_base(access, base, builder).await?;
        Ok(bases)
    }

    /// The last stage of the Containerfile stands on the base image.
    async fn check_final_base(
        &self,
        access: &Access,
        base: &str,
        builder: Builder,
    ) -> Result<(), CommandError> {
        let written = match final_base(&self.context.text, builder) {
            FinalBase::Image(written) => written,
            FinalBase::Configs | FinalBase::None => return Ok(()),
        };
        let wrong = |why: &str| {
            refused(format_args!(
                "{}: the last stage stands on {written}{why}, and the nodes of the pool run {base}; write \
                 `FROM configs`, which is that image, or name the other one with --base",
                self.context.file.display()
            ))
        };
        if ImageReference::parse_canonical(&written).is_err() {
            return Err(wrong(""));
        }
        let written_digest = self.digested(access, &written).await?;
        let digest = |image: &str| image.rsplit_once('@').map(|(_, digest)| digest.to_owned());
        if digest(&written_digest) == digest(base) {
            Ok(())
        } else {
            Err(wrong(&format!(
                " ({})",
                digest(&written_digest).unwrap_or_default()
            )))
        }
    }

    /// What the registry has where the image was pushed: it must be that very image.
    pub(super) async fn pushed(
        &self,
        access: &Access,
        digest: &str,
    ) -> Result<Image, CommandError> {
        let image = self.push_spec.to_owned();
        let pushed = digest.to_owned();
        match access.registry()?.inspect(self.push_spec).await {
            Ok(found) if found.digest == digest => Ok(found),
            Ok(found) => Err(BuildError::Moved {
                image,
                pushed,
                found: found.digest,
            }
            .into()),
            Err(error) => Err(match classify(&error) {
                Meaning::NotFound => BuildError::Vanished { image, pushed }.into(),
                Meaning::AccessDenied => BuildError::Unread {
                    image,
                    pushed,
                    error,
                }
                .into(),
                Meaning::Unknown => failed("after the push", error),
            }),
        }
    }
}

pub(super) fn failed(what: &'static str, error: ImageError) -> CommandError {
    BuildError::Registry { what, error }.into()
}
