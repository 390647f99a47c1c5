//! The attempts at one target.

use std::time::Duration;

use bootimage_plan::{
    ConversionError, DeferredPlan, ImageChange, InputObject, Movement, Standing, Target,
    UserDataDecision, UserDataError, Written, conversion, live_namespace, standing,
    user_data_standing,
};
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Address, Edit, Kind, PatchRequest, RawObject, Write, names};

use super::executor::{Begun, Executor};
use super::outcome::{AppliedChange, ApplyResult, ApplyWarning, MovedSince, Outcome, Refusal};
use crate::backoff::doubled;
use crate::cluster::{ClusterError, USER_DATA_FIELD_MANAGER, WriteMode, guarded_edit};
use crate::time;

/// How often a target is read and written. An object that changes this often is still being
/// worked on.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles from one to the next.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// One target, and what its attempts have done so far.
pub(super) struct Execution<'e> {
    pub(super) executor: &'e Executor<'e>,
    pub(super) target: &'e Target,
    input: &'e InputObject,
    edit: &'e Edit,
    pub(super) change: ImageChange,
    /// That the cluster defers updates, where somebody accepted that.
    pub(super) accepted: Option<DeferredPlan>,
    pub(super) namespace: &'e str,
    /// What vCenters have done for it; in a dry run: would have to do.
    pub(super) steps: Vec<VcenterStep>,
    /// The Secret, once it was converted, in whichever attempt.
    converted: Option<String>,
    /// Whether a conversion was sent, and no answer says what became of it.
    conversion_unconfirmed: bool,
    /// Whether the edit was sent, and no answer says that it was refused.
    edit_sent: bool,
    /// The target as the API server answered last.
    object: Option<String>,
    pub(super) warnings: Vec<ApplyWarning>,
    /// What this plan has written, now or in an earlier run.
    pub(super) written: Written,
    /// The release that the cluster runs.
    pub(super) release: Option<String>,
}

/// Why an attempt did not end well.
enum AttemptError {
    /// Another attempt may succeed: the object was changed in between, or there was no answer.
    Retry(ClusterError),
    /// No attempt will.
    Final(ApplyResult),
}

impl AttemptError {
    fn of_read(error: ClusterError) -> Self {
        Self::Final(ApplyResult::of_read(error))
    }

    /// Of a write: the next attempt reads what became of it.
    fn of_write(error: ClusterError) -> Self {
        match error {
            ClusterError::NotFound(_) => {
                Self::Final(ApplyResult::Moved(MovedSince::Target(Movement::Gone)))
            }
            ClusterError::Conflict { .. } => Self::Retry(error),
            error if error.may_have_been_carried_out() => Self::Retry(error),
            error => Self::of_read(error),
        }
    }
}

impl From<ConversionError> for AttemptError {
    fn from(error: ConversionError) -> Self {
        Self::Final(match error {
            ConversionError::Changed { .. }
            | ConversionError::OtherResult { .. }
            | ConversionError::UserData(UserDataError::NotFound { .. }) => {
                ApplyResult::Moved(MovedSince::Stub(error))
            }
            ConversionError::NotPlanned { .. } | ConversionError::UserData(_) => {
                ApplyResult::Refused(Refusal::UserData(error))
            }
        })
    }
}

impl<'e> Execution<'e> {
    pub(super) fn new(
        executor: &'e Executor<'e>,
        begun: Begun<'e>,
        accepted: Option<DeferredPlan>,
        steps: Vec<VcenterStep>,
    ) -> Self {
        let Begun {
            target,
            input,
            edit,
            change,
        } = begun;
        Self {
            executor,
            target,
            input,
            edit,
            change,
            accepted,
            namespace: live_namespace(target.kind, &target.namespace),
            steps,
            converted: None,
            conversion_unconfirmed: false,
            edit_sent: false,
            object: None,
            warnings: Vec::new(),
            written: Written::default(),
            release: None,
        }
    }

    /// Goes on where another look at the same target has stopped.
    pub(super) fn after(self, earlier: Self) -> Self {
        Self {
            steps: earlier.steps,
            written: earlier.written,
            converted: earlier.converted,
            conversion_unconfirmed: earlier.conversion_unconfirmed,
            warnings: earlier.warnings,
            ..self
        }
    }

    /// The outcome where something before the attempts went wrong.
    pub(super) fn ended(self, result: ApplyResult) -> Outcome {
        Outcome {
            result,
            converted: self.converted,
            steps: self.steps,
            written: self.written,
            release: self.release,
            retries: Vec::new(),
            object: self.object,
            warnings: self.warnings,
        }
    }

    /// BI-322: converts the stub of a target whose image is about to change under its name.
    pub(super) async fn convert_first(&mut self) -> Result<(), ApplyResult> {
        let converted = self.try_convert_first().await;
        converted.map_err(|error| match error {
            AttemptError::Final(result) => result,
            AttemptError::Retry(error) => ApplyResult::Failed(error),
        })
    }

    async fn try_convert_first(&mut self) -> Result<(), AttemptError> {
        let json = self.read_target().await?;
        let object = json.as_deref().and_then(parse);
        let found = standing(self.input, Some(self.edit), object.as_ref());
        let request = object.as_ref().map(|object| self.request(object));
        match found {
            Standing::Moved(movement) => {
                let moved = MovedSince::Target(movement);
                return Err(AttemptError::Final(ApplyResult::Moved(moved)));
            }
            Standing::AsLeft => self.convert(None).await?,
            Standing::AsPlanned => self.convert(request.as_ref()).await?,
        };
        Ok(())
    }

    /// Makes attempts until one ends.
    pub(super) async fn run(mut self) -> Outcome {
        let mut retries = Vec::new();
        let mut attempt = 1;
        let result = loop {
            let error = match Box::pin(self.attempt()).await {
                Ok(result) | Err(AttemptError::Final(result)) => break result,
                Err(AttemptError::Retry(error)) => error,
            };
            if attempt == ATTEMPTS {
                break ApplyResult::Failed(error);
            }
            retries.push(error);
            tokio::time::sleep(doubled(FIRST_WAIT, attempt)).await;
            attempt += 1;
        };
        Outcome {
            result,
            converted: self.converted,
            steps: self.steps,
            written: self.written,
            release: self.release,
            retries,
            object: self.object,
            warnings: self.warnings,
        }
    }

    async fn attempt(&mut self) -> Result<ApplyResult, AttemptError> {
        let json = self.read_target().await?;
        let object = json.as_deref().and_then(parse);
        let found = standing(self.input, Some(self.edit), object.as_ref());
        let object = match (found, object) {
            (Standing::Moved(movement), _) => {
                return Ok(ApplyResult::Moved(MovedSince::Target(movement)));
            }
            (_, None) => return Ok(ApplyResult::Moved(MovedSince::Target(Movement::Gone))),
            (Standing::AsLeft, Some(object)) => return self.complete(&object).await,
            (Standing::AsPlanned, Some(object)) if self.edit.is_empty() => {
                return self.replaced_in_place(&object).await;
            }
            (Standing::AsPlanned, Some(object)) => object,
        };
        let request = self.request(&object);
        let converts = self.convert(Some(&request)).await?;
        let options = self.executor.options;
        if options.always_dry_run && !converts && options.mode == WriteMode::Real {
            self.patch_target(&request, WriteMode::DryRun).await?;
        }
        self.patch_target(&request, self.executor.options.mode)
            .await?;
        self.edit_sent = true;
        self.record(&object, false).await;
        Ok(self.updated())
    }

    /// The object is as the plan leaves it: does what else belongs to the target.
    async fn complete(&mut self, object: &RawObject<'_>) -> Result<ApplyResult, AttemptError> {
        // New boot images do not read an old stub, whoever wrote the image.
        self.convert(None).await?;
        if self.edit_sent {
            self.record(object, false).await;
            return Ok(self.updated());
        }
        if self.was_this_plan(object) {
            self.record(object, true).await;
        }
        Ok(ApplyResult::AlreadyDone)
    }

    /// BI-331: the template was replaced under the name that the object has; nothing in the object
    /// changes.
    async fn replaced_in_place(
        &mut self,
        object: &RawObject<'_>,
    ) -> Result<ApplyResult, AttemptError> {
        self.convert(None).await?;
        if self.steps.is_empty() {
            return Ok(ApplyResult::AlreadyDone);
        }
        self.record(object, false).await;
        Ok(self.updated())
    }

    fn updated(&self) -> ApplyResult {
        ApplyResult::Updated(AppliedChange(self.change.clone()))
    }

    /// The edit of the target as it is.
    fn request(&self, object: &RawObject<'_>) -> PatchRequest {
        let address = Address::of(self.target.kind, self.namespace, &self.target.name);
        let meta = object.meta().unwrap_or_default();
        let manager = self.executor.options.field_manager();
        guarded_edit(address, &meta, self.edit, manager)
    }

    async fn patch_target(
        &mut self,
        request: &PatchRequest,
        mode: WriteMode,
    ) -> Result<(), AttemptError> {
        let error = match self.send(request, mode).await {
            Ok(answer) => {
                if mode == WriteMode::Real {
                    self.object = Some(answer);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        self.edit_sent |= mode == WriteMode::Real && error.may_have_been_carried_out();
        Err(self.refused(request, error).await)
    }

    async fn send(&self, request: &PatchRequest, mode: WriteMode) -> Result<String, ClusterError> {
        let write = Write::Patch(request.clone());
        self.executor.cluster.execute(&write, mode).await
    }

    /// Whether a write was refused for what it is, or because the object was changed in between.
    async fn refused(&self, request: &PatchRequest, error: ClusterError) -> AttemptError {
        if !matches!(error, ClusterError::Invalid { .. }) {
            return AttemptError::of_write(error);
        }
        match self.executor.cluster.was_overtaken(request).await {
            Ok(true) => AttemptError::Retry(error),
            Ok(false) => AttemptError::Final(ApplyResult::Failed(error)),
            Err(unread) => AttemptError::of_read(unread),
        }
    }

    /// BI-243, W-38: converts the user-data Secret; where the target is still to be patched
    /// (`target_request`), once the API server has said that it would take that patch. Whether there
    /// was anything to convert.
    async fn convert(
        &mut self,
        target_request: Option<&PatchRequest>,
    ) -> Result<bool, AttemptError> {
        let Some(planned) = self.target.user_data.as_deref() else {
            return Ok(false);
        };
        let (namespace, name) = (names::MACHINE_API_NAMESPACE, planned.secret.as_str());
        let json = self.read(Kind::Secret, namespace, name).await?;
        let secret = json.as_deref().and_then(parse);
        let inputs = &self.executor.plan.metadata.inputs;
        let mut inputs = inputs.iter();
        let input = inputs.find(|input| input.kind == Kind::Secret && input.name == name);
        if let Some(input) = input
            && let Standing::Moved(movement) = user_data_standing(input, planned, secret.as_ref())
        {
            let name = name.to_owned();
            let moved = MovedSince::Secret { name, movement };
            return Err(AttemptError::Final(ApplyResult::Moved(moved)));
        }
        let now = time::now();
        let Some(edit) = conversion(planned, secret.as_ref(), &now)? else {
            let managers = secret.iter().flat_map(RawObject::field_managers);
            let ours = managers.filter(|found| found.as_str() == USER_DATA_FIELD_MANAGER);
            let was_planned = planned.decision == UserDataDecision::Convert;
            self.written.user_data |= was_planned && ours.count() > 0;
            if self.conversion_unconfirmed {
                self.converted = Some(name.to_owned());
            }
            return Ok(false);
        };
        if let Some(request) = target_request.filter(|_| !self.edit.is_empty()) {
            self.patch_target(request, WriteMode::DryRun).await?;
        }
        let meta = secret.and_then(|secret| secret.meta().ok());
        let meta = meta.unwrap_or_default();
        let address = Address::of(Kind::Secret, namespace, name);
        let request = guarded_edit(address, &meta, &edit, USER_DATA_FIELD_MANAGER);
        let mode = self.executor.options.mode;
        if let Err(error) = self.send(&request, mode).await {
            self.conversion_unconfirmed |=
                mode == WriteMode::Real && error.may_have_been_carried_out();
            return Err(self.refused(&request, error).await);
        }
        self.converted = Some(name.to_owned());
        self.written.user_data = true;
        Ok(true)
    }

    async fn read_target(&mut self) -> Result<Option<String>, AttemptError> {
        let target = self.target;
        let json = self.read(target.kind, self.namespace, &target.name).await?;
        self.object.clone_from(&json);
        Ok(json)
    }

    async fn read(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, AttemptError> {
        let read = self.executor.cluster.object(kind, namespace, name).await;
        read.map_err(AttemptError::of_read)
    }

    /// Whether this very plan was the last to write what it writes: an earlier run was interrupted.
    fn was_this_plan(&self, object: &RawObject<'_>) -> bool {
        let manager = self.executor.options.field_manager();
        object
            .field_managers()
            .iter()
            .any(|found| found.as_str() == manager)
    }
}

fn parse(json: &str) -> Option<RawObject<'_>> {
    RawObject::parse(json).ok().flatten()
}
