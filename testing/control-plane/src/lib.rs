//! A real control plane for tests: kube-apiserver and etcd with OpenShift's kinds, on free ports.
//!
//! [`ControlPlane::start`] gives one, or says in one loud line why it cannot. Everything about it is
//! synchronous: the programs under test are processes, and what they did is read off the audit log.
//!
//! ```no_run
//! use test_control_plane::{ControlPlane, Identity};
//!
//! let Some(control_plane) = ControlPlane::start() else { return };
//! control_plane.create_all("fixtures/live/cluster.yaml".as_ref());
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
mod certificates;
mod control_plane;
mod objects;
mod process;
mod programs;
mod proxy;

pub use audit::AuditEvent;
pub use control_plane::{ControlPlane, Identity};
pub use proxy::{Call, FaultProxy, Verdict};
