//! What becomes of the user-data Secrets of sets that are updated (BI-243, BI-350 … BI-356).

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ignition_stub_convert::{SecretUpgrade, TargetVersion, UpgradeError, upgrade};
use openshift_model::{Kind, RawObject, Secret, names};

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
    let secret = Secret::read(object).map_err(|error| unreadable(error.to_string()))?;
    let stub = stub(&secret).map_err(unreadable)?;
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

/// BI-351: the stub as bytes; empty where the Secret has none.
fn stub<'s>(secret: &'s Secret<'_>) -> Result<Cow<'s, [u8]>, String> {
    if let Some(text) = secret.string_data(USER_DATA) {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let encoded = secret.data(USER_DATA).unwrap_or_default();
    let decoded = BASE64.decode(encoded.trim());
    decoded
        .map(Cow::Owned)
        .map_err(|_| "data.userData is not base64".to_owned())
}
