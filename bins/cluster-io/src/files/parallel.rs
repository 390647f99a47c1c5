//! Work on many items with all processors, results in the order of the items.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many items a thread takes at a time: small files are read faster than a lock is taken.
const BATCH: usize = 16;

/// The results of `work` for all items, in their order.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_with(items, || (), |(), item| work(item))
}

/// [`map`], where `scratch` makes what a thread uses again for each item.
pub(super) fn map_with<T: Sync, S, R: Send>(
    items: &[T],
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let batches = items.len().div_ceil(BATCH);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(batches));
    let run = || {
        let mut scratch = scratch();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = items.chunks(BATCH).nth(number) else {
                return;
            };
            let results: Vec<R> = batch.iter().map(|item| work(&mut scratch, item)).collect();
            // A thread that panicked while it held the lock has added its results or none.
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((number, results));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..processors.min(batches) {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0_usize, 1, 15, 16, 17, 1000] {
            let items: Vec<usize> = (0..count).collect();
            let found = map(&items, |item| item + 1);
            assert_eq!(found, (1..=count).collect::<Vec<_>>());
        }
    }
}
