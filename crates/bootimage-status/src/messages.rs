//! The messages of the two conditions, in the form of each release (BI-180 … BI-185).

use openshift_model::Profile;

use crate::{PassStatistics, Statistics};

/// What stands between two parts of a message.
const SEPARATOR: &str = " | ";

/// One part of a message: a kind by the name that the messages give it.
struct Part {
    name: &'static str,
    of: fn(&PassStatistics) -> Statistics,
}

const MACHINE_SETS: Part = Part {
    name: "MAPI MachineSets",
    of: |pass| pass.machine_sets,
};
const CONTROL_PLANE_MACHINE_SETS: Part = Part {
    name: "ControlPlaneMachineSets",
    of: |pass| pass.control_plane_machine_sets,
};
const CAPI_MACHINE_SETS: Part = Part {
    name: "CAPI MachineSets",
    of: |pass| pass.capi_machine_sets,
};
const CAPI_MACHINE_DEPLOYMENTS: Part = Part {
    name: "CAPI MachineDeployments",
    of: |pass| pass.capi_machine_deployments,
};

/// How a release writes its messages. Other components and the user's documents quote them.
struct Form {
    /// The parts before the last one; the last one is about `MachineDeployments` everywhere.
    parts: &'static [Part],
    /// Whether the last part of the degradation message says `Degraded`.
    last_says_degraded: bool,
    /// Whether `(n skipped)` is written.
    says_skipped: bool,
}

impl Form {
    /// BI-180, BI-182: the form of each release.
    const fn of(profile: Profile) -> Self {
        match profile {
            Profile::P417 | Profile::P419 => Self {
                parts: &[MACHINE_SETS, CAPI_MACHINE_SETS],
                last_says_degraded: false,
                says_skipped: false,
            },
            Profile::P421 => Self {
                parts: &[MACHINE_SETS, CONTROL_PLANE_MACHINE_SETS, CAPI_MACHINE_SETS],
                last_says_degraded: false,
                says_skipped: false,
            },
            Profile::P422 => Self {
                parts: &[MACHINE_SETS, CONTROL_PLANE_MACHINE_SETS, CAPI_MACHINE_SETS],
                last_says_degraded: true,
                says_skipped: true,
            },
        }
    }

    fn progress(&self, part: &Part, pass: &PassStatistics) -> String {
        let mut statistics = (part.of)(pass);
        if !self.says_skipped {
            statistics.skipped = 0;
        }
        statistics.progress(part.name)
    }

    fn degradation(&self, pass: &PassStatistics) -> String {
        let mut parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| (part.of)(pass).degradation(part.name))
            .collect();
        let Part { name, of } = CAPI_MACHINE_DEPLOYMENTS;
        parts.push(if self.last_says_degraded {
            of(pass).degradation(name)
        } else {
            format!("{} {name}", of(pass).errored)
        });
        parts.join(SEPARATOR)
    }
}

/// BI-180, BI-182: how far a pass has come.
pub fn progress_message(profile: Profile, pass: &PassStatistics) -> String {
    let form = Form::of(profile);
    let parts: Vec<String> = form
        .parts
        .iter()
        .chain([&CAPI_MACHINE_DEPLOYMENTS])
        .map(|part| form.progress(part, pass))
        .collect();
    parts.join(SEPARATOR)
}

/// BI-180, BI-182: how many resources met an error in a pass, and what errors there were
/// ([`aggregate`](crate::aggregate)).
pub fn degradation_message(
    profile: Profile,
    pass: &PassStatistics,
    errors: Option<&str>,
) -> String {
    let counts = Form::of(profile).degradation(pass);
    match errors {
        Some(errors) => format!("{counts}{SEPARATOR}Error(s): {errors}"),
        None => counts,
    }
}

/// BI-185: the degradation message before the first pass. Its last part has the old form in every
/// release.
pub(crate) fn default_degradation_message(profile: Profile) -> String {
    let form = Form {
        last_says_degraded: false,
        ..Form::of(profile)
    };
    form.degradation(&PassStatistics::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ItemStep, Outcome, aggregate, item_error};
    use openshift_model::Kind;

    fn pass() -> PassStatistics {
        let machine_sets = Statistics {
            total: 4,
            in_progress: 3,
            errored: 1,
            skipped: 2,
        };
        PassStatistics {
            machine_sets,
            ..PassStatistics::default()
        }
    }

    fn check(profile: Profile, progress: &str, degradation: &str) {
        assert_eq!(progress_message(profile, &pass()), progress, "{profile}");
        let found = degradation_message(profile, &pass(), None);
        assert_eq!(found, degradation, "{profile}");
        let with_error = degradation_message(profile, &pass(), Some("x"));
        assert_eq!(with_error, format!("{degradation} | Error(s): x"));
    }

    #[test]
    fn bi_180_bi_182_every_release_has_its_form() {
        let three = "Reconciled 3 of 4 MAPI MachineSets | Reconciled 0 of 0 CAPI MachineSets | \
                     Reconciled 0 of 0 CAPI MachineDeployments";
        let three_degraded =
            "1 Degraded MAPI MachineSets | 0 Degraded CAPI MachineSets | 0 CAPI MachineDeployments";
        check(Profile::P417, three, three_degraded);
        check(Profile::P419, three, three_degraded);
        check(
            Profile::P421,
            "Reconciled 3 of 4 MAPI MachineSets | Reconciled 0 of 0 ControlPlaneMachineSets | \
             Reconciled 0 of 0 CAPI MachineSets | Reconciled 0 of 0 CAPI MachineDeployments",
            "1 Degraded MAPI MachineSets | 0 Degraded ControlPlaneMachineSets | \
             0 Degraded CAPI MachineSets | 0 CAPI MachineDeployments",
        );
        check(
            Profile::P422,
            "Reconciled 1 of 4 MAPI MachineSets (2 skipped) | \
             Reconciled 0 of 0 ControlPlaneMachineSets | \
             Reconciled 0 of 0 CAPI MachineSets | Reconciled 0 of 0 CAPI MachineDeployments",
            "1 Degraded MAPI MachineSets | 0 Degraded ControlPlaneMachineSets | \
             0 Degraded CAPI MachineSets | 0 Degraded CAPI MachineDeployments",
        );
    }

    #[test]
    fn bi_181_bi_184_the_errors_of_both_kinds_stand_behind_the_counts() {
        let one = Statistics::of([Outcome::Errored]);
        let pass = PassStatistics {
            machine_sets: one,
            control_plane_machine_sets: one,
            ..PassStatistics::default()
        };
        let errors = aggregate([
            item_error(
                Kind::ControlPlaneMachineSet,
                "cluster",
                ItemStep::Platform,
                "x",
            ),
            item_error(Kind::MachineSet, "ms-a", ItemStep::Platform, "y"),
        ]);
        assert_eq!(
            degradation_message(Profile::P422, &pass, errors.as_deref()),
            "1 Degraded MAPI MachineSets | 1 Degraded ControlPlaneMachineSets | \
             0 Degraded CAPI MachineSets | 0 Degraded CAPI MachineDeployments | \
             Error(s): [error syncing ControlPlaneMachineSet cluster: failed to reconcile \
             ControlPlaneMachineSet cluster, err: x, error syncing MAPI MachineSet ms-a: failed to \
             reconcile machineset ms-a, err: y]"
        );
    }

    #[test]
    fn bi_185_before_the_first_pass_the_last_part_has_the_old_form() {
        let three = "0 Degraded MAPI MachineSets | 0 Degraded CAPI MachineSets | \
                     0 CAPI MachineDeployments";
        let four = "0 Degraded MAPI MachineSets | 0 Degraded ControlPlaneMachineSets | \
                    0 Degraded CAPI MachineSets | 0 CAPI MachineDeployments";
        for (profile, expected) in [
            (Profile::P417, three),
            (Profile::P419, three),
            (Profile::P421, four),
            (Profile::P422, four),
        ] {
            assert_eq!(default_degradation_message(profile), expected, "{profile}");
        }
    }
}
