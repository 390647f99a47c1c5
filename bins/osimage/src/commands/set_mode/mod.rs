//! `osimage set-mode`: which machine resources are managed, with the two requests that it takes
//! where skew enforcement is automatic (BI-086).

mod preview;
mod request;

use std::time::{Duration, Instant};

use bootimage_plan::{check_configuration, profile};
use bootimage_selection::{ModeChange, ModeRequest, ModeStep, SkewChange, set_mode};
use cluster_io::backoff::{doubled, jittered};
use cluster_io::cluster::{Cluster, ClusterError, MODE_FIELD_MANAGER, WriteMode, guarded_edit};
use openshift_model::{Address, Edit, Kind, MachineConfiguration, RawObject, Write, names};

use self::preview::Preview;
use super::{print_styled, print_text, tell, tell_all};
use crate::cli::{DryRunArg, SetModeArgs};
use crate::error::CommandError;
use crate::input::{Input, Snapshot, policy};
use crate::render::table;
use crate::{exit, live};

/// Before the second look at what the operator has done: mostly it needs no longer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks at an operator that takes its time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a request is made again because somebody else was faster.
const ATTEMPTS: u32 = 4;

pub(super) fn run(args: &SetModeArgs) -> Result<u8, CommandError> {
    let wanted = request::machine_sets(args)?;
    if !args.input.files.is_empty() && args.dry_run != Some(DryRunArg::Client) {
        return Err(CommandError::Usage(
            "files cannot be written: with -f, --dry-run=client prints what to apply".to_owned(),
        ));
    }
    let request = |snapshot: &Snapshot<'_>| {
        let profile = profile(&snapshot.cluster, &policy(&args.input));
        request::request(args, &wanted, profile)
    };
    let input = Input::read_for(&args.input, false, |snapshot| {
        match steps(snapshot, &request(snapshot)) {
            Ok((_, preview)) => preview.plan(snapshot, &args.input),
            Err(_) => snapshot.plan(&args.input),
        }
    })?;
    let snapshot = input.snapshot();
    tell_all(&snapshot.warnings, &snapshot.errors, 0);
    if !snapshot.errors.is_empty() {
        return Ok(exit::INVALID_INPUT);
    }
    let request = request(&snapshot);
    let (steps, preview) = steps(&snapshot, &request)?;
    let plan = preview.plan(&snapshot, &args.input);
    let policy = policy(&args.input);
    let check = check_configuration(&snapshot.cluster, &policy, preview.managed());
    let of_plan = plan
        .warnings
        .iter()
        .filter(|warning| !check.warnings.contains(warning));
    let warnings: Vec<_> = check.warnings.iter().chain(of_plan).cloned().collect();
    tell_all(&warnings, &[], 0);
    // Nothing is written, not even the first of two requests, where the last one would be in vain.
    if !steps.is_empty() && !check.refusals.is_empty() {
        let refusals = check.refusals.join("; ");
        return Err(CommandError::Refused(format!(
            "{refusals}; nothing was written"
        )));
    }
    if args.dry_run == Some(DryRunArg::Client) {
        print_manifest(&preview, args.step)?;
        // Beside what is meant for `oc apply`; nobody may be reading it.
        let _ = table::table(&mut anstream::stderr(), &plan);
        return Ok(exit::OK);
    }
    if steps.is_empty() {
        tell("nothing to do: the MachineConfiguration says so already");
    } else {
        live::block_on(write(args, &request, &steps))??;
    }
    print_styled(|out| table::table(out, &plan))?;
    Ok(exit::OK)
}

/// Prints what to apply for one request, and says what comes before and after: a stream of both
/// would be applied at once, and the API server would refuse the second one.
fn print_manifest(preview: &Preview, number: usize) -> Result<(), CommandError> {
    let count = preview.len();
    if count == 0 {
        tell("nothing to do: the MachineConfiguration says so already");
        return Ok(());
    }
    let Some(manifest) = preview.manifest(number)? else {
        return Err(CommandError::Usage(format!(
            "--step {number}: the last request that is left is number {count}; without --step the \
             next one is printed"
        )));
    };
    print_text(&manifest)?;
    if number < count {
        tell(&format!(
            "this is request {number} of {count}: apply it, wait until the operator has taken it \
             over (status.bootImageSkewEnforcementStatus.mode is no longer Automatic), then run the \
             same command without --step: it prints what is left"
        ));
    }
    Ok(())
}

/// The requests that it takes, and what comes of them.
fn steps(
    snapshot: &Snapshot<'_>,
    request: &ModeRequest,
) -> Result<(Vec<ModeStep>, Preview), CommandError> {
    let objects = snapshot.cluster.objects.iter();
    let object = objects
        .filter(|object| object.kind == Kind::MachineConfiguration)
        .find(|object| object.name.as_str() == names::CLUSTER)
        .ok_or_else(|| {
            CommandError::Invalid(format!(
                "there is no MachineConfiguration {}: the Machine Config Operator creates it",
                names::CLUSTER
            ))
        })?;
    let steps =
        set_mode(object, request).map_err(|error| CommandError::Invalid(error.to_string()))?;
    let preview = Preview::of(object, &steps)?;
    Ok((steps, preview))
}

async fn write(
    args: &SetModeArgs,
    request: &ModeRequest,
    steps: &[ModeStep],
) -> Result<(), CommandError> {
    let cluster = live::connect(&args.input.cluster).await?;
    tell(&format!("cluster: {}", cluster.server()));
    let mode = match args.dry_run {
        Some(_) => WriteMode::DryRun,
        None => WriteMode::Real,
    };
    for step in steps {
        match (step.change, mode) {
            (ModeChange::SkewEnforcement, WriteMode::DryRun) => {
                carry_out(&cluster, request, step.change, mode).await?;
                tell(&format!(
                    "the API server would take the first request, {}; the second one can only be \
                     checked once the operator has taken the first one over",
                    skew_words(step)
                ));
                return Ok(());
            }
            (ModeChange::SkewEnforcement, WriteMode::Real) => {
                carry_out(&cluster, request, step.change, mode).await?;
                tell(&format!(
                    "{}; waiting for the operator to take it over",
                    skew_words(step)
                ));
                wait_for_operator(&cluster, Duration::from_secs(args.timeout)).await?;
            }
            (ModeChange::Managers, _) => {
                carry_out(&cluster, request, step.change, mode).await?;
                tell(match mode {
                    WriteMode::Real => "the MachineConfiguration is changed",
                    WriteMode::DryRun => "the API server would take the change",
                });
            }
        }
    }
    Ok(())
}

/// What becomes of skew enforcement, for a person who depends on it.
fn skew_words(step: &ModeStep) -> &'static str {
    match step.skew {
        Some(SkewChange::Stated) => "skew enforcement: the recorded version is stated by hand",
        Some(SkewChange::StatedBefore) | None => "skew enforcement: stated by hand already",
        Some(SkewChange::Off) => {
            "skew enforcement: switched off, because no version is recorded that could be stated; \
             old boot images will block no upgrade"
        }
    }
}

/// Makes one request for the object as it is now, again where somebody else was faster.
async fn carry_out(
    cluster: &Cluster,
    request: &ModeRequest,
    change: ModeChange,
    mode: WriteMode,
) -> Result<(), CommandError> {
    let mut attempt = 1;
    loop {
        let json = read(cluster).await?;
        let object = parse(&json)?;
        let meta = object.meta().unwrap_or_default();
        let Some(edit) = edit_of(&object, request, change)? else {
            return Ok(());
        };
        let address = Address::of(Kind::MachineConfiguration, "", names::CLUSTER);
        let request = guarded_edit(address, &meta, &edit, MODE_FIELD_MANAGER);
        let write = Write::Patch(request.clone());
        let Err(error) = cluster.execute(&write, mode).await else {
            return Ok(());
        };
        let again = match &error {
            ClusterError::Conflict { .. } => true,
            ClusterError::Invalid { .. } => cluster.was_overtaken(&request).await?,
            error => error.may_have_been_carried_out(),
        };
        if !again || attempt == ATTEMPTS {
            return Err(error.into());
        }
        tokio::time::sleep(jittered(doubled(FIRST_PAUSE, attempt))).await;
        attempt += 1;
    }
}

/// The edit that is left to make, if any.
fn edit_of(
    object: &RawObject<'_>,
    request: &ModeRequest,
    change: ModeChange,
) -> Result<Option<Edit>, CommandError> {
    let steps =
        set_mode(object, request).map_err(|error| CommandError::Invalid(error.to_string()))?;
    Ok(steps
        .into_iter()
        .find(|step| step.change == change)
        .and_then(|step| step.edit))
}

/// BI-086: the next request is rejected until the status says what the spec does.
async fn wait_for_operator(cluster: &Cluster, patience: Duration) -> Result<(), CommandError> {
    let start = Instant::now();
    for attempt in 1.. {
        let json = read(cluster).await?;
        let object = parse(&json)?;
        let configuration = MachineConfiguration::read(&object)
            .map_err(|error| CommandError::Invalid(error.to_string()))?;
        let status = configuration.status.skew_enforcement_status;
        if !status.is_some_and(|status| status.is_automatic()) {
            return Ok(());
        }
        if start.elapsed() >= patience {
            return Err(CommandError::OperatorSlow {
                seconds: patience.as_secs(),
            });
        }
        let left = patience.saturating_sub(start.elapsed());
        let pause = doubled(FIRST_PAUSE, attempt).min(LONGEST_PAUSE).min(left);
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn read(cluster: &Cluster) -> Result<String, CommandError> {
    let read = cluster
        .object(Kind::MachineConfiguration, "", names::CLUSTER)
        .await?;
    read.ok_or_else(|| {
        CommandError::Invalid(format!("MachineConfiguration {} is gone", names::CLUSTER))
    })
}

fn parse(json: &str) -> Result<RawObject<'_>, CommandError> {
    RawObject::parse(json).ok().flatten().ok_or_else(|| {
        CommandError::Invalid(format!("MachineConfiguration {} is none", names::CLUSTER))
    })
}
