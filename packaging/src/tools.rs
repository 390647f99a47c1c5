//! Tools from package registries, in pinned versions. What is there already is not installed again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::run;
use crate::paths;

/// Writes the list of crates into a program.
const AUDITABLE: (&str, &str) = ("cargo-auditable", "0.7.7");
/// What `requirements.txt` pins is installed anew when this is another one.
const ZIG: &str = "zigbuild-0.24.0";

/// Folders with programs for `PATH`.
pub(crate) struct Tools {
    auditable: PathBuf,
    /// A virtual environment of Python with zig, the C compiler and linker for every target.
    pub(crate) zig: PathBuf,
}

impl Tools {
    pub(crate) fn install() -> Result<Self, String> {
        Ok(Self {
            auditable: auditable()?,
            zig: zig()?,
        })
    }

    /// `PATH` with the tools before everything else.
    pub(crate) fn search_path(&self) -> Result<std::ffi::OsString, String> {
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let own = [self.auditable.join("bin"), self.zig.join("bin")];
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(&rest)))
            .map_err(|error| format!("PATH: {error}"))
    }
}

fn auditable() -> Result<PathBuf, String> {
    let (name, version) = AUDITABLE;
    let folder = paths::tools().join(format!("{name}-{version}"));
    if !folder.join("bin").join(name).exists() {
        crate::say(&format!("dist: installing {name} {version}"));
        run(Command::new("cargo")
            .args(["install", "--quiet", "--locked", "--root"])
            .arg(&folder)
            .arg(format!("{name}@{version}"))
            .env("CARGO_TARGET_DIR", paths::target().join("tools-target")))?;
    }
    Ok(folder)
}

fn zig() -> Result<PathBuf, String> {
    let folder = paths::tools().join(ZIG);
    // A virtual environment cannot be moved to its place when it is whole; this file says that it is.
    let whole = folder.join("installed");
    if !whole.exists() {
        crate::say("dist: installing cargo-zigbuild and zig");
        paths::empty_folder(&folder)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
            ])
            .args(["--no-deps", "--requirement"])
            .arg(paths::root().join("packaging/requirements.txt")))?;
        paths::write(&whole, b"")?;
    }
    Ok(folder)
}

/// The licence of the C library that is part of every program.
pub(crate) fn musl_licence(zig: &std::path::Path) -> Result<String, String> {
    let libraries = zig.join("lib");
    let pythons =
        fs::read_dir(&libraries).map_err(|error| format!("{}: {error}", libraries.display()))?;
    let found = pythons
        .flatten()
        .map(|python| {
            python
                .path()
                .join("site-packages/ziglang/lib/libc/musl/COPYRIGHT")
        })
        .find(|path| path.exists());
    let path = found.ok_or("the licence of musl is not in the package of zig")?;
    Ok(String::from_utf8_lossy(&paths::read(&path)?).into_owned())
}
