//! x
mod objects;
pub use objects::*;
