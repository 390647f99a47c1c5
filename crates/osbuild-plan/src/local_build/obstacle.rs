//! What keeps a MachineConfig with an image from being written: it would take something away from
//! somebody, or give nodes what they cannot boot.

use openshift_model::{Architecture, Kind, RawObject};
use serde_json::Value;

use super::impact::pool_impact;
use super::machine_config::{PUSH_SPEC, ROLE_LABEL};
use crate::snapshot::LayerSnapshot;

/// Why a MachineConfig is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigObstacle {
    /// One of that name is for another pool.
    #[error(
        "MachineConfig {name} is there already, and its label {ROLE_LABEL} is {role:?}: who has it now would \
         lose it; choose another name with --name"
    )]
    OfOtherPool {
        /// Its name.
        name: String,
        /// The pool that it is for.
        role: String,
    },
    /// Somebody has written one of that name for other things.
    #[error(
        "MachineConfig {name} is there already, was not written by osimage, and has {} as well: choose another name with --name",
        .settings.join(", ")
    )]
    OfSomebody {
        /// Its name.
        name: String,
        /// What it has besides an image, by member of `spec`.
        settings: Vec<String>,
    },
    /// A pool that takes it too has nodes of another architecture.
    #[error(
        "pool {pool} takes the MachineConfigs of pool {of} too, and its nodes run on {found}: they could \
         not boot an image for {wanted}; give pool {pool} an image of its own first, in a MachineConfig \
         that comes later"
    )]
    Architecture {
        /// The pool whose nodes could not boot.
        pool: String,
        /// The pool that the image is for.
        of: String,
        /// What its nodes run on.
        found: String,
        /// What the image is for.
        wanted: String,
    },
}

/// IL-055: whether a MachineConfig of this name may give pool `pool` an image for `architecture`.
pub fn check_config(
    snapshot: &LayerSnapshot<'_>,
    pool: &str,
    name: &str,
    architecture: &Architecture,
) -> Result<(), ConfigObstacle> {
    if let Some(object) = snapshot.object(Kind::MachineConfig, "", name) {
        check_existing(object, pool, name)?;
    }
    let cluster = snapshot.cluster();
    let impact = pool_impact(&cluster, pool, name, "");
    for effect in impact.pools.iter().filter(|effect| effect.reboots()) {
        let found = match cluster.architecture_of(&effect.pool) {
            Ok(Some(found)) if found != *architecture => found.rpm_name().to_owned(),
            Ok(_) => continue,
            Err(mixed) => mixed.architectures,
        };
        return Err(ConfigObstacle::Architecture {
            pool: effect.pool.clone(),
            of: pool.to_owned(),
            found,
            wanted: architecture.rpm_name().to_owned(),
        });
    }
    Ok(())
}

fn check_existing(object: &RawObject<'_>, pool: &str, name: &str) -> Result<(), ConfigObstacle> {
    let value = object.to_value().unwrap_or_default();
    let text = |of: &str, key: &str| {
        let found = value.get("metadata")?.get(of)?.get(key)?.as_str();
        found.map(str::to_owned)
    };
    let role = text("labels", ROLE_LABEL).unwrap_or_default();
    if role != pool {
        let name = name.to_owned();
        return Err(ConfigObstacle::OfOtherPool { name, role });
    }
    let settings = settings_besides_image(object);
    if text("annotations", PUSH_SPEC).is_none() && !settings.is_empty() {
        let name = name.to_owned();
        return Err(ConfigObstacle::OfSomebody { name, settings });
    }
    Ok(())
}

/// The members of a MachineConfig's `spec` that say something, but for the image.
pub fn settings_besides_image(object: &RawObject<'_>) -> Vec<String> {
    let value = object.to_value().unwrap_or_default();
    let members = value.get("spec").and_then(Value::as_object);
    let members = members.into_iter().flatten();
    let members =
        members.filter(|(name, value)| *name != "osImageURL" && says_something(name, value));
    members.map(|(name, _)| name.clone()).collect()
}

/// Whether a member is more than what the API server and tools fill in where nothing is wanted.
fn says_something(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => {
            !text.is_empty()
                && (name, text.as_str()) != ("kernelType", "default")
                && name != "version"
        }
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| says_something(name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use serde_json::json;

    fn config(name: &str, role: &str, annotations: &Value, spec: &Value) -> String {
        object(
            "MachineConfig",
            &json!({"metadata": {"name": name, "labels": {ROLE_LABEL: role},
                "annotations": annotations}, "spec": spec}),
        )
    }

    #[test]
    fn il_055_nobody_loses_what_is_theirs() {
        let ours = json!({PUSH_SPEC: "r.io/o/i:t"});
        let none = json!({});
        let image = json!({"osImageURL": "r.io/o/i@sha256:1", "fips": false, "kernelType": "default",
            "config": {"ignition": {"version": "3.4.0"}}, "extensions": []});
        let files =
            json!({"config": {"storage": {"files": [{"path": "/a"}]}}, "kernelArguments": ["a"]});
        for (text, expected) in [
            (config("os", "worker", &ours, &image), ""),
            (config("os", "worker", &none, &image), ""),
            (config("os", "worker", &ours, &files), ""),
            (
                config("os", "worker", &none, &files),
                "has config, kernelArguments as well",
            ),
            (config("os", "gpu", &ours, &image), "is \"gpu\""),
            (config("other", "gpu", &none, &files), ""),
        ] {
            let (snapshot, _) = LayerSnapshot::of(vec![raw(&text)]);
            let found = check_config(&snapshot, "worker", "os", &Architecture::X86_64).err();
            let found = found.map(|error| error.to_string()).unwrap_or_default();
            assert!(found.contains(expected), "{found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
        }
    }

    #[test]
    fn il_055_no_pool_gets_an_image_of_another_architecture() {
        let pool = |name: &str, sources: &[&str]| {
            let sources: Vec<_> = sources.iter().map(|name| json!({"name": name})).collect();
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": name}, "spec": {"nodeSelector": {"matchLabels":
                    {format!("node-role.kubernetes.io/{name}"): ""}},
                    "configuration": {"name": "r", "source": sources}}}),
            )
        };
        let node = |role: &str, architecture: &str| {
            object(
                "Node",
                &json!({"metadata": {"name": format!("{role}-1"), "labels":
                    {format!("node-role.kubernetes.io/{role}"): "",
                    "node-role.kubernetes.io/worker": ""}},
                    "status": {"nodeInfo": {"architecture": architecture}}}),
            )
        };
        let check = |arm_sources: &[&str], expected: &str| {
            let empty = json!({});
            let texts = [
                pool("worker", &["00-worker"]),
                pool("arm", arm_sources),
                node("arm", "arm64"),
                config(
                    "00-worker",
                    "worker",
                    &empty,
                    &json!({"osImageURL": "release"}),
                ),
                config("zz-arm", "arm", &empty, &json!({"osImageURL": "arms"})),
            ];
            let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
            let found = check_config(&snapshot, "worker", "os", &Architecture::X86_64).err();
            let found = found.map(|error| error.to_string()).unwrap_or_default();
            assert!(found.contains(expected), "{found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
        };
        check(
            &["00-worker"],
            "pool arm takes the MachineConfigs of pool worker too",
        );
        check(&["00-worker", "zz-arm"], "");
    }
}
