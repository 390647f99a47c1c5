//! The conversion of the stub in a Secret, as the reference does it in a cluster.

use crate::convert::{Conversion, Converted, convert};
use crate::error::ConvertError;
use crate::finding::Note;
use crate::not_json::NotJson;
use crate::version::{TargetVersion, VersionField};

/// BI-021: the annotation of a converted Secret with the version that its stub has now.
pub const UPGRADED_TO_ANNOTATION: &str =
    "machineconfiguration.openshift.io/stub-ignition-upgraded-to";
/// BI-021: the annotation of a converted Secret with the time of the conversion, in RFC 3339.
pub const UPGRADED_AT_ANNOTATION: &str =
    "machineconfiguration.openshift.io/stub-ignition-upgraded-at";

/// What becomes of a user-data Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretUpgrade {
    /// BI-355: its stub is of spec 3 already: nothing is written, annotations included.
    Current {
        /// The version of the stub, as it says.
        version: String,
    },
    /// Two annotations and `data.userData` are set. All else stays as it is (BI-353): other keys,
    /// type, labels, other annotations.
    Upgraded {
        /// The new `data.userData`, before base64.
        user_data: String,
        /// The annotations to set, by name (BI-021).
        annotations: [(&'static str, String); 2],
        /// The version that the stub had.
        from: &'static str,
        /// The version that it has now.
        to: TargetVersion,
        /// The members that the new stub does not hold as the old one had them.
        notes: Vec<Note>,
    },
}

/// Why the stub of a Secret is not converted, in the words of the reference (BI-352).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// BI-352: the Secret could not be fetched. For callers; [`upgrade()`] has it already.
    #[error("error grabbing user data secret referenced in machineset: {problem}")]
    Unavailable {
        /// What the API server said, e.g. `secrets "worker-user-data" not found`.
        problem: String,
    },
    /// BI-352: no JSON document. The `t` at the end is the reference's, and asserted by its tests.
    #[error("failed to unmarshal decoded user-data to json (secret {secret}): {problem}t")]
    NotJson {
        /// Name of the Secret.
        secret: String,
        /// What the user data is instead.
        problem: NotJson,
    },
    /// BI-352: `ignition.version` cannot be read.
    #[error("failed to find version field in ignition (user data secret {secret}): {field}")]
    Version {
        /// Name of the Secret.
        secret: String,
        /// What has the wrong type.
        field: VersionField,
    },
    /// BI-352, BI-361: the stub is not converted.
    #[error("converting ignition stub failed: {0}")]
    Convert(ConvertError),
}

impl UpgradeError {
    /// See [`ConvertError::obstacles`].
    pub fn obstacles(&self) -> &[crate::Obstacle] {
        match self {
            Self::Convert(error) => error.obstacles(),
            Self::Unavailable { .. } | Self::NotJson { .. } | Self::Version { .. } => &[],
        }
    }

    /// See [`ConvertError::would_lose`].
    pub fn would_lose(&self) -> bool {
        matches!(self, Self::Convert(error) if error.would_lose())
    }
}

/// BI-352: what becomes of the Secret named `secret` with this `user_data`, decoded from base64 and
/// empty where it has none (BI-351). `now` is the time in RFC 3339.
///
/// Errors: [`UpgradeError`] has a variant for each; the Secret is not to be written then.
///
/// Upstream: `upgradeStubIgnitionIfRequired` of the boot image controller.
///
/// ```
/// use ignition_stub_convert::{SecretUpgrade, TargetVersion, upgrade};
///
/// let stub = br#"{"ignition": {"version": "2.2.0"}}"#;
/// let upgrade = upgrade("worker-user-data", stub, TargetVersion::V3_4, "2026-11-21T10:00:00Z")?;
/// let SecretUpgrade::Upgraded { user_data, annotations, .. } = upgrade else {
///     panic!("spec 2 is converted");
/// };
/// assert_eq!(user_data, r#"{"ignition":{"version":"3.4.0"}}"#);
/// assert_eq!(annotations[0].1, "3.4.0");
/// # Ok::<(), ignition_stub_convert::UpgradeError>(())
/// ```
pub fn upgrade(
    secret: &str,
    user_data: &[u8],
    target: TargetVersion,
    now: &str,
) -> Result<SecretUpgrade, UpgradeError> {
    let secret = || secret.to_owned();
    match convert(user_data, target) {
        Ok(Conversion::Current { version }) => Ok(SecretUpgrade::Current { version }),
        Ok(Conversion::Converted(converted)) => {
            let Converted {
                document,
                from,
                to,
                notes,
            } = converted;
            let annotations = [
                (UPGRADED_TO_ANNOTATION, to.as_str().to_owned()),
                (UPGRADED_AT_ANNOTATION, now.to_owned()),
            ];
            Ok(SecretUpgrade::Upgraded {
                user_data: document,
                annotations,
                from,
                to,
                notes,
            })
        }
        Err(ConvertError::NotJson(problem)) => Err(UpgradeError::NotJson {
            secret: secret(),
            problem,
        }),
        Err(ConvertError::Version(field)) => Err(UpgradeError::Version {
            secret: secret(),
            field,
        }),
        Err(error) => Err(UpgradeError::Convert(error)),
    }
}
