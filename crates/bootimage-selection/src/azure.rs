//! Azure: may this image be touched, and what should it be (BI-290 … BI-301).

use openshift_model::boot_image::AzureBootImage;
use openshift_model::{
    Architecture, AzureMarketplace, AzureStreamImage, AzureStreamImages, Step, Stream, StreamError,
    Text, Trace,
};

use crate::{Selection, Skip};

/// BI-292: what the reference says of an image that it cannot tell; the outcome of the step that
/// leaves such an image alone.
pub const UNKNOWN_VARIANT: &str =
    "could not determine azure marketplace variant, cannot update boot images";

/// `type` of an image that costs nothing beyond the machine.
const NO_PLAN: &str = "MarketplaceNoPlan";
/// `type` of an image that is paid for by the hour.
const WITH_PLAN: &str = "MarketplaceWithPlan";

/// BI-292: one of the kinds of image that the release has in the marketplace.
#[derive(Debug, PartialEq, Eq)]
struct Variant {
    /// The publisher of its images.
    publisher: &'static str,
    /// The publisher's offer; empty where every offer counts.
    offer: &'static str,
    /// The name of the variant in messages.
    name: &'static str,
    /// The key of the variant in stream documents (BI-221).
    stream_key: &'static str,
    /// BI-296: `type` of its images.
    kind: &'static str,
}

/// BI-292: images without a purchase plan. Those that were uploaded count among them.
const NO_PURCHASE_PLAN: Variant = Variant {
    publisher: "azureopenshift",
    offer: "",
    name: "MarketplaceNoPlan",
    stream_key: "no-purchase-plan",
    kind: NO_PLAN,
};

/// BI-292: images with a purchase plan: three products, each of them for EMEA and for the rest of
/// the world. An image never moves from one to another (BI-299).
const PAID: [Variant; 6] = [
    paid("redhat", "rh-ocp-worker", "MarketplaceWithPlan-OCP", "ocp"),
    paid("redhat", "rh-opp-worker", "MarketplaceWithPlan-OPP", "opp"),
    paid("redhat", "rh-oke-worker", "MarketplaceWithPlan-OKE", "oke"),
    paid(
        "redhat-limited",
        "rh-ocp-worker",
        "MarketplaceWithPlan-OCPEMEA",
        "ocp-emea",
    ),
    paid(
        "redhat-limited",
        "rh-opp-worker",
        "MarketplaceWithPlan-OPPEMEA",
        "opp-emea",
    ),
    paid(
        "redhat-limited",
        "rh-oke-worker",
        "MarketplaceWithPlan-OKEEMEA",
        "oke-emea",
    ),
];

const fn paid(
    publisher: &'static str,
    offer: &'static str,
    name: &'static str,
    stream_key: &'static str,
) -> Variant {
    Variant {
        publisher,
        offer,
        name,
        stream_key,
        kind: WITH_PLAN,
    }
}

impl Variant {
    /// BI-291, BI-292: the variant of an image; `None` where it is none of the release's.
    fn of(image: &AzureBootImage<'_>) -> Option<&'static Self> {
        if image.is_uploaded() || image.publisher.as_str() == NO_PURCHASE_PLAN.publisher {
            return Some(&NO_PURCHASE_PLAN);
        }
        PAID.iter().find(|variant| {
            variant.publisher == image.publisher.as_str() && variant.offer == image.offer.as_str()
        })
    }
}

/// BI-294: the generation of a machine's firmware. A machine boots images of its own only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    One,
    Two,
}

impl Generation {
    /// BI-294: what an image's names tell of its generation. The variant decides which name tells,
    /// not the `type`, which older sets lack; arm machines are of generation 2 alone.
    fn of(image: &AzureBootImage<'_>, variant: &Variant, architecture: &Architecture) -> Self {
        let is_second = *architecture == Architecture::Aarch64
            || if image.is_uploaded() || variant.kind == NO_PLAN {
                image.is_named_generation_2()
            } else {
                !image.sku.contains("gen1")
            };
        if is_second { Self::Two } else { Self::One }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::One => "Gen1",
            Self::Two => "Gen2",
        }
    }
}

/// Why no image could be selected. The texts are the reference's (BI-295).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// BI-293: the stream has nothing for the architecture.
    #[error("{0}")]
    Stream(StreamError),
    /// The marketplace has other variants only.
    #[error("no Azure marketplace images available for variant {variant}")]
    NoVariant {
        /// The variant.
        variant: &'static str,
    },
    /// The variant has no image of generation 2. (That there is none of generation 1 is a skip.)
    #[error("no Gen2 Azure marketplace image available for architecture {architecture}")]
    NoGeneration2 {
        /// The architecture.
        architecture: Architecture,
    },
}

const ARCHITECTURE: &str = "Are boot images of its architecture managed on Azure?";
const SECURITY: &str = "Do its machines have a security type?";
const VARIANT: &str = "Which of the release's variants is the image?";
const MARKETPLACE: &str = "Does the stream have images in Azure's marketplace?";
const TARGET: &str = "Which image does the release have for this variant and generation?";
const CURRENT: &str = "Is it the release's present image?";
const DOWNGRADE: &str = "Is it newer than the release's?";

/// BI-290 … BI-301: the image that a machine resource should boot. `security_type` is empty where
/// none is set.
///
/// An uploaded image moves to the marketplace (BI-300), a paid one stays in its plan (BI-299).
/// Government and China clouds are not told apart, Azure Stack Hub never gets here (BI-301).
pub fn select<'s, T: Trace>(
    image: &AzureBootImage<'_>,
    security_type: &str,
    stream: &'s Stream<'_>,
    architecture: &Architecture,
    trace: &mut T,
) -> Result<Selection<AzureBootImage<'s>>, AzureError> {
    let may_be_touched = supported(architecture, trace)
        .and_then(|()| unguarded(security_type, trace))
        .and_then(|()| variant(image, trace));
    let variant = match may_be_touched {
        Ok(variant) => variant,
        Err(skip) => return Ok(Selection::Skip(skip)),
    };
    let marketplace = stream.azure_marketplace(architecture).map_err(|error| {
        trace.step(|| Step::decided("BI-293", MARKETPLACE, error.to_string()));
        AzureError::Stream(error)
    })?;
    let variants = match marketplace {
        AzureMarketplace::Variants(variants) => variants,
        missing => {
            let skip = Skip::NoMarketplaceStream {
                any_marketplace: matches!(missing, AzureMarketplace::NotAzure),
            };
            trace.step(|| Step::decided("BI-293", MARKETPLACE, skip.to_string()));
            return Ok(Selection::Skip(skip));
        }
    };
    let generation = Generation::of(image, variant, architecture);
    let saw = |step: Step| {
        step.saw("variant", Some(variant.name))
            .saw("generation", Some(generation.name()))
            .saw("architecture", Some(architecture.rpm_name()))
    };
    let offered = variants.get(variant.stream_key).and_then(Option::as_ref);
    let found = match image_of(offered, variant, generation, architecture) {
        Ok(Ok(found)) => found,
        Ok(Err(skip)) => {
            trace.step(|| saw(Step::decided("BI-295", TARGET, skip.to_string())));
            return Ok(Selection::Skip(skip));
        }
        Err(error) => {
            trace.step(|| saw(Step::decided("BI-295", TARGET, error.to_string())));
            return Err(error);
        }
    };
    let target = target(found, variant);
    trace.step(|| saw(Step::passed("BI-294", TARGET, target.to_string())));
    Ok(compare(image, target, trace))
}

/// BI-290: boot images of these architectures are not managed.
fn supported<T: Trace>(architecture: &Architecture, trace: &mut T) -> Result<(), Skip> {
    let saw = |step: Step| step.saw("architecture", Some(architecture.rpm_name()));
    if matches!(architecture, Architecture::Ppc64le | Architecture::S390x) {
        trace.step(|| saw(Step::decided("BI-290", ARCHITECTURE, "they are not")));
        return Err(Skip::UnsupportedArchitecture {
            architecture: architecture.clone(),
        });
    }
    trace.step(|| saw(Step::passed("BI-290", ARCHITECTURE, "they may be")));
    Ok(())
}

/// BI-290: confidential and trusted machines do not boot the marketplace's images.
fn unguarded<T: Trace>(security_type: &str, trace: &mut T) -> Result<(), Skip> {
    let pointer = "/securityProfile/settings/securityType";
    if security_type.is_empty() {
        trace.step(|| Step::passed("BI-290", SECURITY, "they do not").saw(pointer, None));
        return Ok(());
    }
    trace.step(|| Step::decided("BI-290", SECURITY, "they do").saw(pointer, Some(security_type)));
    Err(Skip::SecurityType {
        security_type: security_type.to_owned(),
    })
}

/// BI-292: an image that is none of the release's variants is somebody's own (W-13; the reference
/// degrades).
fn variant<T: Trace>(image: &AzureBootImage<'_>, trace: &mut T) -> Result<&'static Variant, Skip> {
    let saw = |step: Step| {
        step.saw("/image/publisher", Some(&image.publisher))
            .saw("/image/offer", Some(&image.offer))
            .saw("/image/resourceID", Some(&image.resource_id))
    };
    let Some(variant) = Variant::of(image) else {
        trace.step(|| saw(Step::decided("BI-292", VARIANT, UNKNOWN_VARIANT)));
        return Err(Skip::CustomImage {
            image: image.to_string(),
        });
    };
    trace.step(|| saw(Step::passed("BI-292", VARIANT, variant.name)));
    Ok(variant)
}

/// BI-295: the variant's image of a generation; half an image is none. Images of generation 1 are
/// being withdrawn, so that their absence is no error.
fn image_of<'i, 's>(
    offered: Option<&'i AzureStreamImages<'s>>,
    variant: &Variant,
    generation: Generation,
    architecture: &Architecture,
) -> Result<Result<&'i AzureStreamImage<'s>, Skip>, AzureError> {
    let images = offered.ok_or(AzureError::NoVariant {
        variant: variant.name,
    })?;
    let whole = |image: &'i Option<AzureStreamImage<'s>>| image.as_ref().filter(|i| is_whole(i));
    let architecture = architecture.clone();
    match generation {
        Generation::One => Ok(whole(&images.gen1).ok_or(Skip::NoGeneration1Image { architecture })),
        Generation::Two => match whole(&images.gen2) {
            Some(image) => Ok(Ok(image)),
            None => Err(AzureError::NoGeneration2 { architecture }),
        },
    }
}

fn is_whole(found: &AzureStreamImage<'_>) -> bool {
    [&found.publisher, &found.offer, &found.sku, &found.version]
        .into_iter()
        .all(|member| member.as_deref().is_some_and(|text| !text.is_empty()))
}

/// BI-296: the image as a provider spec names it.
fn target<'s>(found: &'s AzureStreamImage<'_>, variant: &Variant) -> AzureBootImage<'s> {
    let text = |member: &'s Option<Text<'_>>| Text::from(member.as_deref().unwrap_or_default());
    AzureBootImage {
        publisher: text(&found.publisher),
        offer: text(&found.offer),
        sku: text(&found.sku),
        version: text(&found.version),
        resource_id: Text::default(),
        kind: Text::from(variant.kind),
    }
}

/// BI-297, BI-298: all six members count, and nothing is replaced by something older.
fn compare<'s, T: Trace>(
    image: &AzureBootImage<'_>,
    target: AzureBootImage<'s>,
    trace: &mut T,
) -> Selection<AzureBootImage<'s>> {
    if *image == target {
        trace
            .step(|| Step::passed("BI-297", CURRENT, "it is").saw("/image", Some(&target.version)));
        return Selection::UpToDate;
    }
    trace.step(|| Step::passed("BI-297", CURRENT, "it is not"));
    let saw = |step: Step| {
        step.saw("/image/version", Some(&image.version))
            .saw("target version", Some(&target.version))
    };
    // What an uploaded image says of its version says nothing: the upload is what is booted.
    let is_same_offer =
        !image.is_uploaded() && image.publisher == target.publisher && image.offer == target.offer;
    if is_same_offer && is_newer(&image.version, &target.version) {
        trace.step(|| saw(Step::decided("BI-298", DOWNGRADE, "it is")));
        return Selection::Skip(Skip::WouldDowngrade {
            current: image.version.as_str().to_owned(),
            target: target.version.as_str().to_owned(),
        });
    }
    trace.step(|| saw(Step::passed("BI-298", DOWNGRADE, "nothing says so")));
    Selection::Update(target)
}

/// BI-298: whether a version is newer than another one. Versions that are no numbers between dots
/// cannot be compared. `418.94.20250122` is of the older scheme (4.18 on RHEL 9.4): every version of
/// the new one, which starts with RHEL's, is newer.
fn is_newer(version: &str, than: &str) -> bool {
    /// No RHEL version will ever reach it.
    const OLDER_SCHEME: u64 = 100;
    let (Some(version), Some(than)) = (numbers(version), numbers(than)) else {
        return false;
    };
    let is_of_older_scheme =
        |numbers: &[u64]| numbers.first().is_some_and(|first| *first >= OLDER_SCHEME);
    match (is_of_older_scheme(&version), is_of_older_scheme(&than)) {
        (true, false) => false,
        (false, true) => true,
        _ => version > than,
    }
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    let number = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    version.split('.').map(number).collect()
}

#[cfg(test)]
mod tests;
