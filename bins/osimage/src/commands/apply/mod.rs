//! `osimage apply FILE`: carries out a saved plan, and makes no decision of its own.

mod history;
mod outcome;
mod saved;
mod vcenters;

use bootimage_plan::{DecisionKind, DeferredPlan, Moved, Recheck, Target};
use cluster_io::apply::{
    ApplyOptions, ApplyResult, CheckError, Executor, Outcome, Program, check_all,
};
use cluster_io::cluster::{APPLY_FIELD_MANAGER, Cluster, WriteMode};

use self::history::HistoryWriter;
use self::outcome::line;
use self::saved::SavedPlan;
use self::vcenters::VcenterTools;
use super::{print, tell, warn};
use crate::cli::{ApplyArgs, ApplyDryRun, ClusterArgs};
use crate::error::CommandError;
use crate::{exit, live};

/// As Events name this command.
const PROGRAM: Program = Program {
    name: "osimage apply",
    reporter: "osimage.dev/osimage",
    field_manager: APPLY_FIELD_MANAGER,
};

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
    let left = saved.left();
    if args.only.is_empty() && left > 0 {
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
    let found = check_all(&cluster, &saved.plan, chosen).await;
    let found = found.map_err(|error| match error {
        CheckError::Cluster(error) => CommandError::Cluster(error),
        CheckError::Unusable(problem) | CheckError::Vcenter(problem) => {
            CommandError::Invalid(problem)
        }
    })?;
    if !may_be_carried_out(&found, args.accept_deferred, &cluster) {
        return Ok(exit::REFUSED);
    }
    let mode = match args.dry_run {
        Some(ApplyDryRun::Server) => WriteMode::DryRun,
        None => WriteMode::Real,
    };
    let options = ApplyOptions {
        program: PROGRAM,
        plan_digest: saved.digest,
        mode,
        always_dry_run: false,
        accept_deferred: args.accept_deferred,
    };
    let executor = Executor::new(&cluster, &saved.plan, options);
    let history = HistoryWriter::new(&cluster, &args.state.state_namespace);
    match VcenterTools::new(args, &cluster, chosen).await? {
        None => execute_all(&executor, history, chosen, mode).await,
        Some(tools) => {
            tools
                .with(async |vcenters| {
                    let executor = executor.with_vcenters(vcenters);
                    execute_all(&executor, history, chosen, mode).await
                })
                .await
        }
    }
}

/// Carries out targets one after the other. One that fails stops no other, unless the cluster
/// cannot be reached any more; nor does it stop any that nobody reads the lines.
async fn execute_all(
    executor: &Executor<'_>,
    mut history: HistoryWriter<'_>,
    chosen: &[&Target],
    mode: WriteMode,
) -> Result<u8, CommandError> {
    let mut printed = Ok(());
    let mut results: Vec<ApplyResult> = Vec::new();
    for target in chosen {
        let name = format!("{} {}/{}", target.kind, target.namespace, target.name);
        let outcome = if results.last().is_some_and(ApplyResult::is_unreachable) {
            Outcome::from(ApplyResult::NotTried)
        } else {
            tell(&format!(
                "{} of {}: {name}",
                results.len() + 1,
                chosen.len()
            ));
            executor.execute(target).await
        };
        for error in &outcome.retries {
            tell(&format!("{name}: tried again, because {error}"));
        }
        for warning in &outcome.warnings {
            warn(warning);
        }
        history.add(executor, target, &outcome).await;
        let line = line(&outcome, mode);
        printed = printed.and_then(|()| print(|out| writeln!(out, "{name}: {line}")));
        results.push(outcome.result);
    }
    match printed {
        Err(error) if !error.is_closed_pipe() => Err(error),
        _ => Ok(code(&results)),
    }
}

/// Whether a plan may be carried out on the cluster as it is; says why not.
fn may_be_carried_out(found: &Recheck, accept_deferred: bool, cluster: &Cluster) -> bool {
    if found.moved.iter().any(Moved::is_another_cluster) {
        tell(&format!(
            "the plan is of another cluster than {}",
            cluster.server()
        ));
    }
    for moved in &found.moved {
        tell(&format!("{}: {}", moved.object, moved.movement));
    }
    for difference in &found.differences {
        tell(&format!(
            "{}: {}",
            difference.object, difference.disagreement
        ));
    }
    if !found.moved.is_empty() || !found.differences.is_empty() {
        tell("osimage: the plan is stale, nothing was written; plan again and review what is new");
        return false;
    }
    let Some(DeferredPlan { reason, message }) = &found.deferred else {
        return true;
    };
    if accept_deferred {
        tell(&format!(
            "warning: a controller would write nothing now ({reason}): {message}; accepted with \
             --accept-deferred"
        ));
        return true;
    }
    tell(&format!(
        "osimage: a controller would write nothing now ({reason}): {message}; nothing was written: \
         wait until the cluster is stable, or carry the plan out all the same with --accept-deferred"
    ));
    false
}

/// What moved comes first: it is what a new plan helps against.
fn code(results: &[ApplyResult]) -> u8 {
    let any = |of: fn(&ApplyResult) -> bool| results.iter().any(of);
    if any(|result| matches!(result, ApplyResult::Moved(_) | ApplyResult::Refused(_))) {
        exit::REFUSED
    } else if any(|result| !matches!(result, ApplyResult::Updated(_) | ApplyResult::AlreadyDone)) {
        exit::UNREACHABLE
    } else {
        exit::OK
    }
}

/// Whether a target of the plan is edited.
fn is_update(target: &Target) -> bool {
    target.decision == DecisionKind::Update
}
