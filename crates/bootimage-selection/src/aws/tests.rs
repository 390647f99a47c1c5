//! Tests of [`select`].

use super::*;
use openshift_model::Text;
use openshift_model::facts::{Fact, Facts};
use proptest::prelude::*;

const OCP: &str = "59ead7de-2540-4653-a8b0-fa7926d5c845";
const ROSA: &str = "34850061-abaf-402d-92df-94325c9e947f";
const STREAM: &str = r#"{"stream":"rhcos-4.21","architectures":{
    "x86_64":{"artifacts":{"aws":{"release":"9.8.20260403-0"}},"images":{"aws":{"regions":{
        "us-east-1":{"image":"ami-new"},"us-west-2":{"image":"ami-new-west"}}}}},
    "aarch64":{"artifacts":{"aws":{"release":""}},"images":{"aws":{"regions":{
        "us-east-1":{"image":"ami-new-arm"}}}}},
    "s390x":{"artifacts":{},"images":{}}}}"#;
/// Of an older release.
const OLD_STREAM: &str = r#"{"stream":"rhcos-4.12","architectures":{"x86_64":{"images":{"aws":{
    "regions":{"us-east-1":{"image":"ami-old"}}}}}}}"#;

/// Whose images there are in us-east-1: id, owner, name, description.
fn facts(images: &[(&str, &str, &str, &str)]) -> Facts {
    let image = |(id, owner, name, description): &(&str, &str, &str, &str)| AwsImage {
        id: (*id).to_owned(),
        owner: (*owner).to_owned(),
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        creation_date: String::new(),
    };
    let mut facts = Facts::default();
    let region = Some("us-east-1".to_owned());
    let images: Vec<_> = images.iter().map(image).collect();
    for product in [OCP, ROSA] {
        let of_product = |image: &&AwsImage| image.marketplace_product() == Some(product);
        let found: Vec<_> = images.iter().filter(of_product).cloned().collect();
        if !found.is_empty() {
            facts.insert(Fact::AwsMarketplaceImages {
                region: region.clone(),
                product_id: product.to_owned(),
                answer: Answer::Found(found),
            });
        }
    }
    for image in images {
        facts.insert(Fact::AwsImage {
            region: region.clone(),
            id: image.id.clone(),
            answer: Answer::Found(image),
        });
    }
    facts
}

/// A set in us-east-1.
struct Set {
    id: Option<&'static str>,
    region: &'static str,
    architecture: Architecture,
    profile: Profile,
    stream: &'static str,
}

fn set(id: &'static str) -> Set {
    Set {
        id: Some(id),
        region: "us-east-1",
        architecture: Architecture::X86_64,
        profile: Profile::P422,
        stream: STREAM,
    }
}

fn before_4_22(id: &'static str) -> Set {
    Set {
        profile: Profile::P421,
        ..set(id)
    }
}

fn run(set: &Set, facts: &Facts) -> Result<AwsSelection, AwsError> {
    let streams = [set.stream, OLD_STREAM].map(|text| Stream::parse(text).unwrap());
    let context = AwsContext {
        profile: set.profile,
        stream: &streams[0],
        known: &KnownAmis::of(&streams),
        facts: facts.of_cluster(None),
    };
    let image = AwsBootImage {
        id: set.id.map(Text::from),
        region: Text::from(set.region),
    };
    let mut steps = Vec::new();
    let found = select(&image, "w", &set.architecture, &context, &mut steps);
    let ends_early = !matches!(
        found.as_ref().map(|found| &found.selection),
        Ok(Selection::UpToDate | Selection::Update(_))
    );
    assert_eq!(!steps.last().unwrap().passed, ends_early, "{steps:?}");
    found
}

fn check(set: &Set, facts: &Facts, expected: Selection<String>) {
    let found = run(set, facts).unwrap();
    assert_eq!(found, expected.into(), "{:?} {:?}", set.id, set.region);
}

fn update(id: &str) -> Selection<String> {
    Selection::Update(id.to_owned())
}

fn custom(id: &str) -> Selection<String> {
    Selection::Skip(Skip::CustomImage {
        image: id.to_owned(),
    })
}

#[test]
fn t_08_bi_263_whose_image_it_is() {
    let ocp = format!("RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-x86_64-0-{OCP}");
    let rosa = format!("x-{ROSA}");
    let shouted = rosa.to_uppercase();
    let check = |owner, name, expected| assert_eq!(AmiKind::of(owner, name), expected, "{name}");
    check(
        RHCOS_OWNER,
        "rhcos-419-94-202504151514-0-x86_64",
        AmiKind::Standard,
    );
    check(AWS_MARKETPLACE_OWNER, &ocp, AmiKind::Marketplace(OCP));
    check(AWS_MARKETPLACE_OWNER, &rosa, AmiKind::Rosa(ROSA));
    let product = ROSA.to_uppercase();
    check(
        AWS_MARKETPLACE_OWNER,
        &shouted,
        AmiKind::Marketplace(&product),
    );
    check(
        AWS_MARKETPLACE_OWNER,
        "some-image-without-a-uuid",
        AmiKind::Unknown,
    );
    check("123456789012", &ocp, AmiKind::Unknown);
    check("", "", AmiKind::Unknown);
}

#[test]
fn bi_349_the_worked_example() {
    let facts = facts(&[("ami-0000", RHCOS_OWNER, "rhcos-412.86", "")]);
    check(&set("ami-0000"), &facts, update("ami-new"));
    let elsewhere = Set {
        region: "ca-west-9",
        ..set("ami-old")
    };
    let Selection::Skip(skip) = run(&elsewhere, &facts).unwrap().selection else {
        panic!("it is left alone")
    };
    assert_eq!(
        skip.to_string(),
        "the release has no image for region \"ca-west-9\" (rhcos-4.21/x86_64: No AWS images in \
         region ca-west-9)"
    );
    let by_arn = Set {
        id: None,
        ..set("")
    };
    check(&by_arn, &facts, Selection::Skip(Skip::NoImageId));
}

#[test]
fn bi_276_an_image_of_any_stream_document_is_known_without_ec2() {
    let nothing = Facts::default();
    check(&set("ami-old"), &nothing, update("ami-new"));
    check(&set("ami-new"), &nothing, Selection::UpToDate);
    // BI-271: of another region, of another architecture.
    check(&set("ami-new-west"), &nothing, update("ami-new"));
    check(&set("ami-new-arm"), &nothing, update("ami-new"));
}

#[test]
fn bi_262_bi_263_ec2_says_whose_image_it_is() {
    let facts = facts(&[
        ("ami-rhcos", RHCOS_OWNER, "rhcos", ""),
        ("ami-copy", "123456789012", "rhcos", ""),
        ("ami-sold", AWS_MARKETPLACE_OWNER, "no product", ""),
    ]);
    check(&set("ami-rhcos"), &facts, update("ami-new"));
    check(&set("ami-copy"), &facts, custom("ami-copy"));
    check(&set("ami-sold"), &facts, custom("ami-sold"));
    let asked = FactRequest::AwsImage {
        region: "us-east-1".to_owned(),
        id: "ami-x".to_owned(),
    };
    check(&set("ami-x"), &facts, Selection::Needs(vec![asked]));
    let west = Set {
        region: "us-west-2",
        ..set("ami-copy")
    };
    let asked = FactRequest::AwsImage {
        region: "us-west-2".to_owned(),
        id: "ami-copy".to_owned(),
    };
    check(&west, &facts, Selection::Needs(vec![asked]));
}

#[test]
fn bi_277_what_ec2_does_not_tell_leaves_the_set_alone() {
    let mut facts = Facts::default();
    for (id, answer) in [
        ("ami-gone", Answer::NotFound),
        (
            "ami-secret",
            Answer::Denied("UnauthorizedOperation".to_owned()),
        ),
        ("ami-old", Answer::NotFound),
    ] {
        facts.insert(Fact::AwsImage {
            region: Some("us-east-1".to_owned()),
            id: id.to_owned(),
            answer,
        });
    }
    let gone = Selection::Skip(Skip::ImageNotFound {
        image: "ami-gone".to_owned(),
        region: "us-east-1".to_owned(),
    });
    let secret = Selection::Skip(Skip::CloudRefused {
        about: "ami-secret".to_owned(),
        words: "UnauthorizedOperation".to_owned(),
    });
    for set in [set, before_4_22] {
        check(&set("ami-gone"), &facts, gone.clone());
        check(&set("ami-secret"), &facts, secret.clone());
        check(&set("ami-old"), &facts, update("ami-new"));
        check(&set(""), &facts, Selection::Skip(Skip::NoImageId));
    }
}

#[test]
fn bi_260_without_a_region_ec2_cannot_be_asked() {
    let nowhere = Set {
        region: "",
        ..set("ami-x")
    };
    let error = run(&nowhere, &Facts::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "DescribeImages failed for ami-x: placement.region is not set"
    );
}

#[test]
fn bi_265_no_image_for_the_architecture_leaves_the_set_alone() {
    for (architecture, expected) in [
        ("s390x", "rhcos-4.21/s390x: No AWS images"),
        (
            "riscv64",
            "stream:rhcos-4.21 does not have architecture 'riscv64'",
        ),
    ] {
        for set in [set, before_4_22] {
            let set = Set {
                architecture: Architecture::from_rpm_name(architecture),
                ..set("ami-old")
            };
            let found = run(&set, &Facts::default()).unwrap().selection;
            let Selection::Skip(Skip::NoTargetInRegion { region, error }) = found else {
                panic!("{found:?}")
            };
            assert_eq!(
                (region.as_str(), error.to_string().as_str()),
                ("us-east-1", expected)
            );
        }
    }
}

#[test]
fn bi_275_before_4_22_the_stream_is_looked_at_first_and_products_are_unknown() {
    let sold = format!("x-{OCP}");
    let facts = facts(&[
        ("ami-rhcos", RHCOS_OWNER, "rhcos", ""),
        ("ami-sold", AWS_MARKETPLACE_OWNER, &sold, "9.6.20260210-0"),
    ]);
    check(&before_4_22("ami-new"), &facts, Selection::UpToDate);
    check(&before_4_22("ami-old"), &facts, update("ami-new"));
    check(&before_4_22("ami-rhcos"), &facts, update("ami-new"));
    check(&before_4_22("ami-sold"), &facts, custom("ami-sold"));
    let asked = FactRequest::AwsImage {
        region: "us-east-1".to_owned(),
        id: "ami-x".to_owned(),
    };
    check(&before_4_22("ami-x"), &facts, Selection::Needs(vec![asked]));
    let by_arn_elsewhere = Set {
        id: None,
        region: "ca-west-9",
        ..before_4_22("")
    };
    let found = run(&by_arn_elsewhere, &facts).unwrap().selection;
    assert!(
        matches!(found, Selection::Skip(Skip::NoTargetInRegion { .. })),
        "{found:?}"
    );
}

/// Expected: what to boot, and the version to record.
fn check_product(set: &Set, facts: &Facts, selection: Selection<String>, version: &str) {
    let expected = AwsSelection {
        selection,
        rhcos_version: Some(version.to_owned()),
    };
    assert_eq!(run(set, facts).unwrap(), expected, "{:?}", set.id);
}

#[test]
fn bi_267_bi_268_bi_270_a_marketplace_image_stays_with_its_product() {
    let owner = AWS_MARKETPLACE_OWNER;
    for product in [OCP, ROSA] {
        let name = format!("RHCOS-{product}");
        let facts = facts(&[
            (
                "ami-9.6",
                owner,
                &name,
                "RHEL CoreOS 9.6 9.6.20260210-0 x86_64",
            ),
            (
                "ami-9.8",
                owner,
                &name,
                "RHEL CoreOS 9.8 9.8.20260403-0 x86_64",
            ),
            (
                "ami-9.9",
                owner,
                &name,
                "RHEL CoreOS 9.9 9.9.20270101-0 x86_64",
            ),
        ]);
        let newest = "9.8.20260403-0";
        check_product(&set("ami-9.6"), &facts, update("ami-9.8"), newest);
        check_product(&set("ami-9.8"), &facts, Selection::UpToDate, newest);
        check_product(&set("ami-9.9"), &facts, update("ami-9.8"), newest);
    }
}

#[test]
fn bi_267_a_product_that_nobody_looked_up_is_asked_for() {
    let mut facts = Facts::default();
    let image = AwsImage {
        id: "ami-sold".to_owned(),
        owner: AWS_MARKETPLACE_OWNER.to_owned(),
        name: format!("x-{OCP}"),
        ..AwsImage::default()
    };
    facts.insert(Fact::AwsImage {
        region: Some("us-east-1".to_owned()),
        id: image.id.clone(),
        answer: Answer::Found(image),
    });
    let asked = FactRequest::AwsMarketplaceImages {
        region: "us-east-1".to_owned(),
        product_id: OCP.to_owned(),
    };
    check(&set("ami-sold"), &facts, Selection::Needs(vec![asked]));
    let refused = Answer::Denied("no".to_owned());
    for (answer, expected) in [
        (Answer::NotFound, None),
        (refused, Some(format!("marketplace product {OCP}"))),
    ] {
        facts.insert(Fact::AwsMarketplaceImages {
            region: Some("us-east-1".to_owned()),
            product_id: OCP.to_owned(),
            answer,
        });
        let expected = match expected {
            Some(about) => Skip::CloudRefused {
                about,
                words: "no".to_owned(),
            },
            None => Skip::NoMarketplaceImage {
                product: OCP.to_owned(),
                token: "9.8".to_owned(),
                only_older_scheme: false,
            },
        };
        check(&set("ami-sold"), &facts, Selection::Skip(expected));
    }
}

#[test]
fn bi_269_without_an_image_to_take_the_set_is_left_alone() {
    let name = format!("x-{OCP}");
    for (description, only_older_scheme) in [
        ("418.94.202511191518-0", true),
        ("9.9.20270101-0", false),
        ("nothing", false),
    ] {
        let facts = facts(&[("ami-sold", AWS_MARKETPLACE_OWNER, &name, description)]);
        let skip = Skip::NoMarketplaceImage {
            product: OCP.to_owned(),
            token: "9.8".to_owned(),
            only_older_scheme,
        };
        check(&set("ami-sold"), &facts, Selection::Skip(skip));
    }
}

#[test]
fn bi_266_a_stream_without_a_release_for_aws_is_an_error() {
    let name = format!("x-{OCP}");
    let facts = facts(&[("ami-sold", AWS_MARKETPLACE_OWNER, &name, "9.6.20260210-0")]);
    for (architecture, expected) in [
        (
            "riscv64",
            "stream:rhcos-4.21 does not have architecture 'riscv64'",
        ),
        (
            "s390x",
            "MachineSet w: no aws artifact in stream for arch s390x",
        ),
        ("aarch64", "MachineSet w: RHCOS release string is empty"),
    ] {
        let set = Set {
            architecture: Architecture::from_rpm_name(architecture),
            ..set("ami-sold")
        };
        assert_eq!(run(&set, &facts).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn no_input_panics(id in "\\PC{0,9}", owner in "(531415883065|679593333241|1)",
        name in "\\PC{0,40}", description in "[0-9.-]{0,30}",
    ) {
        let facts = facts(&[(&id, &owner, &name, &description)]);
        let stream = Stream::parse(STREAM).unwrap();
        let streams = [stream];
        for profile in Profile::ALL {
            let context = AwsContext {
                profile: *profile,
                stream: &streams[0],
                known: &KnownAmis::of(&streams),
                facts: facts.of_cluster(None),
            };
            let region = Text::from("us-east-1");
            let image = AwsBootImage { id: Some(Text::from(id.as_str())), region };
            let mut trace = Vec::new();
            let _ = select(&image, "w", &Architecture::X86_64, &context, &mut trace);
        }
    }
}
