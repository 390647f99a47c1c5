//! Attaches something to an image: an OCI referrer, as version 1.1 of the distribution specification has it.

use ::http::Method;
use bytes::Bytes;
use osbuild_check::{ImageError, Step};
use serde_json::{Value, json};

use super::answer::digest_of;
use super::http::{Message, Target};
use super::{Manifest, Meaning, Registry, classify, other, target};

const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BLOB: &str = "application/octet-stream";
/// The configuration of what has none.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");
/// With this header a registry says that it lists referrers itself.
const SUBJECT: &str = "oci-subject";

/// Something about an image.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// What it is called where it becomes a file.
    pub title: &'a str,
    /// Its bytes.
    pub contents: &'a [u8],
}

impl Registry {
    /// Attaches something to the image `image`, given by digest; the digest of the referrer. In a registry
    /// that knows no referrers it is listed under the tag `sha256-…` of the image. The same again changes
    /// nothing.
    pub async fn attach(&self, image: &str, artifact: &Artifact<'_>) -> Result<String, ImageError> {
        let target = target(image)?;
        let subject = self.manifest(&target, &target.reference).await?;
        let contents = Bytes::copy_from_slice(artifact.contents);
        for blob in [&Bytes::from_static(EMPTY.1), &contents] {
            self.push_blob(&target, blob).await?;
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "artifactType": artifact.media_type,
            "config": descriptor(EMPTY.0, EMPTY.1),
            "layers": [with_title(descriptor(artifact.media_type, artifact.contents), artifact.title)],
            "subject": subject.descriptor(),
        });
        let text = manifest.to_string();
        let digest = digest_of(text.as_bytes());
        let knows_referrers = self
            .push_manifest(&target, &digest, IMAGE_MANIFEST, &text)
            .await?;
        if !knows_referrers {
            let mut entry = descriptor(IMAGE_MANIFEST, text.as_bytes());
            if let Value::Object(members) = &mut entry {
                members.insert("artifactType".to_owned(), artifact.media_type.into());
            }
            self.list_referrer(&target, &subject.digest, entry).await?;
        }
        Ok(digest)
    }

    /// Adds a referrer to the list that stands for what the registry does not list itself.
    async fn list_referrer(
        &self,
        target: &Target,
        subject: &str,
        entry: Value,
    ) -> Result<(), ImageError> {
        let tag = subject.replace(':', "-");
        let mut entries = match self.manifest(target, &tag).await {
            Ok(list) => {
                let entries = list.document.get("manifests").and_then(Value::as_array);
                entries.cloned().ok_or_else(|| {
                    let problem = format!("tag {tag} is an image, and no list of what is attached");
                    target.error(Step::Inspect, other(&problem))
                })?
            }
            Err(error) if classify(&error) == Meaning::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        if entries
            .iter()
            .any(|known| known.get("digest") == entry.get("digest"))
        {
            return Ok(());
        }
        entries.push(entry);
        let list = json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries});
        let list = list.to_string();
        let pushed = self.push_manifest(target, &tag, IMAGE_INDEX, &list);
        pushed.await.map(drop)
    }

    /// Whether the registry lists referrers itself.
    async fn push_manifest(
        &self,
        target: &Target,
        reference: &str,
        media_type: &str,
        text: &str,
    ) -> Result<bool, ImageError> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        let message = Message::push(Method::PUT, Some((media_type, body)));
        let uri = target.uri(&format!("manifests/{reference}"));
        let answer = self.ask(target, &message, &uri).await?;
        Ok(answer.headers.contains_key(SUBJECT))
    }

    async fn push_blob(&self, target: &Target, contents: &Bytes) -> Result<(), ImageError> {
        let digest = digest_of(contents);
        let head = Message {
            method: Method::HEAD,
            ..Message::get("*/*")
        };
        let uri = target.uri(&format!("blobs/{digest}"));
        if self.ask(target, &head, &uri).await.is_ok() {
            return Ok(());
        }
        let (upload, authorization) = self.begin_upload(target).await?;
        let upload = upload.ok_or_else(|| {
            target.error(Step::Fetch, other("the answer to an upload says no place"))
        })?;
        let separator = if upload.contains('?') { '&' } else { '?' };
        let uri = format!("{upload}{separator}digest={digest}");
        let authorization = authorization.filter(|_| target.is_registry(&uri));
        let message = Message::push(Method::PUT, Some((BLOB, contents.clone())));
        let answer = self
            .client
            .send(target, &message, &uri, authorization)
            .await;
        let answer = answer.map_err(|failure| target.error(Step::Fetch, failure))?;
        answer.success(target, Step::Fetch).map(drop)
    }
}

impl Manifest {
    fn descriptor(&self) -> Value {
        let media_type = self.document.get("mediaType").and_then(Value::as_str);
        json!({
            "mediaType": media_type.unwrap_or(IMAGE_MANIFEST),
            "digest": self.digest,
            "size": self.size,
        })
    }
}

fn descriptor(media_type: &str, contents: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest_of(contents), "size": contents.len()})
}

fn with_title(mut descriptor: Value, title: &str) -> Value {
    if let Value::Object(members) = &mut descriptor {
        let annotations = json!({"org.opencontainers.image.title": title});
        members.insert("annotations".to_owned(), annotations);
    }
    descriptor
}
