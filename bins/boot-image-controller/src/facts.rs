//! What clouds said, and for how long it holds.

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
/// How long a pass waits for answers before it goes on without them: a slow cloud must not hold
/// sets that need nothing of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks EC2, each question once while its answer holds. Clones are the same.
#[derive(Clone)]
pub(crate) struct FactCache(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    known: Mutex<Known>,
    /// Counts what has arrived.
    arrived: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    facts: Vec<(Fact, Instant)>,
    /// Whether somebody is asking.
    asking: bool,
}

impl FactCache {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self(Arc::new(Shared {
            cluster,
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
        known.facts.retain(|(_, until)| *until > now);
        let mut facts = Facts::default();
        for (fact, _) in &known.facts {
            facts.insert(fact.clone());
        }
        facts
    }

    /// When the next answer that was no image does not hold any more.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let known = self.known();
        let open = known.facts.iter().filter(|(fact, _)| age(fact) != FOUND);
        open.map(|(_, until)| *until).min()
    }

    /// Asks, and waits for a short while. Questions that are not about EC2 are passed over.
    pub(crate) async fn ask(&self, needs: &[FactRequest]) {
        let is_ec2 = |need: &&FactRequest| !matches!(need, FactRequest::VsphereTemplate(_));
        let needs: Vec<_> = needs.iter().filter(is_ec2).cloned().collect();
        if needs.is_empty() {
            return;
        }
        let mut arrivals = self.arrivals();
        if !std::mem::replace(&mut self.known().asking, true) {
            let this = self.clone();
            tokio::spawn(async move { this.resolve(&needs).await });
        }
        tokio::time::timeout(PATIENCE, arrivals.changed())
            .await
            .ok();
    }

    async fn resolve(&self, needs: &[FactRequest]) {
        let variable = |name: &str| std::env::var(name).ok();
        // Credentials are looked for each time, since somebody may have repaired them (W-05).
        let mut clouds = Clouds::new(Some(&self.0.cluster), variable, Certificates::default());
        let resolved = match clouds.resolve(needs).await {
            Ok(resolved) => resolved,
            Err(error) => denied(needs, &error.to_string()),
        };
        for warning in &resolved.warnings {
            tracing::warn!("{warning}");
        }
        let now = Instant::now();
        let mut known = self.known();
        let facts = resolved.facts.iter();
        known.facts.extend(facts.map(|fact| {
            let until = now + age(&fact);
            (fact, until)
        }));
        known.asking = false;
        drop(known);
        self.0
            .arrived
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an answer holds.
fn age(fact: &Fact) -> Duration {
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
        Fact::VsphereTemplate { answer, .. } => of(answer).min(NOT_FOUND),
    }
}

fn denied(needs: &[FactRequest], problem: &str) -> Resolved {
    let mut facts = Facts::default();
    for need in needs {
        let (problem, need) = (problem.to_owned(), need.clone());
        match need {
            FactRequest::AwsImage { region, id } => facts.insert(Fact::AwsImage {
                region: Some(region),
                id,
                answer: Answer::Denied(problem),
            }),
            FactRequest::AwsMarketplaceImages { region, product_id } => {
                facts.insert(Fact::AwsMarketplaceImages {
                    region: Some(region),
                    product_id,
                    answer: Answer::Denied(problem),
                });
            }
            FactRequest::VsphereTemplate(_) => {}
        }
    }
    Resolved {
        facts,
        warnings: vec![problem.to_owned()],
        other: 0,
    }
}
