//! `osimage plan`

use std::path::Path;

use bootimage_plan::{DecisionKind, Plan};

use super::{print, print_styled, print_text, tell, tell_all};
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, Snapshot};
use crate::render::{diff, document, table};

pub(super) fn run(args: &PlanArgs) -> Result<u8, CommandError> {
    let input = Input::read_for(&args.input, args.resolve, |snapshot| {
        snapshot.plan(&args.input)
    })?;
    let snapshot = input.snapshot();
    let mut plan = snapshot.plan(&args.input);
    let Snapshot {
        cluster,
        warnings,
        errors,
        ignored,
        ..
    } = snapshot;
    plan.warnings.splice(0..0, warnings);
    tell_all(&plan.warnings, &errors, ignored);
    show(args.output, &plan, &cluster)?;
    if let Some(path) = &args.save {
        save(path, &plan)?;
    }
    Ok(code(&plan, &errors, args.detailed_exitcode))
}

fn show(
    format: PlanFormat,
    plan: &Plan,
    cluster: &bootimage_plan::ClusterSnapshot<'_>,
) -> Result<(), CommandError> {
    match format {
        PlanFormat::Table => print_styled(|out| table::table(out, plan)),
        PlanFormat::Wide => print(|out| table::wide(out, plan)),
        PlanFormat::Json => print_text(&document::json(plan)?),
        PlanFormat::Yaml => print_text(&document::yaml(plan)?),
        PlanFormat::Patch => print(|out| document::patches(out, plan)),
        PlanFormat::Diff => {
            for target in plan
                .targets
                .iter()
                .filter(|t| t.decision == DecisionKind::Update)
            {
                print_text(&diff::unified(target, cluster)?)?;
            }
            Ok(())
        }
    }
}

/// Writes the plan beside the file and moves it there, so that a reader never sees half of it.
fn save(path: &Path, plan: &Plan) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write {
        path: path.display().to_string(),
        source,
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    std::fs::write(part, document::json(plan)?).map_err(failed)?;
    std::fs::rename(part, path).map_err(failed)?;
    tell(&format!("plan saved to {}", path.display()));
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
