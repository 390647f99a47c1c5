//! Tasks of a vCenter, and waiting for them.

use std::time::Duration;

use tokio::time::Instant;

use super::error::VcenterError;
use super::fault::Fault;
use super::session::{Reference, Session};

/// Before the second look; most tasks are done by then. Each pause is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// When to look again, and when to give up.
pub(super) struct Patience {
    call: &'static str,
    pause: Duration,
    deadline: Instant,
}

impl Patience {
    pub(super) fn new(session: &Session, call: &'static str) -> Self {
        Self {
            call,
            pause: FIRST_PAUSE.min(session.limits.look),
            deadline: Instant::now() + session.limits.task,
        }
    }

    /// Waits a little; an error where it took too long.
    pub(super) async fn pause(&mut self, session: &Session) -> Result<(), VcenterError> {
        if Instant::now() > self.deadline {
            return Err(VcenterError::Late {
                server: session.server.clone(),
                call: self.call.to_owned(),
                seconds: session.limits.task.as_secs(),
            });
        }
        tokio::time::sleep(self.pause).await;
        self.pause = self.pause.saturating_mul(2).min(session.limits.look);
        Ok(())
    }
}

impl Session {
    /// Starts a task and waits for its end.
    pub(super) async fn task(
        &self,
        object: &Reference,
        method: &'static str,
        arguments: &str,
    ) -> Result<(), VcenterError> {
        let answer = self.call(object, method, arguments).await?;
        let task = self.returned(&answer, method)?;
        let mut patience = Patience::new(self, method);
        loop {
            let info = self.object(&task, &["info.state", "info.error"]).await?;
            match info.text("info.state") {
                "success" => return Ok(()),
                "error" => {
                    let fault = info.get("info.error").map(Fault::of_member);
                    return Err(self.refused(method, fault.unwrap_or_else(Fault::unknown)));
                }
                _ => patience.pause(self).await?,
            }
        }
    }
}
