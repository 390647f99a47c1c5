//! As many threads as the machine has processors, for plans of many objects.

use std::sync::{Mutex, PoisonError};

use bootimage_plan::Each;

/// Threads that each take the next item until none is left.
pub(crate) struct Threads;

impl Each for Threads {
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(items.len());
        let queue = Mutex::new(items.iter_mut());
        // A thread that panicked while it held the lock took nothing from the queue.
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some(item) = next() {
                work(item);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(run);
            }
            run();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for count in [0_u32, 1, 2, 1000] {
            let mut items: Vec<u32> = (0..count).collect();
            Threads.each(&mut items, |item| *item += 1);
            assert_eq!(items, (1..=count).collect::<Vec<_>>());
        }
    }
}
