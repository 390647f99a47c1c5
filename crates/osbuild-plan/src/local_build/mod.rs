//! A layered image that is built outside the cluster (IL-055): what it is made of, with which commands,
//! whether nodes can boot it, and the MachineConfig that names it.

mod architectures;
mod command;
mod failure;
mod image;
mod impact;
mod machine_config;
mod obstacle;
mod sbom;
mod sign;
mod step;
mod tag;
mod tool;

use std::fmt::Write as _;

use openshift_model::{Architecture, ImageReference, ReferenceError};
use sha2::{Digest as _, Sha256};

pub use architectures::{ArchitectureProblem, architectures, base_images, can_emulate};
pub use command::{ArchitectureBuild, BuildCommand, BuildFiles};
pub use failure::{failure_of_build, failure_of_pull, failure_of_push};
pub use image::{ImageConfig, ImageProblem, check_base_image, check_built_image};
pub use impact::{PoolEffect, PoolImpact, pool_impact};
pub use machine_config::{
    BASE_IMAGE, LayerMachineConfig, MachineConfigNameError, PUSH_SPEC, ROLE_LABEL,
};
pub(crate) use obstacle::settings_besides_image;
pub use obstacle::{ConfigObstacle, check_config};
pub use sbom::{Package, PackagesError, SPDX_MEDIA_TYPE, packages, spdx};
pub use sign::{SignError, SignFiles, can_sign, sign_command};
pub use step::{BuildStep, build_step};
pub use tag::{TagImage, TagObstacle, check_tag};
pub use tool::{BuildTool, Program, ToolError};

/// Changes whenever another image is built from the same inputs.
const FORMAT: &str = "osimage/local-build/1";

/// What an image is made of, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct LocalBuild<'a> {
    /// The MachineConfigPool whose nodes are to run it.
    pub pool: &'a str,
    /// What these nodes run on, sorted: one image for each.
    pub architectures: &'a [Architecture],
    /// The image that it is put on top of, by digest: where there are several architectures, the list
    /// that has one for each.
    pub base_image: &'a str,
    /// The image with the packages of the release's extensions, which the Containerfile may copy from
    /// as `extensions`; empty where it is not known.
    pub extensions_image: &'a str,
    /// The text of the Containerfile.
    pub containerfile: &'a str,
    /// A digest over every file of the build context.
    pub context_digest: &'a str,
}

impl LocalBuild<'_> {
    /// The digest over all of it, `sha256:` and 64 hex digits: the image carries it as label
    /// [`containerfile_render::PROVENANCE_LABEL`], so that nothing is built where the registry has it.
    pub fn inputs_digest(&self) -> String {
        let Self {
            pool,
            architectures,
            base_image,
            extensions_image,
            containerfile,
            context_digest,
        } = self;
        let architectures: Vec<&str> = architectures.iter().map(Architecture::rpm_name).collect();
        let texts = [
            FORMAT,
            pool,
            &architectures.join(","),
            base_image,
            extensions_image,
            containerfile,
            context_digest,
        ];
        let mut digest = Sha256::new();
        for text in texts {
            // Each text has its length before it, so that no two lists give the same bytes.
            digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(text);
        }
        let mut text = String::from("sha256:");
        for byte in digest.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// The image cannot be pushed there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushTargetError {
    /// It is no reference that names its host.
    #[error("--push {push_spec:?}: {source}: {}", .source.hint())]
    Reference {
        /// What was given.
        push_spec: String,
        /// What is wrong, and where.
        source: ReferenceError,
    },
    /// A digest is known once the image is there.
    #[error("--push {0:?} names a digest, which nobody can choose: name a tag, e.g. host/name:tag")]
    Digest(String),
}

/// IL-055: where an image is pushed to, with its tag. Nodes pull it by digest, so that it may have as
/// many levels of namespaces as the registry takes.
pub fn push_target(push_spec: &str) -> Result<String, PushTargetError> {
    let reference = ImageReference::parse_canonical(push_spec).map_err(|source| {
        PushTargetError::Reference {
            push_spec: push_spec.to_owned(),
            source,
        }
    })?;
    if reference.digest().is_some() {
        return Err(PushTargetError::Digest(push_spec.to_owned()));
    }
    Ok(match reference.tag() {
        Some(_) => push_spec.to_owned(),
        None => format!("{push_spec}:latest"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build() -> LocalBuild<'static> {
        LocalBuild {
            pool: "worker",
            architectures: &[Architecture::X86_64],
            base_image: "quay.io/base@sha256:1",
            extensions_image: "",
            containerfile: "FROM configs\n",
            context_digest: "sha256:2",
        }
    }

    #[test]
    fn il_781_every_input_counts() {
        let digest = build().inputs_digest();
        assert_eq!(digest, build().inputs_digest());
        assert_eq!(digest.len(), 7 + 64);
        for other in [
            LocalBuild {
                pool: "gpu",
                ..build()
            },
            LocalBuild {
                architectures: &[Architecture::Aarch64],
                ..build()
            },
            LocalBuild {
                architectures: &[Architecture::Aarch64, Architecture::X86_64],
                ..build()
            },
            LocalBuild {
                base_image: "quay.io/base@sha256:2",
                ..build()
            },
            LocalBuild {
                extensions_image: "quay.io/extensions@sha256:1",
                ..build()
            },
            LocalBuild {
                containerfile: "FROM configs \n",
                ..build()
            },
            LocalBuild {
                context_digest: "sha256:3",
                ..build()
            },
            // What moves from one text into the next one.
            LocalBuild {
                containerfile: "FROM configs\ns",
                context_digest: "ha256:2",
                ..build()
            },
        ] {
            assert_ne!(other.inputs_digest(), digest, "{other:?}");
        }
    }

    #[test]
    fn il_055_an_image_is_pushed_to_a_tag() {
        let check = |push_spec: &str, expected: Result<&str, &str>| match (
            push_target(push_spec),
            expected,
        ) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => {
                assert!(found.to_string().contains(expected), "{found}");
            }
            (found, expected) => panic!("{push_spec}: {found:?}, not {expected:?}"),
        };
        check("quay.io/o/os:1", Ok("quay.io/o/os:1"));
        check("localhost:5000/a/b/os", Ok("localhost:5000/a/b/os:latest"));
        check("os:1", Err("must be canonical"));
        check("quay.io/Org/os", Err("at character 9"));
        let digest = format!("quay.io/o/os@sha256:{}", "0".repeat(64));
        check(&digest, Err("name a tag"));
    }
}
