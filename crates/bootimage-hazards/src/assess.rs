//! What is known to go wrong with one image on one cluster.

use openshift_model::{Architecture, Platform};
use serde::Serialize;

use crate::bound::{ComparedWith, Fit};
use crate::stops::stops;
use crate::table::{Basis, Case, HazardTable, Row, Severity};
use crate::{BootImageVersion, ClusterRelease, Condition, Conditions, Day, ReadVersion};

/// A node that may be added: from which image, to which cluster.
#[derive(Debug, Clone, Copy)]
pub struct NewNode<'a> {
    /// The image that it starts from.
    pub image: &'a ReadVersion,
    /// The release of the cluster; `None` where it is not known.
    pub cluster: Option<&'a ClusterRelease>,
    /// The image that the release itself would boot, from its stream document, where that is known.
    pub release_image: Option<&'a BootImageVersion>,
    /// The platform.
    pub platform: &'a Platform,
    /// The architecture; `None` where it is not known.
    pub architecture: Option<&'a Architecture>,
    /// What is known of the machine, the platform and the cluster.
    pub conditions: &'a Conditions,
    /// Today; `None` where nothing may depend on the day.
    pub today: Option<Day>,
}

/// How sure it is that a hazard is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Certainty {
    /// It depends on something that nothing read tells.
    CannotTell,
    /// A bound is not known exactly, or lies inside what the image may be, or the hazard itself is
    /// not confirmed.
    Possible,
    /// Everything it depends on is known to be so.
    Certain,
}

/// A hazard that is met, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hazard {
    /// Which one, as the table calls it.
    pub id: String,
    /// How bad it is where it happens.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// What happens.
    pub sentence: String,
    /// Why it is not certain; empty where it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reservation: String,
    /// What to do about it.
    pub remedy: String,
    /// The conditions that nothing read tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_conditions: Vec<Condition>,
    /// Where it is from.
    pub sources: Vec<String>,
    /// It would be met by every image, so that not knowing a condition says nothing of this one.
    #[serde(skip)]
    any_image: bool,
}

/// Whether a node would join, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// Nothing is known that would hold it up.
    Ok,
    /// It joins, later than it could.
    Slow,
    /// What the image is, or what it would meet, is not known.
    Unknown,
    /// It may not join.
    Risk,
    /// It will not join.
    Fails,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Slow, Self::Unknown, Self::Risk, Self::Fails];

    /// The name as documents have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Unknown => "unknown",
            Self::Risk => "risk",
            Self::Fails => "fails",
        }
    }
}

/// From which release on a node from this image does not join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stops {
    /// The first release with which it does not join, e.g. `4.23`. The cluster may be past it.
    pub release: String,
    /// Which hazard it is that starts there.
    pub hazard: String,
    /// Certain or possible.
    pub certainty: Certainty,
}

/// What is known of a new node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Assessment {
    /// The sum of it.
    pub verdict: Verdict,
    /// What counts most for the verdict first.
    pub hazards: Vec<Hazard>,
    /// Hazards of which nothing can be said, because the version or the release is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    /// When the image stops working, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<Stops>,
}

impl HazardTable {
    /// What is known to go wrong with a node that is added like this.
    pub fn assess(&self, node: &NewNode<'_>) -> Assessment {
        let mut hazards = Vec::new();
        let mut undecided = Vec::new();
        for row in &self.rows {
            match node.met(row) {
                Met::No => {}
                Met::Undecided => undecided.push(row.id.clone()),
                Met::Hazard(hazard) => hazards.push(hazard),
            }
        }
        hazards.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.id.cmp(&b.id)));
        Assessment {
            verdict: verdict(&hazards, &undecided),
            stops: stops(&self.rows, node),
            hazards,
            undecided,
        }
    }
}

/// The worst of the hazards decides; what cannot be decided is worse than a delay.
fn verdict(hazards: &[Hazard], undecided: &[String]) -> Verdict {
    let undecided = if undecided.is_empty() {
        Verdict::Ok
    } else {
        Verdict::Unknown
    };
    let worst = hazards.iter().map(Hazard::verdict).max();
    worst.unwrap_or(Verdict::Ok).max(undecided)
}

impl Hazard {
    /// What it makes of a new node. One that is possible is a risk, and so is one that depends on a
    /// usual condition that nobody can read, as Secure Boot. What depends on an arrangement that
    /// the cluster's people know of is listed and counts as nothing, and so does what every image
    /// would meet.
    pub fn verdict(&self) -> Verdict {
        let is_usual = self
            .unknown_conditions
            .iter()
            .all(|condition| condition.is_usual());
        match (self.severity, self.certainty) {
            (Severity::Fails, Certainty::Certain) => Verdict::Fails,
            (_, Certainty::CannotTell) if self.any_image || !is_usual => Verdict::Ok,
            (Severity::Fails | Severity::Risk, _) => Verdict::Risk,
            (Severity::Slow, _) => Verdict::Slow,
        }
    }

    /// Whether it makes the verdict worse than `ok`; what does not is only listed.
    pub fn counts(&self) -> bool {
        self.verdict() > Verdict::Ok
    }

    fn weight(&self) -> (Verdict, Severity, Certainty) {
        (self.verdict(), self.severity, self.certainty)
    }
}

enum Met {
    No,
    /// The version or the release would have to be known.
    Undecided,
    Hazard(Hazard),
}

/// What one case comes to, the least first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome<'c> {
    No,
    Undecided,
    Met(Certainty, Reservation<'c>),
}

/// Why a case is not certain.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reservation<'c> {
    UnknownConditions(Vec<Condition>, bool),
    Approximate(&'c str),
    Range,
    Architecture,
    Basis,
    None,
}

impl NewNode<'_> {
    fn met(&self, row: &Row) -> Met {
        let architecture = self.architecture_fit(row);
        if architecture == Fit::No || !self.is_on_platform(row) {
            return Met::No;
        }
        let outcomes = row
            .cases
            .iter()
            .map(|case| self.outcome(row, case, architecture));
        match outcomes.max() {
            None | Some(Outcome::No) => Met::No,
            Some(Outcome::Undecided) => Met::Undecided,
            Some(Outcome::Met(certainty, reservation)) => {
                Met::Hazard(self.hazard(row, certainty, reservation))
            }
        }
    }

    pub(crate) fn is_on_platform(&self, row: &Row) -> bool {
        row.platforms.is_empty() || row.platforms.contains(self.platform)
    }

    pub(crate) fn architecture_fit(&self, row: &Row) -> Fit {
        match self.architecture {
            _ if row.architectures.is_empty() => Fit::Yes,
            None => Fit::Possible,
            Some(architecture) if row.architectures.contains(architecture) => Fit::Yes,
            Some(_) => Fit::No,
        }
    }

    pub(crate) fn image_fit(&self, case: &Case) -> Fit {
        let with = ComparedWith {
            cluster: self.cluster,
            release_image: self.release_image,
            today: self.today,
        };
        match self.image {
            Ok(version) => case.image.fit(version, &with),
            Err(_) if case.image.is_any() => Fit::Yes,
            Err(_) => Fit::Unknown,
        }
    }

    fn outcome<'c>(&self, row: &Row, case: &'c Case, architecture: Fit) -> Outcome<'c> {
        let conditions: Vec<_> = case
            .when
            .iter()
            .map(|when| (*when, self.condition(*when)))
            .collect();
        let fit = self.image_fit(case).min(case.cluster.fit(self.cluster));
        if fit == Fit::No || conditions.iter().any(|(_, holds)| *holds == Some(false)) {
            return Outcome::No;
        }
        if fit == Fit::Unknown {
            return Outcome::Undecided;
        }
        let unknown_conditions: Vec<_> = conditions
            .into_iter()
            .filter_map(|(condition, holds)| holds.is_none().then_some(condition))
            .collect();
        if !unknown_conditions.is_empty() {
            let any_image = case.image.is_any();
            return Outcome::Met(
                Certainty::CannotTell,
                Reservation::UnknownConditions(unknown_conditions, any_image),
            );
        }
        let reservation = match &case.approximate {
            Some(why) => Reservation::Approximate(why),
            None if fit == Fit::Possible => Reservation::Range,
            None if architecture == Fit::Possible => Reservation::Architecture,
            None if row.basis != Basis::Confirmed => Reservation::Basis,
            None => return Outcome::Met(Certainty::Certain, Reservation::None),
        };
        Outcome::Met(Certainty::Possible, reservation)
    }

    /// What is known of a condition, from what was said and from what follows from the release.
    pub(crate) fn condition(&self, condition: Condition) -> Option<bool> {
        self.conditions.get(condition).or_else(|| match condition {
            // OKD went to CentOS Stream 10 with 4.20 at once; before 4.21 nothing of OpenShift
            // could run RHEL 10.
            Condition::El10NodeOs => {
                let cluster = self.cluster?;
                let four = |minor| crate::Release::four(minor);
                if cluster.is_okd {
                    return Some(cluster.release() >= four(20));
                }
                (cluster.release() < four(21)).then_some(false)
            }
            // Machines of this architecture boot by nothing else.
            Condition::Uefi => (self.architecture == Some(&Architecture::Aarch64)).then_some(true),
            _ => None,
        })
    }

    fn hazard(&self, row: &Row, certainty: Certainty, reservation: Reservation<'_>) -> Hazard {
        let words = self.words(row, &reservation);
        let (unknown_conditions, any_image) = match reservation {
            Reservation::UnknownConditions(unknown_conditions, any_image) => {
                (unknown_conditions, any_image)
            }
            _ => (Vec::new(), false),
        };
        Hazard {
            id: row.id.clone(),
            severity: row.severity,
            certainty,
            sentence: row.sentence.clone(),
            reservation: words,
            remedy: row.remedy.clone(),
            unknown_conditions,
            sources: row.sources.clone(),
            any_image,
        }
    }

    fn words(&self, row: &Row, reservation: &Reservation<'_>) -> String {
        match reservation {
            Reservation::None => String::new(),
            Reservation::UnknownConditions(unknown_conditions, _) => {
                let words: Vec<_> = unknown_conditions
                    .iter()
                    .map(|condition| condition.words())
                    .collect();
                format!(
                    "nothing that was read tells whether {}",
                    words.join(", and whether ")
                )
            }
            Reservation::Approximate(why) => (*why).to_owned(),
            Reservation::Range => match self.image.as_ref().map(BootImageVersion::releases) {
                Ok(Ok(releases)) if releases.exact().is_none() => {
                    format!("images of this version belong to {releases}")
                }
                _ => "the versions do not tell exactly".to_owned(),
            },
            Reservation::Architecture => "the architecture of the machines is not known".to_owned(),
            Reservation::Basis => match row.basis {
                Basis::Reported => "users met it; nobody has explained it".to_owned(),
                Basis::Inferred => {
                    "it follows from the source; nobody is known to have met it".to_owned()
                }
                Basis::Confirmed => String::new(),
            },
        }
    }
}
