//! Is what a user wrote right, what state is a build in, and what does an error mean: the rules of
//! image layering that need neither a cluster nor a builder.
//!
//! ```
//! use osbuild_check::{digested_pull_spec, validate_machine_os_config};
//! use serde_json::json;
//!
//! let config = json!({"apiVersion": "machineconfiguration.openshift.io/v1",
//!     "kind": "MachineOSConfig", "metadata": {"name": "worker"}, "spec": {
//!     "machineConfigPool": {"name": "worker"}, "imageBuilder": {"imageBuilderType": "Job"},
//!     "renderedImagePushSecret": {"name": "push"}, "renderedImagePushSpec": "quay.io/org/os"}});
//! let errors = validate_machine_os_config(&config, None);
//! assert_eq!(errors[0].path, "spec.renderedImagePushSpec");
//!
//! let digest = format!("sha256:{}", "0".repeat(64));
//! let image = digested_pull_spec("quay.io/org/os:latest", &digest)?;
//! assert_eq!(image, format!("quay.io/org/os@{digest}"));
//! # Ok::<(), osbuild_check::PullSpecError>(())
//! ```

mod callout;
mod convert;
mod credentials;
mod digest;
mod failure;
mod job;
mod mirrors;
mod operator;
mod push_spec;
mod rebuild;
mod registry;
mod secret;
mod state;
mod validate;

pub use callout::callout;
pub use convert::{ConvertError, ConvertWarning, Converted, convert, original_of_copy};
pub use credentials::{Credentials, CredentialsError, Login};
pub use digest::{
    EmptyDigestFile, LabelsError, PullSpecError, check_digested, digest_in_file,
    digested_pull_spec, parse_labels, split_internal,
};
pub use failure::{
    Attempt, EXIT_CODES, ExitCode, Failure, LOG_LINES, STEP_ATTEMPTS, Stage, Termination, kept_log,
    redact,
};
pub use job::{
    ATTEMPTS, Builder, JobReference, NewStatus, job_state, second_after, status_from_job,
};
pub use mirrors::{Mirrors, MirrorsError};
pub use openshift_model;
pub use operator::{OperatorError, OperatorSecretError, check_for_operator, check_operator_secret};
pub use push_spec::{PushSpecError, check_push_spec};
pub use rebuild::{RebuildReason, rebuild_reasons};
pub use registry::{ImageError, Meaning, RegistryFailure, Step, classify};
pub use secret::{
    ContentError, Mismatch, Normalised, RegistrySecret, SecretError, ShapeProblem, check_secret,
    normalise, normalise_secret,
};
pub use state::{
    BuildState, Transition, conditions, seeded_conditions, seeded_config_condition, state,
    transition,
};
pub use validate::{
    FieldError, FieldProblem, is_image_digest, is_image_name, is_image_tag,
    validate_machine_os_build, validate_machine_os_config,
};
