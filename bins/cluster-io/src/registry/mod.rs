//! Container registries: is an image there, of what is it made, may it be pushed; and deleting one.
//!
//! The OCI distribution protocol over the HTTP client and the TLS that everything else here uses:
//! five requests, and the token flow. (oci-client, the kept crate for it, can neither delete nor try
//! whether something may be pushed, and would bring a second HTTP client.)

mod answer;
mod credentials;
mod http;

use std::time::Duration;

use ::http::header::LOCATION;
use ::http::{Method, StatusCode};
use openshift_model::ImageReference;
use osbuild_check::{ImageError, RegistryFailure, Step};
use serde_json::Value;

pub use credentials::{Credentials, CredentialsError};
use http::{Answer, Client, Target};

/// The types of manifests that are understood.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// IL-436: attempts after the first one, where the registry or the network fails for now.
const RETRIES: u32 = 2;
/// The wait before the first of them; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Registries, as whoever has these credentials sees them.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    credentials: Credentials,
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The digest of its manifest.
    pub digest: String,
    /// Its labels.
    pub labels: Value,
}

impl Registry {
    /// `authorities` are certificates as PEM that are trusted besides those of the system.
    pub fn new(credentials: Credentials, authorities: &[Vec<u8>]) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(authorities)?,
            credentials,
        })
    }

    /// IL-430: the digest and the labels of an image.
    pub async fn inspect(&self, image: &str) -> Result<Image, ImageError> {
        let target = target(image)?;
        let (digest, manifest) = self.manifest(&target, &target.reference).await?;
        let manifest = match manifest
            .pointer("/manifests/0/digest")
            .and_then(Value::as_str)
        {
            // Of an index, the first image: labels are the same in all of them.
            Some(first) => self.manifest(&target, first).await?.1,
            None => manifest,
        };
        let config = manifest.pointer("/config/digest").and_then(Value::as_str);
        let config = config.ok_or_else(|| {
            target.error(Step::Inspect, other("the manifest names no configuration"))
        })?;
        let path = format!("blobs/{config}");
        let answer = self.get(&target, Step::Inspect, &path, "*/*").await?;
        let config: Value = answer.json(&target, Step::Inspect)?;
        let labels = config.pointer("/config/Labels").cloned();
        Ok(Image {
            digest,
            labels: labels.unwrap_or_default(),
        })
    }

    async fn manifest(
        &self,
        target: &Target,
        reference: &str,
    ) -> Result<(String, Value), ImageError> {
        let path = format!("manifests/{reference}");
        let answer = self.get(target, Step::Fetch, &path, MANIFESTS).await?;
        let digest = answer.digest();
        Ok((digest, answer.json(target, Step::Inspect)?))
    }

    /// IL-445: deletes the manifest of an image. All its tags go with it.
    pub async fn delete(&self, image: &str) -> Result<(), ImageError> {
        let target = target(image)?;
        let digest = if target.reference.starts_with("sha256:") {
            target.reference.clone()
        } else {
            self.manifest(&target, &target.reference).await?.0
        };
        let path = format!("manifests/{digest}");
        let send = || self.send(&target, Method::DELETE, &path, "*/*", "pull,push,delete");
        let answer = repeated(send).await;
        let answer = answer.map_err(|failure| target.error(Step::Fetch, failure))?;
        answer.success(&target, Step::Fetch).map(drop)
    }

    /// IL-783: tries whether an image may be pushed: an upload is begun, and given up.
    pub async fn try_push(&self, image: &str) -> Result<(), ImageError> {
        let target = target(image)?;
        let send = || self.send(&target, Method::POST, "blobs/uploads/", "*/*", "pull,push");
        let answer = repeated(send).await;
        let answer = answer.map_err(|failure| target.error(Step::Fetch, failure))?;
        let answer = answer.success(&target, Step::Fetch)?;
        let upload = answer
            .headers
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        if let Some(upload) = upload {
            // A registry removes what nobody goes on with by itself, so that this may fail.
            let uri = target.absolute(upload);
            let authorization = answer.authorization.filter(|_| target.is_registry(&uri));
            let cancel = self
                .client
                .send(&target, Method::DELETE, &uri, "*/*", authorization);
            cancel.await.ok();
        }
        Ok(())
    }

    async fn get(
        &self,
        target: &Target,
        step: Step,
        path: &str,
        accept: &str,
    ) -> Result<Answer, ImageError> {
        let send = || self.send(target, Method::GET, path, accept, "pull");
        let answer = repeated(send).await;
        let answer = answer.map_err(|failure| target.error(step, failure))?;
        let redirects = [
            StatusCode::FOUND,
            StatusCode::SEE_OTHER,
            StatusCode::TEMPORARY_REDIRECT,
        ];
        if redirects.contains(&answer.status)
            && let Some(place) = answer.headers.get(LOCATION).and_then(|it| it.to_str().ok())
        {
            // Where blobs lie elsewhere, the credentials of the registry are not shown there.
            let uri = target.absolute(place);
            let moved = self
                .client
                .send(target, Method::GET, &uri, accept, None)
                .await;
            let moved = moved.map_err(|failure| target.error(step, failure))?;
            return moved.success(target, step);
        }
        answer.success(target, step)
    }

    /// One request, with a token or a password where the registry asks for one.
    async fn send(
        &self,
        target: &Target,
        method: Method,
        path: &str,
        accept: &str,
        actions: &str,
    ) -> Result<Answer, RegistryFailure> {
        let uri = target.uri(path);
        let answer = self
            .client
            .send(target, method.clone(), &uri, accept, None)
            .await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let login = self.credentials.of(&target.host, &target.path)?;
        let authorization = self
            .client
            .authorize(target, &answer, login, actions)
            .await?;
        match authorization {
            Some(value) => {
                self.client
                    .send(target, method, &uri, accept, Some(value))
                    .await
            }
            None => Ok(answer),
        }
    }
}

fn target(image: &str) -> Result<Target, ImageError> {
    let failed = |problem: String| ImageError {
        image: image.to_owned(),
        step: Step::Fetch,
        failure: RegistryFailure::Other(problem),
    };
    let reference = ImageReference::parse_canonical(image);
    let reference = reference.map_err(|error| failed(error.to_string()))?;
    let digest = reference.digest().map(|digest| digest.as_str().to_owned());
    let tag = || reference.tag().unwrap_or("latest").to_owned();
    Ok(Target {
        image: image.to_owned(),
        host: reference.domain().to_owned(),
        path: reference.path().to_owned(),
        reference: digest.unwrap_or_else(tag),
    })
}

/// IL-436: again, where the network or the registry fails for now.
async fn repeated<F>(send: impl Fn() -> F) -> Result<Answer, RegistryFailure>
where
    F: Future<Output = Result<Answer, RegistryFailure>>,
{
    let mut attempt = 0;
    loop {
        let answer = send().await;
        let fails_for_now = match &answer {
            Ok(answer) => {
                answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS
            }
            Err(RegistryFailure::Other(_)) => true,
            Err(_) => false,
        };
        if !fails_for_now || attempt == RETRIES {
            return answer;
        }
        attempt += 1;
        tokio::time::sleep(crate::backoff::doubled(FIRST_WAIT, attempt)).await;
    }
}

fn other(problem: &str) -> RegistryFailure {
    RegistryFailure::Other(problem.to_owned())
}
