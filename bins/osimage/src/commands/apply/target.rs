//! One target: its Secret first, then itself.

use std::time::Duration;

use bootimage_plan::{ConversionError, InputObject, Standing, Target, conversion, standing};
use cluster_io::cluster::{APPLY_FIELD_MANAGER, Cluster, ClusterError, Event, Seen, WriteMode};
use jiff::Timestamp;
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Edit, Kind, ObjectMeta, RawObject, names};
use serde::Deserialize;

use super::outcome::Outcome;
use super::saved::SavedPlan;
use crate::commands::tell;

/// How often a target is looked at and tried. Whoever changes it this often is not done with it.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How much of the plan's digest stands in the name of an Event: enough to tell plans apart.
const KEY_DIGITS: usize = 16;
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

/// Why an attempt did not end well.
enum Trouble {
    /// The same again may help: nothing is known, or somebody else was faster.
    Again(ClusterError),
    /// It will not.
    End(Outcome),
}

impl From<ClusterError> for Trouble {
    fn from(error: ClusterError) -> Self {
        match error {
            // A patch whose tests fail is invalid to the API server; the next look tells.
            ClusterError::Conflict { .. } | ClusterError::Invalid { .. } => Self::Again(error),
            error if error.is_transient() => Self::Again(error),
            error => Self::End(Outcome::Failed(error.to_string())),
        }
    }
}

impl From<ConversionError> for Trouble {
    fn from(error: ConversionError) -> Self {
        let text = error.to_string();
        Self::End(match error {
            ConversionError::Changed { .. } | ConversionError::OtherResult { .. } => {
                Outcome::Moved(text)
            }
            ConversionError::NotPlanned { .. } => Outcome::Refused(text),
            ConversionError::UserData(_) => Outcome::Failed(text),
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
            return Outcome::Refused("the plan has no edit for it".to_owned());
        };
        if let Some(step) = target.steps.first() {
            return Outcome::Refused(needs_vcenter(step));
        }
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let error = match self.attempt(target, input, edit).await {
                Ok(outcome) => return outcome,
                Err(Trouble::End(outcome)) => return outcome,
                Err(Trouble::Again(error)) => error,
            };
            if attempt == ATTEMPTS {
                return Outcome::Failed(error.to_string());
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn attempt(
        &mut self,
        target: &Target,
        input: &InputObject,
        edit: &Edit,
    ) -> Result<Outcome, Trouble> {
        let Target {
            kind,
            namespace,
            name,
            ..
        } = target;
        let json = self.cluster.object(*kind, namespace, name).await?;
        let object = json.as_deref().and_then(parse);
        let found = standing(input, Some(edit), object.as_ref());
        let Some(object) = object else {
            return Ok(Outcome::Moved("it is gone".to_owned()));
        };
        let meta = object.meta().unwrap_or_default();
        match found {
            Standing::Moved(movement) => return Ok(Outcome::Moved(movement.to_string())),
            Standing::AsLeft => {
                if was_ours(&object) {
                    self.record(target, &meta).await;
                }
                return Ok(Outcome::Done);
            }
            Standing::AsPlanned => {}
        }
        let seen = seen(&meta);
        let secret = self.convert(target, seen, edit).await?;
        let patched = self
            .cluster
            .patch_machine_resource(*kind, namespace, name, seen, edit, self.mode)
            .await;
        if let Err(error) = patched {
            return Err(self.after_refusal(target, seen, error).await);
        }
        self.record(target, &meta).await;
        Ok(Outcome::Updated {
            image: target.target.clone().unwrap_or_default(),
            secret,
        })
    }

    /// Whether a patch was refused for what it is, or because somebody else was faster.
    async fn after_refusal(&self, target: &Target, seen: Seen<'_>, error: ClusterError) -> Trouble {
        if !matches!(error, ClusterError::Invalid { .. }) {
            return error.into();
        }
        let read = self
            .cluster
            .object(target.kind, &target.namespace, &target.name)
            .await;
        let now = match &read {
            Ok(json) => json.as_deref().and_then(parse),
            Err(_) => return Trouble::Again(error),
        };
        let meta = now.as_ref().and_then(|object| object.meta().ok());
        let version = meta
            .as_ref()
            .and_then(|meta| meta.resource_version.as_deref());
        if version == Some(seen.resource_version) {
            Trouble::End(Outcome::Failed(error.to_string()))
        } else {
            Trouble::Again(error)
        }
    }

    /// BI-243, W-38: converts the user-data Secret, once the API server has said that it would take
    /// the patch that needs it. The name of the Secret where it was converted.
    async fn convert(
        &self,
        target: &Target,
        seen_target: Seen<'_>,
        edit: &Edit,
    ) -> Result<Option<String>, Trouble> {
        let Some(planned) = target.user_data.as_deref() else {
            return Ok(None);
        };
        let namespace = names::MACHINE_API_NAMESPACE;
        let json = self
            .cluster
            .object(Kind::Secret, namespace, &planned.secret)
            .await?;
        let secret = json.as_deref().and_then(parse);
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let Some(conversion) = conversion(planned, secret.as_ref(), &now)? else {
            return Ok(None);
        };
        let Target {
            kind,
            namespace,
            name,
            ..
        } = target;
        let tried = self
            .cluster
            .patch_machine_resource(*kind, namespace, name, seen_target, edit, WriteMode::DryRun)
            .await;
        if let Err(error) = tried {
            return Err(self.after_refusal(target, seen_target, error).await);
        }
        let meta = secret
            .and_then(|secret| secret.meta().ok())
            .unwrap_or_default();
        self.cluster
            .patch_user_data(&planned.secret, seen(&meta), &conversion, self.mode)
            .await?;
        Ok(Some(planned.secret.clone()))
    }

    async fn who_we_are(&mut self) -> String {
        if let Some(user) = &self.user {
            return user.clone();
        }
        let asked = self.cluster.who_we_are().await;
        let user = asked.unwrap_or_else(|_| "an unknown user".to_owned());
        self.user.insert(user).clone()
    }

    /// Who, when, what: an Event on the object. That it cannot be written undoes nothing.
    async fn record(&mut self, target: &Target, meta: &ObjectMeta<'_>) {
        if self.mode == WriteMode::DryRun {
            return;
        }
        let user = self.who_we_are().await;
        let image = |image: &Option<String>| image.clone().unwrap_or_else(|| "none".to_owned());
        let digest = self.saved.digest.to_string();
        let key = digest.trim_start_matches("sha256:");
        let note = format!(
            "Boot image changed by {user} with osimage apply, plan {digest}: from {} to {}",
            image(&target.current),
            image(&target.target)
        );
        let event = Event {
            kind: target.kind,
            api_version: &target.api_version,
            namespace: &target.namespace,
            name: &target.name,
            uid: meta.uid.as_deref().unwrap_or_default(),
            key: key.get(..KEY_DIGITS).unwrap_or(key),
            reason: REASON_UPDATED,
            note: shortened(&note),
            time: &Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
                .to_string(),
        };
        if let Err(error) = self.cluster.record(&event).await {
            tell(&format!(
                "warning: {} {}/{} was updated, but no Event says so: {error}",
                target.kind, target.namespace, target.name
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

/// Whether an apply of ours was the last one that wrote what it writes.
fn was_ours(object: &RawObject<'_>) -> bool {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Managed {
        managed_fields: Vec<Entry>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Entry {
        manager: String,
    }
    let metadata = object.member("metadata");
    let managed: Managed = metadata
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    managed
        .managed_fields
        .iter()
        .any(|entry| entry.manager == APPLY_FIELD_MANAGER)
}

fn shortened(note: &str) -> &str {
    let end = (0..=MAX_NOTE_BYTES.min(note.len()))
        .rev()
        .find(|end| note.is_char_boundary(*end));
    note.get(..end.unwrap_or_default()).unwrap_or_default()
}
