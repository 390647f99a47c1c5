//! `/livez`, `/readyz` and `/metrics`.
//!
//! Served by hyper, which kube has brought along: three routes need no framework. (axum would add
//! six crates for them.)

mod access;
mod health;
mod serve;
mod tls;

pub use health::{Health, Readiness};
pub use serve::{AdminError, AdminServer, MetricsSecurity};
