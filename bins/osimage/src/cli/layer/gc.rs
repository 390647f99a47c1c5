//! The command line of `osimage layer gc`.

use clap::Args;

use super::{LayerFormat, LayerInputArgs, RegistryArgs};
use crate::cli::ClusterArgs;

pub(super) const GC_EXAMPLES: &str = "\
Examples:
  osimage layer gc --dry-run                           what would be deleted, and why the others stay
  osimage layer gc --keep 5
  osimage layer gc -f must-gather/ --dry-run --repository quay.io/org/os";

/// `osimage layer gc`
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Where the objects come from; without it the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// A repository, HOST/PATH [default: those that MachineOSConfigs and MachineConfigs of osimage name];
    /// repeatable
    #[arg(long, value_name = "REPOSITORY")]
    pub repository: Vec<String>,
    /// How many images of each pool stay in each repository, besides those that the cluster needs
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub keep: usize,
    /// How registries are spoken to.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = LayerFormat::Text)]
    pub output: LayerFormat,
}
