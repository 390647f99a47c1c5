//! Carries out a build: pull, build, look at the image, push. Whatever happens, nothing is left behind but
//! the steps that the next build goes on from.

use std::path::Path;

use osbuild_plan::{
    BuildCommand, BuildFiles, BuildTool, ImageConfig, LocalBuild, check_built_image,
    failure_of_build, failure_of_pull, failure_of_push,
};

use super::access::Access;
use super::context::Context;
use super::error::BuildError;
use super::follow::Follow;
use super::interrupt::Interrupts;
use super::process::{self, Ended};
use crate::error::CommandError;
use crate::progress;

/// What a build needs.
pub(super) struct Work<'w> {
    pub(super) build: LocalBuild<'w>,
    pub(super) inputs: &'w str,
    pub(super) push_spec: &'w str,
    pub(super) tool: &'w BuildTool,
    pub(super) access: &'w Access,
    pub(super) interrupts: &'w Interrupts,
}

impl Work<'_> {
    pub(super) fn carry_out(
        &self,
        context: &Context,
        follow: &mut Follow,
    ) -> Result<(), CommandError> {
        let failed = |source| CommandError::Write {
            path: "a folder for the build".to_owned(),
            source,
        };
        let scratch = tempfile::Builder::new()
            .prefix("osimage-layer-")
            .tempdir()
            .map_err(failed)?;
        let image_id = scratch.path().join("image.id");
        let certificates = self.access.certificates.as_ref();
        let text = |path: &Path| path.display().to_string();
        let (file, folder, id) = (text(&context.file), text(&context.folder), text(&image_id));
        let authfile = self.access.authfile.as_deref().map(text);
        let cert_dir = certificates.map(|folder| text(folder.path()));
        let files = BuildFiles {
            containerfile: &file,
            context: &folder,
            image_id: &id,
            authfile: authfile.as_deref(),
            cert_dir: cert_dir.as_deref(),
        };
        let result = self.steps(&files, &image_id, follow);
        progress::clear();
        // With driver vfs the image is a full copy on the disk that no later build uses.
        if !self.tool.keeps_layers()
            && let Ok(id) = std::fs::read_to_string(&image_id)
        {
            // That it could not be removed is no reason to build again.
            let _ = process::output(&self.tool.remove(id.trim()));
        }
        Ok(result?)
    }

    fn steps(
        &self,
        files: &BuildFiles<'_>,
        image_id: &Path,
        follow: &mut Follow,
    ) -> Result<(), BuildError> {
        let base = self.build.base_image;
        follow.begin(format!("pull: {base}"));
        let ended = self.run(&self.tool.pull(&self.build, files), follow)?;
        if ended.code != Some(0) {
            return Err(BuildError::Failed(failure_of_pull(&ended.log), ended.code));
        }
        follow.begin("build");
        let ended = self.run(&self.tool.build(&self.build, files, self.inputs), follow)?;
        if ended.code != Some(0) {
            return Err(BuildError::Failed(failure_of_build(&ended.log), ended.code));
        }
        let id = std::fs::read_to_string(image_id).map_err(|source| BuildError::Program {
            command: "the builder has not said which image it made, and so it".to_owned(),
            source,
        })?;
        let id = id.trim();
        follow.begin("check: whether nodes can boot the image");
        check_built_image(
            &self.config(base)?,
            &self.config(id)?,
            self.build.architecture,
        )?;
        follow.begin(format!("push: {}", self.push_spec));
        let ended = self.run(&self.tool.push(id, self.push_spec, files), follow)?;
        if ended.code != Some(0) {
            return Err(BuildError::Failed(failure_of_push(&ended.log), ended.code));
        }
        Ok(())
    }

    fn run(&self, command: &BuildCommand, follow: &mut Follow) -> Result<Ended, BuildError> {
        process::run(command, self.interrupts, |line| follow.look(line))
    }

    fn config(&self, image: &str) -> Result<ImageConfig, BuildError> {
        let json = process::output(&self.tool.inspect(image))?;
        Ok(ImageConfig::read(self.tool.program, &json)?)
    }
}
