//! What a plan is made from: a snapshot of a cluster, facts, and a policy.

use std::collections::BTreeSet;

use ignition_stub_convert::TargetVersion;
use openshift_model::vcenter::TemplateNames;
use openshift_model::{Architecture, ManagedBootImages, Profile, RawObject};

/// Whether a snapshot holds everything that the cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// What is not in the snapshot does not exist in the cluster.
    Complete,
    /// The cluster may have more, as with files or a dump.
    Partial,
}

/// The objects of a cluster, as raw text, in any order. Objects that no rule reads are passed over.
#[derive(Debug, Clone)]
pub struct ClusterSnapshot<'a> {
    /// Whether there is nothing else.
    pub completeness: Completeness,
    /// The objects. Of the same object twice the last one counts.
    pub objects: Vec<RawObject<'a>>,
    /// Further stream documents, as JSON text. Where the ConfigMap `coreos-bootimages` is absent
    /// from a partial snapshot, the first one takes its place.
    pub streams: Vec<&'a str>,
}

/// What a person decides about a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Which release's rules apply; `None`: that of ClusterVersion.
    pub profile: Option<Profile>,
    /// What the control plane runs on; `None`: what its nodes say, or else `x86_64`.
    pub control_plane_architecture: Option<Architecture>,
    /// BI-253: Fedora CoreOS images on GCP are the release's, too (OKD).
    pub fedora_coreos_is_known: bool,
    /// BI-368: the Ignition version that stubs of spec 2 are converted to.
    pub ignition_version: TargetVersion,
    /// BI-320: what the release's templates are called in a vCenter.
    pub template_names: TemplateNames,
    /// What is managed, whatever MachineConfiguration says: of a controller beside the one that
    /// MachineConfiguration is for ([`selection_of_file`](crate::selection_of_file)).
    pub selection: Option<ManagedBootImages>,
    /// User-data Secrets that whoever plans may not read: they may exist though a complete snapshot
    /// does not have them. What becomes of them is found out when their sets are updated.
    pub unread_secrets: BTreeSet<String>,
}
