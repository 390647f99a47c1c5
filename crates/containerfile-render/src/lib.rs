//! What a layered operating-system image is built from: the Containerfile, and the check of what
//! users write into it.
//!
//! The document is of our own design: it does what the reference's does, needs no here-documents,
//! and holds names and packages as data. Nothing that anybody types can become another instruction;
//! what a user wrote stands at the end, to the byte.
//!
//! ```
//! use containerfile_render::{Inputs, render};
//! use openshift_model::Architecture;
//!
//! let rendered = render(&Inputs {
//!     base_image: "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.20",
//!     extensions_image: "quay.io/openshift-release-dev/extensions:4.20",
//!     extensions: &["usbguard"],
//!     kernel_type: "default",
//!     architecture: &Architecture::X86_64,
//!     machine_config: "rendered-worker-1",
//!     pool: "worker",
//!     content: Some("FROM configs AS final\nRUN true\n"),
//! })?;
//! assert!(rendered.text.contains("ARG OSIMAGE_PACKAGES=\"usbguard\"\n"));
//! assert!(rendered.text.ends_with("FROM configs AS final\nRUN true\n"));
//! # Ok::<(), containerfile_render::RenderError>(())
//! ```

mod check;
mod render;

pub use check::{
    Advice, Builder, BuilderError, CheckFor, FinalBase, Keyword, LONGEST, LONGEST_IN_API, Located,
    ParseProblem, Place, Problem, Report, check, final_base, has_run, operator_refusal,
};
pub use openshift_model;
pub use render::{
    Inputs, KernelType, PROVENANCE_LABEL, RenderError, Rendered, extension_packages, render,
};
