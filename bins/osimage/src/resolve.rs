//! Answers to `needs`, fetched from EC2 and from vCenters.

use std::collections::BTreeMap;

use bootimage_plan::FactRequest;
use cluster_io::cluster::Cluster;
use cluster_io::ec2::{self, Credentials, Endpoints, Limits, Resolved};
use cluster_io::vcenter::{self, Access};
use openshift_model::{Kind, RawObject, Secret, names};

use crate::cli::VcenterArgs;
use crate::error::CommandError;

/// Asks EC2 and vCenters with the credentials of the environment, or else of the cluster.
pub(crate) struct Resolver<'a> {
    cluster: Option<&'a Cluster>,
    vcenter: &'a VcenterArgs,
    /// Credentials and endpoints of EC2, once they were looked for.
    ec2: Option<(Credentials, Endpoints)>,
    /// Access to vCenters, once it was looked for.
    access: Option<Access>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(cluster: Option<&'a Cluster>, vcenter: &'a VcenterArgs) -> Self {
        Self {
            cluster,
            vcenter,
            ec2: None,
            access: None,
        }
    }

    /// Answers to what clouds can be asked; a warning for each that cannot.
    pub(crate) async fn resolve(
        &mut self,
        needs: &[FactRequest],
    ) -> Result<Resolved, CommandError> {
        let of_vcenter = |need: &&FactRequest| matches!(need, FactRequest::VsphereTemplate(_));
        let mut resolved = Resolved::default();
        if needs.iter().any(|need| !of_vcenter(&need)) {
            let found = match self.ec2.take() {
                Some(found) => found,
                None => self.of_ec2().await?,
            };
            let (credentials, endpoints) = self.ec2.insert(found);
            let limits = Limits::default();
            resolved = ec2::resolve(needs, credentials, endpoints, limits).await;
        }
        if needs.iter().any(|need| of_vcenter(&need)) {
            let access = match self.access.take() {
                Some(access) => access,
                None => access(self.vcenter, self.cluster).await?,
            };
            let more = vcenter::resolve(needs, self.access.insert(access)).await;
            for fact in more.facts.iter() {
                resolved.facts.insert(fact);
            }
            resolved.warnings.extend(more.warnings);
        }
        Ok(resolved)
    }

    async fn of_ec2(&self) -> Result<(Credentials, Endpoints), CommandError> {
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

/// BI-311: who speaks to vCenters: the environment says, and for those that it does not name the
/// cluster's own Secret, where a cluster can be asked.
pub(crate) async fn access(
    args: &VcenterArgs,
    cluster: Option<&Cluster>,
) -> Result<Access, CommandError> {
    let cloud = |error: String| CommandError::Cloud(error);
    let variable = |name: &str| std::env::var(name).ok();
    let mut access =
        Access::from_environment(variable).map_err(|error| cloud(error.to_string()))?;
    for path in &args.vcenter_ca {
        let trust = access.trust.with_authorities(path);
        access.trust = trust.map_err(|error| cloud(error.to_string()))?;
    }
    for path in &args.vcenter_thumbprints {
        let trust = access.trust.with_thumbprints(path);
        access.trust = trust.map_err(|error| cloud(error.to_string()))?;
    }
    let Some(cluster) = cluster else {
        return Ok(access);
    };
    let (namespace, name) = names::VSPHERE_CREDENTIALS;
    let read = cluster.object(Kind::Secret, namespace, name).await;
    // Where the environment says who asks, the Secret need not be readable.
    if let Ok(Some(json)) = read {
        let data = data(&json)
            .map_err(|problem| cloud(format!("Secret {namespace}/{name}: {problem}")))?;
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let data: BTreeMap<_, _> = data
            .iter()
            .map(|(key, bytes)| (key.as_str(), text(bytes)))
            .collect();
        access.add_secret(data.iter().map(|(key, value)| (*key, value.as_str())));
    }
    Ok(access)
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
