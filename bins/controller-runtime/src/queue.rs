//! What is to be done next, by key, and when what failed is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The wait after the first failure; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait: an administrator who has repaired something is not to wait longer.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What came of working on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be. What failed before is forgotten.
    Settled,
    /// It failed: once more after 30 s, and twice as long after each failure, up to 10 minutes.
    Failed,
    /// It waits for something: once more after this time. Failures before are remembered.
    Again(Duration),
}

/// Keys that wait for their turn. A key is worked on by one at a time; one that is added in the
/// meantime gets another turn. Nothing here waits or looks at a clock.
#[derive(Debug, Clone)]
pub struct WorkQueue<K> {
    entries: BTreeMap<K, Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// When its next turn is; `None`: none is wanted.
    due: Option<Instant>,
    /// Somebody works on it.
    taken: bool,
    failures: u32,
}

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> WorkQueue<K> {
    /// Something about the key has changed: its turn is now, whatever it waited for.
    pub fn add(&mut self, key: K, now: Instant) {
        self.entries.entry(key).or_default().due = Some(now);
    }

    /// The key that has waited longest, if the turn of any has come. It has to be given back with
    /// [`WorkQueue::done`].
    pub fn take(&mut self, now: Instant) -> Option<K> {
        let due = |entry: &Entry| entry.due.filter(|due| !entry.taken && *due <= now);
        let (key, entry) = self
            .entries
            .iter_mut()
            .filter_map(|(key, entry)| Some((due(entry)?, key, entry)))
            .min_by_key(|(due, ..)| *due)
            .map(|(_, key, entry)| (key, entry))?;
        entry.due = None;
        entry.taken = true;
        Some(key.clone())
    }

    /// What came of a turn.
    pub fn done(&mut self, key: &K, outcome: Outcome, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.taken = false;
        let wait = match outcome {
            Outcome::Settled => {
                entry.failures = 0;
                None
            }
            Outcome::Failed => {
                let wait = backoff(entry.failures);
                entry.failures = entry.failures.saturating_add(1);
                Some(wait)
            }
            Outcome::Again(wait) => Some(wait),
        };
        // A change in the meantime goes before any wait.
        entry.due = entry.due.or_else(|| wait.map(|wait| now + wait));
        if entry.due.is_none() && entry.failures == 0 {
            self.entries.remove(key);
        }
    }

    /// Whether the key may be worked on now: nothing is known of it, or its wait is over.
    pub fn is_due(&self, key: &K, now: Instant) -> bool {
        self.entries
            .get(key)
            .is_none_or(|entry| !entry.taken && entry.due.is_none_or(|due| due <= now))
    }

    /// When the next turn is.
    pub fn next_due(&self) -> Option<Instant> {
        let waiting = self.entries.values().filter(|entry| !entry.taken);
        waiting.filter_map(|entry| entry.due).min()
    }

    /// When the next turn of a key is; `None` where none is wanted, or somebody works on it.
    pub fn due(&self, key: &K) -> Option<Instant> {
        let entry = self.entries.get(key)?;
        entry.due.filter(|_| !entry.taken)
    }

    /// How often the key has failed in a row.
    pub fn failures(&self, key: &K) -> u32 {
        self.entries.get(key).map_or(0, |entry| entry.failures)
    }

    /// Forgets the keys that are gone, but for those that are being worked on.
    pub fn retain(&mut self, is_there: impl Fn(&K) -> bool) {
        self.entries
            .retain(|key, entry| entry.taken || is_there(key));
    }
}

/// How long to wait after a failure when there were so many before it: 30 s, 1 min, 2, 4, 8, then
/// 10 min each time.
pub fn backoff(failures_before: u32) -> Duration {
    let factor = 2_u32.checked_pow(failures_before).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_from_half_a_minute_to_ten_minutes() {
        let seconds: Vec<_> = (0..7).map(|n| backoff(n).as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(backoff(u32::MAX), LONGEST_WAIT);
    }

    #[test]
    fn a_key_is_worked_on_by_one_at_a_time_and_again_if_it_changed() {
        let now = Instant::now();
        let mut queue = WorkQueue::default();
        queue.add("b", now);
        queue.add("a", now + SECOND);
        queue.add("b", now);
        assert_eq!(queue.take(now), Some("b"));
        assert_eq!(queue.take(now), None);
        queue.add("b", now);
        assert_eq!(queue.take(now), None, "it is being worked on");
        queue.done(&"b", Outcome::Settled, now);
        assert_eq!(queue.take(now), Some("b"));
        queue.done(&"b", Outcome::Settled, now);
        assert_eq!(queue.next_due(), Some(now + SECOND));
        assert_eq!(queue.take(now + SECOND), Some("a"));
    }

    #[test]
    fn a_failure_waits_and_a_change_does_not() {
        let now = Instant::now();
        let mut queue = WorkQueue::default();
        queue.add("a", now);
        queue.take(now);
        queue.done(&"a", Outcome::Failed, now);
        assert!(!queue.is_due(&"a", now) && queue.is_due(&"b", now));
        assert_eq!(queue.next_due(), Some(now + FIRST_WAIT));
        assert_eq!(queue.due(&"a"), Some(now + FIRST_WAIT));
        assert_eq!(queue.due(&"b"), None);
        queue.add("a", now);
        assert_eq!(queue.take(now), Some("a"));
        queue.done(&"a", Outcome::Failed, now);
        assert_eq!(queue.next_due(), Some(now + FIRST_WAIT * 2));
        assert_eq!(queue.failures(&"a"), 2);
        let later = now + FIRST_WAIT * 2;
        queue.take(later);
        queue.done(&"a", Outcome::Again(SECOND * 60), later);
        assert_eq!(queue.next_due(), Some(later + SECOND * 60));
        queue.retain(|_| false);
        assert_eq!((queue.next_due(), queue.failures(&"a")), (None, 0));
    }
}
