//! One step at a time for each vCenter: two imports at once are no faster, and what concerns the same
//! template gets into each other's way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use openshift_model::vcenter::VcenterStep;
use tokio::sync::OwnedMutexGuard;

/// Who may import now, by vCenter. A program has one for all that it carries out.
#[derive(Debug, Default)]
pub struct ImportQueue(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl ImportQueue {
    /// Waits until nothing else is carried out for the same vCenter, as long as what it gives is kept.
    pub async fn turn(&self, step: &VcenterStep) -> OwnedMutexGuard<()> {
        let lock = match self.0.lock() {
            // Host names ignore case.
            Ok(mut locks) => {
                Arc::clone(locks.entry(step.server().to_ascii_lowercase()).or_default())
            }
            // Nothing panics while it is held; if something did, everybody is let through.
            Err(_) => Arc::default(),
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::vcenter::TemplateImport;
    use std::time::Duration;

    fn rename(server: &str) -> VcenterStep {
        VcenterStep::RenameTemplate {
            server: server.to_owned(),
            path: "/dc1/vm/f/a".to_owned(),
            name: "b".to_owned(),
        }
    }

    fn import(server: &str, datastore: &str) -> VcenterStep {
        let text = String::new;
        VcenterStep::ImportTemplate(Box::new(TemplateImport {
            server: server.to_owned(),
            datacenter: text(),
            ova: text(),
            sha256: text(),
            release: text(),
            name: "b".to_owned(),
            temporary_name: text(),
            retired_name: text(),
            replaces: None,
            folder: text(),
            compute_cluster: text(),
            resource_pool: text(),
            network: text(),
            datastore: datastore.to_owned(),
            disk_type: None,
            tags: Vec::new(),
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_for_each_vcenter() {
        let queue = ImportQueue::default();
        for (first, second) in [
            (rename("v"), rename("v")),
            (rename("v"), import("v", "d")),
            (import("v", "d"), rename("V")),
        ] {
            let held = queue.turn(&first).await;
            drop(queue.turn(&rename("w")).await);
            let next = queue.turn(&second);
            tokio::pin!(next);
            let waits = tokio::time::timeout(Duration::from_secs(1), &mut next).await;
            assert!(waits.is_err(), "{first:?} {second:?}");
            drop(held);
            drop(next.await);
        }
    }
}
