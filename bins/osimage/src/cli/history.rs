//! The command line of the history.

use std::path::PathBuf;

use bootimage_plan::STATE_NAMESPACE;
use clap::{Args, ValueEnum};

use super::ClusterArgs;

pub(super) const HISTORY_EXAMPLES: &str = "\
Examples:
  osimage history                                      of the live cluster
  osimage history machineset/worker-a                  of one object; also cpms/NAME, secret/NAME
  osimage history -f osimage-boot-images.yaml -o json  of a ConfigMap that was saved, as a document";

/// Where osimage keeps what it has written.
#[derive(Debug, Clone, Args)]
pub struct StateArgs {
    /// Namespace of ConfigMap osimage-boot-images, where what was written is kept
    #[arg(long, value_name = "NAME", default_value = STATE_NAMESPACE)]
    pub state_namespace: String,
}

/// `osimage history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only writes of this object, e.g. machineset/worker-a, cpms/cluster, secret/worker-user-data
    #[arg(value_name = "KIND/NAME")]
    pub object: Option<String>,
    /// File, directory or archive with the ConfigMap, e.g. a must-gather; `-` is standard input;
    /// repeatable; without it the live cluster is read
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Where what was written is kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = HistoryFormat::Table)]
    pub output: HistoryFormat,
}

/// How a history is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For people
    Table,
    /// As a document
    Json,
    /// As a document
    Yaml,
}
