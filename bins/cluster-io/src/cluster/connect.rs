//! From a kubeconfig to a client.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Cluster, ClusterError};
use crate::loopback::is_loopback;

/// How long an API server may take to accept a connection: one that needs longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a plugin may take that gives the credentials.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Which cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The file; without it that of the environment, else the pod's own credentials.
    pub kubeconfig: Option<PathBuf>,
    /// The context; without it the current one.
    pub context: Option<String>,
    /// Name and version of the program, for the audit log of the cluster.
    pub user_agent: String,
}

/// What is unsafe about a connection, and works all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectWarning {
    /// Anybody on the way can pretend to be the API server.
    #[error(
        "{server}: the kubeconfig says insecure-skip-tls-verify: anybody between here and there can \
         read and change everything, credentials included"
    )]
    NoVerification {
        /// The URL of the API server.
        server: String,
    },
    /// Anybody on the way can read the credentials.
    #[error(
        "{server}: credentials are sent over plain http, where anybody in between can read them"
    )]
    PlainText {
        /// The URL of the API server.
        server: String,
    },
}

impl Cluster {
    /// Finds out where the API server is and who we are, and says what is unsafe about that.
    /// Nothing is sent yet; a plugin that the kubeconfig names is run.
    pub async fn connect(
        options: &ConnectOptions,
    ) -> Result<(Self, Vec<ConnectWarning>), ClusterError> {
        let mut config = config(options).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Calls are repeated here, where it is known which of them may be.
        config.default_retry = false;
        if let Ok(value) = HeaderValue::from_str(&options.user_agent) {
            config.headers.push((USER_AGENT, value));
        }
        let server = without_user(&config.cluster_url);
        check_tokens(&config.auth_info)?;
        let warnings = warnings(&config, &server);
        let client = client(config, &server).await?;
        Ok((Self::new(client, server), warnings))
    }
}

/// Makes a client. A plugin that gives the credentials runs on the way, outside of what waits for
/// the network, and no longer than [`PLUGIN_TIMEOUT`].
async fn client(config: kube::Config, server: &str) -> Result<kube::Client, ClusterError> {
    let program = config.auth_info.exec.as_ref();
    let program = program.and_then(|exec| exec.command.clone());
    let program = program.unwrap_or_else(|| "the kubeconfig".to_owned());
    let made = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
    match tokio::time::timeout(PLUGIN_TIMEOUT, made).await {
        Ok(Ok(client)) => client.map_err(|error| ClusterError::of_client(server, &error)),
        // The library panics on a token that no header can hold.
        Ok(Err(_)) => Err(ClusterError::Credentials {
            problem: format!("{program} gives a token with characters that no token has"),
        }),
        Err(_) => Err(ClusterError::Credentials {
            problem: format!("{program} gives none within {} s", PLUGIN_TIMEOUT.as_secs()),
        }),
    }
}

/// A token goes into a header, and the library panics on one that cannot.
fn check_tokens(auth: &AuthInfo) -> Result<(), ClusterError> {
    let is_wrong = |token: &SecretString| HeaderValue::from_str(token.expose_secret()).is_err();
    if auth.token.as_ref().is_some_and(is_wrong) {
        return Err(ClusterError::Credentials {
            problem: "the token has characters that no token has, e.g. a line break".to_owned(),
        });
    }
    Ok(())
}

/// A URL as messages show it: a user and a password in it are nobody's business.
fn without_user(url: &http::Uri) -> String {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let scheme = url.scheme_str().unwrap_or("https");
    format!("{scheme}://{host}{}", url.path())
}

fn warnings(config: &kube::Config, server: &str) -> Vec<ConnectWarning> {
    let server = || server.to_owned();
    let mut warnings = Vec::new();
    if config.accept_invalid_certs {
        warnings.push(ConnectWarning::NoVerification { server: server() });
    }
    let auth = &config.auth_info;
    let has_credentials = auth.token.is_some()
        || auth.token_file.is_some()
        || auth.password.is_some()
        || auth.exec.is_some()
        || auth.auth_provider.is_some();
    let is_plain = config.cluster_url.scheme() == Some(&http::uri::Scheme::HTTP);
    let host = config.cluster_url.host().unwrap_or_default();
    if is_plain && has_credentials && !is_loopback(host) {
        warnings.push(ConnectWarning::PlainText { server: server() });
    }
    warnings
}

async fn config(options: &ConnectOptions) -> Result<kube::Config, ClusterError> {
    let choice = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    if let Some(path) = &options.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unusable(&error, None))?;
        return of_kubeconfig(kubeconfig, &choice).await;
    }
    match from_environment() {
        Ok(kubeconfig) => of_kubeconfig(kubeconfig, &choice).await,
        // A pod's own cluster only where nobody named another one, be it mistakenly.
        Err(error @ KubeconfigError::ReadConfig(..)) if !is_named(options) => {
            kube::Config::incluster().map_err(|_| unusable(&error, None))
        }
        Err(error) => Err(unusable(&error, None)),
    }
}

/// The kubeconfig of `KUBECONFIG`, else that of the home folder. Of several files those that are
/// missing are passed over, as kubectl does it.
fn from_environment() -> Result<Kubeconfig, KubeconfigError> {
    let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let paths: Vec<_> = std::env::split_paths(&list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let mut present = paths.iter().filter(|path| path.exists()).peekable();
    if paths.len() < 2 || present.peek().is_none() {
        return Kubeconfig::read();
    }
    present.try_fold(Kubeconfig::default(), |merged, path| {
        Kubeconfig::read_from(path).and_then(|kubeconfig| merged.merge(kubeconfig))
    })
}

/// Whether anybody said which cluster.
fn is_named(options: &ConnectOptions) -> bool {
    options.context.is_some() || std::env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty())
}

async fn of_kubeconfig(
    kubeconfig: Kubeconfig,
    choice: &KubeConfigOptions,
) -> Result<kube::Config, ClusterError> {
    let contexts: Vec<_> = kubeconfig
        .contexts
        .iter()
        .map(|context| context.name.clone())
        .collect();
    kube::Config::from_custom_kubeconfig(kubeconfig, choice)
        .await
        .map_err(|error| unusable(&error, Some(&contexts)))
}

fn unusable(error: &KubeconfigError, contexts: Option<&[String]>) -> ClusterError {
    let problem = match error {
        KubeconfigError::CurrentContextNotSet => "it has no current context".to_owned(),
        KubeconfigError::LoadContext(name) => format!("it has no context {name:?}"),
        KubeconfigError::ReadConfig(source, path) => format!("{}: {source}", path.display()),
        other => first_line(&super::error::chain(other)),
    };
    let contexts = contexts.filter(|contexts| !contexts.is_empty());
    let known = contexts.map(|contexts| format!("; it has {}", contexts.join(", ")));
    ClusterError::Kubeconfig {
        problem: problem + &known.unwrap_or_default(),
    }
}

/// The parser's message goes on with a drawing of the place, which does not fit into a line.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(folder: &std::path::Path, user: &str, server: &str) -> PathBuf {
        let path = folder.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {user}}}]\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn connect(user: &str, server: &str) -> Result<(Cluster, Vec<ConnectWarning>), String> {
        let folder = tempfile::tempdir().unwrap();
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig(folder.path(), user, server)),
            ..ConnectOptions::default()
        };
        Cluster::connect(&options)
            .await
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_token_that_no_header_holds_is_an_error() {
        let error = connect(r#"{token: "a\nhush"}"#, "https://a:6443")
            .await
            .unwrap_err();
        assert!(
            error.contains("line break") && !error.contains("hush"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_a_plugin_prints_is_not_repeated() {
        for script in ["echo hush; exit 3", "echo hush >&2; exit 3", "echo '{hush'"] {
            let user = format!(
                "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
                 command: sh, args: [\"-c\", \"{script}\"]}}}}"
            );
            let error = connect(&user, "https://a:6443").await.unwrap_err();
            assert!(
                error.contains("credentials") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_password_in_a_url_is_shown_nowhere() {
        let (cluster, warnings) = connect("{}", "https://u:hush@a:6443/k").await.unwrap();
        assert_eq!(cluster.server(), "https://a:6443/k");
        assert_eq!(warnings, []);
    }

    #[tokio::test]
    async fn what_is_unsafe_earns_a_warning() {
        let (_, warnings) = connect("{token: t}", "http://a:6443").await.unwrap();
        assert!(
            matches!(warnings[..], [ConnectWarning::PlainText { .. }]),
            "{warnings:?}"
        );
        let (_, warnings) = connect("{token: t}", "http://127.0.0.1:6443")
            .await
            .unwrap();
        assert_eq!(warnings, []);
        let (_, warnings) = connect("{}", "http://a:6443").await.unwrap();
        assert_eq!(warnings, []);
    }
}
