//! How a process is asked to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit;

/// Tells whether the process was asked to stop.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for SIGTERM and SIGINT. The first asks everybody to come to an end; the second ends
    /// the process at once.
    pub fn on_signals() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                if sender.send_replace(true) {
                    end_at_once();
                }
                tracing::info!(signal = name, "stopping");
            }
        });
        Ok(Self(receiver))
    }

    /// Whether the process was asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the process is asked to stop.
    pub async fn requested(&self) {
        // The task that listens lives as long as the process.
        self.0.clone().wait_for(|requested| *requested).await.ok();
    }
}

#[expect(
    clippy::exit,
    reason = "who asks twice does not want to wait for anything"
)]
fn end_at_once() {
    std::process::exit(exit::STOPPED.into());
}
