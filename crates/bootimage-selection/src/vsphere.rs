//! vSphere: may this template be touched, and what should it be (BI-310 … BI-333).
//!
//! A template is replaced in the vCenter, so that the provider spec mostly stays as it is. What a
//! vCenter has to do is part of the answer; what it has already is a fact.

mod by_content;
mod failure_domain;
mod import;
mod install_config;
pub mod inventory;
mod placement;
mod retention;

use std::borrow::Cow;

use openshift_model::boot_image::VsphereBootImage;
use openshift_model::facts::{
    Answer, ClusterFacts, FactRequest, VsphereMachine, VsphereMachines, VsphereSearch,
};
use openshift_model::vcenter::{TemplateNames, VcenterStep};
use openshift_model::{Architecture, Step, Stream, StreamError, Trace, VspherePlatformSpec};

pub use self::by_content::content_name;
use self::import::{Wanted, import};
pub use self::install_config::{InstallConfigError, install_config_disk_type};
use self::inventory::{Found, RETIRED, base_name, find, replacement_name};
pub use self::placement::PlacementProblem;
use self::placement::placement;
pub use self::retention::{TemplateState, TemplateUser, is_abandoned, template_states};
use crate::{Selection, Skip};

/// What holds for every vSphere machine resource of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct VsphereContext<'c> {
    /// The release's images.
    pub stream: &'c Stream<'c>,
    /// `status.infrastructureName` of Infrastructure.
    pub infrastructure_name: &'c str,
    /// `spec.platformSpec.vsphere` of Infrastructure.
    pub platform: Option<&'c VspherePlatformSpec<'c>>,
    /// How the installer was told to lay out disks ([`install_config_disk_type`]).
    pub disk_type: &'c Result<String, InstallConfigError>,
    /// BI-320: what the release's templates are called.
    pub template_names: TemplateNames,
    /// The answers of vCenters that are known.
    pub facts: ClusterFacts<'c>,
}

/// How a machine resource gets the release's template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsphereUpdate {
    /// What the provider spec should call the template; mostly what it calls it now.
    pub template: String,
    /// BI-192: the CoreOS release of the template.
    pub release: String,
    /// What the vCenter has to do first, in this order.
    pub steps: Vec<VcenterStep>,
}

/// Why no template could be selected. The texts are the reference's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VsphereError {
    /// BI-310, BI-322: the stream has no template for the architecture.
    #[error("{0}")]
    Stream(StreamError),
    /// BI-312: the vCenter refused, or could not be reached; its words.
    #[error("{0}")]
    Vcenter(String),
    /// BI-318: nobody knows the folder, and several folders have a template of this name.
    #[error("finder had error: path '{name}' resolves to multiple vms")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// BI-321: the cluster's own template does not say of which release it is.
    #[error("unable to determine RHCOS version of virtual machine: {template}")]
    NoVersion {
        /// The template as the provider spec names it.
        template: String,
    },
    /// BI-320: a vCenter does not take the name.
    #[error("length of VM template name `{name}` exceeds the permitted limit of 80 characters")]
    NameTooLong {
        /// The name.
        name: String,
    },
    /// BI-326: the template would have no network. (The reference crashes.)
    #[error("failure domain {failure_domain} names no network")]
    NoNetwork {
        /// Name of the failure domain.
        failure_domain: String,
    },
    /// BI-320, BI-333: nobody knows how to lay out the disk of a new template.
    #[error("failed to determine disk provisioning type for new template {name}: {error}")]
    NoDiskType {
        /// Name of the template.
        name: String,
        /// Why.
        error: InstallConfigError,
    },
    /// BI-332: there is no such way to lay out a disk.
    #[error("disk provisioning type {0:?} is not supported")]
    DiskType(String),
}

const PLATFORM: &str = "Does Infrastructure describe vSphere?";
const RELEASE: &str = "Which release does the stream have for vSphere?";
const ASKED: &str = "Which templates does the vCenter have?";
const TEMPLATE: &str = "Which of them is the set's?";
const CURRENT: &str = "Is it of the stream's release?";
const NAME: &str = "Does the provider spec name it?";

/// The cluster's template, found in the vCenter.
struct Existing<'f> {
    machine: &'f VsphereMachine,
    /// What the provider spec should call it.
    name: String,
    /// BI-319: the name that it has to get back first.
    rename: bool,
}

/// BI-310 … BI-323: the template that a machine resource should be cloned from, and what the
/// vCenter has to do for it.
pub fn select<T: Trace>(
    image: &VsphereBootImage<'_>,
    architecture: &Architecture,
    context: &VsphereContext<'_>,
    trace: &mut T,
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let Some(platform) = context.platform else {
        trace.step(|| Step::decided("BI-310", PLATFORM, "it does not"));
        return Ok(Selection::Skip(Skip::NoVspherePlatform));
    };
    trace.step(|| Step::passed("BI-310", PLATFORM, "it does"));
    let release = release(architecture, context, trace)?;
    let placement = match placement(image, platform, trace) {
        Ok(placement) => placement,
        Err(skip) => return Ok(Selection::Skip(skip)),
    };
    let computed = computed_name(context.infrastructure_name, &placement.name);
    let name = match context.template_names {
        TemplateNames::Content => content_name(&computed, release),
        TemplateNames::Stock => computed.clone(),
    };
    let search = search(image, &computed, &name);
    let nothing = VsphereMachines::default();
    let found = match context.facts.vsphere_template(&search) {
        Some(Answer::Found(found)) => found,
        Some(Answer::NotFound) => Cow::Borrowed(&nothing),
        Some(Answer::Denied(words)) => {
            trace.step(|| Step::decided("BI-312", ASKED, words));
            return Err(VsphereError::Vcenter(words.to_owned()));
        }
        None => {
            trace.step(|| Step::decided("BI-317", ASKED, "nobody has asked it"));
            return Ok(Selection::Needs(vec![FactRequest::VsphereTemplate(search)]));
        }
    };
    let found = &*found;
    let wanted = Wanted {
        image,
        placement: &placement,
        architecture,
        name: &name,
        replaces: None,
    };
    if context.template_names == TemplateNames::Content {
        return by_content::select(&wanted, &computed, found, release, context, trace);
    }
    if let Some(existing) = resolve(image, &computed, found, trace)? {
        return replace(&wanted, &existing, release, context, trace);
    }
    let import = import(&wanted, None, release, context).inspect_err(|error| {
        trace.step(|| Step::decided("BI-320", CURRENT, error.to_string()));
    })?;
    trace.step(|| Step::passed("BI-320", CURRENT, "it is to be imported"));
    Ok(Selection::Update(VsphereUpdate {
        template: computed.clone(),
        release: release.to_owned(),
        steps: vec![VcenterStep::ImportTemplate(Box::new(import))],
    }))
}

/// BI-310: the release of the stream's template.
fn release<'c, T: Trace>(
    architecture: &Architecture,
    context: &VsphereContext<'c>,
    trace: &mut T,
) -> Result<&'c str, VsphereError> {
    let saw = |step: Step| step.saw("architecture", Some(architecture.rpm_name()));
    match context.stream.vsphere_release(architecture) {
        Ok(release) => {
            trace.step(|| saw(Step::passed("BI-310", RELEASE, release)));
            Ok(release)
        }
        Err(error) => {
            trace.step(|| saw(Step::decided("BI-310", RELEASE, error.to_string())));
            Err(VsphereError::Stream(error))
        }
    }
}

/// BI-315: what the installer calls the template of a failure domain; and what the one of a set that
/// belongs to none is called (BI-314).
pub fn computed_name(infrastructure_name: &str, failure_domain: &str) -> String {
    format!("{infrastructure_name}-rhcos-{failure_domain}")
}

/// BI-316 … BI-319: what is asked of the vCenter: the folder, and every machine that has the name
/// that the provider spec has, the computed name, or that of an interrupted replacement; or else,
/// where names say the release, the name of the release's template.
fn search(image: &VsphereBootImage<'_>, computed: &str, name: &str) -> VsphereSearch {
    let workspace = &image.workspace;
    let mut names = vec![name.to_owned()];
    if name == computed {
        names.push(replacement_name(RETIRED, computed));
    }
    let template = base_name(&image.template);
    if !template.is_empty() && template != name {
        names.insert(0, template.to_owned());
    }
    VsphereSearch {
        server: workspace.server.as_str().to_owned(),
        datacenter: workspace.datacenter.as_str().to_owned(),
        folder: workspace.folder.as_str().to_owned(),
        names,
    }
}

/// BI-317 … BI-319: which machine is the set's template; `None`: there is none. What stands in
/// another folder is a customer's.
fn resolve<'f, T: Trace>(
    image: &VsphereBootImage<'_>,
    computed: &str,
    found: &'f VsphereMachines,
    trace: &mut T,
) -> Result<Option<Existing<'f>>, VsphereError> {
    let template = image.template.as_str();
    let folder = found.folder_path.as_deref();
    let saw = |step: Step| {
        step.saw("/template", Some(template))
            .saw("/workspace/folder", folder)
    };
    // BI-317: that several machines have the name is no error, as long as it is not the computed one.
    if !template.is_empty()
        && template != computed
        && let Found::Here(machine) = find(found, template)
    {
        trace.step(|| saw(Step::passed("BI-317", TEMPLATE, &machine.path)));
        return Ok(Some(Existing {
            machine,
            name: template.to_owned(),
            rename: false,
        }));
    }
    let retired = replacement_name(RETIRED, computed);
    for (rule, name, rename) in [
        ("BI-318", computed, false),
        ("BI-319", retired.as_str(), true),
    ] {
        match find(found, name) {
            Found::Here(machine) => {
                trace.step(|| saw(Step::passed(rule, TEMPLATE, &machine.path)));
                return Ok(Some(Existing {
                    machine,
                    name: computed.to_owned(),
                    rename,
                }));
            }
            Found::Ambiguous => {
                let error = VsphereError::Ambiguous {
                    name: name.to_owned(),
                };
                trace.step(|| saw(Step::decided(rule, TEMPLATE, error.to_string())));
                return Err(error);
            }
            Found::Elsewhere | Found::Nothing => {}
        }
    }
    trace.step(|| saw(Step::passed("BI-320", TEMPLATE, "none of them")));
    Ok(None)
}

/// BI-321 … BI-323: what becomes of the template that is there.
fn replace<T: Trace>(
    wanted: &Wanted<'_>,
    existing: &Existing<'_>,
    release: &str,
    context: &VsphereContext<'_>,
    trace: &mut T,
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let Existing {
        machine,
        name,
        rename,
    } = existing;
    let image = wanted.image;
    let version = machine.version.as_str();
    let saw = |step: Step| {
        step.saw("its version", Some(version))
            .saw("release", Some(release))
    };
    let own_name = if *rename {
        wanted.name
    } else {
        base_name(&machine.path)
    };
    if version.is_empty() {
        trace.step(|| saw(Step::decided("BI-321", CURRENT, "it does not say")));
        return without_version(image, own_name == wanted.name);
    }
    let mut machine = (*machine).clone();
    let mut steps = Vec::new();
    if *rename {
        let path = renamed(&machine.path, own_name);
        steps.push(VcenterStep::RenameTemplate {
            server: image.workspace.server.as_str().to_owned(),
            path: std::mem::replace(&mut machine.path, path),
            name: own_name.to_owned(),
        });
    }
    if version == release {
        trace.step(|| saw(Step::passed("BI-323", CURRENT, "it is")));
    } else {
        let replacement = Wanted {
            name: own_name,
            replaces: Some(&machine),
            ..*wanted
        };
        let import =
            import(&replacement, Some(&machine), release, context).inspect_err(|error| {
                trace.step(|| saw(Step::decided("BI-322", CURRENT, error.to_string())));
            })?;
        trace.step(|| saw(Step::passed("BI-322", CURRENT, "it is not")));
        steps.push(VcenterStep::ImportTemplate(Box::new(import)));
    }
    let is_named = image.template.as_str() == name;
    trace.step(|| {
        let outcome = if is_named { "it does" } else { "it does not" };
        Step::passed("BI-323", NAME, outcome).saw("/template", Some(&image.template))
    });
    if steps.is_empty() && is_named {
        return Ok(Selection::UpToDate);
    }
    Ok(Selection::Update(VsphereUpdate {
        template: name.clone(),
        release: release.to_owned(),
        steps,
    }))
}

/// BI-321, W-28: a template that does not say of which release it is was cloned by hand, unless it
/// has the name that the installer gives.
fn without_version(
    image: &VsphereBootImage<'_>,
    has_computed_name: bool,
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let template = image.template.as_str().to_owned();
    if has_computed_name {
        return Err(VsphereError::NoVersion { template });
    }
    Ok(Selection::Skip(Skip::CustomImage { image: template }))
}

/// The inventory path of a machine after it has got its name back.
fn renamed(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
