//! Watched objects, as text.
//!
//! A controller must not read a cluster anew for each decision, and its memory must not grow with
//! what it does not look at. A [`Store`] keeps one watch going for each row of the table of reads.
//! What arrives stays text without `managedFields`: no trees, and nothing is lost. (kube's own
//! `watcher` and reflector keep typed objects, and a list twice while it is replaced.)
//!
//! - A [`Snapshot`] can be had once every watch has shown a whole list. It shares the texts.
//! - An object with a wrong type in it is kept like any other: the plan says that it is blocked.
//! - The answer to a write goes in with [`Store::put_answer`], so that no pass sees a state from
//!   before its predecessor's writes. An older version never replaces a newer one.
//! - MachineConfigs are watched as metadata; [`Store::keep_whole`] gets the few that count.
//! - Secrets are never watched.
//! - A watch that ends, is silent, or has become too old goes on by itself, with growing waits;
//!   [`Store::problems`] says what is wrong meanwhile.
//!
//! ```no_run
//! use std::time::Duration;
//! use cluster_io::store::{Store, StoreOptions, WatchSpec};
//! use openshift_model::{Kind, Read};
//!
//! async fn run(client: kube::Client, table: &[Read]) {
//!     let specs = table.iter().filter_map(WatchSpec::of);
//!     let store = Store::start(client, specs, StoreOptions::default());
//!     let mut changes = store.changes();
//!     loop {
//!         changes.next().await;
//!         // More often than not a change does not come alone.
//!         tokio::time::sleep(Duration::from_secs(1)).await;
//!         let Some(snapshot) = store.snapshot() else { continue };
//!         for object in snapshot.objects() {
//!             println!("{}", object.reference());
//!         }
//!         // Plan, write, and for each answer:
//!         // store.put_answer(Kind::MachineSet, &answer);
//!     }
//! }
//! ```

mod follow;
mod lines;
mod object;
mod request;
mod rows;
mod snapshot;
mod spec;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openshift_model::Kind;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use object::StoredObject;
pub use snapshot::Snapshot;
pub use spec::WatchSpec;

use request::{WatchError, WatchEvent};
use rows::{Listing, Row};

/// How a store watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// How many objects come in one page of a list: a hundred MachineSets are less than a megabyte,
    /// and a page is held in memory twice.
    pub page_size: usize,
    /// How long a watch may be silent. API servers send a bookmark each minute, give or take a
    /// quarter.
    pub silence: Duration,
    /// After how long the API server is asked to end a watch.
    pub lifetime: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            page_size: 100,
            silence: Duration::from_mins(2),
            lifetime: Duration::from_secs(290),
        }
    }
}

/// What is watched, and what is known of it. The watches end when this is dropped.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// Tells when something in a store has changed.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for a change since the last call; the first call, for the first one at all. Changes
    /// that came together are one. What no plan looks at, such as the status of a MachineSet, is no
    /// change.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The store is gone: nothing will ever change.
            std::future::pending::<()>().await;
        }
    }
}

/// A watch that does not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchProblem {
    /// Of which kind.
    pub kind: Kind,
    /// Whether there can be no snapshot because of it.
    pub blocks: bool,
    /// Whether the API server says that there is no such kind, and has never shown any.
    pub not_served: bool,
    /// What is wrong; empty where it is only not there yet.
    pub problem: String,
}

/// What a whole object could not be got for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("get {kind} {name}: {problem}")]
pub struct KeepError {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

struct Shared {
    client: kube::Client,
    options: StoreOptions,
    rows: Mutex<Vec<Row>>,
    changes: watch::Sender<u64>,
    /// Counts how often the API server has lost its data.
    losses: watch::Sender<u64>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Starts to watch.
    pub fn start(
        client: kube::Client,
        specs: impl IntoIterator<Item = WatchSpec>,
        options: StoreOptions,
    ) -> Self {
        let rows: Vec<_> = specs.into_iter().map(Row::new).collect();
        let count = rows.len();
        let shared = Arc::new(Shared {
            client,
            options,
            rows: Mutex::new(rows),
            changes: watch::channel(0).0,
            losses: watch::channel(0).0,
        });
        let follow = |row| tokio::spawn(follow::follow(Arc::clone(&shared), row));
        let tasks = (0..count).map(follow).collect();
        Self { shared, tasks }
    }

    /// Tells of changes from now on.
    pub fn changes(&self) -> Changes {
        Changes(self.shared.changes.subscribe())
    }

    /// Everything as it is known now; `None` until every watch has shown a whole list once.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let rows = self.shared.rows();
        let synced = rows.iter().all(|row| row.synced);
        synced.then(|| Snapshot::of(&rows))
    }

    /// The watches that do not do what they should, those that have not begun among them. Where
    /// none of them blocks, there is a snapshot.
    pub fn problems(&self) -> Vec<WatchProblem> {
        let rows = self.shared.rows();
        let ill = rows
            .iter()
            .filter(|row| !row.synced || row.problem.is_some());
        ill.map(|row| WatchProblem {
            kind: row.spec.kind(),
            blocks: !row.synced,
            not_served: row.problem == Some(WatchError::NoSuchKind) && !row.was_listed,
            problem: row
                .problem
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        })
        .collect()
    }

    /// How many objects had no name and were left out.
    pub fn unreadable(&self) -> usize {
        self.shared.rows().iter().map(|row| row.unreadable).sum()
    }

    /// The API server's answer to a write of our own: the object as it is now. Kinds that are not
    /// watched whole, and objects outside of what is watched of their kind, are passed over; one
    /// that was inside, and has lost its label by the write, leaves.
    pub fn put_answer(&self, kind: Kind, json: &str) {
        let Some(object) = StoredObject::read(json) else {
            return;
        };
        let mut rows = self.shared.rows();
        let mut changed = false;
        for row in rows.iter_mut().filter(|row| row.spec.kind() == kind) {
            changed |= if row.spec.takes(&object) {
                row.put_answer(object.clone())
            } else if row.spec.is_metadata_only() {
                false
            } else {
                row.leave(&object)
            };
        }
        drop(rows);
        if changed {
            self.shared.changed();
        }
    }

    /// Gets the whole of those objects of a kind that is watched as metadata, unless that is known
    /// already, and forgets the whole of all others. Names that are not there are passed over.
    pub async fn keep_whole(
        &self,
        kind: Kind,
        namespace: &str,
        names: &[&str],
    ) -> Result<(), KeepError> {
        let wanted: BTreeSet<&str> = names.iter().copied().collect();
        let mut missing = Vec::new();
        for (number, row) in self.shared.rows().iter_mut().enumerate() {
            if row.spec.kind() == kind && row.spec.is_metadata_only() {
                let names = row.keep_whole(namespace, &wanted);
                let spec = row.spec.clone();
                missing.extend(names.into_iter().map(|name| (number, spec.clone(), name)));
            }
        }
        for (row, spec, name) in missing {
            let limit = self.shared.options.silence;
            let got = request::object(&self.shared.client, &spec, &name, limit).await;
            match got {
                Ok(Some(object)) => self.shared.row(row, |row| row.put_whole(object)),
                // It was removed a moment ago.
                Ok(None) => None,
                Err(error) => {
                    let problem = error.to_string();
                    return Err(KeepError {
                        kind,
                        name,
                        problem,
                    });
                }
            };
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where there is no such row.
    fn row<T>(&self, row: usize, use_it: impl FnOnce(&mut Row) -> T) -> Option<T> {
        self.rows().get_mut(row).map(use_it)
    }

    /// The same, where a change is told to everybody.
    fn change(&self, row: usize, change: impl FnOnce(&mut Row) -> bool) {
        if self.row(row, change) == Some(true) {
            self.changed();
        }
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is watched, and since which version.
    fn place(&self, row: usize) -> Option<(WatchSpec, String)> {
        self.row(row, |row| (row.spec.clone(), row.position().to_owned()))
    }

    /// Begins a list. Where it is older than what has arrived already, all rows are read anew: watches
    /// of the others may wait for versions that will not come for a long time.
    fn begin(&self, row: usize, version: &str) -> Listing {
        let mut rows = self.rows();
        let has_lost = rows.get(row).is_some_and(|row| row.is_before(version));
        if has_lost {
            rows.iter_mut().for_each(Row::lose);
        }
        let listing = rows.get_mut(row).map(|row| row.begin(version));
        drop(rows);
        if has_lost {
            self.losses
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        listing.unwrap_or_default()
    }

    fn show(
        &self,
        row: usize,
        objects: Vec<StoredObject>,
        unreadable: usize,
        listing: &mut Listing,
    ) {
        self.change(row, |row| {
            row.unreadable += unreadable;
            let mut changed = false;
            for object in objects {
                changed |= row.show(object, listing);
            }
            changed
        });
    }

    fn end(&self, row: usize, listing: Listing) {
        self.change(row, |row| row.end(listing));
    }

    fn tell(&self, row: usize, event: WatchEvent) {
        self.change(row, |row| row.take(event));
    }

    fn healthy(&self, row: usize) {
        self.change(row, |row| row.problem.take().is_some());
    }

    fn failed(&self, row: usize, error: &WatchError) {
        self.change(row, |row| row.failed(error));
    }
}
