//! `cargo xtask check-layers`: who may depend on whom.

use std::process::Command;

use serde_json::Value;

use crate::say;

/// What the words and rules may use besides the crates below them.
const COMMON: &[&str] = &[
    "base64",
    // MachineConfigs travel packed into ConfigMaps.
    "flate2",
    "json-patch",
    "md-5",
    "memchr",
    "regex",
    "schemars",
    "semver",
    "serde",
    // An install-config is YAML inside a ConfigMap (BI-333).
    "serde-saphyr",
    "serde_json",
    "serde-transcode",
    "serde_path_to_error",
    "sha2",
    "thiserror",
];

/// What never stands below a binary.
const WORLD: &[&str] = &["anyhow", "clap", "kube", "reqwest", "tokio", "tracing"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Layer {
    Words,
    Rules,
    Order,
    World,
}

/// The layer of a member of the workspace, by where it stands and what it is called.
fn layer(name: &str, path: &str) -> Layer {
    match name {
        _ if !path.contains("/crates/") => Layer::World,
        "openshift-model" => Layer::Words,
        "bootimage-plan" | "osbuild-plan" => Layer::Order,
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
        Some(Layer::World) if layer == Layer::World => {
            // What measures and checks may use all of it; nothing that is shipped is for tests.
            let allowed = name != used
                && (["cluster-io", "controller-runtime"].contains(&used) || name == "xtask");
            (!allowed).then(|| format!("{name} and {used} are both binaries"))
        }
        Some(below) if below < layer => None,
        Some(_) => Some(format!("{name} ({layer:?}) may not depend on {used}")),
        None if layer == Layer::World => None,
        None if WORLD.contains(&used) => Some(format!("{name} is pure and may not reach {used}")),
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
        use Layer::{Order, Rules, Words, World};
        check(
            "bootimage-plan",
            Order,
            "bootimage-selection",
            Some(Rules),
            true,
        );
        check(
            "bootimage-selection",
            Rules,
            "openshift-model",
            Some(Words),
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
            Words,
            "bootimage-plan",
            Some(Order),
            false,
        );
        check("bootimage-plan", Order, "osbuild-plan", Some(Order), false);
        check("bootimage-plan", Order, "cluster-io", Some(World), false);
        check("osimage", World, "cluster-io", Some(World), true);
        check(
            "machine-os-builder",
            World,
            "controller-runtime",
            Some(World),
            true,
        );
        check("osimage", World, "machine-os-builder", Some(World), false);
        check("osimage", World, "test-control-plane", Some(World), false);
        check("xtask", World, "test-control-plane", Some(World), true);
        check(
            "boot-image-controller",
            World,
            "osimage",
            Some(World),
            false,
        );
        check("openshift-model", Words, "serde", None, true);
        check("openshift-model", Words, "tokio", None, false);
        check("openshift-model", Words, "left-pad", None, false);
        check("osimage", World, "clap", None, true);
    }

    #[test]
    fn the_house_stands() {
        assert_eq!(problems(&metadata().unwrap()), Vec::<String>::new());
    }
}
