//! What leads to a pass, by the names that conditions give as their reason (BI-121, BI-123).

use openshift_model::{Kind, Profile};

/// What happened to an object that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new, or was there when the program started.
    Added,
    /// A part of it changed that rules look at.
    Updated,
    /// It is gone.
    Deleted,
}

/// BI-121, BI-123: the reason of the conditions of a pass that a change of an object of this kind
/// led to; `None` where such a change leads to no pass under this profile. Of ClusterVersion the
/// change that counts is that its newest release is now applied completely.
pub const fn trigger(profile: Profile, kind: Kind, change: Change) -> Option<&'static str> {
    use Change::{Added, Deleted, Updated};
    let old = matches!(profile, Profile::P417 | Profile::P419);
    Some(match (kind, change) {
        (Kind::MachineSet, Added) if old => "MAPIMachinesetAdded",
        (Kind::MachineSet, Updated) if old => "MAPIMachinesetUpdated",
        (Kind::MachineSet, Deleted) if old => "MAPIMachinesetDeleted",
        (Kind::MachineSet, Added) => "MAPIMachineSetAdded",
        (Kind::MachineSet, Updated) => "MAPIMachineSetUpdated",
        (Kind::MachineSet, Deleted) => "MAPIMachineSetDeleted",
        (Kind::ControlPlaneMachineSet, _) if old => return None,
        (Kind::ControlPlaneMachineSet, Added) => "ControlPlaneMachineSetAdded",
        (Kind::ControlPlaneMachineSet, Updated) => "ControlPlaneMachineSetUpdated",
        (Kind::ControlPlaneMachineSet, Deleted) => "ControlPlaneMachineSetDeleted",
        (Kind::ConfigMap, Added) => "BootImageConfigMapAdded",
        (Kind::ConfigMap, Updated) => "BootImageConfigMapUpdated",
        (Kind::ConfigMap, Deleted) => "BootImageConfigMapDeleted",
        (Kind::MachineConfiguration, Added) => "BootImageUpdateConfigurationAdded",
        (Kind::MachineConfiguration, Updated) => "BootImageUpdateConfigurationUpdated",
        (Kind::MachineConfiguration, Deleted) => "BootImageUpdateConfigurationDeleted",
        (Kind::ClusterVersion, Updated) => "ClusterVersionStable",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_121_bi_123_each_release_has_its_names() {
        let check = |profile, kind, expected: [Option<&str>; 3]| {
            let changes = [Change::Added, Change::Updated, Change::Deleted];
            let found = changes.map(|change| trigger(profile, kind, change));
            assert_eq!(found, expected, "{profile} {kind}");
        };
        let names = |added, updated, deleted| [Some(added), Some(updated), Some(deleted)];
        let new = names(
            "MAPIMachineSetAdded",
            "MAPIMachineSetUpdated",
            "MAPIMachineSetDeleted",
        );
        check(Profile::P422, Kind::MachineSet, new);
        let old = names(
            "MAPIMachinesetAdded",
            "MAPIMachinesetUpdated",
            "MAPIMachinesetDeleted",
        );
        check(Profile::P417, Kind::MachineSet, old);
        check(Profile::P419, Kind::ControlPlaneMachineSet, [None; 3]);
        let stable = [None, Some("ClusterVersionStable"), None];
        check(Profile::P422, Kind::ClusterVersion, stable);
        check(Profile::P422, Kind::Secret, [None; 3]);
    }
}
