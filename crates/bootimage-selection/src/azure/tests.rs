//! Tests of [`select`].

use super::*;
use openshift_model::NoTrace;
use proptest::prelude::*;

const NO_PLAN_VERSION: &str = "419.94.20250101";
const PAID_VERSION: &str = "4.18.2025031114";

fn image_json(publisher: &str, offer: &str, sku: &str, version: &str) -> String {
    format!(
        r#"{{"publisher":"{publisher}","offer":"{offer}","sku":"{sku}","version":"{version}"}}"#
    )
}

/// The stream of T-05: every variant in both generations for `x86_64`, one image for `aarch64`.
fn stream() -> String {
    let no_plan = |sku| image_json("azureopenshift", "aro4", sku, NO_PLAN_VERSION);
    let mut variants = vec![format!(
        r#""no-purchase-plan":{{"hyperVGen1":{},"hyperVGen2":{}}}"#,
        no_plan("aro_419"),
        no_plan("419-v2")
    )];
    for variant in &PAID {
        let (publisher, offer) = (variant.publisher, variant.offer);
        variants.push(format!(
            r#""{}":{{"hyperVGen1":{},"hyperVGen2":{}}}"#,
            variant.stream_key,
            image_json(publisher, offer, &format!("{offer}-gen1"), PAID_VERSION),
            image_json(publisher, offer, offer, PAID_VERSION),
        ));
    }
    let arm = format!(
        r#""no-purchase-plan":{{"hyperVGen2":{}}}"#,
        no_plan("419-arm")
    );
    let architecture = |name: &str, variants: &str| {
        format!(
            r#""{name}":{{"rhel-coreos-extensions":{{"marketplace":{{"azure":{{{variants}}}}}}}}}"#
        )
    };
    let x86 = architecture("x86_64", &variants.join(","));
    format!(
        r#"{{"stream":"s","architectures":{{{x86},{},"ppc64le":{{}},"s390x":{{}}}}}}"#,
        architecture("aarch64", &arm)
    )
}

/// Publisher, offer, SKU, version, type.
type Marketplace = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn in_marketplace(image: Marketplace) -> AzureBootImage<'static> {
    let (publisher, offer, sku, version, kind) = image;
    AzureBootImage {
        publisher: publisher.into(),
        offer: offer.into(),
        sku: sku.into(),
        version: version.into(),
        resource_id: "".into(),
        kind: kind.into(),
    }
}

fn uploaded(resource_id: &'static str) -> AzureBootImage<'static> {
    AzureBootImage {
        resource_id: resource_id.into(),
        ..AzureBootImage::default()
    }
}

fn no_plan(sku: &'static str, version: &'static str) -> AzureBootImage<'static> {
    in_marketplace(("azureopenshift", "aro4", sku, version, NO_PLAN))
}

fn paid_image(
    publisher: &'static str,
    sku: &'static str,
    version: &'static str,
) -> AzureBootImage<'static> {
    let offer = sku.strip_suffix("-gen1").unwrap_or(sku);
    in_marketplace((publisher, offer, sku, version, WITH_PLAN))
}

/// What the rules say, as text: `update <image>`, `up to date`, `skip <why>` or `error <why>`.
fn run(image: &AzureBootImage<'_>, security: &str, stream: &str, architecture: &str) -> String {
    let stream = Stream::parse(stream).unwrap();
    let architecture = Architecture::from_rpm_name(architecture);
    let mut steps = Vec::new();
    let found = select(image, security, &stream, &architecture, &mut steps);
    let silent = select(image, security, &stream, &architecture, &mut NoTrace);
    assert_eq!(found, silent);
    let ends_early = !matches!(found, Ok(Selection::UpToDate | Selection::Update(_)));
    assert_eq!(!steps.last().unwrap().passed, ends_early, "{steps:?}");
    match found {
        Ok(Selection::UpToDate) => "up to date".to_owned(),
        Ok(Selection::Update(target)) => format!("update {target} {}", target.kind),
        Ok(Selection::Skip(skip)) => format!("skip {skip}"),
        Ok(Selection::Needs(facts)) => format!("needs {facts:?}"),
        Err(error) => format!("error {error}"),
    }
}

fn check(image: &AzureBootImage<'_>, architecture: &str, expected: &str) {
    let found = run(image, "", &stream(), architecture);
    assert_eq!(found, expected, "{image} {architecture}");
}

fn to_no_plan(sku: &str) -> String {
    format!("update azureopenshift:aro4:{sku}:{NO_PLAN_VERSION} MarketplaceNoPlan")
}

fn to_paid(publisher: &str, offer: &str, sku: &str) -> String {
    format!("update {publisher}:{offer}:{sku}:{PAID_VERSION} MarketplaceWithPlan")
}

/// Rows 1 … 8.
#[test]
fn t_05_bi_292_bi_294_images_without_a_plan() {
    check(
        &uploaded("test-gen1-image"),
        "x86_64",
        &to_no_plan("aro_419"),
    );
    check(
        &uploaded("test-gen2-image"),
        "x86_64",
        &to_no_plan("419-v2"),
    );
    check(
        &no_plan("aro_418", "418.94.20241201"),
        "x86_64",
        &to_no_plan("aro_419"),
    );
    check(
        &no_plan("418-v2", "418.94.20241201"),
        "x86_64",
        &to_no_plan("419-v2"),
    );
    check(
        &no_plan("aro_418", "418.94.20241201"),
        "aarch64",
        &to_no_plan("419-arm"),
    );
    let current = no_plan("419-v2", NO_PLAN_VERSION);
    check(&current, "x86_64", "up to date");
    for architecture in ["ppc64le", "s390x"] {
        let skip = format!("skip boot images for {architecture} are not managed on Azure");
        check(&current, architecture, &skip);
    }
}

/// Rows 9 … 13.
#[test]
fn t_05_bi_299_paid_images_keep_their_plan() {
    let old = "4.17.2024121214";
    for (publisher, sku) in [
        ("redhat", "rh-ocp-worker-gen1"),
        ("redhat", "rh-ocp-worker"),
        ("redhat-limited", "rh-opp-worker-gen1"),
        ("redhat-limited", "rh-oke-worker"),
        ("redhat", "rh-opp-worker"),
        ("redhat", "rh-oke-worker-gen1"),
        ("redhat-limited", "rh-ocp-worker"),
    ] {
        let offer = sku.strip_suffix("-gen1").unwrap_or(sku);
        let expected = to_paid(publisher, offer, sku);
        check(&paid_image(publisher, sku, old), "x86_64", &expected);
    }
    check(
        &paid_image("redhat", "rh-ocp-worker", PAID_VERSION),
        "x86_64",
        "up to date",
    );
}

/// Rows 14 and 15.
#[test]
fn t_05_bi_293_without_marketplace_streams_the_set_is_left_alone() {
    let current = no_plan("419-v2", NO_PLAN_VERSION);
    for (architecture, expected) in [
        (
            r#"{"rhel-coreos-extensions":{"marketplace":null}}"#,
            "marketplace streams",
        ),
        (r#"{"rhel-coreos-extensions":{}}"#, "marketplace streams"),
        (r#"{"rhel-coreos-extensions":null}"#, "marketplace streams"),
        ("{}", "marketplace streams"),
        (
            r#"{"rhel-coreos-extensions":{"marketplace":{"azure":null}}}"#,
            "Azure marketplace streams",
        ),
    ] {
        let stream = format!(r#"{{"stream":"s","architectures":{{"x86_64":{architecture}}}}}"#);
        let expected = format!("skip {expected} are not available for its architecture");
        assert_eq!(run(&current, "", &stream, "x86_64"), expected, "{stream}");
    }
}

/// Rows 16 … 19.
#[test]
fn t_05_bi_290_guarded_machines_are_left_alone() {
    let outdated = no_plan("418-v2", "418.94.20241201");
    for security in ["ConfidentialVM", "TrustedLaunch", "Standard"] {
        let expected = format!(
            "skip images for machines of security type {security} are not managed on Azure"
        );
        let unknown = in_marketplace(("contoso", "custom", "", "", ""));
        for image in [&outdated, &unknown] {
            assert_eq!(run(image, security, &stream(), "x86_64"), expected);
        }
    }
    check(&outdated, "x86_64", &to_no_plan("419-v2"));
}

#[test]
fn t_05_bi_292_an_image_of_no_variant_is_somebodys_own() {
    for image in [
        ("contoso", "rh-ocp-worker", "rh-ocp-worker", "1", WITH_PLAN),
        ("redhat", "rh-ove-worker", "rh-ove-worker", "1", WITH_PLAN),
        (
            "MicrosoftWindowsServer",
            "WindowsServer",
            "2022",
            "latest",
            "",
        ),
        ("Redhat", "rh-ocp-worker", "rh-ocp-worker", "1", WITH_PLAN),
    ] {
        let image = in_marketplace(image);
        let custom = "is not an image of the release, somebody chose it";
        check(&image, "x86_64", &format!("skip {image} {custom}"));
    }
    let nothing = AzureBootImage::default();
    check(&nothing, "x86_64", "skip its provider spec names no image");
    let stream = stream();
    let stream = Stream::parse(&stream).unwrap();
    let mut steps = Vec::new();
    let _ = select(&nothing, "", &stream, &Architecture::X86_64, &mut steps);
    assert_eq!(steps.last().unwrap().outcome, UNKNOWN_VARIANT);
}

#[test]
fn t_05_bi_294_the_variant_tells_the_generation_not_the_type() {
    let aro = |sku, kind| in_marketplace(("azureopenshift", "aro4", sku, "418.94.1", kind));
    for kind in ["", "Custom", WITH_PLAN, NO_PLAN] {
        check(&aro("aro_419", kind), "x86_64", &to_no_plan("aro_419"));
        check(&aro("", kind), "x86_64", &to_no_plan("aro_419"));
        check(&aro("418-arm", kind), "x86_64", &to_no_plan("aro_419"));
        check(&aro("418-v2", kind), "x86_64", &to_no_plan("419-v2"));
        check(
            &aro("aro_4-18_x86_gen2", kind),
            "x86_64",
            &to_no_plan("419-v2"),
        );
        check(&aro("aro_419", kind), "aarch64", &to_no_plan("419-arm"));
        let paid = ("redhat", "rh-ocp-worker", "rh-ocp-worker-v2", "1", kind);
        let expected = to_paid("redhat", "rh-ocp-worker", "rh-ocp-worker");
        check(&in_marketplace(paid), "x86_64", &expected);
    }
    check(&uploaded("/images/x"), "aarch64", &to_no_plan("419-arm"));
    check(
        &uploaded("/images/x-GEN2"),
        "x86_64",
        &to_no_plan("aro_419"),
    );
}

#[test]
fn t_05_bi_295_a_missing_image_of_generation_1_is_a_skip_all_else_an_error() {
    let paid = paid_image("redhat", "rh-ocp-worker", "1");
    let no_variant =
        "error no Azure marketplace images available for variant MarketplaceWithPlan-OCP";
    check(&paid, "aarch64", no_variant);
    check(
        &paid,
        "riscv64",
        "error stream:s does not have architecture 'riscv64'",
    );
    let stream = |images: &str| {
        format!(
            r#"{{"architectures":{{"x86_64":{{"rhel-coreos-extensions":{{"marketplace":{{"azure":
               {{"no-purchase-plan":{images}}}}}}}}}}}}}"#
        )
    };
    let whole = image_json("azureopenshift", "aro4", "s", "1");
    let half = image_json("azureopenshift", "aro4", "", "1");
    let no_gen1 = "skip the stream has no whole image of generation 1 for x86_64";
    let no_gen2 = "error no Gen2 Azure marketplace image available for architecture x86_64";
    for (images, sku, expected) in [
        (format!(r#"{{"hyperVGen2":{whole}}}"#), "aro_419", no_gen1),
        (format!(r#"{{"hyperVGen1":{half}}}"#), "aro_419", no_gen1),
        (format!(r#"{{"hyperVGen1":{whole}}}"#), "419-v2", no_gen2),
        (format!(r#"{{"hyperVGen2":{half}}}"#), "419-v2", no_gen2),
    ] {
        let found = run(&no_plan(sku, "0"), "", &stream(&images), "x86_64");
        assert_eq!(found, expected, "{images}");
    }
}

#[test]
fn bi_297_every_member_counts() {
    let current = || no_plan("419-v2", NO_PLAN_VERSION);
    check(&current(), "x86_64", "up to date");
    let update = to_no_plan("419-v2");
    for kind in ["", WITH_PLAN] {
        let image = AzureBootImage {
            kind: kind.into(),
            ..current()
        };
        check(&image, "x86_64", &update);
    }
    let other_offer = AzureBootImage {
        offer: "aro-dev".into(),
        ..current()
    };
    check(&other_offer, "x86_64", &update);
    let uploaded_too = AzureBootImage {
        resource_id: "/images/x-gen2".into(),
        ..current()
    };
    check(&uploaded_too, "x86_64", &update);
}

#[test]
fn bi_298_nothing_is_replaced_by_something_older() {
    let newer = "420.94.20260101";
    let skip = format!(
        "skip it boots version {newer}, which is newer than the release's {NO_PLAN_VERSION}"
    );
    check(&no_plan("420-v2", newer), "x86_64", &skip);
    let skip = format!(
        "skip it boots version 9.6.20251015, which is newer than the release's {NO_PLAN_VERSION}"
    );
    check(&no_plan("420-v2", "9.6.20251015"), "x86_64", &skip);
    let other_offer = in_marketplace(("azureopenshift", "aro-dev", "420-v2", newer, NO_PLAN));
    check(&other_offer, "x86_64", &to_no_plan("419-v2"));
    let uploaded_too = AzureBootImage {
        resource_id: "/images/x-gen2".into(),
        ..no_plan("420-v2", newer)
    };
    check(&uploaded_too, "x86_64", &to_no_plan("419-v2"));
}

#[test]
fn bi_298_versions_compare_within_their_scheme() {
    for (version, than, expected) in [
        ("9.9.20270101", "9.6.20251015", true),
        ("9.6.20251015", "9.6.20251015", false),
        ("9.6.20251015", "9.10.20251015", false),
        ("10.0.20260101", "9.6.20251015", true),
        ("9.6.20251015", "418.94.20250122", true),
        ("418.94.20250122", "9.6.20251015", false),
        ("419.94.20250101", "418.94.20250122", true),
        ("100.0.1", "99.0.1", false),
        ("4.18.2025031114", "4.15.2024072409", true),
        ("1", "0.9", true),
        ("latest", "9.6.20251015", false),
        ("9.7.x", "9.6.20251015", false),
        ("9..7", "9.6", false),
        ("+9.7", "9.6", false),
        ("", "9.6", false),
        ("99999999999999999999.1", "9.6", false),
    ] {
        assert_eq!(is_newer(version, than), expected, "{version} {than}");
    }
}

#[test]
fn bi_349_the_worked_examples() {
    let variant =
        |key: &str, publisher: &str, offer: &str, generation: &str, sku: &str, version| {
            let image = image_json(publisher, offer, sku, version);
            format!(r#""{key}":{{"{generation}":{image}}}"#)
        };
    let no_purchase_plan = variant(
        "no-purchase-plan",
        "azureopenshift",
        "aro4",
        "hyperVGen2",
        "420-v2",
        "9.6.20251015",
    );
    let oke = variant(
        "oke-emea",
        "redhat-limited",
        "rh-oke-worker",
        "hyperVGen1",
        "rh-oke-worker-gen1",
        PAID_VERSION,
    );
    let stream = format!(
        r#"{{"architectures":{{"x86_64":{{"rhel-coreos-extensions":{{"marketplace":{{"azure":
           {{{no_purchase_plan},{oke}}}}}}}}}}}}}"#
    );
    let gallery = "/resourceGroups/x-rg/providers/Microsoft.Compute/galleries/gallery_x/images/\
                   x-gen2/versions/latest";
    assert_eq!(
        run(&uploaded(gallery), "", &stream, "x86_64"),
        "update azureopenshift:aro4:420-v2:9.6.20251015 MarketplaceNoPlan"
    );
    let paid = paid_image("redhat-limited", "rh-oke-worker-gen1", "4.17.2024100419");
    let expected = to_paid("redhat-limited", "rh-oke-worker", "rh-oke-worker-gen1");
    assert_eq!(run(&paid, "", &stream, "x86_64"), expected);
}

proptest! {
    #[test]
    fn what_is_selected_is_up_to_date(
        publisher in "(azureopenshift|redhat|redhat-limited|\\PC{0,4})",
        offer in "(aro4|rh-ocp-worker|rh-oke-worker|\\PC{0,4})",
        sku in "(419-v2|aro_419|x-gen1|\\PC{0,4})",
        version in "[0-9.]{0,9}|\\PC{0,4}",
        resource_id in "(|/x-gen2|\\PC{0,4})",
        arm in any::<bool>(),
    ) {
        let text = stream();
        let stream = Stream::parse(&text).unwrap();
        let architecture = if arm { Architecture::Aarch64 } else { Architecture::X86_64 };
        let image = AzureBootImage {
            publisher: publisher.into(),
            offer: offer.into(),
            sku: sku.into(),
            version: version.into(),
            resource_id: resource_id.into(),
            kind: Text::default(),
        };
        if let Ok(Selection::Update(target)) =
            select(&image, "", &stream, &architecture, &mut NoTrace)
        {
            let again = select(&target, "", &stream, &architecture, &mut NoTrace);
            prop_assert_eq!(again, Ok(Selection::UpToDate));
        }
    }
}
