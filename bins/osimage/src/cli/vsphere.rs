//! The command line for templates of vCenters.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use cluster_io::clouds::Certificates;

use super::ClusterArgs;

const TEMPLATES_EXAMPLES: &str = "\
Examples:
  osimage vsphere templates                            what is there, and what names it
  osimage vsphere templates --keep-templates 2 --remove
                                                       remove what nothing names, but for the two
                                                       newest of each failure domain
  osimage vsphere templates -f must-gather/            what names them is read from a dump";

/// `osimage vsphere`
#[derive(Debug, Subcommand)]
pub enum VsphereCommand {
    /// Show the templates in the folders of the cluster: what names them, which may be removed
    ///
    /// Removes nothing unless it is told to, and never what osimage did not import.
    #[command(after_help = TEMPLATES_EXAMPLES)]
    Templates(TemplatesArgs),
}

/// `osimage vsphere templates`
#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// File, directory or archive with the objects of the cluster; repeatable; without it the live
    /// cluster is read
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How vCenters are spoken to.
    #[command(flatten)]
    pub vcenter: Certificates,
    /// Of the templates of a failure domain that nothing names, keep the newest ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub keep_templates: usize,
    /// Remove the templates that are shown as Removable
    #[arg(long, conflicts_with = "files")]
    pub remove: bool,
    /// Remove imports that are shown as Unfinished; only where no import is under way, of any
    /// cluster that shares the folder
    #[arg(long, conflicts_with = "files")]
    pub remove_unfinished: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = TemplatesFormat::Table)]
    pub output: TemplatesFormat,
}

/// How templates are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplatesFormat {
    /// For people
    Table,
    /// As a document
    Json,
    /// As a document
    Yaml,
}
