//! Container registries: which images are there, of what are they made, may one be pushed; deleting one, and
//! attaching something to one.
//!
//! The OCI distribution protocol over the HTTP client and the TLS that everything else here uses:
//! a few requests, and the token flow. (oci-client, the kept crate for it, can neither delete nor try
//! whether something may be pushed, and would bring a second HTTP client.)

mod answer;
mod attach;
mod http;

use std::time::Duration;

use ::http::{Method, StatusCode};
use openshift_model::ImageReference;
use osbuild_check::{ImageError, Meaning, RegistryFailure, Step, classify};
use serde::Deserialize;
use serde_json::Value;

pub use attach::Artifact;
pub use osbuild_check::{Credentials, CredentialsError};

use http::{Answer, Client, Message, Target};

/// The types of manifests that are understood.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// How many tags are asked for at once; a registry may give fewer.
const TAGS_PER_PAGE: usize = 1000;
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
    /// Its labels; of a list, those of its first image.
    pub labels: Value,
    /// When it was made, as its configuration says it.
    pub created: Option<String>,
    /// Go name of what it runs on; of a list, that of its first image.
    pub architecture: String,
    /// The images of a list; empty where it is none.
    pub parts: Vec<Part>,
}

/// An image of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Go name of what it runs on.
    pub architecture: String,
    /// The digest of its manifest.
    pub digest: String,
}

impl Registry {
    /// `authorities` are certificates as PEM that are trusted besides those of the system.
    pub fn new(credentials: Credentials, authorities: &[Vec<u8>]) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(authorities)?,
            credentials,
        })
    }

    /// IL-430: the digest and the labels of an image, and what else is known of it.
    pub async fn inspect(&self, image: &str) -> Result<Image, ImageError> {
        let target = target(image)?;
        let manifest = self.manifest(&target, &target.reference).await?;
        let parts = manifest.parts();
        // Of a list, the first image: labels are the same in all of them.
        let single = match parts.first() {
            Some(first) => self.manifest(&target, &first.digest).await?.document,
            None => manifest.document,
        };
        let config = single.pointer("/config/digest").and_then(Value::as_str);
        let config = config.ok_or_else(|| {
            target.error(Step::Inspect, other("the manifest names no configuration"))
        })?;
        let path = format!("blobs/{config}");
        let answer = self.get(&target, Step::Inspect, &path, "*/*").await?;
        let config: Value = answer.json(&target, Step::Inspect)?;
        let text = |member: &str| config.get(member).and_then(Value::as_str);
        let labels = config.pointer("/config/Labels").cloned();
        Ok(Image {
            digest: manifest.digest,
            labels: labels.unwrap_or_default(),
            created: text("created").map(str::to_owned),
            architecture: text("architecture").unwrap_or_default().to_owned(),
            parts,
        })
    }

    async fn manifest(&self, target: &Target, reference: &str) -> Result<Manifest, ImageError> {
        let path = format!("manifests/{reference}");
        let answer = self.get(target, Step::Fetch, &path, MANIFESTS).await?;
        Ok(Manifest {
            digest: answer.digest(),
            size: answer.body.len(),
            document: answer.json(target, Step::Inspect)?,
        })
    }

    /// The tags of a repository, given as HOST/PATH.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, ImageError> {
        let target = target(repository)?;
        let mut tags = Vec::new();
        let mut path = format!("tags/list?n={TAGS_PER_PAGE}");
        loop {
            let answer = self.get(&target, Step::Fetch, &path, "*/*").await?;
            let page: TagList = answer.json(&target, Step::Fetch)?;
            let is_last = page.tags.as_ref().is_none_or(Vec::is_empty);
            tags.extend(page.tags.into_iter().flatten());
            match answer.next_page().filter(|_| !is_last) {
                Some(query) => path = format!("tags/list?{query}"),
                None => return Ok(tags),
            }
        }
    }

    /// IL-445: deletes the manifest of an image. All its tags go with it.
    pub async fn delete(&self, image: &str) -> Result<(), ImageError> {
        let target = target(image)?;
        let digest = if target.reference.starts_with("sha256:") {
            target.reference.clone()
        } else {
            self.manifest(&target, &target.reference).await?.digest
        };
        let message = Message {
            actions: "pull,push,delete",
            ..Message::push(Method::DELETE, None)
        };
        let uri = target.uri(&format!("manifests/{digest}"));
        self.ask(&target, &message, &uri).await.map(drop)
    }

    /// IL-783: tries whether an image may be pushed: an upload is begun, and given up.
    pub async fn try_push(&self, image: &str) -> Result<(), ImageError> {
        let target = target(image)?;
        let (upload, authorization) = self.begin_upload(&target).await?;
        if let Some(uri) = upload {
            // A registry removes what nobody goes on with by itself, so that this may fail.
            let authorization = authorization.filter(|_| target.is_registry(&uri));
            let message = Message::push(Method::DELETE, None);
            let cancel = self.client.send(&target, &message, &uri, authorization);
            cancel.await.ok();
        }
        Ok(())
    }

    /// Begins an upload: where it goes on, and with what it was authorized.
    async fn begin_upload(
        &self,
        target: &Target,
    ) -> Result<(Option<String>, Option<String>), ImageError> {
        let message = Message::push(Method::POST, None);
        let uri = target.uri("blobs/uploads/");
        let answer = self.ask(target, &message, &uri).await?;
        let upload = answer.location().map(|place| target.absolute(place));
        Ok((upload, answer.authorization))
    }

    /// One request that is repeated where the registry fails for now, and has to succeed.
    async fn ask(
        &self,
        target: &Target,
        message: &Message<'_>,
        uri: &str,
    ) -> Result<Answer, ImageError> {
        let answer = repeated(|| self.send(target, message, uri)).await;
        let answer = answer.map_err(|failure| target.error(Step::Fetch, failure))?;
        answer.success(target, Step::Fetch)
    }

    async fn get(
        &self,
        target: &Target,
        step: Step,
        path: &str,
        accept: &str,
    ) -> Result<Answer, ImageError> {
        let (message, uri) = (Message::get(accept), target.uri(path));
        let answer = repeated(|| self.send(target, &message, &uri)).await;
        let answer = answer.map_err(|failure| target.error(step, failure))?;
        let redirects = [
            StatusCode::FOUND,
            StatusCode::SEE_OTHER,
            StatusCode::TEMPORARY_REDIRECT,
        ];
        if redirects.contains(&answer.status)
            && let Some(place) = answer.location()
        {
            // Where blobs lie elsewhere, the credentials of the registry are not shown there.
            let uri = target.absolute(place);
            let moved = self.client.send(target, &message, &uri, None).await;
            let moved = moved.map_err(|failure| target.error(step, failure))?;
            return moved.success(target, step);
        }
        answer.success(target, step)
    }

    /// One request, with a token or a password where the registry asks for one.
    async fn send(
        &self,
        target: &Target,
        message: &Message<'_>,
        uri: &str,
    ) -> Result<Answer, RegistryFailure> {
        let answer = self.client.send(target, message, uri, None).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !target.is_registry(uri) {
            return Ok(answer);
        }
        let login = self.credentials.of(&target.host, &target.path)?;
        let authorization = self
            .client
            .authorize(target, &answer, login, message.actions)
            .await?;
        match authorization {
            Some(value) => self.client.send(target, message, uri, Some(value)).await,
            None => Ok(answer),
        }
    }
}

/// A manifest, of an image or of a list of images.
struct Manifest {
    digest: String,
    size: usize,
    document: Value,
}

impl Manifest {
    /// The images of a list, in its order. What is for no architecture says something about another one.
    fn parts(&self) -> Vec<Part> {
        let members = self.document.get("manifests").and_then(Value::as_array);
        let parts = members.into_iter().flatten().filter_map(|member| {
            let architecture = member.pointer("/platform/architecture")?.as_str()?;
            Some(Part {
                architecture: architecture.to_owned(),
                digest: member.get("digest")?.as_str()?.to_owned(),
            })
        });
        parts
            .filter(|part| part.architecture != "unknown")
            .collect()
    }
}

/// `GET …/tags/list`
#[derive(Deserialize)]
struct TagList {
    #[serde(default)]
    tags: Option<Vec<String>>,
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
