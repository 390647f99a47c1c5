//! Which rights each task needs, made from the tables of what is read and written: what ships as
//! roles is generated from here, and cannot know more or less than the code does.

use openshift_model::{Kind, Namer, Read, Resource, Right, Subresource, Which, names};

use crate::state::{STATE_CONFIG_MAP, STATE_NAMESPACE};
use crate::{
    CLUSTER_OPERATOR, USUAL_USER_DATA, inventory_reads, notice_reads, reads, replace_reads,
};

/// The Lease of the controller of boot images.
pub const CONTROLLER_LEASE: &str = "boot-image-controller";

/// What somebody does with the command. Each task is a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommandTask {
    /// `plan`, `explain`, `skew`, `inventory`, `report`, `history`. No Secret is read.
    Read,
    /// A plan that knows what becomes of the user data of sets.
    ReadUserData,
    /// `--resolve` with the credentials of the cluster.
    Resolve,
    /// `apply`.
    Apply,
    /// `set-mode`.
    SetMode,
}

impl CommandTask {
    /// All tasks, in the order in which they build on each other.
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::ReadUserData,
        Self::Resolve,
        Self::Apply,
        Self::SetMode,
    ];

    /// The name of its role.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Read => "osimage-reader",
            Self::ReadUserData => "osimage-user-data-reader",
            Self::Resolve => "osimage-resolver",
            Self::Apply => "osimage-applier",
            Self::SetMode => "osimage-mode-setter",
        }
    }

    /// What its role is for, as a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Read => {
                "plan, explain, skew, inventory, report and history; no Secret. A plan then does \
                 not say what becomes of user data"
            }
            Self::ReadUserData => "plan that says what becomes of the user data of sets",
            Self::Resolve => "--resolve with the cluster's own credentials for EC2 and vCenters",
            Self::Apply => {
                "apply, besides osimage-reader and osimage-user-data-reader and, on vSphere without \
                 GOVC_*, osimage-resolver"
            }
            Self::SetMode => "set-mode, besides osimage-reader",
        }
    }

    /// The rights that the task needs besides those of the tasks that it builds on.
    pub fn rights(self) -> Vec<Right> {
        let once = |keep: fn(&Read) -> bool| {
            let table = reads();
            let rows = table.iter().filter(|row| keep(row));
            rows.map(Right::of_read_once).collect::<Vec<_>>()
        };
        match self {
            Self::Read => {
                let mut rights = once(|row| row.kind != Kind::Secret && !named_by_plan(row));
                let besides = inventory_reads().into_iter().chain(notice_reads());
                rights.extend(besides.map(|read| Right::of_read_once(&read)));
                rights.push(state(&["get"], "what was written, for history"));
                distinct(&rights)
            }
            Self::ReadUserData => once(is_user_data),
            Self::Resolve => once(is_credentials),
            Self::Apply => {
                let mut rights = once(named_by_plan);
                rights.extend(edits());
                rights.push(events(names::MACHINE_API_NAMESPACE));
                let verbs = &["get", "create", "patch"];
                rights.push(state(verbs, "what was written is kept for history"));
                rights
            }
            Self::SetMode => vec![
                Right::of_write(
                    Kind::MachineConfiguration,
                    "",
                    &["patch"],
                    "which machine resources are managed (BI-086)",
                )
                .limited_to(&[names::CLUSTER]),
            ],
        }
    }
}

/// What the controller of boot images does. Each task is a role of its own, and builds on those
/// before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerTask {
    /// It watches and decides: every mode.
    Observe,
    /// It edits sets and user data: modes `beside` and `replace`.
    Write,
    /// It tells the cluster what it did: mode `replace`.
    TellCluster,
}

impl ControllerTask {
    /// All tasks, in the order in which they build on each other.
    pub const ALL: &[Self] = &[Self::Observe, Self::Write, Self::TellCluster];

    /// The name of its role.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Observe => "boot-image-controller",
            Self::Write => "boot-image-controller-writer",
            Self::TellCluster => "boot-image-controller-status",
        }
    }

    /// What its role is for, as a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Observe => "every mode: it watches and decides",
            Self::Write => "the modes beside and replace: it edits sets and user data",
            Self::TellCluster => "the mode replace: it tells the cluster what it did",
        }
    }

    /// The rights that the task needs besides those of the tasks that it builds on.
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Observe => {
                let table = reads();
                let rows = table.iter().filter(|row| !named_by_plan(row));
                let mut rights: Vec<_> = rows.map(Right::of_watch).collect();
                rights.extend(Right::of_metrics());
                rights
            }
            Self::Write => {
                let table = reads();
                let read_again = table.iter().filter(|row| named_by_plan(row));
                let mut rights: Vec<_> = read_again.map(Right::of_watch).collect();
                rights.extend(edits());
                rights.push(events(names::MACHINE_API_NAMESPACE));
                rights.push(events(STATE_NAMESPACE));
                let verbs = &["get", "create", "patch"];
                rights.push(state(verbs, "what must outlive the process"));
                rights.extend(Right::of_lease(STATE_NAMESPACE, CONTROLLER_LEASE));
                rights
            }
            Self::TellCluster => {
                let mut rights: Vec<_> = replace_reads().iter().map(Right::of_watch).collect();
                let told = |kind, verbs, name, why| {
                    Right::of_write(kind, "", verbs, why).limited_to(&[name])
                };
                let configuration = Kind::MachineConfiguration;
                let why = "when the default took the cluster in (BI-020)";
                rights.push(told(configuration, &["patch"], names::CLUSTER, why));
                let why = "what is managed, how it goes, and how old boot images are (BI-188)";
                let status = told(configuration, &["patch"], names::CLUSTER, why);
                rights.push(status.part(Subresource::Status));
                let operator = Kind::ClusterOperator;
                let why = "whether boot images are well, and hold up an upgrade (BI-100)";
                let status = told(operator, &["patch"], CLUSTER_OPERATOR, why);
                rights.push(status.part(Subresource::Status));
                let why = "it is read again where somebody else wrote it";
                rights.push(told(operator, &["get"], CLUSTER_OPERATOR, why));
                let why = "it is made once; a role cannot limit that to a name";
                rights.push(Right::of_write(operator, "", &["create"], why));
                rights
            }
        }
    }
}

/// The edits of a plan.
fn edits() -> Vec<Right> {
    let api = names::MACHINE_API_NAMESPACE;
    let edit = |kind| Right::of_write(kind, api, &["patch"], "the boot image (BI-346)");
    vec![
        edit(Kind::MachineSet),
        edit(Kind::ControlPlaneMachineSet),
        Right::of_write(
            Kind::Secret,
            api,
            &["patch"],
            "stubs of Ignition 2 are converted before a new boot image follows (BI-243)",
        )
        .limited_to(USUAL_USER_DATA),
    ]
}

fn events(namespace: &'static str) -> Right {
    let why = "who changed what, on the objects themselves";
    Right::new(namespace, Resource::EVENTS, &["create"], why)
}

/// The ConfigMap with the state.
fn state(verbs: &'static [&'static str], why: &'static str) -> Right {
    Right::of_write(Kind::ConfigMap, STATE_NAMESPACE, verbs, why).limited_to(&[STATE_CONFIG_MAP])
}

fn named_by_plan(row: &Read) -> bool {
    matches!(
        row.which,
        Which::NamedBy {
            what: Namer::Plan,
            ..
        }
    )
}

fn is_user_data(row: &Read) -> bool {
    row.kind == Kind::Secret && matches!(row.which, Which::NamedBy { .. })
}

fn is_credentials(row: &Read) -> bool {
    row.kind == Kind::Secret && matches!(row.which, Which::Named(_))
}

/// Each right once, and none that another one includes.
fn distinct(rights: &[Right]) -> Vec<Right> {
    let mut kept: Vec<Right> = Vec::new();
    for right in rights {
        let includes = |other: &Right| {
            let same = (other.namespace, other.group, &other.resource, other.verbs)
                == (right.namespace, right.group, &right.resource, right.verbs);
            let wider = other.names.is_empty() && !right.names.is_empty();
            same && (wider || other.names == right.names)
        };
        let is_known = kept.iter().any(includes);
        let is_included = rights
            .iter()
            .any(|other| other != right && includes(other) && other.names != right.names);
        if !is_known && !is_included {
            kept.push(right.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::Verb;

    fn all() -> Vec<Right> {
        let commands = CommandTask::ALL.iter().flat_map(|task| task.rights());
        let controller = ControllerTask::ALL.iter().flat_map(|task| task.rights());
        commands.chain(controller).collect()
    }

    #[test]
    fn secrets_are_never_listed_and_always_named() {
        for right in all().iter().filter(|right| right.resource == "secrets") {
            assert!(!right.names.is_empty(), "{right:?}");
            assert!(!right.verbs.contains(&"list") && !right.verbs.contains(&"watch"));
        }
    }

    #[test]
    fn who_plans_needs_no_secret_and_writes_nothing() {
        for right in CommandTask::Read.rights() {
            assert_ne!(right.resource, "secrets");
            assert!(
                right
                    .verbs
                    .iter()
                    .all(|verb| ["get", "list"].contains(verb))
            );
        }
    }

    /// Of the whole cluster, and without a name though one would be known.
    fn is_too_wide(right: &Right) -> bool {
        const SEVERAL: &[&str] = &[
            "nodes",
            "machineconfigs",
            "machineconfigpools",
            "machineosconfigs",
            "machineosbuilds",
        ];
        let may_lack_names =
            SEVERAL.contains(&right.resource.as_str()) || right.verbs == ["create"];
        right.namespace.is_empty() && right.names.is_empty() && !may_lack_names
    }

    #[test]
    fn singletons_are_named() {
        for right in all() {
            assert!(!is_too_wide(&right), "{right:?}");
        }
        let wide = Read::new(Kind::Infrastructure, "", Which::All, Verb::Watch, "");
        assert!(is_too_wide(&Right::of_watch(&wide)));
    }

    #[test]
    fn a_right_stands_in_a_role_once() {
        let commands = CommandTask::ALL.iter().map(|task| task.rights());
        let controller = ControllerTask::ALL.iter().map(|task| task.rights());
        for rights in commands.chain(controller) {
            for (number, right) in rights.iter().enumerate() {
                let again = rights.iter().skip(number + 1).any(|other| {
                    (
                        other.namespace,
                        &other.resource,
                        other.group,
                        other.verbs,
                        &other.names,
                    ) == (
                        right.namespace,
                        &right.resource,
                        right.group,
                        right.verbs,
                        &right.names,
                    )
                });
                assert!(!again, "{right:?}");
            }
        }
    }
}
