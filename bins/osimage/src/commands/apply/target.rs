//! One target: its Secret first, then itself.

use std::time::Duration;

use bootimage_plan::{
    ConversionError, InputObject, Movement, Standing, Target, UserDataError, conversion,
    live_namespace, standing, user_data_standing,
};
use cluster_io::cluster::{Cluster, ClusterError, Event, Seen, WriteMode};
use jiff::Timestamp;
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Edit, Kind, ObjectMeta, RawObject, names};

use super::outcome::{Outcome, Verdict};
use super::saved::SavedPlan;
use crate::commands::tell;

/// How often a target is looked at and tried. Whoever changes it this often is not done with it.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Reason of the Event on an object whose boot image was changed.
const REASON_UPDATED: &str = "BootImageUpdated";
/// The largest note of an Event that the API server takes, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

/// Carries out targets, one after the other.
pub(super) struct Carrier<'a> {
    cluster: &'a Cluster,
    saved: &'a SavedPlan,
    mode: WriteMode,
    /// Who we are, once that was asked.
    user: Option<String>,
}

/// One target on its way.
struct Errand<'t> {
    target: &'t Target,
    input: &'t InputObject,
    edit: &'t Edit,
    namespace: &'t str,
    /// The Secret, once it was converted, in whichever attempt.
    converted: Option<String>,
    /// Whether a conversion was sent of which nobody knows what became of it.
    conversion_sent: bool,
    /// Whether a patch was sent of which nobody knows what became of it.
    sent: bool,
}

/// Why an attempt did not end well.
enum Trouble {
    /// The same again may help: nothing is known, or somebody else was faster.
    Again(ClusterError),
    /// It will not.
    End(Verdict),
}

impl Trouble {
    /// Of a read, which was repeated as often as makes sense already.
    fn of_read(error: &ClusterError) -> Self {
        let text = error.to_string();
        Self::End(if error.concerns_all() {
            Verdict::Lost(text)
        } else {
            Verdict::Failed(text)
        })
    }

    /// Of a write: the next look tells what became of it.
    fn of_write(error: ClusterError) -> Self {
        match error {
            ClusterError::NotFound(_) => Self::End(Verdict::Moved(Movement::Gone.to_string())),
            ClusterError::Conflict { .. } => Self::Again(error),
            error if error.may_have_been_carried_out() => Self::Again(error),
            error => Self::of_read(&error),
        }
    }
}

impl From<ConversionError> for Trouble {
    fn from(error: ConversionError) -> Self {
        let text = error.to_string();
        Self::End(match error {
            ConversionError::Changed { .. }
            | ConversionError::OtherResult { .. }
            | ConversionError::UserData(UserDataError::NotFound { .. }) => Verdict::Moved(text),
            ConversionError::NotPlanned { .. } | ConversionError::UserData(_) => {
                Verdict::Refused(text)
            }
        })
    }
}

impl<'a> Carrier<'a> {
    pub(super) fn new(cluster: &'a Cluster, saved: &'a SavedPlan, mode: WriteMode) -> Self {
        Self {
            cluster,
            saved,
            mode,
            user: None,
        }
    }

    /// Does to one target what the plan says, or says why not.
    pub(super) async fn carry_out(&mut self, target: &Target) -> Outcome {
        let (Some(input), Some(edit)) = (self.saved.input(target), &target.patch) else {
            return Verdict::Refused("the plan has no edit for it".to_owned()).alone();
        };
        if let Some(step) = target.steps.first() {
            return Verdict::Refused(needs_vcenter(step)).alone();
        }
        let mut errand = Errand {
            target,
            input,
            edit,
            namespace: live_namespace(target.kind, &target.namespace),
            converted: None,
            conversion_sent: false,
            sent: false,
        };
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        let verdict = loop {
            let error = match self.attempt(&mut errand).await {
                Ok(verdict) | Err(Trouble::End(verdict)) => break verdict,
                Err(Trouble::Again(error)) => error,
            };
            if attempt == ATTEMPTS {
                break Verdict::Failed(error.to_string());
            }
            tell(&format!("{}: again, because {error}", target.name));
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        };
        Outcome {
            verdict,
            converted: errand.converted,
        }
    }

    async fn attempt(&mut self, errand: &mut Errand<'_>) -> Result<Verdict, Trouble> {
        let target = errand.target;
        let json = self
            .read(target.kind, errand.namespace, &target.name)
            .await?;
        let object = json.as_deref().and_then(parse);
        let found = standing(errand.input, Some(errand.edit), object.as_ref());
        let meta = object
            .as_ref()
            .and_then(|object| object.meta().ok())
            .unwrap_or_default();
        let image = || target.target.clone().unwrap_or_default();
        match (found, object) {
            (Standing::Moved(movement), _) => return Ok(Verdict::Moved(movement.to_string())),
            (Standing::AsLeft, Some(object)) => {
                // New boot images do not read an old stub, whoever wrote the image.
                self.convert(errand, None).await?;
                let ours = errand.sent || self.was_this_plan(&object);
                if ours {
                    self.record(errand, &meta, !errand.sent).await;
                }
                return Ok(if errand.sent {
                    Verdict::Updated(image())
                } else {
                    Verdict::Done
                });
            }
            (Standing::AsPlanned | Standing::AsLeft, _) => {}
        }
        let seen = seen(&meta);
        self.convert(errand, Some(seen)).await?;
        self.patch_target(errand, seen, self.mode).await?;
        errand.sent = true;
        self.record(errand, &meta, false).await;
        Ok(Verdict::Updated(image()))
    }

    async fn patch_target(
        &self,
        errand: &mut Errand<'_>,
        seen: Seen<'_>,
        mode: WriteMode,
    ) -> Result<(), Trouble> {
        let target = errand.target;
        let field_manager = self.saved.field_manager();
        let patched = self
            .cluster
            .patch_machine_resource(
                (target.kind, errand.namespace, &target.name),
                seen,
                errand.edit,
                &field_manager,
                mode,
            )
            .await;
        let Err(error) = patched else { return Ok(()) };
        errand.sent |= mode == WriteMode::Real && error.may_have_been_carried_out();
        Err(self
            .after((target.kind, errand.namespace, &target.name), seen, error)
            .await)
    }

    /// Whether a write was refused for what it is, or because somebody else was faster.
    async fn after(
        &self,
        object: (Kind, &str, &str),
        seen: Seen<'_>,
        error: ClusterError,
    ) -> Trouble {
        if !matches!(error, ClusterError::Invalid { .. }) {
            return Trouble::of_write(error);
        }
        match self.cluster.was_overtaken(object, seen).await {
            Ok(true) => Trouble::Again(error),
            Ok(false) => Trouble::End(Verdict::Failed(error.to_string())),
            Err(unread) => Trouble::of_read(&unread),
        }
    }

    /// BI-243, W-38: converts the user-data Secret; where the target is still to be patched (`seen`),
    /// once the API server has said that it would take that patch.
    async fn convert(
        &self,
        errand: &mut Errand<'_>,
        seen_target: Option<Seen<'_>>,
    ) -> Result<(), Trouble> {
        let Some(planned) = errand.target.user_data.as_deref() else {
            return Ok(());
        };
        let namespace = names::MACHINE_API_NAMESPACE;
        let json = self.read(Kind::Secret, namespace, &planned.secret).await?;
        let secret = json.as_deref().and_then(parse);
        if let Some(input) = self.saved.secret(&planned.secret)
            && let Standing::Moved(movement) = user_data_standing(input, planned, secret.as_ref())
        {
            let text = format!("Secret {}: {movement}", planned.secret);
            return Err(Trouble::End(Verdict::Moved(text)));
        }
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let Some(conversion) = conversion(planned, secret.as_ref(), &now)? else {
            if errand.conversion_sent {
                errand.converted = Some(planned.secret.clone());
            }
            return Ok(());
        };
        if let Some(seen) = seen_target {
            self.patch_target(errand, seen, WriteMode::DryRun).await?;
        }
        let meta = secret
            .and_then(|secret| secret.meta().ok())
            .unwrap_or_default();
        let seen = seen(&meta);
        let patched = self
            .cluster
            .patch_user_data(&planned.secret, seen, &conversion, self.mode)
            .await;
        if let Err(error) = patched {
            errand.conversion_sent |= error.may_have_been_carried_out();
            return Err(self
                .after((Kind::Secret, namespace, &planned.secret), seen, error)
                .await);
        }
        errand.converted = Some(planned.secret.clone());
        Ok(())
    }

    async fn read(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, Trouble> {
        let read = self.cluster.object(kind, namespace, name).await;
        read.map_err(|error| Trouble::of_read(&error))
    }

    /// Whether this very plan was the last to write what it writes: an earlier run was interrupted.
    fn was_this_plan(&self, object: &RawObject<'_>) -> bool {
        let manager = self.saved.field_manager();
        object
            .field_managers()
            .iter()
            .any(|found| found.as_str() == manager)
    }

    async fn who_we_are(&mut self) -> String {
        if let Some(user) = &self.user {
            return user.clone();
        }
        match self.cluster.who_we_are().await {
            Ok(user) => self.user.insert(user).clone(),
            Err(error) => {
                tell(&format!(
                    "warning: the cluster does not say who we are: {error}"
                ));
                "an unknown user".to_owned()
            }
        }
    }

    /// Who, when, what: an Event on the object. That it cannot be written undoes nothing.
    async fn record(&mut self, errand: &Errand<'_>, meta: &ObjectMeta<'_>, afterwards: bool) {
        if self.mode == WriteMode::DryRun {
            return;
        }
        let target = errand.target;
        let user = self.who_we_are().await;
        let who = if afterwards {
            format!("after an interruption, recorded by {user}")
        } else {
            format!("by {user}")
        };
        let image = |image: &Option<String>| image.clone().unwrap_or_else(|| "none".to_owned());
        let note = format!(
            "Boot image changed with osimage apply {who}, plan {}: from {} to {}",
            self.saved.digest,
            image(&target.current),
            image(&target.target)
        );
        let event = Event {
            kind: target.kind,
            api_version: &target.api_version,
            namespace: errand.namespace,
            name: &target.name,
            uid: meta.uid.as_deref().unwrap_or_default(),
            key: &self.saved.key(),
            reason: REASON_UPDATED,
            note: shortened(&note),
            time: &Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
                .to_string(),
        };
        if let Err(error) = self.cluster.record(&event).await {
            tell(&format!(
                "warning: {} {} was updated, but no Event says so: {error}",
                target.kind, target.name
            ));
        }
    }
}

/// What apply cannot do yet, for a person who can.
fn needs_vcenter(step: &VcenterStep) -> String {
    let step = match step {
        VcenterStep::RenameTemplate { server, path, name } => {
            format!("{server} has to rename template {path} to {name}")
        }
        VcenterStep::ImportTemplate(import) => format!(
            "{} has to import {} as template {}",
            import.server, import.ova, import.name
        ),
    };
    format!("{step} first, which apply does not do; see its steps in the plan, then plan again")
}

fn parse(json: &str) -> Option<RawObject<'_>> {
    RawObject::parse(json).ok().flatten()
}

fn seen<'m>(meta: &'m ObjectMeta<'_>) -> Seen<'m> {
    Seen {
        uid: meta.uid.as_deref().unwrap_or_default(),
        resource_version: meta.resource_version.as_deref().unwrap_or_default(),
    }
}

fn shortened(note: &str) -> &str {
    let end = (0..=MAX_NOTE_BYTES.min(note.len()))
        .rev()
        .find(|end| note.is_char_boundary(*end));
    note.get(..end.unwrap_or_default()).unwrap_or_default()
}
