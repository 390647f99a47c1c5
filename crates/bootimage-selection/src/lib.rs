//! Which machine resources are managed, and which boot image each should have, or why it is left
//! alone. Rules only: nothing is read, nothing is written, and no provider spec is opened here.
//!
//! The order of the rules for one MachineSet:
//!
//! 1. [`effective_configuration`]: what does the MachineConfiguration come to (BI-070 … BI-077)?
//! 2. [`machine_api_enrolment`]: does it enrol the set (BI-080 … BI-082)?
//! 3. [`guard`]: is the set anybody else's business (BI-153 … BI-166)?
//! 4. [`machine_set_architecture`]: what do its machines run on (BI-200, BI-201)?
//! 5. the platform's `select`, e.g. [`gcp::select`] or [`aws::select`]: may the image be touched,
//!    and what should it be? It may answer [`Selection::Needs`]: only the cloud can tell.
//!
//! ```
//! use bootimage_selection::{Capability, Enrolment, effective_configuration, machine_api_enrolment};
//! use openshift_model::{Platform, Profile, names};
//!
//! // A 4.22 cluster on GCP about which nobody said anything.
//! let profile = Profile::P422;
//! let capability = Capability::of(Some(&Platform::Gcp), false, profile);
//! let configuration = effective_configuration(profile, None, capability, true);
//! let managers = configuration.managed.machine_managers.as_deref();
//! assert_eq!(machine_api_enrolment(managers, names::MACHINE_SETS)?, Enrolment::Everything);
//! # Ok::<(), bootimage_selection::EnrolmentError>(())
//! ```

mod admission;
mod advice;
mod architecture;
pub mod aws;
pub mod azure;
mod capability;
mod configuration;
mod enrolment;
mod feature_gates;
pub mod gcp;
mod guard;
mod mode;
mod reason;
pub mod vsphere;

pub use admission::{Admission, AdmissionProblem, admission_problems};
pub use architecture::{ArchitectureError, machine_set_architecture};
pub use capability::Capability;
pub use configuration::{
    ConfigurationNote, ConfigurationSource, EffectiveConfiguration, ReconciledStatus,
    effective_configuration, reconcile_status,
};
pub use enrolment::{Enrolment, EnrolmentError, enrolment, machine_api_enrolment};
pub use feature_gates::{
    FeatureSet, gate_is_open, platform_gate, platform_gates_are_gone, release_of_gates,
};
pub use guard::{GuardError, Stopped, guard};
pub use mode::{
    MachineSetMode, ModeChange, ModeRequest, ModeStep, SetModeError, SkewChange, set_mode,
};
pub use openshift_model;
pub use reason::{Selection, Skip};
