//! The command line of `osimage layer why` and `logs`.

use clap::Args;

use super::{LayerFormat, LayerInputArgs};
use crate::cli::ClusterArgs;

pub(super) const WHY_EXAMPLES: &str = "\
Examples:
  osimage layer why worker                             the current build of a MachineOSConfig or pool
  osimage layer why worker-0123456789abcdef0123456789abcdef
  osimage layer why worker -f must-gather/ -o json";
pub(super) const LOGS_EXAMPLES: &str = "\
Examples:
  osimage layer logs worker                            what runs, else what was kept
  osimage layer logs worker -f must-gather/            what was kept";

/// `osimage layer why`
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A MachineOSBuild, or a MachineOSConfig or pool whose current build is meant
    pub name: String,
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

/// `osimage layer logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A MachineOSBuild, or a MachineOSConfig or pool whose current build is meant
    pub name: String,
    /// Where the objects come from; without it the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}
