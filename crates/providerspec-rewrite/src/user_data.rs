//! `userDataSecret`: which stub new machines boot with (BI-244, BI-245).

use openshift_model::names::MANAGED_WORKER_USER_DATA;
use openshift_model::{Edit, EditError};

use crate::UserDataSecret;

/// The reference to the stub cannot be switched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataSecretError {
    /// BI-245: the provider spec names no Secret. (The reference crashes.)
    #[error("userDataSecret is not set")]
    NotSet,
    /// The edit could not be made: our bug.
    #[error("{0}")]
    Edit(EditError),
}

/// BI-244: under 4.17 every managed set boots with the stub that the operator keeps up to date:
/// adds to `edit` what makes `/userDataSecret/name` name it, nothing where it does already. `at` is
/// the JSON pointer of the provider spec.
pub fn use_managed_user_data(
    secret: Option<&UserDataSecret<'_>>,
    at: &str,
    edit: &mut Edit,
) -> Result<(), UserDataSecretError> {
    let secret = secret.ok_or(UserDataSecretError::NotSet)?;
    let pointer = format!("{at}/userDataSecret/name");
    match secret.name.as_deref() {
        Some(MANAGED_WORKER_USER_DATA) => Ok(()),
        Some(other) => edit.replace(&pointer, other, MANAGED_WORKER_USER_DATA),
        None => edit.add(&pointer, MANAGED_WORKER_USER_DATA),
    }
    .map_err(UserDataSecretError::Edit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawValue;
    use serde_json::{Value, json};

    fn check(spec: &Value, expected: Option<&Value>) {
        let text = spec.to_string();
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let secret = crate::gcp::read(Some(raw)).unwrap().user_data_secret;
        let mut edit = Edit::default();
        let found = use_managed_user_data(secret.as_ref(), "", &mut edit).map(|()| {
            let mut after = spec.clone();
            edit.apply(&mut after).unwrap();
            after
        });
        assert_eq!(found.as_ref().ok(), expected, "{spec}");
        if found.is_err() {
            assert_eq!(found, Err(UserDataSecretError::NotSet));
            assert!(edit.is_empty());
        }
    }

    #[test]
    fn bi_244_the_name_alone_is_switched() {
        let managed = json!({"userDataSecret": {"name": "worker-user-data-managed", "x": 1}});
        check(
            &json!({"userDataSecret": {"name": "worker-user-data", "x": 1}}),
            Some(&managed),
        );
        check(
            &json!({"userDataSecret": {"name": "", "x": 1}}),
            Some(&managed),
        );
        check(&json!({"userDataSecret": {"x": 1}}), Some(&managed));
        check(
            &json!({"userDataSecret": {"name": null, "x": 1}}),
            Some(&managed),
        );
        check(&managed, Some(&managed));
    }

    #[test]
    fn bi_245_no_secret_is_an_error() {
        check(&json!({}), None);
        check(&json!({"userDataSecret": null}), None);
    }
}
