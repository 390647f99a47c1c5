//! May this process write now?

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Tells whether this process may write, and for how long. Every write, and every call that costs
/// somebody something, goes through [`Fence::guard`] or asks [`Fence::remaining`] first.
#[derive(Debug, Clone)]
pub struct Fence(watch::Receiver<Standing>);

/// This process may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLeading {
    /// Another process holds the Lease, or nobody yet.
    #[error("this process does not hold the Lease")]
    Waiting,
    /// It held the Lease, and does not any more.
    #[error("this process no longer holds the Lease")]
    Ended,
    /// It is not to write at all (mode `observe`).
    #[error("this process only observes")]
    ObserveOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Waiting,
    Leading {
        until: Instant,
    },
    Ended,
    ObserveOnly,
    /// Without leader election.
    Always,
}

impl Fence {
    /// One that lets everything pass: without leader election.
    pub fn always() -> Self {
        Self(watch::channel(Standing::Always).1)
    }

    /// One that lets nothing pass: mode `observe`.
    pub fn observe_only() -> Self {
        Self(watch::channel(Standing::ObserveOnly).1)
    }

    /// One that a Lease opens and closes.
    pub(super) fn waiting() -> (watch::Sender<Standing>, Self) {
        let (sender, receiver) = watch::channel(Standing::Waiting);
        (sender, Self(receiver))
    }

    /// For how long this process may still write; [`Duration::MAX`] without leader election. What
    /// is started now has to end within that time.
    pub fn remaining(&self) -> Result<Duration, NotLeading> {
        match self.deadline()? {
            None => Ok(Duration::MAX),
            Some(until) => match until.checked_duration_since(Instant::now()) {
                None | Some(Duration::ZERO) => Err(NotLeading::Ended),
                Some(left) => Ok(left),
            },
        }
    }

    /// Whether this process may write now.
    pub fn is_leading(&self) -> bool {
        self.remaining().is_ok()
    }

    /// Carries out `work`, a write, while this process may write. The deadline is looked at each
    /// time before the work goes on, by the clock and not by a timer: a process that was stopped
    /// (SIGSTOP) finds out before it sends anything more. The Lease may be renewed in the
    /// meantime; then there is more time. That work was begun and given up is
    /// [`NotLeading::Ended`], and what became of it is unknown.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, NotLeading> {
        let mut work = pin!(work);
        if self.deadline()?.is_none() {
            return Ok(work.await);
        }
        let mut changes = self.0.clone();
        loop {
            let left = self.remaining()?;
            let step = poll_fn(|context| match self.remaining() {
                Err(ended) => Poll::Ready(Err(ended)),
                Ok(_) => work.as_mut().poll(context).map(Ok),
            });
            tokio::select! {
                biased;
                done = step => return done,
                told = changes.changed() => told.map_err(|_| NotLeading::Ended)?,
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Waits until this process may write; an error where it never will.
    pub async fn leading(&self) -> Result<(), NotLeading> {
        let mut standing = self.0.clone();
        let settled = |standing: &Standing| *standing != Standing::Waiting;
        // Who kept the Lease is gone: nobody will open the fence.
        standing
            .wait_for(settled)
            .await
            .map_err(|_| NotLeading::Ended)?;
        self.remaining().map(drop)
    }

    fn deadline(&self) -> Result<Option<Instant>, NotLeading> {
        match *self.0.borrow() {
            Standing::Waiting => Err(NotLeading::Waiting),
            Standing::Ended => Err(NotLeading::Ended),
            Standing::ObserveOnly => Err(NotLeading::ObserveOnly),
            Standing::Leading { until } => Ok(Some(until)),
            Standing::Always => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn until(seconds: u32) -> Standing {
        Standing::Leading {
            until: Instant::now() + SECOND * seconds,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_passes_while_this_process_leads() {
        let (standing, fence) = Fence::waiting();
        assert_eq!(fence.guard(async { 1 }).await, Err(NotLeading::Waiting));
        standing.send_replace(until(3));
        assert_eq!(fence.remaining(), Ok(SECOND * 3));
        assert_eq!(fence.guard(async { 1 }).await, Ok(1));
        // Longer than it may take, and nobody renews.
        let work = tokio::time::sleep(SECOND * 5);
        assert_eq!(fence.guard(work).await, Err(NotLeading::Ended));
        assert!(!fence.is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_gives_work_more_time_and_a_loss_ends_it() {
        let (standing, fence) = Fence::waiting();
        standing.send_replace(until(3));
        let renew = async {
            tokio::time::sleep(SECOND * 2).await;
            standing.send_replace(until(4));
        };
        let (done, ()) = tokio::join!(fence.guard(tokio::time::sleep(SECOND * 5)), renew);
        assert_eq!(done, Ok(()));
        standing.send_replace(until(9));
        let lose = async {
            tokio::time::sleep(SECOND).await;
            standing.send_replace(Standing::Ended);
        };
        let (done, ()) = tokio::join!(fence.guard(std::future::pending::<()>()), lose);
        assert_eq!(done, Err(NotLeading::Ended));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_election_everything_passes_and_observers_write_nothing() {
        assert_eq!(Fence::always().guard(async { 1 }).await, Ok(1));
        assert_eq!(Fence::always().leading().await, Ok(()));
        let observer = Fence::observe_only();
        assert_eq!(
            observer.guard(async { 1 }).await,
            Err(NotLeading::ObserveOnly)
        );
        assert_eq!(observer.leading().await, Err(NotLeading::ObserveOnly));
    }
}
