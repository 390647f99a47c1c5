//! What the rules come to for one machine resource, and how the plan writes it.

use std::borrow::Cow;

use bootimage_selection::Skip;
use openshift_model::facts::FactRequest;
use openshift_model::vcenter::VcenterStep;
use openshift_model::{Architecture, Edit, Kind, MachineResource, Platform, Profile, RawObject};

use crate::context::Context;
use crate::document::well_known;
use crate::gates::{GateSource, ShutGate};
use crate::reason::skip_code;
use crate::warnings::UnusedSecret;
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
    /// It is not enrolled.
    NotManaged(NotManaged),
    /// It waits for facts.
    Undecided(Vec<FactRequest>),
}

/// Why nothing is done about a machine resource that the configuration does not enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotManaged {
    /// The configuration does not select it; the sentence says what it selects.
    NotSelected(String),
    /// BI-060, BI-075: a feature gate is shut, or nothing says that it is open.
    Gate(ShutGate),
    /// BI-063: boot images are not managed on the platform in this release.
    Platform { platform: String, release: Profile },
    /// BI-062, BI-168: boot images of control planes are not managed on the platform in this
    /// release.
    ControlPlane { platform: String, release: Profile },
}

impl NotManaged {
    fn code(&self) -> ReasonCode {
        match self {
            Self::NotSelected(_) => ReasonCode::NotSelected,
            Self::Gate(gate) if gate.source == GateSource::Stated => ReasonCode::FeatureGateShut,
            Self::Gate(_) => ReasonCode::FeatureGateUnknown,
            Self::Platform { .. } => ReasonCode::UnsupportedPlatform,
            Self::ControlPlane { .. } => ReasonCode::UnsupportedControlPlane,
        }
    }

    /// What is so, and what to do next.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::NotSelected(says) => says.clone(),
            Self::Gate(gate) => gate.sentence(),
            Self::Platform { platform, release } => {
                let skip = Skip::UnsupportedPlatform {
                    platform: platform.clone(),
                };
                let what = format!("{skip} under the rules of {release}");
                sentence(&what, skip.advice())
            }
            Self::ControlPlane { platform, release } => format!(
                "boot images of control planes are not managed on {platform} under the rules of \
                 {release}; keep the image in the ControlPlaneMachineSet up to date by hand"
            ),
        }
    }
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
    /// The user-data Secret that was looked at.
    pub(crate) secret: Option<String>,
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
    /// The user-data Secret that was looked at.
    pub(crate) secret: Option<String>,
    /// BI-244: the Secret that it moves away from.
    pub(crate) unused_secret: Option<UnusedSecret>,
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
    context: &Context<'_, '_>,
    object: &RawObject<'_>,
    resource: Option<&MachineResource<'_>>,
    findings: Findings,
    outcome: Outcome,
) -> Decided {
    let mut findings = findings;
    let wording = wording(&outcome, &findings, context.aws_region.as_deref());
    let mut decided = Decided {
        rhcos_version: findings.rhcos_version.take(),
        secret: findings.secret.take(),
        unused_secret: None,
        target: target(object, findings, wording),
        obstacle: None,
        needs: Vec::new(),
        warnings: Vec::new(),
    };
    match outcome {
        Outcome::Update(update) => {
            decided.warnings = roll_out(object, resource).into_iter().collect();
            decided.unused_secret = update.unused_secret.map(|secret| UnusedSecret {
                set: object.reference(),
                secret,
            });
            decided.target.patch = Some(update.edit);
            decided.target.user_data = update.user_data.map(Box::new);
        }
        Outcome::Skip(skip) => {
            decided.target.counted = Some(skip.is_counted(object.kind, context.profile));
        }
        Outcome::Blocked(obstacle) => decided.obstacle = Some(obstacle),
        Outcome::Undecided(needs) => decided.needs = needs,
        Outcome::UpToDate | Outcome::NotManaged(_) => {}
    }
    decided
}

fn target(object: &RawObject<'_>, findings: Findings, wording: Wording) -> Target {
    Target {
        kind: object.kind,
        api_version: well_known(&object.api_version()),
        namespace: well_known(&object.namespace),
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

fn wording(outcome: &Outcome, findings: &Findings, cluster_region: Option<&str>) -> Wording {
    use DecisionKind as Kind;
    match outcome {
        Outcome::UpToDate => {
            let message = if findings.rhcos_version.is_some() {
                "it boots the newest image of its marketplace product that the facts list"
            } else if findings.current.is_some() {
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
            let message = sentence(&skip.to_string(), skip.advice());
            Wording::new(Kind::Skip, skip_code(skip), message)
        }
        Outcome::Blocked(obstacle) => {
            let message = sentence(&obstacle.to_string(), obstacle.advice());
            Wording::new(Kind::Blocked, obstacle.code(), message)
        }
        Outcome::NotManaged(why) => Wording::new(Kind::NotManaged, why.code(), why.sentence()),
        Outcome::Undecided(needs) => {
            let what = format!("it is not decided before {} is known", list(needs));
            let message = sentence(&what, &how_to_answer(needs, cluster_region));
            Wording::new(Kind::Undecided, ReasonCode::NeedsFact, message)
        }
    }
}

/// What is, and what to do about it, as one sentence.
fn sentence(what: &str, advice: &str) -> String {
    format!("{}; {advice}", what.trim_end().trim_end_matches('.'))
}

/// How a person answers: what govc prints is taken as it is, and what EC2 prints for the cluster's
/// own region; every other answer is an item of a document.
fn how_to_answer(needs: &[FactRequest], cluster_region: Option<&str>) -> String {
    let commands: Vec<_> = needs
        .iter()
        .map(|need| format!("`{}`", need.command()))
        .collect();
    let commands = commands.join(" and ");
    let as_printed = needs.iter().all(|need| match need {
        FactRequest::AwsImage { region, .. } | FactRequest::AwsMarketplaceImages { region, .. } => {
            cluster_region == Some(region)
        }
        FactRequest::VsphereTemplate(_) => true,
    });
    if as_printed {
        return format!("save what {commands} prints, and give it with --facts FILE");
    }
    format!(
        "find it out with {commands}, and give the answer with --facts FILE, as an item of a \
         document of kind Facts (osimage explain shows one)"
    )
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

/// BI-170: what the edit of a ControlPlaneMachineSet leads to.
pub(crate) fn roll_out(
    object: &RawObject<'_>,
    resource: Option<&MachineResource<'_>>,
) -> Option<String> {
    if object.kind != Kind::ControlPlaneMachineSet {
        return None;
    }
    let which = object.reference();
    let rollout = resource
        .and_then(|resource| resource.rollout.clone())
        .unwrap_or_default();
    let active = rollout.state.as_deref() == Some("Active");
    // RollingUpdate is the default.
    Some(
        match rollout.strategy.as_deref().unwrap_or("RollingUpdate") {
            "RollingUpdate" if active => format!(
                "{which}: its strategy is RollingUpdate: the change replaces the control plane's \
             machines one after the other"
            ),
            strategy => format!(
                "{which}: its strategy is {strategy}{}: only machines that are made later boot the \
             new image",
                if active { "" } else { " and it is not active" },
            ),
        },
    )
}
