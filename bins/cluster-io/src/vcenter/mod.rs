//! What vCenters have, and what they have to do for boot images (BI-310 … BI-337).
//!
//! A thin client of the vSphere API over SOAP, and of its tags over REST. Certificates are always
//! checked (W-25). Nothing here decides what should be: [`resolve`] answers what a plan asks, and
//! [`carry_out`] does the steps that a plan lists.

mod access;
mod artifact;
mod body;
mod error;
mod facts;
mod fault;
mod http;
mod import;
mod inventory;
mod lease;
mod ova;
mod place;
mod queue;
mod session;
mod steps;
mod tags;
mod task;
mod template;
mod templates;
mod trust;
mod xml;

pub use access::{Access, AccessError, Limits, Login};
pub use artifact::{ArtifactError, ArtifactMirror, Artifacts, DEFAULT_CACHE_BYTES};
pub use error::VcenterError;
pub use facts::resolve;
pub use fault::{
    DUPLICATE_NAME, FILE_ALREADY_EXISTS, Fault, INVALID_LOGIN, MANAGED_OBJECT_NOT_FOUND,
    NO_PERMISSION, NOT_AUTHENTICATED, NOT_SUPPORTED,
};
pub use ova::OvaError;
pub use queue::ImportQueue;
pub use steps::{Doing, Progress, Report, StepError, carry_out};
pub use templates::{remove, templates};
pub use trust::{Trust, TrustError};
