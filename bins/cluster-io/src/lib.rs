//! Files, API servers and clouds: what osimage reads, and what it writes. Nothing here decides.

pub mod apply;
pub mod backoff;
pub mod clouds;
pub mod cluster;
pub mod ec2;
#[cfg(test)]
mod fake;
pub mod files;
pub mod history;
mod loopback;
mod objects;
pub mod registry;
pub mod store;
pub mod time;
pub mod vcenter;
mod xml;

pub use objects::{Loaded, load, load_with_pods};
pub use openshift_model::yaml;
