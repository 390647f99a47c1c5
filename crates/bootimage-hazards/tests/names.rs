//! Image names of each platform and each era, generated, are read right and ordered right.
#![expect(
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use bootimage_hazards::read::{aws, azure, gcp, other, vsphere};
use bootimage_hazards::{BootImageVersion, Distribution, aleph};
use openshift_model::RawValue;
use openshift_model::boot_image::{
    AwsBootImage, AzureBootImage, GcpBootDisk, GcpBootDisks, VsphereBootImage,
};
use openshift_model::facts::{Answer, AwsImage, Fact, Facts, VsphereMachine, VsphereMachines};
use proptest::prelude::*;

/// Names of each platform and era.
const CASES: u32 = 500;

/// A build, with what should be read out of it.
#[derive(Debug, Clone)]
struct Build {
    text: String,
    distribution: Distribution,
    /// Oldest release; 0 for FCOS.
    minor: u16,
    /// What the order goes by.
    key: Vec<u64>,
}

impl Build {
    fn dashed(&self) -> String {
        self.text.replace('.', "-")
    }
}

fn day() -> impl Strategy<Value = String> {
    (2019..2030_u16, 1..13_u8, 1..29_u8).prop_map(|(y, m, d)| format!("{y}{m:02}{d:02}"))
}

fn minute() -> impl Strategy<Value = String> {
    (day(), 0..24_u8, 0..60_u8).prop_map(|(day, h, m)| format!("{day}{h:02}{m:02}"))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

/// 4.1 to 4.3 with a day, a dot before the build.
fn oldest() -> impl Strategy<Value = Build> {
    let first = prop_oneof![Just(("410.8", 1)), Just(("42.80", 2)), Just(("43.80", 3))];
    (first, day(), 0..9_u64).prop_map(|((first, minor), day, build)| Build {
        text: format!("{first}.{day}.{build}"),
        distribution: Distribution::Rhcos,
        minor,
        key: vec![0, minor.into(), 800, number(&day), 0, build],
    })
}

/// 4.4 to 4.18 with a time, a dash before the build.
fn old() -> impl Strategy<Value = Build> {
    let release = prop_oneof![
        (4..8_u16, Just(81..84_u64)),
        (8..11_u16, Just(84..85)),
        (11..13_u16, Just(85..87)),
        (13..16_u16, Just(92..93)),
        (16..19_u16, Just(94..95)),
    ];
    release
        .prop_flat_map(|(minor, os)| (Just(minor), os, minute(), 0..9_u64))
        .prop_map(|(minor, os, time, build)| Build {
            text: format!("4{minor}.{os}.{time}-{build}"),
            distribution: Distribution::Rhcos,
            minor,
            key: vec![
                0,
                minor.into(),
                os / 10 * 100 + os % 10,
                number(&time[..8]),
                number(&time[8..]) + 1,
                build,
            ],
        })
}

/// Numbered after RHEL, or after CentOS Stream.
fn new() -> impl Strategy<Value = Build> {
    let os = prop_oneof![
        Just((9, 6, 19)),
        Just((9, 8, 22)),
        Just((10, 2, 22)),
        Just((9, 0, 19)),
        Just((10, 0, 20)),
    ];
    (os, day(), 0..9_u64).prop_map(|((major, minor, release), day, build)| Build {
        text: format!("{major}.{minor}.{day}-{build}"),
        distribution: if minor == 0 {
            Distribution::Scos
        } else {
            Distribution::Rhcos
        },
        minor: release,
        key: vec![1, major, minor, number(&day), build],
    })
}

fn fcos() -> impl Strategy<Value = Build> {
    (31..60_u64, day(), 1..4_u64, 0..9_u64).prop_map(|(fedora, day, stream, build)| Build {
        text: format!("{fedora}.{day}.{stream}.{build}"),
        distribution: Distribution::Fcos,
        minor: 0,
        key: vec![fedora, number(&day), stream, build],
    })
}

fn any_build() -> impl Strategy<Value = Build> {
    prop_oneof![oldest(), old(), new(), fcos()]
}

/// The name of a cluster's objects; digits and dashes are allowed in it.
fn infrastructure() -> impl Strategy<Value = String> {
    "[a-z]([a-z0-9-]{0,12}[a-z0-9])?-[bcdf-hjkmnp-tvwxz2-9]{5}"
}

fn prefix(build: &Build) -> &'static str {
    match build.distribution {
        Distribution::Fcos => "fedora-coreos",
        Distribution::Scos => "scos",
        Distribution::Rhcos => "rhcos",
    }
}

fn check_gcp(build: &Build) {
    let image = format!(
        "projects/rhcos-cloud/global/images/{}-{}-gcp-x86-64",
        prefix(build),
        build.dashed()
    );
    let disks = GcpBootDisks(vec![GcpBootDisk {
        index: 0,
        image: image.into(),
    }]);
    check(build, &gcp::version(&disks).unwrap());
}

fn check_aws(build: &Build, name_alone: bool) {
    let mut facts = Facts::default();
    facts.insert(Fact::AwsImage {
        region: Some("r".into()),
        id: "ami-1".into(),
        answer: Answer::Found(AwsImage {
            id: "ami-1".into(),
            name: format!("{}-{}-x86_64", prefix(build), build.text),
            description: if name_alone {
                String::new()
            } else {
                format!("RHEL CoreOS 9.6 {} x86_64", build.text)
            },
            ..AwsImage::default()
        }),
    });
    let image = AwsBootImage {
        id: Some("ami-1".into()),
        region: "r".into(),
    };
    check(
        build,
        &aws::version(&image, facts.of_cluster(None), []).unwrap(),
    );
}

/// Azure's marketplace has the build without what follows the day.
fn check_azure(build: &Build) {
    let Some((front, _)) = build.text.rsplit_once(['-', '.']) else {
        panic!("{build:?}")
    };
    let (os, date) = front.rsplit_once('.').unwrap();
    let image = AzureBootImage {
        publisher: "azureopenshift".into(),
        version: format!("{os}.{}", &date[..8]).into(),
        ..AzureBootImage::default()
    };
    let found = azure::version(&image).unwrap();
    let whole = BootImageVersion::parse(&build.text).unwrap();
    assert!(found < whole, "{found} {whole}: less is known of it");
    assert_eq!(
        (found.releases(), found.os(), found.built()),
        (whole.releases(), whole.os(), whole.built())
    );
}

fn check_vsphere(build: &Build, infrastructure: &str) {
    let template = format!("{infrastructure}-rhcos-generated-region-zone");
    let image = VsphereBootImage {
        template: template.clone().into(),
        ..VsphereBootImage::default()
    };
    assert!(vsphere::version(&image, None).is_err(), "{template}");
    let machines = VsphereMachines {
        folder_path: None,
        machines: vec![VsphereMachine {
            path: format!("/dc/vm/{template}"),
            version: build.text.clone(),
            ..VsphereMachine::default()
        }],
    };
    check(
        build,
        &vsphere::version(&image, Some(Answer::Found(&machines))).unwrap(),
    );
    let by_hand = format!(
        "/dc/vm/templates/{}-{}-vmware.x86_64",
        prefix(build),
        build.text
    );
    let image = VsphereBootImage {
        template: by_hand.into(),
        ..VsphereBootImage::default()
    };
    check(build, &vsphere::version(&image, None).unwrap());
}

fn check_other(build: &Build, infrastructure: &str) {
    let read = |spec: &str| {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        other::version(Some(raw))
    };
    let url = format!(
        "https://h/p/{}-{}-metal.x86_64.raw.gz",
        prefix(build),
        build.text
    );
    check(
        build,
        &read(&format!(r#"{{"image": {{"url": "{url}"}}}}"#)).unwrap(),
    );
    let powervs = format!(
        "{}-{}-ppc64le-powervs.ova.gz",
        prefix(build),
        build.dashed()
    );
    check(
        build,
        &read(&format!(r#"{{"image": {{"name": "{powervs}"}}}}"#)).unwrap(),
    );
    let openstack = format!("{}-{}-openstack.qcow2", prefix(build), build.text);
    check(
        build,
        &read(&format!(r#"{{"image": "{openstack}"}}"#)).unwrap(),
    );
    assert!(read(&format!(r#"{{"image": "{infrastructure}-rhcos"}}"#)).is_err());
}

fn check(build: &Build, found: &BootImageVersion) {
    assert_eq!(found.to_string(), build.text);
    assert_eq!(*found, BootImageVersion::parse(&build.text).unwrap());
    assert_eq!(found.distribution(), build.distribution);
    assert_eq!(
        found.releases().map_or(0, |range| range.from.minor),
        build.minor,
        "{build:?}"
    );
}

fn check_everywhere(build: &Build, infrastructure: &str) {
    check_gcp(build);
    check_aws(build, false);
    check_aws(build, true);
    check_vsphere(build, infrastructure);
    check_other(build, infrastructure);
    let printed = format!(
        "Starting pod/n-debug ...\n{{\n \"version\": \"{}\"\n}}\n",
        build.text
    );
    check(
        build,
        &aleph::read(&printed).unwrap().remove(0).version.unwrap(),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn names_of_4_1_to_4_3(build in oldest(), infrastructure in infrastructure()) {
        check_everywhere(&build, &infrastructure);
    }

    #[test]
    fn names_of_4_4_to_4_18(build in old(), infrastructure in infrastructure()) {
        check_everywhere(&build, &infrastructure);
        check_azure(&build);
    }

    #[test]
    fn names_numbered_after_the_operating_system(build in new(), infrastructure in infrastructure()) {
        check_everywhere(&build, &infrastructure);
        check_azure(&build);
    }

    #[test]
    fn names_of_fedora_coreos(build in fcos(), infrastructure in infrastructure()) {
        check_everywhere(&build, &infrastructure);
    }

    #[test]
    fn order_is_that_of_history(a in any_build(), b in any_build()) {
        let read = |build: &Build| BootImageVersion::parse(&build.text).unwrap();
        let expected = a.distribution.cmp(&b.distribution).then_with(|| a.key.cmp(&b.key));
        prop_assert_eq!(read(&a).cmp(&read(&b)), expected);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,40}", numbers in "[0-9.{}\"/-]{0,40}") {
        for text in [&text, &numbers] {
            let _ = BootImageVersion::parse(text);
            let _ = aleph::read(text);
            let image = VsphereBootImage { template: format!("rhcos{text}").into(), ..VsphereBootImage::default() };
            let _ = vsphere::version(&image, None);
        }
    }
}
