//! `osimage layer outdated`

use osbuild_plan::{OutdatedPool, outdated_pools};

use super::{Objects, of_cluster_or_files};
use crate::cli::{LayerFormat, OutdatedArgs};
use crate::commands::{print_shown, print_text};
use crate::error::CommandError;
use crate::exit;
use crate::render::document;

pub(super) fn run(args: &OutdatedArgs) -> Result<u8, CommandError> {
    let texts = of_cluster_or_files(&args.input, &args.cluster)?;
    let objects = Objects::of(&texts);
    let found = outdated_pools(&objects.snapshot.cluster());
    match args.output {
        // What cannot be read may have been a pool that is behind.
        LayerFormat::Text if found.items.is_empty() && !objects.errors.is_empty() => {}
        LayerFormat::Text => print_shown(|out| out.write_all(text(&found.items).as_bytes()))?,
        LayerFormat::Json => print_text(&document::json(&found)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&found)?)?,
    }
    let is_outdated = found.items.iter().any(|pool| pool.outdated == Some(true));
    Ok(match objects.exit_code() {
        exit::OK if args.detailed_exitcode && is_outdated => exit::CHANGES_PENDING,
        code => code,
    })
}

fn text(pools: &[OutdatedPool]) -> String {
    if pools.is_empty() {
        return "no pool runs a layered image that is behind the release\n".to_owned();
    }
    pools.iter().map(of_pool).collect()
}

fn of_pool(pool: &OutdatedPool) -> String {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let mut text = format!("{}: {}\n", pool.pool, verdict(pool));
    for (name, value) in [
        ("from", pool.object.clone()),
        ("image", known(&pool.image)),
        ("base", known(&pool.base_image)),
        ("release", known(&pool.release_image)),
    ] {
        text.push_str(&format!("  {name:<7} {value}\n"));
    }
    let next = match pool.object.split_once('/') {
        Some(("MachineConfig", name)) => {
            format!(
                "osimage layer build … --pool {} --name {name}",
                pool.object_pool
            )
        }
        _ => "the cluster builds it anew by itself; `osimage layer status` says what it waits for"
            .to_owned(),
    };
    text.push_str(&format!("  next    {next}\n"));
    text
}

/// How far behind it is, as far as anybody can tell.
fn verdict(pool: &OutdatedPool) -> String {
    let cluster = pool.cluster_release.as_deref().unwrap_or("not known");
    match (
        pool.outdated,
        pool.image_release.as_deref(),
        pool.releases.as_deref(),
    ) {
        (None, ..) => "nobody can tell: neither its base image nor its release is known".to_owned(),
        (Some(_), Some(image), Some(releases)) if !releases.is_empty() => {
            // When somebody named an image tells at most how new it can be.
            let is_named = pool.object.starts_with("MachineConfig/");
            let guess = if is_named && pool.base_image.is_none() {
                "at best "
            } else {
                ""
            };
            let (count, list) = (releases.len(), releases.join(", "));
            let word = if count == 1 { "release" } else { "releases" };
            format!("made for {guess}{image}, {count} {word} behind ({list})")
        }
        (Some(_), ..) => {
            format!("behind the cluster ({cluster}), of a release that the input does not name")
        }
    }
}
