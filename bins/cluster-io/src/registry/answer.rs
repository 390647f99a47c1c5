//! What a registry answers: errors, digests, challenges.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::{LINK, LOCATION, WWW_AUTHENTICATE};
use osbuild_check::{ImageError, RegistryFailure, Step};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::http::{Answer, Target};

/// How a registry wants to know who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token of another server.
    Bearer {
        realm: String,
        service: String,
    },
}

impl Challenge {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let mut challenges: Vec<Self> = texts.filter_map(Self::parse).collect();
        // A token is preferred where both are offered.
        challenges.sort_by_key(|challenge| *challenge == Self::Basic);
        challenges.into_iter().next()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Self::Basic),
            "bearer" => {
                let mut parameters: BTreeMap<String, String> = parameters(rest).collect();
                Some(Self::Bearer {
                    realm: parameters.remove("realm")?,
                    service: parameters.remove("service").unwrap_or_default(),
                })
            }
            _ => None,
        }
    }
}

/// `name="value"`, separated by commas; a value may hold commas.
fn parameters(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        let name = name.trim_start_matches([',', ' ']).to_ascii_lowercase();
        Some((name, value.to_owned()))
    })
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Answer {
    /// The answer, if it is a good one.
    pub(super) fn success(self, target: &Target, step: Step) -> Result<Self, ImageError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(target.error(step, self.failure()))
        }
    }

    /// What went wrong, in the words of the registry where it has any.
    pub(super) fn failure(&self) -> RegistryFailure {
        let errors: Option<Errors> = serde_json::from_slice(&self.body).ok();
        let first = errors.and_then(|errors| errors.errors.into_iter().next());
        match first.filter(|error| !error.code.is_empty()) {
            Some(ErrorEntry { code, message }) => RegistryFailure::Code { code, message },
            None => RegistryFailure::HttpStatus(self.status.as_u16()),
        }
    }

    pub(super) fn json<T: DeserializeOwned>(
        &self,
        target: &Target,
        step: Step,
    ) -> Result<T, ImageError> {
        let read = serde_json::from_slice(&self.body);
        read.map_err(|error| {
            let problem = format!("the answer is no JSON: {error}");
            target.error(step, RegistryFailure::Other(problem))
        })
    }

    /// Where it leads to.
    pub(super) fn location(&self) -> Option<&str> {
        self.header(&LOCATION)
    }

    fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query of the next page of a list: of `Link: <URI?query>; rel="next"`.
    pub(super) fn next_page(&self) -> Option<String> {
        let (uri, parameters) = self.header(&LINK)?.split_once('>')?;
        let query = uri.split_once('?')?.1;
        parameters.contains("next").then(|| query.to_owned())
    }

    /// The digest of a manifest: that of its bytes, whatever a header says.
    pub(super) fn digest(&self) -> String {
        digest_of(&self.body)
    }
}

/// The digest of some bytes, as registries write it.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_either_form() {
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.to_owned(),
            })
        };
        for (text, expected) in [
            ("Basic realm=\"r\"", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth/token\",service=\"reg, 1\",scope=\"a:b:pull,push\"",
                bearer("https://auth/token", "reg, 1"),
            ),
            ("bearer realm=\"x\"", bearer("x", "")),
            ("Bearer service=\"x\"", None),
            ("Negotiate", None),
        ] {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }
}
