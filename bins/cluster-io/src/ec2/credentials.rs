//! What EC2 is asked with: keys, or a role that a token stands for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// BI-261: what the reference calls its sessions; a role may be open to sessions of this name alone.
const SESSION_NAME: &str = "machine-config-operator";

/// What EC2 is asked with. Nothing secret is in its `Debug` text.
///
/// ```
/// use cluster_io::ec2::Credentials;
///
/// let variable = |name: &str| match name {
///     "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
///     "AWS_SECRET_ACCESS_KEY" => Some("hush".to_owned()),
///     _ => None,
/// };
/// let credentials = Credentials::from_environment(variable)?;
/// assert_eq!(
///     format!("{credentials:?}"),
///     r#"Some(Credentials { source: Keys(Keys { id: "AKIDEXAMPLE", .. }) })"#
/// );
/// # Ok::<(), cluster_io::ec2::CredentialsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) source: Source,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// They are here.
    Keys(Keys),
    /// From STS.
    WebIdentity(WebIdentity),
}

/// Keys to sign with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// Not secret.
    pub(super) id: String,
    pub(super) secret: String,
    /// Temporary keys have one.
    pub(super) session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A role, and the file with the token that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebIdentity {
    pub(super) role: String,
    pub(super) token_file: PathBuf,
    pub(super) session_name: String,
}

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// BI-261: the Secret holds neither kind.
    #[error(
        "aws-cloud-credentials secret contains neither static credentials \
         (aws_access_key_id/aws_secret_access_key) nor STS credentials \
         (role_arn/web_identity_token_file)"
    )]
    NothingInSecret,
    /// One of a pair is there without the other.
    #[error("{missing} is missing beside {present}")]
    Half {
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A value cannot stand in an HTTP header.
    #[error("{name} is not printable ASCII text")]
    NoText {
        /// What it is called.
        name: &'static str,
    },
}

/// What the members of a pair are called in one place.
struct Names {
    id: &'static str,
    secret: &'static str,
    session_token: &'static str,
    role: &'static str,
    token_file: &'static str,
    session_name: &'static str,
}

const IN_ENVIRONMENT: Names = Names {
    id: "AWS_ACCESS_KEY_ID",
    secret: "AWS_SECRET_ACCESS_KEY",
    session_token: "AWS_SESSION_TOKEN",
    role: "AWS_ROLE_ARN",
    token_file: "AWS_WEB_IDENTITY_TOKEN_FILE",
    session_name: "AWS_ROLE_SESSION_NAME",
};

const IN_SECRET: Names = Names {
    id: "aws_access_key_id",
    secret: "aws_secret_access_key",
    session_token: "aws_session_token",
    role: "role_arn",
    token_file: "web_identity_token_file",
    session_name: "role_session_name",
};

impl Credentials {
    /// Those of the environment, of which `variable` tells: keys, or else a role with a token file;
    /// `None` where it names neither.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, CredentialsError> {
        let value = |name: &str| filled(variable(name));
        let source = match keys(&IN_ENVIRONMENT, value)? {
            Some(keys) => Some(Source::Keys(keys)),
            None => web_identity(&IN_ENVIRONMENT, value)?.map(Source::WebIdentity),
        };
        Ok(source.map(|source| Self { source }))
    }

    /// BI-261: those in the data of the Secret `aws-cloud-credentials`: a role with a token file,
    /// or else keys.
    ///
    /// Ours: where the Secret has neither, its member `credentials` counts, a configuration file
    /// of the AWS command line: manual mode with STS writes nothing else.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, CredentialsError> {
        let member = |name: &str| {
            let value = data.get(name)?;
            filled(Some(String::from_utf8_lossy(value).into_owned()))
        };
        if let Some(source) = of_secret(member)? {
            return Ok(Self { source });
        }
        let file = member("credentials").unwrap_or_default();
        let profile = default_profile(&file);
        let source = of_secret(|name| filled(profile.get(name).map(|&value| value.to_owned())))?;
        source
            .map(|source| Self { source })
            .ok_or(CredentialsError::NothingInSecret)
    }
}

/// Half a pair is as good as none here: the other pair, or the file, may be whole.
fn of_secret(value: impl Fn(&str) -> Option<String>) -> Result<Option<Source>, CredentialsError> {
    if let Ok(Some(identity)) = web_identity(&IN_SECRET, &value) {
        return Ok(Some(Source::WebIdentity(identity)));
    }
    match keys(&IN_SECRET, value) {
        Err(CredentialsError::Half { .. }) => Ok(None),
        other => Ok(other?.map(Source::Keys)),
    }
}

fn keys(
    names: &Names,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Option<Keys>, CredentialsError> {
    let Some((id, secret)) = pair(names.id, names.secret, &value)? else {
        return Ok(None);
    };
    let session_token = value(names.session_token);
    let keys = Keys {
        id: printable(names.id, id)?,
        secret: printable(names.secret, secret)?,
        session_token: session_token
            .map(|token| printable(names.session_token, token))
            .transpose()?,
    };
    Ok(Some(keys))
}

fn web_identity(
    names: &Names,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Option<WebIdentity>, CredentialsError> {
    let Some((role, token_file)) = pair(names.role, names.token_file, &value)? else {
        return Ok(None);
    };
    Ok(Some(WebIdentity {
        role,
        token_file: PathBuf::from(token_file),
        session_name: value(names.session_name).unwrap_or_else(|| SESSION_NAME.to_owned()),
    }))
}

/// Both, or neither.
fn pair(
    first: &'static str,
    second: &'static str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Option<(String, String)>, CredentialsError> {
    let half = |present, missing| Err(CredentialsError::Half { present, missing });
    match (value(first), value(second)) {
        (Some(one), Some(other)) => Ok(Some((one, other))),
        (None, None) => Ok(None),
        (Some(_), None) => half(first, second),
        (None, Some(_)) => half(second, first),
    }
}

/// Secrets made by hand often end with a line feed; what is empty is not there.
fn filled(value: Option<String>) -> Option<String> {
    let value = value?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn printable(name: &'static str, value: String) -> Result<String, CredentialsError> {
    let printable = value.bytes().all(|byte| byte.is_ascii_graphic());
    printable
        .then_some(value)
        .ok_or(CredentialsError::NoText { name })
}

/// The members of the section `default`; lines before any section count as its own.
fn default_profile(file: &str) -> BTreeMap<&str, &str> {
    let mut profile = BTreeMap::new();
    let mut section = "default";
    for line in file.lines().map(str::trim) {
        let header = line.strip_prefix('[').and_then(|line| line.split_once(']'));
        if let Some((name, _)) = header {
            section = name.trim();
        } else if let (Some((name, value)), "default") = (line.split_once('='), section) {
            profile.insert(name.trim(), value.trim());
        }
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was read, in one line; secrets are shown here alone.
    fn show(credentials: &Credentials) -> String {
        match &credentials.source {
            Source::Keys(keys) => {
                let token = keys.session_token.as_deref().unwrap_or("-");
                format!("keys {} {} {token}", keys.id, keys.secret)
            }
            Source::WebIdentity(identity) => {
                let file = identity.token_file.display();
                format!("role {} {file} {}", identity.role, identity.session_name)
            }
        }
    }

    fn check_environment(variables: &[(&str, &str)], expected: &str) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let shown = match Credentials::from_environment(variable) {
            Ok(None) => "none".to_owned(),
            Ok(Some(credentials)) => show(&credentials),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{variables:?}");
    }

    #[test]
    fn the_environment_names_keys_or_a_role() {
        let id = ("AWS_ACCESS_KEY_ID", "AKID");
        let secret = ("AWS_SECRET_ACCESS_KEY", "hush");
        let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
        let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
        check_environment(&[], "none");
        check_environment(&[id, secret], "keys AKID hush -");
        check_environment(
            &[id, secret, ("AWS_SESSION_TOKEN", "tok\n"), role, file],
            "keys AKID hush tok",
        );
        let assumed = "role arn:aws:iam::1:role/r /t machine-config-operator";
        check_environment(&[role, file], assumed);
        check_environment(&[role, file, ("AWS_ACCESS_KEY_ID", " ")], assumed);
        check_environment(
            &[role, file, ("AWS_ROLE_SESSION_NAME", "me")],
            "role arn:aws:iam::1:role/r /t me",
        );
        check_environment(
            &[id],
            "AWS_SECRET_ACCESS_KEY is missing beside AWS_ACCESS_KEY_ID",
        );
        check_environment(
            &[file],
            "AWS_ROLE_ARN is missing beside AWS_WEB_IDENTITY_TOKEN_FILE",
        );
        check_environment(
            &[id, ("AWS_SECRET_ACCESS_KEY", "a\r\nb")],
            "AWS_SECRET_ACCESS_KEY is not printable ASCII text",
        );
    }

    fn check_secret(members: &[(&str, &str)], expected: &str) {
        let member = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        let shown = match Credentials::from_secret(&members.iter().map(member).collect()) {
            Ok(credentials) => show(&credentials),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{members:?}");
    }

    #[test]
    fn bi_261_a_role_goes_before_keys_and_both_before_the_file() {
        let id = ("aws_access_key_id", "AKID");
        let secret = ("aws_secret_access_key", "hush\n");
        let role = ("role_arn", "arn:aws:iam::1:role/r");
        let token = ("web_identity_token_file", "/t");
        let assumed = "role arn:aws:iam::1:role/r /t machine-config-operator";
        check_secret(&[id, secret], "keys AKID hush -");
        check_secret(&[id, secret, role, token], assumed);
        check_secret(
            &[id, secret, role, ("web_identity_token_file", "")],
            "keys AKID hush -",
        );
        let manual = (
            "credentials",
            "; by hand\n[default]\nsts_regional_endpoints = regional\n\
             role_arn = arn:aws:iam::1:role/r\nweb_identity_token_file=/t\n[other]\nrole_arn = no",
        );
        check_secret(&[manual], assumed);
        check_secret(&[manual, id], assumed);
        check_secret(&[manual, id, secret], "keys AKID hush -");
        let nameless = (
            "credentials",
            "aws_access_key_id=A\naws_secret_access_key=b=\n",
        );
        check_secret(&[nameless], "keys A b= -");
        let nothing = CredentialsError::NothingInSecret.to_string();
        check_secret(&[], &nothing);
        check_secret(&[id, role], &nothing);
        check_secret(&[("credentials", "[default\n=\n]x")], &nothing);
        check_secret(
            &[("aws_access_key_id", "é"), secret],
            "aws_access_key_id is not printable ASCII text",
        );
    }

    #[test]
    fn bi_261_the_error_is_the_references() {
        assert_eq!(
            CredentialsError::NothingInSecret.to_string(),
            "aws-cloud-credentials secret contains neither static credentials \
             (aws_access_key_id/aws_secret_access_key) nor STS credentials \
             (role_arn/web_identity_token_file)"
        );
    }

    #[test]
    fn nothing_secret_is_shown() {
        let variable = |name: &str| {
            let role = name.contains("ROLE") || name.contains("IDENTITY");
            (!role).then(|| {
                if name.ends_with("_ID") {
                    "AKID"
                } else {
                    "hush"
                }
                .to_owned()
            })
        };
        let credentials = Credentials::from_environment(variable).unwrap();
        let shown = format!("{credentials:?}");
        assert!(shown.contains("AKID"), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
