//! The command line.

mod history;
mod inventory;
mod layer;
mod vsphere;

use std::path::PathBuf;

pub use history::{HistoryArgs, HistoryFormat, StateArgs};
pub use inventory::{FailOn, InventoryArgs, InventoryFormat, ReportArgs, ReportFormat};
pub use layer::{
    BuildArgs, CheckArgs, ConvertArgs, DocumentFormat, GcArgs, LayerCommand, LayerFormat,
    LayerInputArgs, LogsArgs, NameArgs, OutdatedArgs, ProgramArg, RegistryArgs, RemoveArgs,
    RenderArgs, SbomArg, StatusArgs, WhyArgs,
};

pub use vsphere::{TemplatesArgs, TemplatesFormat, VsphereCommand};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCandidates;
use cluster_io::clouds::Certificates;
use cluster_io::vcenter::ArtifactMirror;

use crate::complete;

/// Plan, explain and apply changes of node operating-system images on OpenShift and OKD.
#[derive(Debug, Parser)]
#[command(
    name = "osimage",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// How much is said, and how.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub struct Settings {
    /// Colours: auto is always on a terminal, and never where `NO_COLOR` is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
    /// No warnings and no notes on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what was read and how long it took, on standard error
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would change, set by set, and why; changes nothing
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Show every rule that was looked at for one object, with its inputs and outcome
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Show the commands that answer what a plan needs to know of a cloud, or ask it
    ///
    /// `osimage plan --facts FILE` takes what the commands print.
    #[command(after_help = FACTS_EXAMPLES)]
    Facts(FactsArgs),
    /// Show what each set's next node would be born from and whether it would join
    ///
    /// Then what each node was born from, and what it runs now. Changes nothing.
    #[command(after_help = inventory::INVENTORY_EXAMPLES)]
    Inventory(InventoryArgs),
    /// Show the same over many clusters: one line for each, sums, and what changed
    ///
    /// A dump that cannot be read is a line of its own; exit code 3 says that there is one.
    #[command(after_help = inventory::REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Carry out a saved plan, and only that plan
    ///
    /// Refuses a plan that is not of the cluster as it is now, and says what moved. Before each
    /// write the object is read again. Run again after an interruption, it does what is left.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Show what osimage and its controller have written, the oldest first
    ///
    /// Every edit of a boot image and every conversion of user data, by which program, and which
    /// plan led to it; from a live cluster or a dump of it.
    #[command(after_help = history::HISTORY_EXAMPLES)]
    History(HistoryArgs),
    /// Show how old the boot images are, and what that blocks
    #[command(after_help = SKEW_EXAMPLES)]
    Skew(SkewArgs),
    /// Choose which machine resources have their boot images managed
    ///
    /// Edits spec.managedBootImages of MachineConfiguration cluster: the entry of MachineSets, and
    /// that of ControlPlaneMachineSets if asked; all else stays. Where skew enforcement is
    /// automatic, it is made manual at the recorded version first, since the API server rejects
    /// anything but all otherwise. Then shows what will happen next, set by set.
    #[command(after_help = SET_MODE_EXAMPLES)]
    SetMode(SetModeArgs),
    /// Convert user-data stubs of Ignition spec 2 to spec 3, lossless or refused
    #[command(subcommand)]
    Ignition(IgnitionCommand),
    /// Layered images: builds here, names, Containerfiles, conversion, checks, status, removal
    Layer {
        /// What to do.
        #[command(subcommand)]
        command: LayerCommand,
    },
    /// Templates of vCenters: what is there, what names it, what may go
    #[command(subcommand)]
    Vsphere(VsphereCommand),
    /// Print a completion script for a shell
    ///
    /// The script asks this program each time: names of objects are those of the files that the command
    /// line names with -f.
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a directory
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The directory; it is created where it does not exist
        dir: PathBuf,
    },
    /// Print the version
    #[command(after_help = VERSION_EXAMPLES)]
    Version,
}

const PLAN_EXAMPLES: &str = "\
Examples:
  osimage plan -f must-gather.tar.gz                   a dump, as it is, or unpacked
  osimage plan                                         the live cluster of your kubeconfig
  { oc get machinesets.machine.openshift.io,infrastructures,clusterversions -A -o yaml; echo ---
    oc get configmap coreos-bootimages -n openshift-machine-config-operator -o yaml
  } | osimage plan -f -
  osimage plan worker-a worker-b -f dump/              two sets of many; -l, -n and --only-changes
                                                       choose among them too
  osimage plan -f dump/ -o diff                        the edits with their surroundings
  osimage plan -f dump/ --save plan.json               keep the plan for a review
  osimage plan -f git/ --stream rhcos.json --detailed-exitcode
                                                       in CI: 0 nothing to do, 10 changes, 11 blocked";
const EXPLAIN_EXAMPLES: &str = "\
Examples:
  osimage explain worker-a -f must-gather/
  osimage explain machineset/worker-a -f must-gather/
  osimage explain cpms/cluster -f must-gather/ -o json";
const FACTS_EXAMPLES: &str = "\
Examples:
  osimage facts -f must-gather/                        what to ask on a machine with credentials
  osimage facts -f must-gather/ | sh                   or ask right here
  osimage facts -f must-gather/ --resolve -o facts.json
  osimage plan -f must-gather/ --facts facts.json";
const APPLY_EXAMPLES: &str = "\
Examples:
  osimage plan --save plan.json                        make a plan of the live cluster, review it
  osimage apply plan.json --dry-run=server             let the API server check every write
  osimage apply plan.json
  osimage apply plan.json --only machineset/worker-a   one set first
  osimage apply plan.json --artifact-mirror https://mirror.example.com
                                                       vSphere without the internet";
const SKEW_EXAMPLES: &str = "\
Examples:
  osimage skew -f must-gather/
  osimage skew -f must-gather/ -o json";
const SET_MODE_EXAMPLES: &str = "\
Examples:
  osimage set-mode all --dry-run=client                what to apply, and what would happen then
  osimage set-mode partial --selector update-boot-image=true
  osimage set-mode none --control-plane none";
const CONVERT_EXAMPLES: &str = "\
Examples:
  oc get secret worker-user-data -n openshift-machine-api -o yaml > secret.yaml
  osimage ignition convert secret.yaml --diff          review it, side by side
  osimage ignition convert secret.yaml | oc replace -f -
                                                       once it is as you want it
  osimage ignition convert worker.ign --to 3.5.0       a stub by itself";
const CHECK_EXAMPLES: &str = "\
Examples:
  osimage ignition check secret.yaml                   what a conversion would do or refuse
  osimage ignition check -o json < worker.ign";
const COMPLETION_EXAMPLES: &str = "\
Examples:
  source <(osimage completion bash)                    names of objects too, out of the files of -f";
const MAN_EXAMPLES: &str = "\
Examples:
  osimage man ~/.local/share/man/man1";
const VERSION_EXAMPLES: &str = "\
Examples:
  osimage version";

/// Which live cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// The kubeconfig [default: that of KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    pub context: Option<String>,
}

/// Where the objects come from, and what is assumed about them.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// File, directory or archive (.tar, .tar.gz, .tar.zst, .zip) with YAML or JSON, e.g. a must-gather; `-` is
    /// standard input; repeatable; without it the live cluster is read
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Further CoreOS stream document; repeatable
    #[arg(long = "stream", value_name = "FILE")]
    pub streams: Vec<PathBuf>,
    /// Answers to `needs`: a document of kind Facts, or what the commands print that `osimage facts`
    /// shows (`aws ec2 describe-images`, `govc find -json`, `govc object.collect -json`); repeatable
    #[arg(long = "facts", value_name = "FILE")]
    pub facts: Vec<PathBuf>,
    /// The release whose rules apply; auto: that of ClusterVersion
    #[arg(long, value_enum, default_value_t = ProfileArg::Auto)]
    pub profile: ProfileArg,
    /// What the control plane runs on [default: read from nodes if present, else `x86_64`]
    #[arg(long, value_enum)]
    pub architecture: Option<ArchitectureArg>,
    /// Count Fedora CoreOS images on GCP as the release's own (OKD clusters born with one)
    #[arg(long)]
    pub fedora_coreos: bool,
    /// What the release's templates are called in a vCenter: by the release that is in them, or as
    /// the installer calls its own, so that the new one takes the place of the old one
    #[arg(long, value_enum, default_value_t = TemplateNamesArg::Content)]
    pub template_names: TemplateNamesArg,
    /// How vCenters are spoken to.
    #[command(flatten)]
    pub vcenter: Certificates,
}

/// Where the OVAs come from that vCenters import.
#[derive(Debug, Clone, Args)]
pub struct ArtifactArgs {
    /// Instead of where the release says.
    #[command(flatten)]
    pub mirror: ArtifactMirror,
    /// Where OVAs are kept that were downloaded [default: osimage in `XDG_CACHE_HOME` or ~/.cache]
    #[arg(long, value_name = "FOLDER")]
    pub artifact_cache: Option<PathBuf>,
    /// Most that is kept there, in GiB; what was used longest ago goes first
    #[arg(long, value_name = "GIB", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub artifact_cache_size: u64,
}

/// `--template-names`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateNamesArg {
    /// `<infrastructure name>-rhcos-<failure domain>-<release>`
    Content,
    /// `<infrastructure name>-rhcos-<failure domain>`
    Stock,
}

/// Which objects a plan is about.
#[derive(Debug, Args)]
pub struct NarrowArgs {
    /// Only these objects, e.g. worker-a or cpms/cluster
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(complete::planned))]
    pub names: Vec<String>,
    /// Only objects of this namespace
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Only objects with these labels, e.g. region=west,pool!=gpu,zone in (a,b),!spot
    #[arg(short = 'l', long)]
    pub selector: Option<String>,
    /// Only what would be updated
    #[arg(long)]
    pub only_changes: bool,
}

/// `osimage plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which objects.
    #[command(flatten)]
    pub narrow: NarrowArgs,
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Table)]
    pub output: PlanFormat,
    /// Ask EC2 and vCenters for what the plan needs to know; credentials from the environment (AWS_*,
    /// GOVC_*), else from Secret aws-cloud-credentials or kube-system/vsphere-creds of the live cluster
    #[arg(long)]
    pub resolve: bool,
    /// Exit with 10 where changes are pending, with 11 where a set is Blocked or Undecided
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Write the plan as JSON into a file as well; not where the input has errors
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Save the plan although the input has errors
    #[arg(long, requires = "save")]
    pub allow_errors: bool,
}

/// `osimage apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A plan that was saved with `osimage plan --save`; `-` is standard input
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Carry out this target only, e.g. machineset/worker-a; repeatable
    #[arg(long, value_name = "KIND/NAME")]
    pub only: Vec<String>,
    /// Write nothing: the API server checks every write and keeps none
    #[arg(long, value_enum, value_name = "WHO", require_equals = true)]
    pub dry_run: Option<ApplyDryRun>,
    /// Write even while a controller would write nothing, e.g. during an upgrade; the Events say so
    #[arg(long)]
    pub accept_deferred: bool,
    /// How vCenters are spoken to.
    #[command(flatten)]
    pub vcenter: Certificates,
    /// Where OVAs come from.
    #[command(flatten)]
    pub artifacts: ArtifactArgs,
    /// The kubeconfig [default: that of KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Where what was written is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Who checks what would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApplyDryRun {
    /// The API server, admission included
    Server,
}

/// `osimage facts`
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Ask EC2 and vCenters and print the answers; credentials from the environment (AWS_*, GOVC_*),
    /// else from Secret aws-cloud-credentials or kube-system/vsphere-creds of the live cluster
    #[arg(long)]
    pub resolve: bool,
    /// Write the answers into a file instead of standard output
    #[arg(short, long, value_name = "FILE", requires = "resolve")]
    pub output: Option<PathBuf>,
}

/// `osimage explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The object: worker-a, machineset/worker-a or `machineset worker-a`
    #[arg(value_name = "NAME", required = true, num_args = 1..=2, add = ArgValueCandidates::new(complete::planned))]
    pub object: Vec<String>,
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Namespace of the object, where the name alone does not tell
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)]
    pub output: ExplainFormat,
}

/// `osimage set-mode`
#[derive(Debug, Args)]
pub struct SetModeArgs {
    /// Which MachineSets are managed
    #[arg(value_enum)]
    pub mode: ModeArg,
    /// With partial: the labels of the MachineSets, e.g. region=west,pool!=gpu,zone in (a,b),!spot
    #[arg(long)]
    pub selector: Option<String>,
    /// Which ControlPlaneMachineSets are managed [default: as it is]
    #[arg(long, value_enum, value_name = "MODE")]
    pub control_plane: Option<ControlPlaneModeArg>,
    /// Write nothing: client prints what to apply, server lets the API server check it
    #[arg(long, value_enum, value_name = "WHO", require_equals = true)]
    pub dry_run: Option<DryRunArg>,
    /// Which of two requests --dry-run=client prints: each has to be taken over before the next one
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "dry_run")]
    pub step: usize,
    /// How long to wait for the operator between two requests, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
}

/// Which MachineSets are managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// All of them
    All,
    /// None of them
    None,
    /// Those with the labels of --selector
    Partial,
}

/// Which ControlPlaneMachineSets are managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControlPlaneModeArg {
    /// All of them
    All,
    /// None of them
    None,
}

/// Who checks what would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRunArg {
    /// Nobody: what to apply is printed
    Client,
    /// The API server, admission included
    Server,
}

/// `osimage skew`
#[derive(Debug, Args)]
pub struct SkewArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)]
    pub output: ExplainFormat,
}

/// `osimage ignition`
#[derive(Debug, Subcommand)]
pub enum IgnitionCommand {
    /// Print the stub, or the whole Secret, in spec 3; warnings go to standard error
    ///
    /// What is of spec 3 already comes back byte for byte. A stub that spec 3 could not hold all of
    /// is refused: standard output stays empty, and the exit code is 5.
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(IgnitionConvertArgs),
    /// Show which spec a stub is of, what a conversion would do, and what it would refuse
    #[command(after_help = CHECK_EXAMPLES)]
    Check(IgnitionCheckArgs),
}

/// Which stub, and what it is to become.
#[derive(Debug, Args)]
pub struct StubArgs {
    /// A stub, or a Secret with `userData`, in JSON or YAML; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// The spec that it is converted to
    #[arg(long, value_enum, default_value_t = TargetArg::V3_4)]
    pub to: TargetArg,
}

/// `osimage ignition convert`
#[derive(Debug, Args)]
pub struct IgnitionConvertArgs {
    /// Which stub.
    #[command(flatten)]
    pub stub: StubArgs,
    /// Output format [default: that of the input]
    #[arg(short, long, value_enum)]
    pub output: Option<DocumentFormat>,
    /// Show the stub before and after as YAML, side by side, instead
    #[arg(long, conflicts_with = "output")]
    pub diff: bool,
}

/// `osimage ignition check`
#[derive(Debug, Args)]
pub struct IgnitionCheckArgs {
    /// Which stub.
    #[command(flatten)]
    pub stub: StubArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)]
    pub output: ExplainFormat,
}

/// The spec that a stub is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetArg {
    /// Read by every boot image from 4.14 on
    #[value(name = "3.4.0")]
    V3_4,
    /// What the Machine Config Operator writes since 4.19
    #[value(name = "3.5.0")]
    V3_5,
}

/// The release whose rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// That of ClusterVersion
    Auto,
    /// 4.17 and 4.18
    #[value(name = "4.17")]
    P417,
    /// 4.19 and 4.20
    #[value(name = "4.19")]
    P419,
    /// 4.21
    #[value(name = "4.21")]
    P421,
    /// 4.22 and later
    #[value(name = "4.22")]
    P422,
}

/// What the control plane runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ArchitectureArg {
    /// ARM, 64 bit
    #[value(alias = "arm64")]
    Aarch64,
    /// POWER, little endian
    Ppc64le,
    /// IBM Z
    S390x,
    /// Intel and AMD, 64 bit
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
}

impl ArchitectureArg {
    /// The architecture.
    pub(crate) fn architecture(self) -> openshift_model::Architecture {
        use openshift_model::Architecture;
        match self {
            Self::Aarch64 => Architecture::Aarch64,
            Self::Ppc64le => Architecture::Ppc64le,
            Self::S390x => Architecture::S390x,
            Self::X86_64 => Architecture::X86_64,
        }
    }
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people, as wide as the terminal, else 80 columns
    Table,
    /// For people, everything on one line for each set
    Wide,
    /// The plan as a document
    Json,
    /// The plan as a document
    Yaml,
    /// KIND/NAME, a line for each
    Name,
    /// Comma-separated values with a line of names
    Csv,
    /// One JSON line for each update: kind, namespace, name, patch
    Patch,
    /// The edits with their surroundings, as a unified diff of YAML
    Diff,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    Text,
    /// As a document
    Json,
    /// As a document
    Yaml,
}
