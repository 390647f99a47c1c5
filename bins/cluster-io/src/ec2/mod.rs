//! What EC2 says of images: `DescribeImages` of the EC2 query API, asked directly.
//!
//! Each region is asked by itself and all at the same time, with many images to a call. What EC2
//! does not have is [`NotFound`](openshift_model::facts::Answer::NotFound); what it refuses to say,
//! or cannot be asked, is [`Denied`](openshift_model::facts::Answer::Denied) with the reason, for
//! just the questions that it concerns. Nothing here fails as a whole.

mod answer;
mod call;
pub(crate) mod connector;
mod credentials;
mod endpoints;
mod lookup;
mod query;
mod region;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openshift_model::facts::{Answer, Fact, FactRequest, Facts};
use tokio::task::JoinSet;

pub use call::Limits;
pub use credentials::{Credentials, CredentialsError};
pub use endpoints::{EndpointError, Endpoints};

/// What the fuzz target calls: reading an answer is no part of what this crate offers.
#[cfg(fuzzing)]
pub fn images_of_answer(
    body: &str,
) -> Result<(Vec<openshift_model::facts::AwsImage>, Option<String>), String> {
    let page = answer::images(body).map_err(|error| error.to_string())?;
    Ok((page.images, page.next_token))
}

use call::Caller;
use region::{Access, Questions};

/// Regions that are asked at the same time.
const AT_ONCE: usize = 8;

/// What came of questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// An answer to every question about AWS. Serialised it is a document of kind `Facts`.
    pub facts: Facts,
    /// Why questions were not answered: a line for each region and reason.
    pub warnings: Vec<String>,
    /// How many questions are not about AWS; they were left alone.
    pub other: usize,
    /// vCenters that refused the login. They lock out who is refused too often.
    pub refused_logins: BTreeSet<String>,
}

/// BI-262, BI-267, BI-277: asks EC2. Every question about AWS gets an answer, each is asked once.
///
/// ```no_run
/// use cluster_io::ec2::{Credentials, Endpoints, Limits, resolve};
/// use openshift_model::facts::FactRequest;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let variable = |name: &str| std::env::var(name).ok();
/// let credentials = Credentials::from_environment(variable)?.ok_or("no credentials")?;
/// let endpoints = Endpoints::from_environment(variable)?;
/// let needs = [FactRequest::AwsImage {
///     region: "us-east-1".to_owned(),
///     id: "ami-0123456789abcdef0".to_owned(),
/// }];
/// let resolved = resolve(&needs, &credentials, &endpoints, Limits::default()).await;
/// let document = serde_json::to_string_pretty(&resolved.facts)?;
/// # Ok(())
/// # }
/// ```
pub async fn resolve(
    needs: &[FactRequest],
    credentials: &Credentials,
    endpoints: &Endpoints,
    limits: Limits,
) -> Resolved {
    let (regions, other) = by_region(needs);
    let answers = match Caller::new(limits) {
        Ok(caller) => {
            let access = Access {
                caller,
                credentials: credentials.clone(),
                endpoints: endpoints.clone(),
            };
            ask(access, regions).await
        }
        Err(words) => {
            let regions = regions.into_iter();
            regions
                .flat_map(|(region, questions)| questions.denied(&region, &words))
                .collect()
        }
    };
    let mut facts = Facts::default();
    for answer in answers {
        facts.insert(answer);
    }
    Resolved {
        warnings: warnings(&facts),
        facts,
        other,
        refused_logins: BTreeSet::new(),
    }
}

/// The questions of each region, and how many are not about AWS.
fn by_region(needs: &[FactRequest]) -> (BTreeMap<String, Questions>, usize) {
    let mut regions: BTreeMap<String, Questions> = BTreeMap::new();
    let mut other = 0;
    for need in needs {
        match need {
            FactRequest::AwsImage { region, id } => {
                let questions = regions.entry(region.clone()).or_default();
                questions.images.insert(id.clone());
            }
            FactRequest::AwsMarketplaceImages { region, product_id } => {
                let questions = regions.entry(region.clone()).or_default();
                questions.products.insert(product_id.clone());
            }
            FactRequest::VsphereTemplate(_) => other += 1,
        }
    }
    (regions, other)
}

/// Asks all regions, some at a time.
async fn ask(access: Access, regions: BTreeMap<String, Questions>) -> Vec<Fact> {
    let access = Arc::new(access);
    let mut asked = JoinSet::new();
    let mut answers = Vec::new();
    for (region, questions) in regions {
        if asked.len() >= AT_ONCE {
            answers.extend(asked.join_next().await.and_then(Result::ok));
        }
        let access = Arc::clone(&access);
        asked.spawn(async move { region::answer(&access, &region, questions).await });
    }
    while let Some(answered) = asked.join_next().await {
        answers.extend(answered.ok());
    }
    answers.into_iter().flatten().collect()
}

/// A line for each region and reason.
fn warnings(facts: &Facts) -> Vec<String> {
    let mut reasons: BTreeMap<(String, String), usize> = BTreeMap::new();
    for fact in facts.iter() {
        if let Some(reason) = denial(fact) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let reasons = reasons.into_iter();
    reasons
        .map(|((region, words), count)| {
            let questions = if count == 1 { "question" } else { "questions" };
            format!("AWS, {region}: {count} {questions} without answer: {words}")
        })
        .collect()
}

/// Of which region, and in which words.
fn denial(fact: Fact) -> Option<(String, String)> {
    let (region, words) = match fact {
        Fact::AwsImage {
            region,
            answer: Answer::Denied(words),
            ..
        } => (region, words),
        Fact::AwsMarketplaceImages {
            region,
            answer: Answer::Denied(words),
            ..
        } => (region, words),
        _ => return None,
    };
    Some((region.unwrap_or_default(), words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::facts::VsphereSearch;

    fn image(region: &str, id: &str) -> FactRequest {
        FactRequest::AwsImage {
            region: region.to_owned(),
            id: id.to_owned(),
        }
    }

    #[test]
    fn w_12_each_question_is_asked_once() {
        let needs = [
            image("a", "ami-1"),
            image("b", "ami-1"),
            image("a", "ami-1"),
            FactRequest::VsphereTemplate(VsphereSearch::default()),
            FactRequest::AwsMarketplaceImages {
                region: "a".to_owned(),
                product_id: "p".to_owned(),
            },
        ];
        let (regions, other) = by_region(&needs);
        let count = |region: &str| (regions[region].images.len(), regions[region].products.len());
        assert_eq!((count("a"), count("b"), other), ((1, 1), (1, 0), 1));
    }

    #[test]
    fn a_reason_is_told_once_for_a_region() {
        let mut facts = Facts::default();
        let mut questions = Questions::default();
        questions
            .images
            .extend(["ami-1".to_owned(), "ami-2".to_owned()]);
        for fact in questions.clone().denied("a", "no") {
            facts.insert(fact);
        }
        questions.images.clear();
        questions.products.insert("p".to_owned());
        for fact in questions.denied("b", "no") {
            facts.insert(fact);
        }
        let expected = [
            "AWS, a: 2 questions without answer: no",
            "AWS, b: 1 question without answer: no",
        ];
        assert_eq!(warnings(&facts), expected);
    }
}
