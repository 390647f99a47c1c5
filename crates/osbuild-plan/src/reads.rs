//! What a builder reads (IL-302), as one table.

use mosb_naming::keys;
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{Kind, Read, Verb, Which};

/// The label that the Job controller gives to pods of Jobs.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// IL-302: what is watched, and read anew before something is destroyed or made because something
/// else is not there (IL-772).
pub fn builder_reads() -> Vec<Read> {
    let cluster = |kind, why| Read::new(kind, "", Which::All, Verb::Watch, why);
    vec![
        cluster(Kind::MachineOSConfig, "what images are to hold (IL-001)").required(),
        cluster(Kind::MachineOSBuild, "builds and their images (IL-001)").required(),
        cluster(Kind::MachineConfigPool, "what pools are to run (IL-340)").required(),
        cluster(
            Kind::Node,
            "images in use, and architectures (IL-353, IL-702)",
        )
        .required(),
        cluster(
            Kind::MachineConfig,
            "that a rendered MachineConfig is there (IL-330)",
        )
        .metadata_only(),
        Read::new(
            Kind::ControllerConfig,
            "",
            Which::Named("machine-config-controller"),
            Verb::Watch,
            "proxy and certificates of builds (IL-243)",
        ),
        of_builds(
            Kind::Job,
            keys::EPHEMERAL,
            "what carries out builds (IL-260)",
        )
        .required(),
        of_builds(Kind::Pod, JOB_NAME, "attempts and their ends (IL-777)").required(),
        of_builds(
            Kind::ConfigMap,
            keys::EPHEMERAL,
            "digests and logs of builds (IL-275)",
        )
        .required(),
    ]
}

/// Objects of builds, by a label that all of them have.
fn of_builds(kind: Kind, label: &'static str, why: &'static str) -> Read {
    let labelled = Which::Labelled(label);
    Read::new(kind, MCO_NAMESPACE, labelled, Verb::Watch, why)
}

/// What `osimage layer why` and `logs` look at.
pub fn layer_build_reads() -> Vec<Read> {
    let mut reads = layer_reads();
    reads.extend([
        of_builds(
            Kind::Job,
            keys::EPHEMERAL,
            "how many attempts there were (IL-750)",
        ),
        of_builds(Kind::Pod, JOB_NAME, "attempts and their ends (IL-777)"),
        of_builds(Kind::ConfigMap, keys::EPHEMERAL, "logs of builds (IL-782)"),
    ]);
    reads
}

/// What `osimage layer build`, `status`, `outdated`, `remove` and `gc` look at.
pub fn layer_reads() -> Vec<Read> {
    let all = |kind, why| Read::new(kind, "", Which::All, Verb::Watch, why);
    let named = |kind, namespace, name, why| {
        Read::new(kind, namespace, Which::Named(name), Verb::Watch, why)
    };
    vec![
        all(Kind::MachineConfigPool, "what pools are to run (IL-340)").required(),
        all(Kind::MachineConfig, "who names an image (IL-055)").required(),
        all(
            Kind::Node,
            "how many nodes are rebooted, and architectures (IL-702)",
        )
        .required(),
        all(
            Kind::MachineOSConfig,
            "what is built on the cluster (IL-056)",
        ),
        all(Kind::MachineOSBuild, "how old an image is (IL-361)"),
        named(
            Kind::ControllerConfig,
            "",
            "machine-config-controller",
            "the image of the release (IL-141)",
        ),
        named(
            Kind::ConfigMap,
            MCO_NAMESPACE,
            "machine-config-osimageurl",
            "the image of older releases (IL-141)",
        ),
        named(
            Kind::ClusterVersion,
            "",
            "version",
            "which releases there were",
        ),
    ]
}

/// What is read by name when it is needed (IL-240, IL-241, IL-771).
pub fn builder_gets() -> Vec<Read> {
    let get = |kind, namespace, why| Read::new(kind, namespace, Which::All, Verb::Get, why);
    vec![
        get(
            Kind::MachineConfig,
            "",
            "what a build is made from (IL-161)",
        ),
        get(
            Kind::ConfigMap,
            MCO_NAMESPACE,
            "the image that builds, repositories (IL-240, IL-241)",
        ),
        get(
            Kind::Secret,
            MCO_NAMESPACE,
            "credentials, entitlements and keys (IL-241, IL-242)",
        ),
    ]
}
