//! What became of one target.

use cluster_io::cluster::WriteMode;

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was written.
    Updated {
        /// The new image.
        image: String,
        /// What became of its Secret, where it was converted.
        secret: Option<String>,
    },
    /// It already is as the plan leaves it.
    Done,
    /// It is not what the plan was made of.
    Moved(String),
    /// Something has to be done first that a plan cannot do.
    Refused(String),
    /// The cluster refused, or could not be asked.
    Failed(String),
}

impl Outcome {
    /// For a person.
    pub(super) fn line(&self, mode: WriteMode) -> String {
        let (updated, converted) = match mode {
            WriteMode::Real => ("updated", "converted"),
            WriteMode::DryRun => ("would be updated", "would be converted"),
        };
        match self {
            Self::Updated { image, secret } => {
                let secret = secret
                    .as_ref()
                    .map(|secret| format!("; Secret {secret} {converted}"));
                format!("{updated}: boots {image}{}", secret.unwrap_or_default())
            }
            Self::Done => "nothing to do: it already is as the plan leaves it".to_owned(),
            Self::Moved(why) => format!("moved: {why}; plan again"),
            Self::Refused(why) => format!("refused: {why}"),
            Self::Failed(why) => format!("failed: {why}"),
        }
    }
}
