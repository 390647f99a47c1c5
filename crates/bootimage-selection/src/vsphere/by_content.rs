//! Templates whose names say their release: a new one for each release, beside the old ones
//! (BI-320). Nothing is replaced, so that no machine is ever cloned from half of a template, and a
//! set goes back to the release before by its name alone.

use openshift_model::facts::{VsphereMachine, VsphereMachines};
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Step, Trace};

use super::import::{Wanted, import};
use super::inventory::{Found, base_name, find};
use super::{CURRENT, NAME, TEMPLATE, VsphereContext, VsphereError, VsphereUpdate};
use crate::{Selection, Skip};

/// BI-320: what the template of a failure domain and a release is called.
pub fn content_name(computed_name: &str, release: &str) -> String {
    format!("{computed_name}-{release}")
}

/// BI-317 … BI-323, without the names of a replacement. `wanted` has the name of the release's
/// template; `computed` is what the installer calls its own.
pub(super) fn select<T: Trace>(
    wanted: &Wanted<'_>,
    computed: &str,
    found: &VsphereMachines,
    release: &str,
    context: &VsphereContext<'_>,
    trace: &mut T,
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let template = wanted.image.template.as_str();
    let current = match find(found, template) {
        Found::Here(machine) if !template.is_empty() => Some(machine),
        _ => None,
    };
    let path = current.map_or("none of them", |machine| machine.path.as_str());
    trace.step(|| {
        Step::passed("BI-317", TEMPLATE, path)
            .saw("/template", Some(template))
            .saw("/workspace/folder", found.folder_path.as_deref())
    });
    if let Some(machine) = current {
        let version = machine.version.as_str();
        let saw = |step: Step| {
            step.saw("its version", Some(version))
                .saw("release", Some(release))
        };
        if version == release {
            trace.step(|| saw(Step::passed("BI-323", CURRENT, "it is")));
            return Ok(Selection::UpToDate);
        }
        if version.is_empty() {
            trace.step(|| saw(Step::decided("BI-321", CURRENT, "it does not say")));
            return without_version(template, &[computed, wanted.name]);
        }
        trace.step(|| saw(Step::passed("BI-322", CURRENT, "it is not")));
    }
    let steps = match find(found, wanted.name) {
        Found::Here(machine) if machine.version == release => Vec::new(),
        _ => vec![new_template(wanted, current, release, context, trace)?],
    };
    trace.step(|| {
        let outcome = if steps.is_empty() {
            "it does not, and the vCenter has it"
        } else {
            "it does not, and the vCenter has to import it"
        };
        Step::passed("BI-320", NAME, outcome).saw("its name", Some(wanted.name))
    });
    Ok(Selection::Update(VsphereUpdate {
        template: wanted.name.to_owned(),
        release: release.to_owned(),
        steps,
    }))
}

fn new_template<T: Trace>(
    wanted: &Wanted<'_>,
    current: Option<&VsphereMachine>,
    release: &str,
    context: &VsphereContext<'_>,
    trace: &mut T,
) -> Result<VcenterStep, VsphereError> {
    let import = import(wanted, current, release, context).inspect_err(|error| {
        trace.step(|| Step::decided("BI-320", CURRENT, error.to_string()));
    })?;
    Ok(VcenterStep::ImportTemplate(Box::new(import)))
}

/// BI-321, W-28: as for a replacement.
fn without_version(
    template: &str,
    own_names: &[&str],
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let template = template.to_owned();
    if own_names.contains(&base_name(&template)) {
        return Err(VsphereError::NoVersion { template });
    }
    Ok(Selection::Skip(Skip::CustomImage { image: template }))
}
