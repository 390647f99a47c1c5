//! The command line.

use clap::{Parser, ValueEnum};
use controller_runtime::flags::{CommonFlags, dns_label};

/// Builds the operating system images of MachineOSConfigs
///
/// Watches a cluster, decides what each MachineOSConfig needs, and in the mode replace does it. The
/// Lease is the stock builder's, so that the two never act at once. Exit codes: 0 stopped by SIGTERM
/// or SIGINT; 2 wrong flags; 3 not an OpenShift cluster; 6 the Lease was lost.
#[derive(Debug, Clone, Parser)]
#[command(name = "machine-os-builder", version, max_term_width = 100)]
pub struct Flags {
    /// What is written: nothing, or all that the stock builder would write
    #[arg(long, value_enum, default_value_t = Mode::Observe)]
    pub mode: Mode,
    /// Do what the Machine Config Operator does around the builder: copy the pull secret and the
    /// entitlement of the cluster for builds, and delete what builders of 4.16 and 4.17 left
    #[arg(long)]
    pub stand_alone: bool,
    /// Taken because every controller has it, and of no effect here: the Lease is the stock builder's, in
    /// the namespace openshift-machine-config-operator
    #[arg(long, value_name = "NAME", value_parser = dns_label)]
    pub namespace: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the help of each flag is its own")]
    pub common: CommonFlags,
}

/// What the builder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Nothing: decisions stand in the log and in metrics.
    Observe,
    /// Everything that the stock builder would write.
    Replace,
}

impl Mode {
    /// The name as the command line has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Replace => "replace",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_unless_somebody_says_so() {
        let parse = |arguments: &[&str]| {
            let all = [&["machine-os-builder"], arguments].concat();
            Flags::try_parse_from(all).map(|flags| flags.mode)
        };
        assert_eq!(parse(&[]).unwrap(), Mode::Observe);
        assert_eq!(parse(&["--mode", "replace"]).unwrap(), Mode::Replace);
        assert!(parse(&["--mode", "beside"]).is_err());
        assert!(parse(&["--namespace", "osimage"]).is_ok());
        assert!(parse(&["--namespace", "No_Name"]).is_err());
    }
}
