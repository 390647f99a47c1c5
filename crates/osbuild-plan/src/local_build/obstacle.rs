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
    /// There is no such pool.
    #[error("there is no MachineConfigPool {pool}; there are {}", .known.join(", "))]
    NoPool {
        /// What was asked for.
        pool: String,
        /// The pools that there are.
        known: Vec<String>,
    },
    /// Another MachineConfig of the pool counts instead.
    #[error(
        "MachineConfig {by} of pool {pool} names an image too and comes later than {name}: nodes would \
         never run what is built; delete it, or choose a name with --name that comes after it"
    )]
    Overridden {
        /// The pool.
        pool: String,
        /// The name that was asked for.
        name: String,
        /// The MachineConfig that counts.
        by: String,
    },
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
        "{}its nodes run on {found}: they could not boot an image for {wanted}; {}",
        inherits(.pool, .of),
        advice(.pool, .of)
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

fn inherits(pool: &str, of: &str) -> String {
    if pool == of {
        format!("pool {pool}: ")
    } else {
        format!("pool {pool} takes the MachineConfigs of pool {of} too, and ")
    }
}

fn advice(pool: &str, of: &str) -> String {
    if pool == of {
        "name each architecture with --architecture".to_owned()
    } else {
        format!(
            "give pool {pool} an image of its own first, in a MachineConfig that comes later, or build for \
             each architecture with --architecture"
        )
    }
}

/// IL-055: whether a MachineConfig of this name may give pool `pool` an image for these architectures.
pub fn check_config(
    snapshot: &LayerSnapshot<'_>,
    pool: &str,
    name: &str,
    architectures: &[Architecture],
) -> Result<(), ConfigObstacle> {
    if let Some(object) = snapshot.object(Kind::MachineConfig, "", name) {
        check_existing(object, pool, name)?;
    }
    let cluster = snapshot.cluster();
    if !cluster.pools.is_empty() && cluster.pool(pool).is_none() {
        let known = cluster.pools.iter();
        return Err(ConfigObstacle::NoPool {
            pool: pool.to_owned(),
            known: known.map(|pool| pool.name.to_string()).collect(),
        });
    }
    let impact = pool_impact(&cluster, pool, name, None);
    let own = impact.pools.iter().find(|effect| effect.pool == pool);
    if let Some(by) = own.and_then(|effect| effect.overridden_by.clone()) {
        return Err(ConfigObstacle::Overridden {
            pool: pool.to_owned(),
            name: name.to_owned(),
            by,
        });
    }
    for effect in impact.pools.iter().filter(|effect| effect.reboots()) {
        let found = cluster.architectures_of(&effect.pool);
        if found.iter().all(|found| architectures.contains(found)) {
            continue;
        }
        return Err(ConfigObstacle::Architecture {
            pool: effect.pool.clone(),
            of: pool.to_owned(),
            found: names(&found),
            wanted: names(architectures),
        });
    }
    Ok(())
}

fn names(architectures: &[Architecture]) -> String {
    let names: Vec<&str> = architectures.iter().map(Architecture::rpm_name).collect();
    names.join(", ")
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
pub(crate) fn settings_besides_image(object: &RawObject<'_>) -> Vec<String> {
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
            let found = check_config(&snapshot, "worker", "os", &[Architecture::X86_64]).err();
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
            let found = check_config(&snapshot, "worker", "os", &[Architecture::X86_64]).err();
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

    #[test]
    fn il_055_a_rendered_config_without_an_image_keeps_no_pool_from_being_looked_at() {
        let source = json!([{"name": "00-worker"}]);
        let texts = [
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": "worker"}, "spec": {"configuration":
                    {"name": "rendered-worker-1", "source": source}}}),
            ),
            // Up to 4.12, and where nothing is rendered yet, it names none.
            object(
                "MachineConfig",
                &json!({"metadata": {"name": "rendered-worker-1"}, "spec": {}}),
            ),
            object(
                "Node",
                &json!({"metadata": {"name": "a", "labels": {"node-role.kubernetes.io/worker": ""}},
                    "status": {"nodeInfo": {"architecture": "arm64"}}}),
            ),
        ];
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let found = check_config(&snapshot, "worker", "os", &[Architecture::X86_64]);
        let found = found.unwrap_err().to_string();
        assert!(found.contains("its nodes run on aarch64"), "{found}");
    }

    #[test]
    fn il_055_a_later_image_counts_and_an_unknown_pool_is_named() {
        let texts = [
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": "worker"}, "spec": {"configuration":
                    {"name": "r", "source": [{"name": "zz-image"}]}}}),
            ),
            config(
                "zz-image",
                "worker",
                &json!({}),
                &json!({"osImageURL": "i"}),
            ),
        ];
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let check = |pool: &str, name: &str| {
            let found = check_config(&snapshot, pool, name, &[Architecture::X86_64]).err();
            found.map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(check("worker", "os").contains("zz-image of pool worker names an image too"));
        assert_eq!(check("worker", "zzz"), "");
        assert_eq!(
            check("gpu", "os"),
            "there is no MachineConfigPool gpu; there are worker"
        );
    }
}
