//! `osimage layer build`: a layered image that is built here, and the MachineConfig that gives it to a
//! pool. Every mistake that can be found before the build is found before it; what nodes see is written
//! last.

mod attach;
mod context;
mod error;
mod follow;
mod hand_over;
mod interrupt;
mod process;
mod registries;
mod tool;
mod words;
mod work;

use cluster_io::files::Texts;
use containerfile_render::{Builder, CheckFor, Place, check, has_run};
use openshift_model::{Architecture, ImageReference, OsMachineConfig};
use osbuild_check::digested_pull_spec;
use osbuild_plan::{
    ArchitectureBuild, ArchitectureProblem, BuildFiles, BuildTool, ConfigObstacle,
    LayerMachineConfig, LayerSnapshot, LocalBuild, Program, architectures, can_emulate,
    check_config, push_target,
};

use self::attach::Signing;
use self::context::Context;
pub(crate) use self::error::BuildError;
use self::follow::Follow;
use self::interrupt::Interrupts;
use self::registries::There;
use self::work::Work;
use super::access::Access;
use super::{Objects, of_cluster_or_files};
use crate::cli::{ArchitectureArg, BuildArgs, ProgramArg};
use crate::commands::{note, print_text, warn};
use crate::error::CommandError;
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
    let architectures = chosen_architectures(args, &objects.snapshot);
    let request = Request {
        args,
        push_spec: &push_spec,
        name: &name,
        architectures: &architectures,
        context: &context,
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

fn refused(error: impl std::fmt::Display) -> CommandError {
    CommandError::Refused(error.to_string())
}

fn invalid(error: impl std::fmt::Display) -> CommandError {
    CommandError::Invalid(error.to_string())
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

/// For what the image is built: what the nodes of the pool say, and what the command line says.
fn chosen_architectures(args: &BuildArgs, snapshot: &LayerSnapshot<'_>) -> Vec<Architecture> {
    let nodes = snapshot.cluster().architectures_of(&args.pool);
    let given = args.architecture.iter().copied();
    let given: Vec<_> = given.map(ArchitectureArg::architecture).collect();
    let (found, ignored) = architectures(&nodes, &given);
    if let (Some(ignored), [of_nodes, ..]) = (ignored, nodes.as_slice()) {
        warn(format_args!(
            "the nodes of pool {} run on {of_nodes}: --architecture {ignored} does not count",
            args.pool
        ));
    }
    found
}

/// What is to be built, and where to.
#[derive(Clone, Copy)]
struct Request<'r, 'a> {
    args: &'r BuildArgs,
    push_spec: &'r str,
    name: &'r str,
    architectures: &'r [Architecture],
    context: &'r Context,
    snapshot: &'r LayerSnapshot<'a>,
}

impl Request<'_, '_> {
    /// The pool is there, and the MachineConfig may be written and would count.
    fn check_pool(&self) -> Result<(), CommandError> {
        let pool = self.args.pool.as_str();
        check_config(self.snapshot, pool, self.name, self.architectures).map_err(|obstacle| {
            match obstacle {
                ConfigObstacle::NoPool { .. } => invalid(obstacle),
                obstacle => refused(obstacle),
            }
        })
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

    /// IL-702: whether this machine can run what the Containerfile runs.
    fn check_machine(&self, builder: Builder) -> Result<(), CommandError> {
        let own = std::env::consts::ARCH;
        if !has_run(&self.context.text, builder) {
            return Ok(());
        }
        let others = self.architectures.iter();
        for other in others.filter(|other| other.rpm_name() != own) {
            if !tool::emulators().any(|entry| can_emulate(&entry, other)) {
                return Err(refused(ArchitectureProblem::Machine {
                    own: own.to_owned(),
                    wanted: other.rpm_name().to_owned(),
                }));
            }
            warn(format_args!(
                "the image is for {other}, and this machine is {own}: every RUN is emulated, slowly"
            ));
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
        let tool = tool::find(self.args.builder).unwrap_or_else(|problem| {
            warn(problem);
            BuildTool {
                program: match self.args.builder {
                    Some(ProgramArg::Podman) => Program::Podman,
                    Some(ProgramArg::Buildah) | None => Program::Buildah,
                },
                builder: Builder::default(),
                driver: String::new(),
            }
        });
        self.check_containerfile(tool.builder)?;
        let context_digest = self.context.digest()?;
        let authfile = &self.args.registry.authfile;
        let authfile = authfile.as_ref().map(|file| file.display().to_string());
        let (file, folder) = (self.context.file.display(), self.context.folder.display());
        let (file, folder) = (file.to_string(), folder.to_string());
        let files = BuildFiles {
            containerfile: &file,
            context: &folder,
            image_id: "",
            digest: "image.digest",
            authfile: authfile.as_deref(),
            cert_dir: (!self.args.registry.registry_ca.is_empty()).then_some("certificates"),
        };
        let builds = self
            .architectures
            .iter()
            .map(|architecture| ArchitectureBuild {
                architecture,
                base_image: base,
            });
        let builds: Vec<_> = builds.collect();
        let inputs = self.inputs(base, &context_digest);
        let lines = tool.script(&inputs, &builds, self.push_spec, &files);
        print_text(&format!("{}\n", lines.join("\n")))?;
        note("no registry was asked, and nothing was built or pushed");
        Ok(exit::OK)
    }

    fn inputs<'b>(&'b self, base: &'b str, context_digest: &'b str) -> LocalBuild<'b> {
        LocalBuild {
            pool: &self.args.pool,
            architectures: self.architectures,
            base_image: base,
            extensions_image: self.extensions_image(),
            containerfile: &self.context.text,
            context_digest,
        }
    }

    fn carry_out(&self, base: &str) -> Result<u8, CommandError> {
        let context_digest = self.context.digest()?;
        let access = Access::of(&self.args.registry, &[base, self.push_spec])?;
        let signing = Signing::of(self.args)?;
        let interrupts = Interrupts::watch()?;
        let ask = async {
            let base = self.digested(&access, base).await?;
            let inputs = self.inputs(&base, &context_digest).inputs_digest();
            let there = self.what_is_there(&access, &inputs).await?;
            Ok::<_, CommandError>((base, inputs, there))
        };
        let (base, inputs, there) = live::block_on(interrupts.or(ask))???;
        let (digest, is_new) = match there {
            There::Same(image) if !self.args.rebuild => {
                note(&format!(
                    "{} is built from the same Containerfile, files and base image: nothing to build",
                    self.push_spec
                ));
                (image.digest, false)
            }
            there => {
                self.check_tag(&there)?;
                let build = self.inputs(&base, &context_digest);
                let digest = self.build(&build, &inputs, &access, &interrupts, signing.as_ref())?;
                (digest, true)
            }
        };
        let image = digested_pull_spec(self.push_spec, &digest).map_err(invalid)?;
        interrupts.check()?;
        self.hand_over(&image, &base, is_new, &interrupts)
    }

    /// Builds, pushes, and looks whether the registry has it; the digest.
    fn build(
        &self,
        build: &LocalBuild<'_>,
        inputs: &str,
        access: &Access,
        interrupts: &Interrupts,
        signing: Option<&Signing>,
    ) -> Result<String, CommandError> {
        let tool = tool::find(self.args.builder)?;
        self.check_containerfile(tool.builder)?;
        self.check_machine(tool.builder)?;
        let check = self.check_registries(access, build.base_image, tool.builder);
        let bases = live::block_on(interrupts.or(check))???;
        let work = Work {
            build: *build,
            bases: &bases,
            inputs,
            push_spec: self.push_spec,
            tool: &tool,
            access,
            interrupts,
            sbom: self.args.sbom,
        };
        let mut follow = Follow::new();
        let done = work.carry_out(self.context, &mut follow)?;
        follow.begin(format!(
            "ask the registry for the digest of {}",
            self.push_spec
        ));
        let ask = self.pushed(access, &done.digest);
        let pushed = live::block_on(interrupts.or(ask))???;
        if let Some(signing) = signing {
            follow.begin(format!("sign: {}", self.push_spec));
            let command = signing.command(self.push_spec, &pushed, access)?;
            work.sign(&command, signing.folder(), &mut follow)?;
        }
        if !done.packages.is_empty() {
            follow.begin("attach: the list of packages");
            let attach = self.attach_packages(access, &pushed, &done.packages);
            live::block_on(interrupts.or(attach))???;
        }
        crate::progress::clear();
        Ok(pushed.digest)
    }
}
