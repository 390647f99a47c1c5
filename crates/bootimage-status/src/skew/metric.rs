//! The metric that warns of skew which nobody looks at (BI-107).

use openshift_model::{Infrastructure, Platform, SkewEnforcement};

use crate::codes::NONE;

/// BI-107: the value of the gauge [`SKEW_NONE_METRIC`](crate::codes::SKEW_NONE_METRIC): 1 where
/// enforcement was turned off, 0 where it is off by the nature of the cluster, where it is on, and
/// where the cluster shows no MachineConfiguration or no Infrastructure.
pub fn skew_none_metric(
    skew: Option<&SkewEnforcement<'_>>,
    infrastructure: Option<&Infrastructure<'_>>,
) -> i64 {
    let is_none = skew.is_some_and(|skew| skew.mode.as_deref() == Some(NONE));
    let is_expected = infrastructure.is_none_or(|infrastructure| {
        infrastructure.control_plane_topology.as_deref() == Some("SingleReplica")
            || infrastructure.platform() == Some(Platform::BareMetal)
    });
    i64::from(is_none && !is_expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_107_the_metric_warns_where_somebody_turned_enforcement_off() {
        let check = |mode: Option<&'static str>, infrastructure: Option<(&str, &str)>, expected| {
            let skew = mode.map(super::super::status::mode);
            let text = infrastructure.map(|(platform, topology)| {
                format!(
                    r#"{{"platformStatus":{{"type":"{platform}"}},"controlPlaneTopology":"{topology}"}}"#
                )
            });
            let view: Option<Infrastructure<'_>> = text
                .as_deref()
                .map(|text| serde_json::from_str(text).unwrap());
            let found = skew_none_metric(skew.as_ref(), view.as_ref());
            assert_eq!(found, expected, "{mode:?} {infrastructure:?}");
        };
        let aws = Some(("AWS", "HighlyAvailable"));
        check(Some("None"), aws, 1);
        check(Some("Manual"), aws, 0);
        check(Some("Automatic"), aws, 0);
        check(None, aws, 0);
        check(Some("None"), None, 0);
        check(Some("None"), Some(("AWS", "SingleReplica")), 0);
        check(Some("None"), Some(("BareMetal", "HighlyAvailable")), 0);
        check(Some("None"), Some(("OpenStack", "External")), 1);
    }
}
