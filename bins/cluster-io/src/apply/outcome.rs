//! What became of one target.

use std::fmt;

use bootimage_plan::{
    ConversionError, DeferredPlan, Disagreement, EditProblem, ImageChange, Moved, Movement, Written,
};
use openshift_model::vcenter::VcenterStep;

use super::CheckError;
use crate::cluster::ClusterError;
use crate::vcenter::StepError;

/// What became of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub result: ApplyResult,
    /// The user-data Secret that was converted on the way, however it ended.
    pub converted: Option<String>,
    /// What vCenters have done for it on the way, however it ended; in a dry run: would have to do.
    pub steps: Vec<VcenterStep>,
    /// What this plan has written of the target, now or in an earlier run that was interrupted; what
    /// [`Executor::history`](super::Executor::history) makes entries of.
    pub written: Written,
    /// The release that the cluster runs, where it is known.
    pub release: Option<String>,
    /// Why attempts before the last one failed; empty where the first one was the last.
    pub retries: Vec<ClusterError>,
    /// The target as the API server answered last: after an update, as it is now.
    pub object: Option<String>,
    /// What went wrong besides and undoes nothing.
    pub warnings: Vec<ApplyWarning>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ApplyResult {
    /// The edit was written; in a dry run: the API server would take it.
    Updated(AppliedChange),
    /// It already is as the plan leaves it.
    AlreadyDone,
    /// It, or what its edit was made from, is not what the plan was made of.
    Moved(MovedSince),
    /// It may not be written.
    Refused(Refusal),
    /// The cluster refused a read or a write.
    Failed(ClusterError),
    /// What was read cannot be used.
    Unusable(String),
    /// vCenters did what they have to do first, and nothing was written yet: it has to be compared
    /// again.
    Prepared,
    /// A vCenter did not do what it has to do first. Run again, it goes on where it stopped.
    Vcenter(StepError),
    /// A vCenter could not be asked what it has; its words.
    VcenterUnknown(String),
    /// The cluster could not be asked, and other targets would fare the same.
    Unreachable(ClusterError),
    /// The cluster could not be asked before, so that this target was left out.
    NotTried,
}

/// What an edit has changed, read from the edit itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedChange(pub ImageChange);

impl fmt::Display for AppliedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageChange {
            to,
            user_data_secret,
            ..
        } = &self.0;
        match (to, user_data_secret) {
            (Some(image), None) => write!(f, "boots {image}"),
            (Some(image), Some(secret)) => {
                write!(f, "boots {image} with the user data of Secret {secret}")
            }
            (None, Some(secret)) => write!(f, "boots with the user data of Secret {secret}"),
            (None, None) => f.write_str("boots the template of the same name"),
        }
    }
}

/// What is not as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovedSince {
    /// The target itself.
    Target(Movement),
    /// Its user-data Secret.
    Secret {
        /// The Secret.
        name: String,
        /// What happened to it.
        movement: Movement,
    },
    /// What its decision was made from.
    Inputs(Vec<Moved>),
    /// The stub of its user-data Secret.
    Stub(ConversionError),
}

impl fmt::Display for MovedSince {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(movement) => write!(f, "{movement}"),
            Self::Secret { name, movement } => write!(f, "Secret {name}: {movement}"),
            Self::Inputs(moved) => {
                let texts = moved
                    .iter()
                    .map(|moved| format!("{}: {}", moved.object, moved.movement));
                f.write_str(&texts.collect::<Vec<_>>().join("; "))
            }
            Self::Stub(error) => write!(f, "{error}"),
        }
    }
}

/// Why a target may not be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The plan does not edit it, or does not have it among its inputs.
    #[error("the plan has no edit for it")]
    NoEdit,
    /// Its edit is not what the plan says of it.
    #[error("its edit {0}")]
    Edit(EditProblem),
    /// Another edit comes out now.
    #[error("{0}")]
    Differs(Disagreement),
    /// A controller would write nothing now.
    #[error("the cluster defers updates of boot images now ({reason}): {message}", reason = .0.reason, message = .0.message)]
    Deferred(DeferredPlan),
    /// A vCenter has to do something first, and nobody gave access to vCenters.
    #[error(
        "a vCenter has to {0} first, for which there is no access to vCenters; see its steps in the plan"
    )]
    NeedsVcenter(VcenterStep),
    /// A vCenter did its steps, and yet has something to do: somebody else is at work there.
    #[error("the vCenter has to {0} although this was just done; is something else at work there?")]
    StillNeedsVcenter(VcenterStep),
    /// Its user data cannot be converted, or nobody has seen the conversion.
    #[error("{0}")]
    UserData(ConversionError),
}

/// What went wrong besides and undoes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyWarning {
    /// The Event names an unknown user.
    #[error("the cluster does not say who we are: {0}")]
    NoUserName(ClusterError),
    /// An interrupted import may have left something in the vCenter that could not be removed.
    #[error("what an interrupted import left in the vCenter is still there: {0}")]
    LeftBehind(StepError),
    /// The target was written, but no Event says so.
    #[error("{object} was updated, but no Event says so: {error}")]
    NoEvent {
        /// Kind and name of the target.
        object: String,
        /// Why.
        error: ClusterError,
    },
}

impl ApplyResult {
    /// Of a read, which was repeated as often as makes sense already.
    pub(super) fn of_read(error: ClusterError) -> Self {
        if error.concerns_all() {
            Self::Unreachable(error)
        } else {
            Self::Failed(error)
        }
    }

    /// Whether other targets would not be reached either.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NotTried)
    }
}

impl From<CheckError> for ApplyResult {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Cluster(error) => Self::of_read(error),
            CheckError::Unusable(problem) => Self::Unusable(problem),
            CheckError::Vcenter(words) => Self::VcenterUnknown(words),
        }
    }
}

impl From<ApplyResult> for Outcome {
    /// With nothing done on the way.
    fn from(result: ApplyResult) -> Self {
        Self {
            result,
            converted: None,
            steps: Vec::new(),
            written: Written::default(),
            release: None,
            retries: Vec::new(),
            object: None,
            warnings: Vec::new(),
        }
    }
}
