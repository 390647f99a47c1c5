//! What a pass over boot images reads: the one table from which fetches, watches and the shipped
//! roles are made.

use openshift_model::{Kind, Namer, Platform, Read, Verb, Which, names};

use crate::CLUSTER_OPERATOR;
use crate::next_release::{ADMIN_ACKS, ADMIN_GATES};
use crate::present::OPERATOR;

/// The user-data Secrets that machines boot with unless somebody named others.
pub const USUAL_USER_DATA: &[&str] = &[
    "master-user-data",
    "master-user-data-managed",
    "worker-user-data",
    names::MANAGED_WORKER_USER_DATA,
];

/// Every read of a pass, in the order in which a reader may go: what names others comes first.
///
/// Objects that rules look at are watched. Secrets are got by name and never listed or watched. A
/// machine resource is got once more before it is edited, so that an edit fits what is there now.
pub fn reads() -> Vec<Read> {
    let mut reads = cluster_reads();
    reads.extend(machine_reads());
    reads
}

/// What a controller reads besides that tells the cluster itself what it did, where no other one
/// does.
pub fn replace_reads() -> Vec<Read> {
    let named = |kind, name, verb, why| Read::new(kind, "", Which::Named(name), verb, why);
    vec![
        named(
            Kind::ClusterOperator,
            CLUSTER_OPERATOR,
            Verb::Watch,
            "what was said about upgrades and failures before (BI-056, BI-100)",
        ),
        named(
            Kind::MachineConfiguration,
            names::CLUSTER,
            Verb::Get,
            "whether somebody else writes its conditions, which managedFields tell (BI-188)",
        ),
    ]
}

/// The part of [`reads`] that holds for all machine resources.
pub fn cluster_reads() -> Vec<Read> {
    let singleton = |kind, name, why| Read::new(kind, "", Which::Named(name), Verb::Watch, why);
    let (install_namespace, install_config) = names::INSTALL_CONFIG;
    vec![
        singleton(
            Kind::ClusterVersion,
            names::VERSION,
            "the release and whether it is applied completely (BI-004, BI-140)",
        )
        .required(),
        singleton(
            Kind::Infrastructure,
            names::CLUSTER,
            "the platform, its region and its failure domains (BI-003)",
        ),
        singleton(
            Kind::MachineConfiguration,
            names::CLUSTER,
            "which machine resources are managed, and what the cluster was told (BI-001)",
        ),
        singleton(
            Kind::FeatureGate,
            names::CLUSTER,
            "which gates are open (BI-060)",
        ),
        singleton(
            Kind::Provisioning,
            names::PROVISIONING_CONFIGURATION,
            "whether bare-metal nodes boot from a stated image (BI-092)",
        ),
        singleton(
            Kind::MachineConfigPool,
            names::MASTER_POOL,
            "which rendered MachineConfig the control plane is to run (BI-015)",
        ),
        Read::new(
            Kind::MachineConfig,
            "",
            Which::NamedBy {
                what: Namer::Pools,
                usual: &[],
            },
            Verb::Get,
            "which controller rendered it; a rendered MachineConfig never changes (BI-016, BI-113)",
        ),
        Read::new(
            Kind::ConfigMap,
            names::MCO_NAMESPACE,
            Which::Named(names::BOOT_IMAGES_CONFIG_MAP),
            Verb::Watch,
            "the images of the release (BI-006)",
        )
        .required(),
        Read::new(
            Kind::ConfigMap,
            install_namespace,
            Which::Named(install_config),
            Verb::Get,
            "how the installer laid out disks; it never changes (BI-333)",
        )
        .only_on(Platform::VSphere),
        Read::new(
            Kind::Node,
            "",
            Which::Labelled(names::CONTROL_PLANE_NODE_LABEL),
            Verb::Watch,
            "the architecture of the control plane (BI-167)",
        )
        .required(),
    ]
}

/// The machine resources, and what each of them needs.
fn machine_reads() -> Vec<Read> {
    let api = names::MACHINE_API_NAMESPACE;
    let machines = |kind, why| Read::new(kind, api, Which::All, Verb::Watch, why);
    let again = |kind| {
        let which = Which::NamedBy {
            what: Namer::Plan,
            usual: &[],
        };
        let why = "an object is looked at again before it is edited, and whoever reverts an edit is \
                   found in its managedFields (BI-190)";
        Read::new(kind, api, which, Verb::Get, why)
    };
    vec![
        machines(
            Kind::ControlPlaneMachineSet,
            "what new control plane machines boot (BI-008)",
        ),
        machines(Kind::MachineSet, "what new workers boot (BI-007)").required(),
        again(Kind::ControlPlaneMachineSet),
        again(Kind::MachineSet),
        Read::new(
            Kind::Secret,
            api,
            Which::NamedBy {
                what: Namer::ProviderSpec,
                usual: USUAL_USER_DATA,
            },
            Verb::Get,
            "whether new boot images can read the stub that machines boot with (BI-009, BI-352)",
        ),
        Read::new(
            Kind::Secret,
            api,
            Which::Named(names::AWS_CREDENTIALS),
            Verb::Get,
            "the credentials with which EC2 is asked for facts (BI-011)",
        )
        .only_on(Platform::Aws),
        Read::new(
            Kind::Secret,
            names::VSPHERE_CREDENTIALS.0,
            Which::Named(names::VSPHERE_CREDENTIALS.1),
            Verb::Get,
            "the credentials with which vCenters are asked for facts, and import templates (BI-311)",
        )
        .only_on(Platform::VSphere),
    ]
}

/// What a command reads besides for what it tells people. No decision depends on it, so that neither
/// the controller nor `apply` reads it.
pub fn notice_reads() -> Vec<Read> {
    let config_map = |(namespace, name), why| {
        let which = Which::Named(name);
        Read::new(Kind::ConfigMap, namespace, which, Verb::Get, why)
    };
    vec![
        Read::new(
            Kind::ClusterOperator,
            "",
            Which::Named(OPERATOR),
            Verb::Get,
            "whether the stock operator is degraded (BI-183)",
        ),
        config_map(
            ADMIN_GATES,
            "which acknowledgements an upgrade asks for (BI-117)",
        ),
        config_map(ADMIN_ACKS, "which of them were given (BI-117)"),
    ]
}

/// What an inventory reads besides: what runs now, and what it is to run.
pub fn inventory_reads() -> Vec<Read> {
    let all = |kind, why| Read::new(kind, "", Which::All, Verb::Watch, why);
    let operator = |name, why| {
        Read::new(
            Kind::ClusterOperator,
            "",
            Which::Named(name),
            Verb::Watch,
            why,
        )
    };
    vec![
        Read::new(
            Kind::Machine,
            names::MACHINE_API_NAMESPACE,
            Which::All,
            Verb::Watch,
            "which nodes a set has made, and when",
        ),
        all(Kind::Node, "what each node runs").required(),
        all(
            Kind::MachineConfigPool,
            "what the nodes of a pool are to run",
        ),
        all(Kind::MachineOSConfig, "which pools run a layered image"),
        all(Kind::MachineOSBuild, "which image was built for them"),
        operator("machine-config", "whether nodes are configured at all"),
        operator("machine-api", "whether machines are made at all"),
        Read::new(
            Kind::MachineConfig,
            "",
            Which::NamedBy {
                what: Namer::Pools,
                usual: &[],
            },
            Verb::Get,
            "the operating system image that a pool is to run",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_got_by_name_and_never_watched() {
        for read in reads().iter().filter(|read| read.kind == Kind::Secret) {
            assert_eq!(read.watch_verbs(), ["get"]);
            assert_eq!(read.once_verbs(), ["get"]);
            assert!(!read.resource_names().is_empty(), "{}", read.why);
        }
    }

    #[test]
    fn every_read_says_why_and_is_where_its_kind_is() {
        let all = reads().into_iter().chain(replace_reads());
        for read in all.chain(notice_reads()) {
            assert!(read.why.contains("(BI-"), "{}", read.why);
        }
        for read in reads().into_iter().chain(inventory_reads()) {
            assert_eq!(read.kind.is_namespaced(), !read.namespace.is_empty());
        }
    }

    #[test]
    fn a_program_that_runs_once_lists_only_what_has_no_fixed_name() {
        let listed: Vec<_> = reads()
            .into_iter()
            .filter(|read| read.once_verbs() == ["list"])
            .map(|read| read.kind)
            .collect();
        assert_eq!(
            listed,
            [Kind::Node, Kind::ControlPlaneMachineSet, Kind::MachineSet]
        );
    }
}
