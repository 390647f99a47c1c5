//! What changed since another report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ClusterLine;
use crate::API_VERSION;

/// Why an earlier report cannot be compared with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OldReportError {
    /// It is no report, or one that cannot be read.
    #[error("{0}; `osimage report -o json` makes a report")]
    Document(String),
}

/// An earlier report, as far as it is compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OldReport {
    api_version: String,
    kind: String,
    clusters: Vec<OldCluster>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldCluster {
    name: String,
    error: Option<String>,
    version: Option<String>,
    verdict: Option<String>,
    #[serde(default)]
    sets: Vec<OldSet>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldSet {
    kind: String,
    name: String,
    counted: String,
    boot_image: OldImage,
}

#[derive(Debug, Clone, Deserialize)]
struct OldImage {
    image: Option<String>,
    version: Option<String>,
}

impl OldReport {
    /// Reads a report.
    pub fn parse(json: &str) -> Result<Self, OldReportError> {
        let found: Self =
            serde_json::from_str(json).map_err(|e| OldReportError::Document(e.to_string()))?;
        if found.api_version != API_VERSION || found.kind != super::KIND {
            let what = format!("it is {} {}, no report", found.api_version, found.kind);
            return Err(OldReportError::Document(what));
        }
        Ok(found)
    }
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Changed {
    /// It is there for the first time.
    Appeared,
    /// It is not there any more.
    Gone,
    /// It cannot be read any more, or can be read again.
    Readable,
    /// The release.
    Version,
    /// The verdict that counts.
    Verdict,
    /// The boot image.
    BootImage,
}

/// One change of a cluster or a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// The cluster.
    pub cluster: String,
    /// The set; null where it is about the cluster.
    pub set: Option<String>,
    /// What is different.
    pub changed: Changed,
    /// What it was.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

/// One cluster or set as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    error: Option<String>,
    version: Option<String>,
    verdict: Option<String>,
    image: Option<String>,
}

/// By cluster, then by set; the cluster itself has no set.
type States = BTreeMap<(String, Option<String>), State>;

/// Every difference, by cluster and set.
pub(super) fn since(old: &OldReport, clusters: &[ClusterLine]) -> Vec<Change> {
    let (before, now) = (states_before(old), states_now(clusters));
    let mut changes = Vec::new();
    for (key, state) in &now {
        match before.get(key) {
            // Sets of a cluster that could not be read appear with it.
            None if key.1.is_some() && !before.contains_key(&(key.0.clone(), None)) => {}
            None => changes.push(change(key, Changed::Appeared, None, state.verdict.clone())),
            Some(was) => compare(key, was, state, &mut changes),
        }
    }
    for (key, was) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
        if key.1.is_none() || now.contains_key(&(key.0.clone(), None)) {
            changes.push(change(key, Changed::Gone, was.verdict.clone(), None));
        }
    }
    changes.sort_by(|a, b| (&a.cluster, &a.set).cmp(&(&b.cluster, &b.set)));
    changes
}

fn compare(key: &(String, Option<String>), was: &State, state: &State, changes: &mut Vec<Change>) {
    let members = [
        (Changed::Readable, &was.error, &state.error),
        (Changed::Version, &was.version, &state.version),
        (Changed::Verdict, &was.verdict, &state.verdict),
        (Changed::BootImage, &was.image, &state.image),
    ];
    for (changed, from, to) in members {
        if from != to {
            changes.push(change(key, changed, from.clone(), to.clone()));
        }
    }
}

fn change(
    (cluster, set): &(String, Option<String>),
    changed: Changed,
    from: Option<String>,
    to: Option<String>,
) -> Change {
    Change {
        cluster: cluster.clone(),
        set: set.clone(),
        changed,
        from,
        to,
    }
}

fn states_before(old: &OldReport) -> States {
    let mut states = States::new();
    for cluster in &old.clusters {
        let of_cluster = State {
            error: cluster.error.clone(),
            version: cluster.version.clone(),
            verdict: cluster.verdict.clone(),
            image: None,
        };
        states.insert((cluster.name.clone(), None), of_cluster);
        for set in &cluster.sets {
            let image = &set.boot_image;
            let state = State {
                error: None,
                version: None,
                verdict: Some(set.counted.clone()),
                image: image.version.clone().or_else(|| image.image.clone()),
            };
            let name = format!("{} {}", set.kind, set.name);
            states.insert((cluster.name.clone(), Some(name)), state);
        }
    }
    states
}

fn states_now(clusters: &[ClusterLine]) -> States {
    let mut states = States::new();
    for cluster in clusters {
        let of_cluster = State {
            error: cluster.error.clone(),
            version: cluster.version.clone(),
            verdict: cluster.verdict.map(|verdict| verdict.name().to_owned()),
            image: None,
        };
        states.insert((cluster.name.clone(), None), of_cluster);
        for set in &cluster.sets {
            let image = &set.boot_image;
            let state = State {
                error: None,
                version: None,
                verdict: Some(set.counted.name().to_owned()),
                image: image.version.clone().or_else(|| image.image.clone()),
            };
            let name = format!("{} {}", set.kind, set.name);
            states.insert((cluster.name.clone(), Some(name)), state);
        }
    }
    states
}
