//! Asks registries about images, and remembers for how long the answer holds. What an answer means is
//! a rule of `osbuild_plan`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_io::cluster::{Cluster, ClusterError};
use cluster_io::registry::{Credentials, CredentialsError, Registry};
use openshift_model::{ControllerConfig, Kind, RawObject, ReadError};
use osbuild_check::RegistrySecret;
use osbuild_plan::{BUILD_NAMESPACE, ImageFact, PushAccess};
use tokio::time::Instant;

/// How long an answer holds: within a decision and the one after it.
const HOLDS: Duration = Duration::from_secs(20);
/// How long it holds that there was no answer: whatever changes meanwhile, a registry that is down or
/// counts requests is not asked more often.
const UNKNOWN_HOLDS: Duration = Duration::from_mins(1);
/// The certificates of the cluster's own registry, where a pod finds them.
const SERVICE_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt";
/// The ControllerConfig that a cluster has.
const CONTROLLER_CONFIG: &str = "machine-config-controller";

/// A registry cannot be asked.
#[derive(Debug, thiserror::Error)]
enum RegistryError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    #[error(
        "Secret {0} is not in namespace {BUILD_NAMESPACE}: create it, or name another one in \
         spec.renderedImagePushSecret of the MachineOSConfig"
    )]
    NoSecret(String),
    /// What a Secret holds stands in no error.
    #[error("{kind} {name} cannot be read: the answer of the API server is no object of this kind")]
    Unreadable { kind: Kind, name: String },
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Credentials(#[from] CredentialsError),
    #[error(
        "spec.additionalTrustBundle of ControllerConfig {CONTROLLER_CONFIG} is not in base64, so that \
         nobody knows which registries to trust: {0}"
    )]
    Bundle(base64::DecodeError),
    #[error("{0}")]
    Tls(String),
}

/// What was answered, and until when it holds.
#[derive(Debug)]
struct Answers<T>(BTreeMap<String, (T, Instant)>);

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Answers<T> {
    fn put(&mut self, image: &str, answer: T, is_known: bool, now: Instant) {
        let holds = if is_known { HOLDS } else { UNKNOWN_HOLDS };
        self.0.insert(image.to_owned(), (answer, now + holds));
    }

    /// Those that hold still; the others are forgotten.
    fn at(&mut self, now: Instant) -> BTreeMap<String, T> {
        self.0.retain(|_, (_, until)| now < *until);
        let known = self.0.iter();
        known
            .map(|(image, (answer, _))| (image.clone(), answer.clone()))
            .collect()
    }
}

/// Asks registries, and remembers for a moment what they said.
pub(crate) struct Registries {
    cluster: Cluster,
    images: Answers<ImageFact>,
    pushes: Answers<PushAccess>,
    /// Why the authority of the cluster's own registry cannot be read, as it was logged last.
    service_ca_problem: Option<String>,
}

impl Registries {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            images: Answers::default(),
            pushes: Answers::default(),
            service_ca_problem: None,
        }
    }

    /// What is known about images.
    pub(crate) fn images(&mut self) -> BTreeMap<String, ImageFact> {
        self.images.at(Instant::now())
    }

    /// Asks about an image, with the credentials of a Secret.
    pub(crate) async fn inspect(&mut self, image: &str, secret: &str) -> ImageFact {
        let fact = match self.registry(secret).await {
            Err(error) => ImageFact::Unknown(error.to_string()),
            Ok(registry) => {
                let found = registry.inspect(image).await;
                ImageFact::of_inspection(found.map(|found| (found.digest, found.labels)))
            }
        };
        self.remember(image, fact.clone());
        fact
    }

    /// IL-783: whether an image may be pushed.
    pub(crate) async fn push_access(&mut self, image: &str, secret: &str) -> PushAccess {
        if let Some(known) = self.pushes.at(Instant::now()).remove(image) {
            return known;
        }
        let access = match self.registry(secret).await {
            Err(error) => PushAccess::Unknown(error.to_string()),
            Ok(registry) => PushAccess::of_upload(registry.try_push(image).await),
        };
        let is_known = !matches!(access, PushAccess::Unknown(_));
        let now = Instant::now();
        self.pushes.put(image, access.clone(), is_known, now);
        access
    }

    /// IL-353, IL-736: deletes an image; what became of it is a fact of the next decision.
    pub(crate) async fn delete(&mut self, image: &str, secret: &str) {
        let fact = match self.registry(secret).await {
            // Without credentials nobody will ever delete it.
            Err(error @ RegistryError::NoSecret(_)) => ImageFact::Undeletable(error.to_string()),
            Err(error) => ImageFact::Unknown(error.to_string()),
            Ok(registry) => ImageFact::of_deletion(registry.delete(image).await),
        };
        self.remember(image, fact);
    }

    fn remember(&mut self, image: &str, fact: ImageFact) {
        let is_known = !matches!(fact, ImageFact::Unknown(_));
        self.images.put(image, fact, is_known, Instant::now());
    }

    async fn registry(&mut self, secret: &str) -> Result<Registry, RegistryError> {
        let json = self
            .cluster
            .object(Kind::Secret, BUILD_NAMESPACE, secret)
            .await?;
        let json = json.ok_or_else(|| RegistryError::NoSecret(secret.to_owned()))?;
        let object = parsed(Kind::Secret, secret, &json)?;
        let credentials = Credentials::of_secret(&RegistrySecret::read(&object)?)?;
        let authorities = self.authorities().await?;
        Registry::new(credentials, &authorities).map_err(RegistryError::Tls)
    }

    /// IL-434: whom the cluster trusts besides the system's authorities.
    async fn authorities(&mut self) -> Result<Vec<Vec<u8>>, RegistryError> {
        let kind = Kind::ControllerConfig;
        let json = self.cluster.object(kind, "", CONTROLLER_CONFIG).await?;
        let json = json.as_deref();
        let object = json.map(|json| parsed(kind, CONTROLLER_CONFIG, json));
        let object = object.transpose()?;
        let config = object
            .map(|object| ControllerConfig::read(&object))
            .transpose()?;
        let bundle = config.and_then(|config| config.additional_trust_bundle);
        let bundle = bundle.map(|encoded| STANDARD.decode(encoded.replace(['\r', '\n'], "")));
        let bundle = bundle.transpose().map_err(RegistryError::Bundle)?;
        let service = self.service_ca(std::fs::read(SERVICE_CA));
        Ok(bundle.into_iter().chain(service).collect())
    }

    /// The authority of the cluster's own registry. Outside a pod there is none; one that cannot be read
    /// is logged once, and other registries are asked all the same.
    fn service_ca(&mut self, read: std::io::Result<Vec<u8>>) -> Option<Vec<u8>> {
        let problem = match read {
            Ok(bundle) => {
                self.service_ca_problem = None;
                return Some(bundle);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(error.to_string()),
        };
        if problem != self.service_ca_problem
            && let Some(error) = &problem
        {
            tracing::warn!(
                error,
                "{SERVICE_CA} cannot be read: the cluster's own registry is not trusted"
            );
        }
        self.service_ca_problem = problem;
        None
    }
}

fn parsed<'t>(kind: Kind, name: &str, json: &'t str) -> Result<RawObject<'t>, RegistryError> {
    let object = RawObject::parse(json).ok().flatten();
    let object = object.filter(|object| object.kind == kind);
    object.ok_or_else(|| RegistryError::Unreadable {
        kind,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_absent() {
        let secret = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "push"}}"#;
        assert!(parsed(Kind::Secret, "push", secret).is_ok());
        for json in [
            "{",
            "[]",
            r#"{"apiVersion": "v1", "kind": "Status", "password": "secret"}"#,
        ] {
            let error = parsed(Kind::Secret, "push", json).unwrap_err();
            assert!(matches!(error, RegistryError::Unreadable { .. }), "{json}");
            assert!(!error.to_string().contains("password"), "{error}");
        }
    }

    #[test]
    fn no_answer_is_kept_longer_than_an_answer() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut answers = Answers::default();
        answers.put("known", 1, true, start);
        answers.put("unknown", 2, false, start);
        let names = |answers: &mut Answers<i32>, at| {
            let names = answers.at(at).into_keys();
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&mut answers, after(19)), ["known", "unknown"]);
        assert_eq!(names(&mut answers, after(59)), ["unknown"]);
        assert!(names(&mut answers, after(60)).is_empty());
    }
}
