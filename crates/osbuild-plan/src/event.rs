//! Events about builds (§5.11): reasons and texts that people and tools look for.

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// One word.
    pub reason: &'static str,
    /// Whether it is a `Warning`; else it is `Normal`.
    pub is_warning: bool,
    /// The kind of object that it is about.
    pub about: &'static str,
    /// The sentence.
    pub message: String,
}

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $name:ident ( $($argument:ident),* ) = $reason:literal, $warning:literal, $about:literal,
            $message:literal;
    )*) => {
        impl Event {
            /// Every reason, the kind of object that it is about, and whether it is a `Warning`: for the
            /// generated reference.
            pub const ALL: &[(&str, &str, bool)] = &[$( ($reason, $about, $warning), )*];

            $(
                $(#[$doc])*
                pub fn $name($($argument: &str),*) -> Self {
                    Self {
                        reason: $reason,
                        is_warning: $warning,
                        about: $about,
                        message: format!($message),
                    }
                }
            )*
        }
    };
}

events! {
    /// IL-327: a build is started.
    build_started(pool, config) = "BuildStarted", false, "MachineOSBuild",
        "Started build for pool \"{pool}\" with config \"{config}\"";
    /// IL-327: its Job is created.
    build_preparing(pool) = "BuildPreparing", false, "MachineOSBuild",
        "Preparing build: creating build job for pool \"{pool}\"";
    /// A pod of the Job runs.
    build_building() = "BuildBuilding", false, "MachineOSBuild",
        "Build is now in progress";
    /// IL-328: the image is there.
    build_completed(image) = "BuildCompleted", false, "MachineOSBuild",
        "Build completed successfully, image: {image}";
    /// IL-328: there will be no image.
    build_failed(build) = "BuildFailed", true, "MachineOSBuild",
        "Build failed; see MachineOSBuild \"{build}\" status conditions for details";
    /// The Job was deleted before it succeeded.
    build_interrupted() = "BuildInterrupted", true, "MachineOSBuild",
        "Build interrupted: build job was deleted";
    /// IL-351
    build_deleted() = "BuildDeleted", false, "MachineOSBuild",
        "Build deleted: build resources removed";
    /// IL-736: the image of a build that goes stays in its registry.
    image_left(image) = "ImageLeft", true, "MachineOSBuild",
        "The image stays in the registry, since it cannot be deleted there: {image}";
    /// The Job is there.
    job_created(job) = "JobCreated", false, "MachineOSBuild",
        "Created build job: {job}";
    /// A pod of the Job runs.
    job_started(job) = "JobStarted", false, "MachineOSBuild",
        "Build job started: {job}";
    /// The Job succeeded.
    job_completed(job) = "JobCompleted", false, "MachineOSBuild",
        "Build job completed: {job}";
    /// A pod of the Job failed.
    job_failed(job, build) = "JobFailed", true, "MachineOSBuild",
        "Build job \"{job}\" failed; see MachineOSBuild \"{build}\" status conditions for details";
    /// The Job is gone.
    job_deleted(job) = "JobDeleted", false, "MachineOSBuild",
        "Build job deleted: {job}";
    /// IL-310: a change of the spec led to a build.
    config_reconciled() = "ConfigReconciled", false, "MachineOSConfig",
        "MachineOSConfig spec change detected and reconciled: new build created or reused";
    /// IL-310: it did not.
    config_reconcile_failed(error) = "ConfigReconcileFailed", true, "MachineOSConfig",
        "Failed to reconcile MachineOSConfig spec change: {error}";
    /// IL-333
    rebuild_requested() = "RebuildRequested", false, "MachineOSConfig",
        "Rebuild requested: rebuild annotation applied";
    /// IL-350
    config_deleted(config) = "ConfigDeleted", false, "MachineOSConfig",
        "MachineOSConfig \"{config}\" deleted, removing associated builds";
    /// IL-328
    build_degraded(pool) = "BuildDegraded", true, "MachineOSConfig",
        "Build for pool \"{pool}\" degraded; see MachineOSBuild status conditions for details";
    /// IL-328
    build_recovered(pool) = "BuildRecovered", false, "MachineOSConfig",
        "Build for pool \"{pool}\" recovered from degraded state";
    /// IL-313
    pool_config_changed(from, to) = "PoolConfigChanged", false, "MachineConfigPool",
        "Rendered config changed from {from} to {to}";
    /// IL-392: a Secret that builds need was made, or follows its source.
    secret_copied(source, namespace, copy) = "SecretCopied", false, "MachineConfigPool",
        "Secret \"{copy}\" is a copy of Secret \"{source}\" of namespace \"{namespace}\" as it is now";
    /// IL-392: nothing needs it any more.
    secret_copy_deleted(copy) = "SecretCopyDeleted", false, "MachineConfigPool",
        "Secret \"{copy}\" was deleted: no layered pool needs it";
    /// IL-393
    config_missing(pool) = "MachineOSConfigMissing", true, "MachineConfigPool",
        "MachineOSConfig for pool {pool} missing, did you create it?";
    /// IL-391
    unsupported_os(os, node, pool) = "UnsupportedOS", true, "MachineConfigPool",
        "on-cluster layering is only supported on CoreOS-based nodes: non-CoreOS OS \"{os}\" detected on \
         node \"{node}\" in MachineConfigPool(s) [{pool}]";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_558_events_have_the_texts_that_people_know() {
        let event = Event::build_started("worker", "rendered-worker-1");
        assert_eq!((event.reason, event.is_warning), ("BuildStarted", false));
        assert_eq!(
            event.message,
            "Started build for pool \"worker\" with config \"rendered-worker-1\""
        );
        assert!(Event::job_failed("build-a", "a").is_warning);
        assert_eq!(Event::ALL.len(), 24);
    }
}
