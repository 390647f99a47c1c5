//! The `machine-os-builder` command, as a library: its flags, its metrics, and what it does. `main` is
//! three lines.
//!
//! It watches ([`cluster_io::store`]), decides about one MachineOSConfig at a time
//! ([`osbuild_plan::decide`]), and carries out what was decided. No rule is here.

mod controller;
pub mod flags;
mod gauges;
mod live;
mod logs;
pub mod metrics;
mod reconcile;
mod registries;
mod start;

pub use start::run;
