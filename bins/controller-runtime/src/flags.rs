//! The flags that every controller has, under the names that the ecosystem uses for them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

/// Where a pod finds the name of its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The flags that every controller has.
#[derive(Debug, Clone, Args)]
pub struct CommonFlags {
    /// Kubeconfig file [default: that of the environment, else the pod's own credentials]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Address of /livez and /readyz; port 0 means any
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8081)))]
    pub health_probe_bind_address: SocketAddr,
    /// Address of /metrics; port 0 means any
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)))]
    pub metrics_bind_address: SocketAddr,
    /// Serve /metrics with TLS, to callers that the API server knows and allows
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", action = ArgAction::Set)]
    pub metrics_secure: bool,
    /// Certificate of /metrics, PEM; reread when it changes [default: a self-signed one]
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    pub tls_cert_file: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    pub tls_private_key_file: Option<PathBuf>,
    /// Write only while holding the Lease
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", action = ArgAction::Set)]
    pub leader_elect: bool,
    /// How long a leader may be silent before another replica takes over
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(2..=3600))]
    pub leader_elect_lease_duration: u32,
    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Least severe level that is logged
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// The flag of a controller whose Lease and state stand where its user says.
#[derive(Debug, Clone, Args)]
pub struct NamespaceFlag {
    /// Namespace of the Lease and of the state [default: the pod's, else osimage]
    #[arg(long, value_name = "NAME", value_parser = dns_label)]
    pub namespace: Option<String>,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// How severe a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Somebody has to act.
    Error,
    /// Something went wrong that may heal.
    Warn,
    /// Decisions that changed, and the life of the process.
    Info,
    /// What led to them.
    Debug,
    /// Everything.
    Trace,
}

impl NamespaceFlag {
    /// The namespace of Lease and state.
    pub fn get(&self) -> String {
        let of_pod = || {
            let name = std::fs::read_to_string(POD_NAMESPACE).ok()?;
            dns_label(name.trim()).ok()
        };
        let given = self.namespace.clone().or_else(of_pod);
        given.unwrap_or_else(|| "osimage".to_owned())
    }
}

impl CommonFlags {
    /// How long a leader may be silent.
    pub fn lease_duration(&self) -> Duration {
        Duration::from_secs(self.leader_elect_lease_duration.into())
    }
}

/// The longest name of a namespace (RFC 1123).
const LABEL_MAX: usize = 63;

/// Reads the name of a namespace; what is wrong with it, as a sentence.
pub fn dns_label(name: &str) -> Result<String, String> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_valid = (1..=LABEL_MAX).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_valid {
        Ok(name.to_owned())
    } else {
        Err("not the name of a namespace: lower-case letters, digits and '-'".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        flags: CommonFlags,
        #[command(flatten)]
        namespace: NamespaceFlag,
    }

    fn parse(arguments: &[&str]) -> Result<CommonFlags, String> {
        let all = [&["program"], arguments].concat();
        Program::try_parse_from(all)
            .map(|program| program.flags)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let flags = parse(&[]).unwrap();
        assert_eq!(flags.health_probe_bind_address.to_string(), "0.0.0.0:8081");
        assert_eq!(flags.metrics_bind_address.to_string(), "127.0.0.1:8443");
        assert!(flags.metrics_secure && flags.leader_elect);
        assert_eq!(flags.lease_duration(), Duration::from_secs(30));
        assert_eq!(
            (flags.log_format, flags.log_level),
            (LogFormat::Json, LogLevel::Info)
        );
    }

    #[test]
    fn a_switch_stands_alone_or_has_a_value() {
        for (argument, expected) in [
            ("--leader-elect", true),
            ("--leader-elect=true", true),
            ("--leader-elect=false", false),
        ] {
            assert_eq!(parse(&[argument]).unwrap().leader_elect, expected);
        }
        assert!(!parse(&["--metrics-secure=false"]).unwrap().metrics_secure);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for arguments in [
            &["--namespace", "a/b"][..],
            &["--namespace", ""],
            &["--leader-elect-lease-duration", "1"],
            &["--leader-elect-lease-duration", "many"],
            &["--health-probe-bind-address", "nowhere"],
            &["--tls-cert-file", "a.crt"],
            &["--tls-private-key-file", "a.key"],
            &["--log-level", "loud"],
            &["--leader-elect=perhaps"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
