//! What became of a target, as a line for a person.

use cluster_io::apply::{ApplyResult, Outcome};
use cluster_io::cluster::WriteMode;

use crate::error::with_advice;

/// The line about one target.
pub(super) fn line(outcome: &Outcome, mode: WriteMode) -> String {
    let (updated, converted, did) = match mode {
        WriteMode::Real => ("updated", "converted", "done"),
        WriteMode::DryRun => ("would be updated", "would be converted", "needed"),
    };
    let result = match &outcome.result {
        ApplyResult::Updated(change) => format!("{updated}: {change}"),
        ApplyResult::Prepared => "the vCenter is done: run it again".to_owned(),
        ApplyResult::AlreadyDone => "nothing to do: it already is as the plan leaves it".to_owned(),
        ApplyResult::Moved(why) => format!("moved: {why}; plan again"),
        ApplyResult::Refused(why) => format!("refused: {why}"),
        ApplyResult::Failed(error) | ApplyResult::Unreachable(error) => {
            format!("failed: {}", with_advice(error))
        }
        ApplyResult::Unusable(problem) | ApplyResult::VcenterUnknown(problem) => {
            format!("failed: {problem}")
        }
        ApplyResult::Vcenter(error) => format!("failed: {error}"),
        ApplyResult::NotTried => "not tried: the cluster does not answer".to_owned(),
    };
    let steps = outcome.steps.iter();
    let steps = steps.map(|step| format!("; vCenter step {did}: {step}"));
    let secret = outcome.converted.iter();
    let secret = secret.map(|secret| format!("; Secret {secret} {converted}"));
    steps.chain(secret).fold(result, |line, more| line + &more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootimage_plan::{ImageChange, Movement};
    use cluster_io::apply::{AppliedChange, MovedSince};

    #[test]
    fn what_was_half_done_is_named() {
        let moved = ApplyResult::Moved(MovedSince::Target(Movement::Gone));
        let outcome = Outcome {
            converted: Some("worker-user-data".to_owned()),
            ..Outcome::from(moved)
        };
        assert_eq!(
            line(&outcome, WriteMode::Real),
            "moved: it is gone; plan again; Secret worker-user-data converted"
        );
        let change = ImageChange {
            to: Some("x".to_owned()),
            ..ImageChange::default()
        };
        let updated = Outcome::from(ApplyResult::Updated(AppliedChange(change)));
        assert_eq!(
            line(&updated, WriteMode::DryRun),
            "would be updated: boots x"
        );
    }
}
