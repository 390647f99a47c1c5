//! What somebody has accepted: whose decision it is, why, and until when.

use bootimage_hazards::{Day, Verdict};
use serde::{Deserialize, Serialize};

use super::{ClusterLine, SetLine};
use crate::API_VERSION;

/// `kind` of a document of exceptions.
const KIND: &str = "Exceptions";

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
    /// Why there are none.
    #[serde(skip)]
    nothing: Option<Nothing>,
}

/// Why an exception is about nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Nothing {
    /// The report has no cluster of this name.
    NoCluster,
    /// The report has no cluster of this name that could be read, and some that could not.
    UnknownCluster,
    /// The cluster could not be read, or not all of it: nothing can be said of its sets.
    Unreadable,
    /// The cluster has no set of this name.
    NoSet(String),
    /// No set that it names meets the hazard.
    NoHazard(String),
    /// No set that it names has a verdict that would have to be accepted.
    AllWell,
}

impl Nothing {
    fn of(exception: &Exception, clusters: &[ClusterLine]) -> Self {
        let mut of_name = clusters
            .iter()
            .filter(|line| line.name == exception.cluster)
            .peekable();
        if of_name.peek().is_none() {
            // One that cannot be read has no name but that of its file.
            let is_known = clusters.iter().all(|line| line.error.is_none());
            return if is_known {
                Self::NoCluster
            } else {
                Self::UnknownCluster
            };
        }
        let lines: Vec<_> = of_name.collect();
        let is_named = |set: &&SetLine| exception.set.as_ref().is_none_or(|name| *name == set.name);
        let found = lines.iter().flat_map(|line| &line.sets).find(is_named);
        let is_whole = |line: &&&ClusterLine| line.error.is_none() && line.problems.is_empty();
        match (&exception.set, &exception.hazard) {
            _ if found.is_none() && !lines.iter().all(|line| is_whole(&line)) => Self::Unreadable,
            (Some(name), _) if found.is_none() => Self::NoSet(name.clone()),
            (_, Some(hazard)) => Self::NoHazard(hazard.clone()),
            _ => Self::AllWell,
        }
    }
}

impl std::fmt::Display for Nothing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCluster => f.write_str("the report has no cluster of this name"),
            Self::UnknownCluster => f.write_str("no cluster of this name could be read"),
            Self::Unreadable => f.write_str("the cluster could not be read, or not all of it"),
            Self::NoSet(name) => write!(f, "the cluster has no set {name}"),
            Self::NoHazard(hazard) => write!(f, "none of the sets that it names meets {hazard}"),
            Self::AllWell => f.write_str("none of the sets that it names needs one"),
        }
    }
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
            set,
            hazard,
            owner,
            until,
            ..
        } = &self.exception;
        let set = set.as_deref().map(|set| format!(", set {set}"));
        let hazard = hazard.as_deref().map(|hazard| format!(", {hazard}"));
        let about = format!(
            "the exception of {owner} for {cluster}{}{}",
            set.unwrap_or_default(),
            hazard.unwrap_or_default()
        );
        match (self.state, &self.nothing) {
            (ExceptionState::InForce, _) => None,
            (ExceptionState::Expired, None) => Some(format!(
                "{about} ended on {until}: what it accepted counts again"
            )),
            (ExceptionState::Expired, Some(why)) => Some(format!(
                "{about} ended on {until}, and is about nothing: {why}"
            )),
            (ExceptionState::Unused, why) => {
                let why = why.as_ref().map(ToString::to_string).unwrap_or_default();
                Some(format!("{about} accepts nothing: {why}"))
            }
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
            nothing: (sets == 0).then(|| Nothing::of(exception, clusters)),
        });
    }
    for cluster in clusters
        .iter_mut()
        .filter(|cluster| cluster.error.is_none())
    {
        cluster.verdict = Some(cluster.counted());
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
    fn a_note_says_what_it_is_about_and_why() {
        let check = |cluster: &str, more: &str, until: &str, expected: &str| {
            let text = format!(
                r#"{{"apiVersion": "osimage.dev/v1", "kind": "Exceptions", "items": [{{"cluster":
                "{cluster}", "owner": "o", "reason": "r", "until": "{until}"{more}}}]}}"#
            );
            let observed = |source: &str| crate::report::Observed {
                source: source.to_owned(),
                fallback_name: source.to_owned(),
                ..crate::report::Observed::default()
            };
            let broken = ClusterLine::unreadable(observed("broken"), "e".to_owned());
            let fine = ClusterLine {
                error: None,
                ..ClusterLine::unreadable(observed("fine"), String::new())
            };
            let today = Day::parse("2026-11-30").unwrap();
            let exceptions = Exceptions::parse(&text).unwrap();
            let found = apply(&mut [broken, fine], &exceptions, today);
            assert_eq!(found[0].note().as_deref(), Some(expected));
        };
        let later = "2027-01-31";
        check(
            "other",
            "",
            later,
            "the exception of o for other accepts nothing: no cluster of this name could be read",
        );
        check(
            "broken",
            r#", "set": "a""#,
            later,
            "the exception of o for broken, set a accepts nothing: the cluster could not be read, or \
             not all of it",
        );
        check(
            "fine",
            r#", "set": "a", "hazard": "h""#,
            later,
            "the exception of o for fine, set a, h accepts nothing: the cluster has no set a",
        );
        check(
            "fine",
            r#", "hazard": "h""#,
            "2026-11-29",
            "the exception of o for fine, h ended on 2026-11-29, and is about nothing: none of \
             the sets that it names meets h",
        );
    }

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
