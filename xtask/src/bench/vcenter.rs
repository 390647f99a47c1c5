//! The import of a template of a GiB into a simulated vCenter: it fails where it takes more memory than
//! it may.

use std::process::Command;

use crate::r#gen::root;

/// The bench prints its own line: it measures itself, since the vCenter is another process.
pub(super) fn run() -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["bench", "--locked", "--package=cluster-io"])
        .args(["--bench", "vcenter_import"])
        .status()
        .map_err(|error| format!("cargo bench: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err("the import into a vCenter failed, or took more memory than it may".to_owned())
}
