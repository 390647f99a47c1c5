//! Whether the cluster may be upgraded (BI-100 … BI-106).

use openshift_model::{ClusterVersion, Condition, OcpVersion, SkewEnforcement, SkewVersion};

use super::{SkewExceeded, check_skew};
use crate::ConditionType;
use crate::codes::{AUTOMATIC, MANUAL};

/// What the guard looks at.
#[derive(Debug, Clone, Copy)]
pub struct UpgradeGuard<'a> {
    /// `status.bootImageSkewEnforcementStatus`; `None` also where skew is not enforced
    /// ([`skew_is_enforced`](crate::skew_is_enforced)).
    pub skew: Option<&'a SkewEnforcement<'a>>,
    /// `status.conditions`.
    pub conditions: &'a [Option<Condition<'a>>],
    /// ClusterVersion `version`: its newest release is whose documents the message names.
    pub cluster_version: Option<&'a ClusterVersion<'a>>,
}

/// Why the cluster may not be upgraded. People and other components look for these texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeBlocked {
    /// BI-102.
    #[error(
        "Upgrades have been disabled due to boot image update failures: boot image controller is \
         degraded: {message}"
    )]
    ControllerDegraded {
        /// The message of the condition.
        message: String,
    },
    /// BI-106.
    #[error(
        "Upgrades have been disabled because {skew}. To enable upgrades, please update your boot \
         images or disable boot image skew enforcement by following the documentation at \
         https://docs.redhat.com/en/documentation/openshift_container_platform/{release}/html/\
         machine_configuration/mco-update-boot-skew-mgmt"
    )]
    Skew {
        /// Which images are too old.
        skew: SkewExceeded,
        /// The release whose documents help: `4.22`, or `latest`.
        release: String,
    },
}

/// BI-101, BI-102: whether boot images stand in the way of an upgrade.
///
/// BI-108: a cluster without a skew status is not held back.
pub fn guard_upgrade(guard: &UpgradeGuard<'_>) -> Result<(), UpgradeBlocked> {
    let Some(skew) = guard.skew else {
        return Ok(());
    };
    if skew.mode.as_deref() == Some(AUTOMATIC) {
        if let Some(message) = degraded(guard.conditions) {
            return Err(UpgradeBlocked::ControllerDegraded { message });
        }
        if is_progressing(guard.conditions) {
            return Ok(());
        }
    }
    let (ocp, rhcos) = versions(skew);
    check_skew(ocp, rhcos).map_err(|skew| UpgradeBlocked::Skew {
        skew,
        release: documented_release(guard.cluster_version),
    })
}

/// BI-102: the message of `BootImageUpdateDegraded`, where it holds.
pub(crate) fn degraded(conditions: &[Option<Condition<'_>>]) -> Option<String> {
    let condition = ConditionType::Degraded.find(conditions)?;
    let holds = condition.status.as_deref() == Some("True");
    holds.then(|| condition.message.as_deref().unwrap_or_default().to_owned())
}

/// BI-102: before the first pass nothing is known, as during one.
fn is_progressing(conditions: &[Option<Condition<'_>>]) -> bool {
    ConditionType::Progressing
        .find(conditions)
        .is_none_or(|condition| condition.status.as_deref() == Some("True"))
}

/// The version that the mode goes by: of OpenShift and of RHCOS, empty where there is none.
pub(super) fn versions<'s>(skew: &'s SkewEnforcement<'_>) -> (&'s str, &'s str) {
    let version: Option<&SkewVersion<'_>> = match skew.mode.as_deref() {
        Some(AUTOMATIC) => skew.automatic.as_ref(),
        Some(MANUAL) => skew.manual.as_ref(),
        _ => None,
    };
    let member = |text: fn(&'s SkewVersion<'_>) -> Option<&'s str>| {
        version.and_then(text).unwrap_or_default()
    };
    (
        member(|version| version.ocp_version.as_deref()),
        member(|version| version.rhcos_version.as_deref()),
    )
}

/// BI-106: major and minor of the newest release, whatever its state.
fn documented_release(cluster_version: Option<&ClusterVersion<'_>>) -> String {
    cluster_version
        .and_then(|version| version.history().next()?.version.as_deref())
        .and_then(OcpVersion::parse)
        .map_or_else(
            || "latest".to_owned(),
            |version| format!("{}.{}", version.major, version.minor),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde_json::{Value, json};

    const DOCUMENTS: &str = "/html/machine_configuration/mco-update-boot-skew-mgmt";

    /// A row of T-11.
    struct Row {
        number: u8,
        /// `None`: the gate is shut, or there is no MachineConfiguration.
        skew: Option<Value>,
        conditions: Value,
        history: Option<Vec<&'static str>>,
        expected: Result<(), String>,
    }

    impl Row {
        fn check(&self) {
            let skew = self.skew.as_ref().map(Value::to_string);
            let skew: Option<SkewEnforcement<'_>> = skew
                .as_deref()
                .map(|text| serde_json::from_str(text).unwrap());
            let conditions = self.conditions.to_string();
            let conditions: Option<Vec<Option<Condition<'_>>>> =
                serde_json::from_str(&conditions).unwrap();
            let version = self.history.as_deref().map(testing::cluster_version);
            let version: Option<ClusterVersion<'_>> = version
                .as_deref()
                .map(|text| serde_json::from_str(text).unwrap());
            let found = guard_upgrade(&UpgradeGuard {
                skew: skew.as_ref(),
                conditions: conditions.as_deref().unwrap_or_default(),
                cluster_version: version.as_ref(),
            });
            let found = found.map_err(|blocked| blocked.to_string());
            assert_eq!(found, self.expected, "row {}", self.number);
        }
    }

    fn row(number: u8, skew: Value, conditions: Value, expected: Result<(), String>) -> Row {
        Row {
            number,
            skew: Some(skew),
            conditions,
            history: Some(vec!["C 4.22.0", "C 4.12.0"]),
            expected,
        }
    }

    fn automatic(member: &str, version: &str) -> Value {
        json!({"mode": "Automatic", "automatic": {member: version}})
    }

    fn manual(member: &str, version: &str) -> Value {
        json!({"mode": "Manual", "manual": {"mode": "X", member: version}})
    }

    fn condition(kind: &str, status: &str) -> Value {
        json!({"type": kind, "status": status, "message": "failed to update boot images"})
    }

    fn progressing(status: &str) -> Value {
        json!([condition("BootImageUpdateProgressing", status)])
    }

    fn blocked(what: &str, release: &str) -> Result<(), String> {
        Err(format!(
            "Upgrades have been disabled because the cluster is using {what}. To enable upgrades, \
             please update your boot images or disable boot image skew enforcement by following \
             the documentation at https://docs.redhat.com/en/documentation/\
             openshift_container_platform/{release}{DOCUMENTS}"
        ))
    }

    fn ocp(version: &str, release: &str) -> Result<(), String> {
        let below = "which is below the minimum required version 4.13.0";
        blocked(
            &format!("OCP boot image version {version}, {below}"),
            release,
        )
    }

    fn rhcos(version: &str, rhel: &str) -> Result<(), String> {
        let below = "which is below the minimum required RHEL version 9.2";
        let what = format!("RHCOS boot image version {version}(RHEL version: {rhel}), {below}");
        blocked(&what, "4.22")
    }

    #[test]
    fn bi_101_t_11_rows_1_to_4_where_nothing_is_enforced_nothing_blocks() {
        let off = |number| Row {
            skew: None,
            ..row(number, Value::Null, Value::Null, Ok(()))
        };
        let degraded = json!([condition("BootImageUpdateDegraded", "True")]);
        for row in [
            off(1),
            off(2),
            row(3, json!({"mode": "None"}), degraded.clone(), Ok(())),
            row(4, json!({"mode": ""}), degraded.clone(), Ok(())),
            row(
                4,
                json!({"mode": "Weird", "manual": {"ocpVersion": "4.1.0"}}),
                degraded,
                Ok(()),
            ),
        ] {
            row.check();
        }
    }

    #[test]
    fn bi_102_t_11_rows_5_to_8_in_automatic_mode_the_conditions_come_first() {
        let old = || automatic("ocpVersion", "4.12.0");
        let failure = "Upgrades have been disabled due to boot image update failures: boot image \
                       controller is degraded: failed to update boot images";
        let degraded = condition("BootImageUpdateDegraded", "True");
        let both = json!([condition("BootImageUpdateProgressing", "True"), degraded]);
        for row in [
            row(5, old(), json!([degraded]), Err(failure.to_owned())),
            row(5, old(), both, Err(failure.to_owned())),
            row(6, old(), progressing("True"), Ok(())),
            row(7, old(), Value::Null, Ok(())),
            row(7, old(), json!([]), Ok(())),
            row(
                7,
                old(),
                json!([null, condition("Foreign", "True")]),
                Ok(()),
            ),
            row(
                8,
                automatic("ocpVersion", "4.17.0"),
                progressing("False"),
                Ok(()),
            ),
        ] {
            row.check();
        }
    }

    #[test]
    fn bi_104_bi_106_t_11_rows_9_to_13_boot_images_of_an_old_release_block() {
        let old = || automatic("ocpVersion", "4.12.0");
        let done = || progressing("False");
        let without_history = |history| Row {
            history,
            ..row(10, old(), done(), ocp("4.12.0", "latest"))
        };
        let unknown = json!([
            condition("BootImageUpdateProgressing", "False"),
            condition("BootImageUpdateDegraded", "Unknown")
        ]);
        for row in [
            row(9, old(), done(), ocp("4.12.0", "4.22")),
            row(9, old(), unknown, ocp("4.12.0", "4.22")),
            without_history(None),
            without_history(Some(vec![])),
            without_history(Some(vec!["C garbage"])),
            row(11, manual("ocpVersion", "4.16.0"), Value::Null, Ok(())),
            row(
                12,
                manual("ocpVersion", "4.10.0"),
                Value::Null,
                ocp("4.10.0", "4.22"),
            ),
            row(13, automatic("ocpVersion", "4.13.0"), done(), Ok(())),
        ] {
            row.check();
        }
    }

    #[test]
    fn bi_105_t_11_rows_14_to_23_boot_images_of_an_old_rhel_block() {
        let of = |number, mode: fn(&str, &str) -> Value, version: &str, rhel: Option<&str>| {
            let expected = rhel.map_or(Ok(()), |rhel| rhcos(version, rhel));
            row(
                number,
                mode("rhcosVersion", version),
                progressing("False"),
                expected,
            )
        };
        for row in [
            of(14, automatic, "9.4.20251023-0", None),
            of(15, automatic, "9.0.20251023-0", Some("9.0")),
            of(16, automatic, "416.94.202510081640-0", None),
            of(17, automatic, "411.86.202308081056-0", Some("8.6")),
            of(18, automatic, "413.92.202402131523-0", None),
            of(19, manual, "9.6.20251023-0", None),
            of(20, manual, "9.1.20251023-0", Some("9.1")),
            of(21, manual, "416.94.202510081640-0", None),
            of(22, manual, "411.86.202308081056-0", Some("8.6")),
            of(23, manual, "413.92.202402131523-0", None),
        ] {
            row.check();
        }
    }
}
