//! What the edit of a target changes, and whether that is what the plan says of it.

use openshift_model::names::MANAGED_WORKER_USER_DATA;
use openshift_model::{
    CPMS_PROVIDER_SPEC, EditedValue, Kind, MACHINE_SET_PROVIDER_SPEC, Platform, Profile,
};
use providerspec_rewrite::{EditedMember, edited_member, image_text, written_image_text};

use crate::{ReasonCode, Target};

/// What an edit changes, read from the edit itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChange {
    /// The images that are replaced; `None` where there was none.
    pub from: Option<String>,
    /// The image that is written; `None` where only the user data is another.
    pub to: Option<String>,
    /// BI-244: the user-data Secret that is written.
    pub user_data_secret: Option<String>,
}

/// Why an edit is not what its target says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditProblem {
    /// Only these two kinds have a boot image.
    #[error("is of a kind that has no boot image")]
    Kind,
    /// There is no edit.
    #[error("has no patch")]
    NoPatch,
    /// Without a platform nobody knows where the image stands.
    #[error("names no platform")]
    NoPlatform,
    /// BI-346: the edit touches something else than the boot image.
    #[error("edits {pointer}, which is not where the boot image stands on {platform}")]
    Pointer {
        /// JSON pointer from the object.
        pointer: String,
        /// The platform of the target.
        platform: String,
    },
    /// The value is no image of this platform, or the member is removed.
    #[error("writes at {pointer} what is no boot image of {platform}")]
    NoImage {
        /// JSON pointer from the object.
        pointer: String,
        /// The platform of the target.
        platform: String,
    },
    /// The image that the edit tests for is not the target's `current`.
    #[error("tests at {pointer} for {found}, but its current image is {current}")]
    OtherCurrent {
        /// JSON pointer from the object.
        pointer: String,
        /// The image in the edit.
        found: String,
        /// The image in the target.
        current: String,
    },
    /// The image that the edit writes is not the target's `target`.
    #[error("writes {found} at {pointer}, but its target image is {target}")]
    OtherTarget {
        /// JSON pointer from the object.
        pointer: String,
        /// The image in the edit.
        found: String,
        /// The image in the target.
        target: String,
    },
    /// BI-244: another Secret than the managed one, or another profile than 4.17.
    #[error("makes machines boot with the user data of Secret {name}, which no rule asks for")]
    UserDataSecret {
        /// The Secret in the edit.
        name: String,
    },
    /// The target says that its image is out of date, and the edit leaves it.
    #[error("is of an image that is out of date, but its patch changes no image")]
    ImageStays,
}

/// BI-346: what the edit of an `Update` changes, or why it is not what the target says: it touches
/// the boot image only, tests for `current`, and writes `target`. `profile` is that of the plan.
pub fn image_change(profile: &str, target: &Target) -> Result<ImageChange, EditProblem> {
    let at = match target.kind {
        Kind::MachineSet => MACHINE_SET_PROVIDER_SPEC,
        Kind::ControlPlaneMachineSet => CPMS_PROVIDER_SPEC,
        _ => return Err(EditProblem::Kind),
    };
    let platform = target.platform.as_ref().ok_or(EditProblem::NoPlatform)?;
    let edit = target.patch.as_ref().ok_or(EditProblem::NoPatch)?;
    // On vSphere a template can be replaced under the name that it has.
    let has_steps = !target.steps.is_empty();
    if edit.is_empty() && !has_steps {
        return Err(EditProblem::NoPatch);
    }
    let mut change = ImageChange::default();
    let mut replaced: Vec<String> = Vec::new();
    for edited in edit.changes() {
        let member = edited
            .pointer
            .strip_prefix(at)
            .and_then(|pointer| edited_member(platform, pointer));
        match member {
            Some(EditedMember::Image) => {
                replaced.extend(old_image(platform, &edited, target)?);
                change.to = Some(new_image(platform, &edited, target)?);
            }
            Some(EditedMember::UserDataSecretName) => {
                change.user_data_secret = Some(secret_name(profile, &edited)?);
            }
            None => {
                return Err(EditProblem::Pointer {
                    pointer: edited.pointer.to_owned(),
                    platform: platform.name().to_owned(),
                });
            }
        }
    }
    if change.to.is_none() && target.reason == ReasonCode::OutdatedImage && !has_steps {
        return Err(EditProblem::ImageStays);
    }
    replaced.dedup();
    change.from = (!replaced.is_empty()).then(|| replaced.join(", "));
    Ok(change)
}

/// The image that is replaced; it has to be (one of) the target's.
fn old_image(
    platform: &Platform,
    edited: &EditedValue<'_>,
    target: &Target,
) -> Result<Option<String>, EditProblem> {
    let old = edited.old.as_ref();
    let found = old.and_then(|value| image_text(platform, value));
    let current = target.current.as_deref();
    let is_current = match (&found, current) {
        (None, _) => true,
        // Disks of a set can boot several images.
        (Some(found), Some(current)) => current.split(", ").any(|image| image == found),
        (Some(_), None) => false,
    };
    if is_current {
        return Ok(found);
    }
    Err(EditProblem::OtherCurrent {
        pointer: edited.pointer.to_owned(),
        found: found.unwrap_or_default(),
        current: current.unwrap_or("none").to_owned(),
    })
}

fn new_image(
    platform: &Platform,
    edited: &EditedValue<'_>,
    target: &Target,
) -> Result<String, EditProblem> {
    let pointer = || edited.pointer.to_owned();
    let written = edited.new.as_ref();
    let found = written.and_then(|value| written_image_text(platform, value));
    let found = found.ok_or_else(|| EditProblem::NoImage {
        pointer: pointer(),
        platform: platform.name().to_owned(),
    })?;
    let wanted = target.target.as_deref().unwrap_or("none");
    // On vSphere a plan says the release of a template behind its name.
    let is_template = || {
        *platform == Platform::VSphere
            && wanted
                .strip_prefix(found.as_str())
                .is_some_and(|rest| rest.starts_with(" ("))
    };
    if wanted == found || is_template() {
        return Ok(found);
    }
    Err(EditProblem::OtherTarget {
        pointer: pointer(),
        found,
        target: wanted.to_owned(),
    })
}

/// BI-244: under 4.17 the managed Secret, and no other.
fn secret_name(profile: &str, edited: &EditedValue<'_>) -> Result<String, EditProblem> {
    let name = edited.new.as_ref().and_then(|value| value.as_str());
    match name {
        Some(MANAGED_WORKER_USER_DATA) if profile == Profile::P417.name() => {
            Ok(MANAGED_WORKER_USER_DATA.to_owned())
        }
        _ => Err(EditProblem::UserDataSecret {
            name: name.unwrap_or("none").to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecisionKind;
    use serde_json::{Value, json};

    const SPEC: &str = MACHINE_SET_PROVIDER_SPEC;

    /// A target as an attacker could write it.
    fn target(platform: Platform, current: &str, wanted: &str, patch: &Value) -> Target {
        Target {
            kind: Kind::MachineSet,
            api_version: "machine.openshift.io/v1beta1".into(),
            namespace: "openshift-machine-api".into(),
            name: "worker-a".to_owned(),
            platform: Some(platform),
            architecture: None,
            decision: DecisionKind::Update,
            reason: ReasonCode::OutdatedImage,
            message: "".into(),
            counted: None,
            current: Some(current.to_owned()),
            target: Some(wanted.to_owned()),
            steps: Vec::new(),
            patch: Some(serde_json::from_value(patch.clone()).unwrap()),
            user_data: None,
        }
    }

    fn replace(member: &str, old: &Value, new: &Value) -> Vec<Value> {
        let path = format!("{SPEC}{member}");
        vec![
            json!({"op": "test", "path": path, "value": old}),
            json!({"op": "replace", "path": path, "value": new}),
        ]
    }

    fn check(target: &Target, profile: &str, expected: Result<(&str, &str), &str>) {
        let found = image_change(profile, target);
        let found = found.as_ref().map_or_else(
            |problem| Err(problem.to_string()),
            |change| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                Ok((text(&change.from), text(&change.to)))
            },
        );
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        match (&found, &expected) {
            (Err(found), Err(part)) => assert!(found.contains(part), "{found} has no {part:?}"),
            _ => assert_eq!(found, expected.map_err(str::to_owned)),
        }
    }

    #[test]
    fn bi_346_an_edit_is_what_its_target_says() {
        let (old, new, evil) = (json!("old"), json!("new"), json!("evil"));
        let gcp = |member: &str, old: &Value, new: &Value| {
            let patch = Value::Array(replace(member, old, new));
            target(Platform::Gcp, "old", "new", &patch)
        };
        let image = "/disks/0/image";
        check(&gcp(image, &old, &new), "4.22", Ok(("old", "new")));
        check(
            &gcp(image, &old, &evil),
            "4.22",
            Err(
                "writes evil at /spec/template/spec/providerSpec/value/disks/0/image, but its \
                 target image is new",
            ),
        );
        check(
            &gcp(image, &evil, &new),
            "4.22",
            Err("for evil, but its current image is old"),
        );
        for member in ["/userDataSecret", "/serviceAccounts", "/ami", "", "/disks"] {
            check(
                &gcp(member, &old, &new),
                "4.22",
                Err("which is not where the boot image stands on GCP"),
            );
        }
        let secret = json!(MANAGED_WORKER_USER_DATA);
        let mut switched = gcp("/userDataSecret/name", &json!("x"), &secret);
        check(&switched, "4.17", Err("changes no image"));
        switched.reason = ReasonCode::UnmanagedUserData;
        check(&switched, "4.17", Ok(("", "")));
        check(&switched, "4.22", Err("which no rule asks for"));
        let mut stolen = gcp("/userDataSecret/name", &json!("x"), &json!("mine"));
        stolen.reason = ReasonCode::UnmanagedUserData;
        check(&stolen, "4.17", Err("of Secret mine"));
    }

    #[test]
    fn bi_346_each_platform_has_its_own_form() {
        let aws = |new: Value| {
            let patch = replace("/ami", &json!({"id": "ami-1", "arn": null}), &new);
            target(Platform::Aws, "ami-1", "ami-2", &Value::Array(patch))
        };
        check(&aws(json!({"id": "ami-2"})), "4.22", Ok(("ami-1", "ami-2")));
        for (wrong, says) in [
            (json!({"id": "ami-3"}), "writes ami-3"),
            (json!({"id": "ami-2", "arn": "x"}), "no boot image of AWS"),
            (json!("ami-2"), "no boot image of AWS"),
        ] {
            check(&aws(wrong), "4.22", Err(says));
        }
        let template = |new: &str| {
            let patch = replace("/template", &json!("a"), &json!(new));
            target(Platform::VSphere, "a", "b (9.6.1)", &Value::Array(patch))
        };
        check(&template("b"), "4.22", Ok(("a", "b")));
        check(&template("b2"), "4.22", Err("writes b2"));
        let mut two = replace("/disks/0/image", &json!("a"), &json!("n"));
        two.extend(replace("/disks/2/image", &json!("b"), &json!("n")));
        let two = target(Platform::Gcp, "a, b", "n", &Value::Array(two));
        check(&two, "4.22", Ok(("a, b", "n")));
        let mut nothing = target(Platform::Gcp, "a", "n", &json!([]));
        check(&nothing, "4.22", Err("has no patch"));
        nothing.kind = Kind::Secret;
        check(&nothing, "4.22", Err("has no boot image"));
    }
}
