//! `osimage vsphere`

use bootimage_plan::{
    ClusterSnapshot, Completeness, ReportedTemplate, STATE_REMOVABLE, STATE_UNFINISHED,
    TemplateInputs, TemplateReport, inventory_reads, reads, template_inputs, template_report,
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
    let (inputs, errors) = inputs(&texts);
    let problems: Vec<_> = errors.iter().chain(&inputs.unreadable).cloned().collect();
    tell_all(&[], &problems, 0);
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
    let code = if !problems.is_empty() {
        exit::INVALID_INPUT
    } else if failed.is_empty() {
        exit::OK
    } else {
        exit::UNREACHABLE
    };
    let chosen: Vec<_> = report
        .items
        .iter()
        .filter(|item| is_chosen(args, item))
        .collect();
    if chosen.is_empty() {
        return Ok(code);
    }
    if let Some(why) = why_not_to_remove(&inputs, &problems) {
        tell(&format!("osimage: nothing was removed: {why}"));
        return Ok(exit::REFUSED);
    }
    let mut removed = exit::OK;
    for item in chosen {
        removed = removed.max(remove(item, cluster.as_ref(), &access, args.output).await?);
    }
    Ok(code.max(removed))
}

/// Why no template may be removed now, where that is so.
fn why_not_to_remove(inputs: &TemplateInputs, problems: &[String]) -> Option<String> {
    if let Some(problem) = problems.first() {
        return Some(format!(
            "{problem}: which templates it names is not known; repair it and run this again"
        ));
    }
    inputs.infrastructure_name.is_empty().then(|| {
        "Infrastructure cluster has no status.infrastructureName: which templates are of this \
         cluster is not known"
            .to_owned()
    })
}

fn is_chosen(args: &TemplatesArgs, item: &ReportedTemplate) -> bool {
    args.remove && item.state == STATE_REMOVABLE
        || args.remove_unfinished && item.state == STATE_UNFINISHED
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
    let (mut inputs, mut problems) = inputs(&fetch(cluster).await?);
    problems.append(&mut inputs.unreadable);
    if let Some(why) = why_not_to_remove(&inputs, &problems) {
        return Ok(Some(why));
    }
    let now = template_report(&inputs, vec![item.template.clone()], 0).items;
    let users = now.into_iter().find(|now| now.state != item.state);
    Ok(users.map(|now| format!("it is {} by now: {}", now.state, now.used_by.join(", "))))
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

fn inputs(texts: &Texts) -> (TemplateInputs, Vec<String>) {
    let loaded = load(texts);
    let errors = texts.errors.iter().chain(&loaded.errors);
    let errors = errors.map(ToString::to_string).collect();
    let inputs = template_inputs(&ClusterSnapshot {
        completeness: Completeness::Partial,
        objects: loaded.objects,
        streams: Vec::new(),
    });
    (inputs, errors)
}

fn show(format: TemplatesFormat, report: &TemplateReport) -> Result<(), CommandError> {
    match format {
        TemplatesFormat::Table => print_shown(|out| templates::table(out, report)),
        TemplatesFormat::Json => print_text(&document::json(report)?),
        TemplatesFormat::Yaml => print_text(&document::yaml(report)?),
    }
}
