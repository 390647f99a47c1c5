//! The version that the controller records (BI-095 … BI-098).

use std::cmp::Ordering;

use openshift_model::{OcpVersion, SkewEnforcement, SkewVersion};

use super::status::mode;
use crate::Statistics;
use crate::codes::AUTOMATIC;

/// What becomes of the record after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordAction {
    /// Every managed MachineSet boots the release's image: [`record`].
    Record,
    /// Some were left alone, so that nothing newer is known than the installation: [`reset`].
    Reset,
    /// The pass met errors: the record stays as it is.
    Leave,
}

/// BI-095: what becomes of the record, from the statistics of MachineSets, and whether the pass
/// over them met an error.
///
/// BI-098: ControlPlaneMachineSets have no say in it.
pub fn record_action(machine_sets: Statistics, errors: bool) -> RecordAction {
    match (errors || machine_sets.errored > 0, machine_sets.skipped) {
        (true, _) => RecordAction::Leave,
        (false, 0) => RecordAction::Record,
        (false, _) => RecordAction::Reset,
    }
}

/// Why no version was recorded. It is a warning: the record stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// BI-096: there is no ConfigMap `coreos-bootimages`, or it does not say its release.
    #[error("the boot images do not say of which release they are: no version is recorded")]
    NoReleaseVersion,
    /// BI-096: what it says is no version.
    #[error(
        "the boot images say that they are of {release:?}, which is no version: none is recorded"
    )]
    BadReleaseVersion {
        /// The release as the ConfigMap writes it.
        release: String,
    },
}

/// BI-096: the record after a pass that left no MachineSet behind; `None` where nothing is to be
/// written. Only in mode Automatic is there a record.
///
/// `rhcos_versions` are those that marketplace images have (BI-268): the lowest one is recorded
/// in place of `releaseVersion` of the ConfigMap.
pub fn record<'v>(
    existing: Option<&SkewEnforcement<'_>>,
    release_version: Option<&str>,
    rhcos_versions: impl IntoIterator<Item = &'v str>,
) -> Result<Option<SkewEnforcement<'static>>, RecordError> {
    let Some(existing) = existing.filter(|existing| existing.is_automatic()) else {
        return Ok(None);
    };
    let version = match lowest(rhcos_versions) {
        Some(version) => SkewVersion {
            rhcos_version: Some(version.to_owned().into()),
            ..SkewVersion::default()
        },
        None => ocp(release(release_version)?),
    };
    Ok(written(existing, version))
}

/// BI-097: the record after a pass that left MachineSets alone; `None` where nothing is to be
/// written. Where the version that was installed is not known the record states none.
pub fn reset(
    existing: Option<&SkewEnforcement<'_>>,
    install_version: Option<OcpVersion>,
) -> Option<SkewEnforcement<'static>> {
    let existing = existing.filter(|existing| existing.is_automatic())?;
    written(existing, install_version.map(ocp).unwrap_or_default())
}

/// The status with this record, where it differs from what is there.
fn written(
    existing: &SkewEnforcement<'_>,
    version: SkewVersion<'static>,
) -> Option<SkewEnforcement<'static>> {
    let differs = existing.automatic.as_ref() != Some(&version);
    differs.then(|| SkewEnforcement {
        automatic: Some(version),
        ..mode(AUTOMATIC)
    })
}

fn release(release_version: Option<&str>) -> Result<OcpVersion, RecordError> {
    let release = release_version
        .filter(|release| !release.is_empty())
        .ok_or(RecordError::NoReleaseVersion)?;
    OcpVersion::parse(release).ok_or_else(|| RecordError::BadReleaseVersion {
        release: release.to_owned(),
    })
}

fn ocp(version: OcpVersion) -> SkewVersion<'static> {
    SkewVersion {
        ocp_version: Some(version.to_string().into()),
        ..SkewVersion::default()
    }
}

/// BI-096, BI-272: the lowest version by major and minor, the first one of several. The empty text
/// is none.
fn lowest<'v>(versions: impl IntoIterator<Item = &'v str>) -> Option<&'v str> {
    versions
        .into_iter()
        .filter(|version| !version.is_empty())
        .min_by(|a, b| compare(a, b))
}

fn compare(a: &str, b: &str) -> Ordering {
    major_minor(a).cmp(&major_minor(b))
}

/// BI-272: the first two segments as numbers, each 0 where it is none, both where there is one.
fn major_minor(version: &str) -> (i64, i64) {
    let mut segments = version.split('.');
    let (Some(major), Some(minor)) = (segments.next(), segments.next()) else {
        return (0, 0);
    };
    let number = |segment: &str| segment.parse().unwrap_or_default();
    (number(major), number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{install_version, testing};
    use openshift_model::ClusterVersion;
    use serde_json::{Value, json};

    fn skew(text: &str) -> Option<SkewEnforcement<'_>> {
        serde_json::from_str(text).unwrap()
    }

    fn automatic(version: &str) -> Value {
        json!({"mode": "Automatic", "automatic": {"ocpVersion": version}})
    }

    #[test]
    fn bi_097_t_06_a_skip_resets_the_record() {
        let check = |history: Option<&[&str]>, existing: &Value, expected: &Value, writes: bool| {
            let text = history.map(testing::cluster_version);
            let version: Option<ClusterVersion<'_>> = text
                .as_deref()
                .map(|text| serde_json::from_str(text).unwrap());
            let text = existing.to_string();
            let found = reset(
                skew(&text).as_ref(),
                Some(install_version(version.as_ref())),
            );
            assert_eq!(found.is_some(), writes, "{history:?} {existing}");
            let after = found.map_or_else(|| existing.clone(), |new| json!(new));
            assert_eq!(&after, expected, "{history:?} {existing}");
        };
        let at = automatic;
        let none = json!({"mode": "None", "automatic": {"ocpVersion": "4.19.0"}});
        check(
            Some(&["C 4.19.0", "C 4.18.0"]),
            &at("4.19.0"),
            &at("4.18.0"),
            true,
        );
        check(Some(&["C 4.18.0"]), &none, &none, false);
        check(Some(&["C 4.18.0"]), &at("4.18.0"), &at("4.18.0"), false);
        check(Some(&[]), &at("4.19.0"), &at("0.0.0"), true);
        check(Some(&["P 4.18.0"]), &at("4.19.0"), &at("4.18.0"), true);
        check(None, &at("4.19.0"), &at("0.0.0"), true);
        check(Some(&["C 4.18.0"]), &Value::Null, &Value::Null, false);
    }

    #[test]
    fn bi_096_a_pass_that_leaves_nothing_behind_is_recorded() {
        type Found = Result<Option<Value>, RecordError>;
        let check = |existing: &Value, release: Option<&str>, rhcos: &[&str], expected: Found| {
            let existing = existing.to_string();
            let found = record(skew(&existing).as_ref(), release, rhcos.iter().copied());
            let found = found.map(|written| written.map(|new| json!(new)));
            assert_eq!(found, expected, "{existing} {release:?} {rhcos:?}");
        };
        let old = automatic("4.14.0");
        let release = Some("4.20.3");
        check(&old, release, &[], Ok(Some(automatic("4.20.3"))));
        check(&automatic("4.20.3"), release, &[], Ok(None));
        check(&old, Some("4.20"), &[], Ok(Some(automatic("4.20.0"))));
        let both = json!({"mode": "Automatic",
            "automatic": {"ocpVersion": "4.20.3", "rhcosVersion": "9.6.20260210-0"}});
        check(&both, release, &[], Ok(Some(automatic("4.20.3"))));
        let rhcos = json!({"mode": "Automatic", "automatic": {"rhcosVersion": "9.6.20260210-0"}});
        check(
            &old,
            release,
            &["", "9.6.20260210-0"],
            Ok(Some(rhcos.clone())),
        );
        check(
            &old,
            None,
            &["9.10.20270101-0", "9.6.20260210-0", "9.6.20250101-0"],
            Ok(Some(rhcos.clone())),
        );
        check(&rhcos, release, &["9.6.20260210-0"], Ok(None));
        // only in mode Automatic
        let manual = json!({"mode": "Manual", "manual": {"mode": "OCPVersion"}});
        for existing in [json!({}), Value::Null, json!({"mode": "None"}), manual] {
            check(&existing, None, &[], Ok(None));
        }
        // what the ConfigMap does not say
        check(&old, None, &[], Err(RecordError::NoReleaseVersion));
        check(&old, Some(""), &[], Err(RecordError::NoReleaseVersion));
        let release = "not-a-version".to_owned();
        check(
            &old,
            Some("not-a-version"),
            &[],
            Err(RecordError::BadReleaseVersion { release }),
        );
    }

    #[test]
    fn bi_095_bi_098_skips_reset_and_errors_leave_the_record() {
        let check = |skipped, errored, errors, expected| {
            let statistics = Statistics {
                total: 5,
                in_progress: 5 - errored,
                errored,
                skipped,
            };
            assert_eq!(record_action(statistics, errors), expected);
        };
        check(0, 0, false, RecordAction::Record);
        check(2, 0, false, RecordAction::Reset);
        check(0, 1, false, RecordAction::Leave);
        check(2, 1, true, RecordAction::Leave);
        check(0, 0, true, RecordAction::Leave);
        let nothing_enrolled = Statistics::default();
        assert_eq!(record_action(nothing_enrolled, false), RecordAction::Record);
    }

    #[test]
    fn bi_272_versions_compare_by_their_first_two_numbers() {
        let cases = [
            ("9.6.20260210-0", "9.6.20250101-0", Ordering::Equal),
            ("9.4.20250101-0", "9.6.20260210-0", Ordering::Less),
            ("9.10.1-0", "9.9.9-9", Ordering::Greater),
            ("", "9.6.1-0", Ordering::Less),
            ("418.94.202511191518-0", "9.8.20260403-0", Ordering::Greater),
            ("9", "0.0.1", Ordering::Equal),
            ("a.6", "0.6.1", Ordering::Equal),
        ];
        for (a, b, expected) in cases {
            assert_eq!(compare(a, b), expected, "{a} {b}");
        }
    }
}
