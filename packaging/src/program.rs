//! The programs that are released.

/// A program, which is also the name of its package in this workspace and of its image.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// One line for package managers and registries.
    pub(crate) summary: &'static str,
}

/// The command line.
pub(crate) const COMMAND: Program = Program {
    name: "osimage",
    summary: "Plan, explain and apply changes of node operating-system images on OpenShift and OKD",
};

/// Everything that is released.
pub(crate) const PROGRAMS: [Program; 3] = [
    COMMAND,
    Program {
        name: "boot-image-controller",
        summary: "Keeps the boot images of MachineSets and ControlPlaneMachineSets current",
    },
    Program {
        name: "machine-os-builder",
        summary: "Builds layered operating system images of MachineOSConfigs",
    },
];
