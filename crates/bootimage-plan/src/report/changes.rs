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
    #[serde(default)]
    source: String,
    error: Option<String>,
    #[serde(default)]
    problems: Vec<String>,
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
    /// Of a cluster: everything in it was read, so that a set that is not listed is not there.
    is_whole: bool,
    error: Option<String>,
    version: Option<String>,
    verdict: Option<String>,
    image: Option<String>,
}

/// Cluster and set; the cluster itself has no set.
type Key = (String, Option<String>);

type States = BTreeMap<Key, State>;

/// What clusters that one of the reports could not read are called in the other one: there was
/// nobody to ask for the name, and they are listed under what they were to be read from.
fn names_by_source(old: &OldReport, clusters: &[ClusterLine]) -> BTreeMap<String, String> {
    let before = old
        .clusters
        .iter()
        .filter(|cluster| cluster.error.is_none());
    let before = before.map(|cluster| (cluster.source.clone(), cluster.name.clone()));
    let now = clusters.iter().filter(|cluster| cluster.error.is_none());
    let now = now.map(|cluster| (cluster.source.clone(), cluster.name.clone()));
    before
        .chain(now)
        .filter(|(source, _)| !source.is_empty())
        .collect()
}

/// The name that a cluster has in both reports.
fn common_name<'n>(
    names: &'n BTreeMap<String, String>,
    source: &str,
    error: Option<&String>,
    name: &'n str,
) -> &'n str {
    match error.and_then(|_| names.get(source)) {
        Some(known) => known,
        None => name,
    }
}

/// Every difference, by cluster and set. Of a set that one of the reports does not list nothing is
/// said where that report could not read all of the cluster.
pub(super) fn since(old: &OldReport, clusters: &[ClusterLine]) -> Vec<Change> {
    let names = names_by_source(old, clusters);
    let (before, now) = (states_before(old, &names), states_now(clusters, &names));
    let lists_all = |states: &States, key: &Key| {
        key.1.is_none()
            || states
                .get(&(key.0.clone(), None))
                .is_some_and(|cluster| cluster.is_whole)
    };
    let mut changes = Vec::new();
    for (key, state) in &now {
        match before.get(key) {
            None if lists_all(&before, key) => {
                changes.push(change(key, Changed::Appeared, None, state.verdict.clone()));
            }
            None => {}
            Some(was) => compare(key, was, state, &mut changes),
        }
    }
    for (key, was) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
        if lists_all(&now, key) {
            changes.push(change(key, Changed::Gone, was.verdict.clone(), None));
        }
    }
    changes.sort_by(|a, b| (&a.cluster, &a.set).cmp(&(&b.cluster, &b.set)));
    changes
}

fn compare(key: &Key, was: &State, state: &State, changes: &mut Vec<Change>) {
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
    (cluster, set): &Key,
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

fn states_before(old: &OldReport, names: &BTreeMap<String, String>) -> States {
    let mut states = States::new();
    for cluster in &old.clusters {
        let error = cluster.error.as_ref();
        let cluster_name = common_name(names, &cluster.source, error, &cluster.name);
        let of_cluster = State {
            is_whole: error.is_none() && cluster.problems.is_empty(),
            error: cluster.error.clone(),
            version: cluster.version.clone(),
            verdict: cluster.verdict.clone(),
            image: None,
        };
        states.insert((cluster_name.to_owned(), None), of_cluster);
        for set in &cluster.sets {
            let image = &set.boot_image;
            let state = State {
                is_whole: true,
                error: None,
                version: None,
                verdict: Some(set.counted.clone()),
                image: image.version.clone().or_else(|| image.image.clone()),
            };
            let name = format!("{} {}", set.kind, set.name);
            states.insert((cluster_name.to_owned(), Some(name)), state);
        }
    }
    states
}

fn states_now(clusters: &[ClusterLine], names: &BTreeMap<String, String>) -> States {
    let mut states = States::new();
    for cluster in clusters {
        let error = cluster.error.as_ref();
        let cluster_name = common_name(names, &cluster.source, error, &cluster.name);
        let of_cluster = State {
            is_whole: error.is_none() && cluster.problems.is_empty(),
            error: cluster.error.clone(),
            version: cluster.version.clone(),
            verdict: cluster.verdict.map(|verdict| verdict.name().to_owned()),
            image: None,
        };
        states.insert((cluster_name.to_owned(), None), of_cluster);
        for set in &cluster.sets {
            let image = &set.boot_image;
            let state = State {
                is_whole: true,
                error: None,
                version: None,
                verdict: Some(set.counted.name().to_owned()),
                image: image.version.clone().or_else(|| image.image.clone()),
            };
            let name = format!("{} {}", set.kind, set.name);
            states.insert((cluster_name.to_owned(), Some(name)), state);
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Observed;

    fn unreadable(source: &str) -> ClusterLine {
        let observed = Observed {
            source: source.to_owned(),
            fallback_name: source.to_owned(),
            ..Observed::default()
        };
        ClusterLine::unreadable(observed, "no such file".to_owned())
    }

    fn readable(source: &str, name: &str, problems: &[&str]) -> ClusterLine {
        ClusterLine {
            name: name.to_owned(),
            error: None,
            problems: problems
                .iter()
                .map(|problem| (*problem).to_owned())
                .collect(),
            ..unreadable(source)
        }
    }

    fn old(cluster: &str, sets: &str) -> OldReport {
        let text = format!(
            r#"{{"apiVersion": "{API_VERSION}", "kind": "{}", "clusters": [{{{cluster},
            "sets": [{sets}]}}]}}"#,
            super::super::KIND
        );
        OldReport::parse(&text).unwrap()
    }

    const SET: &str = r#"{"kind": "MachineSet", "name": "worker-a", "counted": "ok",
        "bootImage": {"image": "x", "version": null}}"#;

    fn kinds(old: &OldReport, now: &ClusterLine) -> Vec<Changed> {
        let changes = since(old, std::slice::from_ref(now));
        changes.into_iter().map(|change| change.changed).collect()
    }

    #[test]
    fn what_could_not_be_read_is_neither_gone_nor_new() {
        let whole = old(r#""name": "prod", "source": "prod.tgz""#, SET);
        // It has no name now but that of its file.
        assert_eq!(kinds(&whole, &unreadable("prod.tgz")), [Changed::Readable]);
        // A document of it could not be read: its sets may stand there.
        assert_eq!(
            kinds(&whole, &readable("prod.tgz", "prod", &["a.yaml"])),
            []
        );
        assert_eq!(
            kinds(&whole, &readable("prod.tgz", "prod", &[])),
            [Changed::Gone]
        );
        // The other way round.
        let broken = old(
            r#""name": "prod.tgz", "source": "prod.tgz", "error": "e""#,
            "",
        );
        assert_eq!(
            kinds(&broken, &readable("prod.tgz", "prod", &[])),
            [Changed::Readable]
        );
    }
}
