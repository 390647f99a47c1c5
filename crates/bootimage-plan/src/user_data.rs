//! What becomes of the user-data Secrets of sets that are updated (BI-243, BI-350 … BI-356).

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ignition_stub_convert::{SecretUpgrade, TargetVersion, UpgradeError, upgrade};
use openshift_model::{Edit, Kind, Members, RawObject, RawValue, Secret, names};
use serde_json::{Map, Value};

use crate::context::Objects;
use crate::{Digest, UserData, UserDataDecision};

/// Key of a Secret that holds the stub (BI-009).
const USER_DATA: &str = "userData";

/// Why a set whose image is out of date cannot be updated all the same. The texts are the
/// reference's (BI-352).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    /// BI-352: there is no such Secret.
    #[error(
        "error grabbing user data secret referenced in machineset: secrets {secret:?} not found"
    )]
    NotFound {
        /// The Secret that the set names.
        secret: String,
    },
    /// The Secret is no Secret, or its user data is not base64.
    #[error("failed to unmarshal decoded user-data to json (secret {secret}): {problem}")]
    Unreadable {
        /// Name of the Secret.
        secret: String,
        /// What is wrong with it; never what it holds.
        problem: String,
    },
    /// BI-352: the stub is not converted.
    #[error("{0}")]
    Upgrade(UpgradeError),
}

/// Why the user data of a set is not converted as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The Secret is none that can be converted.
    #[error("{0}")]
    UserData(#[from] UserDataError),
    /// Its stub is neither what the plan was made of nor what it makes of it.
    #[error("Secret {secret} was changed since the plan was made; plan again")]
    Changed {
        /// Name of the Secret.
        secret: String,
    },
    /// The plan was made without the Secret, so nobody has seen the conversion.
    #[error(
        "Secret {secret} was not in the input of the plan, and its stub of Ignition {from} has to \
         be converted first; plan again with the Secret, or against the cluster"
    )]
    NotPlanned {
        /// Name of the Secret.
        secret: String,
        /// The version of its stub.
        from: String,
    },
    /// Another version of osimage made the plan, and converts otherwise.
    #[error(
        "Secret {secret} would be converted into something else than the plan says; plan again"
    )]
    OtherResult {
        /// Name of the Secret.
        secret: String,
    },
}

/// BI-352: the edit that converts a user-data Secret as a plan says, or `None` where there is
/// nothing to convert any more. `secret` is the Secret as it is now, `now` the time in RFC 3339.
///
/// The edit holds the contents of the Secret: it is for the API server's eyes only.
pub fn conversion(
    planned: &UserData,
    secret: Option<&RawObject<'_>>,
    now: &str,
) -> Result<Option<Edit>, ConversionError> {
    let name = || planned.secret.clone();
    let object = secret.ok_or_else(|| UserDataError::NotFound { secret: name() })?;
    let unreadable = |problem| UserDataError::Unreadable {
        secret: name(),
        problem,
    };
    let stub = stub_of(object).map_err(unreadable)?;
    let digest = Digest::of(&stub);
    let is = |wanted: &Option<Box<Digest>>| wanted.as_deref() == Some(&digest);
    match planned.decision {
        UserDataDecision::Current if is(&planned.digest_before) => return Ok(None),
        UserDataDecision::Convert if is(&planned.digest_after) => return Ok(None),
        UserDataDecision::Convert if is(&planned.digest_before) => {}
        UserDataDecision::Current | UserDataDecision::Convert => {
            return Err(ConversionError::Changed { secret: name() });
        }
        UserDataDecision::Unknown => {}
    }
    let target = [TargetVersion::V3_4, TargetVersion::V3_5]
        .into_iter()
        .find(|version| Some(version.as_str()) == planned.to.as_deref())
        .unwrap_or_default();
    let upgraded = upgrade(&planned.secret, &stub, target, now).map_err(UserDataError::Upgrade)?;
    let (user_data, annotations) = match upgraded {
        SecretUpgrade::Current { .. } => return Ok(None),
        SecretUpgrade::Upgraded { from, .. } if planned.decision == UserDataDecision::Unknown => {
            return Err(ConversionError::NotPlanned {
                secret: name(),
                from: from.to_owned(),
            });
        }
        SecretUpgrade::Upgraded {
            user_data,
            annotations,
            ..
        } => (user_data, annotations),
    };
    if planned.digest_after.as_deref() != Some(&Digest::of(user_data.as_bytes())) {
        return Err(ConversionError::OtherResult { secret: name() });
    }
    user_data_edit(object, &user_data, &annotations)
        .map(Some)
        .map_err(|problem| unreadable(problem).into())
}

/// BI-353: the edit of a Secret that gives it another stub and sets these annotations; all else
/// stays. A manifest may hold the stub in `stringData`, which an API server prefers to `data`.
///
/// Errors: what of the Secret is not as it has to be; never what it holds.
pub fn user_data_edit(
    object: &RawObject<'_>,
    user_data: &str,
    annotations: &[(&str, String)],
) -> Result<Edit, String> {
    let mut edit = Edit::default();
    let members = |field: &str| -> Result<Members<'_>, String> {
        object.view(field).map_err(|error| error.to_string())
    };
    if let Some(old) = members("stringData")?.get(USER_DATA) {
        set(
            &mut edit,
            "/stringData/userData",
            Some(old),
            &user_data.into(),
        )?;
    } else {
        let data = members("data")?;
        let old = data.get(USER_DATA).ok_or("it has no data.userData")?;
        let new = BASE64.encode(user_data).into();
        set(&mut edit, "/data/userData", Some(old), &new)?;
    }
    let all: Map<String, Value> = annotations
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    let Some(metadata) = object.member("metadata").filter(is_set) else {
        let metadata = serde_json::json!({ "annotations": all });
        set(&mut edit, "/metadata", object.member("metadata"), &metadata)?;
        return Ok(edit);
    };
    let no_object = |_| "metadata is no object";
    let metadata: Members<'_> = serde_json::from_str(metadata.get()).map_err(no_object)?;
    let old = metadata.get("annotations");
    let Some(present) = old.filter(is_set) else {
        set(&mut edit, "/metadata/annotations", old, &Value::Object(all))?;
        return Ok(edit);
    };
    let no_object = |_| "metadata.annotations is no object";
    let present: Members<'_> = serde_json::from_str(present.get()).map_err(no_object)?;
    for (name, value) in &all {
        let pointer = format!("/metadata/annotations/{}", escaped(name));
        set(&mut edit, &pointer, present.get(name), value)?;
    }
    Ok(edit)
}

/// Whether a member says anything: null is the same as no member.
fn is_set(raw: &&RawValue) -> bool {
    raw.get() != "null"
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Sets a member to a value, whether it is there or not.
fn set(edit: &mut Edit, pointer: &str, old: Option<&RawValue>, new: &Value) -> Result<(), String> {
    match old {
        Some(old) => edit.replace_raw(pointer, old, new),
        None => edit.add(pointer, new),
    }
    .map_err(|error| error.to_string())
}

/// The Secrets of the Machine API's namespace, and what becomes of each, found out once.
pub(crate) struct UserDataSecrets<'s, 'a> {
    by_name: BTreeMap<&'s str, (&'s RawObject<'a>, Result<UserData, UserDataError>)>,
}

impl<'s, 'a> UserDataSecrets<'s, 'a> {
    /// Looks at every Secret of the snapshot that a set could name (BI-350).
    pub(crate) fn of(objects: &Objects<'s, 'a>, target: TargetVersion) -> Self {
        let here = |object: &&RawObject<'_>| {
            let namespace = object.namespace.as_str();
            // A manifest may leave the namespace to whoever applies it.
            namespace == names::MACHINE_API_NAMESPACE || namespace.is_empty()
        };
        let secrets = objects.of_kind(Kind::Secret).filter(here);
        let by_name = secrets
            .map(|object| (object.name.as_str(), (object, outcome(object, target))))
            .collect();
        Self { by_name }
    }

    /// What becomes of a Secret; `None` where the snapshot has none of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Result<UserData, UserDataError>> {
        self.by_name.get(name).map(|(_, outcome)| outcome)
    }

    /// The Secret itself.
    pub(crate) fn object(&self, name: &str) -> Option<&'s RawObject<'a>> {
        self.by_name.get(name).map(|(object, _)| *object)
    }
}

fn outcome(object: &RawObject<'_>, target: TargetVersion) -> Result<UserData, UserDataError> {
    let name = object.name.as_str();
    let unreadable = |problem: String| UserDataError::Unreadable {
        secret: name.to_owned(),
        problem,
    };
    let stub = stub_of(object).map_err(unreadable)?;
    // The time of the conversion is that of whoever carries out the plan.
    let upgraded = upgrade(name, &stub, target, "").map_err(UserDataError::Upgrade)?;
    let data = UserData {
        secret: name.to_owned(),
        decision: UserDataDecision::Current,
        from: None,
        to: None,
        digest_before: Some(Box::new(Digest::of(&stub))),
        digest_after: None,
    };
    Ok(match upgraded {
        SecretUpgrade::Current { version } => UserData {
            from: Some(version.clone()),
            to: Some(version),
            ..data
        },
        SecretUpgrade::Upgraded {
            user_data,
            from,
            to,
            ..
        } => UserData {
            decision: UserDataDecision::Convert,
            from: Some(from.to_owned()),
            to: Some(to.as_str().to_owned()),
            digest_after: Some(Box::new(Digest::of(user_data.as_bytes()))),
            ..data
        },
    })
}

/// BI-351: the stub of a Secret as bytes, or what is wrong with it.
pub(crate) fn stub_of(object: &RawObject<'_>) -> Result<Vec<u8>, String> {
    let secret = Secret::read(object).map_err(|error| error.to_string())?;
    // BI-352: a Secret without a stub has an empty one.
    let stub = secret.value(USER_DATA).unwrap_or(Ok(Cow::Borrowed(&[])));
    stub.map(Cow::into_owned).map_err(|error| error.to_string())
}
