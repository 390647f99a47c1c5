//! The `machine-os-builder` command, as a library: its flags, its metrics, and what it does. `main` is
//! three lines.
//!
//! It watches ([`cluster_io::store`]), decides about one MachineOSConfig at a time
//! ([`osbuild_plan::decide`]), and carries out what was decided. No rule is here.

mod changes;
mod controller;
pub mod flags;
mod gauges;
mod hand_over;
mod live;
mod logs;
pub mod metrics;
mod reconcile;
mod registries;
mod stand_alone;
mod start;
mod step;

pub use start::run;
