//! The version that a cluster was installed with (BI-090).

use openshift_model::{ClusterVersion, OcpVersion};

/// BI-090: the version of the oldest release that was applied completely, or else of the oldest
/// one; 0.0.0 where nothing says it. `None` stands for a cluster that shows no ClusterVersion.
pub fn install_version(cluster_version: Option<&ClusterVersion<'_>>) -> OcpVersion {
    recorded_install_version(cluster_version).unwrap_or(OcpVersion {
        major: 0,
        minor: 0,
        patch: 0,
    })
}

/// [`install_version`] as far as the history tells it: for input that may lack the object, where
/// 0.0.0 would be taken for a version.
pub fn recorded_install_version(
    cluster_version: Option<&ClusterVersion<'_>>,
) -> Option<OcpVersion> {
    oldest_release(cluster_version).and_then(OcpVersion::parse)
}

fn oldest_release<'c>(cluster_version: Option<&'c ClusterVersion<'_>>) -> Option<&'c str> {
    let cluster_version = cluster_version?;
    let completed = cluster_version
        .history()
        .rfind(|entry| entry.state.as_deref() == Some("Completed"));
    let oldest = completed.or_else(|| cluster_version.history().next_back())?;
    oldest.version.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cluster_version;

    fn check(history: &[&str], expected: &str) {
        let text = cluster_version(history);
        let version: ClusterVersion<'_> = serde_json::from_str(&text).unwrap();
        let found = install_version(Some(&version));
        assert_eq!(found.to_string(), expected, "{history:?}");
    }

    #[test]
    fn bi_090_the_oldest_completed_release_counts() {
        check(&["C 4.20.0", "C 4.19.0", "C 4.18.0"], "4.18.0");
        check(&["C 4.20.0", "C 4.19.0", "P 4.18.0"], "4.19.0");
        check(&["P 4.20.0", "P 4.19.0"], "4.19.0");
        check(&["C 4.18.0-0.ci-2024-01-01-000000"], "4.18.0");
        check(&["C v4.20"], "4.20.0");
        check(&["C garbage"], "0.0.0");
        check(&["C garbage", "P 4.19.0"], "0.0.0");
        check(&[], "0.0.0");
        assert_eq!(install_version(None).to_string(), "0.0.0");
        assert_eq!(recorded_install_version(None), None);
    }
}
