//! What registries say about images, and for how long it holds.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_io::cluster::{Cluster, ClusterError};
use cluster_io::registry::{Credentials, CredentialsError, Registry};
use openshift_model::{ControllerConfig, Kind, RawObject, ReadError};
use osbuild_check::{Meaning, RegistryFailure, RegistrySecret, classify};
use osbuild_plan::{BUILD_NAMESPACE, ImageFact, PushAccess};
use serde_json::Value;
use tokio::time::Instant;

/// How long an answer holds: within a decision and the one after it.
const HOLDS: Duration = Duration::from_secs(20);
/// The certificates of the cluster's own registry, where a pod finds them.
const SERVICE_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt";
/// IL-781: the label with the digest of what an image is rendered from.
const INPUTS_LABEL: &str = "dev.osimage.inputs";

/// A registry cannot be asked.
#[derive(Debug, thiserror::Error)]
enum RegistryError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error("Secret {0} is not there")]
    NoSecret(String),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Credentials(#[from] CredentialsError),
    #[error("{0}")]
    Tls(String),
}

/// Asks registries, and remembers for a moment what they said.
pub(crate) struct Registries {
    cluster: Cluster,
    images: BTreeMap<String, (ImageFact, Instant)>,
    pushes: BTreeMap<String, (PushAccess, Instant)>,
}

impl Registries {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            images: BTreeMap::new(),
            pushes: BTreeMap::new(),
        }
    }

    /// What is known about images.
    pub(crate) fn images(&mut self) -> BTreeMap<String, ImageFact> {
        let now = Instant::now();
        self.images
            .retain(|_, (_, since)| now.duration_since(*since) < HOLDS);
        let known = self.images.iter();
        known
            .map(|(image, (fact, _))| (image.clone(), fact.clone()))
            .collect()
    }

    /// What is known about pushing an image.
    pub(crate) fn push_access(&mut self, image: &str) -> Option<PushAccess> {
        let now = Instant::now();
        self.pushes
            .retain(|_, (_, since)| now.duration_since(*since) < HOLDS);
        self.pushes.get(image).map(|(access, _)| access.clone())
    }

    /// Asks about an image, with the credentials of a Secret.
    pub(crate) async fn inspect(&mut self, image: &str, secret: &str) {
        let fact = match self.registry(secret).await {
            Err(error) => ImageFact::Unknown(error.to_string()),
            Ok(registry) => match registry.inspect(image).await {
                Ok(found) => ImageFact::Found {
                    digest: found.digest,
                    inputs: found
                        .labels
                        .get(INPUTS_LABEL)
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                },
                Err(error) if classify(&error) == Meaning::NotFound => ImageFact::NotFound,
                Err(error) => ImageFact::Unknown(error.to_string()),
            },
        };
        self.remember(image, fact);
    }

    /// IL-783: asks whether an image may be pushed.
    pub(crate) async fn try_push(&mut self, image: &str, secret: &str) {
        let access = match self.registry(secret).await {
            Err(error) => PushAccess::Unknown(error.to_string()),
            Ok(registry) => match registry.try_push(image).await {
                Ok(()) => PushAccess::Allowed,
                Err(error) if classify(&error) == Meaning::AccessDenied => {
                    PushAccess::Denied(error.to_string())
                }
                Err(error) => PushAccess::Unknown(error.to_string()),
            },
        };
        self.pushes
            .insert(image.to_owned(), (access, Instant::now()));
    }

    /// IL-353, IL-736: deletes an image; what became of it is a fact of the next decision.
    pub(crate) async fn delete(&mut self, image: &str, secret: &str) {
        let fact = match self.registry(secret).await {
            // Without credentials nobody will ever delete it.
            Err(error @ RegistryError::NoSecret(_)) => ImageFact::Undeletable(error.to_string()),
            Err(error) => ImageFact::Unknown(error.to_string()),
            Ok(registry) => match registry.delete(image).await {
                Ok(()) => ImageFact::NotFound,
                Err(error) => match classify(&error) {
                    Meaning::NotFound => ImageFact::NotFound,
                    Meaning::AccessDenied => ImageFact::Undeletable(error.to_string()),
                    Meaning::Unknown if is_refused(&error.failure) => {
                        ImageFact::Undeletable(error.to_string())
                    }
                    Meaning::Unknown => ImageFact::Unknown(error.to_string()),
                },
            },
        };
        self.remember(image, fact);
    }

    fn remember(&mut self, image: &str, fact: ImageFact) {
        self.images.insert(image.to_owned(), (fact, Instant::now()));
    }

    async fn registry(&self, secret: &str) -> Result<Registry, RegistryError> {
        let json = self
            .cluster
            .object(Kind::Secret, BUILD_NAMESPACE, secret)
            .await?;
        let json = json.ok_or_else(|| RegistryError::NoSecret(secret.to_owned()))?;
        let object = RawObject::parse(&json).ok().flatten();
        let object = object.ok_or_else(|| RegistryError::NoSecret(secret.to_owned()))?;
        let credentials = Credentials::of_secret(&RegistrySecret::read(&object)?)?;
        let authorities = self.authorities().await?;
        Registry::new(credentials, &authorities).map_err(RegistryError::Tls)
    }

    /// IL-434: whom the cluster trusts besides the system's authorities.
    async fn authorities(&self) -> Result<Vec<Vec<u8>>, RegistryError> {
        let kind = Kind::ControllerConfig;
        let json = self
            .cluster
            .object(kind, "", "machine-config-controller")
            .await?;
        let object = json
            .as_deref()
            .and_then(|json| RawObject::parse(json).ok().flatten());
        let config = object
            .map(|object| ControllerConfig::read(&object))
            .transpose()?;
        let bundle = config.and_then(|config| {
            let encoded = config.additional_trust_bundle?.replace(['\r', '\n'], "");
            STANDARD.decode(encoded).ok()
        });
        let service = std::fs::read(SERVICE_CA).ok();
        Ok(bundle.into_iter().chain(service).collect())
    }
}

/// IL-736: a registry that deletes nothing, whoever asks.
fn is_refused(failure: &RegistryFailure) -> bool {
    match failure {
        RegistryFailure::Code { code, .. } => code == "UNSUPPORTED",
        RegistryFailure::HttpStatus(status) => *status == 405,
        _ => false,
    }
}
