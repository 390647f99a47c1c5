//! What only a cloud can tell: what a plan asks for, and the answers.
//!
//! A plan never fetches a fact. It lists [`FactRequest`]s, a binary or a person answers them, and
//! the plan is made again with the answers.

mod answer;
mod document;
mod govc;
mod request;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use answer::{
    AWS_MARKETPLACE_OWNER, Answer, AnswerRef, AwsImage, VsphereMachine, VsphereMachines,
    marketplace_product_id,
};
pub use document::{API_VERSION, Fact, FactsError};
pub use request::{FactRequest, VsphereSearch};

use self::govc::GovcOutput;

/// Answers to what plans ask for. Of two answers to the same question the last one counts.
///
/// ```
/// use openshift_model::facts::{Answer, Facts};
///
/// let facts = Facts::parse(r#"{"apiVersion": "osimage.dev/v1", "kind": "Facts", "items": [
///     {"kind": "AwsImage", "region": "us-east-1", "id": "ami-1", "notFound": true}]}"#)?;
/// let facts = facts.of_cluster(None);
/// assert_eq!(facts.aws_image("us-east-1", "ami-1"), Some(Answer::NotFound));
/// assert_eq!(facts.aws_image("us-east-1", "ami-2"), None);
/// # Ok::<(), openshift_model::facts::FactsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// By region.
    aws: BTreeMap<String, AwsFacts>,
    /// Of the region that the cluster is in, wherever that is.
    aws_of_cluster: AwsFacts,
    vsphere: BTreeMap<VsphereSearch, Answer<VsphereMachines>>,
    /// Saved output of govc: it answers what nothing else does.
    govc: GovcOutput,
}

/// What EC2 says in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AwsFacts {
    /// By image id.
    images: BTreeMap<String, Answer<AwsImage>>,
    /// By product id.
    products: BTreeMap<String, Answer<Vec<AwsImage>>>,
    /// Products that count as searched because saved output lists an image of them: whether it
    /// lists all there are, it does not say.
    listed: BTreeSet<String>,
}

impl Facts {
    /// Adds an answer.
    pub fn insert(&mut self, fact: Fact) {
        match fact {
            Fact::AwsImage { region, id, answer } => {
                self.aws_facts(region).images.insert(id, answer);
            }
            Fact::AwsMarketplaceImages {
                region,
                product_id,
                answer,
            } => {
                let facts = self.aws_facts(region);
                facts.listed.remove(&product_id);
                facts.products.insert(product_id, answer);
            }
            Fact::VsphereTemplate { search, answer } => {
                self.vsphere.insert(search, answer);
            }
        }
    }

    fn aws_facts(&mut self, region: Option<String>) -> &mut AwsFacts {
        match region {
            Some(region) => self.aws.entry(region).or_default(),
            None => &mut self.aws_of_cluster,
        }
    }

    /// Adds an image of saved `describe-images` output: it answers for itself, and its product
    /// counts as searched.
    fn insert_saved_image(&mut self, image: AwsImage) {
        let facts = &mut self.aws_of_cluster;
        if let Some(product) = image.marketplace_product() {
            if !facts.products.contains_key(product) {
                facts.listed.insert(product.to_owned());
            }
            let searched = facts
                .products
                .entry(product.to_owned())
                .or_insert_with(|| Answer::Found(Vec::new()));
            match searched {
                Answer::Found(images) => {
                    images.retain(|other| other.id != image.id);
                    images.push(image.clone());
                }
                other => *other = Answer::Found(vec![image.clone()]),
            }
        }
        facts.images.insert(image.id.clone(), Answer::Found(image));
    }

    /// Every answer, in an order that does not depend on where they came from.
    pub fn iter(&self) -> impl Iterator<Item = Fact> {
        let of_cluster = facts_of_region(None, &self.aws_of_cluster);
        let of_regions = self
            .aws
            .iter()
            .flat_map(|(region, facts)| facts_of_region(Some(region), facts));
        let vsphere = self
            .vsphere
            .iter()
            .map(|(search, answer)| Fact::VsphereTemplate {
                search: search.clone(),
                answer: answer.clone(),
            });
        of_cluster.chain(of_regions).chain(vsphere)
    }

    /// The answers as they hold for a cluster in an AWS region, where it is in one: saved
    /// `describe-images` output does not say of which region it is.
    pub fn of_cluster<'f>(&'f self, aws_region: Option<&'f str>) -> ClusterFacts<'f> {
        ClusterFacts {
            facts: self,
            aws_region,
        }
    }
}

fn facts_of_region(region: Option<&String>, facts: &AwsFacts) -> impl Iterator<Item = Fact> {
    let images = facts.images.iter().map(move |(id, answer)| Fact::AwsImage {
        region: region.cloned(),
        id: id.clone(),
        answer: answer.clone(),
    });
    let products = facts
        .products
        .iter()
        .map(move |(product, answer)| Fact::AwsMarketplaceImages {
            region: region.cloned(),
            product_id: product.clone(),
            answer: answer.clone(),
        });
    images.chain(products)
}

/// [`Facts`] as they hold for one cluster. `None` is always: nobody asked.
#[derive(Debug, Clone, Copy)]
pub struct ClusterFacts<'f> {
    facts: &'f Facts,
    aws_region: Option<&'f str>,
}

impl<'f> ClusterFacts<'f> {
    /// The region of AWS that the cluster is in.
    pub fn aws_region(&self) -> Option<&'f str> {
        self.aws_region
    }

    /// What EC2 says of an image.
    pub fn aws_image(&self, region: &str, id: &str) -> Option<AnswerRef<'f, AwsImage>> {
        self.aws(region)
            .find_map(|facts| facts.images.get(id))
            .map(Answer::as_ref)
    }

    /// Which images of a marketplace product there are.
    pub fn aws_marketplace_images(
        &self,
        region: &str,
        product_id: &str,
    ) -> Option<Answer<&'f [AwsImage], &'f str>> {
        self.aws(region)
            .find_map(|facts| facts.products.get(product_id))
            .map(|answer| answer.as_ref().map(Vec::as_slice))
    }

    /// The products whose images in the cluster's region are known from saved `describe-images`
    /// output alone, with the images that it lists. There may be others.
    pub fn aws_listed_products(&self) -> impl Iterator<Item = (&'f str, &'f [AwsImage])> {
        let by_name = self
            .aws_region
            .and_then(|region| self.facts.aws.get(region));
        let facts = self.aws_region.map(|_| &self.facts.aws_of_cluster);
        let listed = facts.into_iter().flat_map(|facts| &facts.listed);
        let all = self.facts;
        listed.filter_map(move |product| {
            if by_name.is_some_and(|facts| facts.products.contains_key(product)) {
                return None;
            }
            match all.aws_of_cluster.products.get(product)? {
                Answer::Found(images) => Some((product.as_str(), images.as_slice())),
                Answer::NotFound | Answer::Denied(_) => None,
            }
        })
    }

    /// What a region is known for by name goes before what is known of the cluster's region.
    fn aws(&self, region: &str) -> impl Iterator<Item = &'f AwsFacts> + use<'f> {
        let of_cluster = (self.aws_region == Some(region)).then_some(&self.facts.aws_of_cluster);
        self.facts.aws.get(region).into_iter().chain(of_cluster)
    }

    /// Which machines a vCenter has under the names that were asked for.
    pub fn vsphere_template(
        &self,
        search: &VsphereSearch,
    ) -> Option<Answer<Cow<'f, VsphereMachines>, &'f str>> {
        if let Some(answer) = self.facts.vsphere.get(search) {
            return Some(answer.as_ref().map(Cow::Borrowed));
        }
        let found = self.facts.govc.answer(search)?;
        Some(Answer::Found(Cow::Owned(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCP: &str = "59ead7de-2540-4653-a8b0-fa7926d5c845";

    /// Two lines of `describe-images` output, one of them from the marketplace.
    fn saved() -> Facts {
        let text = format!(
            r#"{{"Images": [
            {{"ImageId": "ami-1", "OwnerId": "531415883065", "Name": "rhcos", "Architecture": "x"}},
            {{"ImageId": "ami-2", "OwnerId": "679593333241", "Name": "RHCOS-{OCP}",
              "Description": "9.6.20260210-0", "CreationDate": "2026-02-10T00:00:00.000Z"}}]}}"#
        );
        Facts::parse(&text).unwrap()
    }

    #[test]
    fn bi_276_saved_output_holds_for_the_clusters_region_alone() {
        let saved = saved();
        let facts = saved.of_cluster(Some("us-east-1"));
        let Some(Answer::Found(image)) = facts.aws_image("us-east-1", "ami-1") else {
            panic!("it is there")
        };
        assert_eq!(image.owner, "531415883065");
        assert_eq!(facts.aws_image("us-east-2", "ami-1"), None);
        assert_eq!(facts.aws_image("us-east-1", "ami-3"), None, "not asked");
        assert_eq!(saved.of_cluster(None).aws_image("us-east-1", "ami-1"), None);
    }

    #[test]
    fn bi_276_a_product_counts_as_searched_if_any_image_of_it_is_listed() {
        let saved = saved();
        let facts = saved.of_cluster(Some("us-east-1"));
        let Some(Answer::Found(images)) = facts.aws_marketplace_images("us-east-1", OCP) else {
            panic!("it is there")
        };
        assert_eq!(images.len(), 1);
        let rosa = "34850061-abaf-402d-92df-94325c9e947f";
        assert_eq!(facts.aws_marketplace_images("us-east-1", rosa), None);
    }

    #[test]
    fn bi_276_a_product_that_is_only_listed_is_known_as_such() {
        let listed = |facts: &Facts, region| {
            let facts = facts.of_cluster(region);
            let listed = facts.aws_listed_products();
            let ids = |images: &[AwsImage]| images.iter().map(|image| image.id.clone()).collect();
            listed
                .flat_map(|(_, images)| -> Vec<String> { ids(images) })
                .collect::<Vec<_>>()
        };
        let mut facts = saved();
        assert_eq!(listed(&facts, Some("us-east-1")), ["ami-2"]);
        assert!(listed(&facts, None).is_empty());
        facts.insert(Fact::AwsMarketplaceImages {
            region: Some("us-east-1".into()),
            product_id: OCP.into(),
            answer: Answer::Found(Vec::new()),
        });
        assert!(
            listed(&facts, Some("us-east-1")).is_empty(),
            "it was searched"
        );
        assert_eq!(listed(&facts, Some("us-east-2")), ["ami-2"]);
    }

    #[test]
    fn the_last_answer_counts_and_a_named_region_goes_first() {
        let mut facts = saved();
        let denied = Fact::AwsImage {
            region: Some("us-east-1".into()),
            id: "ami-1".into(),
            answer: Answer::Denied("no".into()),
        };
        facts.insert(denied);
        let of_cluster = facts.of_cluster(Some("us-east-1"));
        assert_eq!(
            of_cluster.aws_image("us-east-1", "ami-1"),
            Some(Answer::Denied("no"))
        );
    }
}
