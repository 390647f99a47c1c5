//! What a target on vSphere needs besides its edit: to know what the vCenter has now, and its
//! template (BI-319 … BI-331).

use std::fmt;

use bootimage_plan::{FactRequest, Facts};
use openshift_model::vcenter::VcenterStep;

use crate::vcenter::{Access, Artifacts, ImportQueue, Report, StepError, carry_out, resolve};

/// How vCenters are asked, and made to import templates.
#[derive(Clone, Copy)]
pub struct Vcenters<'v> {
    /// Who asks, and which certificates count.
    pub access: &'v Access,
    /// Where OVAs come from, and where they are kept.
    pub artifacts: &'v Artifacts,
    /// Whose turn it is; one for the whole program.
    pub queue: &'v ImportQueue,
    /// Hears of progress.
    pub report: Report<'v>,
}

impl fmt::Debug for Vcenters<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut vcenters = formatter.debug_struct("Vcenters");
        vcenters.field("artifacts", self.artifacts);
        vcenters.finish_non_exhaustive()
    }
}

impl Vcenters<'_> {
    /// Answers of vCenters; why, where one of them could not be asked.
    pub(super) async fn facts(&self, needs: &[FactRequest]) -> Result<Facts, String> {
        let is_of_vcenter = |need: &&FactRequest| matches!(need, FactRequest::VsphereTemplate(_));
        let needs: Vec<_> = needs.iter().filter(is_of_vcenter).cloned().collect();
        if needs.is_empty() {
            return Ok(Facts::default());
        }
        let resolved = resolve(&needs, self.access).await;
        if resolved.warnings.is_empty() {
            return Ok(resolved.facts);
        }
        Err(resolved.warnings.join("; "))
    }

    /// Carries out steps, each when it is its turn. With an error comes how many were done before.
    pub(super) async fn carry_out(&self, steps: &[VcenterStep]) -> Result<(), (usize, StepError)> {
        for (before, step) in steps.iter().enumerate() {
            let _turn = self.queue.turn(step).await;
            let step = std::slice::from_ref(step);
            let done = carry_out(step, self.access, self.artifacts, self.report).await;
            done.map_err(|error| (before, error))?;
        }
        Ok(())
    }
}
