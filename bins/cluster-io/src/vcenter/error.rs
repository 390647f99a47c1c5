//! Why a vCenter did not do what it was asked.

use super::fault::Fault;

/// A call to a vCenter that came to nothing. Nothing of it holds a password or a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VcenterError {
    /// The name of the vCenter is no host.
    #[error("{0:?} is no host name of a vCenter; correct the server in the workspace of the set")]
    Address(String),
    /// Nobody said who asks.
    #[error(
        "there are no credentials for vCenter {0}; set GOVC_USERNAME and GOVC_PASSWORD, or give \
         access to Secret kube-system/vsphere-creds with {0}.username and {0}.password"
    )]
    NoCredentials(String),
    /// BI-312: wrong user or password.
    #[error("vCenter {server} refuses user {user}: {fault}; check user and password")]
    Login {
        /// The vCenter.
        server: String,
        /// The user.
        user: String,
        /// Its words.
        fault: Fault,
    },
    /// There is no connection, or it was cut.
    #[error("vCenter {server} cannot be reached ({call}): {cause}")]
    Unreachable {
        /// The vCenter, or the host that it named for an upload.
        server: String,
        /// What was asked.
        call: String,
        /// Why.
        cause: String,
    },
    /// No answer in time.
    #[error("vCenter {server} does not answer {call} within {seconds} s")]
    Late {
        /// The vCenter.
        server: String,
        /// What was asked.
        call: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Something before the vCenter answers, or the vCenter in a way that is no SOAP.
    #[error("vCenter {server} answers {call} with status {status}")]
    Status {
        /// The vCenter.
        server: String,
        /// What was asked.
        call: String,
        /// HTTP status.
        status: u16,
    },
    /// An answer in another form than it should have.
    #[error("the answer of vCenter {server} to {call} cannot be used: {cause}")]
    Unusable {
        /// The vCenter.
        server: String,
        /// What was asked.
        call: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The vCenter refuses.
    #[error("vCenter {server} refuses {call}: {fault}{}", privilege(fault))]
    Refused {
        /// The vCenter.
        server: String,
        /// What was asked.
        call: String,
        /// Its words.
        fault: Fault,
    },
    /// BI-325: what the failure domain names is not there.
    #[error(
        "failed to find {what}: vCenter {server} has no {path:?}; correct the failure domain or the workspace of the set"
    )]
    NotFound {
        /// The vCenter.
        server: String,
        /// `datacenter`, `folder`, `compute cluster`, `resource pool`, `network`, `datastore`.
        what: &'static str,
        /// Its name or inventory path.
        path: String,
    },
    /// Several things have the name.
    #[error(
        "failed to find {what}: vCenter {server} has several {path:?}; give the inventory path"
    )]
    Ambiguous {
        /// The vCenter.
        server: String,
        /// As above.
        what: &'static str,
        /// The name.
        path: String,
    },
}

impl VcenterError {
    /// Type of the fault, where the vCenter gave one.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Login { fault, .. } | Self::Refused { fault, .. } => Some(&fault.kind),
            _ => None,
        }
    }
}

fn privilege(fault: &Fault) -> String {
    match &fault.privilege {
        Some(privilege) => format!("; the role of the user lacks the privilege {privilege}"),
        None => String::new(),
    }
}
