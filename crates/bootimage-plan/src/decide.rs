//! The order of the rules for one machine resource (BI-150 … BI-161, BI-165 … BI-169).

use bootimage_selection::aws::KnownAmis;
use bootimage_selection::{
    ArchitectureError, Enrolment, Skip, Stopped, guard, machine_set_architecture,
};
use openshift_model::facts::ClusterFacts;
use openshift_model::{
    Architecture, Kind, MachineResource, ObjectMeta, Platform, RawObject, ReadError, Step, Stream,
    StringMap, Trace,
};

use crate::context::{Context, PlatformSource};
use crate::gates::ShutGate;
use crate::outcome::{Decided, Findings, NotManaged, Outcome, decided};
use crate::platforms::PlatformRules;
use crate::user_data::UserDataSecrets;
use crate::{Completeness, Obstacle};

/// What holds for every machine resource of a plan.
pub(crate) struct SharedInputs<'w> {
    pub(crate) context: &'w Context<'w, 'w>,
    /// The default stream document.
    pub(crate) stream: Result<&'w Stream<'w>, &'w Obstacle>,
    /// The images of AWS that stream documents name.
    pub(crate) known_amis: &'w KnownAmis<'w>,
    /// The stubs that machines boot with.
    pub(crate) user_data: &'w UserDataSecrets<'w, 'w>,
    /// The facts about the cloud that are known.
    pub(crate) facts: ClusterFacts<'w>,
}

const READABLE: &str = "Can the object be read?";
/// What a step names that looks at more than one member: the place, not a value.
pub(crate) const WHERE: &str = "where";

const ENROLLED: &str = "Does the configuration enrol it?";
const CONCLUSION: &str = "What becomes of it?";
const SUPPORTED: &str = "Are boot images managed on its platform?";
const ARCHITECTURE: &str = "Which architecture do its machines have?";

/// Decides on one object: the rules in their order, from enrolment to the edit.
pub(crate) fn decide<T: Trace>(
    shared: &SharedInputs<'_>,
    object: &RawObject<'_>,
    resource: Result<&MachineResource<'_>, &ReadError>,
    trace: &mut T,
) -> Decided {
    let mut findings = Findings::default();
    let outcome = match apply_rules(shared, object, resource, &mut findings, trace) {
        Ok(outcome) | Err(outcome) => outcome,
    };
    conclude(&outcome, trace);
    decided(shared.context, object, resource.ok(), findings, outcome)
}

/// The last step where no rule stopped the object: what all of them together lead to.
fn conclude<T: Trace>(outcome: &Outcome, trace: &mut T) {
    let (rule, found) = match outcome {
        Outcome::UpToDate => ("BI-161", "nothing: it boots what it should"),
        Outcome::Update(update) if update.changes_image => ("BI-346", "its boot image is replaced"),
        Outcome::Update(_) => ("BI-244", "its user-data Secret is replaced"),
        // The rule that decided has said so.
        Outcome::Skip(_) | Outcome::Blocked(_) | Outcome::NotManaged(_) | Outcome::Undecided(_) => {
            return;
        }
    };
    trace.step(|| Step::decided(rule, CONCLUSION, found));
}

/// The rules in their order; the error side is the outcome of a rule that decided early.
fn apply_rules<T: Trace>(
    shared: &SharedInputs<'_>,
    object: &RawObject<'_>,
    resource: Result<&MachineResource<'_>, &ReadError>,
    findings: &mut Findings,
    trace: &mut T,
) -> Result<Outcome, Outcome> {
    let context = shared.context;
    findings.platform = resource
        .ok()
        .and_then(|resource| platform(context, resource));
    match resource {
        Ok(resource) => enrolled(context, object.kind, Ok(&resource.meta), trace)?,
        // What is not enrolled may be as it is.
        Err(_) => enrolled(context, object.kind, object.meta().as_ref(), trace)?,
    }
    let resource = resource.map_err(|error| {
        trace.step(|| Step::decided("BI-007", READABLE, error.to_string()));
        Outcome::Blocked(Obstacle::Object(error.clone()))
    })?;
    trace.step(|| Step::passed("BI-007", READABLE, "it can"));
    guard(resource, context.profile, trace).map_err(|stopped| match stopped {
        Stopped::Skip(skip) => Outcome::Skip(skip),
        Stopped::Error(error) => Outcome::Blocked(Obstacle::Guard(error)),
    })?;
    let architecture = architecture(context, resource, trace)?;
    findings.architecture = Some(architecture.clone());
    let platform = supported_platform(context, resource, findings.platform.as_ref(), trace)?;
    PlatformRules {
        shared,
        resource,
        architecture: &architecture,
        findings,
        trace,
    }
    .run(&platform)
}

/// BI-080, BI-150, BI-165: does the configuration enrol the object?
fn enrolled<T: Trace>(
    context: &Context<'_, '_>,
    kind: Kind,
    meta: Result<&ObjectMeta<'_>, &ReadError>,
    trace: &mut T,
) -> Result<(), Outcome> {
    let source = context.source_in_words();
    let blocked = |obstacle: Obstacle, trace: &mut T| {
        trace.step(|| {
            Step::decided("BI-160", ENROLLED, obstacle.to_string()).saw(WHERE, Some(source))
        });
        Err(Outcome::Blocked(obstacle))
    };
    if let Some(error) = &context.configuration_error {
        return blocked(Obstacle::Configuration(error.clone()), trace);
    }
    let enrolment = context.enrolment(kind);
    let is_named = enrolment.as_ref().is_ok_and(Enrolment::has_manager);
    if let Some((rule, why)) = not_managed(context, kind, is_named) {
        trace.step(|| {
            let platform = context.cluster.platform.as_ref().map(Platform::name);
            Step::decided(rule, ENROLLED, why.sentence())
                .saw(WHERE, Some(source))
                .saw("platform", platform)
        });
        return Err(Outcome::NotManaged(why));
    }
    if let Some(problem) = &context.refused {
        return blocked(Obstacle::Refused(problem.clone()), trace);
    }
    let enrolment = match enrolment {
        Ok(enrolment) => enrolment,
        Err(error) => return blocked(Obstacle::Enrolment(error.clone()), trace),
    };
    let meta = match meta {
        Ok(meta) => meta,
        Err(error) => return blocked(Obstacle::Object(error.clone()), trace),
    };
    let says = || enrolment.describe();
    let no_labels = StringMap::default();
    let labels = meta.labels.as_ref().unwrap_or(&no_labels);
    if enrolment.includes(labels) {
        trace.step(|| Step::passed("BI-080", ENROLLED, says()).saw(WHERE, Some(source)));
        return Ok(());
    }
    trace.step(|| {
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        Step::decided("BI-080", ENROLLED, says())
            .saw(WHERE, Some(source))
            .saw(
                "/metadata/labels",
                Some(&*labels).filter(|labels| !labels.is_empty()),
            )
    });
    Err(Outcome::NotManaged(NotManaged::NotSelected(says())))
}

/// Why nothing of a kind is managed whatever the configuration says, or why it does not name the
/// kind. `None` where the configuration alone decides.
fn not_managed(
    context: &Context<'_, '_>,
    kind: Kind,
    named: bool,
) -> Option<(&'static str, NotManaged)> {
    let gate = |gate: &ShutGate| NotManaged::Gate(gate.clone());
    if let Some(shut) = &context.shut_platform {
        return Some(("BI-060", gate(shut)));
    }
    let platform = match &context.cluster.platform {
        Some(_) if context.infrastructure_is_azure_stack => "Azure Stack Hub",
        Some(platform) => platform.name(),
        // A set tells its platform itself (BI-158), later.
        None => return None,
    };
    let release = context.profile;
    // What is named all the same is skipped as on any unsupported platform (BI-159, BI-168).
    if !context.capability.machine_sets {
        let platform = platform.to_owned();
        return (!named).then_some(("BI-063", NotManaged::Platform { platform, release }));
    }
    if kind != Kind::ControlPlaneMachineSet {
        return None;
    }
    if !context.capability.control_plane_machine_sets {
        let platform = platform.to_owned();
        return (!named).then_some(("BI-168", NotManaged::ControlPlane { platform, release }));
    }
    Some(("BI-075", gate(context.shut_control_plane.as_ref()?)))
}

/// BI-158: what the cluster runs on; in a snapshot without Infrastructure, what the provider spec
/// is for.
fn platform(context: &Context<'_, '_>, resource: &MachineResource<'_>) -> Option<Platform> {
    match &context.platform {
        PlatformSource::Infrastructure(platform) => platform.clone(),
        PlatformSource::Target if context.completeness == Completeness::Complete => None,
        PlatformSource::Target => {
            let kind = providerspec_rewrite::kind(resource.provider_spec?)?;
            Platform::from_provider_spec_kind(&kind)
        }
    }
}

/// BI-157, BI-167, BI-200: the architecture of the machines.
fn architecture<T: Trace>(
    context: &Context<'_, '_>,
    resource: &MachineResource<'_>,
    trace: &mut T,
) -> Result<Architecture, Outcome> {
    let control_plane = &context.control_plane_architecture;
    if resource.kind == Kind::ControlPlaneMachineSet {
        trace.step(|| {
            Step::passed(
                "BI-167",
                ARCHITECTURE,
                format!("{control_plane}, as the control plane"),
            )
        });
        return Ok(control_plane.clone());
    }
    let annotation = resource
        .meta
        .annotation(openshift_model::names::AUTOSCALER_LABELS_ANNOTATION);
    let saw = |step: Step| {
        let cluster = context.cluster_version.as_ref().map(|version| {
            if version.is_multi_architecture() {
                "Multi"
            } else {
                "one architecture"
            }
        });
        step.saw(
            "/metadata/annotations/capacity.cluster-autoscaler.kubernetes.io~1labels",
            annotation,
        )
        .saw("ClusterVersion /status/desired/architecture", cluster)
        .saw("control plane", Some(control_plane.rpm_name()))
    };
    // Files may lack ClusterVersion; clusters of several architectures are the rare case.
    let assumed = openshift_model::ClusterVersion::default();
    let version = match (&context.cluster_version, context.completeness) {
        (Some(version), _) => Some(version),
        (None, Completeness::Partial) => Some(&assumed),
        (None, Completeness::Complete) => None,
    };
    match machine_set_architecture(&resource.name, &resource.meta, version, control_plane) {
        Ok(architecture) => {
            trace.step(|| {
                saw(Step::passed(
                    "BI-200",
                    ARCHITECTURE,
                    architecture.rpm_name(),
                ))
            });
            Ok(architecture)
        }
        Err(error) => {
            trace.step(|| saw(Step::decided("BI-157", ARCHITECTURE, error.to_string())));
            Err(match error {
                ArchitectureError::NoAnnotation { .. } => Outcome::Skip(Skip::ArchitectureUnknown),
                other => Outcome::Blocked(Obstacle::Architecture(other)),
            })
        }
    }
}

/// BI-062, BI-159, BI-168: is the platform one on which this kind is managed?
fn supported_platform<T: Trace>(
    context: &Context<'_, '_>,
    resource: &MachineResource<'_>,
    platform: Option<&Platform>,
    trace: &mut T,
) -> Result<Platform, Outcome> {
    let (rule, supported) = match resource.kind {
        Kind::ControlPlaneMachineSet => ("BI-168", context.capability.control_plane_machine_sets),
        _ => ("BI-159", context.capability.machine_sets),
    };
    let name = platform.map_or("", Platform::name);
    let saw = |step: Step| step.saw("platform", platform.map(Platform::name));
    if platform.is_none() && matches!(context.platform, PlatformSource::Target) {
        trace.step(|| saw(Step::decided(rule, SUPPORTED, "nothing tells the platform")));
        return Err(Outcome::Blocked(Obstacle::PlatformUnknown));
    }
    match platform {
        Some(platform) if supported => {
            trace.step(|| saw(Step::passed(rule, SUPPORTED, "they are")));
            Ok(platform.clone())
        }
        _ => {
            trace.step(|| saw(Step::decided(rule, SUPPORTED, "they are not")));
            let name = if context.infrastructure_is_azure_stack {
                "Azure Stack Hub"
            } else {
                name
            };
            Err(Outcome::Skip(Skip::UnsupportedPlatform {
                platform: name.to_owned(),
            }))
        }
    }
}
