//! Everything that is asked about one region.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use http::Uri;
use openshift_model::facts::{Answer, AwsImage, Fact};

use super::answer::{self, Meaning, Page};
use super::call::{CallError, Caller, Target};
use super::credentials::{Credentials, Keys, Source, WebIdentity};
use super::endpoints::{Endpoints, Service};
use super::lookup::Lookup;
use super::query;

/// Pages of a search: ten thousand images. A marketplace product has some dozens in a region.
const MAX_PAGES: usize = 10;

/// Tokens are of a few kilobytes at most.
const MAX_TOKEN: u64 = 64 << 10;
/// How long a token may take to be read: it lies on a local disk.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How EC2 is asked: the client, the credentials, the endpoints.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) caller: Caller,
    pub(super) credentials: Credentials,
    pub(super) endpoints: Endpoints,
}

/// What is asked about a region, each thing once.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions {
    /// Image ids.
    pub(super) images: BTreeSet<String>,
    /// Product ids.
    pub(super) products: BTreeSet<String>,
}

impl Questions {
    /// The same answer to all of them.
    pub(super) fn denied(self, region: &str, words: &str) -> Vec<Fact> {
        let images = self.images.into_iter();
        let images = images.map(|id| image_fact(region, id, Answer::Denied(words.to_owned())));
        let products = self.products.into_iter();
        let products =
            products.map(|product| product_fact(region, product, Answer::Denied(words.to_owned())));
        images.chain(products).collect()
    }
}

/// One region while it is asked.
struct Region<'m> {
    access: &'m Access,
    name: &'m str,
    endpoint: Uri,
    keys: Keys,
    deadline: Instant,
}

/// Answers to all questions about a region.
pub(super) async fn answer(access: &Access, name: &str, questions: Questions) -> Vec<Fact> {
    match Region::open(access, name).await {
        Ok(region) => region.answer(questions).await,
        Err(words) => questions.denied(name, &words),
    }
}

impl<'m> Region<'m> {
    /// Why no question can be asked, where none can.
    async fn open(access: &'m Access, name: &'m str) -> Result<Self, String> {
        let deadline = access.caller.deadline();
        let endpoint = access.endpoints.of(Service::Ec2, name);
        let endpoint = endpoint.map_err(|error| error.to_string())?;
        let keys = match &access.credentials.source {
            Source::Keys(keys) => keys.clone(),
            Source::WebIdentity(identity) => assume(access, name, identity, deadline).await?,
        };
        Ok(Self {
            access,
            name,
            endpoint,
            keys,
            deadline,
        })
    }

    async fn answer(&self, questions: Questions) -> Vec<Fact> {
        let (images, mut down) = self.images(questions.images).await;
        let images = images.into_iter();
        let mut facts: Vec<_> = images
            .map(|(id, answer)| image_fact(self.name, id, answer))
            .collect();
        for product in questions.products {
            let answer = match &down {
                Some(words) => Answer::Denied(words.clone()),
                None => self.product(&product).await.unwrap_or_else(|error| {
                    down = down_for(&error);
                    Answer::Denied(error.to_string())
                }),
            };
            facts.push(product_fact(self.name, product, answer));
        }
        facts
    }

    /// BI-262: answers, and why nothing more should be asked, if so.
    async fn images(
        &self,
        ids: BTreeSet<String>,
    ) -> (
        impl IntoIterator<Item = (String, Answer<AwsImage>)>,
        Option<String>,
    ) {
        let mut lookup = Lookup::new(ids);
        let mut down = None;
        while let Some(batch) = lookup.next_batch() {
            match self.pages(|token| query::images(&batch, token)).await {
                Ok(images) => lookup.found(batch, images),
                Err(CallError::Refused { refusal, .. }) if refusal.meaning() != Meaning::Busy => {
                    lookup.refused(batch, &refusal);
                }
                Err(error) => {
                    lookup.deny(batch, &error.to_string());
                    down = down_for(&error);
                    if let Some(words) = &down {
                        lookup.give_up(words);
                    }
                }
            }
        }
        (lookup.into_answers(), down)
    }

    /// BI-267: all images of a product.
    async fn product(&self, product: &str) -> Result<Answer<Vec<AwsImage>>, CallError> {
        let form = |token: Option<&str>| query::marketplace_images(product, token);
        self.pages(form).await.map(Answer::Found)
    }

    /// All pages of an answer, or none.
    async fn pages(
        &self,
        form: impl Fn(Option<&str>) -> String,
    ) -> Result<Vec<AwsImage>, CallError> {
        let mut images = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let page: Page = self.call(&form(token.as_deref())).await?;
            images.extend(page.images);
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(images),
            }
        }
        Err(CallError::Unusable {
            endpoint: self.endpoint.to_string(),
            cause: format!("it has more than {MAX_PAGES} pages"),
        })
    }

    async fn call(&self, form: &str) -> Result<Page, CallError> {
        let request = || {
            let now = SystemTime::now();
            let request =
                query::signed(&self.endpoint, self.name, &self.keys, form.to_owned(), now);
            request.map_err(|error| error.to_string())
        };
        let target = Target {
            endpoint: &self.endpoint,
            deadline: self.deadline,
            secret: self.keys.session_token.as_deref(),
        };
        let caller = &self.access.caller;
        caller.call(target, request, answer::images).await
    }
}

/// Why other questions would fail as well, where they would.
fn down_for(error: &CallError) -> Option<String> {
    let is_down = match error {
        CallError::Refused { refusal, .. } => refusal.meaning() == Meaning::Busy,
        CallError::Unusable { .. } => false,
        CallError::Status { .. }
        | CallError::Unreachable { .. }
        | CallError::Late { .. }
        | CallError::NotSent(_) => true,
    };
    is_down.then(|| error.to_string())
}

/// BI-261: keys for a role, from STS in the same region; or why there are none.
async fn assume(
    access: &Access,
    region: &str,
    identity: &WebIdentity,
    deadline: Instant,
) -> Result<Keys, String> {
    let role = &identity.role;
    let file = identity.token_file.display();
    let path = identity.token_file.clone();
    let read = tokio::task::spawn_blocking(move || read_token(&path));
    let token = match tokio::time::timeout(TOKEN_TIMEOUT, read).await {
        Ok(Ok(token)) => token,
        _ => Err(io::Error::from(io::ErrorKind::TimedOut)),
    };
    let token = token.map_err(|error| {
        format!("the token for the role {role} cannot be read: {file}: {error}")
    })?;
    let endpoint = access.endpoints.of(Service::Sts, region);
    let endpoint = endpoint.map_err(|error| error.to_string())?;
    let request = || {
        let form = query::assume_role(identity, &token);
        query::request(&endpoint, form).map_err(|error| error.to_string())
    };
    let target = Target {
        endpoint: &endpoint,
        deadline,
        secret: Some(&token),
    };
    let call = access.caller.call(target, request, answer::keys);
    call.await
        .map_err(|error| format!("the role {role} cannot be assumed: {error}"))
}

/// Reads a token, out of a regular file only: a pipe may never end.
fn read_token(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut token = String::new();
    File::open(path)?
        .take(MAX_TOKEN + 1)
        .read_to_string(&mut token)?;
    if token.len() as u64 > MAX_TOKEN {
        return Err(io::Error::other("it is too large for a token"));
    }
    match token.trim() {
        "" => Err(io::Error::other("it is empty")),
        token => Ok(token.to_owned()),
    }
}

fn image_fact(region: &str, id: String, answer: Answer<AwsImage>) -> Fact {
    let region = Some(region.to_owned());
    Fact::AwsImage { region, id, answer }
}

fn product_fact(region: &str, product_id: String, answer: Answer<Vec<AwsImage>>) -> Fact {
    Fact::AwsMarketplaceImages {
        region: Some(region.to_owned()),
        product_id,
        answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_a_regular_file_of_a_tokens_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let problem = |path: &Path| read_token(path).unwrap_err().to_string();
        assert_eq!(problem(folder.path()), "it is no regular file");
        assert_eq!(problem(Path::new("/dev/zero")), "it is no regular file");
        fs::write(&path, " \n").unwrap();
        assert_eq!(problem(&path), "it is empty");
        fs::write(&path, "a".repeat((64 << 10) + 1)).unwrap();
        assert_eq!(problem(&path), "it is too large for a token");
        fs::write(&path, "token\n").unwrap();
        assert_eq!(read_token(&path).unwrap(), "token");
    }
}
