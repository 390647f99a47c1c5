//! The plan of a cluster, and the explanation of one decision.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use openshift_model::facts::{FactRequest, Facts};
use openshift_model::{
    Kind, MachineResource, NoTrace, ObjectMeta, ObjectRef, RawObject, Step, Text,
};
use serde::Serialize;

use crate::context::{Context, Objects};
use crate::decide::{SharedInputs, decide};
use crate::digest::{Digest, Digester};
use crate::document::{API_VERSION, PLAN_KIND, sort, well_known};
use crate::forecast::{forecast, status_basis};
use crate::present::present;
use crate::status::{StatusBasis, TargetError};
use crate::stream_text::Streams;
use crate::user_data::UserDataSecrets;
use crate::warnings::{UnusedSecret, aws_image, listed_products, unknown_secrets, unused_secrets};
use crate::{
    ClusterSnapshot, Completeness, ConfigurationInForce, DecisionKind, GeneratedFrom, InputObject,
    Obstacle, Plan, PlanMetadata, Policy, Source, Target,
};

/// How a plan does the same work to many items. The crate itself has no threads; a caller that has
/// some brings them.
pub trait Each {
    /// Does `work` to every item, in any order.
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync);
}

/// One item after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InTurn;

impl Each for InTurn {
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        items.iter_mut().for_each(work);
    }
}

/// How many objects are one item of [`Each`]: enough that handing them over costs nothing beside
/// the work, few enough that no thread waits for the last one.
const OBJECTS_PER_ITEM: usize = 128;

/// Plans the boot images of a cluster: what each MachineSet and ControlPlaneMachineSet boots, what
/// it should boot, what would be changed and why.
///
/// Total and deterministic: the same snapshot in any order gives the same plan, and an object that
/// is broken becomes a decision of its own.
///
/// Upstream, this is the boot image controller's pass over all machine resources (BI-142, BI-150).
pub fn plan(snapshot: &ClusterSnapshot<'_>, facts: &Facts, policy: &Policy) -> Plan {
    plan_with(snapshot, facts, policy, &InTurn)
}

/// [`plan`], with the caller's way to look at many objects.
pub fn plan_with(
    snapshot: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    each: &impl Each,
) -> Plan {
    plan_pass(snapshot, facts, policy, each).0
}

/// [`plan_with`], and what the cluster's status depends on besides: for whoever carries the plan
/// out and says afterwards what became of it ([`StatusBasis::after`]).
pub fn plan_pass(
    snapshot: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    each: &impl Each,
) -> (Plan, StatusBasis) {
    with_shared(snapshot, facts, policy, |objects, shared, warnings| {
        plan_shared(objects, shared, warnings, each)
    })
}

/// Looks up what holds for all targets, and hands it on with what was assumed.
fn with_shared<R>(
    snapshot: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    run: impl FnOnce(&Objects<'_, '_>, &SharedInputs<'_>, Vec<String>) -> R,
) -> R {
    let objects = Objects::of(snapshot);
    let mut context = Context::new(snapshot, &objects, policy);
    let mut warnings = std::mem::take(&mut context.warnings);
    let streams = Streams::parse(context.stream.as_ref(), &snapshot.streams, &mut warnings);
    let known_amis = streams.known_amis();
    let user_data = UserDataSecrets::of(&objects, policy.ignition_version);
    let shared = SharedInputs {
        context: &context,
        stream: streams.default_stream(),
        known_amis: &known_amis,
        user_data: &user_data,
        facts: facts.of_cluster(context.aws_region.as_deref()),
    };
    run(&objects, &shared, warnings)
}

fn plan_shared(
    objects: &Objects<'_, '_>,
    shared: &SharedInputs<'_>,
    mut warnings: Vec<String>,
    each: &impl Each,
) -> (Plan, StatusBasis) {
    let context = shared.context;
    let Planned {
        targets,
        mut inputs,
        extras,
    } = plan_all(objects, shared, each);
    warnings.extend(unknown_secrets(&targets));
    let boots = |target: &Target, id: &str| target.current.as_deref() == Some(id);
    let is_booted = |id: &str| targets.iter().any(|target| boots(target, id));
    warnings.extend(listed_products(shared.facts, is_booted));
    let blocking_secrets: Vec<String> = extras
        .iter()
        .filter_map(|extra| extra.blocking_secret.clone())
        .collect();
    let mut read = context.read.clone();
    read.extend(secrets_of(&targets, &blocking_secrets, shared.user_data));
    inputs.reserve_exact(read.len());
    let mut digester = Digester::default();
    for object in read {
        let meta = object.meta();
        inputs.push(input(object, meta.as_ref().ok(), digester.digest(object)));
    }
    let mut needs = BTreeSet::new();
    let (mut errors, mut rhcos_versions) = (Vec::new(), Vec::new());
    let mut unused = Vec::new();
    for extra in extras {
        needs.extend(extra.needs);
        warnings.extend(extra.warnings);
        errors.extend(extra.error);
        rhcos_versions.extend(extra.rhcos_version);
        unused.extend(extra.unused_secret);
    }
    warnings.extend(unused_secrets(&unused));
    let secrets = secret_names(&targets, &blocking_secrets);
    let basis = status_basis(context, errors, rhcos_versions, secrets);
    let forecast = forecast(context, &basis, &targets);
    warnings.extend(forecast.warnings);
    sort(&mut inputs);
    let plan = Plan {
        api_version: API_VERSION.to_owned(),
        kind: PLAN_KIND.to_owned(),
        metadata: PlanMetadata {
            profile: context.profile.name().to_owned(),
            release: context.release().map(str::to_owned),
            generated_from: match context.completeness {
                Completeness::Complete => GeneratedFrom::Cluster,
                Completeness::Partial => GeneratedFrom::Files,
            },
            inputs,
        },
        managed_boot_images: ConfigurationInForce {
            source: Source::from(context.configuration.source),
            machine_managers: context.configuration.managed.machine_managers.clone(),
        },
        present: present(context, objects),
        deferred: forecast.deferred,
        targets,
        needs: needs.into_iter().collect(),
        status: forecast.status,
        skew: forecast.skew,
        warnings,
    };
    (plan, basis)
}

/// What is planned for all machine resources, in their order.
struct Planned {
    targets: Vec<Target>,
    inputs: Vec<InputObject>,
    /// Of those that have any.
    extras: Vec<Extra>,
}

/// What a decision adds to the plan besides its target.
#[derive(Default)]
struct Extra {
    needs: Vec<FactRequest>,
    warnings: Vec<String>,
    error: Option<TargetError>,
    /// Of a MachineSet (BI-098).
    rhcos_version: Option<String>,
    /// The user-data Secret that a blocked target was decided by; that of an update stands there.
    blocking_secret: Option<String>,
    unused_secret: Option<UnusedSecret>,
}

/// Decides on every object. The results have their places before the work starts, so that they
/// never exist twice.
fn plan_all(objects: &Objects<'_, '_>, shared: &SharedInputs<'_>, each: &impl Each) -> Planned {
    let resources: Vec<&RawObject<'_>> = objects.machine_resources().collect();
    let mut targets: Vec<Option<Target>> = Vec::new();
    let mut inputs: Vec<Option<InputObject>> = Vec::new();
    targets.resize_with(resources.len(), || None);
    inputs.resize_with(resources.len(), || None);
    let places = targets
        .chunks_mut(OBJECTS_PER_ITEM)
        .zip(inputs.chunks_mut(OBJECTS_PER_ITEM));
    let mut items: Vec<_> = resources
        .chunks(OBJECTS_PER_ITEM)
        .zip(places)
        .map(|(objects, (targets, inputs))| Item {
            objects,
            targets,
            inputs,
            extras: Vec::new(),
        })
        .collect();
    each.each(&mut items, |item| item.plan(shared));
    let extras = items.into_iter().flat_map(|item| item.extras).collect();
    Planned {
        targets: unwrap_all(targets),
        inputs: unwrap_all(inputs),
        extras,
    }
}

/// Some objects, and the places of their results.
struct Item<'i, 'a> {
    objects: &'i [&'i RawObject<'a>],
    targets: &'i mut [Option<Target>],
    inputs: &'i mut [Option<InputObject>],
    extras: Vec<Extra>,
}

impl Item<'_, '_> {
    fn plan(&mut self, shared: &SharedInputs<'_>) {
        let mut digester = Digester::default();
        let places = self.targets.iter_mut().zip(self.inputs.iter_mut());
        for (object, (target, place)) in self.objects.iter().zip(places) {
            let resource = MachineResource::read(object);
            let meta = resource.as_ref().ok().map(|resource| &resource.meta);
            *place = Some(input(object, meta, digester.digest(object)));
            let decided = decide(shared, object, resource.as_ref(), &mut NoTrace);
            let error = decided.obstacle.as_ref();
            let error = error.map(|obstacle| TargetError::of(&decided.target, obstacle));
            let is_set = decided.target.kind == Kind::MachineSet;
            let is_blocked = decided.target.decision == DecisionKind::Blocked;
            let extra = Extra {
                needs: decided.needs,
                warnings: decided.warnings,
                error,
                rhcos_version: decided.rhcos_version.filter(|_| is_set),
                blocking_secret: decided.secret.filter(|_| is_blocked),
                unused_secret: decided.unused_secret,
            };
            *target = Some(decided.target);
            if !extra.is_empty() {
                self.extras.push(extra);
            }
        }
    }
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Self {
            needs,
            warnings,
            error,
            rhcos_version,
            blocking_secret,
            unused_secret,
        } = self;
        needs.is_empty()
            && warnings.is_empty()
            && error.is_none()
            && rhcos_version.is_none()
            && blocking_secret.is_none()
            && unused_secret.is_none()
    }
}

/// What stands in the places, which are all filled. (`map_while` collects in place where `flatten`
/// would copy.)
fn unwrap_all<T>(places: Vec<Option<T>>) -> Vec<T> {
    places.into_iter().map_while(|place| place).collect()
}

/// The names of the user-data Secrets that targets were decided by, be they there or not.
fn secret_names(targets: &[Target], blocking: &[String]) -> BTreeSet<String> {
    let of_updates = targets
        .iter()
        .filter_map(|target| target.user_data.as_ref());
    let of_updates = of_updates.map(|data| data.secret.clone());
    of_updates.chain(blocking.iter().cloned()).collect()
}

/// Those of them that are there.
fn secrets_of<'s, 'a>(
    targets: &[Target],
    blocking: &[String],
    user_data: &UserDataSecrets<'s, 'a>,
) -> impl Iterator<Item = &'s RawObject<'a>> {
    let objects: Vec<_> = secret_names(targets, blocking)
        .iter()
        .filter_map(|name| user_data.object(name))
        .collect();
    objects.into_iter()
}

impl From<bootimage_selection::ConfigurationSource> for Source {
    fn from(source: bootimage_selection::ConfigurationSource) -> Self {
        use bootimage_selection::ConfigurationSource;
        match source {
            ConfigurationSource::Spec => Self::Spec,
            ConfigurationSource::Status => Self::Status,
            ConfigurationSource::Computed => Self::Computed,
            ConfigurationSource::File => Self::File,
        }
    }
}

fn input(object: &RawObject<'_>, meta: Option<&ObjectMeta<'_>>, digest: Digest) -> InputObject {
    let text = |text: Option<&Text<'_>>| text.map(|text| text.as_str().to_owned());
    InputObject {
        kind: object.kind.into(),
        namespace: well_known(&object.namespace),
        name: object.name.as_str().to_owned(),
        uid: text(meta.and_then(|meta| meta.uid.as_ref())),
        resource_version: text(meta.and_then(|meta| meta.resource_version.as_ref())),
        digest,
    }
}

/// Why a plan decides on one object as it does: every rule that was looked at, in order, with what
/// it looked at, those that let the object pass too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The decision, as it stands in the plan.
    pub target: Target,
    /// Where it is blocked: the obstacle.
    #[serde(skip)]
    pub obstacle: Option<Obstacle>,
    /// BI-096: where it boots, or is to boot, an image of a marketplace: the CoreOS version of that.
    pub rhcos_version: Option<String>,
    /// Where it is undecided: what has to be known.
    pub needs: Vec<FactRequest>,
    /// The rules.
    pub steps: Vec<Step>,
    /// What was assumed about the whole cluster.
    pub warnings: Vec<String>,
}

/// Explains the decision on one object; `None` where the snapshot has no such MachineSet or
/// ControlPlaneMachineSet. An empty namespace in `reference` matches any.
pub fn explain(
    snapshot: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    reference: &ObjectRef,
) -> Option<Explanation> {
    with_shared(snapshot, facts, policy, |objects, shared, warnings| {
        explain_shared(objects, shared, warnings, reference)
    })
}

fn explain_shared(
    objects: &Objects<'_, '_>,
    shared: &SharedInputs<'_>,
    mut warnings: Vec<String>,
    reference: &ObjectRef,
) -> Option<Explanation> {
    let object = objects.machine_resources().find(|object| {
        object.kind.name() == reference.kind
            && object.name.as_str() == reference.name
            && (reference.namespace.is_empty() || object.namespace.as_str() == reference.namespace)
    })?;
    let mut steps = Vec::new();
    let resource = MachineResource::read(object);
    let decided = decide(shared, object, resource.as_ref(), &mut steps);
    warnings.extend(decided.warnings);
    warnings.extend(unused_secrets(decided.unused_secret.as_slice()));
    let booted = LazyCell::new(|| -> BTreeSet<String> {
        objects.machine_resources().filter_map(aws_image).collect()
    });
    warnings.extend(listed_products(shared.facts, |id| booted.contains(id)));
    Some(Explanation {
        target: decided.target,
        obstacle: decided.obstacle,
        rhcos_version: decided.rhcos_version,
        needs: decided.needs,
        steps,
        warnings,
    })
}
