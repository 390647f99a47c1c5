//! Where things are.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository that this program was built from.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where Cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where pinned tools are installed: in the cache of CI, or in the target folder.
pub(crate) fn tools() -> PathBuf {
    let cache = std::env::var_os("OSIMAGE_CI_CACHE").map(PathBuf::from);
    cache.unwrap_or_else(target).join("tools")
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

/// An empty folder, whatever was there.
pub(crate) fn empty_folder(path: &Path) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", path.display());
    if path.exists() {
        fs::remove_dir_all(path).map_err(failed)?;
    }
    fs::create_dir_all(path).map_err(failed)
}
