//! What clouds said, and for how long it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster_io::clouds::{Certificates, Clouds};
use cluster_io::cluster::Cluster;
use cluster_io::ec2::Resolved;
use openshift_model::facts::{Answer, Fact, FactRequest, Facts};
use tokio::sync::watch;
use tokio::time::Instant;

/// An image never changes; after a day it is asked again whether it is still there.
const FOUND: Duration = Duration::from_hours(24);
/// What was not there may be soon: images reach regions late.
const NOT_FOUND: Duration = Duration::from_mins(10);
/// Credentials are repaired by people who then look whether it helped (W-05).
const DENIED: Duration = Duration::from_mins(1);
/// A vCenter locks a user out who gives a wrong password five times within three minutes. Two
/// replicas may ask, and other programs with the same credentials.
const LOGIN_REFUSED: Duration = Duration::from_mins(3);
/// How long a pass waits for answers before it goes on without them: a slow cloud must not hold
/// sets that need nothing of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How old the answer of a vCenter may be when a set is made to name its template: anybody may have
/// removed that since.
const FRESH: Duration = Duration::from_secs(30);

/// Asks clouds, each question once while its answer holds. Clones are the same.
#[derive(Clone)]
pub(crate) struct FactCache(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    certificates: Certificates,
    known: Mutex<Known>,
    /// Counts what has arrived.
    arrived: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    facts: Vec<KnownFact>,
    /// Which clouds are being asked, and whether what they answer still counts.
    asking: BTreeMap<CloudName, Currency>,
}

struct KnownFact {
    fact: Fact,
    since: Instant,
    until: Instant,
}

/// Whether the answer to a question that is under way will count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Currency {
    Current,
    /// Something was done in the cloud since it was asked: the answer may be from before.
    Outdated,
}

/// Clouds are asked independently of each other: one that is slow holds up no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum CloudName {
    Ec2,
    Vcenter(String),
}

impl CloudName {
    fn of(need: &FactRequest) -> Self {
        match need {
            FactRequest::VsphereTemplate(search) => Self::Vcenter(search.server.clone()),
            FactRequest::AwsImage { .. } | FactRequest::AwsMarketplaceImages { .. } => Self::Ec2,
        }
    }
}

impl FactCache {
    pub(crate) fn new(cluster: Cluster, certificates: Certificates) -> Self {
        Self(Arc::new(Shared {
            cluster,
            certificates,
            known: Mutex::default(),
            arrived: watch::channel(0).0,
        }))
    }

    /// Tells when answers have arrived.
    pub(crate) fn arrivals(&self) -> watch::Receiver<u64> {
        self.0.arrived.subscribe()
    }

    /// What is known now.
    pub(crate) fn facts(&self) -> Facts {
        let mut known = self.known();
        let now = Instant::now();
        known.facts.retain(|known| known.until > now);
        let mut facts = Facts::default();
        for known in &known.facts {
            facts.insert(known.fact.clone());
        }
        facts
    }

    /// When the next answer that was no image does not hold any more.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let known = self.known();
        let open = known.facts.iter();
        let open = open.filter(|known| known.until - known.since != FOUND);
        open.map(|known| known.until).min()
    }

    /// Forgets what vCenters said a while ago; whether there was anything to forget.
    pub(crate) fn forget_old_templates(&self) -> bool {
        let now = Instant::now();
        self.forget(|known| is_known_template(&known.fact) && known.since + FRESH <= now)
    }

    /// Forgets what a vCenter said, and what it is about to say: something was done there.
    pub(crate) fn forget_templates(&self, server: &str) {
        self.forget(|known| match &known.fact {
            Fact::VsphereTemplate { search, .. } => search.server.eq_ignore_ascii_case(server),
            Fact::AwsImage { .. } | Fact::AwsMarketplaceImages { .. } => false,
        });
        self.known().outdate(server);
    }

    fn forget(&self, is_old: impl Fn(&KnownFact) -> bool) -> bool {
        let mut known = self.known();
        let before = known.facts.len();
        known.facts.retain(|known| !is_old(known));
        known.facts.len() < before
    }

    /// Asks, and waits for a short while.
    pub(crate) async fn ask(&self, needs: &[FactRequest]) {
        let mut clouds: BTreeMap<CloudName, Vec<FactRequest>> = BTreeMap::new();
        for need in needs {
            let of_cloud = clouds.entry(CloudName::of(need)).or_default();
            of_cloud.push(need.clone());
        }
        let mut arrivals = self.arrivals();
        let asked: Vec<_> = clouds.keys().cloned().collect();
        for (cloud, needs) in clouds {
            if self.known().begin(&cloud) {
                let this = self.clone();
                tokio::spawn(async move { this.resolve(&cloud, &needs).await });
            }
        }
        let is_open = || {
            asked
                .iter()
                .any(|cloud| self.known().asking.contains_key(cloud))
        };
        let answered = async { while is_open() && arrivals.changed().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, answered).await.ok();
    }

    async fn resolve(&self, cloud: &CloudName, needs: &[FactRequest]) {
        let resolved = match self.clouds().resolve(needs).await {
            Ok(resolved) => resolved,
            Err(error) => denied(needs, &error.to_string()),
        };
        for warning in &resolved.warnings {
            tracing::warn!("{warning}");
        }
        self.known().answered(cloud, &resolved, Instant::now());
        self.0
            .arrived
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Credentials are looked for each time, since somebody may have repaired them (W-05).
    pub(crate) fn clouds(&self) -> Clouds<'_, impl Fn(&str) -> Option<String> + use<>> {
        let variable = |name: &str| std::env::var(name).ok();
        Clouds::new(Some(&self.0.cluster), variable, self.0.certificates.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether a cloud may be asked now: it is not being asked already.
    fn begin(&mut self, cloud: &CloudName) -> bool {
        let is_free = !self.asking.contains_key(cloud);
        if is_free {
            self.asking.insert(cloud.clone(), Currency::Current);
        }
        is_free
    }

    /// Something was done in a vCenter: what it is about to answer does not count.
    fn outdate(&mut self, server: &str) {
        for (cloud, currency) in &mut self.asking {
            if matches!(cloud, CloudName::Vcenter(name) if name.eq_ignore_ascii_case(server)) {
                *currency = Currency::Outdated;
            }
        }
    }

    /// Keeps the answers of a cloud, unless something was done there since it was asked: then the next
    /// pass asks again.
    fn answered(&mut self, cloud: &CloudName, resolved: &Resolved, now: Instant) {
        if self.asking.remove(cloud) == Some(Currency::Outdated) {
            return;
        }
        self.facts.extend(resolved.facts.iter().map(|fact| {
            let until = now + age(&fact, &resolved.refused_logins);
            // Counted from the question, the answer of a vCenter that takes long would be too old at once.
            let since = now;
            KnownFact { fact, since, until }
        }));
    }
}

/// Whether a vCenter has answered. A refusal does not count: asking again soon could lock the user out.
fn is_known_template(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::VsphereTemplate {
            answer: Answer::Found(_) | Answer::NotFound,
            ..
        }
    )
}

/// How long an answer holds.
fn age(fact: &Fact, refused_logins: &BTreeSet<String>) -> Duration {
    fn of<T>(answer: &Answer<T>) -> Duration {
        match answer {
            Answer::Found(_) => FOUND,
            Answer::NotFound => NOT_FOUND,
            Answer::Denied(_) => DENIED,
        }
    }
    match fact {
        Fact::AwsImage { answer, .. } => of(answer),
        // Which images of a product there are changes with each release.
        Fact::AwsMarketplaceImages { answer, .. } => of(answer).min(NOT_FOUND),
        Fact::VsphereTemplate { search, answer } => match answer {
            Answer::Denied(_) if refused_logins.contains(&search.server) => LOGIN_REFUSED,
            Answer::Denied(_) => DENIED,
            // Anybody may remove a template, or import one.
            Answer::Found(_) | Answer::NotFound => NOT_FOUND,
        },
    }
}

fn denied(needs: &[FactRequest], problem: &str) -> Resolved {
    let mut facts = Facts::default();
    for need in needs {
        let (problem, need) = (problem.to_owned(), need.clone());
        facts.insert(match need {
            FactRequest::AwsImage { region, id } => Fact::AwsImage {
                region: Some(region),
                id,
                answer: Answer::Denied(problem),
            },
            FactRequest::AwsMarketplaceImages { region, product_id } => {
                Fact::AwsMarketplaceImages {
                    region: Some(region),
                    product_id,
                    answer: Answer::Denied(problem),
                }
            }
            FactRequest::VsphereTemplate(search) => Fact::VsphereTemplate {
                search,
                answer: Answer::Denied(problem),
            },
        });
    }
    Resolved {
        facts,
        warnings: vec![problem.to_owned()],
        ..Resolved::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::facts::{VsphereMachines, VsphereSearch};

    fn of_vcenter(answer: Answer<VsphereMachines>) -> Resolved {
        let search = VsphereSearch {
            server: "V".to_owned(),
            datacenter: "dc1".to_owned(),
            folder: "f".to_owned(),
            names: vec!["t".to_owned()],
        };
        let mut facts = Facts::default();
        facts.insert(Fact::VsphereTemplate { search, answer });
        Resolved {
            facts,
            ..Resolved::default()
        }
    }

    #[test]
    fn what_was_asked_before_an_import_ended_does_not_count() {
        let (mut known, now) = (Known::default(), Instant::now());
        let cloud = CloudName::Vcenter("V".to_owned());
        let nothing = of_vcenter(Answer::Found(VsphereMachines::default()));
        assert!(known.begin(&cloud) && !known.begin(&cloud));
        known.outdate("v");
        known.answered(&cloud, &nothing, now);
        assert_eq!(known.facts.len(), 0);
        assert!(known.begin(&cloud), "it is asked again");
        known.outdate("w");
        known.answered(&cloud, &nothing, now);
        assert_eq!(known.facts.len(), 1);
    }

    #[test]
    fn w_05_only_a_refused_login_is_asked_less_often_than_each_minute() {
        let cloud = CloudName::Vcenter("V".to_owned());
        let denied = || of_vcenter(Answer::Denied("no".to_owned()));
        let refused = Resolved {
            refused_logins: ["V".to_owned()].into(),
            ..denied()
        };
        for (resolved, expected) in [
            (denied(), DENIED),
            (refused, LOGIN_REFUSED),
            (of_vcenter(Answer::NotFound), NOT_FOUND),
        ] {
            let (mut known, now) = (Known::default(), Instant::now());
            known.answered(&cloud, &resolved, now);
            assert_eq!(known.facts.first().unwrap().until, now + expected);
        }
    }
}
