//! The command line of inventories and reports.

use std::path::PathBuf;

use bootimage_hazards::{Day, Verdict};
use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::InputArgs;
use crate::complete;

pub(super) const INVENTORY_EXAMPLES: &str = "\
Examples:
  osimage inventory                                    the live cluster: can it scale tonight?
  osimage inventory machineset/worker-a -f must-gather/
                                                       one set, in five lines
  osimage inventory -f must-gather/ -o wide            every machine, node and pool
  osimage inventory -f must-gather/ --fail-on risk     in CI: 12 where a node may not join
  for node in $(oc get nodes -o name); do
    oc debug $node -- chroot /host cat /sysroot/.coreos-aleph-version.json
  done > aleph.txt 2>&1
  osimage inventory --aleph aleph.txt                  what the nodes themselves say";

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  osimage report dumps/*                               each path is a dump of one cluster
  osimage report --contexts prod-eu,prod-us            contexts of the kubeconfig
  osimage report dumps/* -o html > fleet.html          one file, for a mail
  osimage report dumps/* -o json > 2026-11.json        keep it, and compare with it later:
  osimage report dumps/* --since 2026-11.json --accept accepted.yaml";

/// `osimage inventory`
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// One object, e.g. machineset/worker-a, cpms/cluster, machine/NAME, node/NAME, mcp/worker
    #[arg(value_name = "KIND/NAME", add = ArgValueCandidates::new(complete::inventoried))]
    pub object: Option<String>,
    /// Where the objects come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = InventoryFormat::Table)]
    pub output: InventoryFormat,
    /// What `oc debug` printed of /sysroot/.coreos-aleph-version.json, for one node or many;
    /// repeatable
    #[arg(long, value_name = "FILE")]
    pub aleph: Vec<PathBuf>,
    /// Ask EC2 for the versions of images; credentials as for plan
    #[arg(long)]
    pub resolve: bool,
    /// How it is judged.
    #[command(flatten)]
    pub judged: JudgedArgs,
}

/// `osimage report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Dumps, one for each cluster: a directory, an archive or a file
    #[arg(value_name = "PATH", required_unless_present = "contexts")]
    pub paths: Vec<PathBuf>,
    /// Live clusters: contexts of the kubeconfig
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub contexts: Vec<String>,
    /// The kubeconfig [default: that of KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "contexts")]
    pub kubeconfig: Option<PathBuf>,
    /// Further CoreOS stream document, for all clusters; repeatable
    #[arg(long = "stream", value_name = "FILE")]
    pub streams: Vec<PathBuf>,
    /// Answers of clouds, for all clusters; repeatable
    #[arg(long = "facts", value_name = "FILE")]
    pub facts: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub output: ReportFormat,
    /// An earlier report in JSON: show what changed since
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// What is accepted: a document of kind Exceptions, each with owner, reason and last day
    #[arg(long, value_name = "FILE")]
    pub accept: Option<PathBuf>,
    /// How it is judged.
    #[command(flatten)]
    pub judged: JudgedArgs,
}

/// How an inventory or a report is judged.
#[derive(Debug, Args)]
pub struct JudgedArgs {
    /// Exit with 12 where the next node of a set would not join (fails), or may not (risk)
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub fail_on: Option<FailOn>,
    /// Judge as of this day, e.g. 2026-11-30 [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub today: Option<Day>,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write it as 2026-11-30".to_owned())
}

impl JudgedArgs {
    /// The day by which it is judged.
    pub(crate) fn today(&self) -> Option<Day> {
        self.today
            .or_else(|| Day::parse(&jiff::Timestamp::now().to_string()))
    }

    /// Whether a verdict is one to fail on.
    pub(crate) fn is_failure(&self, verdict: Verdict) -> bool {
        let least = match self.fail_on {
            None => return false,
            Some(FailOn::Fails) => Verdict::Fails,
            Some(FailOn::Risk) => Verdict::Risk,
        };
        verdict >= least
    }
}

/// What to fail on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A node would not join
    Fails,
    /// A node may not join, or would not
    Risk,
}

/// How an inventory is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InventoryFormat {
    /// For people, 80 columns
    Table,
    /// For people, everything on one line for each object
    Wide,
    /// The inventory as a document
    Json,
    /// The inventory as a document
    Yaml,
    /// One line for each set, for a spreadsheet
    Csv,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Table,
    /// The report as a document
    Json,
    /// One line for each cluster, for a spreadsheet
    Csv,
    /// One page that needs nothing else, for a browser, a mail or a printer
    Html,
}
