//! What every controller of osimage needs around its own work, and nothing of that work: leading
//! by a Lease, probes, metrics, logs, signals, retries, how many Events are written, flags and exit
//! codes.
//!
//! A controller is its flags and its pass; everything else is here:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::time::{Duration, Instant};
//!
//! use clap::Parser;
//! use controller_runtime::admin::Readiness;
//! use controller_runtime::flags::{CommonFlags, NamespaceFlag};
//! use controller_runtime::logging;
//! use controller_runtime::metrics::MetricResult;
//! use controller_runtime::process::{self, Process, Setup};
//!
//! #[derive(Parser)]
//! struct Flags {
//!     #[command(flatten)]
//!     common: CommonFlags,
//!     #[command(flatten)]
//!     namespace: NamespaceFlag,
//! }
//!
//! fn main() -> ExitCode {
//!     let Flags { common: flags, namespace } = Flags::parse();
//!     logging::init(flags.log_format, flags.log_level);
//!     let setup = Setup {
//!         name: "example",
//!         lease: "example",
//!         namespace: &namespace.get(),
//!         mode: "replace",
//!         observes: false,
//!         hand_over: Duration::ZERO,
//!         flags: &flags,
//!     };
//!     ExitCode::from(process::run(&setup, passes))
//! }
//!
//! async fn passes(process: Process) -> u8 {
//!     process.health.report("watches", Readiness::Ready(String::new()));
//!     loop {
//!         let start = Instant::now();
//!         // Read, decide; then `process.cluster` takes each write while the process leads.
//!         process.metrics.pass(MetricResult::Success, start.elapsed());
//!         tokio::time::sleep(Duration::from_secs(60)).await;
//!     }
//! }
//! ```

pub mod admin;
pub mod events;
pub mod exit;
pub mod flags;
pub mod lease;
pub mod logging;
pub mod metrics;
pub mod process;
pub mod queue;
pub mod signals;
pub mod wait;
