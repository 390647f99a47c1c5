//! A plan that was saved.

use std::path::Path;

use bootimage_plan::{
    API_VERSION, DecisionKind, Digest, GeneratedFrom, InputKind, PLAN_KIND, Plan, Target,
    image_change,
};
use cluster_io::files;
use serde::Deserialize;

use super::is_update;
use crate::commands::explain::reference;
use crate::error::CommandError;

/// A plan, and the digest of the file that it stands in.
pub(super) struct SavedPlan {
    pub(super) plan: Plan,
    /// Of the file's bytes: what `sha256sum` says.
    pub(super) digest: Digest,
}

/// The part of a document that tells whether it is a plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

impl SavedPlan {
    /// Reads a file, JSON or YAML; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let bytes = files::read_bytes(path).map_err(CommandError::Unreadable)?;
        let plan = parse(&bytes).map_err(|problem| CommandError::NoPlan {
            path: match path.to_str() {
                Some("-") => "standard input".to_owned(),
                _ => path.display().to_string(),
            },
            problem,
        })?;
        Ok(Self {
            plan,
            digest: Digest::of(&bytes),
        })
    }

    /// The updates that are to be carried out, in the order of the plan: all of them, or those that
    /// are named.
    pub(super) fn chosen(&self, only: &[String]) -> Result<Vec<&Target>, CommandError> {
        let updates = || self.plan.targets.iter().filter(|target| is_update(target));
        let mut named = Vec::new();
        for text in only {
            let wanted = reference(text, None)?;
            let is =
                |target: &&Target| target.kind.name() == wanted.kind && target.name == wanted.name;
            named.push(updates().find(is).ok_or_else(|| {
                CommandError::NoSuchUpdate {
                    object: text.clone(),
                    known: updates()
                        .map(|target| format!("{}/{}", target.kind, target.name))
                        .collect(),
                }
            })?);
        }
        let is_named = |target: &&Target| only.is_empty() || named.contains(target);
        Ok(updates().filter(is_named).collect())
    }

    /// How many targets wait for a person or for an answer.
    pub(super) fn left(&self) -> usize {
        let waits = |target: &&Target| {
            matches!(
                target.decision,
                DecisionKind::Blocked | DecisionKind::Undecided
            )
        };
        self.plan.targets.iter().filter(waits).count()
    }
}

fn parse(bytes: &[u8]) -> Result<Plan, String> {
    // As every input is read: a key that stands twice would mean one thing to a reviewer and another
    // to us.
    let found = files::of_bytes("the plan", bytes);
    if let Some(error) = found.errors.first() {
        return Err(format!("it cannot be read: {error}"));
    }
    let text = match found.texts.as_slice() {
        [one] if !one.json.trim().is_empty() => one.json.as_str(),
        [] | [_] => return Err("it is empty".to_owned()),
        _ => return Err("it has several documents".to_owned()),
    };
    let header: Header =
        serde_json::from_str(text).map_err(|error| format!("it is no plan: {error}"))?;
    if header.api_version != API_VERSION || header.kind != PLAN_KIND {
        return Err(format!(
            "it is no plan: it has apiVersion {:?} and kind {:?}, not {API_VERSION} and {PLAN_KIND}",
            header.api_version, header.kind
        ));
    }
    let plan: Plan =
        serde_json::from_str(text).map_err(|error| format!("the plan is damaged: {error}"))?;
    check(&plan)?;
    Ok(plan)
}

/// A plan of a cluster knows the uids of its objects, and every update has its object among the
/// inputs and edits nothing but the boot image (BI-346), as its target says.
fn check(plan: &Plan) -> Result<(), String> {
    let from_cluster = plan.metadata.generated_from == GeneratedFrom::Cluster;
    let is_anonymous = |input: &&bootimage_plan::InputObject| {
        input.kind != InputKind::File && input.uid.as_deref().unwrap_or_default().is_empty()
    };
    if let Some(input) = plan.metadata.inputs.iter().find(is_anonymous)
        && from_cluster
    {
        return Err(format!(
            "the plan is damaged: it was made of a cluster, and {} {} has no uid",
            input.kind.name(),
            input.name
        ));
    }
    for target in plan.targets.iter().filter(|target| is_update(target)) {
        let problem = |what: &str| {
            format!(
                "the plan is damaged: the update of {} {} {what}",
                target.kind, target.name
            )
        };
        let metadata = &plan.metadata;
        if metadata
            .input(target.kind, &target.namespace, &target.name)
            .is_none()
        {
            return Err(problem("has no entry in metadata.inputs"));
        }
        image_change(&metadata.profile, target).map_err(|error| problem(&error.to_string()))?;
    }
    Ok(())
}
