//! `osimage vsphere`

use bootimage_plan::{
    ClusterSnapshot, Completeness, Removal, ReportedTemplate, TemplateInputs, TemplateReport,
    inventory_reads, reads, template_inputs, template_report,
};
use cluster_io::cluster::Cluster;
use cluster_io::files::{self, Texts};
use cluster_io::load;
use cluster_io::vcenter::{self, Access};

use super::{print, print_shown, print_text, tell, tell_all};
use crate::cli::{TemplatesArgs, TemplatesFormat, VsphereCommand};
use crate::clouds::clouds;
use crate::error::CommandError;
use crate::render::{document, templates};
use crate::{exit, live, progress};

pub(super) fn run(command: &VsphereCommand) -> Result<u8, CommandError> {
    match command {
        VsphereCommand::Templates(args) => live::block_on(run_templates(args))?,
    }
}

async fn run_templates(args: &TemplatesArgs) -> Result<u8, CommandError> {
    let (texts, cluster) = read(args).await?;
    let inputs = inputs(&texts);
    tell_all(&[], &inputs.unreadable, 0);
    if inputs.folders.is_empty() {
        tell("no set of the cluster is on vSphere");
    }
    let access = clouds(&args.vcenter, cluster.as_ref()).vcenter().await?;
    let (found, failed) = vcenter::templates(&inputs.folders, &access).await;
    for error in &failed {
        tell(&format!("error: {error}"));
    }
    let report = template_report(&inputs, found, args.keep_templates);
    show(args.output, &report)?;
    let code = if !inputs.unreadable.is_empty() {
        exit::INVALID_INPUT
    } else if failed.is_empty() {
        exit::OK
    } else {
        exit::UNREACHABLE
    };
    let removal = Removal {
        removable: args.remove,
        unfinished: args.remove_unfinished,
    };
    let chosen: Vec<_> = report.chosen(removal).collect();
    if chosen.is_empty() {
        return Ok(code);
    }
    if let Some(why) = inputs.obstacle_to_removal() {
        tell(&format!("osimage: nothing was removed: {why}"));
        return Ok(exit::REFUSED);
    }
    let mut removed = exit::OK;
    for item in chosen {
        removed = removed.max(remove(item, cluster.as_ref(), &access, args.output).await?);
    }
    Ok(code.max(removed))
}

/// One that cannot be removed keeps no other.
async fn remove(
    item: &ReportedTemplate,
    cluster: Option<&Cluster>,
    access: &Access,
    output: TemplatesFormat,
) -> Result<u8, CommandError> {
    let template = &item.template;
    let name = format!("{}:{}", template.server, template.path);
    let (code, line) = match why_to_keep(item, cluster).await? {
        Some(why) => (exit::REFUSED, format!("{name}: not removed: {why}")),
        None => match vcenter::remove(template, access).await {
            Ok(()) => (exit::OK, format!("{name}: removed")),
            Err(error) => (exit::UNREACHABLE, format!("{name}: failed: {error}")),
        },
    };
    match output {
        TemplatesFormat::Table => print(|out| writeln!(out, "{line}"))?,
        // Standard output holds one document.
        TemplatesFormat::Json | TemplatesFormat::Yaml => tell(&line),
    }
    Ok(code)
}

/// Removals take a while: what names templates is read again before each.
async fn why_to_keep(
    item: &ReportedTemplate,
    cluster: Option<&Cluster>,
) -> Result<Option<String>, CommandError> {
    let Some(cluster) = cluster else {
        return Ok(None);
    };
    Ok(item.why_to_keep(&inputs(&fetch(cluster).await?)))
}

async fn fetch(cluster: &Cluster) -> Result<Texts, CommandError> {
    let mut table = reads();
    table.extend(inventory_reads());
    let texts = cluster.fetch(&table).await?;
    Ok(Texts {
        texts,
        ..Texts::default()
    })
}

async fn read(args: &TemplatesArgs) -> Result<(Texts, Option<Cluster>), CommandError> {
    if !args.files.is_empty() {
        let texts = progress::shown(|progress| files::read_objects(&args.files, progress));
        return Ok((texts, None));
    }
    let cluster = live::connect(&args.cluster).await?;
    Ok((fetch(&cluster).await?, Some(cluster)))
}

/// A file that cannot be read may name templates, too.
fn inputs(texts: &Texts) -> TemplateInputs {
    let loaded = load(texts);
    let mut inputs = template_inputs(&ClusterSnapshot {
        completeness: Completeness::Partial,
        objects: loaded.objects,
        streams: Vec::new(),
    });
    let errors = texts.errors.iter().chain(&loaded.errors);
    inputs
        .unreadable
        .splice(0..0, errors.map(ToString::to_string));
    inputs
}

fn show(format: TemplatesFormat, report: &TemplateReport) -> Result<(), CommandError> {
    match format {
        TemplatesFormat::Table => print_shown(|out| templates::table(out, report)),
        TemplatesFormat::Json => print_text(&document::json(report)?),
        TemplatesFormat::Yaml => print_text(&document::yaml(report)?),
    }
}
