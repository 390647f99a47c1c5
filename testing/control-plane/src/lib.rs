//! A real control plane for tests: kube-apiserver and etcd with OpenShift's kinds, on free ports.
//!
//! [`ControlPlane::start`] starts one, or says in one line why it cannot. Its methods are
//! synchronous: the programs under test are processes, and the audit log says what they did.
//! The kinds are defined in `definitions/`, written for this project.
//!
//! ```no_run
//! use test_control_plane::{ControlPlane, Identity};
//!
//! let Some(control_plane) = ControlPlane::start() else { return };
//! control_plane.create_all("fixtures/samples/valid".as_ref());
//! let kubeconfig = control_plane.kubeconfig(&Identity::Admin);
//! // … run a program with KUBECONFIG set to it, then:
//! assert!(control_plane.audit().iter().all(|call| call.verb != "patch"));
//! ```
//!
//! It panics where something is wrong with the machine or with the test: it is a part of tests.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    reason = "a part of tests: what goes wrong here fails the test, with a message"
)]

mod audit;
pub mod builder;
mod certificates;
mod control_plane;
mod moto;
mod objects;
mod process;
mod programs;
mod proxy;
pub mod roles;
pub mod scrape;

pub use audit::AuditEvent;
pub use control_plane::{ControlPlane, Identity};
pub use moto::Moto;
pub use proxy::{Call, FaultProxy, Verdict};
