//! What to do about a Lease, from what was seen of it.

use std::time::Duration;

use tokio::time::Instant;

/// A Lease as it was last seen, and since when it has been like that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// `spec.holderIdentity`; empty where nobody holds it.
    pub holder: String,
    /// `spec.leaseDurationSeconds`: how long the holder may be silent.
    pub duration: Duration,
    /// When the answer arrived that first showed it like this, by the clock of this process.
    pub since: Instant,
}

/// What to do about a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nobody holds it: take it.
    Acquire,
    /// It is ours: say so again.
    Renew,
    /// Somebody holds it, for this long at least.
    Yield(Duration),
}

/// What the process named `me` does about a Lease (`None`: there is none).
///
/// A holder counts as gone when nothing about its Lease has changed for its whole duration, by the
/// clock of this process alone. Times that other machines wrote are not compared: their clocks may
/// be wrong.
pub fn evaluate(lease: Option<&Observation>, me: &str, now: Instant) -> Step {
    let Some(lease) = lease.filter(|lease| !lease.holder.is_empty()) else {
        return Step::Acquire;
    };
    if lease.holder == me {
        return Step::Renew;
    }
    let silent = now.saturating_duration_since(lease.since);
    match lease.duration.checked_sub(silent) {
        None | Some(Duration::ZERO) => Step::Acquire,
        Some(left) => Step::Yield(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(holder: Option<&str>, silent: u64, expected: Step) {
        let since = Instant::now();
        let lease = holder.map(|holder| Observation {
            holder: holder.to_owned(),
            duration: Duration::from_secs(30),
            since,
        });
        let now = since + Duration::from_secs(silent);
        assert_eq!(
            evaluate(lease.as_ref(), "me", now),
            expected,
            "{holder:?} {silent}"
        );
    }

    #[test]
    fn a_lease_is_taken_when_it_is_free_or_its_holder_was_silent_for_its_duration() {
        check(None, 0, Step::Acquire);
        check(Some(""), 0, Step::Acquire);
        check(Some("me"), 0, Step::Renew);
        // Whether it is late to renew is for the deadline of the fence to say.
        check(Some("me"), 99, Step::Renew);
        check(Some("other"), 0, Step::Yield(Duration::from_secs(30)));
        check(Some("other"), 29, Step::Yield(Duration::from_secs(1)));
        check(Some("other"), 30, Step::Acquire);
        check(Some("other"), 31, Step::Acquire);
    }
}
