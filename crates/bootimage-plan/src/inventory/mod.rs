//! What each set's next node would be born from and whether it would join; what each node was born
//! from, and what it runs now.
//!
//! ```
//! use bootimage_plan::inventory::{InventoryOptions, inventory};
//! use bootimage_plan::{ClusterSnapshot, Completeness, Facts, InTurn, Policy};
//! use bootimage_hazards::{HazardTable, Verdict};
//! use openshift_model::RawObject;
//!
//! let set = r#"{"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet", "metadata":
//!     {"name": "worker-a"}, "spec": {"template": {"spec": {"providerSpec": {"value": {"kind":
//!     "GCPMachineProviderSpec", "disks": [{"boot": true, "image":
//!     "projects/rhcos-cloud/global/images/rhcos-412-86-202209302317-0-gcp-x86-64"}]}}}}}}"#;
//! let version = r#"{"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata":
//!     {"name": "version"}, "status": {"desired": {"version": "4.23.1"}}}"#;
//! let objects = [set, version].iter().filter_map(|text| RawObject::parse(text).unwrap()).collect();
//! let snapshot =
//!     ClusterSnapshot { completeness: Completeness::Partial, objects, streams: Vec::new() };
//! let table = HazardTable::bundled()?;
//! let options = InventoryOptions { table: &table, born: &[], today: None };
//! let found = inventory(&snapshot, &Facts::default(), &Policy::default(), &options, &InTurn);
//! let set = &found.sets[0];
//! assert_eq!(set.boot_image.version.as_deref(), Some("412.86.202209302317-0"));
//! assert_eq!(set.behind.map(|behind| behind.at_least), Some(11));
//! assert!(set.verdict >= Verdict::Risk);
//! # Ok::<(), bootimage_hazards::TableError>(())
//! ```

mod conditions;
mod document;
mod image;
mod machines;
mod pools;
mod sets;

use bootimage_hazards::aleph::Aleph;
use bootimage_hazards::{ClusterRelease, Day, HazardTable, Verdict};
use openshift_model::facts::Facts;
use openshift_model::{ClusterOperator, ClusterVersion, Infrastructure, Kind, RawObject, names};

use crate::context::{Context, Objects};
use crate::stream_text::Streams;
use crate::{API_VERSION, ClusterSnapshot, Completeness, Each, GeneratedFrom, Policy, plan_with};

pub use document::{
    Behind, Born, ImageSource, InventoriedCluster, InventoriedMachine, InventoriedPool,
    InventoriedSet, Inventory, KIND, NodeImage, Running,
};
pub use image::BootImage;

/// What an inventory is made from besides the objects.
#[derive(Debug, Clone, Copy)]
pub struct InventoryOptions<'b> {
    /// What is known to go wrong.
    pub table: &'b HazardTable,
    /// What files of nodes say that the nodes started from.
    pub born: &'b [Aleph],
    /// Today; `None` where nothing may depend on the day.
    pub today: Option<Day>,
}

/// What holds for all sets and machines.
struct InventoryInputs<'w, 'a> {
    context: &'w Context<'w, 'a>,
    objects: &'w Objects<'w, 'a>,
    streams: &'w Streams<'w>,
    facts: &'w Facts,
    release: Option<ClusterRelease>,
    options: &'w InventoryOptions<'w>,
}

/// Takes stock of a cluster. Total and deterministic: an object that cannot be read is a line that
/// says so.
pub fn inventory(
    snapshot: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    options: &InventoryOptions<'_>,
    each: &impl Each,
) -> Inventory {
    let plan = plan_with(snapshot, facts, policy, each);
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    // What is wrong with stream documents is among the plan's warnings already.
    let streams = Streams::parse(context.stream.as_ref(), &snapshot.streams, &mut Vec::new());
    let release = context
        .cluster_version
        .as_ref()
        .and_then(ClusterVersion::release);
    let inputs = InventoryInputs {
        context: &context,
        objects: &objects,
        streams: &streams,
        facts,
        release: release.and_then(ClusterRelease::parse),
        options,
    };
    let mut warnings = plan.warnings;
    let (machines, notes) = machines::machines(&inputs);
    warnings.extend(notes);
    let sets: Vec<_> = inputs
        .objects
        .machine_resources()
        .zip(&plan.targets)
        .map(|(object, target)| sets::set(&inputs, object, target, &machines))
        .collect();
    let (pools, notes) = pools::pools(&inputs);
    warnings.extend(notes);
    let degraded = degraded(&objects, &pools, &mut warnings);
    if release.is_none() {
        warnings.push(
            "the input does not tell the release of the cluster: whether nodes would join is not \
             known; add ClusterVersion version"
                .to_owned(),
        );
    }
    // What it warns of, the plan has warned of already.
    let (skew, _) = crate::skew(snapshot, policy);
    Inventory {
        api_version: API_VERSION,
        kind: KIND,
        generated_from: match snapshot.completeness {
            Completeness::Complete => GeneratedFrom::Cluster,
            Completeness::Partial => GeneratedFrom::Files,
        },
        cluster: InventoriedCluster {
            name: infrastructure_name(&objects),
            version: release.map(str::to_owned),
            platform: context.cluster.platform.clone(),
        },
        verdict: worst(&sets),
        degraded,
        skew,
        sets,
        machines,
        pools,
        warnings,
    }
}

/// The worst verdict; `ok` where there is nothing to judge.
fn worst(sets: &[InventoriedSet]) -> Verdict {
    let verdicts = sets.iter().map(|set| set.verdict);
    verdicts.max().unwrap_or(Verdict::Ok)
}

fn infrastructure_name(objects: &Objects<'_, '_>) -> Option<String> {
    let object = objects.of_kind(Kind::Infrastructure).last()?;
    let name = Infrastructure::read(object).ok()?.infrastructure_name?;
    Some(name.as_str().to_owned()).filter(|name| !name.is_empty())
}

/// The cluster operators that nodes and their images are the business of.
const OPERATORS: &[&str] = &["machine-api", "machine-config"];

/// What says of itself that it is degraded; an operator that cannot be read earns a warning.
fn degraded(
    objects: &Objects<'_, '_>,
    pools: &[InventoriedPool],
    warnings: &mut Vec<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    let operators = objects.of_kind(Kind::ClusterOperator);
    for object in operators.filter(|object| OPERATORS.contains(&object.name.as_str())) {
        match ClusterOperator::read(object) {
            Ok(operator) if is_degraded(&operator) => found.push(object.reference().to_string()),
            Ok(_) => {}
            Err(error) => {
                warnings.push(format!(
                    "{error}; whether the operator is degraded is not known"
                ));
            }
        }
    }
    let pools = pools.iter().filter(|pool| pool.degraded);
    found.extend(pools.map(|pool| format!("{} {}", Kind::MachineConfigPool, pool.name)));
    found
}

fn is_degraded(operator: &ClusterOperator<'_>) -> bool {
    let conditions = operator.conditions.iter().flatten().flatten();
    conditions.into_iter().any(|condition| {
        condition.kind.as_deref() == Some("Degraded") && condition.status.as_deref() == Some("True")
    })
}

/// Whether a namespace is that of the Machine API, or one that a manifest leaves out.
fn is_machine_api(object: &RawObject<'_>) -> bool {
    matches!(object.namespace.as_str(), "" | names::MACHINE_API_NAMESPACE)
}
