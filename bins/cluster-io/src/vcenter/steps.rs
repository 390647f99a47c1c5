//! The steps of a plan, one after the other (BI-319 … BI-331).

use std::path::{Path, PathBuf};

use openshift_model::vcenter::VcenterStep;

use super::access::Access;
use super::artifact::{ArtifactError, Artifacts};
use super::error::VcenterError;
use super::fault::{DUPLICATE_NAME, FILE_ALREADY_EXISTS, MANAGED_OBJECT_NOT_FOUND};
use super::import::import;
use super::ova::OvaError;
use super::session::Session;
use super::template::Folder;

/// Why a step was not done. Whatever it is, running the steps again goes on where they stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The vCenter did not do something.
    #[error(transparent)]
    Vcenter(#[from] VcenterError),
    /// There is no OVA.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// BI-328: the OVA cannot be used.
    #[error("ova {path}: {cause}")]
    Ova {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: OvaError,
    },
    /// Something else has the name of the template.
    #[error(
        "{path} of vCenter {server} is not a template that this plan may replace; rename it, or remove it, and make a new plan"
    )]
    NameTaken {
        /// The vCenter.
        server: String,
        /// Inventory path.
        path: String,
    },
    /// BI-327: what has a name of ours was not made by osimage.
    #[error(
        "{path} of vCenter {server} has the name of an unfinished import but was not made by osimage; look at it and remove it by hand"
    )]
    NotOurs {
        /// The vCenter.
        server: String,
        /// Inventory path.
        path: String,
    },
    /// What was to be removed is something else by now, or was not made by osimage.
    #[error(
        "{path} of vCenter {server} is not what was listed, and stays; list the templates again"
    )]
    NotAsListed {
        /// The vCenter.
        server: String,
        /// Inventory path.
        path: String,
    },
    /// Another run imports the same template, or has taken this one's machine away.
    #[error(
        "{path} of vCenter {server} is not this run's any more: another run imports it, or the session ran out meanwhile; wait for the other, then run this again"
    )]
    UnderWay {
        /// The vCenter.
        server: String,
        /// Inventory path.
        path: String,
    },
    /// BI-328: there is nothing to run machines on.
    #[error("the vCenter cluster {cluster} has no ESXi nodes")]
    NoHosts {
        /// Inventory path.
        cluster: String,
    },
    /// BI-329: nothing can take the template.
    #[error("failed to find available host system: all hosts unavailable: {hosts}")]
    HostsUnavailable {
        /// Each host with the reason.
        hosts: String,
    },
    /// BI-329: the vCenter cannot take the OVA.
    #[error("vCenter {server} cannot take the OVA: {faults}")]
    ImportSpec {
        /// The vCenter.
        server: String,
        /// Its words.
        faults: String,
    },
    /// What arrived is not what was sent.
    #[error(
        "the upload to vCenter {server} was damaged: SHA-1 sent {sent}, arrived {arrived}; run it again"
    )]
    Arrived {
        /// The vCenter.
        server: String,
        /// Of what was sent.
        sent: String,
        /// Of what arrived.
        arrived: String,
    },
    /// The template says that it is of another release.
    #[error(
        "the imported template says that it is of release {found:?} instead of {expected:?}; the OVA is not the release's"
    )]
    Release {
        /// What it says.
        found: String,
        /// What the plan says.
        expected: String,
    },
    /// BI-330: there is no such tag.
    #[error(
        "failed to attach tag: unable to attach tag: vCenter {server} has no tag {tag:?}; make it, or correct tagIDs of the set"
    )]
    NoTag {
        /// The vCenter.
        server: String,
        /// Its name.
        tag: String,
    },
}

impl StepError {
    pub(super) fn ova(path: &Path, cause: OvaError) -> Self {
        let path = path.to_owned();
        Self::Ova { path, cause }
    }

    /// What faults mean for a machine that is being imported.
    pub(super) fn while_importing(error: VcenterError, path: &str) -> Self {
        match (error.fault(), &error) {
            (
                Some(DUPLICATE_NAME | FILE_ALREADY_EXISTS | MANAGED_OBJECT_NOT_FOUND),
                VcenterError::Refused { server, .. },
            ) => Self::UnderWay {
                server: server.clone(),
                path: path.to_owned(),
            },
            _ => Self::Vcenter(error),
        }
    }
}

/// What is going on, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// The OVA comes: bytes that are there, and how many there will be.
    Download {
        /// Bytes that are there.
        done: u64,
        /// Bytes in all, where the server says.
        total: Option<u64>,
    },
    /// The vCenter makes the machine.
    Import,
    /// The disks go to the vCenter.
    Upload {
        /// Of a hundred.
        percent: u8,
    },
    /// What arrived is looked at, marked as template and tagged.
    Finish,
    /// The template gets its name.
    Rename,
    /// What is left over is removed.
    Remove,
}

/// A template, and what is going on with it.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'p> {
    /// Host name of the vCenter.
    pub server: &'p str,
    /// Name of the template.
    pub template: &'p str,
    /// What is going on.
    pub doing: Doing,
}

/// Hears of progress.
pub type Report<'r> = &'r (dyn Fn(Progress<'_>) + Send + Sync);

/// BI-319 … BI-331: does what a plan lists for vCenters, in order, and stops at the first failure.
///
/// It may be stopped at any time, and run again, alone or beside another run: a template has its
/// final name only when it is whole. What an interrupted run left is used where it is whole, else
/// removed; nothing is removed that osimage did not make or retire.
pub async fn carry_out(
    steps: &[VcenterStep],
    access: &Access,
    artifacts: &Artifacts,
    report: Report<'_>,
) -> Result<(), StepError> {
    for step in steps {
        let session = Session::open(step.server(), access).await?;
        let done = match step {
            VcenterStep::RenameTemplate { path, name, .. } => rename(&session, path, name).await,
            VcenterStep::ImportTemplate(wanted) => {
                import(&session, wanted, access, artifacts, report).await
            }
        };
        session.close().await;
        done?;
    }
    Ok(())
}

/// BI-319: a template gets its name back.
async fn rename(session: &Session, path: &str, name: &str) -> Result<(), StepError> {
    let (folder, old) = path.rsplit_once('/').unwrap_or_default();
    let folder = Folder::find(session, folder).await?;
    if folder.look(name).await?.is_some() {
        // Somebody was quicker, or this ran before.
        return Ok(());
    }
    let machine = folder.look(old).await?;
    let machine = machine.ok_or_else(|| session.not_found("template", path))?;
    folder.check_retired(&machine, old)?;
    folder.rename(&machine, name).await
}
