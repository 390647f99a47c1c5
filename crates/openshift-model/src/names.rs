//! Names, labels and annotations that OpenShift fixes (BI-019 … BI-031).

/// BI-019: the namespace of the Machine API.
pub const MACHINE_API_NAMESPACE: &str = "openshift-machine-api";
/// BI-019: the namespace of the Machine Config Operator.
pub const MCO_NAMESPACE: &str = "openshift-machine-config-operator";
/// BI-001: the API group of MachineSets, as `machineManagers` name it.
pub const MACHINE_API_GROUP: &str = "machine.openshift.io";
/// BI-001: MachineSets as `machineManagers` name them.
pub const MACHINE_SETS: &str = "machinesets";
/// BI-001: ControlPlaneMachineSets as `machineManagers` name them.
pub const CONTROL_PLANE_MACHINE_SETS: &str = "controlplanemachinesets";
/// BI-001, BI-003, BI-005: the only name of cluster-wide configuration objects.
pub const CLUSTER: &str = "cluster";
/// BI-004: the only name of ClusterVersion.
pub const VERSION: &str = "version";
/// BI-006: the ConfigMap that ships the stream document.
pub const BOOT_IMAGES_CONFIG_MAP: &str = "coreos-bootimages";
/// BI-020: the annotation that tells when the default took a cluster in, as RFC 3339.
pub const OPT_IN_ANNOTATION: &str =
    "machineconfiguration.openshift.io/boot-image-updates-opted-in-at";
/// BI-023: the annotation that tells the architecture of a MachineSet's machines.
pub const AUTOSCALER_LABELS_ANNOTATION: &str = "capacity.cluster-autoscaler.kubernetes.io/labels";
/// BI-023: what the architecture stands behind in that annotation.
pub const ARCHITECTURE_LABEL_PREFIX: &str = "kubernetes.io/arch=";
/// BI-016, IL-105: on a rendered MachineConfig, the release that rendered it.
pub const RELEASE_ANNOTATION: &str = "machineconfiguration.openshift.io/release-image-version";
/// BI-016, IL-130: on a rendered MachineConfig, the git hash of the controller that rendered it.
pub const CONTROLLER_ANNOTATION: &str =
    "machineconfiguration.openshift.io/generated-by-controller-version";
/// BI-024: the label that tells the operating system of a set's machines.
pub const OS_ID_LABEL: &str = "machine.openshift.io/os-id";
/// BI-024: its only value that matters, to the letter.
pub const OS_ID_WINDOWS: &str = "Windows";
/// BI-244: the Secret with the stub that the operator keeps up to date for workers.
pub const MANAGED_WORKER_USER_DATA: &str = "worker-user-data-managed";
/// BI-025: the label that tells the OS stream of a set's machines.
pub const OS_STREAM_LABEL: &str = "machineconfiguration.openshift.io/osstream";
/// BI-025: its only value that the default stream document serves.
pub const DEFAULT_OS_STREAM: &str = "rhel-9";
/// The label of a control plane node.
pub const CONTROL_PLANE_NODE_LABEL: &str = "node-role.kubernetes.io/control-plane";
/// The label of a control plane node on older releases.
pub const MASTER_NODE_LABEL: &str = "node-role.kubernetes.io/master";
/// BI-060: the gate that lets ControlPlaneMachineSets be managed.
pub const CPMS_FEATURE_GATE: &str = "ManagedBootImagesCPMS";
/// BI-060: the gate of boot image skew enforcement.
pub const SKEW_FEATURE_GATE: &str = "BootImageSkewEnforcement";
/// BI-014: the only name of the configuration of bare-metal provisioning.
pub const PROVISIONING_CONFIGURATION: &str = "provisioning-configuration";
/// BI-015: the pool of the control plane.
pub const MASTER_POOL: &str = "master";
/// BI-333: namespace and name of the ConfigMap with the installer's configuration.
pub const INSTALL_CONFIG: (&str, &str) = ("kube-system", "cluster-config-v1");
/// BI-011: the Secret of the Machine API's namespace with the credentials for AWS.
pub const AWS_CREDENTIALS: &str = "aws-cloud-credentials";
/// BI-311: namespace and name of the Secret with the credentials for vCenters.
pub const VSPHERE_CREDENTIALS: (&str, &str) = ("kube-system", "vsphere-creds");
