//! Who asks a registry: credentials out of a Secret.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use osbuild_check::{RegistrySecret, SecretError, normalise_secret};
use serde::Deserialize;

/// Credentials of a Secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The Secret has another form.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Its contents have another form; what they are is not said.
    #[error("the credentials of Secret {0} cannot be read")]
    Contents(String),
}

/// User and password by registry.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Login>);

/// A user and a password.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

impl Credentials {
    /// IL-472: those of a Secret, whatever its form.
    pub fn of_secret(secret: &RegistrySecret) -> Result<Self, CredentialsError> {
        let normalised = normalise_secret(Some(secret))?;
        let unreadable = || CredentialsError::Contents(secret.name.clone());
        let document: Document =
            serde_json::from_slice(normalised.json.as_ref()).map_err(|_| unreadable())?;
        let entries = document.auths.into_iter();
        let logins = entries.map(|(host, entry)| Some((host, entry.login()?)));
        let logins: Option<BTreeMap<_, _>> = logins.collect();
        logins.map(Self).ok_or_else(unreadable)
    }

    /// Those of a repository: the longest entry that it begins with counts.
    pub(super) fn of(&self, host: &str, path: &str) -> Option<&Login> {
        let repository = format!("{host}/{path}");
        let plain = |entry: &str| {
            let entry = entry.trim_start_matches("https://").trim_end_matches('/');
            entry
                .trim_end_matches("/v1")
                .trim_end_matches("/v2")
                .to_owned()
        };
        let fits = |entry: &str| {
            let rest = repository.strip_prefix(entry);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let entries = self.0.iter().map(|(entry, login)| (plain(entry), login));
        let fitting = entries.filter(|(entry, _)| fits(entry));
        let longest = fitting.max_by_key(|(entry, _)| entry.len());
        longest.map(|(_, login)| login)
    }
}

impl Entry {
    fn login(self) -> Option<Login> {
        if self.auth.is_empty() {
            return Some(Login {
                user: self.username,
                password: self.password,
            });
        }
        let text = String::from_utf8(STANDARD.decode(self.auth).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl Login {
    /// The value of the header `Authorization`.
    pub(super) fn basic(&self) -> String {
        let Self { user, password } = self;
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(entries: &[(&str, &str)]) -> Credentials {
        let auths: serde_json::Map<String, serde_json::Value> = entries
            .iter()
            .map(|(host, login)| {
                let auth = STANDARD.encode(login);
                ((*host).to_owned(), serde_json::json!({"auth": auth}))
            })
            .collect();
        let json = serde_json::json!({"auths": auths}).to_string();
        let secret = RegistrySecret {
            name: "push".to_owned(),
            namespace: "n".to_owned(),
            kind: "kubernetes.io/dockerconfigjson".to_owned(),
            data: [(".dockerconfigjson".to_owned(), json.into_bytes())].into(),
        };
        Credentials::of_secret(&secret).unwrap()
    }

    #[test]
    fn il_472_the_longest_entry_counts_and_nothing_is_shown() {
        let found = credentials(&[
            ("quay.io", "a:1"),
            ("quay.io/org", "b:2:3"),
            ("https://index.docker.io/v1/", "c:4"),
        ]);
        let user = |host: &str, path: &str| {
            let login = found.of(host, path)?;
            Some((login.user.as_str(), login.password.as_str()))
        };
        assert_eq!(user("quay.io", "other/image"), Some(("a", "1")));
        assert_eq!(user("quay.io", "org/image"), Some(("b", "2:3")));
        assert_eq!(user("quay.io", "organisation/image"), Some(("a", "1")));
        assert_eq!(user("index.docker.io", "library/image"), Some(("c", "4")));
        assert_eq!(user("quay.io.evil.org", "image"), None);
        let shown = format!("{found:?}");
        assert!(
            shown.contains("quay.io/org") && !shown.contains('2'),
            "{shown}"
        );
    }
}
