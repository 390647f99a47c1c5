//! Versioned documents and patch lines.

use std::io::Write;

use bootimage_plan::{API_VERSION, Explanation, FactRequest, Plan, Target};
use openshift_model::{Edit, Kind, Step};
use serde::Serialize;

use crate::error::CommandError;

/// A document as JSON.
pub(crate) fn json<T: Serialize>(document: &T) -> Result<String, CommandError> {
    let mut text =
        serde_json::to_string_pretty(document).map_err(|error| CommandError::Serialise {
            format: "JSON",
            problem: error.to_string(),
        })?;
    text.push('\n');
    Ok(text)
}

/// A document as YAML.
pub(crate) fn yaml<T: Serialize>(document: &T) -> Result<String, CommandError> {
    cluster_io::yaml::to_string(document).map_err(|error| CommandError::Serialise {
        format: "YAML",
        problem: error.to_string(),
    })
}

/// One JSON line for each update.
pub(crate) fn patches(out: &mut dyn Write, plan: &Plan) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: Kind,
        namespace: &'a str,
        name: &'a str,
        patch: &'a Edit,
    }
    let mut line = Vec::new();
    for target in &plan.targets {
        let Target {
            kind,
            namespace,
            name,
            patch: Some(patch),
            ..
        } = target
        else {
            continue;
        };
        line.clear();
        serde_json::to_writer(
            &mut line,
            &Line {
                kind: *kind,
                namespace,
                name,
                patch,
            },
        )?;
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// `osimage explain -o json`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explained<'a> {
    api_version: &'static str,
    kind: &'static str,
    target: &'a Target,
    rhcos_version: Option<&'a str>,
    needs: &'a [FactRequest],
    steps: &'a [Step],
    warnings: &'a [String],
}

impl<'a> Explained<'a> {
    pub(crate) fn of(explanation: &'a Explanation) -> Self {
        let Explanation {
            target,
            obstacle: _,
            rhcos_version,
            needs,
            steps,
            warnings,
        } = explanation;
        Self {
            api_version: API_VERSION,
            kind: "Explanation",
            target,
            rhcos_version: rhcos_version.as_deref(),
            needs,
            steps,
            warnings,
        }
    }
}
