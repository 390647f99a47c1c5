//! Questions to clouds: who asks, and which cloud answers what (BI-261, BI-311).

use std::collections::BTreeMap;
use std::path::PathBuf;

use bootimage_plan::FactRequest;
use clap::Args;
use openshift_model::{Kind, RawObject, Secret, names};

use crate::cluster::Cluster;
use crate::ec2::{self, Credentials, CredentialsError, EndpointError, Endpoints, Limits, Resolved};
use crate::vcenter::{self, Access, AccessError, TrustError};

/// Why no cloud can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// An address of EC2 that was set is none.
    #[error(transparent)]
    Endpoints(#[from] EndpointError),
    /// Credentials for EC2 that are there cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// There are no credentials for EC2, and no cluster that has some.
    #[error(
        "no credentials for EC2: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN \
         and AWS_WEB_IDENTITY_TOKEN_FILE"
    )]
    NoCredentials,
    /// The cluster's own credentials cannot be read.
    #[error("failed to fetch {name} secret: {problem}")]
    Secret {
        /// The Secret.
        name: &'static str,
        /// What is wrong; never what it holds.
        problem: String,
    },
    /// The environment gives no access to vCenters.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A file with certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Which certificates of vCenters count, beside what the system and the environment say; as flags of
/// a command line. They are always checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Certificates {
    /// Certificates of authorities that vCenters and mirrors of OVAs may have theirs from, PEM,
    /// beside those that the system trusts; repeatable
    #[arg(long = "vcenter-ca", value_name = "FILE")]
    pub authorities: Vec<PathBuf>,
    /// Hosts and the SHA-256 or SHA-1 of their certificates, as in govc's known hosts: for such a
    /// host only that certificate counts; repeatable
    #[arg(long = "vcenter-thumbprints", value_name = "FILE")]
    pub thumbprints: Vec<PathBuf>,
}

/// Asks EC2 and vCenters with the credentials of the environment, or else of the cluster. They are
/// looked for when a question first needs them, and kept.
pub struct Clouds<'a, V> {
    cluster: Option<&'a Cluster>,
    variable: V,
    certificates: Certificates,
    ec2: Option<(Credentials, Endpoints)>,
    vcenter: Option<Access>,
}

impl<'a, V: Fn(&str) -> Option<String>> Clouds<'a, V> {
    /// `variable` reads the environment; without a cluster only its credentials are used.
    pub fn new(cluster: Option<&'a Cluster>, variable: V, certificates: Certificates) -> Self {
        Self {
            cluster,
            variable,
            certificates,
            ec2: None,
            vcenter: None,
        }
    }

    /// Answers to what clouds can be asked; a warning for each that cannot.
    pub async fn resolve(&mut self, needs: &[FactRequest]) -> Result<Resolved, CloudError> {
        let of_vcenter = |need: &FactRequest| matches!(need, FactRequest::VsphereTemplate(_));
        let mut resolved = Resolved::default();
        if needs.iter().any(|need| !of_vcenter(need)) {
            let found = match self.ec2.take() {
                Some(found) => found,
                None => self.ec2().await?,
            };
            let (credentials, endpoints) = self.ec2.insert(found);
            resolved = ec2::resolve(needs, credentials, endpoints, Limits::default()).await;
        }
        if needs.iter().any(of_vcenter) {
            let access = match self.vcenter.take() {
                Some(access) => access,
                None => self.vcenter().await?,
            };
            let more = vcenter::resolve(needs, self.vcenter.insert(access)).await;
            for fact in more.facts.iter() {
                resolved.facts.insert(fact);
            }
            resolved.warnings.extend(more.warnings);
            resolved.refused_logins.extend(more.refused_logins);
        }
        Ok(resolved)
    }

    /// BI-261: the environment's credentials for EC2, or those with which the cluster itself speaks
    /// to AWS.
    async fn ec2(&self) -> Result<(Credentials, Endpoints), CloudError> {
        let endpoints = Endpoints::from_environment(&self.variable)?;
        let credentials = match (Credentials::from_environment(&self.variable)?, self.cluster) {
            (Some(credentials), _) => credentials,
            (None, Some(cluster)) => {
                let name = names::AWS_CREDENTIALS;
                let data = secret(cluster, names::MACHINE_API_NAMESPACE, name).await?;
                Credentials::from_secret(&data)?
            }
            (None, None) => return Err(CloudError::NoCredentials),
        };
        Ok((credentials, endpoints))
    }

    /// BI-311: who speaks to vCenters: the environment says, and for those that it does not name the
    /// cluster's own Secret, where a cluster can be asked.
    pub async fn vcenter(&self) -> Result<Access, CloudError> {
        let mut access = Access::from_environment(&self.variable)?;
        for path in &self.certificates.authorities {
            access.trust = access.trust.with_authorities(path)?;
        }
        for path in &self.certificates.thumbprints {
            access.trust = access.trust.with_thumbprints(path)?;
        }
        let Some(cluster) = self.cluster else {
            return Ok(access);
        };
        let (namespace, name) = names::VSPHERE_CREDENTIALS;
        match secret(cluster, namespace, name).await {
            Ok(data) => access.add_secret(texts(&data, name)?),
            // Where the environment says who asks, the Secret need not be readable.
            Err(_) if access.has_login() => {}
            Err(error) => return Err(error),
        }
        Ok(access)
    }
}

/// What a Secret of the cluster holds.
async fn secret(
    cluster: &Cluster,
    namespace: &str,
    name: &'static str,
) -> Result<BTreeMap<String, Vec<u8>>, CloudError> {
    let failed = |problem: String| CloudError::Secret { name, problem };
    let read = cluster.object(Kind::Secret, namespace, name).await;
    let read = read.map_err(|error| failed(error.to_string()))?;
    let json = read.ok_or_else(|| failed("it is not there".to_owned()))?;
    data(&json).map_err(failed)
}

/// What the Secret holds, or what is wrong with it.
fn data(json: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let object = RawObject::parse(json)
        .ok()
        .flatten()
        .ok_or("it is no Secret")?;
    let secret = Secret::read(&object).map_err(|error| error.to_string())?;
    let decoded = secret.keys().into_iter().filter_map(|key| {
        let value = secret.value(key)?.map_err(|error| error.to_string());
        Some(value.map(|value| (key.to_owned(), value.into_owned())))
    });
    decoded.collect()
}

/// Names and passwords as texts: one that is no UTF-8 cannot be sent as it is.
fn texts<'d>(
    data: &'d BTreeMap<String, Vec<u8>>,
    name: &'static str,
) -> Result<Vec<(&'d str, &'d str)>, CloudError> {
    let text = |(key, bytes): (&'d String, &'d Vec<u8>)| match std::str::from_utf8(bytes) {
        Ok(value) => Ok((key.as_str(), value)),
        Err(_) => Err(CloudError::Secret {
            name,
            problem: format!("data.{key} is no UTF-8 text"),
        }),
    };
    data.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = data(json).map_err(|problem| CloudError::Secret { name: "s", problem });
        let found = found.and_then(|data| {
            let texts = texts(&data, "s")?;
            let owned = texts.iter().map(|(key, value)| format!("{key}={value}"));
            Ok(owned.collect::<Vec<_>>())
        });
        let expected = match expected {
            Ok(texts) => {
                let texts = texts.iter().map(|(key, value)| format!("{key}={value}"));
                Ok(texts.collect())
            }
            Err(problem) => Err(format!("failed to fetch s secret: {problem}")),
        };
        assert_eq!(found.map_err(|error| error.to_string()), expected, "{json}");
    }

    #[test]
    fn bi_311_a_secret_is_read_as_text_or_refused_without_its_contents() {
        let secret = |data: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s"}},"data":{{{data}}}}}"#
            )
        };
        check(
            &secret(r#""v.username":"YQ==","v.password":"cA==""#),
            Ok(&[("v.password", "p"), ("v.username", "a")]),
        );
        check(
            &secret(r#""v.password":"/w==""#),
            Err("data.v.password is no UTF-8 text"),
        );
        check("[]", Err("it is no Secret"));
    }

    #[tokio::test]
    async fn bi_261_without_a_cluster_the_environment_must_say_who_asks() {
        let needs = [FactRequest::AwsImage {
            region: "r".to_owned(),
            id: "ami-1".to_owned(),
        }];
        let mut clouds = Clouds::new(None, |_: &str| None, Certificates::default());
        let error = clouds.resolve(&needs).await.unwrap_err();
        assert_eq!(error, CloudError::NoCredentials);
        assert!(clouds.resolve(&[]).await.is_ok());
    }
}
