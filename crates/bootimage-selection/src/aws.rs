//! AWS: may this image be touched, and what should it be (BI-260 … BI-277).
//!
//! Since 4.22 EC2 says who published an image: the release's own account, the marketplace, or
//! somebody else. Before, an image was known or it was not. No list of known images is compiled in:
//! an image is known when a stream document has it ([`KnownAmis`]) or EC2 says whose it is.

pub mod marketplace;

use openshift_model::boot_image::AwsBootImage;
use openshift_model::facts::{
    AWS_MARKETPLACE_OWNER, Answer, AwsImage, ClusterFacts, FactRequest, marketplace_product_id,
};
use openshift_model::{Architecture, Profile, Step, Stream, StreamError, Trace};

use self::marketplace::{Offer, ROSA_PRODUCT, ReleaseError, choose, release_token};
use crate::{Selection, Skip};

/// BI-263: the AWS account that publishes the release's own images.
const RHCOS_OWNER: &str = "531415883065";

/// What holds for every AWS machine resource of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct AwsContext<'c> {
    /// Which release's rules apply: EC2 is asked from 4.22 on.
    pub profile: Profile,
    /// The release's images.
    pub stream: &'c Stream<'c>,
    /// Every image of every stream document that was given.
    pub known: &'c KnownAmis<'c>,
    /// The answers of EC2 that are known.
    pub facts: ClusterFacts<'c>,
}

/// BI-276: the images of every stream document that was given, of any architecture, in any region:
/// the release published them once.
#[derive(Debug, Clone, Default)]
pub struct KnownAmis<'s>(Vec<&'s str>);

impl<'s> KnownAmis<'s> {
    /// The AMIs that these stream documents name.
    pub fn of(streams: impl IntoIterator<Item = &'s Stream<'s>>) -> Self {
        let images = streams.into_iter().flat_map(Stream::aws_images);
        let mut images: Vec<_> = images.filter(|image| !image.is_empty()).collect();
        images.sort_unstable();
        images.dedup();
        Self(images)
    }

    /// Whether one of the documents has this image.
    pub fn contains(&self, id: &str) -> bool {
        self.0.binary_search(&id).is_ok()
    }
}

/// What the rules say of an AWS machine resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSelection {
    /// The AMI id that it should boot, or why it is left alone.
    pub selection: Selection<String>,
    /// BI-096, BI-270: the CoreOS version of the marketplace image that it boots or is to boot;
    /// `None` for every other image.
    pub rhcos_version: Option<String>,
}

impl From<Selection<String>> for AwsSelection {
    fn from(selection: Selection<String>) -> Self {
        Self {
            selection,
            rhcos_version: None,
        }
    }
}

/// Why no image could be selected. The texts are the reference's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// BI-266: the stream has nothing for the architecture.
    #[error("{0}")]
    Stream(StreamError),
    /// BI-266: the stream does not say of which release its images are.
    #[error("MachineSet {name}: no aws artifact in stream for arch {architecture}")]
    NoArtifact {
        /// Name of the machine resource.
        name: String,
        /// Its architecture.
        architecture: Architecture,
    },
    /// BI-266: the stream's release cannot be understood.
    #[error("MachineSet {name}: {error}")]
    Release {
        /// Name of the machine resource.
        name: String,
        /// What is wrong with it.
        error: ReleaseError,
    },
    /// BI-260: EC2 cannot be asked, because nobody knows where.
    #[error("DescribeImages failed for {id}: placement.region is not set")]
    NoRegion {
        /// The image.
        id: String,
    },
}

const BY_ID: &str = "Does it name its image by id?";
const KNOWN: &str = "Does a stream document have the image?";
const OWNER: &str = "Who published the image?";
const OWN: &str = "Is it one of the release's own images?";
const TARGET: &str = "Which image does the release have for this architecture and region?";
const OFFER: &str = "Which image of the product may the release use?";
const CURRENT: &str = "Is it the image that it should boot?";

const NOBODY_ASKED: &str = "nobody has asked EC2";

/// BI-263: whose image it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmiKind<'i> {
    /// The release's own.
    Standard,
    /// Sold in the marketplace, under this product id.
    Marketplace(&'i str),
    /// Of Red Hat OpenShift Service on AWS, under its product id.
    Rosa(&'i str),
    /// Anybody else's.
    Unknown,
}

impl<'i> AmiKind<'i> {
    /// BI-263: whose image it is, by the account that owns it and by its name. A product that is
    /// not in the catalogue is one all the same.
    pub fn of(owner: &str, name: &'i str) -> Self {
        match owner {
            RHCOS_OWNER => Self::Standard,
            AWS_MARKETPLACE_OWNER => match marketplace_product_id(name) {
                Some(ROSA_PRODUCT) => Self::Rosa(ROSA_PRODUCT),
                Some(product) => Self::Marketplace(product),
                None => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// BI-260 … BI-277: which image a machine resource should boot. `name` is its name, for the texts.
///
/// There is no order among the release's own images (BI-271): a newer one, or one of another
/// architecture, is replaced too.
pub fn select<T: Trace>(
    image: &AwsBootImage<'_>,
    name: &str,
    architecture: &Architecture,
    context: &AwsContext<'_>,
    trace: &mut T,
) -> Result<AwsSelection, AwsError> {
    let rules = AwsRules {
        region: image.region.as_str(),
        name,
        architecture,
        context,
    };
    let id = image.id.as_deref().filter(|id| !id.is_empty());
    let found = if context.profile >= Profile::P422 {
        rules.by_owner(id, trace)
    } else {
        rules.by_known_images(id, trace)
    };
    match found {
        Ok(selection) => Ok(selection),
        Err(Ended::Decided(selection)) => Ok(selection.into()),
        Err(Ended::Error(error)) => Err(error),
    }
}

/// The machine resource that is looked at, and what holds for its cluster.
struct AwsRules<'w> {
    region: &'w str,
    name: &'w str,
    architecture: &'w Architecture,
    context: &'w AwsContext<'w>,
}

/// A rule decided or failed: the rules behind it are not looked at.
enum Ended {
    Decided(Selection<String>),
    Error(AwsError),
}

impl From<Skip> for Ended {
    fn from(skip: Skip) -> Self {
        Self::Decided(Selection::Skip(skip))
    }
}

impl<'w> AwsRules<'w> {
    /// BI-260 … BI-271: what EC2 says of the image decides.
    fn by_owner<T: Trace>(&self, id: Option<&str>, trace: &mut T) -> Result<AwsSelection, Ended> {
        let id = named(id, trace)?;
        if self.region.is_empty() {
            let error = AwsError::NoRegion { id: id.to_owned() };
            trace.step(|| {
                Step::decided("BI-260", OWNER, error.to_string()).saw("/placement/region", None)
            });
            return Err(Ended::Error(error));
        }
        match self.kind(id, trace)? {
            AmiKind::Standard => Ok(compare(id, self.target(trace)?, trace).into()),
            AmiKind::Marketplace(product) | AmiKind::Rosa(product) => {
                self.of_marketplace(id, product, trace)
            }
            AmiKind::Unknown => Err(custom_image(id)),
        }
    }

    /// BI-275, BI-276: before 4.22 the image has to be a known one.
    fn by_known_images<T: Trace>(
        &self,
        id: Option<&str>,
        trace: &mut T,
    ) -> Result<AwsSelection, Ended> {
        let target = self.target(trace)?;
        let id = named(id, trace)?;
        if id != target {
            match self.kind(id, trace)? {
                AmiKind::Standard => {}
                AmiKind::Unknown => return Err(custom_image(id)),
                AmiKind::Marketplace(_) | AmiKind::Rosa(_) => {
                    trace.step(|| {
                        let outcome = "no: those of the marketplace are managed from 4.22 on";
                        Step::decided("BI-275", OWN, outcome).saw("/ami/id", Some(id))
                    });
                    return Err(custom_image(id));
                }
            }
        }
        Ok(compare(id, target, trace).into())
    }

    /// BI-262, BI-263, BI-276, BI-277: whose image it is: the release's own where a stream
    /// document has it, or else what EC2 says. An image that EC2 does not have, or does not tell
    /// about, is left alone.
    fn kind<T: Trace>(&self, id: &str, trace: &mut T) -> Result<AmiKind<'w>, Ended> {
        let saw = |step: Step| step.saw("/ami/id", Some(id));
        if self.context.known.contains(id) {
            trace.step(|| {
                saw(Step::passed(
                    "BI-276",
                    KNOWN,
                    "one does: it is the release's own",
                ))
            });
            return Ok(AmiKind::Standard);
        }
        trace.step(|| saw(Step::passed("BI-276", KNOWN, "none does")));
        let region = self.region;
        let saw = |step: Step| saw(step).saw("/placement/region", Some(region));
        let skip = match self.context.facts.aws_image(region, id) {
            Some(Answer::Found(image)) => {
                let kind = AmiKind::of(&image.owner, &image.name);
                trace.step(|| owner_step(image, kind));
                return Ok(kind);
            }
            Some(Answer::NotFound) => Skip::ImageNotFound {
                image: id.to_owned(),
                region: region.to_owned(),
            },
            Some(Answer::Denied(words)) => Skip::CloudRefused {
                about: id.to_owned(),
                words: words.to_owned(),
            },
            None => {
                trace.step(|| saw(Step::decided("BI-262", OWNER, NOBODY_ASKED)));
                return Err(Ended::Decided(Selection::Needs(vec![
                    FactRequest::AwsImage {
                        region: region.to_owned(),
                        id: id.to_owned(),
                    },
                ])));
            }
        };
        trace.step(|| saw(Step::decided("BI-277", OWNER, skip.to_string())));
        Err(skip.into())
    }

    /// BI-265: the release's image of the region; the resource is left alone where there is none.
    fn target<T: Trace>(&self, trace: &mut T) -> Result<&'w str, Ended> {
        let saw = |step: Step| {
            step.saw("architecture", Some(self.architecture.rpm_name()))
                .saw("/placement/region", Some(self.region))
        };
        let stream = self.context.stream;
        match stream.aws_image(self.architecture, self.region) {
            Ok(target) => {
                trace.step(|| saw(Step::passed("BI-265", TARGET, target)));
                Ok(target)
            }
            Err(error) => {
                trace.step(|| saw(Step::decided("BI-265", TARGET, error.to_string())));
                Err(Ended::from(Skip::NoTargetInRegion {
                    region: self.region.to_owned(),
                    error,
                }))
            }
        }
    }

    /// BI-266 … BI-270: the best image of the product takes the place of any other image of it.
    fn of_marketplace<T: Trace>(
        &self,
        id: &str,
        product: &str,
        trace: &mut T,
    ) -> Result<AwsSelection, Ended> {
        let newest = self.newest().map_err(|error| {
            trace.step(|| Step::decided("BI-266", OFFER, error.to_string()));
            Ended::Error(error)
        })?;
        let saw = |step: Step| {
            step.saw("product", Some(product))
                .saw("newest version", Some(newest))
                .saw("/placement/region", Some(self.region))
        };
        let images = match self
            .context
            .facts
            .aws_marketplace_images(self.region, product)
        {
            Some(Answer::Found(images)) => images,
            Some(Answer::NotFound) => &[],
            Some(Answer::Denied(words)) => {
                trace.step(|| saw(Step::decided("BI-277", OFFER, words)));
                return Err(Ended::from(Skip::CloudRefused {
                    about: format!("marketplace product {product}"),
                    words: words.to_owned(),
                }));
            }
            None => {
                trace.step(|| saw(Step::decided("BI-267", OFFER, NOBODY_ASKED)));
                let asked = FactRequest::AwsMarketplaceImages {
                    region: self.region.to_owned(),
                    product_id: product.to_owned(),
                };
                return Err(Ended::Decided(Selection::Needs(vec![asked])));
            }
        };
        match choose(images, newest) {
            Offer::Image(image, version) => {
                trace.step(|| {
                    let outcome = format!("{} of {}", image.id, version.full);
                    saw(Step::passed("BI-268", OFFER, outcome))
                });
                Ok(AwsSelection {
                    selection: compare(id, &image.id, trace),
                    rhcos_version: Some(version.full.to_owned()),
                })
            }
            Offer::Nothing { only_older_scheme } => {
                let skip = Skip::NoMarketplaceImage {
                    product: product.to_owned(),
                    token: newest.to_owned(),
                    only_older_scheme,
                };
                trace.step(|| saw(Step::decided("BI-269", OFFER, skip.to_string())));
                Err(skip.into())
            }
        }
    }

    /// BI-266: the newest RHEL version that the release takes.
    fn newest(&self) -> Result<&'w str, AwsError> {
        let architecture = self.context.stream.architecture(self.architecture);
        let artifacts = architecture.map_err(AwsError::Stream)?.artifacts.as_ref();
        let artifact = artifacts
            .and_then(|artifacts| artifacts.aws.as_ref())
            .ok_or_else(|| AwsError::NoArtifact {
                name: self.name.to_owned(),
                architecture: self.architecture.clone(),
            })?;
        let release = artifact.release.as_deref().unwrap_or_default();
        release_token(release).map_err(|error| AwsError::Release {
            name: self.name.to_owned(),
            error,
        })
    }
}

/// BI-260: an image that is named otherwise than by id is left alone; so is the empty id, of which
/// EC2 could only say that it is malformed (BI-277).
fn named<'i, T: Trace>(id: Option<&'i str>, trace: &mut T) -> Result<&'i str, Ended> {
    let Some(id) = id else {
        trace.step(|| Step::decided("BI-260", BY_ID, "it does not").saw("/ami/id", None));
        return Err(Skip::NoImageId.into());
    };
    trace.step(|| Step::passed("BI-260", BY_ID, "it does").saw("/ami/id", Some(id)));
    Ok(id)
}

/// BI-270: what boots its target is up to date.
fn compare<T: Trace>(id: &str, target: &str, trace: &mut T) -> Selection<String> {
    let is_current = id == target;
    trace.step(|| {
        let outcome = if is_current { "it is" } else { "it is not" };
        Step::passed("BI-270", CURRENT, outcome).saw("/ami/id", Some(id))
    });
    if is_current {
        Selection::UpToDate
    } else {
        Selection::Update(target.to_owned())
    }
}

fn custom_image(id: &str) -> Ended {
    Ended::from(Skip::CustomImage {
        image: id.to_owned(),
    })
}

fn owner_step(image: &AwsImage, kind: AmiKind<'_>) -> Step {
    let step = match kind {
        AmiKind::Standard => Step::passed("BI-263", OWNER, "the release"),
        AmiKind::Marketplace(product) => {
            let name = marketplace::product_name(product);
            Step::passed(
                "BI-263",
                OWNER,
                format!("the marketplace: {product} {name}"),
            )
        }
        AmiKind::Rosa(_) => Step::passed("BI-263", OWNER, "the marketplace, for ROSA"),
        AmiKind::Unknown => Step::decided("BI-263", OWNER, "neither the release nor a product"),
    };
    step.saw("OwnerId", Some(&image.owner))
        .saw("Name", Some(&image.name))
}

#[cfg(test)]
mod tests;
