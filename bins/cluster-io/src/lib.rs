//! Where osimage reaches the world. Everything here reads or writes; nothing here decides.

pub mod cluster;
pub mod ec2;
pub mod files;
mod objects;
pub mod vcenter;
pub mod yaml;

pub use objects::{Loaded, load};
