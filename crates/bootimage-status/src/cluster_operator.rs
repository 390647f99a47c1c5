//! What ClusterOperator `machine-config` shows of boot images (BI-056, BI-100).

use openshift_model::Condition;

use crate::codes::{
    AS_EXPECTED, CONFIGURATION_FAILED, OPERATOR_DEGRADED, OPERATOR_UPGRADEABLE, SKEW_ERROR,
};
use crate::skew::UpgradeBlocked;

/// A condition of ClusterOperator `machine-config`, as far as boot images are concerned. Other
/// parts of the operator may have more to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCondition {
    /// Its type.
    pub kind: &'static str,
    /// Whether it holds.
    pub status: bool,
    /// Its reason.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
}

/// Why the operator's pass over the configuration ends with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// BI-053: nothing says what the cluster runs on.
    #[error("infrastructure.config.openshift.io \"cluster\" not found")]
    NoInfrastructure,
    /// BI-056: boot images could not be updated.
    #[error("bootimage update failed: {message}")]
    BootImages {
        /// The message of `BootImageUpdateDegraded`.
        message: String,
    },
}

/// BI-056: the last thing that the operator's pass looks at: do the conditions tell of a failure?
pub fn operator_error(conditions: &[Option<Condition<'_>>]) -> Result<(), OperatorError> {
    match crate::skew::degraded(conditions) {
        Some(message) => Err(OperatorError::BootImages { message }),
        None => Ok(()),
    }
}

/// Which release the operator is bringing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorRelease<'a> {
    /// The one that the cluster already runs.
    Running(&'a str),
    /// Another one.
    ToApply(&'a str),
}

/// BI-056: the condition that an error of the operator's pass becomes. It holds the error
/// unchanged: people are told to search for a part of it.
pub fn operator_degraded(error: &OperatorError, release: OperatorRelease<'_>) -> OperatorCondition {
    let message = match release {
        OperatorRelease::Running(version) => {
            format!("Failed to resync {version} because: {error}")
        }
        OperatorRelease::ToApply(version) => format!("Unable to apply {version}: {error}"),
    };
    OperatorCondition {
        kind: OPERATOR_DEGRADED,
        status: true,
        reason: CONFIGURATION_FAILED,
        message,
    }
}

/// BI-100: the condition that lets the cluster be upgraded or not. A degraded pool or an
/// interrupted build puts its own reason and message in place of these.
pub fn operator_upgradeable(guard: &Result<(), UpgradeBlocked>) -> OperatorCondition {
    let (reason, message) = match guard {
        Ok(()) => (AS_EXPECTED, String::new()),
        Err(blocked) => (SKEW_ERROR, blocked.to_string()),
    };
    OperatorCondition {
        kind: OPERATOR_UPGRADEABLE,
        status: guard.is_ok(),
        reason,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ItemStep, PassStatistics, StatusCondition, aggregate, item_error, upsert};
    use openshift_model::{Kind, Profile};

    /// What user document 000 tells people to search the ClusterOperator's message for.
    const SEARCHED: &str = "err: converting ignition stub failed: failed to parse Ignition config";

    #[test]
    fn bi_056_what_people_search_for_reaches_the_cluster_operator() {
        let unconvertible = "converting ignition stub failed: failed to parse Ignition config: \
                             parsing Ignition config failed: unknown version";
        for kind in [Kind::MachineSet, Kind::ControlPlaneMachineSet] {
            for profile in Profile::ALL {
                let error = item_error(kind, "a", ItemStep::Platform, unconvertible);
                let errors = aggregate([error.as_str(), "another"]);
                let pass = PassStatistics::default();
                let degraded = StatusCondition::degraded(*profile, &pass, errors.as_deref(), "R");
                let conditions = upsert(*profile, None, &[degraded], "2026-11-21T12:00:00Z");
                let error = operator_error(&conditions.views()).unwrap_err();
                for release in [
                    OperatorRelease::Running("4.22.1"),
                    OperatorRelease::ToApply("4.22.1"),
                ] {
                    let shown = operator_degraded(&error, release);
                    assert!(shown.message.contains(SEARCHED), "{}", shown.message);
                }
            }
        }
    }

    #[test]
    fn bi_056_the_operator_says_which_release_it_is_about() {
        let error = OperatorError::BootImages {
            message: "m".to_owned(),
        };
        let message = |release| operator_degraded(&error, release).message;
        assert_eq!(
            message(OperatorRelease::Running("4.22.1")),
            "Failed to resync 4.22.1 because: bootimage update failed: m"
        );
        assert_eq!(
            message(OperatorRelease::ToApply("4.22.1")),
            "Unable to apply 4.22.1: bootimage update failed: m"
        );
        assert_eq!(operator_error(&[]), Ok(()));
    }

    #[test]
    fn bi_100_the_guard_decides_whether_the_cluster_can_be_upgraded() {
        let allowed = operator_upgradeable(&Ok(()));
        assert_eq!((allowed.status, allowed.reason), (true, "AsExpected"));
        let blocked = UpgradeBlocked::ControllerDegraded {
            message: "m".to_owned(),
        };
        let message = blocked.to_string();
        let blocked = operator_upgradeable(&Err(blocked));
        assert_eq!(
            (blocked.status, blocked.reason, blocked.message),
            (false, "ClusterBootImageSkewError", message)
        );
    }
}
