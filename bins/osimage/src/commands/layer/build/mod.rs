//! `osimage layer build`: a layered image that is built here, and the MachineConfig that gives it to a
//! pool. Every mistake that can be found before the build is found before it; what nodes see is written
//! last.

mod access;
mod context;
mod error;
mod follow;
mod interrupt;
mod process;
mod tool;
mod words;
mod work;

use cluster_io::cluster::{LAYER_FIELD_MANAGER, WriteMode};
use cluster_io::files::Texts;
use containerfile_render::{
    Builder, CheckFor, FinalBase, PROVENANCE_LABEL, Place, check, final_base,
};
use openshift_model::{Architecture, ImageReference, OsMachineConfig};
use osbuild_check::{ImageError, Meaning, classify, digested_pull_spec};
use osbuild_plan::{
    BuildFiles, BuildTool, LayerMachineConfig, LayerSnapshot, LocalBuild, Program,
    check_base_image, check_config, pool_impact, push_target,
};
use serde_json::Value;

use self::access::Access;
use self::context::Context;
pub(crate) use self::error::BuildError;
use self::follow::Follow;
use self::interrupt::Interrupts;
use self::work::Work;
use super::{Objects, of_cluster_or_files};
use crate::cli::{ArchitectureArg, BuildArgs, ProgramArg};
use crate::commands::{note, print_text, tell, warn};
use crate::error::CommandError;
use crate::render::document;
use crate::replace_file::replace_file;
use crate::{exit, live};

pub(super) fn run(args: &BuildArgs) -> Result<u8, CommandError> {
    let push_spec = push_target(&args.push).map_err(usage)?;
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| LayerMachineConfig::default_name(&args.pool));
    LayerMachineConfig::check_name(&name).map_err(usage)?;
    let context = Context::read(args)?;
    check_options(args, &context)?;
    let is_alone = args.base.is_some() && args.input.files.is_empty() && !args.apply;
    let texts = if is_alone {
        Texts::default()
    } else {
        of_cluster_or_files(&args.input, &args.cluster)?
    };
    let objects = if is_alone {
        Objects::default()
    } else {
        Objects::of(&texts)
    };
    if !objects.errors.is_empty() {
        return Ok(exit::INVALID_INPUT);
    }
    let request = Request {
        args,
        push_spec,
        name,
        architecture: architecture(args, &objects.snapshot)?,
        context,
        snapshot: &objects.snapshot,
    };
    request.check_pool()?;
    let base = request.base()?;
    if args.dry_run {
        return request.print_commands(&base);
    }
    request.carry_out(&base)
}

fn usage(error: impl std::fmt::Display) -> CommandError {
    CommandError::Usage(error.to_string())
}

fn check_options(args: &BuildArgs, context: &Context) -> Result<(), CommandError> {
    if args.apply && !args.input.files.is_empty() {
        return Err(CommandError::Usage(
            "files cannot be written: --apply writes to the live cluster, leave -f out".to_owned(),
        ));
    }
    if let Some(output) = args.output.as_ref().filter(|path| context.holds(path)) {
        return Err(CommandError::Usage(format!(
            "-o {} lies in the build context: it would change what the next build is made of; name a file \
             elsewhere",
            output.display()
        )));
    }
    Ok(())
}

/// What the nodes of the pool run on: what they say, else what the command line says.
fn architecture(
    args: &BuildArgs,
    snapshot: &LayerSnapshot<'_>,
) -> Result<Architecture, CommandError> {
    let found = snapshot.cluster().architecture_of(&args.pool);
    let found = found.map_err(|error| CommandError::Invalid(error.to_string()))?;
    let given = args.architecture.map(ArchitectureArg::architecture);
    Ok(match (found, given) {
        (Some(found), Some(given)) if found != given => {
            warn(format_args!(
                "the nodes of pool {} run on {found}: --architecture {given} does not count",
                args.pool
            ));
            found
        }
        (Some(found), _) => found,
        (None, given) => given.unwrap_or(Architecture::X86_64),
    })
}

fn warn_of_emulation(wanted: &Architecture) {
    let own = std::env::consts::ARCH;
    if wanted.rpm_name() != own {
        warn(format_args!(
            "the image is for {wanted}, and this machine is {own}: every RUN is emulated, slowly, and needs \
             qemu-user-static"
        ));
    }
}

/// What is to be built, and where to.
struct Request<'r, 'a> {
    args: &'r BuildArgs,
    push_spec: String,
    name: String,
    architecture: Architecture,
    context: Context,
    snapshot: &'r LayerSnapshot<'a>,
}

impl Request<'_, '_> {
    /// The pool is there, and nothing else gives it its image.
    fn check_pool(&self) -> Result<(), CommandError> {
        let cluster = self.snapshot.cluster();
        let pool = self.args.pool.as_str();
        if !cluster.pools.is_empty() && cluster.pool(pool).is_none() {
            let known: Vec<_> = cluster
                .pools
                .iter()
                .map(|pool| pool.name.as_str())
                .collect();
            return Err(CommandError::Invalid(format!(
                "there is no MachineConfigPool {pool}; there are {}",
                known.join(", ")
            )));
        }
        check_config(self.snapshot, pool, &self.name, &self.architecture)
            .map_err(|obstacle| CommandError::Refused(obstacle.to_string()))?;
        let impact = pool_impact(&cluster, pool, &self.name, "");
        let own = impact.pools.iter().find(|effect| effect.pool == pool);
        match own.and_then(|effect| effect.overridden_by.as_ref()) {
            None => Ok(()),
            Some(other) => Err(CommandError::Refused(format!(
                "MachineConfig {other} of pool {pool} names an image too and comes later than {}: nodes \
                 would never run what is built; delete it, or choose a name with --name that comes after it",
                self.name
            ))),
        }
    }

    /// The image that is built on, as it was named.
    fn base(&self) -> Result<String, CommandError> {
        let base = self.args.base.clone();
        let base = base.or_else(|| self.snapshot.release_image.clone());
        let base = base.ok_or_else(|| {
            CommandError::Invalid(
                "the input does not say which image the release has (ControllerConfig \
                 machine-config-controller, in older releases ConfigMap machine-config-osimageurl): name it \
                 with --base"
                    .to_owned(),
            )
        })?;
        ImageReference::parse_canonical(&base).map_err(|error| {
            CommandError::Invalid(format!("base image {base:?}: {error}: {}", error.hint()))
        })?;
        Ok(base)
    }

    /// What the author of the Containerfile should know; an error where no builder takes it.
    fn check_containerfile(&self, builder: Builder) -> Result<(), CommandError> {
        let place = Place::Elsewhere;
        let text = &self.context.text;
        let report = check(text, CheckFor { place, builder });
        let name = self.context.file.display();
        if let Some(problem) = report.problem {
            let hint = problem.what.hint(text);
            let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
            return Err(CommandError::Invalid(format!("{name}:{problem}{hint}")));
        }
        for advice in report.advice {
            warn(format_args!("{name}:{advice}"));
        }
        Ok(())
    }

    /// The extensions of the release, as the rendered MachineConfig of the pool names them.
    fn extensions_image(&self) -> &str {
        let cluster = self.snapshot.cluster();
        let pool = cluster.pool(&self.args.pool);
        let rendered = pool.and_then(|pool| cluster.machine_config(pool.target.name()));
        rendered.map_or("", OsMachineConfig::extensions_image)
    }

    fn print_commands(&self, base: &str) -> Result<u8, CommandError> {
        let tool = BuildTool {
            program: match self.args.builder {
                Some(ProgramArg::Podman) => Program::Podman,
                Some(ProgramArg::Buildah) | None => Program::Buildah,
            },
            builder: Builder::default(),
            driver: String::new(),
        };
        self.check_containerfile(tool.builder)?;
        let context_digest = self.context.digest()?;
        let build = self.build(base, &context_digest);
        let authfile = self
            .args
            .authfile
            .as_ref()
            .map(|file| file.display().to_string());
        let (file, folder) = (self.context.file.display(), self.context.folder.display());
        let (file, folder) = (file.to_string(), folder.to_string());
        let files = BuildFiles {
            containerfile: &file,
            context: &folder,
            image_id: "image.id",
            authfile: authfile.as_deref(),
            cert_dir: (!self.args.registry_ca.is_empty()).then_some("certificates"),
        };
        let push = tool.push("IMAGE", &self.push_spec, &files).to_string();
        let lines = [
            tool.pull(&build, &files).to_string(),
            tool.build(&build, &files, &build.inputs_digest())
                .to_string(),
            push.replace("IMAGE", "\"$(cat image.id)\""),
        ];
        print_text(&format!("{}\n", lines.join("\n")))?;
        note("no registry was asked, and nothing was built or pushed");
        Ok(exit::OK)
    }

    fn build<'b>(&'b self, base: &'b str, context_digest: &'b str) -> LocalBuild<'b> {
        LocalBuild {
            pool: &self.args.pool,
            architecture: &self.architecture,
            base_image: base,
            extensions_image: self.extensions_image(),
            containerfile: &self.context.text,
            context_digest,
        }
    }

    fn carry_out(&self, base: &str) -> Result<u8, CommandError> {
        let context_digest = self.context.digest()?;
        let hosts: Vec<&str> = [base, &self.push_spec]
            .iter()
            .filter_map(|image| image.split('/').next())
            .collect();
        let access = Access::of(self.args, &hosts)?;
        let interrupts = Interrupts::watch()?;
        let ask = async {
            let base = self.digested(&access, base).await?;
            let inputs = self.build(&base, &context_digest).inputs_digest();
            let there = self.is_there(&access, &inputs).await?;
            Ok::<_, CommandError>((base, inputs, there))
        };
        let (base, inputs, there) = live::block_on(interrupts.or(ask))???;
        let image = match there {
            Some(digest) if !self.args.rebuild => {
                note(&format!(
                    "{} is built from the same Containerfile, files and base image: nothing to build",
                    self.push_spec
                ));
                digest
            }
            _ => {
                warn_of_emulation(&self.architecture);
                let tool = tool::find(self.args.builder)?;
                self.check_containerfile(tool.builder)?;
                live::block_on(interrupts.or(self.check_registries(
                    &access,
                    &base,
                    tool.builder,
                )))???;
                let work = Work {
                    build: self.build(&base, &context_digest),
                    inputs: &inputs,
                    push_spec: &self.push_spec,
                    tool: &tool,
                    access: &access,
                    interrupts: &interrupts,
                };
                let mut follow = Follow::new();
                work.carry_out(&self.context, &mut follow)?;
                follow.begin(format!(
                    "ask the registry for the digest of {}",
                    self.push_spec
                ));
                let pushed = self.is_there(&access, &inputs);
                let pushed = live::block_on(interrupts.or(pushed))???;
                crate::progress::clear();
                pushed.ok_or_else(|| BuildError::Other {
                    image: self.push_spec.clone(),
                })?
            }
        };
        let image = digested_pull_spec(&self.push_spec, &image)
            .map_err(|error| CommandError::Invalid(error.to_string()))?;
        interrupts.check()?;
        self.hand_over(&image, &base, &interrupts)
    }

    /// The reference by digest; the registry is asked for it where a tag is given.
    async fn digested(&self, access: &Access, image: &str) -> Result<String, CommandError> {
        if image.contains('@') {
            return Ok(image.to_owned());
        }
        let found = access.registry()?.inspect(image).await;
        let found = found.map_err(|error| refused("base image", error))?;
        digested_pull_spec(image, &found.digest)
            .map_err(|error| CommandError::Invalid(error.to_string()))
    }

    /// The digest of the image at the push spec, if its label says that it was made of the same inputs.
    async fn is_there(
        &self,
        access: &Access,
        inputs: &str,
    ) -> Result<Option<String>, CommandError> {
        match access.registry()?.inspect(&self.push_spec).await {
            Ok(found) => {
                let label = found.labels.get(PROVENANCE_LABEL).and_then(Value::as_str);
                Ok((label == Some(inputs)).then_some(found.digest))
            }
            // Whether it may be pushed is asked for itself: some registries deny what is not there.
            Err(error) if classify(&error) != Meaning::Unknown => Ok(None),
            Err(error) => Err(refused("--push", error)),
        }
    }

    /// What would fail after minutes is tried at once.
    async fn check_registries(
        &self,
        access: &Access,
        base: &str,
        builder: Builder,
    ) -> Result<(), CommandError> {
        let registry = access.registry()?;
        match registry.try_push(&self.push_spec).await {
            Ok(()) => {}
            Err(error) if access.has_helper && classify(&error) == Meaning::AccessDenied => warn(
                "credentials are kept by a program (credHelpers): whether they let push shows after the \
                 build",
            ),
            Err(error) => return Err(refused("--push", error)),
        }
        let found = match registry.inspect(base).await {
            Err(error) if access.has_helper && classify(&error) == Meaning::AccessDenied => {
                return Ok(());
            }
            found => found.map_err(|error| refused("base image", error))?,
        };
        let labels = found.labels.as_object().into_iter().flatten();
        check_base_image(labels.map(|(name, _)| name.as_str()))
            .map_err(|problem| CommandError::Refused(format!("base image {base}: {problem}")))?;
        let written = match final_base(&self.context.text, builder) {
            FinalBase::Image(written) => written,
            FinalBase::Configs | FinalBase::None => return Ok(()),
        };
        let wrong = |why: &str| {
            CommandError::Refused(format!(
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

    /// Prints or writes the MachineConfig, and says what it does.
    fn hand_over(
        &self,
        image: &str,
        base: &str,
        interrupts: &Interrupts,
    ) -> Result<u8, CommandError> {
        let config = LayerMachineConfig {
            name: self.name.clone(),
            pool: &self.args.pool,
            image,
            base_image: base,
            push_spec: &self.push_spec,
        };
        let text = document::yaml(&config.object())?;
        if let Some(path) = &self.args.output {
            replace_file(path, text.as_bytes()).map_err(|source| CommandError::Write {
                path: path.display().to_string(),
                source,
            })?;
        }
        if self.args.apply {
            let write = config.write(LAYER_FIELD_MANAGER);
            live::block_on(async {
                let cluster = interrupts.or(live::connect(&self.args.cluster)).await??;
                // After this the request is sent, and an interruption stops it no more.
                interrupts.check()?;
                cluster.execute(&write, WriteMode::Real).await?;
                tell(&format!(
                    "MachineConfig {} is on {}",
                    self.name,
                    cluster.server()
                ));
                Ok::<_, CommandError>(())
            })??;
        } else if self.args.output.is_none() {
            print_text(&text)?;
        }
        let impact = pool_impact(&self.snapshot.cluster(), &self.args.pool, &self.name, image);
        for line in words::of_impact(&impact, &self.args.pool) {
            note(&line);
        }
        Ok(exit::OK)
    }
}

fn refused(what: &'static str, error: ImageError) -> CommandError {
    BuildError::Registry { what, error }.into()
}
