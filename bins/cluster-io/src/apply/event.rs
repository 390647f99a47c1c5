//! The Event about a target that was written: who, when, what.

use openshift_model::{Address, EventRequest, RawObject, Write};

use super::execution::Execution;
use super::outcome::ApplyWarning;
use crate::cluster::WriteMode;
use crate::time;

/// Reason of the Event on an object whose boot image was changed.
pub const REASON_UPDATED: &str = "BootImageUpdated";

impl Execution<'_> {
    /// Writes the Event. That it cannot be written undoes nothing. `afterwards`: an earlier run
    /// wrote the object and was interrupted before its Event.
    pub(super) async fn record(&mut self, object: &RawObject<'_>, afterwards: bool) {
        let options = self.executor.options;
        self.written.target = true;
        if options.mode == WriteMode::DryRun {
            return;
        }
        let user = match self.executor.user().await {
            Ok(user) => user,
            Err(error) => {
                self.warnings.push(ApplyWarning::NoUserName(error));
                "an unknown user"
            }
        };
        let note = self.note(user, afterwards);
        let meta = object.meta().unwrap_or_default();
        let target = self.target;
        let event = Write::Event(EventRequest {
            regarding: Address::of(target.kind, self.namespace, &target.name),
            uid: meta.uid.as_deref().unwrap_or_default().to_owned(),
            is_warning: false,
            reason: REASON_UPDATED.into(),
            action: "Apply".into(),
            note,
            key: options.key(),
            reporter: options.program.reporter.into(),
            time: time::now_in_microseconds(),
        });
        let cluster = self.executor.cluster;
        if let Err(error) = cluster.execute(&event, options.mode).await {
            self.warnings.push(ApplyWarning::NoEvent {
                object: format!("{} {}", target.kind, target.name),
                error,
            });
        }
    }

    fn note(&self, user: &str, afterwards: bool) -> String {
        let options = self.executor.options;
        let who = if afterwards {
            format!("after an interruption, recorded by {user}")
        } else {
            format!("by {user}")
        };
        let deferred = self.accepted.as_ref().map_or_else(String::new, |deferred| {
            format!(
                ", although the cluster deferred updates then ({}), which was accepted by hand",
                deferred.reason
            )
        });
        let what = match (&self.change.to, &self.change.user_data_secret) {
            (Some(to), _) => {
                let from = self.change.from.as_deref().unwrap_or("none");
                format!("from {from} to {to}")
            }
            (None, Some(secret)) => format!("the user data is now that of Secret {secret}"),
            (None, None) => "its template has the same name".to_owned(),
        };
        let steps = self.steps.iter().fold(String::new(), |text, step| {
            format!("{text}; vCenter: {step}")
        });
        format!(
            "Boot image changed with {} {who}{deferred}, plan {}: {what}{steps}",
            options.program.name, options.plan_digest,
        )
    }
}
