//! Leading: of all replicas, the one that holds a Lease writes.
//!
//! A Lease alone cannot keep a process from writing that was stopped in the middle of a request and
//! goes on later. What keeps its write from having an effect is the test of uid and
//! `resourceVersion` that each write carries; the [`Fence`] keeps such writes rare.

mod api;
mod evaluate;
mod fence;
mod keeper;
#[cfg(test)]
mod testing;

pub use evaluate::{Observation, Step, evaluate};
pub use fence::{Fence, NotLeading};
pub use keeper::{LeaseKeeper, LeaseLost, LeaseOptions, process_identity};
