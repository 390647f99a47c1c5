//! The command line of `osimage layer build`, `outdated` and `remove`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LayerFormat, LayerInputArgs};
use crate::cli::{ArchitectureArg, ClusterArgs};

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  osimage layer build ctx --push quay.io/org/os:worker --pool worker > os-layer.yaml
  osimage layer build ctx --push quay.io/org/os:worker --pool worker --apply
  osimage layer build ctx -f must-gather/ --push quay.io/org/os:worker --pool worker --dry-run

The last stage of the Containerfile continues `configs`, the image of the release:
  FROM configs
  RUN rpm-ostree install htop && rpm-ostree cleanup -m && ostree container commit";
pub(super) const OUTDATED_EXAMPLES: &str = "\
Examples:
  osimage layer outdated                               of the live cluster
  osimage layer outdated -f must-gather/ --detailed-exitcode";
pub(super) const REMOVE_EXAMPLES: &str = "\
Examples:
  osimage layer remove --pool worker                   what would be deleted, and what follows
  osimage layer remove --pool worker --apply";

/// `osimage layer build`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that goes with all others"
)]
pub struct BuildArgs {
    /// The folder with the Containerfile and the files that it copies
    #[arg(value_name = "CONTEXT", default_value = ".")]
    pub folder: PathBuf,
    /// The Containerfile [default: Containerfile or Dockerfile in CONTEXT]
    #[arg(long, value_name = "FILE")]
    pub containerfile: Option<PathBuf>,
    /// Where the image is pushed to, e.g. quay.io/org/os:worker
    #[arg(long, value_name = "SPEC")]
    pub push: String,
    /// The MachineConfigPool whose nodes are to run it
    #[arg(long, value_name = "NAME")]
    pub pool: String,
    /// The image to build on [default: that of the release, out of -f or the live cluster]
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Where the objects come from; without it, and without --base, the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The name of the MachineConfig [default: os-layer-POOL]; of several that name an image the last
    /// one in the alphabet counts
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What nodes run on, besides those of the pool that the input has [default: `x86_64`]; repeatable:
    /// for several a list with an image for each is pushed
    #[arg(long, value_enum)]
    pub architecture: Vec<ArchitectureArg>,
    /// The program that builds [default: buildah, else podman]
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub builder: Option<ProgramArg>,
    /// How registries are spoken to.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Push although the tag names an image that is somebody else's, or in use
    #[arg(long)]
    pub overwrite: bool,
    /// Sign the image with this private key, as cosign makes one; needs skopeo 1.9
    #[arg(long, value_name = "FILE")]
    pub sign_by_sigstore_private_key: Option<PathBuf>,
    /// The passphrase of the private key [default: it has none]
    #[arg(long, value_name = "FILE", requires = "sign_by_sigstore_private_key")]
    pub sign_passphrase_file: Option<PathBuf>,
    /// Attach a list of the image's packages, out of its rpm database
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub sbom: Option<SbomArg>,
    /// Build although the registry has an image of the same Containerfile, files and base image
    #[arg(long)]
    pub rebuild: bool,
    /// Print the commands, and neither ask a registry nor build anything
    #[arg(long, conflicts_with_all = ["apply", "output"])]
    pub dry_run: bool,
    /// Write the MachineConfig into a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the MachineConfig to the live cluster: its nodes reboot into the image
    #[arg(long)]
    pub apply: bool,
}

/// How registries are spoken to.
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// Credentials for registries [default: `REGISTRY_AUTH_FILE`, else where podman keeps them]
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Certificates of authorities that registries may have theirs from, PEM, beside those that the
    /// system trusts; repeatable
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Vec<PathBuf>,
}

/// A form of a list of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SbomArg {
    /// SPDX 2.3, as JSON
    Spdx,
}

/// What builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgramArg {
    /// buildah, 1.26 or later
    Buildah,
    /// podman, 4.2 or later
    Podman,
}

/// `osimage layer outdated`
#[derive(Debug, Args)]
pub struct OutdatedArgs {
    /// Where the objects come from; without it the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = LayerFormat::Text)]
    pub output: LayerFormat,
    /// Exit with 10 where an image is behind
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// `osimage layer remove`
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The MachineConfigPool
    #[arg(long, value_name = "NAME")]
    pub pool: String,
    /// Where the objects come from; without it the live cluster is read.
    #[command(flatten)]
    pub input: LayerInputArgs,
    /// Which live cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Delete the MachineConfig from the live cluster: its nodes reboot into the image of the release
    #[arg(long)]
    pub apply: bool,
}
