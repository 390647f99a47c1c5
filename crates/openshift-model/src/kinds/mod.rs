//! Read views of the kinds that rules look at. They decide nothing.

mod cluster;
mod config_map;
mod layering;
mod machine;
mod machine_configuration;
mod machine_set;
mod mco;
mod vsphere;

pub use cluster::*;
pub use config_map::*;
pub use layering::*;
pub use machine::*;
pub use machine_configuration::*;
pub use machine_set::*;
pub use mco::*;
pub use vsphere::*;
