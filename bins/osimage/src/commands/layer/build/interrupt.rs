//! ^C: what is under way is ended, and cleaned up, instead of being left behind.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::error::BuildError;
use crate::error::CommandError;

/// How long it takes at most until an interruption is noticed.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// How often somebody has interrupted the command, with SIGINT or SIGTERM.
#[derive(Clone)]
pub(super) struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// From now on an interruption is counted, and does not end the process.
    pub(super) fn watch() -> Result<Self, CommandError> {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(CommandError::Runtime)?;
        let streams = {
            let _entered = runtime.enter();
            let interrupt = signal(SignalKind::interrupt());
            let terminate = signal(SignalKind::terminate());
            (interrupt, terminate)
        };
        let (Ok(mut interrupt), Ok(mut terminate)) = streams else {
            return Err(CommandError::Runtime(std::io::Error::last_os_error()));
        };
        std::thread::spawn(move || {
            runtime.block_on(async move {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        Ok(Self(count))
    }

    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on unless somebody has interrupted the command.
    pub(super) fn check(&self) -> Result<(), BuildError> {
        if self.count() == 0 {
            Ok(())
        } else {
            Err(BuildError::Interrupted)
        }
    }

    /// Waits for an answer, or for an interruption.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, BuildError> {
        let mut work = pin!(work);
        loop {
            self.check()?;
            if let Ok(result) = tokio::time::timeout(PAUSE, &mut work).await {
                return Ok(result);
            }
        }
    }
}
