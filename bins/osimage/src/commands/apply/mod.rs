//! `osimage apply FILE`: carries out a saved plan, and makes no decision of its own.

mod outcome;
mod saved;
mod target;

use std::collections::BTreeSet;

use bootimage_plan::{
    ClusterSnapshot, Completeness, DecisionKind, Facts, Moved, Policy, Target, moved, plan,
};
use cluster_io::cluster::{Cluster, WriteMode};
use cluster_io::files::Texts;
use cluster_io::load;

use self::outcome::{Outcome, Verdict};
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
    let everything = args.only.is_empty();
    let left = saved.left();
    if everything && left > 0 {
        tell(&format!(
            "{left} of the plan's targets need something else first: see the plan"
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
    tell(&format!("cluster: {}", cluster.server()));
    if is_stale(&cluster, saved, chosen).await? {
        tell("osimage: the plan is stale, nothing was written; plan again and review what is new");
        return Ok(exit::REFUSED);
    }
    let mode = match args.dry_run {
        Some(ApplyDryRun::Server) => WriteMode::DryRun,
        None => WriteMode::Real,
    };
    carry_out_all(&mut Carrier::new(&cluster, saved, mode), chosen, mode).await
}

/// A target that fails stops no other, unless nobody answers any more. That nobody reads the lines
/// stops none either.
async fn carry_out_all(
    carrier: &mut Carrier<'_>,
    chosen: &[&Target],
    mode: WriteMode,
) -> Result<u8, CommandError> {
    let mut printed = Ok(());
    let mut outcomes: Vec<Outcome> = Vec::new();
    for target in chosen {
        let name = format!("{} {}/{}", target.kind, target.namespace, target.name);
        let is_lost =
            |outcome: &Outcome| matches!(outcome.verdict, Verdict::Lost(_) | Verdict::NotTried);
        let outcome = if outcomes.last().is_some_and(is_lost) {
            Verdict::NotTried.alone()
        } else {
            tell(&format!(
                "{} of {}: {name}",
                outcomes.len() + 1,
                chosen.len()
            ));
            carrier.carry_out(target).await
        };
        let line = outcome.line(mode);
        printed = printed.and_then(|()| print(|out| writeln!(out, "{name}: {line}")));
        outcomes.push(outcome);
    }
    match printed {
        Err(error) if !error.is_closed_pipe() => Err(error),
        _ => Ok(code(&outcomes)),
    }
}

/// Whether anything that the plan was made of moved, said line by line.
async fn is_stale(
    cluster: &Cluster,
    saved: &SavedPlan,
    chosen: &[&Target],
) -> Result<bool, CommandError> {
    let secrets: BTreeSet<&str> = chosen
        .iter()
        .filter_map(|target| target.user_data.as_deref())
        .map(|data| data.secret.as_str())
        .collect();
    let mut texts = cluster.boot_image_objects().await?;
    texts.extend(cluster.machine_api_secrets(secrets).await?);
    let texts = Texts {
        texts,
        errors: Vec::new(),
    };
    let loaded = load(&texts);
    if let Some(error) = loaded.errors.first() {
        return Err(CommandError::Invalid(error.to_string()));
    }
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects: loaded.objects,
        streams: Vec::new(),
    };
    let now = plan(&snapshot, &Facts::default(), &Policy::default());
    let moved = moved(&saved.plan, &snapshot, &now.metadata.inputs, |target| {
        chosen.contains(&target)
    });
    if moved.iter().any(Moved::is_another_cluster) {
        tell(&format!(
            "the plan is of another cluster than {}",
            cluster.server()
        ));
        return Ok(true);
    }
    for moved in &moved {
        tell(&format!("{}: {}", moved.object, moved.movement));
    }
    Ok(!moved.is_empty())
}

/// What moved comes first: it is what a new plan helps against.
fn code(outcomes: &[Outcome]) -> u8 {
    let any = |of: fn(&Verdict) -> bool| outcomes.iter().any(|outcome| of(&outcome.verdict));
    if any(|verdict| matches!(verdict, Verdict::Moved(_) | Verdict::Refused(_))) {
        exit::REFUSED
    } else if any(|verdict| !matches!(verdict, Verdict::Updated(_) | Verdict::Done)) {
        exit::UNREACHABLE
    } else {
        exit::OK
    }
}

/// Whether a target of the plan is edited.
fn is_update(target: &Target) -> bool {
    target.decision == DecisionKind::Update
}
