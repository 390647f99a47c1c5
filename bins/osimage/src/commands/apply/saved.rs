//! A plan that was saved.

use std::path::Path;

use bootimage_plan::{API_VERSION, DecisionKind, Digest, InputObject, PLAN_KIND, Plan, Target};
use cluster_io::cluster::APPLY_FIELD_MANAGER;
use cluster_io::{files, yaml};
use openshift_model::Kind;
use serde::Deserialize;

use super::is_update;
use crate::commands::explain::reference;
use crate::error::CommandError;

/// How much of the plan's digest stands in names: enough to tell plans apart.
const KEY_DIGITS: usize = 16;
/// BI-346: what an edit may touch is below this.
const EDITED: &str = "/spec/template/";

/// A plan, and the digest of the file that it stands in.
pub(super) struct SavedPlan {
    pub(super) plan: Plan,
    /// Of the file's bytes: what `sha256sum` says.
    pub(super) digest: Digest,
}

/// What tells whether a document is a plan, before anything else of it is looked at.
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

    /// What the plan knows of a Secret.
    pub(super) fn secret(&self, name: &str) -> Option<&InputObject> {
        let mut inputs = self.plan.metadata.inputs.iter();
        inputs.find(|input| input.kind == Kind::Secret && input.name == name)
    }

    /// What tells this plan from others in a name.
    pub(super) fn key(&self) -> String {
        let digest = self.digest.to_string();
        let digits = digest.trim_start_matches("sha256:");
        digits.get(..KEY_DIGITS).unwrap_or(digits).to_owned()
    }

    /// As whom this plan writes: what it wrote can be told from what any other did.
    pub(super) fn field_manager(&self) -> String {
        format!("{APPLY_FIELD_MANAGER}/{}", self.key())
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

    /// What the plan knows of a target's object.
    pub(super) fn input(&self, target: &Target) -> Option<&InputObject> {
        self.plan.metadata.inputs.iter().find(|input| {
            input.kind == target.kind
                && input.namespace == target.namespace
                && input.name == target.name
        })
    }
}

fn parse(bytes: &[u8]) -> Result<Plan, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let json;
    let text = if text.trim_start().starts_with('{') {
        text
    } else {
        let value: serde_json::Value = yaml::from_str(text).map_err(|error| {
            format!(
                "it is neither JSON nor YAML: line {}: {}",
                error.line, error.problem
            )
        })?;
        json = value.to_string();
        &json
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

/// Every update is of a machine resource, has its object among the inputs, and an edit of what may
/// be edited.
fn check(plan: &Plan) -> Result<(), String> {
    for target in plan.targets.iter().filter(|target| is_update(target)) {
        let wrong = wrong(plan, target).map_or(Ok(()), Err);
        wrong.map_err(|what| {
            format!(
                "the plan is damaged: the update of {} {} {what}",
                target.kind, target.name
            )
        })?;
    }
    Ok(())
}

fn wrong(plan: &Plan, target: &Target) -> Option<&'static str> {
    if !matches!(target.kind, Kind::MachineSet | Kind::ControlPlaneMachineSet) {
        return Some("is of a kind that has no boot image");
    }
    let is_known = plan.metadata.inputs.iter().any(|input| {
        input.kind == target.kind
            && input.namespace == target.namespace
            && input.name == target.name
    });
    if !is_known {
        return Some("has no entry in metadata.inputs");
    }
    let Some(patch) = target.patch.as_ref().filter(|patch| !patch.is_empty()) else {
        return Some("has no patch");
    };
    let mut pointers = patch.changed_pointers();
    (!pointers.all(|pointer| pointer.starts_with(EDITED)))
        .then_some("edits something else than its template")
}
