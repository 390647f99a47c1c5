//! Whether the process is ready, and what it says about that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How ready one part of the process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Ready. What is said is for people; empty where there is nothing to say.
    Ready(String),
    /// Not ready, and why.
    NotReady(String),
}

/// What `/readyz` says, by the name of each part. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Readiness>>>);

impl Health {
    /// Says how ready a part is, from now on.
    pub fn report(&self, part: &str, readiness: Readiness) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(part.to_owned(), readiness);
    }

    /// Whether all parts are ready, and a line for each in the form of Kubernetes' own components.
    pub(super) fn summary(&self) -> (bool, String) {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ready = true;
        let mut text = String::new();
        for (part, readiness) in &*parts {
            let (sign, detail) = match readiness {
                Readiness::Ready(detail) if detail.is_empty() => ('+', "ok"),
                Readiness::Ready(detail) => ('+', detail.as_str()),
                Readiness::NotReady(why) => ('-', why.as_str()),
            };
            ready &= sign == '+';
            text.push_str(&format!("[{sign}]{part} {detail}\n"));
        }
        text.push_str(if ready { "ready\n" } else { "not ready\n" });
        (ready, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_to_be_ready() {
        let health = Health::default();
        assert_eq!(health.summary(), (true, "ready\n".to_owned()));
        health.report("watches", Readiness::NotReady("MachineSet: 403".to_owned()));
        health.report("mode", Readiness::Ready("observes only".to_owned()));
        let expected = "[+]mode observes only\n[-]watches MachineSet: 403\nnot ready\n";
        assert_eq!(health.summary(), (false, expected.to_owned()));
        health.report("watches", Readiness::Ready(String::new()));
        assert!(health.summary().0);
    }
}
