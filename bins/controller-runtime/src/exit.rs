//! Exit codes of the controllers.

/// Stopped by SIGTERM or SIGINT.
pub const STOPPED: u8 = 0;
/// The flags are wrong.
pub const USAGE: u8 = 2;
/// The configuration is invalid, or the cluster is no OpenShift cluster.
pub const CONFIGURATION: u8 = 3;
/// The Lease was lost: another process may be writing by now.
pub const LEASE_LOST: u8 = 6;
