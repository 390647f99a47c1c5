//! The command line of `osimage layer`.

mod build;
mod gc;
mod why;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use containerfile_render::Builder;

pub use build::{BuildArgs, OutdatedArgs, ProgramArg, RegistryArgs, RemoveArgs, SbomArg};
pub use gc::GcArgs;
pub use why::{LogsArgs, WhyArgs};

use super::{ArchitectureArg, ClusterArgs};

/// `osimage layer …`
#[derive(Debug, Subcommand)]
pub enum LayerCommand {
    /// Build an image here, push it, and print or write the MachineConfig that gives it to a pool
    #[command(after_help = build::BUILD_EXAMPLES)]
    Build(Box<BuildArgs>),
    /// Name the build of each MachineOSConfig, its image and every object that it creates
    #[command(after_help = NAME_EXAMPLES)]
    Name(NameArgs),
    /// Print the Containerfile of a build, its context, or the objects that it creates
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArgs),
    /// Convert MachineOSConfigs and MachineOSBuilds from v1alpha1 to v1
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Check a Containerfile as its author would want it checked
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Show which pools run which image, and how far behind the release it is
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Say why a build was started, what it does, why it failed, and what another one would change
    #[command(after_help = why::WHY_EXAMPLES)]
    Why(WhyArgs),
    /// Print the log of a build: of the pod that runs, and what was kept of those that failed
    #[command(after_help = why::LOGS_EXAMPLES)]
    Logs(LogsArgs),
    /// Show which layered images are behind the release, by how much, and from which object
    #[command(after_help = build::OUTDATED_EXAMPLES)]
    Outdated(OutdatedArgs),
    /// Take an image that was built elsewhere away from a pool: back to the image of the release
    #[command(after_help = build::REMOVE_EXAMPLES)]
    Remove(RemoveArgs),
    /// Delete images from their registries that no node and no object needs any more
    #[command(after_help = gc::GC_EXAMPLES)]
    Gc(GcArgs),
}

const NAME_EXAMPLES: &str = "\
Examples:
  osimage layer name -f must-gather/
  oc get machineosconfigs,machineconfigpools,machineconfigs -o yaml | osimage layer name -f -
  osimage layer name -f dump/ -f new.yaml --against dump/    why the names differ";
const RENDER_EXAMPLES: &str = "\
Examples:
  osimage layer render -f must-gather/                 the Containerfile
  osimage layer render worker -f must-gather/          of one of several MachineOSConfigs
  osimage layer render -f dump/ --context ctx && buildah bud ctx
  osimage layer render -f dump/ --manifests            ConfigMaps, Secrets and Job";
const CONVERT_EXAMPLES: &str = "\
Examples:
  osimage layer convert -f machineosconfig.yaml
  oc get machineosconfigs -o yaml | osimage layer convert -f - -o json";
const CHECK_EXAMPLES: &str = "\
Examples:
  osimage layer check Containerfile                    as spec.containerFile of a MachineOSConfig
  osimage layer check --out-of-cluster Containerfile   as a document that is built elsewhere
  osimage layer check --strict < Containerfile         in CI: advice fails as well";
const STATUS_EXAMPLES: &str = "\
Examples:
  osimage layer status                                 of the live cluster
  osimage layer status -f must-gather/
  osimage layer status -f must-gather/ -o json";

/// Where the objects come from.
#[derive(Debug, Args)]
pub struct LayerInputArgs {
    /// File or directory with YAML or JSON, e.g. a must-gather; `-` is standard input; repeatable
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// `osimage layer name`
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Other input to compare with: says field by field why a name differs; repeatable
    #[arg(long, value_name = "PATH")]
    pub against: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = LayerFormat::Text)]
    pub output: LayerFormat,
}

/// `osimage layer render`
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The MachineOSConfig, where the input has several
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Where the objects come from.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// What the pool's nodes run on, where the input has none of them [default: `x86_64`]
    #[arg(long, value_enum)]
    pub architecture: Option<ArchitectureArg>,
    /// Write the build context into a directory as well; it must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub context: Option<PathBuf>,
    /// Print the objects that a build creates in the cluster, instead of the Containerfile
    #[arg(long)]
    pub manifests: bool,
    /// The image that builds [default: that of ConfigMap machine-config-operator-images]
    #[arg(long, value_name = "IMAGE", requires = "manifests")]
    pub builder_image: Option<String>,
    /// Output format of the objects
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Yaml, requires = "manifests")]
    pub output: DocumentFormat,
}

/// `osimage layer convert`
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Yaml)]
    pub output: DocumentFormat,
}

/// `osimage layer check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The Containerfile; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Fail on what we advise against as well
    #[arg(long)]
    pub strict: bool,
    /// Check for this version of buildah; see `buildah --version`, or `podman info`
    #[arg(long, value_name = "VERSION", default_value = "1.33")]
    pub builder: Builder,
    /// Check a document of its own, with a build context of its own
    #[arg(long)]
    pub out_of_cluster: bool,
}

/// `osimage layer status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Where the objects come from; without it the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = LayerFormat::Text)]
    pub output: LayerFormat,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayerFormat {
    /// For people
    Text,
    /// As a document
    Json,
    /// As a document
    Yaml,
}

/// How objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// One JSON document
    Json,
    /// YAML documents
    Yaml,
}
