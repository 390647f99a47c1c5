//! Carries out the edits of a plan: target by target, what vCenters have to do for it first, then its
//! user-data Secret, then itself.
//!
//! Nothing is decided here: the plan has the edits, and [`bootimage_plan::recheck`] and
//! [`bootimage_plan::standing`] say whether they may still be made. Whoever calls says what became
//! of a target: an [`Outcome`] is a value.

mod check;
mod event;
mod execution;
mod executor;
mod outcome;
#[cfg(test)]
mod tests;
mod vcenters;

pub use check::{CheckError, check_all};
pub use event::REASON_UPDATED;
pub use executor::{ApplyOptions, Executor, Program};
pub use outcome::{AppliedChange, ApplyResult, ApplyWarning, MovedSince, Outcome, Refusal};
pub use vcenters::Vcenters;
