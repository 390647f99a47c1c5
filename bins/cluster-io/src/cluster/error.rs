//! What goes wrong with a cluster. Texts say what happened; what to do next depends on the program
//! and is said by it.

use std::error::Error;
use std::fmt::Write as _;

use http::StatusCode;
use kube::core::Status;

/// Why a cluster could not be asked, or what it refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// There is no usable kubeconfig.
    #[error("no cluster to ask: the kubeconfig cannot be used: {problem}")]
    Kubeconfig {
        /// What is wrong with it.
        problem: String,
    },
    /// The API server is not there.
    #[error("{server} could not be reached: {problem}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What the network says.
        problem: String,
    },
    /// TLS failed: one side does not trust the other's certificate.
    #[error("{server}: no secure connection: {problem}")]
    Tls {
        /// Its URL.
        server: String,
        /// What TLS says.
        problem: String,
    },
    /// The answer did not come in time.
    #[error("{server}: no answer to `{what}` within {seconds} s")]
    Timeout {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// How long was waited.
        seconds: u64,
    },
    /// This process may not write, or not any more.
    #[error("nothing is written: {reason}")]
    MayNotWrite {
        /// Why.
        reason: String,
    },
    /// The credentials are not, or no longer, valid.
    #[error("{server} does not accept the credentials: {problem}")]
    Unauthorized {
        /// Its URL.
        server: String,
        /// What the server says.
        problem: String,
    },
    /// The kubeconfig names a program or a file for the credentials, which gives none.
    #[error("the kubeconfig gives no usable credentials: {problem}")]
    Credentials {
        /// Which program or file, and what is wrong.
        problem: String,
    },
    /// The credentials are valid, but do not allow this call.
    #[error(
        "{problem}; `{what}` needs a role that allows it: docs/guides/live-clusters.md has one for \
         each task"
    )]
    Forbidden {
        /// The call.
        what: String,
        /// What the server says: user, verb and resource.
        problem: String,
    },
    /// The cluster has no such kind.
    #[error(
        "{server} has no {resource}: it is not an OpenShift cluster, or one without the Machine API \
         (a hosted control plane)"
    )]
    NoSuchKind {
        /// Its URL.
        server: String,
        /// Plural and group.
        resource: String,
    },
    /// The object is not there.
    #[error("{0} is not there")]
    NotFound(String),
    /// What was to be created is there.
    #[error("{0} is there already")]
    AlreadyExists(String),
    /// The object was changed since it was read.
    #[error("`{what}` came too late: {problem}")]
    Conflict {
        /// The call.
        what: String,
        /// What the server says.
        problem: String,
    },
    /// The request is not valid.
    #[error("the cluster refuses `{what}`: {problem} (HTTP {code})")]
    Invalid {
        /// The HTTP status.
        code: u16,
        /// The call.
        what: String,
        /// What the server says.
        problem: String,
    },
    /// The server is overloaded, or reports an error of its own.
    #[error("{server} cannot answer `{what}` now: {problem} (HTTP {code}); try again later")]
    Unavailable {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// The HTTP status.
        code: u16,
        /// What the server says.
        problem: String,
    },
    /// The answer has more bytes than are read.
    #[error("{server}: the answer to `{what}` has more than {mebibytes} MiB, which is not read")]
    TooLarge {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// How much is read at most.
        mebibytes: usize,
    },
    /// A list has too many pages, repeats one, or takes too long.
    #[error("{server}: `{what}` does not come to an end: {problem}")]
    EndlessList {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// How that was noticed.
        problem: String,
    },
    /// The server has forgotten where a list was to be continued (HTTP 410).
    #[error("{server} cannot continue `{what}`: {problem}")]
    Expired {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// What the server says.
        problem: String,
    },
    /// The request could not be put together.
    #[error("`{what}` cannot be asked: {problem}")]
    Request {
        /// The call.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The answer is not one that an API server gives: a proxy or another service answered.
    #[error("{server} answers `{what}` as no API server does: {problem}")]
    NotAnApiServer {
        /// Its URL.
        server: String,
        /// The call.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ClusterError {
    /// Whether the same call may succeed another time.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Unavailable { .. }
        )
    }

    /// Whether the call may have been carried out although it failed: there is no answer, or the
    /// server reports an error of its own. HTTP 429 says that nothing was done.
    pub fn may_have_been_carried_out(&self) -> bool {
        let busy = StatusCode::TOO_MANY_REQUESTS.as_u16();
        self.is_transient() && !matches!(self, Self::Unavailable { code, .. } if *code == busy)
    }

    /// Whether every other call would fail for the same reason.
    pub fn concerns_all(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Tls { .. }
                | Self::Unauthorized { .. }
                | Self::Credentials { .. }
                | Self::MayNotWrite { .. }
        )
    }

    /// A failure before there was an answer.
    pub(super) fn of_client(server: &str, error: &kube::Error) -> Self {
        let server = server.to_owned();
        let problem = cause(error);
        match error {
            kube::Error::Auth(error) => Self::Credentials {
                problem: credentials_problem(error),
            },
            kube::Error::InferKubeconfig(_) | kube::Error::InferConfig(_) => {
                Self::Kubeconfig { problem }
            }
            kube::Error::RustlsTls(_) | kube::Error::TlsRequired => Self::Tls { server, problem },
            _ if speaks_of_tls(&problem) => Self::Tls { server, problem },
            _ => Self::Unreachable { server, problem },
        }
    }

    /// An answer that is an error.
    pub(super) fn of_answer(server: &str, what: &Call<'_>, code: StatusCode, body: &[u8]) -> Self {
        let status = serde_json::from_slice::<Status>(body).ok();
        let problem = match &status {
            Some(status) if !status.message.is_empty() => status.message.clone(),
            _ => brief(&String::from_utf8_lossy(body)),
        };
        let reason = status.as_ref().map_or("", |status| &status.reason);
        let is_absent = reason == "NotFound" && status.as_ref().is_some_and(has_name);
        let server = server.to_owned();
        let call = what.to_string();
        match code {
            StatusCode::UNAUTHORIZED => Self::Unauthorized { server, problem },
            StatusCode::FORBIDDEN => Self::Forbidden {
                what: call,
                problem,
            },
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Self::Unreachable {
                server,
                problem: "a proxy asks for a user and a password (HTTP 407)".to_owned(),
            },
            StatusCode::NOT_FOUND if is_absent => Self::NotFound(what.object()),
            StatusCode::NOT_FOUND => Self::NoSuchKind {
                server,
                resource: what.resource(),
            },
            StatusCode::GONE => Self::Expired {
                server,
                what: call,
                problem,
            },
            StatusCode::CONFLICT if reason == "AlreadyExists" => Self::AlreadyExists(what.object()),
            StatusCode::CONFLICT => Self::Conflict {
                what: call,
                problem,
            },
            code if code == StatusCode::TOO_MANY_REQUESTS || code.is_server_error() => {
                Self::Unavailable {
                    server,
                    what: call,
                    code: code.as_u16(),
                    problem,
                }
            }
            _ => Self::Invalid {
                code: code.as_u16(),
                what: call,
                problem,
            },
        }
    }
}

/// Why there are no credentials. What a plugin printed is not repeated: it may hold a token.
fn credentials_problem(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let program = cmd.split('"').nth(1).unwrap_or(cmd);
            format!("{program} failed: {}", out.status)
        }
        AuthError::AuthExecParse(_) => {
            "the plugin's output is no ExecCredential in JSON".to_owned()
        }
        other => chain(other),
    }
}

/// The server names the object that is not there; for a kind it has nothing to name.
fn has_name(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| !details.name.is_empty())
}

fn speaks_of_tls(problem: &str) -> bool {
    [
        "certificate",
        "tls",
        "TLS",
        "HandshakeFailure",
        "UnknownIssuer",
    ]
    .iter()
    .any(|word| problem.contains(word))
}

/// A call, as messages name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// `get`, `list`, `patch`, `create`.
    pub(super) verb: &'a str,
    pub(super) resource: openshift_model::Resource,
    /// Empty for what is cluster-scoped.
    pub(super) namespace: &'a str,
    /// Empty for a list.
    pub(super) name: &'a str,
}

impl Call<'_> {
    /// Plural and group.
    pub(super) fn resource(&self) -> String {
        self.resource.full_name()
    }

    /// A request of this call, or why it could not be put together.
    pub(super) fn request(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<http::Request<Vec<u8>>, ClusterError> {
        request.map_err(|error| ClusterError::Request {
            what: self.to_string(),
            problem: error.to_string(),
        })
    }

    fn object(&self) -> String {
        let namespace = match self.namespace {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        format!("{} {namespace}{}", self.resource.kind, self.name)
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource())?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " -n {}", self.namespace)?;
        }
        Ok(())
    }
}

/// How much of a body that is no status is shown: the start of a proxy's page tells whose it is.
const SHOWN_BODY: usize = 200;

fn brief(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_BODY) {
        Some((end, _)) => line.get(..end).unwrap_or_default().to_owned() + " …",
        None if line.is_empty() => "no explanation".to_owned(),
        None => line,
    }
}

/// The innermost error: kube's own texts repeat what they wrap.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// An error with what caused it, said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let innermost = cause(error);
    if !text.contains(&innermost) {
        write!(text, ": {innermost}").ok();
    }
    text
}
