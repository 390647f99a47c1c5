//! Whether boot images are too old for an upgrade (BI-103 … BI-105).

use openshift_model::OcpVersion;

/// BI-028: boot images of an older OpenShift than this may not start on what comes next.
const OLDEST_OCP: OcpVersion = OcpVersion {
    major: 4,
    minor: 13,
    patch: 0,
};
/// BI-028: the RHEL that 4.13 brought.
const OLDEST_RHEL: OcpVersion = OcpVersion {
    major: 9,
    minor: 2,
    patch: 0,
};
/// BI-105: digits of a date: versions since RHCOS follows RHEL, `9.6.20260210-0`.
const DATE: usize = 8;
/// BI-105: digits of a date with hour and minute: versions before that, `418.94.202511191518-0`.
const DATE_AND_TIME: usize = 12;

/// Boot images are too old.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkewExceeded {
    /// BI-104.
    #[error(
        "the cluster is using OCP boot image version {version}, which is below the minimum \
         required version {OLDEST_OCP}"
    )]
    Ocp {
        /// The version, as it is recorded.
        version: String,
    },
    /// BI-105.
    #[error(
        "the cluster is using RHCOS boot image version {version}(RHEL version: {rhel}), which is \
         below the minimum required RHEL version {}.{}", OLDEST_RHEL.major, OLDEST_RHEL.minor
    )]
    Rhcos {
        /// The version, as it is recorded.
        version: String,
        /// The version of RHEL in it.
        rhel: String,
    },
}

/// BI-103: the version of OpenShift decides where there is one, else that of RHCOS. What is empty,
/// or no version, blocks nothing.
pub fn check_skew(ocp_version: &str, rhcos_version: &str) -> Result<(), SkewExceeded> {
    if ocp_version.is_empty() {
        check_rhcos(rhcos_version)
    } else {
        check_ocp(ocp_version)
    }
}

/// BI-104.
fn check_ocp(version: &str) -> Result<(), SkewExceeded> {
    match OcpVersion::parse(version) {
        Some(parsed) if parsed < OLDEST_OCP => Err(SkewExceeded::Ocp {
            version: version.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// BI-105.
fn check_rhcos(version: &str) -> Result<(), SkewExceeded> {
    let Some(rhel) = rhel_version(version) else {
        return Ok(());
    };
    match OcpVersion::parse(&rhel) {
        Some(parsed) if parsed < OLDEST_RHEL => Err(SkewExceeded::Rhcos {
            version: version.to_owned(),
            rhel,
        }),
        _ => Ok(()),
    }
}

/// BI-105: the version of RHEL in a version of RHCOS, told by the length of the date in it.
fn rhel_version(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let date = third.split('-').next()?;
    match date.len() {
        DATE => Some(format!("{first}.{second}")),
        DATE_AND_TIME => {
            let (major, minor) = second.split_at_checked(1)?;
            (!minor.is_empty()).then(|| format!("{major}.{minor}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bi_103_the_version_of_openshift_decides_where_there_is_one() {
        assert_eq!(check_skew("", ""), Ok(()));
        assert_eq!(check_skew("4.20.0", "8.6.20220101-0"), Ok(()));
        assert_eq!(check_skew("garbage", "8.6.20220101-0"), Ok(()));
        assert!(check_skew("4.12.0", "9.6.20260210-0").is_err());
    }

    #[test]
    fn bi_104_openshift_4_13_is_the_oldest() {
        for version in [
            "4.13.0",
            "4.13",
            "4.13.0-rc.1",
            "4.20.3",
            "5.0.0",
            "-4.12.0",
            "x",
        ] {
            assert_eq!(check_skew(version, ""), Ok(()), "{version}");
        }
        for version in ["4.12.99", "v4.12.0", " 4.12.0", "4.012.0", "0.0.0"] {
            let text = format!(
                "the cluster is using OCP boot image version {version}, which is below the minimum \
                 required version 4.13.0"
            );
            let found = check_skew(version, "").unwrap_err();
            assert_eq!(found.to_string(), text);
        }
    }

    #[test]
    fn bi_105_rhel_9_2_is_the_oldest() {
        for version in [
            "9.2.20230101-0",
            "9.10.20270101-0",
            "413.92.202402131523-0",
            "418.94.202511191518-0",
            "418.910.202511191518-0",
            "48.8.202208021106-0",
            "48..202208021106-0",
            "48.é.202208021106-0",
            "9.1",
            "9.1.2026021-0",
            "9.1.202602101-0",
            "9.1.-0",
            "x.y.20260210-0",
        ] {
            assert_eq!(check_skew("", version), Ok(()), "{version}");
        }
        for (version, rhel) in [
            ("8.6.20220101-0", "8.6"),
            ("9.1.20260210", "9.1"),
            ("9.1.20260210-0.x", "9.1"),
            ("9.1-1.20260210-0", "9.1-1"),
            ("412.90.202301010101-0", "9.0"),
            ("48.84.202208021106-0", "8.4"),
            ("412.810.202301010101-0", "8.10"),
            ("411.86.202308081056", "8.6"),
        ] {
            let text = format!(
                "the cluster is using RHCOS boot image version {version}(RHEL version: {rhel}), \
                 which is below the minimum required RHEL version 9.2"
            );
            let found = check_skew("", version).unwrap_err();
            assert_eq!(found.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn bi_103_any_text_can_be_checked(ocp: String, rhcos: String, odd in "[0-9.é-]{0,30}") {
            let _ = check_skew(&ocp, &rhcos);
            let _ = check_skew("", &rhcos);
            let _ = check_skew("", &odd);
            let _ = check_skew(&odd, "");
        }
    }
}
