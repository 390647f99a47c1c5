//! HTTPS to registries, with a limit on every wait and every answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use openshift_model::{DOCKER_HUB, DOCKER_HUB_API};
use osbuild_check::{ImageError, Login, RegistryFailure, Step};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use serde::Deserialize;

use super::answer::Challenge;
use crate::cluster::chain;
use crate::ec2::connector::Connector;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Manifests and configurations are some kilobytes; registries take 4 MiB.
const MAX_ANSWER: usize = 8 << 20;

/// An image, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) image: String,
    pub(super) host: String,
    pub(super) path: String,
    /// Tag or digest.
    pub(super) reference: String,
}

impl Target {
    /// Where its API is.
    fn server(&self) -> &str {
        match self.host.as_str() {
            // Docker Hub's API has another host than its images name.
            DOCKER_HUB => DOCKER_HUB_API,
            host => host,
        }
    }

    pub(super) fn uri(&self, path: &str) -> String {
        format!("https://{}/v2/{}/{path}", self.server(), self.path)
    }

    /// Where a header leads to: a registry may leave the host out.
    pub(super) fn absolute(&self, place: &str) -> String {
        if place.starts_with('/') {
            format!("https://{}{place}", self.server())
        } else {
            place.to_owned()
        }
    }

    /// Whether a URI leads to the registry's own API server, the only one that is sent credentials.
    pub(super) fn is_registry(&self, uri: &str) -> bool {
        let uri: Option<Uri> = uri.parse().ok();
        uri.is_some_and(|uri| {
            let authority = uri.authority().map(Authority::as_str);
            uri.scheme() == Some(&Scheme::HTTPS) && authority == Some(self.server())
        })
    }

    pub(super) fn error(&self, step: Step, failure: RegistryFailure) -> ImageError {
        ImageError {
            image: self.image.clone(),
            step,
            failure,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    pub(super) method: Method,
    /// The media types that are understood.
    pub(super) accept: &'a str,
    /// What is sent, and its media type.
    pub(super) body: Option<(&'a str, Bytes)>,
    /// What a token has to allow.
    pub(super) actions: &'a str,
}

impl<'a> Message<'a> {
    pub(super) fn get(accept: &'a str) -> Self {
        Self {
            method: Method::GET,
            accept,
            body: None,
            actions: "pull",
        }
    }

    /// Something that only whoever may push may do.
    pub(super) fn push(method: Method, body: Option<(&'a str, Bytes)>) -> Self {
        Self {
            method,
            accept: "*/*",
            body,
            actions: "pull,push",
        }
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// With what it was asked for.
    pub(super) authorization: Option<String>,
}

/// What requests go through; connections are kept.
#[derive(Clone)]
pub(super) struct Client(legacy::Client<HttpsConnector<Connector>, Full<Bytes>>);

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Client {
    pub(super) fn new(authorities: &[Vec<u8>]) -> Result<Self, String> {
        let certificates = authorities.iter().flat_map(|pem| {
            CertificateDer::pem_slice_iter(pem)
                .filter_map(Result::ok)
                .map(CertificateDer::into_owned)
        });
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(certificates, Arc::clone(&provider));
        let verifier = verifier.map_err(|error| format!("there is no TLS: {error}"))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("there is no TLS: {error}"))?
            // Nothing is switched off: it is the system's verifier, with more authorities.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let connector = Connector::https_with(config).map_err(|error| error.to_string())?;
        Ok(Self(
            legacy::Client::builder(TokioExecutor::new()).build(connector),
        ))
    }

    pub(super) async fn send(
        &self,
        target: &Target,
        request: &Message<'_>,
        uri: &str,
        authorization: Option<String>,
    ) -> Result<Answer, RegistryFailure> {
        let answer = tokio::time::timeout(TIMEOUT, self.answer(request, uri, authorization));
        answer.await.unwrap_or_else(|_| {
            let seconds = TIMEOUT.as_secs();
            let problem = format!("{} does not answer within {seconds} s", target.host);
            Err(RegistryFailure::Other(problem))
        })
    }

    async fn answer(
        &self,
        message: &Message<'_>,
        uri: &str,
        authorization: Option<String>,
    ) -> Result<Answer, RegistryFailure> {
        let failed = |error: &dyn std::error::Error| RegistryFailure::Other(chain(error));
        let mut request = Request::builder()
            .method(&message.method)
            .uri(uri)
            .header(ACCEPT, message.accept);
        let mut body = Bytes::new();
        if let Some((media_type, contents)) = &message.body {
            request = request.header(CONTENT_TYPE, *media_type);
            body = contents.clone();
        }
        if let Some(value) = &authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let response = self
            .0
            .request(request)
            .await
            .map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| RegistryFailure::Other(error.to_string()))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
            authorization,
        })
    }

    /// What to answer a challenge with; `None` where there is nothing to answer with.
    pub(super) async fn authorize(
        &self,
        target: &Target,
        refused: &Answer,
        login: Option<&Login>,
        actions: &str,
    ) -> Result<Option<String>, RegistryFailure> {
        match Challenge::of(&refused.headers) {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(login.map(Login::basic)),
            Some(Challenge::Bearer { realm, service }) => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("service", &service);
                query.append_pair("scope", &format!("repository:{}:{actions}", target.path));
                let separator = if realm.contains('?') { '&' } else { '?' };
                let uri = format!("{realm}{separator}{}", query.finish());
                let login = login.map(Login::basic);
                let answer = self.send(target, &Message::get("*/*"), &uri, login).await?;
                if !answer.status.is_success() {
                    return Err(match answer.status.as_u16() {
                        401 | 403 => RegistryFailure::Credentials(answer.failure().to_string()),
                        _ => answer.failure(),
                    });
                }
                let token: Option<Token> = serde_json::from_slice(&answer.body).ok();
                let token = token.map(|it| {
                    if it.token.is_empty() {
                        it.access_token
                    } else {
                        it.token
                    }
                });
                let token = token.filter(|token| !token.is_empty());
                let none = || RegistryFailure::Credentials("the answer has no token".to_owned());
                token
                    .map(|token| Some(format!("Bearer {token}")))
                    .ok_or_else(none)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_783_credentials_are_shown_to_the_registry_alone() {
        let check = |host: &str, place: &str, expected: bool| {
            let target = Target {
                image: String::new(),
                host: host.to_owned(),
                path: "o/i".to_owned(),
                reference: "latest".to_owned(),
            };
            let uri = target.absolute(place);
            assert_eq!(target.is_registry(&uri), expected, "{host} {uri}");
        };
        check("r.io:5000", "/v2/o/i/blobs/uploads/1", true);
        check("r.io:5000", "https://r.io:5000/upload", true);
        check("docker.io", "/v2/o/i/blobs/uploads/1", true);
        check("docker.io", "https://registry-1.docker.io/upload", true);
        check("docker.io", "https://docker.io/upload", false);
        check("r.io:5000", "http://r.io:5000/upload", false);
        check("r.io:5000", "https://r.io/upload", false);
        check("r.io", "https://user@r.io/upload", false);
        check("r.io", "https://storage.example/upload", false);
        check("r.io", "upload/1", false);
    }
}
