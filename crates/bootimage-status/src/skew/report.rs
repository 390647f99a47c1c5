//! What `osimage skew` and a plan say of skew.

use openshift_model::{MachineConfiguration, SkewEnforcement};
use serde::Serialize;

use super::guard::versions;
use super::status::is_empty;
use super::{UpgradeGuard, check_skew, guard_upgrade};
use crate::codes::NONE;

/// How old the boot images are, and what that blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkewReport {
    /// `Automatic`, `Manual`, `None`, or another word that the status has. `None` also where skew
    /// is not enforced.
    pub mode: String,
    /// The version of OpenShift that the boot images are of; empty where it is not recorded.
    pub ocp_version: String,
    /// The version of RHCOS that they are of, as above.
    pub rhcos_version: String,
    /// Whether they are too old, be it that this blocks an upgrade or not (BI-102).
    pub exceeded: bool,
    /// Whether the cluster may be upgraded, as far as boot images are concerned.
    pub upgradeable: bool,
    /// What the condition of the ClusterOperator says; empty where nothing is blocked.
    pub message: String,
}

/// The skew status in force: that of the cluster where it is there and the
/// operator has seen the present generation, else `computed`, what the operator would write
/// ([`skew_status`](crate::skew_status)).
pub fn skew_in_force<'a>(
    configuration: Option<&MachineConfiguration<'a>>,
    computed: SkewEnforcement<'a>,
) -> SkewEnforcement<'a> {
    configuration
        .filter(|configuration| {
            configuration.status.observed_generation == configuration.meta.generation
        })
        .and_then(|configuration| configuration.status.skew_enforcement_status.as_ref())
        .filter(|status| !is_empty(status))
        .cloned()
        .unwrap_or(computed)
}

/// BI-102 … BI-106: what there is to say of skew.
pub fn skew_report(guard: &UpgradeGuard<'_>) -> SkewReport {
    let mode = guard.skew.and_then(|skew| skew.mode.as_deref());
    let (ocp_version, rhcos_version) = guard.skew.map(versions).unwrap_or_default();
    let blocked = guard_upgrade(guard).err();
    SkewReport {
        mode: mode
            .filter(|mode| !mode.is_empty())
            .unwrap_or(NONE)
            .to_owned(),
        ocp_version: ocp_version.to_owned(),
        rhcos_version: rhcos_version.to_owned(),
        exceeded: check_skew(ocp_version, rhcos_version).is_err(),
        upgradeable: blocked.is_none(),
        message: blocked
            .map(|blocked| blocked.to_string())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::{Condition, RawObject};
    use serde_json::{Value, json};

    fn check(skew: &Value, conditions: &Value, expected: &Value) {
        let (skew, conditions) = (skew.to_string(), conditions.to_string());
        let skew: Option<SkewEnforcement<'_>> = serde_json::from_str(&skew).unwrap();
        let conditions: Vec<Option<Condition<'_>>> = serde_json::from_str(&conditions).unwrap();
        let mut found = serde_json::to_value(skew_report(&UpgradeGuard {
            skew: skew.as_ref(),
            conditions: &conditions,
            cluster_version: None,
        }))
        .unwrap();
        let message = found.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(&found, expected);
        assert_eq!(message == "", found["upgradeable"] == true, "{message}");
    }

    #[test]
    fn a_report_tells_age_and_consequence() {
        let done = json!([{"type": "BootImageUpdateProgressing", "status": "False"}]);
        let report = |mode: &str, ocp: &str, rhcos: &str, exceeded: bool, upgradeable: bool| {
            json!({"mode": mode, "ocpVersion": ocp, "rhcosVersion": rhcos,
                "exceeded": exceeded, "upgradeable": upgradeable})
        };
        check(
            &Value::Null,
            &json!([]),
            &report("None", "", "", false, true),
        );
        check(&json!({}), &json!([]), &report("None", "", "", false, true));
        let none = json!({"mode": "None", "manual": {"ocpVersion": "4.1.0"}});
        check(&none, &json!([]), &report("None", "", "", false, true));
        let new = json!({"mode": "Automatic", "automatic": {"ocpVersion": "4.22.1"}});
        check(&new, &done, &report("Automatic", "4.22.1", "", false, true));
        let old = json!({"mode": "Automatic", "automatic": {"ocpVersion": "4.12.0"}});
        check(&old, &done, &report("Automatic", "4.12.0", "", true, false));
        // a pass is under way: too old, but nothing is blocked yet
        check(
            &old,
            &json!([]),
            &report("Automatic", "4.12.0", "", true, true),
        );
        let rhcos = json!({"mode": "Manual", "manual": {"rhcosVersion": "8.6.20220101-0"}});
        let expected = report("Manual", "", "8.6.20220101-0", true, false);
        check(&rhcos, &json!([]), &expected);
    }

    #[test]
    fn a_status_counts_where_it_is_there_and_up_to_date() {
        let recorded = json!({"mode": "Automatic", "automatic": {"ocpVersion": "4.20.0"}});
        let computed = json!({"mode": "None"});
        let check = |generation: Value, observed: Value, status: Value, expected: &Value| {
            let text = json!({"apiVersion": "operator.openshift.io/v1",
                "kind": "MachineConfiguration",
                "metadata": {"name": "cluster", "generation": generation},
                "status": {"observedGeneration": observed,
                    "bootImageSkewEnforcementStatus": status}})
            .to_string();
            let object = RawObject::parse(&text).unwrap().unwrap();
            let configuration = MachineConfiguration::read(&object).unwrap();
            let computed = computed.to_string();
            let computed = serde_json::from_str(&computed).unwrap();
            let found = skew_in_force(Some(&configuration), computed);
            assert_eq!(&serde_json::to_value(found).unwrap(), expected, "{text}");
        };
        check(json!(3), json!(3), recorded.clone(), &recorded);
        check(Value::Null, Value::Null, recorded.clone(), &recorded);
        check(json!(4), json!(3), recorded, &computed);
        check(json!(3), json!(3), json!({}), &computed);
        check(json!(3), json!(3), Value::Null, &computed);
        let none = SkewEnforcement::default();
        assert_eq!(skew_in_force(None, none.clone()), none);
    }
}
