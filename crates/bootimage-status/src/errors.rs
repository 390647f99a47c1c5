//! How the errors of a pass read in the `Degraded` condition (BI-156 … BI-168).

use std::collections::BTreeSet;

use openshift_model::Kind;

/// Where dealing with a machine resource ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemStep {
    /// BI-156: ClusterVersion could not be read.
    ClusterVersion,
    /// BI-157: its architecture could not be found out.
    Architecture,
    /// BI-158, BI-168: Infrastructure could not be read.
    Infrastructure,
    /// BI-143, BI-168: the ConfigMap `coreos-bootimages` could not be read.
    BootImages,
    /// BI-159, BI-168: the rules of its platform, its provider spec, or its user data.
    Platform,
    /// Anything else: the error stands as it is. BI-153: an owner under 4.17; BI-190, BI-193: a
    /// hot loop; BI-197: a patch that failed.
    Other,
}

/// BI-162, BI-168: the error of one machine resource. People search for parts of it (BI-056).
pub fn item_error(kind: Kind, name: &str, step: ItemStep, error: &str) -> String {
    let (title, word) = names(kind);
    let error = match step {
        ItemStep::ClusterVersion => {
            format!("failed to fetch clusterversion during {word} sync: {error}")
        }
        ItemStep::Architecture => format!("failed to fetch arch during {word} sync: {error}"),
        ItemStep::Infrastructure => {
            format!("failed to fetch infra object during {word} sync: {error}")
        }
        ItemStep::BootImages => {
            format!("failed to fetch coreos-bootimages config map during {word} sync: {error}")
        }
        ItemStep::Platform => format!("failed to reconcile {word} {name}, err: {error}"),
        ItemStep::Other => error.to_owned(),
    };
    format!("error syncing {title} {name}: {error}")
}

/// What a kind is called in front of an error and within it.
fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::ControlPlaneMachineSet => ("ControlPlaneMachineSet", "ControlPlaneMachineSet"),
        _ => ("MAPI MachineSet", "machineset"),
    }
}

/// What could not be had before the first machine resource of a kind was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStep {
    /// MachineConfiguration.
    Configuration,
    /// The selector, out of the configuration.
    Selector,
    /// The resources themselves.
    Resources,
    /// The ConfigMap `coreos-bootimages`.
    BootImages,
}

/// BI-160, BI-165: the error of a pass over one kind that never got to a resource.
pub fn list_error(kind: Kind, step: ListStep, error: &str) -> String {
    let (plural, singular, list) = match kind {
        Kind::ControlPlaneMachineSet => (
            "ControlPlaneMachineSet",
            "ControlPlaneMachineSet",
            "ControlPlaneMachineSet",
        ),
        _ => ("MAPI MachineSets", "MAPI machineset", "MachineSet"),
    };
    match step {
        ListStep::Configuration => {
            format!("failed to get MachineConfiguration while enqueueing {plural}: {error}")
        }
        ListStep::Selector => {
            format!("failed to create a machineset selector while enqueueing {singular} {error}")
        }
        ListStep::Resources => {
            format!("failed to fetch {list} list while enqueueing {plural} {error}")
        }
        ListStep::BootImages => format!("failed to fetch coreos-bootimages config map: {error}"),
    }
}

/// BI-162: the errors of a pass in one text: one as it is, several in brackets in their order, the
/// same one only once. `None` where there is none.
///
/// BI-184: those of ControlPlaneMachineSets and of MachineSets together, in the order of BI-142.
pub fn aggregate<E: AsRef<str>>(errors: impl IntoIterator<Item = E>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut distinct = Vec::new();
    for error in errors {
        let error = error.as_ref().to_owned();
        if seen.insert(error.clone()) {
            distinct.push(error);
        }
    }
    match distinct.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Kind = Kind::MachineSet;
    const CPMS: Kind = Kind::ControlPlaneMachineSet;

    #[test]
    fn bi_162_bi_168_an_error_tells_of_which_resource_it_is() {
        let cases = [
            (
                SET,
                ItemStep::ClusterVersion,
                "error syncing MAPI MachineSet a: failed to fetch clusterversion during machineset \
                 sync: x",
            ),
            (
                SET,
                ItemStep::Architecture,
                "error syncing MAPI MachineSet a: failed to fetch arch during machineset sync: x",
            ),
            (
                SET,
                ItemStep::Infrastructure,
                "error syncing MAPI MachineSet a: failed to fetch infra object during machineset \
                 sync: x",
            ),
            (
                SET,
                ItemStep::Platform,
                "error syncing MAPI MachineSet a: failed to reconcile machineset a, err: x",
            ),
            (SET, ItemStep::Other, "error syncing MAPI MachineSet a: x"),
            (
                CPMS,
                ItemStep::Infrastructure,
                "error syncing ControlPlaneMachineSet a: failed to fetch infra object during \
                 ControlPlaneMachineSet sync: x",
            ),
            (
                CPMS,
                ItemStep::BootImages,
                "error syncing ControlPlaneMachineSet a: failed to fetch coreos-bootimages config \
                 map during ControlPlaneMachineSet sync: x",
            ),
            (
                CPMS,
                ItemStep::Platform,
                "error syncing ControlPlaneMachineSet a: failed to reconcile ControlPlaneMachineSet \
                 a, err: x",
            ),
        ];
        for (kind, step, expected) in cases {
            assert_eq!(item_error(kind, "a", step, "x"), expected);
        }
    }

    #[test]
    fn bi_160_bi_165_what_ends_a_pass_before_its_first_resource() {
        let cases = [
            (
                SET,
                ListStep::Configuration,
                "failed to get MachineConfiguration while enqueueing MAPI MachineSets: x",
            ),
            (
                SET,
                ListStep::Selector,
                "failed to create a machineset selector while enqueueing MAPI machineset x",
            ),
            (
                SET,
                ListStep::Resources,
                "failed to fetch MachineSet list while enqueueing MAPI MachineSets x",
            ),
            (
                SET,
                ListStep::BootImages,
                "failed to fetch coreos-bootimages config map: x",
            ),
            (
                CPMS,
                ListStep::Configuration,
                "failed to get MachineConfiguration while enqueueing ControlPlaneMachineSet: x",
            ),
            (
                CPMS,
                ListStep::Selector,
                "failed to create a machineset selector while enqueueing ControlPlaneMachineSet x",
            ),
            (
                CPMS,
                ListStep::Resources,
                "failed to fetch ControlPlaneMachineSet list while enqueueing \
                 ControlPlaneMachineSet x",
            ),
        ];
        for (kind, step, expected) in cases {
            assert_eq!(list_error(kind, step, "x"), expected);
        }
    }

    #[test]
    fn bi_162_errors_are_told_together_and_once() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&[], None),
            (&["a"], Some("a")),
            (&[""], Some("")),
            (&["a", "a"], Some("a")),
            (&["b", "a"], Some("[b, a]")),
            (&["b", "a", "b", "c"], Some("[b, a, c]")),
        ];
        for (errors, expected) in cases {
            assert_eq!(aggregate(errors).as_deref(), expected, "{errors:?}");
        }
    }
}
