//! Writes what the cluster is told: the status of MachineConfiguration, and ClusterOperator
//! `osimage`.

use std::time::Duration;

use bootimage_plan::{
    CLUSTER_OPERATOR, ClusterStatus, OperatorStatus, STATUS_FIELD_MANAGER, STATUS_SETTLED_SECONDS,
    StatusError, other_condition_writer,
};
use cluster_io::cluster::{Cluster, ClusterError, WriteMode};
use cluster_io::store::Store;
use cluster_io::time;
use jiff::Timestamp;
use openshift_model::{Kind, RawObject, Write, names};

/// How often it is tried to write a status while others write the object as well.
const ATTEMPTS: u32 = 4;

/// A status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusWriteError {
    #[error("{0}")]
    Status(#[from] StatusError),
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error(
        "the API server's MachineConfiguration cluster is no object that can be read: look at it with `oc get machineconfiguration cluster -o yaml`"
    )]
    Unreadable,
}

/// Writes the status of MachineConfiguration, each part of it that is not so already. The object as
/// it is then, where something was written.
pub(crate) async fn write_status(
    cluster: &Cluster,
    store: &Store,
    status: &ClusterStatus,
    known: String,
) -> Result<Option<String>, StatusWriteError> {
    let mut json = known;
    let mut written = None;
    let mut attempt = 1;
    loop {
        let live = parse(&json).ok_or(StatusWriteError::Unreadable)?;
        let writes = status.writes(&live, &time::now())?;
        match execute(cluster, &writes).await {
            Ok(None) => return Ok(written),
            Ok(Some(answer)) => {
                store.put_answer(Kind::MachineConfiguration, &answer);
                written = Some(answer);
                return Ok(written);
            }
            Err(error) if attempt < ATTEMPTS && is_overtaken(&error) => {
                let kind = Kind::MachineConfiguration;
                let Some(live) = cluster.object(kind, "", names::CLUSTER).await? else {
                    return Ok(None);
                };
                json = live;
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the ClusterOperator say this. `known` is the object as it is known.
pub(crate) async fn write_operator(
    cluster: &Cluster,
    store: &Store,
    status: &OperatorStatus,
    known: Option<String>,
) -> Result<(), StatusWriteError> {
    let kind = Kind::ClusterOperator;
    let mut json = known;
    let mut overtaken = None;
    // It is made first, then told; and others may write it in between.
    for _ in 0..ATTEMPTS {
        let live = json.as_deref().and_then(parse);
        let Some(write) = status.write(live.as_ref(), &time::now())? else {
            return Ok(());
        };
        match cluster.execute(&write, WriteMode::Real).await {
            Ok(answer) => {
                store.put_answer(kind, &answer);
                json = Some(answer);
            }
            Err(error) if is_overtaken(&error) => {
                json = cluster.object(kind, "", CLUSTER_OPERATOR).await?;
                overtaken = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    overtaken.map_or(Ok(()), |error| Err(error.into()))
}

/// Who else has written conditions of MachineConfiguration within the last minute, as its
/// `managedFields` tell now.
pub(crate) async fn foreign_writer(cluster: &Cluster) -> Result<Option<String>, ClusterError> {
    let json = cluster
        .object(Kind::MachineConfiguration, "", names::CLUSTER)
        .await?;
    let Some(live) = json.as_deref().and_then(parse) else {
        return Ok(None);
    };
    let settled = Duration::from_secs(STATUS_SETTLED_SECONDS);
    let since = time::in_seconds(Timestamp::now() - settled);
    Ok(other_condition_writer(&live, STATUS_FIELD_MANAGER, &since))
}

/// Carries out requests in order; the last answer.
async fn execute(cluster: &Cluster, writes: &[Write]) -> Result<Option<String>, ClusterError> {
    let mut answer = None;
    for write in writes {
        answer = Some(cluster.execute(write, WriteMode::Real).await?);
    }
    Ok(answer)
}

/// The object is not what the request was made for: a test of the patch failed, or its version.
fn is_overtaken(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::Conflict { .. }
            | ClusterError::Invalid { .. }
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
    )
}

fn parse(json: &str) -> Option<RawObject<'_>> {
    RawObject::parse(json).ok().flatten()
}
