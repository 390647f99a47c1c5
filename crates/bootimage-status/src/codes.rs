//! Names that other components and people look for: condition types, reasons, metrics. None is
//! ever assembled from pieces.

/// BI-026: whether a pass is under way.
pub const PROGRESSING: &str = "BootImageUpdateProgressing";
/// BI-026: whether the last pass met an error.
pub const DEGRADED: &str = "BootImageUpdateDegraded";
/// BI-185: the reason of a condition before the first pass.
pub const NO_REASON: &str = "NA";

/// BI-091: the skew mode in which the controller records the version.
pub const AUTOMATIC: &str = "Automatic";
/// BI-091: the skew mode in which a person states the version.
pub const MANUAL: &str = "Manual";
/// BI-091: the skew mode in which nothing is enforced.
pub const NONE: &str = "None";
/// §1.4: the mode of a manual version that is one of OpenShift.
pub const OCP_VERSION: &str = "OCPVersion";

/// BI-100: the condition of ClusterOperator machine-config that lets the cluster be upgraded.
pub const OPERATOR_UPGRADEABLE: &str = "Upgradeable";
/// BI-100: its reason while boot images are too old, or cannot be updated.
pub const SKEW_ERROR: &str = "ClusterBootImageSkewError";
/// BI-100: its reason while all is well.
pub const AS_EXPECTED: &str = "AsExpected";
/// BI-056: the condition of ClusterOperator machine-config that tells of a failure.
pub const OPERATOR_DEGRADED: &str = "Degraded";
/// BI-056: its reason while boot images cannot be updated.
pub const CONFIGURATION_FAILED: &str = "MachineConfigurationFailed";
/// BI-056: the reason of the warning event that goes with it.
pub const DEGRADED_EVENT: &str = "OperatorDegraded: MachineConfigurationFailed";

/// BI-107: the gauge that warns of skew which nobody looks at.
pub const SKEW_NONE_METRIC: &str = "mcc_boot_image_skew_enforcement_none";
/// BI-107: its help text.
pub const SKEW_NONE_METRIC_HELP: &str = "Set to 1 when boot image skew enforcement mode is None, \
     indicating scaling may not be successful as bootimages are out of date";
