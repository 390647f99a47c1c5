//! One import at a time for each vCenter and datastore: two at once are no faster, and two of the
//! same template get into each other's way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use openshift_model::vcenter::VcenterStep;
use tokio::sync::OwnedMutexGuard;

/// Server and datastore.
type Key = (String, String);

/// Who may import now. A program has one for all that it carries out.
#[derive(Debug, Default)]
pub struct ImportQueue(Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<()>>>>);

impl ImportQueue {
    /// Waits until nothing else is carried out for the same vCenter and datastore, as long as what it
    /// gives is kept.
    pub async fn turn(&self, step: &VcenterStep) -> OwnedMutexGuard<()> {
        let key = match step {
            VcenterStep::RenameTemplate { server, .. } => (server.clone(), String::new()),
            VcenterStep::ImportTemplate(import) => {
                (import.server.clone(), import.datastore.clone())
            }
        };
        let lock = match self.0.lock() {
            Ok(mut locks) => Arc::clone(locks.entry(key).or_default()),
            // Nothing panics while it is held; if something did, everybody is let through.
            Err(_) => Arc::default(),
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn rename(server: &str) -> VcenterStep {
        VcenterStep::RenameTemplate {
            server: server.to_owned(),
            path: "/dc1/vm/f/a".to_owned(),
            name: "b".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_for_each_vcenter() {
        let queue = ImportQueue::default();
        let first = queue.turn(&rename("v")).await;
        drop(queue.turn(&rename("w")).await);
        let step = rename("v");
        let second = queue.turn(&step);
        tokio::pin!(second);
        let waits = tokio::time::timeout(Duration::from_secs(1), &mut second).await;
        assert!(waits.is_err());
        drop(first);
        drop(second.await);
    }
}
