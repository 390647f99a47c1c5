//! From the command line to what is asked for.

use bootimage_selection::{MachineSetMode, ModeRequest};

use crate::cli::{ControlPlaneModeArg, ModeArg, SetModeArgs};
use crate::error::CommandError;

/// What the command line asks for.
pub(super) fn read(args: &SetModeArgs) -> Result<ModeRequest, CommandError> {
    let machine_sets = match (args.mode, args.selector.as_deref()) {
        (ModeArg::All, None) => MachineSetMode::All,
        (ModeArg::None, None) => MachineSetMode::None,
        (ModeArg::Partial, Some(selector)) => MachineSetMode::Labels(labels(selector)?),
        (ModeArg::Partial, None) => {
            return Err(usage(
                "partial needs --selector KEY=VALUE: the labels of the MachineSets",
            ));
        }
        (ModeArg::All | ModeArg::None, Some(_)) => {
            return Err(usage("--selector goes with partial only"));
        }
    };
    Ok(ModeRequest {
        machine_sets: Some(machine_sets),
        control_plane: args
            .control_plane
            .map(|mode| mode == ControlPlaneModeArg::All),
    })
}

/// Reads `key=value,key=value`.
fn labels(selector: &str) -> Result<Vec<(String, String)>, CommandError> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for part in selector.split(',') {
        let (key, value) = part
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && !value.contains('='))
            .ok_or_else(|| usage(&format!("--selector: {part:?} is not KEY=VALUE")))?;
        if labels.iter().any(|(known, _)| known == key) {
            return Err(usage(&format!("--selector: {key} stands there twice")));
        }
        labels.push((key.to_owned(), value.to_owned()));
    }
    Ok(labels)
}

fn usage(problem: &str) -> CommandError {
    CommandError::Usage(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_keys_and_values() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(labels("a=b").unwrap(), [pair("a", "b")]);
        assert_eq!(
            labels("a=b,c.d/e=").unwrap(),
            [pair("a", "b"), pair("c.d/e", "")]
        );
        for wrong in ["", "a", "=b", "a==b", "a=b,", "a=b,a=c", "a in (b)"] {
            assert!(
                matches!(labels(wrong), Err(CommandError::Usage(_))),
                "{wrong}"
            );
        }
    }
}
