//! `osimage plan`

use std::path::Path;

use bootimage_plan::{
    ClusterSnapshot, DecisionKind, Plan, Target, UserDataDecision, policy_inputs,
};

use openshift_model::vcenter::VcenterStep;

use super::{note, print, print_shown, print_styled, print_text, tell, tell_all};
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, Snapshot, policy};
use crate::narrow::narrow;
use crate::render::{diff, document, lines, table};
use crate::replace_file::replace_file;

pub(super) fn run(args: &PlanArgs) -> Result<u8, CommandError> {
    let input = Input::read_for(&args.input, args.resolve, |snapshot| {
        snapshot.plan(&args.input)
    })?;
    let snapshot = input.snapshot();
    let mut plan = snapshot.plan(&args.input);
    let policy = policy_inputs(&policy(&args.input));
    plan.metadata
        .add_inputs(input.files().iter().cloned().chain(policy));
    let Snapshot {
        cluster,
        warnings,
        errors,
        ignored,
        ..
    } = snapshot;
    plan.warnings.splice(0..0, warnings);
    let all = plan.targets.len();
    let narrowed = narrow(&mut plan, &cluster, &args.narrow);
    tell_all(&plan.warnings, &errors, ignored);
    narrowed?;
    if plan.targets.is_empty() && all > 0 {
        note(&format!(
            "nothing to show: names, -n, -l and --only-changes leave none of {all} objects"
        ));
    }
    // A reader who stops reading must not keep the plan from being saved.
    if let Some(path) = &args.save {
        if errors.is_empty() || args.allow_errors {
            save(path, &plan)?;
        } else {
            tell(&format!(
                "plan not saved to {}: the input has errors; --allow-errors saves it all the same",
                path.display()
            ));
        }
    }
    if matches!(args.output, PlanFormat::Patch | PlanFormat::Diff) {
        for line in besides(&plan) {
            tell(&line);
        }
    }
    match show(args.output, &plan, &cluster) {
        Err(error) if !error.is_closed_pipe() => Err(error),
        _ => Ok(code(&plan, &errors, args.detailed_exitcode)),
    }
}

fn show(
    format: PlanFormat,
    plan: &Plan,
    cluster: &ClusterSnapshot<'_>,
) -> Result<(), CommandError> {
    match format {
        PlanFormat::Table => print_styled(|out| table::table(out, plan)),
        PlanFormat::Wide => print_shown(|out| table::wide(out, plan)),
        PlanFormat::Json => print_text(&document::json(plan)?),
        PlanFormat::Yaml => print_text(&document::yaml(plan)?),
        PlanFormat::Name => print(|out| lines::names(out, plan)),
        PlanFormat::Csv => print(|out| lines::csv(out, plan)),
        PlanFormat::Patch => print(|out| document::patches(out, plan)),
        PlanFormat::Diff => show_diff(plan, cluster),
    }
}

fn show_diff(plan: &Plan, cluster: &ClusterSnapshot<'_>) -> Result<(), CommandError> {
    let objects = diff::Objects::of(cluster);
    let is_updated = |target: &&Target| target.decision == DecisionKind::Update;
    // One writer for all of them: fifty thousand sets are fifty thousand small diffs.
    let mut failed = None;
    let printed = print_shown(|out| {
        for target in plan.targets.iter().filter(is_updated) {
            match objects.unified(target) {
                Ok(diff) => out.write_all(diff.as_bytes())?,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        Ok(())
    });
    failed.map_or(printed, Err)
}

/// What must happen besides the edits, which neither a patch nor a diff says.
fn besides(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan
        .present
        .iter()
        .map(|line| format!("now: {line}"))
        .collect();
    if let Some(deferred) = &plan.deferred {
        lines.push(format!(
            "a controller would write nothing now ({}): {}",
            deferred.reason, deferred.message
        ));
    }
    for target in plan
        .targets
        .iter()
        .filter(|target| target.decision == DecisionKind::Update)
    {
        let name = format!("{} {}", target.kind, target.name);
        if let Some(data) = &target.user_data {
            let secret = &data.secret;
            // That a Secret is not in the input is a warning of the plan already.
            if data.decision == UserDataDecision::Convert {
                lines.push(format!(
                    "{name}: first convert the stub in Secret {secret} (`osimage ignition convert`, \
                     or `osimage apply`, which does it): its machines would not start otherwise"
                ));
            }
        }
        for step in &target.steps {
            lines.push(format!("{name}: first, {}", vcenter_step(step)));
        }
    }
    lines
}

/// What somebody does in a vCenter, or `osimage apply` does for him.
fn vcenter_step(step: &VcenterStep) -> String {
    match step {
        VcenterStep::RenameTemplate { server, path, name } => {
            format!("in vCenter {server}, rename template {path} to {name}")
        }
        VcenterStep::ImportTemplate(import) => {
            let old = import.replaces.as_deref();
            let old = old.map(|old| format!(" in place of {old}"));
            format!(
                "in vCenter {}, import {} as template {}{}",
                import.server,
                import.ova,
                import.name,
                old.unwrap_or_default()
            )
        }
    }
}

fn save(path: &Path, plan: &Plan) -> Result<(), CommandError> {
    let json = document::json(plan)?;
    replace_file(path, json.as_bytes()).map_err(|source| CommandError::Write {
        path: path.display().to_string(),
        source,
    })?;
    note(&format!("plan saved to {}", path.display()));
    Ok(())
}

/// The contract of exit codes: input that could not be read comes first.
fn code(plan: &Plan, errors: &[String], detailed: bool) -> u8 {
    let any = |kinds: &[DecisionKind]| plan.targets.iter().any(|t| kinds.contains(&t.decision));
    if !errors.is_empty() {
        exit::INVALID_INPUT
    } else if detailed && any(&[DecisionKind::Blocked, DecisionKind::Undecided]) {
        exit::TARGETS_BLOCKED
    } else if detailed && any(&[DecisionKind::Update]) {
        exit::CHANGES_PENDING
    } else {
        exit::OK
    }
}
