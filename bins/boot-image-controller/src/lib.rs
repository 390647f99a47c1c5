//! The `boot-image-controller` command, as a library: its flags, its metrics, and what it does.
//! `main` is three lines.
//!
//! It watches ([`cluster_io::store`]), decides ([`bootimage_plan::plan_pass`]), writes what was
//! decided ([`cluster_io::apply`]), and tells what became of it. No rule is here: what a cluster
//! should look like is for the crates to say.

mod configuration;
mod controller;
mod facts;
pub mod flags;
mod imports;
mod memory;
pub mod metrics;
mod pass;
mod progress;
mod report;
mod start;
mod status;
mod targets;
mod templates;
mod updates;
mod view;
mod write;

pub use report::EVENTS;
pub use start::{LEASE, run};
