//! `osimage layer name`

use cluster_io::files::Texts;
use mosb_naming::Difference;
use osbuild_plan::{LayerName, LayerNames, NameOrError, OtherVersion, layer_names};

use super::{Objects, read, texts};
use crate::cli::{LayerFormat, NameArgs};
use crate::commands::print_text;
use crate::error::CommandError;
use crate::exit;
use crate::render::document;

pub(super) fn run(args: &NameArgs) -> Result<u8, CommandError> {
    let input = texts(&args.input)?;
    let objects = Objects::of(&input);
    objects.tell_refusals();
    let other_texts: Texts = if args.against.is_empty() {
        Texts::default()
    } else {
        read(&args.against)?
    };
    let other = (!args.against.is_empty()).then(|| Objects::of(&other_texts));
    let before = other.as_ref().map(|other| other.snapshot.cluster());
    let mut items: Vec<LayerName> = objects
        .snapshot
        .of_other_versions
        .iter()
        .map(unread)
        .collect();
    items.extend(layer_names(&objects.snapshot.cluster(), before.as_ref()));
    let names = LayerNames::of(items);
    match args.output {
        LayerFormat::Text => print_text(&text(&names.items))?,
        LayerFormat::Json => print_text(&document::json(&names)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&names)?)?,
    }
    let other_failed = other.as_ref().is_some_and(|other| !other.errors.is_empty());
    let failed = names.has_errors() || !objects.errors.is_empty() || other_failed;
    Ok(if failed {
        exit::INVALID_INPUT
    } else {
        exit::OK
    })
}

/// A MachineOSConfig of another version than v1.
fn unread(other: &OtherVersion) -> LayerName {
    LayerName {
        machine_os_config: other.name.clone(),
        machine_config_pool: None,
        machine_config: None,
        found: NameOrError::Error {
            error: other.problem(),
        },
        differences: None,
    }
}

fn text(items: &[LayerName]) -> String {
    let mut text = String::new();
    if items.is_empty() {
        text.push_str("the input has no MachineOSConfig\n");
    }
    for item in items {
        match &item.found {
            NameOrError::Named(names) => text.push_str(&format!(
                "{}\n  build  {}\n  image  {}\n",
                item.machine_os_config, names.name, names.push_spec
            )),
            NameOrError::Error { error } => {
                text.push_str(&format!("{}\n  error  {error}\n", item.machine_os_config));
            }
        }
        for difference in item.differences.iter().flatten() {
            text.push_str(&explained(difference));
        }
    }
    text
}

/// Longest value that is shown whole: a line's worth.
const SHOWN: usize = 60;

fn explained(difference: &Difference) -> String {
    let shown = |value: &Option<String>| match value {
        None => "nothing".to_owned(),
        Some(value) if value.chars().count() > SHOWN || value.contains('\n') => {
            format!("{} characters", value.chars().count())
        }
        Some(value) => format!("{value:?}"),
    };
    let Difference {
        field,
        before,
        after,
        note,
    } = difference;
    let mut text = format!(
        "  differs  {field}: {} before, {} now",
        shown(before),
        shown(after)
    );
    if let Some(note) = note {
        text.push_str(&format!(" ({note})"));
    }
    text.push('\n');
    text
}
