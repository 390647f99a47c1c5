//! From the command line to what is asked for.

use bootimage_selection::{MachineSetMode, ModeRequest};
use openshift_model::Profile;

use crate::cli::{ControlPlaneModeArg, ModeArg, SetModeArgs};
use crate::error::CommandError;
use crate::selector;

/// Which MachineSets the command line asks for.
pub(super) fn machine_sets(args: &SetModeArgs) -> Result<MachineSetMode, CommandError> {
    Ok(match (args.mode, args.selector.as_deref()) {
        (ModeArg::All, None) => MachineSetMode::All,
        (ModeArg::None, None) => MachineSetMode::None,
        (ModeArg::Partial, Some(text)) => MachineSetMode::Matching(selector::read(text)?.0),
        (ModeArg::Partial, None) => {
            return Err(usage(
                "partial needs --selector, e.g. KEY=VALUE: the labels of the MachineSets",
            ));
        }
        (ModeArg::All | ModeArg::None, Some(_)) => {
            return Err(usage("--selector goes with partial only"));
        }
    })
}

/// What the command line asks for, under a release's rules.
pub(super) fn request(
    args: &SetModeArgs,
    machine_sets: &MachineSetMode,
    profile: Profile,
) -> ModeRequest {
    let control_plane = args.control_plane;
    ModeRequest {
        profile,
        machine_sets: Some(machine_sets.clone()),
        control_plane: control_plane.map(|mode| mode == ControlPlaneModeArg::All),
    }
}

fn usage(problem: &str) -> CommandError {
    CommandError::Usage(problem.to_owned())
}
