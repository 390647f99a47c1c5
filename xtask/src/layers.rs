//! `cargo xtask check-layers`: who may depend on whom.

use std::process::Command;

use serde_json::Value;

use crate::say;

/// What the model, rules and planning may use besides the crates below them.
const COMMON: &[&str] = &[
    "base64",
    // MachineConfigs travel packed into ConfigMaps.
    "flate2",
    "json-patch",
    "md-5",
    "memchr",
    "regex",
    "schemars",
    "serde",
    // What people write; and an install-config is YAML inside a ConfigMap (BI-333).
    "serde-saphyr",
    "serde_json",
    "serde-transcode",
    "serde_path_to_error",
    "sha2",
    "thiserror",
    // registries.conf is TOML.
    "toml",
];

/// Libraries that do I/O: only binaries use them.
const WITH_IO: &[&str] = &["anyhow", "clap", "kube", "reqwest", "tokio", "tracing"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Layer {
    /// Types that are read.
    Model,
    /// Decisions.
    Rules,
    /// The order of decisions.
    Planning,
    /// Files, sockets, clocks; and what builds or checks the repository.
    Io,
}

/// The layer of a member of the workspace, from its folder and its name.
fn layer(name: &str, path: &str) -> Layer {
    match name {
        _ if !path.contains("/crates/") => Layer::Io,
        "openshift-model" => Layer::Model,
        "bootimage-plan" | "osbuild-plan" => Layer::Planning,
        _ => Layer::Rules,
    }
}

/// Checks every member of the workspace; false where one depends on what it may not.
pub(crate) fn check() -> Result<bool, String> {
    let problems = problems(&metadata()?);
    for problem in &problems {
        say(&format!("check-layers: {problem}"));
    }
    Ok(problems.is_empty())
}

fn metadata() -> Result<Value, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn problems(metadata: &Value) -> Vec<String> {
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let members: Vec<(String, Layer)> = packages()
        .map(|package| {
            let name = text(&package["name"]);
            let layer = layer(&name, &text(&package["manifest_path"]));
            (name, layer)
        })
        .collect();
    let mut problems = Vec::new();
    for (package, (name, layer)) in packages().zip(&members) {
        // Cargo's word for "nowhere" is an empty list; crates may go to the registry.
        let is_published = package["publish"]
            .as_array()
            .is_none_or(|to| !to.is_empty());
        if is_published != (*layer != Layer::Io) {
            problems.push(format!(
                "{name}: crates below crates/ can be published (no `publish` in Cargo.toml), \
                 others cannot (`publish.workspace = true`)"
            ));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may use what they like.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let used = text(&dependency["name"]);
            let inside = members
                .iter()
                .find(|(member, _)| *member == used)
                .map(|(_, layer)| *layer);
            if let Some(problem) = problem(name, *layer, &used, inside) {
                problems.push(problem);
            }
        }
    }
    problems
}

fn problem(name: &str, layer: Layer, used: &str, inside: Option<Layer>) -> Option<String> {
    match inside {
        Some(Layer::Io) if layer == Layer::Io => {
            // What measures and checks may use all of it; nothing that is shipped is for tests.
            let allowed = name != used
                && (["cluster-io", "controller-runtime"].contains(&used) || name == "xtask");
            (!allowed).then(|| format!("{name} and {used} are both binaries"))
        }
        Some(below) if below < layer => None,
        Some(_) => Some(format!("{name} ({layer:?}) may not depend on {used}")),
        None if layer == Layer::Io => None,
        None if WITH_IO.contains(&used) => Some(format!("{name} is pure and may not reach {used}")),
        None if COMMON.contains(&used) => None,
        None => Some(format!(
            "{name} may not use {used}: if it is small and pure, add it to COMMON in xtask/src/layers.rs"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, layer: Layer, used: &str, inside: Option<Layer>, allowed: bool) {
        assert_eq!(
            problem(name, layer, used, inside).is_none(),
            allowed,
            "{name} -> {used}"
        );
    }

    #[test]
    fn dependencies_point_downwards_and_purity_holds() {
        use Layer::{Io, Model, Planning, Rules};
        check(
            "bootimage-plan",
            Planning,
            "bootimage-selection",
            Some(Rules),
            true,
        );
        check(
            "bootimage-selection",
            Rules,
            "openshift-model",
            Some(Model),
            true,
        );
        check(
            "bootimage-selection",
            Rules,
            "providerspec-rewrite",
            Some(Rules),
            false,
        );
        check(
            "openshift-model",
            Model,
            "bootimage-plan",
            Some(Planning),
            false,
        );
        check(
            "bootimage-plan",
            Planning,
            "osbuild-plan",
            Some(Planning),
            false,
        );
        check("bootimage-plan", Planning, "cluster-io", Some(Io), false);
        check("osimage", Io, "cluster-io", Some(Io), true);
        check(
            "machine-os-builder",
            Io,
            "controller-runtime",
            Some(Io),
            true,
        );
        check("osimage", Io, "machine-os-builder", Some(Io), false);
        check("osimage", Io, "test-control-plane", Some(Io), false);
        check("xtask", Io, "test-control-plane", Some(Io), true);
        check("boot-image-controller", Io, "osimage", Some(Io), false);
        check("openshift-model", Model, "serde", None, true);
        check("openshift-model", Model, "tokio", None, false);
        check("openshift-model", Model, "left-pad", None, false);
        check("osimage", Io, "clap", None, true);
    }

    #[test]
    fn members_depend_only_on_what_their_layer_allows() {
        assert_eq!(problems(&metadata().unwrap()), Vec::<String>::new());
    }
}
