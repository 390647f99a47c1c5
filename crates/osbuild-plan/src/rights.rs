//! Which rights the builder and the layering commands need, made from the tables of what is read and
//! written: what ships as roles is generated from here.

use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{Kind, Resource, Right, Subresource, Which};

use crate::operator::operator_gets;
use crate::reads::{builder_gets, builder_reads, layer_build_reads, layer_reads};

/// IL-301: the Lease of the builder, which the stock one takes too, in the namespace of the Machine
/// Config Operator.
pub const BUILDER_LEASE: &str = "machine-os-builder";
/// The namespace in which the builder runs, unless somebody chose another one.
pub const BUILDER_NAMESPACE: &str = "osimage-builder";
/// Its `ServiceAccount`.
pub const BUILDER_ACCOUNT: &str = "machine-os-builder";
/// Where Kubernetes keeps Events about what is cluster-scoped.
const EVENT_NAMESPACE: &str = "default";

/// What the builder does. Each task is a role of its own, and the second builds on the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuilderTask {
    /// It watches and decides: every mode.
    Observe,
    /// It builds: mode `replace`.
    Build,
    /// It does what the Machine Config Operator does around it: `--stand-alone`.
    StandAlone,
}

impl BuilderTask {
    /// All tasks, in the order in which they build on each other.
    pub const ALL: &[Self] = &[Self::Observe, Self::Build, Self::StandAlone];

    /// The name of its role. (The stock builder has a `ClusterRole` named `machine-os-builder`.)
    pub const fn role(self) -> &'static str {
        match self {
            Self::Observe => "osimage-machine-os-builder",
            Self::Build => "osimage-machine-os-builder-writer",
            Self::StandAlone => "osimage-machine-os-builder-stand-alone",
        }
    }

    /// What its role is for, as a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Observe => "every mode: it watches and decides",
            Self::Build => "the mode replace: it builds, and tells pools and their nodes",
            Self::StandAlone => {
                "--stand-alone: it does what the Machine Config Operator does around the builder"
            }
        }
    }

    /// The rights that the task needs besides those of the tasks that it builds on.
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Observe => {
                let table = builder_reads();
                let mut rights: Vec<_> = table.iter().map(Right::of_watch).collect();
                // IL-772: a live reading lists what is watched, and gets what has a name.
                let named = table
                    .iter()
                    .filter(|row| matches!(row.which, Which::Named(_)));
                rights.extend(named.map(Right::of_read_once));
                rights.extend(builder_gets().iter().map(Right::of_watch));
                rights.extend(Right::of_metrics());
                rights
            }
            Self::Build => {
                let mut rights = of_layering();
                rights.extend(of_builds());
                let why = "what happens, on the objects that it happens to (IL-558)";
                rights.push(Right::new(
                    EVENT_NAMESPACE,
                    Resource::EVENTS,
                    &["create"],
                    why,
                ));
                rights.extend(Right::of_lease(MCO_NAMESPACE, BUILDER_LEASE));
                rights
            }
            Self::StandAlone => {
                let gets = operator_gets();
                let mut rights: Vec<_> = gets.iter().map(Right::of_watch).collect();
                rights.push(Right::of_write(
                    Kind::Pod,
                    MCO_NAMESPACE,
                    &["delete"],
                    "pods that built for 4.16 and 4.17 (IL-875)",
                ));
                rights
            }
        }
    }
}

/// What `osimage layer` does in a live cluster. Each task is a role of its own, and the second builds
/// on the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerTask {
    /// It reads.
    Read,
    /// It reads what builds leave too: their pods, Jobs and logs.
    Builds,
    /// It writes and deletes MachineConfigs: `--apply`.
    Apply,
}

impl LayerTask {
    /// All tasks, in the order in which they build on each other.
    pub const ALL: &[Self] = &[Self::Read, Self::Builds, Self::Apply];

    /// The name of its role.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Read => "osimage-layer-reader",
            Self::Builds => "osimage-layer-build-reader",
            Self::Apply => "osimage-layer-applier",
        }
    }

    /// What its role is for, as a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Read => {
                "layer build, status, outdated, remove and gc of a live cluster; it writes nothing there"
            }
            Self::Builds => {
                "layer why and logs of a live cluster, besides osimage-layer-reader; it writes nothing"
            }
            Self::Apply => {
                "layer build and remove with --apply, besides osimage-layer-reader. Who may write a \
                 MachineConfig may do anything on nodes"
            }
        }
    }

    /// The rights that the task needs besides those of the tasks that it builds on.
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Read => layer_reads().iter().map(Right::of_read_once).collect(),
            Self::Builds => {
                let reads = layer_build_reads();
                let more = reads.iter().skip(layer_reads().len());
                let mut rights: Vec<Right> = more.map(Right::of_read_once).collect();
                let why = "what a build prints (IL-782)";
                let logs = Right::of_write(Kind::Pod, MCO_NAMESPACE, &["get"], why);
                rights.push(logs.part(Subresource::Log));
                rights
            }
            Self::Apply => vec![Right::of_write(
                Kind::MachineConfig,
                "",
                &["create", "patch", "delete"],
                "which image a pool runs (IL-055)",
            )],
        }
    }
}

/// MachineOSConfigs, their builds and pools.
fn of_layering() -> Vec<Right> {
    let right = |kind, verbs, why| Right::of_write(kind, "", verbs, why);
    let part = |kind, part, verbs, why| right(kind, verbs, why).part(part);
    let (status, finalizers) = (Subresource::Status, Subresource::Finalizers);
    let again = "a patch that was refused: whether somebody else was faster (IL-771)";
    let owns = "what it owns may hold up its deletion (IL-131)";
    vec![
        right(Kind::MachineOSConfig, &["get"], again),
        right(Kind::MachineOSBuild, &["get"], again),
        right(Kind::MachineConfigPool, &["get"], again),
        right(
            Kind::MachineOSConfig,
            &["patch"],
            "which build is current, and that a request was heard (IL-360)",
        ),
        part(
            Kind::MachineOSConfig,
            status,
            &["patch"],
            "its image and its conditions (IL-360, IL-732)",
        ),
        part(Kind::MachineOSConfig, finalizers, &["update"], owns),
        right(
            Kind::MachineOSBuild,
            &["create", "patch", "delete"],
            "builds are made, kept until their image is dealt with, and replaced (IL-131, IL-774)",
        ),
        part(
            Kind::MachineOSBuild,
            status,
            &["patch"],
            "how a build goes (IL-026)",
        ),
        part(Kind::MachineOSBuild, finalizers, &["update"], owns),
        part(
            Kind::MachineConfigPool,
            status,
            &["patch"],
            "that the build for the pool failed (IL-365)",
        ),
    ]
}

/// What carries a build out.
fn of_builds() -> Vec<Right> {
    let right = |kind, verbs, why| Right::of_write(kind, MCO_NAMESPACE, verbs, why);
    let inputs = "what a build is made from, and what is left of it (IL-280, IL-282)";
    vec![
        right(
            Kind::Job,
            &["create", "patch", "delete"],
            "builds are started, stopped and cleaned up (IL-280, IL-780, IL-282)",
        ),
        right(
            Kind::Job,
            &["get"],
            "a patch that was refused: whether somebody else was faster (IL-771)",
        ),
        right(Kind::ConfigMap, &["create", "patch", "delete"], inputs),
        right(Kind::Secret, &["create", "patch", "delete"], inputs),
        right(Kind::Pod, &["get"], "the ends of logs of failures (IL-782)").part(Subresource::Log),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_observes_writes_nothing_and_secrets_are_never_listed() {
        for right in BuilderTask::Observe.rights() {
            let is_review = right.resource.ends_with("reviews");
            let reads = |verb: &&str| ["get", "list", "watch"].contains(verb);
            assert!(is_review || right.verbs.iter().all(reads), "{right:?}");
        }
        let tasks = BuilderTask::ALL.iter().flat_map(|task| task.rights());
        for right in tasks.filter(|right| right.resource == "secrets") {
            assert!(right.namespace == MCO_NAMESPACE || right.names.len() == 1);
            assert!(!right.verbs.contains(&"list") && !right.verbs.contains(&"watch"));
        }
    }
}
