//! What is needed to speak to vCenters: who asks, which certificates count, how long to wait.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::trust::{Trust, TrustError, host_name};

const URL: &str = "GOVC_URL";
const USERNAME: &str = "GOVC_USERNAME";
const PASSWORD: &str = "GOVC_PASSWORD";
const INSECURE: &str = "GOVC_INSECURE";
const AUTHORITIES: &str = "GOVC_TLS_CA_CERTS";
const THUMBPRINTS: &str = "GOVC_TLS_KNOWN_HOSTS";

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut login = formatter.debug_struct("Login");
        login.field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why the environment gives no access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Certificates are always checked.
    #[error(
        "GOVC_INSECURE is set, but certificates are always checked: name the authority of the \
         vCenter with --vcenter-ca or GOVC_TLS_CA_CERTS, or pin its thumbprint in a file that \
         GOVC_TLS_KNOWN_HOSTS names, and unset GOVC_INSECURE"
    )]
    Insecure,
    /// A user without a password, or the other way round.
    #[error("{0} is not set; set both GOVC_USERNAME and GOVC_PASSWORD")]
    Half(&'static str),
    /// Files with certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// How long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one answer, in time.
    pub answer: Duration,
    /// For a task or a lease of the vCenter.
    pub task: Duration,
    /// For the next piece of a download or an upload.
    pub silence: Duration,
    /// Between two looks at a task, and between two reports of progress to the vCenter.
    pub look: Duration,
}

impl Default for Limits {
    /// A busy vCenter answers within seconds; a rename takes seconds, eager zeroing of a disk
    /// minutes. A lease that hears nothing for five minutes is over; two seconds is what other
    /// clients do.
    fn default() -> Self {
        Self {
            answer: Duration::from_mins(1),
            task: Duration::from_mins(30),
            silence: Duration::from_mins(2),
            look: Duration::from_secs(2),
        }
    }
}

/// BI-311, W-25: access to vCenters.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// By host name.
    logins: BTreeMap<String, Login>,
    /// For every other vCenter.
    login: Option<Login>,
    /// Which certificates count.
    pub trust: Trust,
    /// How long is waited.
    pub limits: Limits,
}

impl Access {
    /// Without anybody who asks.
    pub fn new(trust: Trust, limits: Limits) -> Self {
        Self {
            trust,
            limits,
            ..Self::default()
        }
    }

    /// From what govc reads too: `GOVC_URL`, `GOVC_USERNAME`, `GOVC_PASSWORD`, `GOVC_TLS_CA_CERTS`,
    /// `GOVC_TLS_KNOWN_HOSTS`. Where `GOVC_URL` names a host, user and password are for it alone.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AccessError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set(INSECURE).is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "f" | "F")) {
            return Err(AccessError::Insecure);
        }
        let mut access = Self::default();
        for path in set(AUTHORITIES).iter().flat_map(|paths| paths.split(':')) {
            access.trust = access.trust.with_authorities(&PathBuf::from(path))?;
        }
        for path in set(THUMBPRINTS).iter().flat_map(|paths| paths.split(':')) {
            access.trust = access.trust.with_thumbprints(&PathBuf::from(path))?;
        }
        let url = set(URL).unwrap_or_default();
        let (host, user, password) = parts_of(&url);
        let user = set(USERNAME).or(user);
        let password = set(PASSWORD).or(password);
        let login = match (user, password) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (None, None) => None,
            (Some(_), None) => return Err(AccessError::Half(PASSWORD)),
            (None, Some(_)) => return Err(AccessError::Half(USERNAME)),
        };
        match (login, host) {
            (Some(login), Some(host)) => access.add_login(&host, login),
            (login, _) => access.login = login,
        }
        Ok(access)
    }

    /// BI-311: adds what the Secret `kube-system/vsphere-creds` holds: `<server>.username` and
    /// `<server>.password`. What the environment says of a vCenter goes first.
    pub fn add_secret<'s>(&mut self, data: impl IntoIterator<Item = (&'s str, &'s str)>) {
        let data: BTreeMap<&str, &str> = data.into_iter().collect();
        for (key, user) in &data {
            let Some(server) = key.strip_suffix(".username") else {
                continue;
            };
            let password = data.get(format!("{server}.password").as_str());
            self.logins
                .entry(server.to_owned())
                .or_insert_with(|| Login {
                    user: (*user).to_owned(),
                    password: password.copied().unwrap_or_default().to_owned(),
                });
        }
    }

    /// Adds who asks one vCenter.
    pub fn add_login(&mut self, server: &str, login: Login) {
        self.logins.insert(server.to_owned(), login);
    }

    /// Whether anybody asks any vCenter.
    pub fn has_login(&self) -> bool {
        self.login.is_some() || !self.logins.is_empty()
    }

    /// Who asks a vCenter. What is known of a host holds for each of its ports: no key of a Secret
    /// can name one.
    pub(super) fn login(&self, server: &str) -> Option<&Login> {
        let of_server = self.logins.get(server);
        let of_host = || self.logins.get(&host_name(server));
        of_server.or_else(of_host).or(self.login.as_ref())
    }
}

/// Host with port, user and password of what `GOVC_URL` holds; everything but the host may lack.
fn parts_of(url: &str) -> (Option<String>, Option<String>, Option<String>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
        Some(Ok((user, password))) => (Some(decoded(user)), Some(decoded(password))),
        Some(Err(user)) => (Some(decoded(user)), None),
        None => (None, None),
    };
    let host = Some(host.to_owned()).filter(|host| !host.is_empty());
    (host, user, password)
}

/// Without percent signs.
fn decoded(text: &str) -> String {
    // A form parser decodes percent signs, and a plus, which is none here.
    let form = format!("a={}", text.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = form_urlencoded::parse(form.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(variables: &[(&str, &str)]) -> Result<Access, AccessError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Access::from_environment(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    fn check(variables: &[(&str, &str)], server: &str, expected: Option<(&str, &str)>) {
        let access = access(variables).unwrap();
        let login = access.login(server);
        let login = login.map(|login| (login.user.as_str(), login.password.as_str()));
        assert_eq!(login, expected, "{variables:?}");
    }

    #[test]
    fn bi_311_who_asks_is_read_where_govc_reads_it() {
        check(&[], "v", None);
        let both = [("GOVC_USERNAME", "u"), ("GOVC_PASSWORD", "p")];
        check(&both, "v", Some(("u", "p")));
        let url = ("GOVC_URL", "https://a%40b:p%25+@v/sdk");
        check(&[url], "v", Some(("a@b", "p%+")));
        check(&[url], "w", None);
        check(
            &[("GOVC_URL", "v"), both[0], both[1]],
            "v",
            Some(("u", "p")),
        );
        check(&[("GOVC_URL", ""), ("GOVC_INSECURE", "0")], "v", None);
    }

    #[test]
    fn w_25_certificates_are_always_checked() {
        let error = access(&[("GOVC_INSECURE", "1")]).unwrap_err();
        assert_eq!(error, AccessError::Insecure);
        let error = access(&[("GOVC_USERNAME", "u")]).unwrap_err();
        assert_eq!(error, AccessError::Half(PASSWORD));
    }

    #[test]
    fn bi_311_the_secret_has_a_pair_for_each_vcenter() {
        let mut access = access(&[("GOVC_URL", "https://u:p@v")]).unwrap();
        access.add_secret([
            ("v.username", "other"),
            ("v.password", "other"),
            ("w.username", "x"),
            ("w.password", "hush"),
            ("stray", ""),
        ]);
        assert_eq!(access.login("v").unwrap().user, "u");
        assert_eq!(access.login("w").unwrap().password, "hush");
        assert_eq!(access.login("W:8443").unwrap().password, "hush");
        assert!(access.login("x").is_none());
        assert!(!format!("{access:?}").contains("hush"));
    }
}
