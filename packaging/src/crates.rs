//! Which crates are in a program. The list is the one that is in the program itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use auditable_info::{Limits, json_from_file};
use serde_json::Value;

use crate::command::output;

/// A crate of a program.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An expression of SPDX.
    pub(crate) licence: String,
    pub(crate) folder: PathBuf,
    /// It comes from the registry of crates.
    pub(crate) is_foreign: bool,
    /// It ran while the program was built, and is not in it.
    pub(crate) is_for_build: bool,
    pub(crate) is_root: bool,
    /// Places in the list of crates.
    pub(crate) dependencies: Vec<usize>,
}

/// What Cargo knows of every crate that could be in a program.
pub(crate) struct Metadata {
    packages: BTreeMap<(String, String), Known>,
}

struct Known {
    licence: Option<String>,
    folder: PathBuf,
    is_foreign: bool,
}

impl Metadata {
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let text = output(
            Command::new("cargo")
                .args(["metadata", "--locked", "--format-version", "1"])
                .current_dir(root),
        )?;
        let metadata: Value =
            serde_json::from_slice(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        Ok(Self {
            packages: packages.filter_map(known).collect(),
        })
    }

    /// The folders under which crates of registries were unpacked.
    pub(crate) fn registries(&self) -> BTreeSet<PathBuf> {
        let foreign = self.packages.values().filter(|known| known.is_foreign);
        foreign
            .filter_map(|known| known.folder.parent())
            .map(Path::to_owned)
            .collect()
    }

    /// The crates that a program was built from.
    pub(crate) fn crates_of(&self, program: &Path) -> Result<Vec<Crate>, String> {
        let failed = |error: String| format!("{}: {error}", program.display());
        let text = json_from_file(program, Limits::default())
            .map_err(|error| failed(format!("which crates are in it is not known: {error}")))?;
        let list: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let packages = list["packages"].as_array().into_iter().flatten();
        packages
            .map(|package| self.crate_of(package).map_err(failed))
            .collect()
    }

    /// One crate as cargo-auditable wrote it down.
    fn crate_of(&self, package: &Value) -> Result<Crate, String> {
        let text = |member: &str| package[member].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        let known = self.packages.get(&(name.clone(), version.clone()));
        let known = known.ok_or_else(|| format!("Cargo does not know {name} {version}"))?;
        let licence = known.licence.clone();
        let places = package["dependencies"].as_array().into_iter().flatten();
        Ok(Crate {
            licence: licence.ok_or_else(|| format!("{name} {version} has no licence"))?,
            folder: known.folder.clone(),
            is_foreign: known.is_foreign,
            is_for_build: package["kind"] == "build",
            is_root: package["root"] == true,
            dependencies: places
                .filter_map(Value::as_u64)
                .filter_map(|place| usize::try_from(place).ok())
                .collect(),
            name,
            version,
        })
    }
}

fn known(package: &Value) -> Option<((String, String), Known)> {
    let text = |member: &str| package[member].as_str().map(str::to_owned);
    let folder = PathBuf::from(text("manifest_path")?).parent()?.to_owned();
    let is_foreign = !package["source"].is_null();
    let known = Known {
        licence: text("license"),
        folder,
        is_foreign,
    };
    Some(((text("name")?, text("version")?), known))
}
