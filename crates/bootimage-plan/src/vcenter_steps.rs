//! What vCenters still have to do for a target of a saved plan, by what they have now.

use openshift_model::facts::{Answer, Fact, VsphereMachines};
use openshift_model::vcenter::{TemplateImport, VcenterStep};

use crate::{DecisionKind, Facts, Target};

/// The answers of vCenters as they would be if these had no template yet; `None` where there is no
/// answer of a vCenter.
pub(crate) fn nothing_there(facts: &Facts) -> Option<Facts> {
    let mut empty = Facts::default();
    let mut searches = facts.iter().filter_map(|fact| match fact {
        Fact::VsphereTemplate { search, .. } => Some(search),
        Fact::AwsImage { .. } | Fact::AwsMarketplaceImages { .. } => None,
    });
    let first = searches.next()?;
    for search in std::iter::once(first).chain(searches) {
        let answer = Answer::Found(VsphereMachines::default());
        empty.insert(Fact::VsphereTemplate { search, answer });
    }
    Some(empty)
}

/// Steps of a plan, by what vCenters have now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepsLeft {
    /// What vCenters still have to do, in order.
    pub to_do: Vec<VcenterStep>,
    /// Imports whose template is there. Carried out again they only remove what an interrupted run
    /// left behind.
    pub done: Vec<VcenterStep>,
}

/// BI-319 … BI-331: what is left of the steps of a target, or a step that the plan does not have: a
/// saved plan may have been changed, and so may what the vCenter has. `found` is what comes out now,
/// `fresh` what would come out if the vCenter had no template.
pub(crate) fn steps_left(
    planned: &Target,
    found: &Target,
    fresh: Option<&Target>,
) -> Result<StepsLeft, VcenterStep> {
    let is_decided = matches!(
        found.decision,
        DecisionKind::Update | DecisionKind::UpToDate
    );
    if !is_decided {
        return Ok(StepsLeft::default());
    }
    let other = found.steps.iter().find(|step| !is_planned(step, planned));
    if let Some(other) = other {
        return Err(other.clone());
    }
    let done = if found.steps.is_empty() {
        imports_of_rules(planned, fresh)
    } else {
        Vec::new()
    };
    Ok(StepsLeft {
        to_do: found.steps.clone(),
        done,
    })
}

/// Those imports of a plan that are what the rules say, whatever the vCenter has.
fn imports_of_rules(planned: &Target, fresh: Option<&Target>) -> Vec<VcenterStep> {
    let is_of_rules = |planned: &&TemplateImport| {
        let mut fresh = fresh.into_iter().flat_map(imports);
        fresh.any(|fresh| is_same_import(planned, fresh))
    };
    imports(planned)
        .filter(is_of_rules)
        .map(|import| VcenterStep::ImportTemplate(Box::new(import.clone())))
        .collect()
}

/// Whether a plan has a step, or one of which it is a part: an import that replaces a template and
/// is interrupted leaves a template that has to get its name back.
fn is_planned(step: &VcenterStep, planned: &Target) -> bool {
    if planned.steps.contains(step) {
        return true;
    }
    match step {
        VcenterStep::RenameTemplate { server, path, name } => imports(planned).any(|import| {
            let retired = path.rsplit('/').next();
            (server, name, retired) == (&import.server, &import.name, Some(&import.retired_name))
        }),
        VcenterStep::ImportTemplate(_) => false,
    }
}

fn imports(target: &Target) -> impl Iterator<Item = &TemplateImport> {
    target.steps.iter().filter_map(|step| match step {
        VcenterStep::ImportTemplate(import) => Some(&**import),
        VcenterStep::RenameTemplate { .. } => None,
    })
}

/// Whether two imports differ in nothing but what an existing template says.
fn is_same_import(planned: &TemplateImport, fresh: &TemplateImport) -> bool {
    let planned = TemplateImport {
        replaces: fresh.replaces.clone(),
        disk_type: fresh.disk_type,
        ..planned.clone()
    };
    planned == *fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReasonCode;
    use openshift_model::Kind;
    use openshift_model::facts::VsphereSearch;

    fn import(name: &str) -> TemplateImport {
        TemplateImport {
            server: "v".into(),
            datacenter: "dc1".into(),
            ova: "https://example.com/a.ova".into(),
            sha256: "0".repeat(64),
            release: "9.8".into(),
            name: name.into(),
            temporary_name: "mco-tmp-1".into(),
            retired_name: "mco-old-1".into(),
            replaces: None,
            folder: "/dc1/vm/f".into(),
            compute_cluster: "/dc1/host/c".into(),
            resource_pool: "/dc1/host/c/Resources".into(),
            network: "/dc1/network/n".into(),
            datastore: "/dc1/datastore/d".into(),
            disk_type: None,
            tags: Vec::new(),
        }
    }

    fn step(import: TemplateImport) -> VcenterStep {
        VcenterStep::ImportTemplate(Box::new(import))
    }

    fn rename(path: &str, name: &str) -> VcenterStep {
        VcenterStep::RenameTemplate {
            server: "v".into(),
            path: path.into(),
            name: name.into(),
        }
    }

    fn target(decision: DecisionKind, steps: &[VcenterStep]) -> Target {
        Target {
            kind: Kind::MachineSet,
            api_version: "machine.openshift.io/v1beta1".into(),
            namespace: "n".into(),
            name: "a".to_owned(),
            platform: None,
            architecture: None,
            decision,
            reason: ReasonCode::OutdatedImage,
            message: "".into(),
            counted: None,
            current: None,
            target: None,
            steps: steps.to_vec(),
            patch: None,
            user_data: None,
        }
    }

    fn check(
        planned: &[VcenterStep],
        found: (DecisionKind, &[VcenterStep]),
        expected: Result<(&[VcenterStep], &[VcenterStep]), &VcenterStep>,
    ) {
        let planned = target(DecisionKind::Update, planned);
        let found = target(found.0, found.1);
        let fresh = target(DecisionKind::Update, &[step(import("t"))]);
        let left = steps_left(&planned, &found, Some(&fresh));
        let left = left.as_ref();
        let left = left.map(|left| (left.to_do.as_slice(), left.done.as_slice()));
        assert_eq!(left, expected);
    }

    #[test]
    fn bi_320_what_is_left_of_a_plan_is_what_the_vcenter_lacks() {
        let planned = [step(import("t"))];
        check(
            &planned,
            (DecisionKind::Update, &planned),
            Ok((&planned, &[])),
        );
        for there in [DecisionKind::Update, DecisionKind::UpToDate] {
            check(&planned, (there, &[]), Ok((&[], &planned)));
        }
        check(&planned, (DecisionKind::Undecided, &[]), Ok((&[], &[])));
        check(&[], (DecisionKind::Update, &[]), Ok((&[], &[])));
        // Nobody knows what the rules say of it, so that it is not carried out again.
        let left = steps_left(
            &target(DecisionKind::Update, &planned),
            &target(DecisionKind::UpToDate, &[]),
            None,
        );
        assert_eq!(left, Ok(StepsLeft::default()));
    }

    #[test]
    fn bi_331_an_interrupted_replacement_is_a_part_of_its_plan() {
        let replacement = step(TemplateImport {
            replaces: Some("/dc1/vm/f/t".into()),
            disk_type: Some(openshift_model::vcenter::DiskType::Thin),
            ..import("t")
        });
        let planned = [replacement.clone()];
        let back = rename("/dc1/vm/f/mco-old-1", "t");
        let both = [back, replacement];
        check(&planned, (DecisionKind::Update, &both), Ok((&both, &[])));
        check(&planned, (DecisionKind::UpToDate, &[]), Ok((&[], &planned)));
    }

    #[test]
    fn a_step_that_the_plan_does_not_have_is_told() {
        let planned = [step(import("t"))];
        let evil = step(TemplateImport {
            ova: "https://evil.example.com/a.ova".into(),
            ..import("t")
        });
        let found = &planned[0];
        check(
            std::slice::from_ref(&evil),
            (DecisionKind::Update, &planned),
            Err(found),
        );
        check(&[], (DecisionKind::Update, &planned), Err(found));
        check(
            std::slice::from_ref(&evil),
            (DecisionKind::UpToDate, &[]),
            Ok((&[], &[])),
        );
        let other = rename("/dc1/vm/f/mine", "t");
        let with_other = [other.clone(), planned[0].clone()];
        check(&planned, (DecisionKind::Update, &with_other), Err(&other));
    }

    #[test]
    fn answers_of_vcenters_alone_are_emptied() {
        let search = VsphereSearch::default();
        let mut facts = Facts::default();
        assert_eq!(nothing_there(&facts), None);
        facts.insert(Fact::VsphereTemplate {
            search: search.clone(),
            answer: Answer::Denied("no".into()),
        });
        let empty = nothing_there(&facts).unwrap();
        let there = empty.of_cluster(None).vsphere_template(&search);
        let nothing = std::borrow::Cow::Owned(VsphereMachines::default());
        assert_eq!(there, Some(Answer::Found(nothing)));
    }
}
