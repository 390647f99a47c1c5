//! What the rules come to for one machine resource, and how the plan writes it.

use std::borrow::Cow;

use bootimage_selection::Skip;
use openshift_model::facts::FactRequest;
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Architecture, Edit, Kind, MachineResource, Platform, RawObject};

use crate::reason::skip_code;
use crate::{DecisionKind, Obstacle, ReasonCode, Target, UserData};

/// What becomes of a machine resource, and why.
pub(crate) enum Outcome {
    /// It boots what it should.
    UpToDate,
    /// It is edited.
    Update(Update),
    /// It is left alone.
    Skip(Skip),
    /// Something is wrong.
    Blocked(Obstacle),
    /// It is not enrolled; the sentence says why.
    NotManaged(String),
    /// It waits for facts.
    Undecided(Vec<FactRequest>),
}

/// An edit, and why it is made.
pub(crate) struct Update {
    pub(crate) edit: Edit,
    /// Whether the image changes; under 4.17 the Secret alone may.
    pub(crate) changes_image: bool,
    /// BI-243: what becomes of the stub; `None` under 4.17, which does not look at it.
    pub(crate) user_data: Option<UserData>,
    /// BI-244: the Secret with custom user data that is no longer used.
    pub(crate) unused_secret: Option<String>,
}

/// What was found out on the way to an outcome.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) platform: Option<Platform>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) current: Option<String>,
    pub(crate) target: Option<String>,
    /// BI-096: the CoreOS version of a marketplace image.
    pub(crate) rhcos_version: Option<String>,
    /// What a vCenter has to do first.
    pub(crate) steps: Vec<VcenterStep>,
}

/// A decision as the plan writes it, and what the rest of the plan needs of it.
pub(crate) struct Decided {
    pub(crate) target: Target,
    /// Where it is blocked.
    pub(crate) obstacle: Option<Obstacle>,
    /// BI-096: the CoreOS version of a marketplace image.
    pub(crate) rhcos_version: Option<String>,
    /// What it waits for.
    pub(crate) needs: Vec<FactRequest>,
    /// What an administrator should know before the edit is made.
    pub(crate) warnings: Vec<String>,
}

/// How a decision reads.
struct Wording {
    decision: DecisionKind,
    reason: ReasonCode,
    message: Cow<'static, str>,
}

impl Wording {
    fn new(
        decision: DecisionKind,
        reason: ReasonCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let message = message.into();
        Self {
            decision,
            reason,
            message,
        }
    }
}

/// Writes an outcome as the plan has it.
pub(crate) fn decided(
    object: &RawObject<'_>,
    resource: Option<&MachineResource<'_>>,
    findings: Findings,
    outcome: Outcome,
) -> Decided {
    let mut findings = findings;
    let wording = wording(&outcome, findings.current.is_some());
    let rhcos_version = findings.rhcos_version.take();
    let mut decided = Decided {
        rhcos_version,
        target: target(object, findings, wording),
        obstacle: None,
        needs: Vec::new(),
        warnings: Vec::new(),
    };
    match outcome {
        Outcome::Update(update) => {
            decided.warnings = warnings(object, resource, &update);
            decided.target.patch = Some(update.edit);
            decided.target.user_data = update.user_data.map(Box::new);
        }
        Outcome::Skip(skip) => decided.target.counted = Some(skip.is_counted(object.kind)),
        Outcome::Blocked(obstacle) => decided.obstacle = Some(obstacle),
        Outcome::Undecided(needs) => decided.needs = needs,
        Outcome::UpToDate | Outcome::NotManaged(_) => {}
    }
    decided
}

fn target(object: &RawObject<'_>, findings: Findings, wording: Wording) -> Target {
    Target {
        kind: object.kind,
        api_version: object.api_version().into_string(),
        namespace: object.namespace.as_str().to_owned(),
        name: object.name.as_str().to_owned(),
        platform: findings.platform,
        architecture: findings.architecture,
        decision: wording.decision,
        reason: wording.reason,
        message: wording.message,
        counted: None,
        current: findings.current,
        target: findings.target,
        steps: findings.steps,
        patch: None,
        user_data: None,
    }
}

fn wording(outcome: &Outcome, boots_an_image: bool) -> Wording {
    use DecisionKind as Kind;
    match outcome {
        Outcome::UpToDate => {
            let message = if boots_an_image {
                "it boots the release's image"
            } else {
                "it has no boot disk whose image could be out of date"
            };
            Wording::new(Kind::UpToDate, ReasonCode::Matches, message)
        }
        Outcome::Update(update) if update.changes_image => {
            let message = "new machines boot another build than the release's";
            Wording::new(Kind::Update, ReasonCode::OutdatedImage, message)
        }
        Outcome::Update(_) => {
            let message = "it boots the release's image, but not with the user data that the \
                           operator keeps up to date";
            Wording::new(Kind::Update, ReasonCode::UnmanagedUserData, message)
        }
        Outcome::Skip(skip) => {
            let message = format!("{skip}: {}", skip.advice());
            Wording::new(Kind::Skip, skip_code(skip), message)
        }
        Outcome::Blocked(obstacle) => {
            let message = format!("{obstacle}: {}", obstacle.advice());
            Wording::new(Kind::Blocked, obstacle.code(), message)
        }
        Outcome::NotManaged(why) => {
            Wording::new(Kind::NotManaged, ReasonCode::NotSelected, why.clone())
        }
        Outcome::Undecided(needs) => {
            let message = format!("it is not decided before {} is known", list(needs));
            Wording::new(Kind::Undecided, ReasonCode::NeedsFact, message)
        }
    }
}

fn list(needs: &[FactRequest]) -> String {
    let name = |need: &FactRequest| match need {
        FactRequest::AwsImage { region, id } => format!("what {id} is in {region}"),
        FactRequest::AwsMarketplaceImages { region, product_id } => {
            format!("which images of product {product_id} there are in {region}")
        }
        FactRequest::VsphereTemplate(search) => {
            format!("which template {} has", search.server)
        }
    };
    needs.iter().map(name).collect::<Vec<_>>().join(" and ")
}

fn warnings(
    object: &RawObject<'_>,
    resource: Option<&MachineResource<'_>>,
    update: &Update,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let which = object.reference();
    if let Some(secret) = &update.unused_secret {
        warnings.push(format!(
            "{which}: new machines no longer boot with the user data of Secret {secret}; if it is \
             customised, take the set out of boot image management first"
        ));
    }
    if object.kind == Kind::ControlPlaneMachineSet {
        let rollout = resource
            .and_then(|resource| resource.rollout.clone())
            .unwrap_or_default();
        let active = rollout.state.as_deref() == Some("Active");
        // BI-170: RollingUpdate is the default.
        match rollout.strategy.as_deref().unwrap_or("RollingUpdate") {
            "RollingUpdate" if active => warnings.push(format!(
                "{which}: its strategy is RollingUpdate: the change replaces the control plane's \
                 machines one after the other"
            )),
            strategy => warnings.push(format!(
                "{which}: its strategy is {strategy}{}: only machines that are made later boot the \
                 new image",
                if active { "" } else { " and it is not active" },
            )),
        }
    }
    warnings
}
