//! Golden cases of the status where ours says something else, and the rule that demands it.

/// A case in which ours deliberately differs from the reference.
pub(crate) struct Difference {
    /// The case.
    pub(crate) case: &'static str,
    /// The rule that demands the difference.
    pub(crate) rule: &'static str,
    /// What ours says otherwise: all members that differ, as JSON; null for one that ours lacks.
    /// Where the reference crashed, the members that matter.
    pub(crate) ours: &'static str,
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "conditions/empty-list/degraded",
        rule: "BI-186, Improve: a condition that a list lacks is put into it",
        ours: r#"{"status_written": true, "conditions": [{"type": "BootImageUpdateDegraded",
            "status": "True", "reason": "MAPIMachineSetUpdated", "message":
            "0 Degraded MAPI MachineSets | 0 Degraded ControlPlaneMachineSets | 0 Degraded CAPI MachineSets | 0 Degraded CAPI MachineDeployments | Error(s): x"}]}"#,
    },
    Difference {
        case: "mbi_status/nothing-changes/aws",
        rule: "architecture §3: a pass that changes nothing makes no write call. The reference \
               fills in the node disruption policy besides (BI-053), which is none of ours",
        ours: r#"{"status_written": false}"#,
    },
    Difference {
        case: "mbi_status/platformstatus-null",
        rule: "BI-064, Improve: no platform is an unsupported one; the reference crashes",
        ours: r#"{"managed_boot_images_status": {"machineManagers": null},
            "platform": {"machine_sets": false, "control_plane_machine_sets": false,
                "on_by_default": false},
            "boot_image_skew_enforcement_status": {"mode": "Manual",
                "manual": {"mode": "OCPVersion", "ocpVersion": "4.18.1"}}}"#,
    },
    Difference {
        case: "mbi_status/spec-partial-missing-block/aws",
        rule: "architecture §4: no panic on any input. The API server refuses the object \
               (BI-083); what is in it all the same is an error of the selector (BI-080)",
        ours: r#"{"enrolled_machine_sets":
                {"error": "selection mode Partial without a partial block"},
            "boot_image_skew_enforcement_status": {"mode": "Manual",
                "manual": {"mode": "OCPVersion", "ocpVersion": "4.18.1"}}}"#,
    },
];
