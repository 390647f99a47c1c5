//! `osimage layer remove`: back to the image of the release.

use cluster_io::cluster::WriteMode;
use openshift_model::Kind;
use osbuild_plan::{PoolReturn, Removal, delete_machine_config, removal};
use serde_json::{Map, Value, json};

use super::{Objects, of_cluster_or_files};
use crate::cli::RemoveArgs;
use crate::commands::{note, print_text, tell};
use crate::error::CommandError;
use crate::render::document;
use crate::{exit, live};

pub(super) fn run(args: &RemoveArgs) -> Result<u8, CommandError> {
    if args.apply && !args.input.files.is_empty() {
        return Err(CommandError::Usage(
            "files cannot be written: --apply writes to the live cluster, leave -f out".to_owned(),
        ));
    }
    let texts = of_cluster_or_files(&args.input, &args.cluster)?;
    let objects = Objects::of(&texts);
    if !objects.errors.is_empty() {
        return Ok(exit::INVALID_INPUT);
    }
    let cluster = objects.snapshot.cluster();
    let found = removal(&objects.snapshot, &args.pool);
    let found = found.map_err(|error| CommandError::Refused(error.to_string()))?;
    if args.apply {
        let writes = found.machine_configs.iter();
        let writes = writes.filter_map(|name| cluster.machine_config(name));
        let writes: Vec<_> = writes.map(delete_machine_config).collect();
        live::block_on(async {
            let cluster = live::connect(&args.cluster).await?;
            for write in &writes {
                cluster.execute(write, WriteMode::Real).await?;
                tell(&format!(
                    "MachineConfig {} is deleted from {}",
                    write.address().name,
                    cluster.server()
                ));
            }
            Ok::<_, CommandError>(())
        })??;
    } else {
        print_text(&manifests(&objects, &found)?)?;
        note("nothing was deleted: --apply does it, or `osimage layer remove … | oc delete -f -`");
    }
    for line in follows(&found) {
        note(&line);
    }
    Ok(exit::OK)
}

/// What is deleted, so that it can be kept, and handed to `oc delete`.
fn manifests(objects: &Objects<'_>, found: &Removal) -> Result<String, CommandError> {
    let mut texts = Vec::new();
    for name in &found.machine_configs {
        let object = objects.snapshot.object(Kind::MachineConfig, "", name);
        let object = object.and_then(|object| object.to_value().ok());
        let object = object.unwrap_or_default();
        let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or(Value::Null);
        let mut metadata = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
        for member in ["labels", "annotations"] {
            if let Some(found) = object.pointer(&format!("/metadata/{member}")) {
                metadata.insert(member.to_owned(), found.clone());
            }
        }
        texts.push(document::yaml(&json!({
            "apiVersion": part("/apiVersion"),
            "kind": part("/kind"),
            "metadata": metadata,
            "spec": part("/spec"),
        }))?);
    }
    Ok(texts.join("---\n"))
}

fn follows(found: &Removal) -> Vec<String> {
    let kept = "the image stays in its registry: delete it there once no node runs it".to_owned();
    found.pools.iter().map(of_pool).chain([kept]).collect()
}

fn of_pool(found: &PoolReturn) -> String {
    let PoolReturn { pool, nodes, .. } = found;
    let image = found.image.as_deref();
    let image = image.unwrap_or("the image of the release");
    if let Some(config) = &found.machine_os_config {
        return format!(
            "pool {pool}: MachineOSConfig {config} builds its image anew, on top of {image}"
        );
    }
    let word = if *nodes == 1 { "node" } else { "nodes" };
    let when = if found.paused {
        ", once it is no longer paused"
    } else {
        ""
    };
    format!(
        "pool {pool} has {nodes} {word}: each is cordoned, drained and rebooted into {image}{when}"
    )
}
