//! `osimage layer status`

use osbuild_plan::{Layering, PoolStatus, layering_status};

use super::{Objects, of_cluster_or_files};
use crate::cli::{LayerFormat, StatusArgs};
use crate::commands::{print_shown, print_text};
use crate::error::CommandError;
use crate::render::document;

pub(super) fn run(args: &StatusArgs) -> Result<u8, CommandError> {
    let input = of_cluster_or_files(&args.input, &args.cluster)?;
    let objects = Objects::of(&input);
    let status = layering_status(&objects.snapshot.cluster());
    match args.output {
        LayerFormat::Text => print_shown(|out| out.write_all(text(&status.items).as_bytes()))?,
        LayerFormat::Json => print_text(&document::json(&status)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&status)?)?,
    }
    Ok(objects.exit_code())
}

fn text(pools: &[PoolStatus]) -> String {
    let mut text = String::new();
    if pools.is_empty() {
        text.push_str("the input has no MachineConfigPool\n");
    }
    for pool in pools {
        let paused = if pool.paused { ", paused" } else { "" };
        text.push_str(&format!("{}: {}{paused}\n", pool.pool, said(pool.layering)));
        let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<7} {value}\n"));
        if let Some(problem) = &pool.problem {
            line("note", problem);
        }
        line("image", pool.image.as_deref().unwrap_or("not known"));
        if let Some(build) = &pool.image_build {
            line("made", &format!("by MachineOSBuild {build}"));
        }
        if let Some(build) = &pool.build {
            line("build", &format!("{} ({})", build.name, build.state));
        }
        if let Some(updating) = &pool.updating {
            line("update", &updating.message);
        }
        if let Some(source) = &pool.machine_config {
            let since = source.since.as_deref().unwrap_or("an unknown time");
            line(
                "named",
                &format!("by MachineConfig {} since {since}", source.name),
            );
        }
        line(
            "nodes",
            &format!("{} of {} run it", pool.nodes.on_image, pool.nodes.total),
        );
        line("release", &behind(pool));
    }
    text
}

fn said(layering: Layering) -> &'static str {
    match layering {
        Layering::None => "the image of the release",
        Layering::InCluster => "layered, built on the cluster",
        Layering::OutOfCluster => "layered, built elsewhere",
        Layering::Both => "layered on the cluster, on top of an image that was built elsewhere",
        Layering::FirstBuild => "to be layered; its first image is not built yet",
        Layering::Leaving => {
            "its MachineOSConfig is gone; nodes have yet to return to the image of the release"
        }
        Layering::Unknown => "layered by a MachineOSConfig that is not read",
    }
}

fn behind(pool: &PoolStatus) -> String {
    let image = pool.behind.image_release.as_deref().unwrap_or("not known");
    let cluster = pool
        .behind
        .cluster_release
        .as_deref()
        .unwrap_or("not known");
    let guess = match pool.layering {
        Layering::OutOfCluster | Layering::Both => "at best ",
        _ => "",
    };
    match pool.behind.releases.as_deref() {
        Some([]) => format!("{guess}{image}, that of the cluster"),
        Some(releases) => {
            let (count, list) = (releases.len(), releases.join(", "));
            let releases = if count == 1 { "release" } else { "releases" };
            format!("{guess}{image}, {count} {releases} behind the cluster ({list})")
        }
        None => format!("image {image}, cluster {cluster}"),
    }
}
