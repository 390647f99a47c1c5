//! The references of the controllers: flags, metrics, Events, conditions, rights.

use boot_image_controller::{EVENTS, flags::Flags, metrics};
use bootimage_plan::{CLUSTER_OPERATOR, CONTESTED, ControllerTask};
use clap::{Command, CommandFactory as _};
use controller_runtime::metrics as common;
use machine_os_builder::flags::Flags as BuilderFlags;
use machine_os_builder::metrics as builder_metrics;
use openshift_model::Right;
use osbuild_plan::{BuilderTask, CONFIG_CONDITIONS, CONFIG_REASONS, Event, PoolCondition};

use super::GENERATED;

/// The page of the controller of boot images.
pub(super) fn page() -> String {
    let mut text = format!("{GENERATED}# boot-image-controller\n\n");
    text.push_str(
        "How to run it: [install, and observe first](../guides/controller-install.md).\n\n",
    );
    text.push_str(&flags(&Flags::command()));
    text.push_str(&metrics_table(metrics::ALL));
    text.push_str(&table(
        "Events",
        "On the set that they are about, of the group `events.k8s.io`. A set that a person has to do \
         something about has an Event with its [reason code](reason-codes.md) besides.",
        ["reason", "when"],
        EVENTS.iter().copied(),
    ));
    text.push_str(&conditions());
    let tasks = ControllerTask::ALL.iter();
    let tasks = tasks.map(|task| (task.role(), task.why(), task.rights()));
    text.push_str(&rights("boot-image-controller", tasks));
    text
}

/// The page of the builder of layered images.
pub(super) fn builder_page() -> String {
    let mut text = format!("{GENERATED}# machine-os-builder\n\n");
    text.push_str("How to run it: [build layered images](../guides/build-on-the-cluster.md).\n\n");
    text.push_str(&flags(&BuilderFlags::command()));
    text.push_str(&metrics_table(builder_metrics::ALL));
    text.push_str(
        "## Events\n\nOn the object that they are about, of the group `events.k8s.io`, with the reasons \
         and texts of the stock builder.\n\n| reason | on | type |\n|---|---|---|\n",
    );
    for (reason, about, is_warning) in Event::ALL {
        let kind = if *is_warning { "Warning" } else { "Normal" };
        text.push_str(&format!("| `{reason}` | {about} | {kind} |\n"));
    }
    let conditions = CONFIG_CONDITIONS.map(|name| format!("`{name}`")).join(", ");
    let reasons = CONFIG_REASONS.map(|name| format!("`{name}`")).join(", ");
    text.push_str(&format!(
        "\n## Conditions\n\nWritten in the mode `replace`. Of a MachineOSConfig: {conditions}, with the \
         reasons {reasons}. Of a MachineConfigPool: `{}`. Those of a MachineOSBuild are the stock \
         builder's.\n\n",
        PoolCondition::TYPE
    ));
    let tasks = BuilderTask::ALL.iter();
    let tasks = tasks.map(|task| (task.role(), task.why(), task.rights()));
    text.push_str(&rights("machine-os-builder", tasks));
    text
}

fn metrics_table(own: &[(&'static str, &'static str)]) -> String {
    table(
        "Metrics",
        "Prometheus reads them at `/metrics`. What is gone leaves no series.",
        ["metric", "meaning"],
        common::ALL.iter().chain(own).copied(),
    )
}

fn flags(command: &Command) -> String {
    let mut text = "## Flags\n\n| flag | default | meaning |\n|---|---|---|\n".to_owned();
    for argument in command.get_arguments() {
        let Some(long) = argument.get_long() else {
            continue;
        };
        let values = argument.get_value_names().unwrap_or_default();
        let value = values.first().map(|name| format!(" {name}"));
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let help = argument.get_help().map(ToString::to_string);
        text.push_str(&format!(
            "| `--{long}{}` | {} | {} |\n",
            value.unwrap_or_default(),
            defaults.join(", "),
            help.unwrap_or_default().replace('|', "\\|")
        ));
    }
    text.push('\n');
    text
}

fn conditions() -> String {
    let operator = format!("ClusterOperator `{CLUSTER_OPERATOR}`");
    let configuration = "MachineConfiguration `cluster`".to_owned();
    let rows = [
        (
            &configuration,
            "BootImageUpdateProgressing",
            "how many sets were looked at, and how",
        ),
        (
            &configuration,
            "BootImageUpdateDegraded",
            "why sets could not be updated",
        ),
        (&operator, "Available", "always true"),
        (&operator, "Progressing", "always false"),
        (
            &operator,
            "Degraded",
            "what `BootImageUpdateDegraded` says, where that is true",
        ),
        (
            &operator,
            "Upgradeable",
            "false where boot images are too old for the next release",
        ),
        (
            &operator,
            CONTESTED,
            "who reverts what is written; never a reason to be degraded",
        ),
    ];
    let mut text = "## Conditions\n\nWritten in the mode `replace`.\n\n".to_owned();
    text.push_str("| on | condition | says |\n|---|---|---|\n");
    for (on, condition, says) in rows {
        text.push_str(&format!("| {on} | `{condition}` | {says} |\n"));
    }
    text.push('\n');
    text
}

fn rights(
    folder: &str,
    tasks: impl Iterator<Item = (&'static str, &'static str, Vec<Right>)>,
) -> String {
    let mut text =
        format!("## Rights\n\nThe roles in `deploy/{folder}` are made from the same table.\n");
    for (role, why, rights) in tasks {
        text.push_str(&format!(
            "\n`{role}`, for {why}:\n\n| where | verbs | resource | only | what for |\n|---|---|---|---|---|\n",
        ));
        for right in rights {
            let group = match right.group {
                "" => String::new(),
                group => format!(".{group}"),
            };
            let place = match right.namespace {
                "" => "the cluster".to_owned(),
                namespace => format!("`{namespace}`"),
            };
            let names: Vec<_> = right.names.iter().map(|name| format!("`{name}`")).collect();
            text.push_str(&format!(
                "| {place} | {} | `{}{group}` | {} | {} |\n",
                right.verbs.join(", "),
                right.resource,
                names.join(", "),
                right.why
            ));
        }
    }
    text
}

fn table(
    title: &str,
    text: &str,
    columns: [&str; 2],
    rows: impl Iterator<Item = (&'static str, &'static str)>,
) -> String {
    let mut out = format!(
        "## {title}\n\n{text}\n\n| {} | {} |\n|---|---|\n",
        columns[0], columns[1]
    );
    for (name, meaning) in rows {
        out.push_str(&format!("| `{name}` | {meaning} |\n"));
    }
    out.push('\n');
    out
}
