//! Who asks a registry: which of the credentials in a Secret or file are those of a repository (IL-472).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openshift_model::{DOCKER_HUB, DOCKER_HUB_API, DOCKER_HUB_LEGACY};
use serde::Deserialize;
use serde_json::Value;

use crate::registry::RegistryFailure;
use crate::secret::{RegistrySecret, SecretError, normalise_secret};

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

/// User and password by registry; `None` where the entry cannot be read.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Option<Login>>);

/// A user and a password.
#[derive(Clone, Default)]
pub struct Login {
    user: String,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

impl Credentials {
    /// IL-472: those of a Secret, whatever its form. An entry that cannot be read fails where it is
    /// needed, and not before.
    pub fn of_secret(secret: &RegistrySecret) -> Result<Self, CredentialsError> {
        let normalised = normalise_secret(Some(secret))?;
        let document: Document = serde_json::from_slice(normalised.json.as_ref())
            .map_err(|_| CredentialsError::Contents(secret.name.clone()))?;
        let mut logins = BTreeMap::new();
        for (registry, entry) in document.auths {
            let login = Login::read(entry);
            // Without a user and a password it is no login.
            if login.as_ref().is_none_or(|login| !login.is_empty()) {
                logins.insert(registry, login);
            }
        }
        Ok(Self(logins))
    }

    /// Those of a repository: the longest entry that it begins with counts.
    pub fn of(&self, host: &str, path: &str) -> Result<Option<&Login>, RegistryFailure> {
        let repository = format!("{host}/{path}");
        let fits = |entry: &str| {
            let rest = repository.strip_prefix(entry);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let entries = self.0.iter();
        let plain = entries.map(|(entry, login)| (plain(entry), entry, login));
        let fitting = plain.filter(|(plain, ..)| fits(plain));
        match fitting.max_by_key(|(plain, ..)| plain.len()) {
            None => Ok(None),
            Some((_, _, Some(login))) => Ok(Some(login)),
            Some((_, entry, None)) => Err(RegistryFailure::Credentials(format!(
                "the entry {entry} of the credentials cannot be read: its auth has to be user:password \
                 in base64"
            ))),
        }
    }
}

/// What an entry is for, as images name it.
fn plain(entry: &str) -> String {
    let entry = entry.trim_start_matches("https://").trim_end_matches('/');
    let entry = entry.trim_end_matches("/v1").trim_end_matches("/v2");
    let (host, path) = entry.split_at(entry.find('/').unwrap_or(entry.len()));
    let host = match host {
        DOCKER_HUB_LEGACY | DOCKER_HUB_API => DOCKER_HUB,
        host => host,
    };
    format!("{host}{path}")
}

impl Login {
    /// That of an entry; `None` where it has another form.
    fn read(entry: Value) -> Option<Self> {
        let entry: Option<Entry> = serde_json::from_value(entry).ok()?;
        let entry = entry.unwrap_or_default();
        if entry.auth.is_empty() {
            return Some(Self {
                user: entry.username,
                password: entry.password,
            });
        }
        let text = String::from_utf8(STANDARD.decode(entry.auth).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    fn is_empty(&self) -> bool {
        self.user.is_empty() && self.password.is_empty()
    }

    /// The value of the header `Authorization`.
    pub fn basic(&self) -> String {
        let Self { user, password } = self;
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_json(auths: &Value) -> Credentials {
        let json = serde_json::json!({"auths": auths}).to_string();
        let secret = RegistrySecret {
            name: "push".to_owned(),
            namespace: "n".to_owned(),
            kind: "kubernetes.io/dockerconfigjson".to_owned(),
            data: [(".dockerconfigjson".to_owned(), json.into_bytes())].into(),
        };
        Credentials::of_secret(&secret).unwrap()
    }

    fn credentials(entries: &[(&str, &str)]) -> Credentials {
        let entries = entries.iter().map(|(host, login)| {
            let auth = STANDARD.encode(login);
            ((*host).to_owned(), serde_json::json!({"auth": auth}))
        });
        of_json(&Value::Object(entries.collect()))
    }

    fn login<'a>(found: &'a Credentials, host: &str, path: &str) -> Option<(&'a str, &'a str)> {
        let login = found.of(host, path).unwrap()?;
        Some((login.user.as_str(), login.password.as_str()))
    }

    #[test]
    fn il_472_the_longest_entry_counts_and_nothing_is_shown() {
        let found = credentials(&[("quay.io", "a:1"), ("quay.io/org", "b:2:3")]);
        let user = |host, path| login(&found, host, path);
        assert_eq!(user("quay.io", "other/image"), Some(("a", "1")));
        assert_eq!(user("quay.io", "org/image"), Some(("b", "2:3")));
        assert_eq!(user("quay.io", "organisation/image"), Some(("a", "1")));
        assert_eq!(user("quay.io.evil.org", "image"), None);
        let shown = format!("{found:?}");
        assert!(
            shown.contains("quay.io/org") && !shown.contains('2'),
            "{shown}"
        );
    }

    #[test]
    fn il_472_docker_hub_has_other_names_in_credentials() {
        for entry in [
            "https://index.docker.io/v1/",
            "index.docker.io",
            "registry-1.docker.io",
            "docker.io",
            "docker.io/library",
        ] {
            let found = credentials(&[(entry, "c:4")]);
            let hub = login(&found, "docker.io", "library/image");
            assert_eq!(hub, Some(("c", "4")), "{entry}");
        }
    }

    #[test]
    fn il_472_an_entry_that_cannot_be_read_fails_where_it_is_needed() {
        let found = of_json(&serde_json::json!({
            "quay.io": {"auth": STANDARD.encode("a:1")},
            "broken.io": {"auth": "no base64"},
            "other.io": {"auth": STANDARD.encode("no colon")},
            "quay.io/empty": {},
            "null.io": null,
        }));
        assert_eq!(login(&found, "quay.io", "image"), Some(("a", "1")));
        for host in ["broken.io", "other.io"] {
            let error = found.of(host, "image").err().unwrap().to_string();
            assert!(error.contains(host), "{error}");
        }
        // Nobody logs in without a user.
        assert_eq!(login(&found, "quay.io", "empty/image"), Some(("a", "1")));
        assert_eq!(login(&found, "null.io", "image"), None);
    }
}
