//! `cargo xtask gen`: files that are made from the code, and the check that they are fresh.

mod controller;
mod front_pages;
mod hazards;
mod roles;
mod rules;
mod spec;
mod stream_cases;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};

use bootimage_plan::inventory::Inventory;
use bootimage_plan::report::FleetReport;
use bootimage_plan::{ControllerTask, HistoryDocument, Plan, ReasonCode};
use osbuild_plan::{BuilderTask, LayerNames, LayerOutdated, LayerRetention, LayerStatus, LayerWhy};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::say;
pub(crate) use front_pages::pure_crates;
pub(crate) use spec::anchors;
#[cfg(test)]
pub(crate) use spec::links;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Writes every generated file, or, with `check`, says which is stale; false where one is.
pub(crate) fn run(check: bool) -> Result<bool, String> {
    let mut fresh = true;
    for (path, content) in files()? {
        let full = root().join(&path);
        let current = fs::read_to_string(&full).unwrap_or_default();
        if current == content {
            continue;
        }
        if check {
            say(&format!(
                "gen: {path} is stale: run `cargo xtask gen` and commit it"
            ));
            fresh = false;
            continue;
        }
        let failed = |error| format!("{path}: {error}");
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(&full, content).map_err(failed)?;
        say(&format!("gen: {path} written"));
    }
    Ok(fresh)
}

/// Every generated file with what it should hold.
fn files() -> Result<Vec<(String, String)>, String> {
    let documents = [
        ("docs/reference/plan.schema.json", schema::<Plan>("plan")?),
        (
            "docs/reference/inventory.schema.json",
            schema::<Inventory>("inventory")?,
        ),
        (
            "docs/reference/fleet-report.schema.json",
            schema::<FleetReport>("fleet-report")?,
        ),
        (
            "docs/reference/layer-names.schema.json",
            schema::<LayerNames>("layer-names")?,
        ),
        (
            "docs/reference/layer-status.schema.json",
            schema::<LayerStatus>("layer-status")?,
        ),
        (
            "docs/reference/layer-outdated.schema.json",
            schema::<LayerOutdated>("layer-outdated")?,
        ),
        (
            "docs/reference/layer-retention.schema.json",
            schema::<LayerRetention>("layer-retention")?,
        ),
        (
            "docs/reference/layer-why.schema.json",
            schema::<LayerWhy>("layer-why")?,
        ),
        ("docs/reference/reason-codes.md", reason_codes()),
        ("docs/reference/exit-codes.md", exit_codes()),
        ("docs/reference/hazards.md", hazards::page()?),
        ("docs/reference/rules.md", rules::table(&root())?),
        ("docs/guides/live-clusters-roles.yaml", roles::of_commands()),
        ("docs/guides/layering-roles.yaml", roles::of_layering()),
        (
            "docs/reference/boot-image-controller.md",
            controller::page(),
        ),
        (
            "deploy/boot-image-controller/base/roles.yaml",
            roles::of_controller(ControllerTask::Observe),
        ),
        (
            "deploy/boot-image-controller/components/writer/roles.yaml",
            roles::of_controller(ControllerTask::Write),
        ),
        (
            "deploy/boot-image-controller/overlays/replace/roles.yaml",
            roles::of_controller(ControllerTask::TellCluster),
        ),
        (
            "docs/reference/machine-os-builder.md",
            controller::builder_page(),
        ),
        (
            "deploy/machine-os-builder/base/roles.yaml",
            roles::of_builder(BuilderTask::Observe),
        ),
        (
            "deploy/machine-os-builder/overlays/replace/roles.yaml",
            roles::of_builder(BuilderTask::Build),
        ),
        (
            "deploy/machine-os-builder/components/stand-alone/roles.yaml",
            roles::of_builder(BuilderTask::StandAlone),
        ),
        (
            "docs/reference/history.schema.json",
            schema::<HistoryDocument<'_>>("history")?,
        ),
        ("fixtures/stream-cases.jsonl", stream_cases::lines()),
    ];
    let documents = documents
        .into_iter()
        .map(|(path, content)| (path.to_owned(), content));
    let streams = streams::ERAS.iter().map(|era| {
        let path = format!("fixtures/streams/{}.json", era.name);
        (path, format!("{:#}\n", era.document()))
    });
    let pages = front_pages::all(&root())?;
    Ok(documents.chain(streams).chain(pages).collect())
}

/// The schema of a document that osimage prints.
fn schema<T: JsonSchema>(name: &str) -> Result<String, String> {
    // As they are written: what is left out where it is empty is not required.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert(
        "$id".to_owned(),
        format!("https://osimage.dev/v1/{name}.schema.json").into(),
    );
    let mut text = serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

const GENERATED: &str = "<!-- Generated by `cargo xtask gen`. Do not edit. -->\n\n";

fn reason_codes() -> String {
    let mut text = format!("{GENERATED}# Reason codes\n\n");
    text.push_str(
        "Every decision of a plan has one. Codes may be added; none is ever renamed.\n\n",
    );
    text.push_str("| code | meaning |\n|---|---|\n");
    for (code, meaning) in ReasonCode::ALL {
        text.push_str(&format!("| `{code}` | {} |\n", meaning.trim()));
    }
    text
}

fn exit_codes() -> String {
    let mut text = format!("{GENERATED}# Exit codes\n\n");
    text.push_str("Codes may be added; none ever changes its meaning.\n\n");
    text.push_str("| code | name | meaning |\n|---|---|---|\n");
    for (code, name, meaning) in osimage::exit::ALL {
        text.push_str(&format!("| {code} | `{name}` | {meaning} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_paragraph() {
        let text = fs::read_to_string(root().join("docs/guides/reasons.md")).unwrap();
        let headings: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        let codes: Vec<_> = ReasonCode::ALL
            .iter()
            .map(|(code, _)| code.name())
            .collect();
        let missing: Vec<_> = codes
            .iter()
            .filter(|code| !headings.contains(code))
            .collect();
        let unknown: Vec<_> = headings
            .iter()
            .filter(|name| !codes.contains(name))
            .collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "{missing:?} {unknown:?}"
        );
    }

    #[test]
    fn generated_files_are_fresh() {
        assert!(
            run(true).unwrap(),
            "run `cargo xtask gen` and commit the result"
        );
    }
}
