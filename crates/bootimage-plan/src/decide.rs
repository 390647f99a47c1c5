//! The order of the rules for one machine resource (BI-150 … BI-161, BI-165 … BI-169).

use std::borrow::Cow;

use bootimage_selection::{
    ArchitectureError, Selection, Skip, Stopped, gcp as select_gcp, guard, machine_set_architecture,
};
use openshift_model::{
    Architecture, Edit, Kind, MachineResource, ObjectMeta, Platform, RawObject, ReadError, Step,
    Stream, StringMap, Trace, provider_spec_pointer,
};
use providerspec_rewrite::gcp as rewrite_gcp;

use crate::context::Context;
use crate::reason::skip_code;
use crate::{DecisionKind, Obstacle, ReasonCode, Target};

/// What becomes of a machine resource, and why.
pub(crate) enum Outcome {
    /// It boots what it should.
    UpToDate,
    /// It is edited.
    Update { edit: Edit },
    /// It is left alone.
    Skip(Skip),
    /// Something is wrong.
    Blocked(Obstacle),
    /// It is not enrolled; the sentence says why.
    NotManaged(String),
}

/// What was found out on the way to an outcome.
#[derive(Default)]
pub(crate) struct Findings {
    platform: Option<Platform>,
    architecture: Option<Architecture>,
    current: Option<String>,
    target: Option<String>,
}

/// A decision as the plan writes it, and what only the plan's status needs of it.
pub(crate) struct Decided {
    pub(crate) target: Target,
    /// Where it is blocked.
    pub(crate) obstacle: Option<Obstacle>,
}

const READABLE: &str = "Can the object be read?";
const ENROLLED: &str = "Does the configuration enrol it?";
const SUPPORTED: &str = "Are boot images managed on its platform?";
const ARCHITECTURE: &str = "Which architecture do its machines have?";
const SPEC: &str = "Can its provider spec be read?";
const STREAM: &str = "Is there a stream document?";

/// Decides on one object: the rules in their order, from enrolment to the edit.
pub(crate) fn decide<T: Trace>(
    context: &Context<'_, '_>,
    stream: Result<&Stream<'_>, &Obstacle>,
    object: &RawObject<'_>,
    resource: Result<&MachineResource<'_>, &ReadError>,
    trace: &mut T,
) -> Decided {
    let mut findings = Findings::default();
    let outcome = match walk(context, stream, object, resource, &mut findings, trace) {
        Ok(outcome) | Err(outcome) => outcome,
    };
    decided(object, findings, outcome)
}

/// The walk; the error side is an outcome that ended it early.
fn walk<T: Trace>(
    context: &Context<'_, '_>,
    stream: Result<&Stream<'_>, &Obstacle>,
    object: &RawObject<'_>,
    resource: Result<&MachineResource<'_>, &ReadError>,
    findings: &mut Findings,
    trace: &mut T,
) -> Result<Outcome, Outcome> {
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
    findings.platform = platform(context, resource);
    guard(resource, context.profile, trace).map_err(|stopped| match stopped {
        Stopped::Skip(skip) => Outcome::Skip(skip),
        Stopped::Error(error) => Outcome::Blocked(Obstacle::Guard(error)),
    })?;
    let architecture = architecture(context, resource, trace)?;
    findings.architecture = Some(architecture.clone());
    let platform = supported_platform(context, resource, findings.platform.as_ref(), trace)?;
    match platform {
        Platform::Gcp => gcp(context, stream, resource, &architecture, findings, trace),
        other => Err(Outcome::Blocked(Obstacle::PlatformNotThere(
            other.name().to_owned(),
        ))),
    }
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
        trace.step(|| Step::decided("BI-160", ENROLLED, obstacle.to_string()).saw(source, None));
        Err(Outcome::Blocked(obstacle))
    };
    if let Some(error) = &context.configuration_error {
        return blocked(Obstacle::Configuration(error.clone()), trace);
    }
    let enrolment = match context.enrolment(kind) {
        Ok(enrolment) => enrolment,
        Err(error) => return blocked(Obstacle::Enrolment(error.clone()), trace),
    };
    let meta = match meta {
        Ok(meta) => meta,
        Err(error) => return blocked(Obstacle::Object(error.clone()), trace),
    };
    if kind == Kind::ControlPlaneMachineSet && !context.cpms_gate && enrolment.has_manager() {
        let why = "the feature gate ManagedBootImagesCPMS is shut";
        trace.step(|| Step::decided("BI-075", ENROLLED, why).saw("FeatureGate cluster", None));
        return Err(Outcome::NotManaged(why.to_owned()));
    }
    let says = || enrolment.describe();
    if enrolment.includes(meta.labels.as_ref().unwrap_or(&StringMap::default())) {
        trace.step(|| Step::passed("BI-080", ENROLLED, says()).saw(source, None));
        return Ok(());
    }
    trace.step(|| Step::decided("BI-080", ENROLLED, says()).saw(source, None));
    Err(Outcome::NotManaged(says()))
}

/// BI-158: what the cluster runs on; in a snapshot without Infrastructure, what the provider spec
/// is for.
fn platform(context: &Context<'_, '_>, resource: &MachineResource<'_>) -> Option<Platform> {
    match &context.platform {
        Some(platform) => platform.clone(),
        None if context.completeness == crate::Completeness::Complete => None,
        None => {
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
        (None, crate::Completeness::Partial) => Some(&assumed),
        (None, crate::Completeness::Complete) => None,
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
    if platform.is_none() && context.platform.is_none() {
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

/// The walk of a platform: read the provider spec, select, write (BI-242: the provider spec is
/// read before the stream, both before the platform's rules).
fn gcp<T: Trace>(
    context: &Context<'_, '_>,
    stream: Result<&Stream<'_>, &Obstacle>,
    resource: &MachineResource<'_>,
    architecture: &Architecture,
    findings: &mut Findings,
    trace: &mut T,
) -> Result<Outcome, Outcome> {
    let pointer = resource.provider_spec_pointer();
    let spec = rewrite_gcp::read(resource.provider_spec).map_err(|error| {
        trace.step(|| Step::decided("BI-241", SPEC, error.to_string()).saw(pointer, None));
        Outcome::Blocked(Obstacle::ProviderSpec(error))
    })?;
    trace.step(|| Step::passed("BI-241", SPEC, "it can").saw(pointer, None));
    findings.current = join_images(spec.disks.0.iter().map(|disk| disk.image.as_str()));
    let stream = readable_stream(stream, trace)?;
    let options = select_gcp::GcpOptions {
        fedora_coreos_is_known: context.policy.fedora_coreos_is_known,
    };
    let selection = select_gcp::select(&spec.disks, stream, architecture, options, trace)
        .map_err(|error| Outcome::Blocked(Obstacle::Stream(error)))?;
    // It was found a moment ago; `select` does not repeat it where nothing changes.
    findings.target = stream
        .gcp_image(architecture)
        .ok()
        .map(|(project, name)| select_gcp::image_path(project, name));
    match selection {
        Selection::UpToDate => Ok(Outcome::UpToDate),
        Selection::Skip(skip) => Err(Outcome::Skip(skip)),
        Selection::Update(image) => {
            rewrite_gcp::write(&spec.disks, &image, provider_spec_pointer(resource.kind))
                .map(|edit| Outcome::Update { edit })
                .map_err(|error| Outcome::Blocked(Obstacle::Edit(error)))
        }
    }
}

fn readable_stream<'t, 's, T: Trace>(
    stream: Result<&'t Stream<'s>, &Obstacle>,
    trace: &mut T,
) -> Result<&'t Stream<'s>, Outcome> {
    let saw = |step: Step| step.saw("ConfigMap coreos-bootimages, or --stream", None);
    match stream {
        Ok(stream) => {
            trace.step(|| saw(Step::passed("BI-032", STREAM, stream.name().to_owned())));
            Ok(stream)
        }
        Err(obstacle) => {
            trace.step(|| saw(Step::decided("BI-032", STREAM, obstacle.to_string())));
            Err(Outcome::Blocked(obstacle.clone()))
        }
    }
}

/// The images that differ, in their order; `None` where there is none.
fn join_images<'i>(images: impl Iterator<Item = &'i str>) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for image in images {
        if !seen.contains(&image) {
            seen.push(image);
        }
    }
    (!seen.is_empty()).then(|| seen.join(", "))
}

fn decided(object: &RawObject<'_>, findings: Findings, outcome: Outcome) -> Decided {
    let Findings {
        platform,
        architecture,
        current,
        target,
    } = findings;
    let mut counted = None;
    let mut patch = None;
    let mut blocked = None;
    let (decision, reason, message): (_, _, Cow<'static, str>) = match outcome {
        Outcome::UpToDate if current.is_some() => (
            DecisionKind::UpToDate,
            ReasonCode::Matches,
            "it boots the release's image".into(),
        ),
        Outcome::UpToDate => {
            let message = "it has no boot disk whose image could be out of date";
            (DecisionKind::UpToDate, ReasonCode::Matches, message.into())
        }
        Outcome::Update { edit } => {
            patch = Some(edit);
            let message = "new machines boot another build than the release's";
            (
                DecisionKind::Update,
                ReasonCode::OutdatedImage,
                message.into(),
            )
        }
        Outcome::Skip(skip) => {
            counted = Some(skip.is_counted(object.kind));
            (
                DecisionKind::Skip,
                skip_code(&skip),
                skip.to_string().into(),
            )
        }
        Outcome::Blocked(obstacle) => {
            let message = format!("{obstacle}: {}", obstacle.advice());
            let code = obstacle.code();
            blocked = Some(obstacle);
            (DecisionKind::Blocked, code, message.into())
        }
        Outcome::NotManaged(why) => (
            DecisionKind::NotManaged,
            ReasonCode::NotSelected,
            why.into(),
        ),
    };
    let target = Target {
        kind: object.kind,
        api_version: object.api_version().into_string(),
        namespace: object.namespace.as_str().to_owned(),
        name: object.name.as_str().to_owned(),
        platform,
        architecture,
        decision,
        reason,
        message,
        counted,
        current,
        target,
        user_data: patch.is_some().then_some(None),
        patch,
    };
    Decided {
        target,
        obstacle: blocked,
    }
}
