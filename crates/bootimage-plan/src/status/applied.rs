//! What became of the updates of a plan.

use std::collections::BTreeMap;

use bootimage_status::Outcome;
use openshift_model::ObjectRef;

use crate::{DecisionKind, Target};

/// What became of one update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// The object is as the plan leaves it.
    Done,
    /// It failed; the text is for the condition and holds nothing of a Secret.
    Failed(String),
    /// It was not tried: somebody else keeps reverting it ([`hot_loop`](crate::hot_loop)), or the
    /// pass ended before. It is no error, and the pass is not finished.
    HeldBack,
}

/// What became of every update of a plan. Only whoever carried the plan out can say, so that no
/// status can be made of what was merely planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied(Option<BTreeMap<ObjectRef, Became>>);

impl Applied {
    /// What became of each update. One that is not named was held back.
    pub fn of(results: impl IntoIterator<Item = (ObjectRef, Became)>) -> Self {
        Self(Some(results.into_iter().collect()))
    }

    /// The forecast: every update succeeds.
    pub(crate) const fn forecast() -> Self {
        Self(None)
    }

    fn became(&self, target: &Target) -> &Became {
        let Some(results) = &self.0 else {
            return &Became::Done;
        };
        results
            .get(&target.reference())
            .unwrap_or(&Became::HeldBack)
    }

    /// BI-152: how an update counts.
    pub(super) fn outcome(&self, target: &Target) -> Outcome {
        match self.became(target) {
            Became::Done => Outcome::Reconciled,
            Became::Failed(_) => Outcome::Errored,
            Became::HeldBack => Outcome::Pending,
        }
    }

    /// Why an update failed.
    pub(super) fn failure(&self, target: &Target) -> Option<&str> {
        match self.became(target) {
            Became::Failed(text) if target.decision == DecisionKind::Update => Some(text),
            _ => None,
        }
    }

    /// Whether it is not known that the target boots what it should. A forecast says what follows
    /// where the open questions are answered well.
    pub(super) fn leaves_open(&self, target: &Target) -> bool {
        match target.decision {
            DecisionKind::Update => self.became(target) != &Became::Done,
            DecisionKind::Undecided => self.0.is_some(),
            _ => false,
        }
    }
}
