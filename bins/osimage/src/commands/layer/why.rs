//! `osimage layer why` and `osimage layer logs`.

use cluster_io::cluster::LogRequest;
use cluster_io::files::Texts;
use osbuild_check::{LOG_LINES, kept_log};
use osbuild_plan::{
    BUILD_CONTAINER, BUILD_NAMESPACE, BuildStory, LayerWhy, MemberChange, build_step, kept_logs,
    layer_build_reads, layer_why, running_pod,
};

use super::{Objects, read};
use crate::cli::{ClusterArgs, LayerFormat, LayerInputArgs, LogsArgs, WhyArgs};
use crate::commands::{note, print_shown, print_text};
use crate::error::CommandError;
use crate::live;
use crate::render::document;

pub(super) fn run(args: &WhyArgs) -> Result<u8, CommandError> {
    let texts = of_builds(&args.input, &args.cluster)?;
    let objects = Objects::with_pods(&texts);
    let mut why = asked(&objects, &args.name)?;
    if args.input.files.is_empty()
        && let Some(pod) = running_pod(&why)
        && let Some(log) = log_of(pod, &args.cluster)?
        && let Some(attempt) = why.build.as_mut().and_then(|build| build.attempt.as_mut())
        && let Some(step) = log.lines().rev().find_map(build_step)
    {
        attempt.doing = format!(
            "step {} of {}: {}",
            step.number, step.count, step.instruction
        );
    }
    match args.output {
        LayerFormat::Text => print_shown(|out| out.write_all(text(&why).as_bytes()))?,
        LayerFormat::Json => print_text(&document::json(&why)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&why)?)?,
    }
    Ok(objects.exit_code())
}

pub(super) fn run_logs(args: &LogsArgs) -> Result<u8, CommandError> {
    let texts = of_builds(&args.input, &args.cluster)?;
    let objects = Objects::with_pods(&texts);
    let why = asked(&objects, &args.name)?;
    let build = why.build.as_ref().map(|build| build.name.as_str());
    let build = build.ok_or_else(|| {
        CommandError::Invalid(format!("{} has no build yet", why.machine_os_config))
    })?;
    let kept = kept_logs(&objects.snapshot, build);
    let mut found = 0;
    for (pod, log) in &kept {
        found += 1;
        note(&format!("pod {pod}, as it was kept:"));
        print_shown(|out| out.write_all(format!("{}\n", log.trim_end()).as_bytes()))?;
    }
    if args.input.files.is_empty()
        && let Some(pod) = running_pod(&why)
        && let Some(log) = log_of(pod, &args.cluster)?
    {
        found += 1;
        note(&format!(
            "pod {pod}, which runs; its last {LOG_LINES} lines:"
        ));
        print_shown(|out| out.write_all(format!("{}\n", kept_log(&log)).as_bytes()))?;
    }
    if found == 0 {
        return Err(CommandError::Invalid(format!(
            "no log of MachineOSBuild {build} was kept: ConfigMap log-{build} of namespace {BUILD_NAMESPACE} \
             is made where a build of the builder of osimage fails"
        )));
    }
    Ok(objects.exit_code())
}

/// Reads the files of an input, or else what builds leave in the live cluster.
fn of_builds(input: &LayerInputArgs, cluster: &ClusterArgs) -> Result<Texts, CommandError> {
    if !input.files.is_empty() {
        return read(&input.files);
    }
    let texts = live::block_on(async {
        let cluster = live::connect(cluster).await?;
        Ok::<_, CommandError>(cluster.fetch(&layer_build_reads()).await?)
    })??;
    Ok(Texts {
        texts,
        ..Texts::default()
    })
}

fn asked(objects: &Objects<'_>, name: &str) -> Result<LayerWhy, CommandError> {
    layer_why(&objects.snapshot, name).map_err(|error| CommandError::Invalid(error.to_string()))
}

/// The end of the log of a pod that builds; `None` where it has none yet, or is gone.
fn log_of(pod: &str, cluster: &ClusterArgs) -> Result<Option<String>, CommandError> {
    const BYTES: usize = 1 << 20;
    live::block_on(async {
        let cluster = live::connect(cluster).await?;
        let request = LogRequest {
            namespace: BUILD_NAMESPACE,
            pod,
            container: BUILD_CONTAINER,
            lines: LOG_LINES,
            bytes: BYTES,
        };
        Ok::<_, CommandError>(cluster.log(&request).await.ok())
    })?
}

fn text(why: &LayerWhy) -> String {
    let mut text = String::new();
    match &why.build {
        None => text.push_str(&format!("{}: no build yet\n", why.machine_os_config)),
        Some(build) => story(&mut text, &why.machine_os_config, build),
    }
    let rebuild = &why.rebuild;
    if let Some(name) = &rebuild.build {
        text.push_str(&format!(
            "  now      MachineOSBuild {name}: {}\n",
            rebuild.result
        ));
    } else {
        text.push_str(&format!("  now      {}\n", rebuild.result));
    }
    let is_told = why
        .build
        .as_ref()
        .is_some_and(|build| build.changes == rebuild.changes);
    for change in rebuild.changes.iter().filter(|_| !is_told) {
        text.push_str(&format!("  differs  {}\n", changed(change)));
    }
    text
}

fn story(text: &mut String, config: &str, build: &BuildStory) {
    let since = build.since.as_deref().unwrap_or("an unknown time");
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<8} {value}\n"));
    let supposed = if build.trigger_is_written {
        ""
    } else {
        " (supposed: the builder did not write it down)"
    };
    line("because", &format!("{}{supposed}", build.trigger));
    for change in &build.changes {
        line("changed", &changed(change));
    }
    for (number, ended) in build.ended.iter().enumerate() {
        let how = match (ended.cause, ended.stage) {
            (Some(cause), Some(stage)) => format!("failed: {cause} (stage {stage})"),
            _ => "succeeded".to_owned(),
        };
        line(
            "attempt",
            &format!("{}, pod {}: {how}", number + 1, ended.pod),
        );
    }
    if let Some(attempt) = &build.attempt {
        let since = attempt.since.as_deref();
        let since = since
            .map(|since| format!(", since {since}"))
            .unwrap_or_default();
        let pod = match attempt.pod.as_str() {
            "" => String::new(),
            pod => format!(", pod {pod}"),
        };
        let (number, of) = (attempt.number, attempt.of);
        line(
            "attempt",
            &format!("{number} of {of}{pod}: {}{since}", attempt.doing),
        );
    }
    if let Some(failure) = &build.failure {
        line("failed", failure);
    }
    for (number, log) in build.log.iter().enumerate() {
        line(if number == 0 { "log" } else { "" }, log);
    }
    let head = format!(
        "{config}: MachineOSBuild {} ({} since {since})\n",
        build.name, build.state
    );
    text.insert_str(0, &head);
}

fn changed(change: &MemberChange) -> String {
    let shown = |value: &Option<String>| match value {
        None => "nothing".to_owned(),
        Some(value) => format!("{value:?}"),
    };
    let of = change.machine_config.as_deref();
    let of = of
        .map(|name| format!(" (MachineConfig {name})"))
        .unwrap_or_default();
    format!(
        "{}: {} before, {} now{of}",
        change.member,
        shown(&change.before),
        shown(&change.after)
    )
}
