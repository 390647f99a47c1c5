use openshift_model::boot_image::{
    AwsBootImage, AzureBootImage, GcpBootDisk, GcpBootDisks, VsphereBootImage,
};
use openshift_model::facts::{Answer, Facts, VsphereMachine, VsphereMachines};
use openshift_model::{Architecture, Platform, RawValue, Stream};

use super::*;

fn check(what: &str, found: &ReadVersion, expected: &str) {
    let shown = match found {
        Ok(version) => version.to_string(),
        Err(problem) => problem.to_string(),
    };
    assert_eq!(shown, expected, "{what}");
}

#[test]
fn gcp_has_the_build_in_the_name() {
    let disks = |images: &[&str]| {
        let disk = |(index, image): (usize, &&str)| GcpBootDisk {
            index,
            image: (*image).to_owned().into(),
        };
        GcpBootDisks(images.iter().enumerate().map(disk).collect())
    };
    let project = "projects/rhcos-cloud/global/images";
    let new = format!("{project}/rhcos-9-6-20250523-0-gcp-aarch64");
    let old =
        format!("https://www.googleapis.com/compute/v1/{project}/rhcos-46-82-202011260640-0-gcp");
    let cases: &[(&[&str], &str)] = &[
        (&[&new], "9.6.20250523-0"),
        (&[&new, &new], "9.6.20250523-0"),
        (&[&old], "46.82.202011260640-0"),
        (
            &[&new, &old],
            "there are two images, \"9.6.20250523-0\" and \"46.82.202011260640-0\"",
        ),
        (
            &["projects/p/global/images/x-7kq2b-rhcos-image"],
            "the name \"projects/p/global/images/x-7kq2b-rhcos-image\" has no version in it",
        ),
        (&[""], "the provider spec names no image"),
        (&[], "the provider spec names no image"),
    ];
    for (images, expected) in cases {
        check("gcp", &gcp::version(&disks(images)), expected);
    }
}

#[test]
fn azure_has_a_version_of_its_own_kind() {
    let gallery =
        "/resourceGroups/x-rg/providers/Microsoft.Compute/galleries/gallery_x/images/x-gen2";
    let marketplace = |version: &'static str| AzureBootImage {
        publisher: "azureopenshift".into(),
        offer: "aro4".into(),
        sku: "aro_414".into(),
        version: version.into(),
        ..AzureBootImage::default()
    };
    let uploaded = |rest: &str| AzureBootImage {
        resource_id: format!("{gallery}{rest}").into(),
        ..AzureBootImage::default()
    };
    let latest = format!("{gallery}/versions/latest");
    let cases = [
        // The SKU says otherwise, and is not believed.
        (marketplace("412.92.20231021"), "412.92.20231021".to_owned()),
        (marketplace("9.6.20251015"), "9.6.20251015".to_owned()),
        (marketplace("4.18.2025031114"), "4.18.2025031114".to_owned()),
        (
            marketplace("17763.1.2"),
            "\"17763.1.2\" is no version of a boot image that is known".to_owned(),
        ),
        (uploaded("/versions/9.6.2025"), "9.6.2025".to_owned()),
        (
            uploaded("/versions/418.94.20250122"),
            "418.94.20250122".to_owned(),
        ),
        (
            uploaded("/versions/latest"),
            format!("{latest:?} stands for whichever is the latest when a machine is made"),
        ),
        (
            uploaded(""),
            format!("{gallery:?} stands for whichever is the latest when a machine is made"),
        ),
        (
            AzureBootImage::default(),
            "the provider spec names no image".to_owned(),
        ),
    ];
    for (image, expected) in cases {
        check("azure", &azure::version(&image), &expected);
    }
}

const STREAM: &str = r#"{"stream": "s", "architectures": {"x86_64": {
    "artifacts": {"metal": {"release": "9.8.20260403-1"}, "vmware": {"release": "9.8.20260403-2"}},
    "images": {"aws": {"regions": {"us-east-1": {"release": "9.8.20260403-0", "image": "ami-8"}}},
        "gcp": {"release": "9.8.20260403-3"}}}}}"#;

#[test]
fn an_ami_is_known_by_a_stream_document_or_by_ec2() {
    let facts = Facts::parse(r#"{"apiVersion": "osimage.dev/v1", "kind": "Facts", "items": [
        {"kind": "AwsImage", "region": "r", "id": "ami-1", "image": {"ImageId": "ami-1",
            "Name": "rhcos-417.94.202501301529-0-x86_64", "Description": "OpenShift 4.17 417.94.202501301529-0 x86_64"}},
        {"kind": "AwsImage", "region": "r", "id": "ami-2", "image": {"ImageId": "ami-2",
            "Name": "RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-x86_64-0-59ead7de-2540-4653-a8b0-fa7926d5c845"}},
        {"kind": "AwsImage", "region": "r", "id": "ami-3", "image": {"ImageId": "ami-3", "Name": "hardened"}},
        {"kind": "AwsImage", "region": "r", "id": "ami-4", "notFound": true},
        {"kind": "AwsImage", "region": "r", "id": "ami-5", "denied": "no"}]}"#).unwrap();
    let facts = facts.of_cluster(Some("r"));
    let stream = Stream::parse(STREAM).unwrap();
    let cases = [
        ("ami-8", "9.8.20260403-0"),
        ("ami-1", "417.94.202501301529-0"),
        ("ami-2", "9.6.20260210-0"),
        ("ami-3", "the name \"hardened\" has no version in it"),
        ("ami-4", "EC2 has no \"ami-4\""),
        ("ami-5", "EC2 does not tell about \"ami-5\": no"),
        (
            "ami-6",
            "only EC2 can tell the version of \"ami-6\", and the facts do not have it",
        ),
        ("", "the provider spec names no image"),
    ];
    for (id, expected) in cases {
        let image = AwsBootImage {
            id: Some(id.into()),
            region: "r".into(),
        };
        check(id, &aws::version(&image, facts, [&stream]), expected);
    }
}

#[test]
fn a_template_is_known_by_the_vcenter_or_by_its_name() {
    let machine = |path: &str, version: &str| VsphereMachine {
        path: path.to_owned(),
        version: version.to_owned(),
        ..VsphereMachine::default()
    };
    let machines = VsphereMachines {
        folder_path: None,
        machines: vec![
            machine("/dc/vm/a/x-rhcos", "417.94.202501301529-0"),
            machine("/dc/vm/a/two", "9.8.20260403-0"),
            machine("/dc/vm/b/two", "9.6.20250523-0"),
            machine("/dc/vm/b/rhcos-43.81.202001142154.0-vmware.x86_64", ""),
            machine("/dc/vm/b/mine", "1"),
        ],
    };
    let asked = Some(Answer::Found(&machines));
    let named = "rhcos-43.81.202001142154.0-vmware.x86_64";
    let cases = [
        ("x-rhcos", asked, "417.94.202501301529-0"),
        ("/dc/vm/b/two", asked, "9.6.20250523-0"),
        (
            "two",
            asked,
            "there are two images, \"9.8.20260403-0\" and \"9.6.20250523-0\"",
        ),
        (named, asked, "43.81.202001142154.0"),
        (named, None, "43.81.202001142154.0"),
        (
            "mine",
            asked,
            "\"1\" is no version of a boot image that is known",
        ),
        ("gone", asked, "the vCenter has no \"gone\""),
        (
            "x-rhcos",
            Some(Answer::Denied("no")),
            "the vCenter does not tell about \"x-rhcos\": no",
        ),
        (
            "x-rhcos",
            None,
            "only the vCenter can tell the version of \"x-rhcos\", and the facts do not have it",
        ),
        ("", None, "the provider spec names no image"),
    ];
    for (template, asked, expected) in cases {
        let image = VsphereBootImage {
            template: template.into(),
            ..VsphereBootImage::default()
        };
        check(template, &vsphere::version(&image, asked), expected);
    }
}

#[test]
fn other_platforms_tell_what_a_person_named() {
    let cases = [
        (
            r#"{"image": "x-7kq2b-rhcos"}"#,
            "the name \"x-7kq2b-rhcos\" has no version in it",
        ),
        (
            r#"{"image": "rhcos-418.94.202501221327-0-openstack"}"#,
            "418.94.202501221327-0",
        ),
        (
            r#"{"image": {"type": "name", "name": "rhcos-9-8-20260428-0-ppc64le-powervs"}}"#,
            "9.8.20260428-0",
        ),
        (
            r#"{"image": {"url": "https://h/rhcos-9.8.20260428-0-openstack.x86_64.qcow2.gz"}}"#,
            "9.8.20260428-0",
        ),
        (
            r#"{"template_name": "rhcos-46.82.202011260640-0"}"#,
            "46.82.202011260640-0",
        ),
        (
            r#"{"image": {"type": "uuid", "uuid": "1"}}"#,
            "the provider spec names no image",
        ),
        ("{}", "the provider spec names no image"),
        (
            r#"{"image": 5}"#,
            "the image in the provider spec cannot be read: /image: invalid type: integer `5`, expected a string",
        ),
    ];
    for (spec, expected) in cases {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        check(spec, &other::version(Some(raw)), expected);
    }
    check(
        "none",
        &other::version(None),
        "the provider spec names no image",
    );
}

#[test]
fn a_stream_document_says_what_the_release_boots() {
    let stream = Stream::parse(STREAM).unwrap();
    let cases = [
        ("AWS", "x86_64", "9.8.20260403-0"),
        ("BareMetal", "x86_64", "9.8.20260403-1"),
        ("VSphere", "x86_64", "9.8.20260403-2"),
        ("GCP", "x86_64", "9.8.20260403-3"),
        ("Azure", "x86_64", "9.8.20260403-1"),
        ("Nutanix", "x86_64", "9.8.20260403-1"),
        (
            "GCP",
            "s390x",
            "the stream document has no image for GCP on s390x",
        ),
    ];
    for (platform, architecture, expected) in cases {
        let found = stream::version(
            &stream,
            &Platform::from_name(platform),
            &Architecture::from_rpm_name(architecture),
        );
        check(platform, &found, expected);
    }
}
