//! How many Events are written, and under which names.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// How many Events of one object may come at once.
const BURST: u32 = 20;
/// After that, one in this time.
const REFILL: Duration = Duration::from_secs(10);
/// How many bytes of the digest stand in a key: enough for nobody ever to see two alike.
const KEY_BYTES: usize = 8;

/// Holds back Events of an object that has too many: 20 at once, then one each 10 s.
#[derive(Debug, Clone, Default)]
pub struct EventBudget {
    /// By uid of the object: when it has all of its Events again.
    full_at: HashMap<String, Instant>,
}

impl EventBudget {
    /// Whether an Event of the object with this uid may be written now. If so, it counts.
    pub fn allow(&mut self, uid: &str, now: Instant) -> bool {
        // An object that has all of its Events need not be remembered.
        self.full_at.retain(|_, full_at| *full_at > now);
        let full_at = self.full_at.get(uid).copied().unwrap_or(now).max(now);
        let after = full_at + REFILL;
        if after.duration_since(now) > REFILL * BURST {
            return false;
        }
        self.full_at.insert(uid.to_owned(), after);
        true
    }
}

/// The key of an Event: the end of its name. The same parts (what it is about, its reason, what it
/// says) give the same name, so that an Event that was written before a restart is not written
/// again after it.
pub fn event_key(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        // Its length, so that no two lists of parts run into the same bytes.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let mut key = String::new();
    for byte in digest.finalize().iter().take(KEY_BYTES) {
        key.push_str(&format!("{byte:02x}"));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_at_once_then_one_each_ten_seconds() {
        let start = Instant::now();
        let mut budget = EventBudget::default();
        let mut written = |uid: &str, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            (0..100).filter(|_| budget.allow(uid, now)).count()
        };
        assert_eq!(written("a", 0), 20);
        assert_eq!(written("b", 0), 20, "each object has its own");
        assert_eq!(written("a", 9), 0);
        assert_eq!(written("a", 10), 1);
        assert_eq!(written("a", 40), 3);
        assert_eq!(written("a", 1000), 20);
        assert_eq!(budget.full_at.len(), 1, "what is full is forgotten");
    }

    #[test]
    fn the_same_parts_give_the_same_key() {
        let key = event_key(&["uid", "Reason", "note"]);
        assert_eq!(key, event_key(&["uid", "Reason", "note"]));
        assert_eq!(key.len(), 16);
        assert_ne!(event_key(&["ab", "c"]), event_key(&["a", "bc"]));
    }
}
