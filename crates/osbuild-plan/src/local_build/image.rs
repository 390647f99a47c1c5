//! Whether nodes can boot an image, as far as its configuration tells.

use std::collections::BTreeMap;

use openshift_model::Architecture;
use serde_json::Value;

use super::tool::Program;

/// The configuration of an image in the storage of a builder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The digests of its layers, unpacked, the lowest one first.
    pub layers: Vec<String>,
    /// Go name of what it runs on.
    pub architecture: String,
}

/// Labels by which an image is known as an operating system: of `ostree container`, and of bootc.
const BOOTABLE: [&str; 3] = ["ostree.bootable", "ostree.commit", "containers.bootc"];
/// Labels of the base image that tools on a node read, its kernel and its version among them.
const KEPT: [&str; 7] = [
    "ostree.bootable",
    "ostree.commit",
    "ostree.final-diffid",
    "ostree.linux",
    "containers.bootc",
    "rpmostree.inputhash",
    "version",
];

/// Nodes could not boot an image, or would run another operating system than they should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// What the builder printed is something else.
    #[error("what the builder prints about the image cannot be read: {0}")]
    Unreadable(String),
    /// The base image holds no operating system.
    #[error(
        "the base image has none of the labels {}: it holds no operating system that a node can boot; \
         take the image that `oc adm release info --image-for rhel-coreos` names", BOOTABLE.join(", ")
    )]
    NoSystem,
    /// The layers of the base image are not the lowest ones.
    #[error(
        "the image does not stand on the base image: its lowest layers are others; the last FROM of \
         the Containerfile has to continue `configs`"
    )]
    OtherBase,
    /// A label of the base image is gone, or says something else.
    #[error(
        "label {label} of the base image is {before:?} and that of the image {after}: tools on a node \
         read it; take the LABEL out of the Containerfile"
    )]
    Label {
        /// The label.
        label: &'static str,
        /// Its value in the base image.
        before: String,
        /// Its value in the image, or that it has none.
        after: String,
    },
    /// The base image runs on something else.
    #[error(
        "the base image is for {found}, and the nodes of the pool run on {wanted}; name one for {wanted} \
         with --base"
    )]
    BaseArchitecture {
        /// What the base image says.
        found: String,
        /// What the pool needs.
        wanted: String,
    },
    /// It runs on something else.
    #[error("the image is for {found}, and the nodes of the pool run on {wanted}")]
    Architecture {
        /// What the image says.
        found: String,
        /// What the pool needs.
        wanted: String,
    },
}

impl ImageConfig {
    /// Reads what [`super::BuildTool::inspect`] prints.
    pub fn read(program: Program, json: &str) -> Result<Self, ImageProblem> {
        let unreadable = |problem: String| ImageProblem::Unreadable(problem);
        let document: Value =
            serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))?;
        let [labels, layers, architecture] = match program {
            Program::Buildah => [
                "/OCIv1/config/Labels",
                "/OCIv1/rootfs/diff_ids",
                "/OCIv1/architecture",
            ],
            Program::Podman => ["/0/Labels", "/0/RootFS/Layers", "/0/Architecture"],
        };
        let found = document.pointer(layers).and_then(Value::as_array);
        let found = found.ok_or_else(|| unreadable(format!("it has no {layers}")))?;
        let labels = document.pointer(labels).and_then(Value::as_object);
        let labels = labels.into_iter().flatten().filter_map(|(name, value)| {
            let value = value.as_str()?;
            Some((name.clone(), value.to_owned()))
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            labels: labels.collect(),
            layers: found.iter().map(text).collect(),
            architecture: document.pointer(architecture).map(text).unwrap_or_default(),
        })
    }
}

/// Whether a base image, by its labels, holds an operating system.
pub fn check_base_image<'l>(labels: impl IntoIterator<Item = &'l str>) -> Result<(), ImageProblem> {
    let mut labels = labels.into_iter();
    if labels.any(|label| BOOTABLE.contains(&label)) {
        Ok(())
    } else {
        Err(ImageProblem::NoSystem)
    }
}

/// IL-055: what can be known of an image without booting it: it stands on the base image, keeps the
/// labels that tools on a node read, and is for the architecture of the pool.
pub fn check_built_image(
    base: &ImageConfig,
    built: &ImageConfig,
    architecture: &Architecture,
) -> Result<(), ImageProblem> {
    if !built.layers.starts_with(&base.layers) {
        return Err(ImageProblem::OtherBase);
    }
    for label in KEPT {
        let before = base.labels.get(label);
        let after = built.labels.get(label);
        if let Some(before) = before.filter(|_| before != after) {
            return Err(ImageProblem::Label {
                label,
                before: before.clone(),
                after: after.map_or_else(|| "has none".to_owned(), |after| format!("is {after:?}")),
            });
        }
    }
    let wanted = architecture.go_name();
    // Builders write into an image what they were told to build for, whatever is in it.
    if base.architecture != wanted {
        return Err(ImageProblem::BaseArchitecture {
            found: base.architecture.clone(),
            wanted: wanted.to_owned(),
        });
    }
    if built.architecture != wanted {
        return Err(ImageProblem::Architecture {
            found: built.architecture.clone(),
            wanted: wanted.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(labels: &[(&str, &str)], layers: &[&str]) -> ImageConfig {
        let labels = labels.iter();
        ImageConfig {
            labels: labels
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            architecture: "amd64".to_owned(),
        }
    }

    #[test]
    fn il_055_an_image_stands_on_its_base_and_keeps_its_labels() {
        let base = image(&[("ostree.commit", "1"), ("other", "2")], &["a", "b"]);
        let check = |built: ImageConfig, architecture: &Architecture, expected: &str| {
            let found = check_built_image(&base, &built, architecture).err();
            let found = found.map(|problem| problem.to_string()).unwrap_or_default();
            assert!(found.contains(expected), "{found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
        };
        let x86 = &Architecture::X86_64;
        check(image(&[("ostree.commit", "1")], &["a", "b", "c"]), x86, "");
        check(image(&[("ostree.commit", "1")], &["a", "b"]), x86, "");
        check(
            image(&[("ostree.commit", "1")], &["c", "b"]),
            x86,
            "lowest layers",
        );
        check(
            image(&[("ostree.commit", "2")], &["a", "b"]),
            x86,
            "is \"2\"",
        );
        check(image(&[], &["a", "b"]), x86, "has none");
        let arm = &Architecture::Aarch64;
        check(
            image(&[("ostree.commit", "1")], &["a", "b"]),
            arm,
            "run on arm64",
        );
    }

    #[test]
    fn il_055_a_base_image_holds_an_operating_system() {
        assert_eq!(check_base_image(["containers.bootc", "a"]), Ok(()));
        let problem = check_base_image(["version"]).unwrap_err().to_string();
        assert!(problem.contains("rhel-coreos"), "{problem}");
    }

    #[test]
    fn configurations_are_read_as_both_builders_print_them() {
        let buildah = r#"{"OCIv1":{"architecture":"amd64","config":{"Labels":{"a":"b","n":null}},
            "rootfs":{"diff_ids":["c"]}}}"#;
        let podman = r#"[{"Architecture":"amd64","Labels":{"a":"b"},"RootFS":{"Layers":["c"]}}]"#;
        let read = ImageConfig::read(Program::Buildah, buildah);
        assert_eq!(read, Ok(image(&[("a", "b")], &["c"])));
        assert_eq!(read, ImageConfig::read(Program::Podman, podman));
        for wrong in ["", "{}", "[]"] {
            let problem = ImageConfig::read(Program::Buildah, wrong);
            assert!(
                matches!(problem, Err(ImageProblem::Unreadable(_))),
                "{wrong}"
            );
        }
    }
}
