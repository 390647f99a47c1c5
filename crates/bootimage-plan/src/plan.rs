//! The plan of a cluster, and the explanation of one decision.

use openshift_model::{NoTrace, ObjectRef, RawObject, Step};
use serde::Serialize;

use crate::context::{Context, Objects};
use crate::decide::decide;
use crate::digest::Digester;
use crate::document::{API_VERSION, PLAN_KIND};
use crate::stream_text;
use crate::{
    ClusterSnapshot, Completeness, ConfigurationInForce, Facts, GeneratedFrom, InputObject, Plan,
    PlanMetadata, Policy, Source, Target,
};

/// Plans the boot images of a cluster: what each MachineSet and ControlPlaneMachineSet boots, what
/// it should boot, what would be changed and why.
///
/// Total and deterministic: the same snapshot in any order gives the same plan, and an object that
/// is broken becomes a decision of its own.
///
/// Upstream, this is the boot image controller's pass over all machine resources (BI-142, BI-150).
pub fn plan(snapshot: &ClusterSnapshot<'_>, facts: &Facts, policy: &Policy) -> Plan {
    // No platform that is planned so far asks for a fact.
    let Facts {} = facts;
    let objects = Objects::of(snapshot);
    let context = Context::new(snapshot, &objects, policy);
    let stream = stream_text::parse(context.stream.as_ref());
    let stream = stream.as_ref();
    let mut digester = Digester::default();
    let mut targets = Vec::new();
    let mut inputs = Vec::new();
    for object in objects.machine_resources() {
        targets.push(decide(&context, stream, object, &mut NoTrace));
        inputs.push(input(object, &mut digester));
    }
    inputs.extend(
        context
            .read
            .iter()
            .map(|object| input(object, &mut digester)),
    );
    inputs.sort_by(|a, b| {
        let key = |input: &'_ InputObject| {
            (
                input.kind.name(),
                input.namespace.clone(),
                input.name.clone(),
            )
        };
        key(a).cmp(&key(b))
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

fn input(object: &RawObject<'_>, digester: &mut Digester) -> InputObject {
    let meta = object.meta().unwrap_or_default();
    InputObject {
        kind: object.kind,
        namespace: object.namespace.as_str().to_owned(),
        name: object.name.as_str().to_owned(),
        uid: meta.uid.map(openshift_model::Text::into_string),
        resource_version: meta
            .resource_version
            .map(openshift_model::Text::into_string),
        digest: digester.digest(object),
    }
}

/// Why a plan decides on one object as it does: every rule that was looked at, in order, with what
/// it looked at, those that let the object pass too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The decision, as it stands in the plan.
    pub target: Target,
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
    let target = decide(&context, stream.as_ref(), object, &mut steps);
    Some(Explanation {
        target,
        steps,
        warnings: context.warnings,
    })
}
