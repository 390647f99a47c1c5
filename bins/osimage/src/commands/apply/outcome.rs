//! What became of one target.

use cluster_io::cluster::WriteMode;

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// The Secret that was converted on the way, however it ended.
    pub(super) converted: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was written, and boots this image.
    Updated(String),
    /// It already is as the plan leaves it.
    Done,
    /// It is not what the plan was made of.
    Moved(String),
    /// Something has to be done first that a plan cannot do.
    Refused(String),
    /// The cluster refused.
    Failed(String),
    /// The cluster could not be asked, and will not answer for other targets either.
    Lost(String),
    /// The cluster was lost before.
    NotTried,
}

impl Verdict {
    /// With nothing converted on the way.
    pub(super) fn alone(self) -> Outcome {
        Outcome {
            verdict: self,
            converted: None,
        }
    }
}

impl Outcome {
    /// For a person.
    pub(super) fn line(&self, mode: WriteMode) -> String {
        let (updated, converted) = match mode {
            WriteMode::Real => ("updated", "converted"),
            WriteMode::DryRun => ("would be updated", "would be converted"),
        };
        let verdict = match &self.verdict {
            Verdict::Updated(image) => format!("{updated}: boots {image}"),
            Verdict::Done => "nothing to do: it already is as the plan leaves it".to_owned(),
            Verdict::Moved(why) => format!("moved: {why}; plan again"),
            Verdict::Refused(why) => format!("refused: {why}"),
            Verdict::Failed(why) | Verdict::Lost(why) => format!("failed: {why}"),
            Verdict::NotTried => "not tried: the cluster does not answer".to_owned(),
        };
        let secret = self
            .converted
            .iter()
            .map(|secret| format!("; Secret {secret} {converted}"));
        secret.fold(verdict, |line, secret| line + &secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_half_done_is_named() {
        let outcome = Outcome {
            verdict: Verdict::Moved("it is gone".to_owned()),
            converted: Some("worker-user-data".to_owned()),
        };
        assert_eq!(
            outcome.line(WriteMode::Real),
            "moved: it is gone; plan again; Secret worker-user-data converted"
        );
        assert_eq!(
            Verdict::Updated("x".to_owned())
                .alone()
                .line(WriteMode::DryRun),
            "would be updated: boots x"
        );
    }
}
