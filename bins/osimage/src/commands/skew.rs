//! `osimage skew`

use bootimage_plan::{API_VERSION, SkewForecast, skew};
use serde::Serialize;

use super::{print_shown, print_text, tell_all};
use crate::cli::{ExplainFormat, SkewArgs};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, Snapshot, policy};
use crate::render::document;
use crate::text::wrap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    skew: SkewForecast,
}

pub(super) fn run(args: &SkewArgs) -> Result<u8, CommandError> {
    let input = Input::read(&args.input)?;
    let Snapshot {
        cluster,
        mut warnings,
        errors,
        ignored,
        ..
    } = input.snapshot();
    let (skew, assumed) = skew(&cluster, &policy(&args.input));
    warnings.extend(assumed);
    tell_all(&warnings, &errors, ignored);
    let document = || Document {
        api_version: API_VERSION,
        kind: "Skew",
        skew: skew.clone(),
    };
    match args.output {
        ExplainFormat::Text => print_shown(|out| out.write_all(text(&skew).as_bytes()))?,
        ExplainFormat::Json => print_text(&document::json(&document())?)?,
        ExplainFormat::Yaml => print_text(&document::yaml(&document())?)?,
    }
    Ok(if errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// What is said of what the input does not have.
const UNKNOWN: &str = "not known from this input";

fn text(skew: &SkewForecast) -> String {
    let versions = [
        ("OpenShift", &skew.ocp_version),
        ("RHCOS", &skew.rhcos_version),
    ];
    let mode = Some(skew.mode.as_str()).filter(|mode| !mode.is_empty());
    let mut text = format!("mode         {}\n", mode.unwrap_or(UNKNOWN));
    for (of, version) in versions.iter().filter(|(_, version)| !version.is_empty()) {
        text.push_str(&format!("boot images  {of} {version}\n"));
    }
    let is_measured = versions.iter().any(|(_, version)| !version.is_empty());
    let old = match (skew.exceeded, is_measured) {
        (None, _) => UNKNOWN,
        (Some(true), _) => "yes",
        (Some(false), true) => "no",
        (Some(false), false) => "not measured",
    };
    let upgradeable = match skew.upgradeable {
        None => UNKNOWN,
        Some(true) => "yes",
        Some(false) => "no",
    };
    text.push_str(&format!("too old      {old}\nupgradeable  {upgradeable}\n"));
    if !skew.message.is_empty() {
        text.push_str(&wrap(&skew.message, 2));
    }
    text
}
