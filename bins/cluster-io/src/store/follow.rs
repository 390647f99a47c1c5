//! Keeps one watch going, whatever happens to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::request::{self, WatchError};

/// The wait after a first failure; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait: the API server is asked by each watch twice a minute at most while it is away.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A watch that lived this long has not failed.
const HEALTHY: Duration = Duration::from_secs(30);
/// How often it is looked at least whether a kind that is not served, or not ours to see, is there
/// now.
const ABSENT_WAIT: Duration = Duration::from_mins(5);

/// How long a page may take. It is less than a megabyte.
const PAGE_LIMIT: Duration = Duration::from_secs(30);

/// Where a watch goes on after it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// With what has changed since.
    Watch,
    /// With a new list.
    List,
}

/// Lists and watches for ever.
pub(super) async fn follow(shared: Arc<Shared>, row: usize) {
    let mut next = Next::List;
    let mut failures = 0;
    // Silent twice with nothing in between: perhaps what we wait for will never come.
    let mut silent_before = false;
    loop {
        let started = Instant::now();
        let mut heard = false;
        let ended = once(&shared, row, next, &mut heard).await;
        if started.elapsed() >= HEALTHY {
            failures = 0;
        }
        let error = match ended {
            Ok(()) if failures == 0 && started.elapsed() >= HEALTHY => {
                (next, silent_before) = (Next::Watch, false);
                continue;
            }
            // Ended by the server, and too soon for it to be in order.
            Ok(()) => None,
            Err(error) => Some(error),
        };
        (next, silent_before) = match &error {
            None | Some(WatchError::Busy { .. }) => (Next::Watch, false),
            Some(WatchError::Silent(_)) if heard || !silent_before => (Next::Watch, true),
            // After anything else the API server may have lost what it knew: everything is read.
            Some(_) => (Next::List, false),
        };
        // Before the first whole list there is nothing to go on from.
        if shared
            .place(row)
            .is_none_or(|(_, version)| version.is_empty())
        {
            next = Next::List;
        }
        let was_listed = shared.row(row, |row| row.was_listed);
        let wait = pause(error.as_ref(), failures, was_listed == Some(true));
        if let Some(error) = error {
            shared.failed(row, &error);
        }
        failures += 1;
        tokio::time::sleep(wait).await;
    }
}

/// A kind that was listed before is expected to be there again soon.
fn pause(error: Option<&WatchError>, failures: u32, was_listed: bool) -> Duration {
    let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
    let wait = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
    match error {
        // Nothing is wrong: it was only forgotten where we were.
        Some(WatchError::Expired) if failures == 0 => Duration::ZERO,
        Some(WatchError::NoSuchKind | WatchError::Forbidden(_)) if !was_listed => {
            (wait * 10).min(ABSENT_WAIT)
        }
        Some(WatchError::Busy { retry_after, .. }) => {
            retry_after.unwrap_or(wait).clamp(FIRST_WAIT, LONGEST_WAIT)
        }
        _ => wait,
    }
}

/// One list, if need be, and one watch, until it ends.
async fn once(shared: &Shared, row: usize, next: Next, heard: &mut bool) -> Result<(), WatchError> {
    if next == Next::List {
        list(shared, row).await?;
        *heard = true;
    }
    let losses = shared.losses.subscribe();
    let Some((spec, version)) = shared.place(row) else {
        return Ok(());
    };
    if version.is_empty() {
        // The API server has lost its data while it was listed.
        return Err(WatchError::Expired);
    }
    let options = &shared.options;
    let (lifetime, silence) = (options.lifetime, options.silence);
    let watching = async {
        let mut watch = request::watch(&shared.client, &spec, &version, lifetime, silence).await?;
        shared.healthy(row);
        while let Some(event) = watch.next().await? {
            *heard = true;
            shared.tell(row, event);
        }
        Ok(())
    };
    tokio::select! {
        ended = watching => ended,
        () = next_loss(losses) => Err(WatchError::Expired),
    }
}

/// Until another watch finds out that the API server has lost its data.
async fn next_loss(mut losses: tokio::sync::watch::Receiver<u64>) {
    if losses.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn list(shared: &Shared, row: usize) -> Result<(), WatchError> {
    let options = &shared.options;
    let Some((spec, _)) = shared.place(row) else {
        return Ok(());
    };
    let mut token = String::new();
    let mut listing = None;
    loop {
        let limit = options.silence.min(PAGE_LIMIT);
        let page = request::page(&shared.client, &spec, options.page_size, &token, limit).await?;
        token = page.token;
        let of_list = listing.get_or_insert_with(|| shared.begin(row, &page.version));
        shared.show(row, page.objects, page.unreadable, of_list);
        if token.is_empty() {
            break;
        }
    }
    if let Some(listing) = listing {
        shared.end(row, listing);
    }
    Ok(())
}
