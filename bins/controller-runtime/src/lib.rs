//! What every controller of osimage needs around its own work, and nothing of that work: leading
//! by a Lease, probes, metrics, logs, signals, retries, how many Events are written, flags and exit
//! codes.
//!
//! A controller is its flags and its pass; everything else is here:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::time::Instant;
//!
//! use clap::Parser;
//! use controller_runtime::admin::{AdminServer, Health, MetricsSecurity, Readiness};
//! use controller_runtime::flags::CommonFlags;
//! use controller_runtime::lease::{Fence, LeaseKeeper, LeaseOptions, process_identity};
//! use controller_runtime::metrics::{MetricResult, Metrics};
//! use controller_runtime::signals::Shutdown;
//! use controller_runtime::{exit, logging};
//!
//! #[derive(Parser)]
//! struct Flags {
//!     #[command(flatten)]
//!     common: CommonFlags,
//! }
//!
//! async fn run(client: kube::Client) -> Result<ExitCode, Box<dyn std::error::Error>> {
//!     let flags = Flags::parse().common;
//!     logging::init(flags.log_format, flags.log_level);
//!     let shutdown = Shutdown::on_signals()?;
//!
//!     // In mode `observe`: `Fence::observe_only()`, and no keeper.
//!     let mut keeper = LeaseKeeper::start(client.clone(), LeaseOptions {
//!         namespace: flags.namespace(),
//!         name: "example".to_owned(),
//!         identity: process_identity("the-name-of-the-pod"),
//!         duration: flags.lease_duration(),
//!     });
//!     let fence = keeper.fence();
//!
//!     let health = Health::default();
//!     let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), "revision", fence.clone());
//!     let security = MetricsSecurity::of_flags(&flags, client.clone());
//!     let _admin = AdminServer::start(&flags, health.clone(), metrics.clone(), security).await?;
//!     health.report("watches", Readiness::Ready(String::new()));
//!
//!     loop {
//!         let pass = async {
//!             let start = Instant::now();
//!             // Read, decide; then each write goes through the fence:
//!             let written = fence.guard(async { /* one request */ }).await;
//!             let result = match written {
//!                 Ok(()) => MetricResult::Success,
//!                 Err(_not_leading) => MetricResult::Error,
//!             };
//!             metrics.pass(result, start.elapsed());
//!         };
//!         tokio::select! {
//!             () = pass => {}
//!             lost = keeper.lost() => {
//!                 tracing::error!(%lost, "stopping");
//!                 return Ok(ExitCode::from(exit::LEASE_LOST));
//!             }
//!             () = shutdown.requested() => {
//!                 keeper.release().await;
//!                 return Ok(ExitCode::from(exit::STOPPED));
//!             }
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

pub mod admin;
pub mod events;
pub mod exit;
pub mod flags;
pub mod lease;
pub mod logging;
pub mod metrics;
pub mod queue;
pub mod signals;
