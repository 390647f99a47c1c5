//! How many machine resources a pass has dealt with (BI-152).

/// What became of one enrolled machine resource in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It boots what it should, or now does, or was left alone without being counted.
    Reconciled,
    /// It was left alone, and is counted as such.
    Skipped,
    /// An error kept it from being dealt with.
    Errored,
    /// It has not been dealt with yet.
    Pending,
}

/// BI-152: how many resources of one kind a pass has dealt with, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Enrolled resources.
    pub total: u64,
    /// Those that were dealt with without an error, skipped ones included.
    pub in_progress: u64,
    /// Those that met an error.
    pub errored: u64,
    /// Those of `in_progress` that are counted as skipped.
    pub skipped: u64,
}

impl Statistics {
    /// BI-152: counts the outcomes of a kind's enrolled resources.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut statistics = Self::default();
        for outcome in outcomes {
            statistics.total += 1;
            match outcome {
                Outcome::Reconciled => statistics.in_progress += 1,
                Outcome::Skipped => {
                    statistics.in_progress += 1;
                    statistics.skipped += 1;
                }
                Outcome::Errored => statistics.errored += 1,
                Outcome::Pending => {}
            }
        }
        statistics
    }

    /// BI-152: whether every resource was dealt with.
    pub fn is_finished(self) -> bool {
        self.in_progress.checked_add(self.errored) == Some(self.total)
    }

    /// BI-180: this kind's part of the progress message: `Reconciled 3 of 4 MAPI MachineSets
    /// (1 skipped)`.
    pub fn progress(self, name: &str) -> String {
        let Self {
            total,
            in_progress,
            skipped,
            ..
        } = self;
        if skipped == 0 {
            return format!("Reconciled {in_progress} of {total} {name}");
        }
        let reconciled = in_progress.saturating_sub(skipped);
        format!("Reconciled {reconciled} of {total} {name} ({skipped} skipped)")
    }

    /// BI-180: this kind's part of the degradation message: `1 Degraded MAPI MachineSets`.
    pub fn degradation(self, name: &str) -> String {
        format!("{} Degraded {name}", self.errored)
    }
}

/// The statistics of a pass, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassStatistics {
    /// MachineSets of the Machine API.
    pub machine_sets: Statistics,
    /// ControlPlaneMachineSets.
    pub control_plane_machine_sets: Statistics,
    /// MachineSets of the Cluster API. Nobody manages them, so that they are always 0 (BI-180).
    pub capi_machine_sets: Statistics,
    /// `MachineDeployments` of the Cluster API, as above.
    pub capi_machine_deployments: Statistics,
}

impl PassStatistics {
    /// BI-183: whether the pass has dealt with every resource.
    pub fn is_finished(&self) -> bool {
        let Self {
            machine_sets,
            control_plane_machine_sets,
            capi_machine_sets,
            capi_machine_deployments,
        } = self;
        [
            machine_sets,
            control_plane_machine_sets,
            capi_machine_sets,
            capi_machine_deployments,
        ]
        .iter()
        .all(|statistics| statistics.is_finished())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bi_152_outcomes_are_counted() {
        use Outcome::{Errored, Pending, Reconciled, Skipped};
        let check = |outcomes: &[Outcome], expected: [u64; 4], finished| {
            let found = Statistics::of(outcomes.iter().copied());
            let Statistics {
                total,
                in_progress,
                errored,
                skipped,
            } = found;
            assert_eq!([total, in_progress, errored, skipped], expected);
            assert_eq!(found.is_finished(), finished, "{outcomes:?}");
        };
        check(&[], [0, 0, 0, 0], true);
        check(&[Reconciled, Skipped, Errored], [3, 2, 1, 1], true);
        check(&[Reconciled, Pending], [2, 1, 0, 0], false);
        check(&[Skipped, Skipped], [2, 2, 0, 2], true);
    }

    proptest! {
        #[test]
        fn bi_180_a_message_can_be_had_of_any_numbers(
            total: u64, in_progress: u64, errored: u64, skipped: u64, name: String,
        ) {
            let statistics = Statistics { total, in_progress, errored, skipped };
            prop_assert!(statistics.progress(&name).contains(&name));
            prop_assert!(statistics.degradation(&name).contains(&name));
            prop_assert_eq!(
                statistics.is_finished(),
                u128::from(total) == u128::from(in_progress) + u128::from(errored)
            );
        }
    }
}
