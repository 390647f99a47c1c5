//! What the cluster is told about boot images: whether a pass may write at all, what it reports,
//! which version it records, and whether the cluster may be upgraded. Rules only: values in,
//! values out; the time is an argument.
//!
//! The order of these rules in one pass:
//!
//! 1. [`deferred`]: is the configuration taken in, the cluster stable, the stream of its release?
//!    (BI-113, BI-140, BI-141)
//! 2. [`HotLoopMemory`]: may this object be patched once more? (BI-190 … BI-194)
//! 3. [`Statistics::of`]: what became of the objects (BI-152), and [`item_error`], [`aggregate`]:
//!    how their errors read (BI-156 … BI-168).
//! 4. [`StatusCondition::progressing`], [`StatusCondition::degraded`], [`upsert`]: the conditions,
//!    in the form of each release (BI-180 … BI-188).
//! 5. [`skew_status`], then [`record`] or [`reset`] as [`record_action`] says: the version of the
//!    boot images (BI-090 … BI-098).
//! 6. [`guard_upgrade`], [`skew_report`]: what that means for an upgrade (BI-100 … BI-106).
//! 7. [`operator_error`], [`operator_upgradeable`]: what the ClusterOperator shows of it (BI-056,
//!    BI-100).
//!
//! ```
//! use bootimage_status::{Outcome, PassStatistics, Statistics, StatusCondition, aggregate, upsert};
//! use openshift_model::Profile;
//!
//! let machine_sets = Statistics::of([Outcome::Reconciled, Outcome::Skipped, Outcome::Reconciled]);
//! let pass = PassStatistics { machine_sets, ..PassStatistics::default() };
//! let errors = aggregate::<&str>([]);
//! let profile = Profile::P422;
//! let wanted = [
//!     StatusCondition::progressing(profile, &pass, "ClusterVersionStable"),
//!     StatusCondition::degraded(profile, &pass, errors.as_deref(), "ClusterVersionStable"),
//! ];
//! let conditions = upsert(profile, None, &wanted, "2026-11-21T12:00:00Z");
//! assert!(conditions.changed);
//! assert_eq!(conditions.list[0]["status"], "False");
//! let message = conditions.list[0]["message"].as_str().unwrap_or_default();
//! assert!(message.starts_with("Reconciled 2 of 3 MAPI MachineSets (1 skipped) | "));
//! ```

mod cluster_operator;
pub mod codes;
mod condition;
mod errors;
mod gate;
mod hot_loop;
mod install_version;
mod messages;
mod skew;
mod statistics;
#[cfg(test)]
mod testing;
mod trigger;

pub use cluster_operator::{
    OperatorCondition, OperatorError, OperatorRelease, operator_degraded, operator_error,
    operator_upgradeable,
};
pub use condition::{ConditionType, Conditions, StatusCondition, upsert};
pub use errors::{ItemStep, ListStep, aggregate, item_error, list_error};
pub use gate::{
    Deferred, DeferredReason, GateInput, deferred, deferred_besides_configuration, is_stable,
};
pub use hot_loop::{HotLoop, HotLoopMemory, Pauses};
pub use install_version::{install_version, recorded_install_version};
pub use messages::{degradation_message, progress_message};
pub use openshift_model;
pub use skew::{
    RecordAction, RecordError, SkewExceeded, SkewInput, SkewReport, UpgradeBlocked, UpgradeGuard,
    check_skew, guard_upgrade, is_legacy_bare_metal, record, record_action, reset, skew_in_force,
    skew_is_enforced, skew_none_metric, skew_report, skew_status,
};
pub use statistics::{Outcome, PassStatistics, Statistics};
pub use trigger::{Change, trigger};
