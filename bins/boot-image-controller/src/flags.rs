//! The command line.

use std::path::PathBuf;

use bootimage_plan::Pauses;
use clap::{Parser, ValueEnum};
use cluster_io::clouds::Certificates;
use cluster_io::vcenter::{ArtifactMirror, Artifacts};
use controller_runtime::flags::{CommonFlags, NamespaceFlag};

/// How much longer than the first pause the longest one is: a minute and an hour by default.
const LONGEST_PAUSE_FACTOR: u64 = 60;

/// Keeps the boot images of MachineSets and ControlPlaneMachineSets current
///
/// Watches a cluster, decides what each set should boot, and in the modes beside and replace writes
/// it. Exit codes: 0 stopped by SIGTERM or SIGINT; 2 wrong flags; 3 invalid configuration, or not an
/// OpenShift cluster; 6 the Lease was lost.
#[derive(Debug, Clone, Parser)]
#[command(name = "boot-image-controller", version, max_term_width = 100)]
pub struct Flags {
    /// What is written: nothing, what the stock controller leaves alone, or all that it would write
    #[arg(long, value_enum, default_value_t = Mode::Observe)]
    pub mode: Mode,
    /// Which sets are managed in mode beside: a `BootImagePolicy` of osimage.dev/v1. Mode observe shows
    /// what would come of it; mode replace refuses it
    #[arg(long, value_name = "FILE", required_if_eq("mode", "beside"))]
    pub config: Option<PathBuf>,
    /// How long a set that somebody keeps reverting is left alone; doubles up to sixty times as long
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub contest_pause: u32,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the help of each flag is its own")]
    pub certificates: Certificates,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the help of each flag is its own")]
    pub mirror: ArtifactMirror,
    /// Where OVAs are kept that were downloaded for vCenters
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "/var/cache/boot-image-controller"
    )]
    pub artifact_cache: PathBuf,
    /// Most that is kept there, in GiB; what was used longest ago goes first
    #[arg(long, value_name = "GIB", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub artifact_cache_size: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the help of each flag is its own")]
    pub namespace: NamespaceFlag,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the help of each flag is its own")]
    pub common: CommonFlags,
}

/// What the controller writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Nothing: decisions stand in the log and in metrics.
    Observe,
    /// Sets that --config selects, while the stock controller manages none of them.
    Beside,
    /// Everything that the stock controller would write: it must not run.
    Replace,
}

impl Mode {
    /// The name as the command line has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Beside => "beside",
            Self::Replace => "replace",
        }
    }
}

impl Flags {
    /// BI-190: how long a set is left alone that somebody else keeps reverting.
    pub fn pauses(&self) -> Pauses {
        let first = u64::from(self.contest_pause);
        Pauses {
            first,
            longest: first * LONGEST_PAUSE_FACTOR,
        }
    }

    /// Where OVAs come from, and where they are kept.
    pub(crate) fn artifacts(&self) -> Artifacts {
        Artifacts {
            cache: self.artifact_cache.clone(),
            limit: self.artifact_cache_size << 30,
            mirror: self.mirror.mirror.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, String> {
        let all = [&["boot-image-controller"], arguments].concat();
        Flags::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_written_unless_somebody_says_so() {
        let flags = parse(&[]).unwrap();
        assert_eq!(flags.mode, Mode::Observe);
        assert_eq!(flags.pauses(), Pauses::default());
    }

    #[test]
    fn beside_another_controller_a_file_says_what_is_managed() {
        assert!(parse(&["--mode", "beside"]).is_err());
        assert!(parse(&["--mode", "beside", "--config", "policy.yaml"]).is_ok());
        assert!(parse(&["--mode", "everything"]).is_err());
    }
}
