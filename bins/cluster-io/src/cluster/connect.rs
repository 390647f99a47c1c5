//! From a kubeconfig to a client.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::{Cluster, ClusterError};

/// How long an API server may take to accept a connection: one that needs longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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

impl Cluster {
    /// Finds out where the API server is and who we are. Nothing is sent yet.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClusterError> {
        let mut config = config(options).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Calls are repeated here, where it is known which of them may be.
        config.default_retry = false;
        if let Ok(value) = HeaderValue::from_str(&options.user_agent) {
            config.headers.push((USER_AGENT, value));
        }
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config)
            .map_err(|error| ClusterError::of_client(&server, &error))?;
        Ok(Self::new(client, server))
    }
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
    match Kubeconfig::read() {
        Ok(kubeconfig) => of_kubeconfig(kubeconfig, &choice).await,
        // A pod's own cluster only where nobody named another one, be it with a slip of the pen.
        Err(error @ KubeconfigError::ReadConfig(..)) if !is_named(options) => {
            kube::Config::incluster().map_err(|_| unusable(&error, None))
        }
        Err(error) => Err(unusable(&error, None)),
    }
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

/// A parser's picture of the place is more than a line for a person can hold.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
