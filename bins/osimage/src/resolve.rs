//! Answers to `needs`, fetched from EC2.

use std::collections::BTreeMap;

use bootimage_plan::FactRequest;
use cluster_io::cluster::Cluster;
use cluster_io::ec2::{self, Credentials, Endpoints, Limits, Resolved};
use openshift_model::{Kind, RawObject, Secret, names};

use crate::error::CommandError;

/// Asks EC2 with the credentials of the environment, or else of the cluster.
pub(crate) struct Resolver<'a> {
    cluster: Option<&'a Cluster>,
    /// Credentials and endpoints, once they were looked for.
    access: Option<(Credentials, Endpoints)>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(cluster: Option<&'a Cluster>) -> Self {
        Self {
            cluster,
            access: None,
        }
    }

    /// Answers to what EC2 can be asked; a warning where it cannot.
    pub(crate) async fn resolve(
        &mut self,
        needs: &[FactRequest],
    ) -> Result<Resolved, CommandError> {
        let is_aws = |need: &&FactRequest| !matches!(need, FactRequest::VsphereTemplate(_));
        if !needs.iter().any(|need| is_aws(&need)) {
            return Ok(Resolved {
                warnings: vec![
                    "--resolve asks EC2 only; for vSphere answer with --facts".to_owned(),
                ],
                ..Resolved::default()
            });
        }
        let access = match self.access.take() {
            Some(access) => access,
            None => self.find_access().await?,
        };
        let (credentials, endpoints) = self.access.insert(access);
        Ok(ec2::resolve(needs, credentials, endpoints, Limits::default()).await)
    }

    async fn find_access(&self) -> Result<(Credentials, Endpoints), CommandError> {
        let variable = |name: &str| std::env::var(name).ok();
        let cloud = |error: String| CommandError::Cloud(error);
        let endpoints =
            Endpoints::from_environment(variable).map_err(|error| cloud(error.to_string()))?;
        let found =
            Credentials::from_environment(variable).map_err(|error| cloud(error.to_string()))?;
        let credentials = match (found, self.cluster) {
            (Some(credentials), _) => credentials,
            (None, Some(cluster)) => of_secret(cluster).await?,
            (None, None) => {
                return Err(cloud(
                    "no credentials for EC2: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                     AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, or leave --resolve out and \
                     answer with --facts"
                        .to_owned(),
                ));
            }
        };
        Ok((credentials, endpoints))
    }
}

/// BI-261: the Secret with which the cluster itself speaks to AWS.
async fn of_secret(cluster: &Cluster) -> Result<Credentials, CommandError> {
    let failed = |problem: String| {
        CommandError::Cloud(format!(
            "failed to fetch {} secret: {problem}",
            names::AWS_CREDENTIALS
        ))
    };
    let read = cluster
        .object(
            Kind::Secret,
            names::MACHINE_API_NAMESPACE,
            names::AWS_CREDENTIALS,
        )
        .await
        .map_err(|error| failed(error.to_string()))?;
    let json = read.ok_or_else(|| failed("it is not there".to_owned()))?;
    let data = data(&json).map_err(failed)?;
    Credentials::from_secret(&data).map_err(|error| CommandError::Cloud(error.to_string()))
}

/// What the Secret holds, or what is wrong with it; never what it holds.
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
