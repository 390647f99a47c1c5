//! The plan of a cluster, and the explanation of one decision.

use openshift_model::{
    MachineResource, NoTrace, ObjectMeta, ObjectRef, RawObject, Step, Stream, Text,
};
use serde::Serialize;

use crate::context::{Context, Objects};
use crate::decide::{Decided, decide};
use crate::digest::{Digest, Digester};
use crate::document::{API_VERSION, PLAN_KIND};
use crate::stream_text;
use crate::{
    ClusterSnapshot, Completeness, ConfigurationInForce, Facts, GeneratedFrom, InputObject,
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
    // No platform that is planned so far asks for a fact.
    let Facts {} = facts;
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    let stream = stream_text::parse(context.stream.as_ref());
    let stream = stream.as_ref();
    let (targets, mut inputs) = plan_all(&objects, &context, stream, each);
    inputs.reserve_exact(context.read.len());
    let mut digester = Digester::default();
    for object in &context.read {
        inputs.push(input(
            object,
            object.meta().ok().as_ref(),
            digester.digest(object),
        ));
    }
    inputs.sort_by(|a, b| {
        let key = |input: &InputObject| input.kind.name();
        let names = || {
            a.namespace
                .cmp(&b.namespace)
                .then_with(|| a.name.cmp(&b.name))
        };
        key(a).cmp(key(b)).then_with(names)
    });
    Plan {
        api_version: API_VERSION.to_owned(),
        kind: PLAN_KIND.to_owned(),
        metadata: PlanMetadata {
            profile: context.profile.name().to_owned(),
            generated_from: match snapshot.completeness {
                Completeness::Complete => GeneratedFrom::Cluster,
                Completeness::Partial => GeneratedFrom::Files,
            },
            inputs,
        },
        managed_boot_images: ConfigurationInForce {
            source: Source::from(context.configuration.source),
            machine_managers: context.configuration.managed.machine_managers,
        },
        deferred: None,
        targets,
        needs: Vec::new(),
        status: None,
        skew: None,
        warnings: context.warnings,
    }
}

/// Decides on every object. The results have their places before the work starts, so that they
/// never exist twice.
fn plan_all(
    objects: &Objects<'_, '_>,
    context: &Context<'_, '_>,
    stream: Result<&Stream<'_>, &Obstacle>,
    each: &impl Each,
) -> (Vec<Target>, Vec<InputObject>) {
    let resources: Vec<&RawObject<'_>> = objects.machine_resources().collect();
    let mut targets: Vec<Option<Target>> = Vec::new();
    let mut inputs: Vec<Option<InputObject>> = Vec::new();
    targets.resize_with(resources.len(), || None);
    inputs.resize_with(resources.len(), || None);
    let places = targets
        .chunks_mut(OBJECTS_PER_ITEM)
        .zip(inputs.chunks_mut(OBJECTS_PER_ITEM));
    let mut items: Vec<_> = resources.chunks(OBJECTS_PER_ITEM).zip(places).collect();
    each.each(&mut items, |(objects, (targets, inputs))| {
        let mut digester = Digester::default();
        let places = targets.iter_mut().zip(inputs.iter_mut());
        for (object, (target, input)) in objects.iter().zip(places) {
            let planned = plan_one(context, stream, object, &mut digester);
            (*target, *input) = (Some(planned.0), Some(planned.1));
        }
    });
    (unwrap_all(targets), unwrap_all(inputs))
}

/// What stands in the places, which are all filled. (`map_while` collects in place where `flatten`
/// would copy.)
fn unwrap_all<T>(places: Vec<Option<T>>) -> Vec<T> {
    places.into_iter().map_while(|place| place).collect()
}

fn plan_one(
    context: &Context<'_, '_>,
    stream: Result<&Stream<'_>, &Obstacle>,
    object: &RawObject<'_>,
    digester: &mut Digester,
) -> (Target, InputObject) {
    let resource = MachineResource::read(object);
    let meta = resource.as_ref().ok().map(|resource| &resource.meta);
    let input = input(object, meta, digester.digest(object));
    (
        decide(context, stream, object, resource.as_ref(), &mut NoTrace).target,
        input,
    )
}

impl From<bootimage_selection::ConfigurationSource> for Source {
    fn from(source: bootimage_selection::ConfigurationSource) -> Self {
        use bootimage_selection::ConfigurationSource;
        match source {
            ConfigurationSource::Spec => Self::Spec,
            ConfigurationSource::Status => Self::Status,
            ConfigurationSource::Computed => Self::Computed,
        }
    }
}

fn input(object: &RawObject<'_>, meta: Option<&ObjectMeta<'_>>, digest: Digest) -> InputObject {
    let text = |text: Option<&Text<'_>>| text.map(|text| text.as_str().to_owned());
    InputObject {
        kind: object.kind,
        namespace: object.namespace.as_str().to_owned(),
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
    let Facts {} = facts;
    let objects = Objects::of(snapshot);
    let object = objects.machine_resources().find(|object| {
        object.kind.name() == reference.kind
            && object.name.as_str() == reference.name
            && (reference.namespace.is_empty() || object.namespace.as_str() == reference.namespace)
    })?;
    let context = Context::new(snapshot, &objects, policy);
    let stream = stream_text::parse(context.stream.as_ref());
    let mut steps = Vec::new();
    let resource = MachineResource::read(object);
    let Decided { target, obstacle } = decide(
        &context,
        stream.as_ref(),
        object,
        resource.as_ref(),
        &mut steps,
    );
    Some(Explanation {
        target,
        obstacle,
        steps,
        warnings: context.warnings,
    })
}
