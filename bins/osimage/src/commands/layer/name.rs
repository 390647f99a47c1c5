//! `osimage layer name`

use bootimage_plan::API_VERSION;
use cluster_io::files::Texts;
use mosb_naming::{
    BuildConfigMap, BuildSecret, ConfigMapName, Difference, JobName, MosbName, NameError,
    SecretName, explain_difference, name,
};
use openshift_model::MachineOSConfig;
use serde::Serialize;

use super::{Objects, read, texts};
use crate::cli::{LayerFormat, NameArgs};
use crate::commands::print_text;
use crate::error::CommandError;
use crate::exit;
use crate::render::document;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerNames {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(rename = "machineOSConfig")]
    machine_os_config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_config_pool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_config: Option<String>,
    #[serde(flatten)]
    found: Found,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Vec<Difference>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Named(Box<Names>),
    Error { error: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    name: MosbName,
    hash: String,
    push_spec: String,
    objects: ChildObjects,
}

/// IL-124
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChildObjects {
    job: JobName,
    containerfile: ConfigMapName,
    machine_config: ConfigMapName,
    additional_trust_bundle: ConfigMapName,
    etc_policy: ConfigMapName,
    etc_registries: ConfigMapName,
    digest: ConfigMapName,
    base_pull_secret: SecretName,
    final_push_secret: SecretName,
}

pub(super) fn run(args: &NameArgs) -> Result<u8, CommandError> {
    let input = texts(&args.input)?;
    let objects = Objects::of(&input);
    let other_texts: Texts = if args.against.is_empty() {
        Texts::default()
    } else {
        read(&args.against)?
    };
    let other = (!args.against.is_empty()).then(|| Objects::of(&other_texts));
    let items = items(&objects, other.as_ref());
    let failed = !objects.errors.is_empty()
        || items
            .iter()
            .any(|item| matches!(item.found, Found::Error { .. }));
    let names = LayerNames {
        api_version: API_VERSION,
        kind: "LayerNames",
        items,
    };
    match args.output {
        LayerFormat::Text => print_text(&text(&names.items))?,
        LayerFormat::Json => print_text(&document::json(&names)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&names)?)?,
    }
    Ok(if failed {
        exit::INVALID_INPUT
    } else {
        exit::OK
    })
}

fn items(objects: &Objects<'_>, other: Option<&Objects<'_>>) -> Vec<Item> {
    let unread = objects
        .of_other_versions
        .iter()
        .map(|(name, version)| Item {
            machine_os_config: name.clone(),
            machine_config_pool: None,
            machine_config: None,
            found: Found::Error {
                error: Objects::version_problem(version),
            },
            differences: None,
        });
    let read = objects
        .configs
        .iter()
        .map(|config| item(config, objects, other));
    unread.chain(read).collect()
}

fn item(config: &MachineOSConfig<'_>, objects: &Objects<'_>, other: Option<&Objects<'_>>) -> Item {
    let inputs = objects.inputs(config);
    let found = match &inputs {
        Ok(inputs) => name(*inputs).map_err(|error| said(&error)),
        Err(missing) => Err(missing.clone()),
    };
    let inputs = inputs.ok();
    let pool = inputs.and_then(|inputs| inputs.pool);
    Item {
        machine_os_config: config.name.to_string(),
        machine_config_pool: Some(config.pool().to_owned()),
        machine_config: pool.map(|pool| pool.target.name().to_owned()),
        found: match found {
            Ok(named) => Found::Named(Box::new(Names {
                objects: children(&named.name),
                hash: named.hash.to_string(),
                push_spec: named.push_spec,
                name: named.name,
            })),
            Err(error) => Found::Error { error },
        },
        differences: other.and_then(|other| {
            let before = other
                .configs
                .iter()
                .find(|found| found.name == config.name)?;
            explain_difference(other.inputs(before).ok()?, inputs?).ok()
        }),
    }
}

/// The reference's text, and what it does not say.
fn said(error: &NameError) -> String {
    match error {
        NameError::PushSpec(problem) => {
            format!("spec.renderedImagePushSpec: {problem}: {}", problem.hint())
        }
        other => other.to_string(),
    }
}

fn children(name: &MosbName) -> ChildObjects {
    let config_map = |which| name.config_map(which);
    ChildObjects {
        job: name.job(),
        containerfile: config_map(BuildConfigMap::Containerfile),
        machine_config: config_map(BuildConfigMap::MachineConfig),
        additional_trust_bundle: config_map(BuildConfigMap::AdditionalTrustBundle),
        etc_policy: config_map(BuildConfigMap::EtcPolicy),
        etc_registries: config_map(BuildConfigMap::EtcRegistries),
        digest: config_map(BuildConfigMap::Digest),
        base_pull_secret: name.secret(BuildSecret::BasePull),
        final_push_secret: name.secret(BuildSecret::FinalPush),
    }
}

fn text(items: &[Item]) -> String {
    let mut text = String::new();
    if items.is_empty() {
        text.push_str("the input has no MachineOSConfig\n");
    }
    for item in items {
        match &item.found {
            Found::Named(names) => text.push_str(&format!(
                "{}\n  build  {}\n  image  {}\n",
                item.machine_os_config, names.name, names.push_spec
            )),
            Found::Error { error } => {
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
