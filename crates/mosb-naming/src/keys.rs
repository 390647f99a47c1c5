//! Keys of labels and annotations (IL-030): other tools select by them.

macro_rules! keys {
    ($( $(#[$doc:meta])* $name:ident = $key:literal; )*) => {
        $(
            $(#[$doc])*
            pub const $name: &str = concat!("machineconfiguration.openshift.io/", $key);
        )*

        /// Every key with what it is, for the generated reference.
        pub const ALL: &[&str] = &[$( $name, )*];
    };
}

keys! {
    /// Label: the pool that a build is for.
    TARGET_POOL = "target-machine-config-pool";
    /// Label: the rendered MachineConfig that a build is for.
    RENDERED_CONFIG = "rendered-machine-config";
    /// Label and annotation: the MachineOSConfig that asked for a build.
    MACHINE_OS_CONFIG = "machine-os-config";
    /// Label and annotation: the MachineOSBuild that an object belongs to.
    MACHINE_OS_BUILD = "machine-os-build";
    /// Label: the object goes when the build is done.
    EPHEMERAL = "ephemeral-build-object";
    /// Label: the object belongs to image layering.
    ON_CLUSTER_LAYERING = "on-cluster-layering";
    /// Label and annotation: the Secret is a normalised copy.
    CANONICALIZED_SECRET = "canonicalizedSecret";
    /// Label and annotation: the Secret that a copy was made from.
    ORIGINAL_SECRET = "originalSecretName";
    /// Annotation: the build can use an entitlement.
    HAS_ENTITLEMENT = "has-etc-pki-entitlement";
    /// Annotation: the build can use repositories of the administrator's.
    HAS_YUM_REPOS = "has-etc-yum-repos-d";
    /// Annotation: the build can use GPG keys of the administrator's.
    HAS_GPG_KEYS = "has-etc-pki-rpm-gpg";
    /// Label of a pool: it is to be layered (IL-390).
    LAYERING_ENABLED = "layering-enabled";
    /// Annotation of a MachineOSConfig: the build that is current.
    CURRENT_BUILD = "current-machine-os-build";
    /// Annotation of a MachineOSConfig: build again, whatever its value.
    REBUILD = "rebuild";
    /// Annotation of a MachineOSConfig, label of a MachineOSBuild: an image that was built before.
    PRE_BUILT_IMAGE = "pre-built-image";
    /// Annotation of a MachineOSBuild: the Secret for pushing.
    PUSH_SECRET = "rendered-image-push-secret";
    /// Annotation of a MachineOSBuild: the uid of its Job.
    JOB_UID = "job-uid";
}

/// IL-143: keys that 4.16 used; a clean-up looks for them too.
pub const LEGACY: &[&str] = &[
    "machineconfiguration.openshift.io/targetMachineConfigPool",
    "machineconfiguration.openshift.io/desiredConfig",
    "machineconfiguration.openshift.io/buildPod",
    "machineconfiguration.openshift.io/rebuildImage",
];
