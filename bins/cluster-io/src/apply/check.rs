//! The cluster as it is now, compared with a plan.

use std::collections::BTreeSet;

use bootimage_plan::{
    ClusterSnapshot, Completeness, Facts, Plan, Recheck, Target, cluster_reads, live_namespace,
    reads, recheck,
};

use super::vcenters::Vcenters;
use crate::cluster::{Cluster, ClusterError};
use crate::files::{Text, Texts};
use crate::load;

/// A plan could not be compared with its cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The cluster could not be asked, or refused.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// What the cluster answered cannot be read.
    #[error("{0}")]
    Unusable(String),
    /// A vCenter could not be asked what it has; its words.
    #[error("{0}")]
    Vcenter(String),
}

/// Compares a plan with everything that it was made of, before anything is written. `targets` are
/// those that are to be carried out.
pub async fn check_all(
    cluster: &Cluster,
    plan: &Plan,
    targets: &[&Target],
) -> Result<Recheck, CheckError> {
    let mut texts = cluster.fetch(&reads()).await?;
    texts.extend(cluster.machine_api_secrets(secrets(targets)).await?);
    compare(plan, &of(texts), targets, &Facts::default())
}

/// Compares a plan with everything that the decision on one target was made from; where vCenters
/// can be asked, with what they have, too: what a plan found there may be gone.
pub(super) async fn check_one(
    cluster: &Cluster,
    plan: &Plan,
    target: &Target,
    vcenters: Option<Vcenters<'_>>,
) -> Result<Recheck, CheckError> {
    let namespace = live_namespace(target.kind, &target.namespace);
    let targets = [target];
    let table = cluster_reads();
    let (mut texts, object, secrets) = tokio::try_join!(
        cluster.fetch(&table),
        cluster.named(target.kind, namespace, &target.name),
        cluster.machine_api_secrets(secrets(&targets)),
    )?;
    texts.extend(object.into_iter().chain(secrets));
    let texts = of(texts);
    let found = compare(plan, &texts, &targets, &Facts::default())?;
    let Some(vcenters) = vcenters.filter(|_| !found.needs.is_empty()) else {
        return Ok(found);
    };
    let facts = vcenters.facts(&found.needs).await;
    compare(plan, &texts, &targets, &facts.map_err(CheckError::Vcenter)?)
}

fn secrets<'t>(targets: &[&'t Target]) -> BTreeSet<&'t str> {
    targets
        .iter()
        .filter_map(|target| target.user_data.as_deref())
        .map(|data| data.secret.as_str())
        .collect()
}

fn of(texts: Vec<Text>) -> Texts {
    Texts {
        texts,
        ..Texts::default()
    }
}

fn compare(
    plan: &Plan,
    texts: &Texts,
    targets: &[&Target],
    facts: &Facts,
) -> Result<Recheck, CheckError> {
    let loaded = load(texts);
    if let Some(error) = loaded.errors.first() {
        return Err(CheckError::Unusable(error.to_string()));
    }
    let live = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects: loaded.objects,
        streams: Vec::new(),
    };
    Ok(recheck(plan, &live, facts, |target| {
        targets.contains(&target)
    }))
}
