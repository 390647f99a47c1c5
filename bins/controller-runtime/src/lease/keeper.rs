//! Takes the Lease, renews it, and opens and closes the fence.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use cluster_io::time::now_in_microseconds;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::{LeaseApi, LeaseObject, LeaseRequestError, LeaseSpec};
use super::fence::Standing;
use super::{Fence, Observation, Step, evaluate};

/// A leader renews four times within the duration: three of its requests may fail.
const RENEWALS: u32 = 4;
/// A tenth of the duration is left between the deadline of the fence and the moment when another
/// process may take over: for a request that the API server still carries out when we have given
/// it up, and for clocks that do not run equally fast.
const MARGIN: u32 = 10;
/// How often a waiting process looks at the Lease at most: a clean hand-over takes no longer.
const LOOK: Duration = Duration::from_secs(1);
/// The longest wait between two requests, and for one: however long the Lease lasts, somebody who
/// takes it is noticed within seconds.
const LONGEST: Duration = Duration::from_secs(5);
/// The duration that a released Lease is left with, as other clients of Leases leave it. No leader
/// has one as short, so that a Lease that was released can be told from one that a stranger emptied.
const RELEASED_SECONDS: i64 = 1;

/// Which Lease, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOptions {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are. No other process may ever have the same one, not even this one's successor in
    /// the same pod; see [`process_identity`].
    pub identity: String,
    /// How long a leader may be silent before another process takes over; whole seconds.
    pub duration: Duration,
}

/// The name of this process: that of its pod, and what tells it from every other process there.
pub fn process_identity(pod: &str) -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{pod}_{random:016x}")
}

/// The Lease was lost: this process exits with [`crate::exit::LEASE_LOST`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseLost {
    /// Another process holds it.
    #[error("the Lease was taken by {0:?}")]
    Taken(String),
    /// It could not be renewed in time.
    #[error("the Lease could not be renewed in time: {0}")]
    Expired(String),
}

/// Holds a Lease, or waits for it, until it is lost or released.
#[derive(Debug)]
pub struct LeaseKeeper {
    fence: Fence,
    stop: oneshot::Sender<()>,
    /// `None` once its end was waited for.
    task: Option<JoinHandle<Option<LeaseLost>>>,
    /// How it ended.
    ended: Option<LeaseLost>,
}

impl LeaseKeeper {
    /// Starts a task that takes the Lease as soon as it can.
    pub fn start(client: kube::Client, options: LeaseOptions) -> Self {
        let (standing, fence) = Fence::waiting();
        let (stop, stopped) = oneshot::channel();
        let keeper = Keeper {
            api: LeaseApi {
                client,
                namespace: options.namespace,
                name: options.name,
            },
            identity: options.identity,
            duration: options.duration,
            standing,
            known: Known::Unknown,
            seen: None,
            problem: String::new(),
            asked: false,
        };
        let task = tokio::spawn(keeper.run(stopped));
        Self {
            fence,
            stop,
            task: Some(task),
            ended: None,
        }
    }

    /// What tells whether this process may write.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until the Lease is lost. A process that waits for it loses nothing.
    pub async fn lost(&mut self) -> LeaseLost {
        if let Some(task) = &mut self.task {
            let ended = task.await;
            self.task = None;
            self.ended = ended.unwrap_or_else(|error| Some(LeaseLost::Expired(error.to_string())));
        }
        match &self.ended {
            Some(lost) => lost.clone(),
            None => std::future::pending().await,
        }
    }

    /// Closes the fence, then gives the Lease back, so that another process need not wait. A
    /// request that is under way is waited for first: what became of it has to be known.
    pub async fn release(self) {
        // Where the task has ended there is nothing to give back.
        self.stop.send(()).ok();
        if let Some(task) = self.task {
            task.await.ok();
        }
    }
}

/// What is known of the Lease now.
enum Known {
    /// Nothing: it has to be looked at.
    Unknown,
    /// There is none.
    Absent,
    /// This was the last answer.
    Present(LeaseObject),
}

struct Keeper {
    api: LeaseApi,
    identity: String,
    duration: Duration,
    standing: watch::Sender<Standing>,
    known: Known,
    /// Since when the spec of the Lease has been like this.
    seen: Option<(LeaseSpec, Instant)>,
    /// What went wrong last, so that it is logged once.
    problem: String,
    /// Whether it was ever asked for the Lease.
    asked: bool,
}

impl LeaseSpec {
    /// Whether nobody holds it, and its holder did not say so.
    fn is_emptied(&self) -> bool {
        let vacant = self
            .holder_identity
            .as_deref()
            .unwrap_or_default()
            .is_empty();
        vacant && self.lease_duration_seconds != Some(RELEASED_SECONDS)
    }
}

impl Keeper {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Option<LeaseLost> {
        loop {
            // A request is never given up in the middle: it might be carried out all the same, and
            // leave a Lease that nobody gives back.
            let pause = match self.turn().await {
                Ok(pause) => pause,
                Err(lost) => {
                    self.standing.send_replace(Standing::Ended);
                    tracing::error!(lease = self.api.name, error = %lost, "Lease lost");
                    return Some(lost);
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut stopped => {
                    self.release().await;
                    return None;
                }
            }
        }
    }

    /// One look or one write, and how long to wait after it.
    async fn turn(&mut self) -> Result<Duration, LeaseLost> {
        if self.left().is_some_and(|left| left.is_zero()) {
            return Err(LeaseLost::Expired(std::mem::take(&mut self.problem)));
        }
        match self.step().await {
            Ok(Ok(pause)) => {
                self.problem.clear();
                Ok(pause)
            }
            Ok(Err(lost)) => Err(lost),
            Err(error) => {
                // Whatever it was: what is true now is to be seen in the Lease.
                self.known = Known::Unknown;
                let conflict = matches!(error, LeaseRequestError::Conflict);
                let problem = error.to_string();
                if !conflict && problem != self.problem {
                    tracing::warn!(lease = self.api.name, error = %problem, "Lease not reached");
                    self.problem = problem;
                }
                // A tenth of a renewal after a conflict: somebody may be writing all the time.
                let pause = self.renewal() / if conflict { 10 } else { 3 };
                Ok(pause.min(LOOK).min(self.left().unwrap_or(LOOK)))
            }
        }
    }

    async fn step(&mut self) -> Result<Result<Duration, LeaseLost>, LeaseRequestError> {
        if matches!(self.known, Known::Unknown) {
            self.look().await?;
        }
        let observation = self.observation();
        match evaluate(observation.as_ref(), &self.identity, Instant::now()) {
            Step::Renew => self.hold(Value::Null).await.map(Ok),
            Step::Acquire if self.left().is_none() => self.hold(self.acquisition()).await.map(Ok),
            // A leader that finds the Lease in other hands, be it in none, has lost it.
            Step::Acquire => Ok(Err(LeaseLost::Taken(String::new()))),
            Step::Yield(_) if self.left().is_some() => {
                let holder = observation.map(|lease| lease.holder);
                Ok(Err(LeaseLost::Taken(holder.unwrap_or_default())))
            }
            Step::Yield(left) => {
                self.known = Known::Unknown;
                Ok(Ok(left.min(LOOK).min(self.renewal())))
            }
        }
    }

    async fn look(&mut self) -> Result<(), LeaseRequestError> {
        self.known = match self.api.get(self.limit()).await {
            Ok(lease) => Known::Present(lease),
            Err(LeaseRequestError::NotFound) => Known::Absent,
            Err(error) => return Err(error),
        };
        self.notice();
        Ok(())
    }

    /// Writes that the Lease is ours, with `more` members of the spec, and opens the fence.
    async fn hold(&mut self, more: Value) -> Result<Duration, LeaseRequestError> {
        let mut spec = json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.duration.as_secs(),
            // For people and for other kinds of clients; nothing here compares it.
            "renewTime": now_in_microseconds(),
        });
        if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
            spec.extend(more);
        }
        let limit = self.limit();
        // Before the request: the API server cannot have carried it out any earlier.
        let asked = Instant::now();
        self.asked = true;
        let written = match &self.known {
            Known::Present(lease) => {
                let version = &lease.metadata.resource_version;
                self.api.patch(version, spec, limit).await?
            }
            _ => self.api.create(spec, limit).await?,
        };
        if self.left().is_none() {
            tracing::info!(
                lease = self.api.name,
                identity = self.identity,
                "Lease taken"
            );
        }
        self.known = Known::Present(written);
        self.notice();
        let until = asked + self.duration - self.duration / MARGIN;
        self.standing.send_replace(Standing::Leading { until });
        Ok(self.renewal())
    }

    /// Notes when the Lease became what it is. A Lease that was removed, or emptied by a stranger,
    /// tells a waiting process nothing: who held it may go on writing until its deadline, so that
    /// what was seen last still counts.
    fn notice(&mut self) {
        let Known::Present(lease) = &self.known else {
            return;
        };
        if lease.spec.is_emptied() && self.seen.is_some() && self.left().is_none() {
            return;
        }
        if self
            .seen
            .as_ref()
            .is_none_or(|(spec, _)| *spec != lease.spec)
        {
            self.seen = Some((lease.spec.clone(), Instant::now()));
        }
    }

    fn observation(&self) -> Option<Observation> {
        let (spec, since) = self.seen.as_ref()?;
        let seconds = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        Some(Observation {
            holder: spec.holder_identity.clone().unwrap_or_default(),
            duration: seconds.map_or(self.duration, Duration::from_secs),
            since: *since,
        })
    }

    /// What is written beyond a renewal when the Lease changes hands.
    fn acquisition(&self) -> Value {
        let transitions = self
            .seen
            .as_ref()
            .and_then(|(spec, _)| spec.lease_transitions);
        let before = transitions.map_or(0, |before| before.saturating_add(1));
        json!({"acquireTime": now_in_microseconds(), "leaseTransitions": before})
    }

    /// What is left of the deadline; `None` where this process does not lead.
    fn left(&self) -> Option<Duration> {
        match *self.standing.borrow() {
            Standing::Leading { until } => Some(until.saturating_duration_since(Instant::now())),
            _ => None,
        }
    }

    fn renewal(&self) -> Duration {
        (self.duration / RENEWALS).min(LONGEST)
    }

    /// How long a request may take: short enough that another one can follow before the deadline,
    /// and never longer than what is left of it.
    fn limit(&self) -> Duration {
        let limit = self.renewal();
        self.left().map_or(limit, |left| limit.min(left))
    }

    async fn release(&mut self) {
        let holds = self.left().is_some();
        // First nothing more is written; then others may.
        self.standing.send_replace(Standing::Ended);
        // A request without an answer may have been carried out: what is true is in the Lease.
        if (!holds && !self.asked) || self.look().await.is_err() {
            return;
        }
        if let Known::Present(lease) = &self.known
            && lease.spec.holder_identity.as_ref() == Some(&self.identity)
        {
            let spec = json!({"holderIdentity": "", "leaseDurationSeconds": RELEASED_SECONDS});
            let version = &lease.metadata.resource_version;
            match self.api.patch(version, spec, self.renewal()).await {
                Ok(_) => tracing::info!(lease = self.api.name, "Lease released"),
                Err(error) => {
                    tracing::warn!(lease = self.api.name, %error, "Lease not released");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ApiServer, Fault};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DURATION: Duration = Duration::from_secs(30);

    fn start(server: &ApiServer, identity: &str) -> LeaseKeeper {
        let options = LeaseOptions {
            namespace: "n".to_owned(),
            name: "l".to_owned(),
            identity: identity.to_owned(),
            duration: DURATION,
        };
        LeaseKeeper::start(server.client(), options)
    }

    #[tokio::test(start_paused = true)]
    async fn one_leads_and_the_other_takes_over_after_a_release() {
        let server = ApiServer::default();
        let a = start(&server, "a");
        a.fence().leading().await.unwrap();
        let b = start(&server, "b");
        tokio::time::sleep(DURATION * 5).await;
        assert!(a.fence().is_leading() && !b.fence().is_leading());
        let start = Instant::now();
        a.release().await;
        b.fence().leading().await.unwrap();
        assert!(start.elapsed() <= SECOND * 2, "{:?}", start.elapsed());
        assert_eq!(server.lease()["spec"]["holderIdentity"], "b");
        assert_eq!(server.lease()["spec"]["leaseTransitions"], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_is_killed_is_followed_within_the_duration() {
        let server = ApiServer::default();
        let a = start(&server, "a");
        a.fence().leading().await.unwrap();
        let b = start(&server, "b");
        tokio::time::sleep(DURATION).await;
        let killed = Instant::now();
        a.task.as_ref().unwrap().abort();
        b.fence().leading().await.unwrap();
        assert!(killed.elapsed() <= DURATION + SECOND * 2);
        assert!(!a.fence().is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_cannot_renew_stops_before_another_may_start() {
        for fault in [Fault::Refuse, Fault::Hang] {
            let server = ApiServer::default();
            let mut a = start(&server, "a");
            a.fence().leading().await.unwrap();
            let since = Instant::now();
            server.fail("a", fault);
            let b = start(&server, "b");
            let fence = a.fence();
            let lost = a.lost().await;
            assert!(matches!(lost, LeaseLost::Expired(_)), "{fault:?}: {lost}");
            assert!(since.elapsed() < DURATION, "{fault:?}");
            assert!(!fence.is_leading() && !b.fence().is_leading(), "{fault:?}");
            b.fence().leading().await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_whose_answer_is_lost_is_found_out() {
        let server = ApiServer::default();
        let mut a = start(&server, "a");
        a.fence().leading().await.unwrap();
        server.fail("a", Fault::LoseAnswer);
        tokio::time::sleep(DURATION * 2 / 3).await;
        server.heal();
        let lost = tokio::time::timeout(DURATION * 4, a.lost()).await;
        assert!(lost.is_err() && a.fence().is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_is_away_for_less_costs_nothing() {
        let server = ApiServer::default();
        let mut a = start(&server, "a");
        a.fence().leading().await.unwrap();
        server.fail("a", Fault::Refuse);
        tokio::time::sleep(DURATION / 2).await;
        server.heal();
        let lost = tokio::time::timeout(DURATION * 4, a.lost()).await;
        assert!(lost.is_err() && a.fence().is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_removed_is_made_again_and_a_taken_one_is_lost() {
        let server = ApiServer::default();
        let mut a = start(&server, "a");
        a.fence().leading().await.unwrap();
        server.remove();
        tokio::time::sleep(DURATION).await;
        assert!(a.fence().is_leading());
        assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
        server.take("thief");
        assert_eq!(a.lost().await, LeaseLost::Taken("thief".to_owned()));
        assert!(!a.fence().is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_a_stranger_removes_or_empties_is_waited_for() {
        let remove: fn(&ApiServer) = ApiServer::remove;
        for disturb in [remove, |server| server.take("")] {
            let server = ApiServer::default();
            let a = start(&server, "a");
            a.fence().leading().await.unwrap();
            let b = start(&server, "b");
            tokio::time::sleep(DURATION).await;
            // It goes on until its deadline, and does not see the Lease any more.
            server.fail("a", Fault::Hang);
            let since = Instant::now();
            disturb(&server);
            b.fence().leading().await.unwrap();
            assert!(!a.fence().is_leading());
            assert!(
                since.elapsed() + LONGEST + SECOND >= DURATION,
                "{:?}",
                since.elapsed()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_under_way_at_the_end_leaves_no_lease() {
        let server = ApiServer::default();
        server.fail("a", Fault::LoseAnswer);
        let a = start(&server, "a");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
        a.release().await;
        assert_eq!(server.lease()["spec"]["holderIdentity"], "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_can_be_asked_about_again_and_released() {
        let server = ApiServer::default();
        let mut a = start(&server, "a");
        a.fence().leading().await.unwrap();
        server.take("thief");
        let taken = Instant::now();
        assert_eq!(a.lost().await, a.lost().await);
        assert!(taken.elapsed() <= LONGEST + SECOND);
        a.release().await;
        assert_eq!(server.lease()["spec"]["holderIdentity"], "thief");
    }

    #[tokio::test(start_paused = true)]
    async fn a_foreign_clock_and_unknown_members_mean_nothing() {
        let server = ApiServer::default();
        server.take("other");
        let a = start(&server, "a");
        let since = Instant::now();
        // It says that it was renewed in the year 2000, but it is new to us.
        a.fence().leading().await.unwrap();
        assert!(since.elapsed() >= DURATION);
        assert_eq!(server.lease()["spec"]["strategy"], "OldestEmulationVersion");
    }

    #[test]
    fn no_two_processes_have_the_same_name() {
        assert_ne!(process_identity("pod"), process_identity("pod"));
        assert!(process_identity("pod").starts_with("pod_"));
    }
}
