//! `osimage apply FILE`: carries out a saved plan, and makes no decision of its own.

mod outcome;
mod saved;
mod target;

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Facts, Policy, Target, moved, plan,
};
use cluster_io::cluster::{Cluster, WriteMode};
use cluster_io::files::Texts;
use cluster_io::load;
use openshift_model::Kind;

use self::outcome::Outcome;
use self::saved::SavedPlan;
use self::target::Carrier;
use super::{print, tell};
use crate::cli::{ApplyArgs, ApplyDryRun, ClusterArgs};
use crate::error::CommandError;
use crate::{exit, live};

pub(super) fn run(args: &ApplyArgs) -> Result<u8, CommandError> {
    let saved = SavedPlan::read(&args.plan)?;
    let chosen = saved.chosen(&args.only)?;
    live::block_on(apply(args, &saved, &chosen))?
}

async fn apply(
    args: &ApplyArgs,
    saved: &SavedPlan,
    chosen: &[&Target],
) -> Result<u8, CommandError> {
    if let Some(deferred) = &saved.plan.deferred {
        tell(&format!(
            "warning: a controller would write nothing now ({}): {}",
            deferred.reason, deferred.message
        ));
    }
    if chosen.is_empty() {
        tell("the plan updates nothing");
        return Ok(exit::OK);
    }
    let cluster = live::connect(&ClusterArgs {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
    })
    .await?;
    let everything = args.only.is_empty();
    if is_stale(&cluster, saved, |target| {
        everything || chosen.contains(&target)
    })
    .await?
    {
        tell("osimage: the plan is stale, nothing was written; plan again and review what is new");
        return Ok(exit::REFUSED);
    }
    let mode = match args.dry_run {
        Some(ApplyDryRun::Server) => WriteMode::DryRun,
        None => WriteMode::Real,
    };
    let mut carrier = Carrier::new(&cluster, saved, mode);
    let mut outcomes = Vec::new();
    for target in chosen {
        let name = format!("{} {}/{}", target.kind, target.namespace, target.name);
        tell(&format!(
            "{} of {}: {name}",
            outcomes.len() + 1,
            chosen.len()
        ));
        let outcome = carrier.carry_out(target).await;
        let line = outcome.line(mode);
        print(|out| writeln!(out, "{name}: {line}"))?;
        outcomes.push(outcome);
    }
    let left = saved.left();
    if everything && left > 0 {
        tell(&format!(
            "{left} more need something else first: see the plan"
        ));
    }
    Ok(code(&outcomes))
}

/// Whether anything that the plan was made of moved, said line by line.
async fn is_stale(
    cluster: &Cluster,
    saved: &SavedPlan,
    concerns: impl Fn(&Target) -> bool,
) -> Result<bool, CommandError> {
    let inputs = saved.plan.metadata.inputs.iter();
    let secrets = inputs.filter(|input| input.kind == Kind::Secret);
    let mut texts = cluster.boot_image_objects().await?;
    let names = secrets.map(|secret| secret.name.as_str());
    texts.extend(cluster.machine_api_secrets(names).await?);
    let texts = Texts {
        texts,
        errors: Vec::new(),
    };
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects: load(&texts).objects,
        streams: Vec::new(),
    };
    let now = plan(&snapshot, &Facts::default(), &Policy::default());
    let moved = moved(&saved.plan, &snapshot, &now.metadata.inputs, concerns);
    for moved in &moved {
        tell(&format!("{}: {}", moved.object, moved.movement));
    }
    Ok(!moved.is_empty())
}

/// What moved comes first: it is what a new plan helps against.
fn code(outcomes: &[Outcome]) -> u8 {
    let any = |of: fn(&Outcome) -> bool| outcomes.iter().any(of);
    if any(|outcome| matches!(outcome, Outcome::Moved(_) | Outcome::Refused(_))) {
        exit::REFUSED
    } else if any(|outcome| matches!(outcome, Outcome::Failed(_))) {
        exit::UNREACHABLE
    } else {
        exit::OK
    }
}

/// Whether a target of the plan is edited.
fn is_update(target: &Target) -> bool {
    target.decision == DecisionKind::Update
}
