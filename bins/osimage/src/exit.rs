//! Exit codes. Scripts depend on them: codes may be added, none ever changes its meaning.

/// Done; with `--detailed-exitcode`: nothing to change.
pub const OK: u8 = 0;
/// Our bug, or an unexpected failure.
pub const FAILURE: u8 = 1;
/// Usage.
pub const USAGE: u8 = 2;
/// Invalid input: a file, a document, a stub. The message names the place.
pub const INVALID_INPUT: u8 = 3;
/// Cluster or cloud could not be reached, or refused us.
pub const UNREACHABLE: u8 = 4;
/// Refused: stale plan, policy, would lose data.
pub const REFUSED: u8 = 5;
/// With `--detailed-exitcode`: changes are pending.
pub const CHANGES_PENDING: u8 = 10;
/// With `--detailed-exitcode`: at least one target is Blocked or Undecided.
pub const TARGETS_BLOCKED: u8 = 11;

/// With `--fail-on`: a node would not join, or may not.
pub const WOULD_NOT_JOIN: u8 = 12;

/// `layer build`: a step of the Containerfile failed.
pub const STEP_FAILED: u8 = 13;
/// `layer build`: the disk is full.
pub const NO_SPACE: u8 = 14;
/// `layer build`: a registry refuses the credentials, or the image.
pub const REGISTRY_REFUSED: u8 = 15;
/// `layer build`: a registry cannot be reached, or nobody vouches for its certificate.
pub const REGISTRY_UNREACHABLE: u8 = 16;
/// `layer build`: there is neither buildah nor podman, or it is too old.
pub const NO_BUILDER: u8 = 17;
/// `layer build`: the builder or the program that signs failed, and not because of the image or a registry.
pub const BUILDER_FAILED: u8 = 18;
/// `layer build`: interrupted.
pub const INTERRUPTED: u8 = 130;

/// Every exit code with what it means, for the generated reference.
pub const ALL: &[(u8, &str, &str)] = &[
    (
        OK,
        "OK",
        "Done; with `--detailed-exitcode`: nothing to change.",
    ),
    (FAILURE, "FAILURE", "Our bug, or an unexpected failure."),
    (USAGE, "USAGE", "Usage: an option or argument is wrong."),
    (
        INVALID_INPUT,
        "INVALID_INPUT",
        "Invalid input: a file, a document, a stub. The message names the place.",
    ),
    (
        UNREACHABLE,
        "UNREACHABLE",
        "Cluster or cloud could not be reached, or refused us.",
    ),
    (
        REFUSED,
        "REFUSED",
        "Refused: stale plan, policy, would lose data.",
    ),
    (
        CHANGES_PENDING,
        "CHANGES_PENDING",
        "With `--detailed-exitcode`: changes are pending.",
    ),
    (
        TARGETS_BLOCKED,
        "TARGETS_BLOCKED",
        "With `--detailed-exitcode`: at least one target is Blocked or Undecided.",
    ),
    (
        WOULD_NOT_JOIN,
        "WOULD_NOT_JOIN",
        "With `--fail-on`: the next node of a set would not join, or may not.",
    ),
    (
        STEP_FAILED,
        "STEP_FAILED",
        "`layer build`: a step of the Containerfile failed; its last lines and its own exit code are shown.",
    ),
    (NO_SPACE, "NO_SPACE", "`layer build`: the disk is full."),
    (
        REGISTRY_REFUSED,
        "REGISTRY_REFUSED",
        "`layer build`: a registry refuses the credentials, or the image.",
    ),
    (
        REGISTRY_UNREACHABLE,
        "REGISTRY_UNREACHABLE",
        "`layer build`: a registry cannot be reached, or nobody vouches for its certificate.",
    ),
    (
        NO_BUILDER,
        "NO_BUILDER",
        "`layer build`: there is neither buildah nor podman, or it is too old.",
    ),
    (
        BUILDER_FAILED,
        "BUILDER_FAILED",
        "`layer build`: the builder, or the program that signs, could not do something that has nothing to do \
         with the Containerfile, the disk or a registry: its own words are shown.",
    ),
    (INTERRUPTED, "INTERRUPTED", "`layer build`: interrupted."),
];
