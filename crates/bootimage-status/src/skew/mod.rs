//! How old the boot images are, and what that blocks (BI-090 … BI-107).

mod check;
mod guard;
mod metric;
mod record;
mod report;
mod status;

pub use check::{SkewExceeded, check_skew};
pub(crate) use guard::degraded;
pub use guard::{UpgradeBlocked, UpgradeGuard, guard_upgrade};
pub use metric::skew_none_metric;
pub use record::{RecordAction, RecordError, record, record_action, reset};
pub use report::{SkewReport, skew_in_force, skew_report};
pub use status::{SkewInput, is_legacy_bare_metal, skew_is_enforced, skew_status};
