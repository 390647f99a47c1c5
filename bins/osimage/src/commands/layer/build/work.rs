//! Carries out a build: pull, build, look at the image, push. Whatever happens, nothing is left behind but
//! the steps that the next build goes on from.

use std::path::{Path, PathBuf};

use openshift_model::Architecture;
use osbuild_plan::{
    ArchitectureBuild, BuildCommand, BuildFiles, BuildTool, ImageConfig, LocalBuild, Package,
    check_built_image, failure_of_build, failure_of_pull, failure_of_push, packages,
};

use super::super::access::Access;
use super::context::Context;
use super::error::BuildError;
use super::follow::Follow;
use super::interrupt::Interrupts;
use super::process::{self, Ended};
use crate::cli::SbomArg;
use crate::commands::warn;
use crate::error::CommandError;
use crate::progress;

/// What a build needs.
pub(super) struct Work<'w> {
    pub(super) build: LocalBuild<'w>,
    /// The images to build on, one for each architecture.
    pub(super) bases: &'w [String],
    pub(super) inputs: &'w str,
    pub(super) push_spec: &'w str,
    pub(super) tool: &'w BuildTool,
    pub(super) access: &'w Access,
    pub(super) interrupts: &'w Interrupts,
    pub(super) sbom: Option<SbomArg>,
}

/// A folder where builders keep what may be as large as an image, as they choose it themselves: often
/// there is less room in `/tmp`, which may be in memory.
fn scratch() -> std::io::Result<tempfile::TempDir> {
    const LARGE: &str = "/var/tmp";
    let mut folder = tempfile::Builder::new();
    folder.prefix("osimage-layer-");
    let is_chosen = std::env::var_os("TMPDIR").is_some_and(|folder| !folder.is_empty());
    if !is_chosen && Path::new(LARGE).is_dir() {
        folder.tempdir_in(LARGE)
    } else {
        folder.tempdir()
    }
}

/// What was pushed.
pub(super) struct Done {
    /// Its digest.
    pub(super) digest: String,
    /// The packages in it, by Go name of the architecture; empty where nobody asked for them.
    pub(super) packages: Vec<(String, Vec<Package>)>,
}

/// A folder for what builders write, which goes with it.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn image_id(&self, architecture: &Architecture) -> PathBuf {
        let name = format!("image-{}.id", architecture.rpm_name());
        self.0.path().join(name)
    }

    fn digest(&self) -> PathBuf {
        self.0.path().join("image.digest")
    }
}

impl Work<'_> {
    pub(super) fn carry_out(
        &self,
        context: &Context,
        follow: &mut Follow,
    ) -> Result<Done, CommandError> {
        let failed = |source| CommandError::Write {
            path: "a folder for the build".to_owned(),
            source,
        };
        let scratch = Scratch(scratch().map_err(failed)?);
        let certificates = self.access.certificates.as_ref();
        let text = |path: &Path| path.display().to_string();
        let (file, folder) = (text(&context.file), text(&context.folder));
        let digest = text(&scratch.digest());
        let authfile = self.access.authfile.as_deref().map(text);
        let cert_dir = certificates.map(|folder| text(folder.path()));
        let files = BuildFiles {
            containerfile: &file,
            context: &folder,
            image_id: "",
            digest: &digest,
            authfile: authfile.as_deref(),
            cert_dir: cert_dir.as_deref(),
        };
        let result = self.steps(&files, &scratch, follow);
        progress::clear();
        // With driver vfs an image is a full copy on the disk that no later build uses.
        if !self.tool.keeps_layers() {
            let ids = self
                .builds()
                .map(|build| scratch.image_id(build.architecture));
            for id in ids.filter_map(|id| std::fs::read_to_string(id).ok()) {
                // That it could not be removed is no reason to build again.
                let _ = process::output(&self.tool.remove(id.trim()));
            }
        }
        Ok(result?)
    }

    fn builds(&self) -> impl Iterator<Item = ArchitectureBuild<'_>> {
        let architectures = self.build.architectures.iter().zip(self.bases);
        architectures.map(|(architecture, base_image)| ArchitectureBuild {
            architecture,
            base_image,
        })
    }

    fn steps(
        &self,
        files: &BuildFiles<'_>,
        scratch: &Scratch,
        follow: &mut Follow,
    ) -> Result<Done, BuildError> {
        let mut ids = Vec::new();
        let mut found = Vec::new();
        for build in self.builds() {
            let id = self.image(&build, files, scratch, follow)?;
            if self.sbom.is_some() {
                follow.begin("list: the packages of the image");
                let architecture = build.architecture.go_name().to_owned();
                found.push((architecture, self.packages(&id)?));
            }
            ids.push(id);
        }
        self.interrupts.check()?;
        follow.begin(format!("push: {}", self.push_spec));
        match ids.as_slice() {
            [id] => self.push(&self.tool.push(id, self.push_spec, files), scratch, follow)?,
            ids => self.push_list(ids, files, scratch, follow)?,
        }
        let digest = read("the digest of what it pushed", &scratch.digest())?;
        Ok(Done {
            digest,
            packages: found,
        })
    }

    /// Builds the image for one architecture; its id.
    fn image(
        &self,
        build: &ArchitectureBuild<'_>,
        files: &BuildFiles<'_>,
        scratch: &Scratch,
        follow: &mut Follow,
    ) -> Result<String, BuildError> {
        let image_id = scratch.image_id(build.architecture);
        let (base, file) = (build.base_image, image_id.display().to_string());
        let files = BuildFiles {
            image_id: &file,
            ..*files
        };
        let of = match self.build.architectures {
            [_] => String::new(),
            _ => format!(" for {}", build.architecture),
        };
        follow.begin(format!("pull{of}: {base}"));
        let ended = self.run(&self.tool.pull(build, &files), scratch.path(), follow)?;
        if ended.code != Some(0) {
            return Err(BuildError::Failed(failure_of_pull(&ended.log), ended.code));
        }
        follow.begin(format!("build{of}"));
        let command = self.tool.build(&self.build, build, &files, self.inputs);
        let before = self.containers();
        let ended = self.run(&command, scratch.path(), follow);
        if ended.is_err() {
            self.remove_left(&before);
        }
        let ended = ended?;
        if ended.code != Some(0) {
            return Err(BuildError::Failed(failure_of_build(&ended.log), ended.code));
        }
        let id = read("which image it made", &image_id)?;
        follow.begin(format!("check{of}: whether nodes can boot the image"));
        check_built_image(&self.config(base)?, &self.config(&id)?, build.architecture)?;
        Ok(id)
    }

    /// The working containers that are there.
    fn containers(&self) -> Vec<String> {
        let listed = process::output(&self.tool.list_containers()).unwrap_or_default();
        listed.split_whitespace().map(str::to_owned).collect()
    }

    /// A builder that is interrupted while it copies files leaves its working container behind. Those that
    /// came meanwhile are its own, unless somebody else builds at the same time.
    fn remove_left(&self, before: &[String]) {
        let after = self.containers();
        let left: Vec<_> = after.iter().filter(|id| !before.contains(id)).collect();
        if left.is_empty() {
            return;
        }
        if process::is_running(self.tool.program.name()) {
            warn(format_args!(
                "another {0} is running, so that these working containers were left, some of which may be \
                 its own: {1}; `{0} rm` removes one",
                self.tool.program,
                left.iter()
                    .map(|id| id.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            ));
            return;
        }
        for id in left {
            let _ = process::output(&self.tool.remove_working_container(id));
        }
    }

    fn push(
        &self,
        command: &BuildCommand,
        scratch: &Scratch,
        follow: &mut Follow,
    ) -> Result<(), BuildError> {
        let ended = self.run(command, scratch.path(), follow)?;
        if ended.code == Some(0) {
            return Ok(());
        }
        Err(BuildError::Failed(failure_of_push(&ended.log), ended.code))
    }

    /// Pushes the images as one list. The list itself is not kept here.
    fn push_list(
        &self,
        ids: &[String],
        files: &BuildFiles<'_>,
        scratch: &Scratch,
        follow: &mut Follow,
    ) -> Result<(), BuildError> {
        // Another build beside this one has a list of its own.
        let list = format!("localhost/osimage-layer:{}", std::process::id());
        process::output(&self.tool.create_list(&list))?;
        let pushed = ids
            .iter()
            .try_for_each(|id| process::output(&self.tool.add_to_list(&list, id)).map(drop))
            .and_then(|()| {
                let command = self.tool.push_list(&list, self.push_spec, files);
                self.push(&command, scratch, follow)
            });
        let removed = process::output(&self.tool.remove_list(&list));
        pushed.and(removed.map(drop))
    }

    /// The packages in the rpm database of an image.
    fn packages(&self, id: &str) -> Result<Vec<Package>, BuildError> {
        let container = match self.tool.container(id) {
            Some(command) => process::output(&command)?,
            None => id.to_owned(),
        };
        let container = container.trim();
        let command = self.tool.list_packages(container);
        let said = process::output(&command);
        if container != id {
            let _ = process::output(&self.tool.remove_working_container(container));
        }
        packages(&said?).map_err(|problem| BuildError::Builder {
            command: command.to_string(),
            said: problem.to_string(),
        })
    }

    /// Signs what was pushed.
    pub(super) fn sign(
        &self,
        command: &BuildCommand,
        temporary: &Path,
        follow: &mut Follow,
    ) -> Result<(), BuildError> {
        let ended = self.run(command, temporary, follow)?;
        if ended.code == Some(0) {
            return Ok(());
        }
        Err(BuildError::Unsigned {
            image: self.push_spec.to_owned(),
            said: failure_of_push(&ended.log).text,
        })
    }

    fn run(
        &self,
        command: &BuildCommand,
        temporary: &Path,
        follow: &mut Follow,
    ) -> Result<Ended, BuildError> {
        process::run(command, temporary, self.interrupts, |line| {
            follow.look(line);
        })
    }

    fn config(&self, image: &str) -> Result<ImageConfig, BuildError> {
        let json = process::output(&self.tool.inspect(image))?;
        Ok(ImageConfig::read(self.tool.program, &json)?)
    }
}

/// What a builder wrote into a file.
fn read(what: &str, file: &Path) -> Result<String, BuildError> {
    let text = std::fs::read_to_string(file).map_err(|source| BuildError::Program {
        command: format!("the builder has not said {what}, and so it"),
        source,
    })?;
    Ok(text.trim().to_owned())
}
