//! What somebody has accepted: whose decision it is, why, and until when.

use bootimage_hazards::{Day, Verdict};
use serde::{Deserialize, Serialize};

use super::{ClusterLine, SetLine};
use crate::API_VERSION;

/// `kind` of a document of exceptions.
pub const KIND: &str = "Exceptions";

/// A document of exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

/// One exception. A name is the whole name; what is left out stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Exception {
    /// The cluster.
    cluster: String,
    /// The set; absent: all of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    /// The hazard; absent: all, and a verdict that no hazard is the reason of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hazard: Option<String>,
    /// Who has accepted it.
    owner: String,
    /// Why.
    reason: String,
    /// The last day on which it holds, e.g. `2027-01-31`.
    until: String,
}

/// Why a document of exceptions cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExceptionsError {
    /// It is no document of exceptions, or a member is missing, of a wrong type, or not known.
    #[error(
        "the exceptions cannot be read: {0}; expected are apiVersion: osimage.dev/v1, kind: \
         Exceptions, and items with cluster, owner, reason and until"
    )]
    Document(String),
    /// An exception says nothing where it must.
    #[error(
        "exception {number}: {member} is empty: every exception names its owner and its reason"
    )]
    Empty {
        /// Which one, from 1.
        number: usize,
        /// What is empty.
        member: &'static str,
    },
    /// The end date is none.
    #[error("exception {number}: until: {until:?} is no date; write it as 2027-01-31")]
    NoDate {
        /// Which one, from 1.
        number: usize,
        /// What stands there.
        until: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: String,
    kind: String,
    items: Vec<Exception>,
}

impl Exceptions {
    /// Reads a document of exceptions, as JSON.
    pub fn parse(json: &str) -> Result<Self, ExceptionsError> {
        let document: Document =
            serde_json::from_str(json).map_err(|e| ExceptionsError::Document(e.to_string()))?;
        if document.api_version != API_VERSION || document.kind != KIND {
            let found = format!("it is {} {}", document.api_version, document.kind);
            return Err(ExceptionsError::Document(found));
        }
        for (number, exception) in (1..).zip(&document.items) {
            let texts = [
                ("cluster", &exception.cluster),
                ("owner", &exception.owner),
                ("reason", &exception.reason),
            ];
            let empty = texts.iter().find(|(_, text)| text.trim().is_empty());
            if let Some((member, _)) = empty {
                return Err(ExceptionsError::Empty { number, member });
            }
            if Day::parse(&exception.until).is_none() {
                let until = exception.until.clone();
                return Err(ExceptionsError::NoDate { number, until });
            }
        }
        Ok(Self(document.items))
    }
}

/// What became of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ExceptionState {
    /// It holds, and something is accepted by it.
    InForce,
    /// Its last day is past: what it accepted counts again.
    Expired,
    /// It holds, and there is nothing that it could accept.
    Unused,
}

/// An exception, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExceptionStatus {
    /// The exception as it was given.
    #[serde(flatten)]
    exception: Exception,
    /// What became of it.
    pub state: ExceptionState,
    /// How many sets it accepts something of, or would if it had not expired.
    pub sets: usize,
}

impl ExceptionStatus {
    /// The exception and what became of it, as one line.
    pub fn in_words(&self) -> String {
        let Exception {
            cluster,
            set,
            hazard,
            owner,
            reason,
            until,
        } = &self.exception;
        let set = set
            .as_deref()
            .map_or("all sets".to_owned(), |set| format!("set {set}"));
        let hazard = hazard.as_deref().unwrap_or("whatever it is");
        let state = match self.state {
            ExceptionState::InForce => "in force",
            ExceptionState::Expired => "EXPIRED, counts again",
            ExceptionState::Unused => "accepts nothing",
        };
        format!("{cluster}, {set}, {hazard}: {reason} ({owner}, until {until}; {state})")
    }

    /// What is to be told about it; `None` where it holds.
    pub fn note(&self) -> Option<String> {
        let Exception {
            cluster,
            owner,
            until,
            ..
        } = &self.exception;
        match self.state {
            ExceptionState::InForce => None,
            ExceptionState::Expired => Some(format!(
                "the exception of {owner} for {cluster} expired on {until}: what it accepted counts \
                 again"
            )),
            ExceptionState::Unused => Some(format!(
                "the exception of {owner} for {cluster} accepts nothing: there is no such set or \
                 hazard any more"
            )),
        }
    }
}

/// Applies exceptions to the lines they are about.
pub(super) fn apply(
    clusters: &mut [ClusterLine],
    exceptions: &Exceptions,
    today: Day,
) -> Vec<ExceptionStatus> {
    let mut found = Vec::new();
    for exception in &exceptions.0 {
        let is_expired = Day::parse(&exception.until).is_some_and(|until| until < today);
        let mut sets = 0;
        let of_cluster = clusters.iter_mut().filter(|c| c.name == exception.cluster);
        for set in of_cluster.flat_map(|cluster| &mut cluster.sets) {
            sets += usize::from(exception.accepts(set, !is_expired));
        }
        found.push(ExceptionStatus {
            exception: exception.clone(),
            state: match (is_expired, sets) {
                (true, _) => ExceptionState::Expired,
                (false, 0) => ExceptionState::Unused,
                (false, _) => ExceptionState::InForce,
            },
            sets,
        });
    }
    for cluster in clusters
        .iter_mut()
        .filter(|cluster| cluster.error.is_none())
    {
        let worst = cluster.sets.iter().map(|set| set.counted).max();
        cluster.verdict = Some(worst.unwrap_or(Verdict::Ok));
    }
    found
}

impl Exception {
    /// Whether it is about something of this set, which it then marks as accepted if it is in
    /// force.
    fn accepts(&self, set: &mut SetLine, in_force: bool) -> bool {
        if self.set.as_ref().is_some_and(|name| *name != set.name) {
            return false;
        }
        let Some(id) = &self.hazard else {
            let is_about = set.verdict > Verdict::Ok;
            if is_about && in_force {
                set.hazards
                    .iter_mut()
                    .for_each(|hazard| hazard.accepted = true);
                set.counted = Verdict::Ok;
            }
            return is_about;
        };
        let Some(hazard) = set.hazards.iter_mut().find(|hazard| hazard.id == *id) else {
            return false;
        };
        if in_force {
            hazard.accepted = true;
            set.counted = set.counted.min(set.without_accepted());
        }
        true
    }
}

impl SetLine {
    /// The verdict without the hazards that are accepted. A verdict that is worse than every hazard
    /// has another reason, which stays.
    fn without_accepted(&self) -> Verdict {
        let worst = |accepted: bool| {
            let hazards = self.hazards.iter().filter(|h| accepted || !h.accepted);
            hazards
                .map(|hazard| hazard.verdict)
                .max()
                .unwrap_or(Verdict::Ok)
        };
        if self.verdict > worst(true) {
            return self.verdict;
        }
        let is_unknown = !self.undecided.is_empty() || self.boot_image.version.is_none();
        let least = if is_unknown {
            Verdict::Unknown
        } else {
            Verdict::Ok
        };
        worst(false).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_names_its_owner_its_reason_and_its_end() {
        let check = |items: &str, expected: &str| {
            let text = format!(
                r#"{{"apiVersion": "osimage.dev/v1", "kind": "Exceptions", "items": [{items}]}}"#
            );
            let error = Exceptions::parse(&text)
                .err()
                .map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(
                error.starts_with(expected) && error.is_empty() == expected.is_empty(),
                "{error}"
            );
        };
        let item = |owner: &str, until: &str| {
            format!(r#"{{"cluster": "a", "owner": "{owner}", "reason": "r", "until": "{until}"}}"#)
        };
        check(&item("o", "2027-01-31"), "");
        check(&item(" ", "2027-01-31"), "exception 1: owner is empty");
        check(
            &item("o", "soon"),
            "exception 1: until: \"soon\" is no date",
        );
        check(
            r#"{"cluster": "a"}"#,
            "the exceptions cannot be read: missing field",
        );
        let other = Exceptions::parse(r#"{"apiVersion": "v1", "kind": "Pod", "items": []}"#);
        let other = other.map_err(|error| error.to_string()).unwrap_err();
        assert!(other.contains("it is v1 Pod"), "{other}");
    }
}
