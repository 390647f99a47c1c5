//! AWS: a fifth of the sets is arm64, a tenth boots images of the marketplace. What EC2 says of the
//! images stands in saved output of `aws ec2 describe-images`; the stream names the current ones.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Age, Input, machine_set, write_cluster};

const REGION: &str = "us-east-1";
const OCP: &str = "59ead7de-2540-4653-a8b0-fa7926d5c845";
/// How many images of their own the sets boot: a company has some dozens.
const CUSTOM_IMAGES: usize = 32;

pub(super) fn cluster(folder: &Path, sets: usize) -> std::io::Result<Input> {
    let objects = folder.join(format!("aws-{sets}"));
    let status = json!({"type": "AWS", "aws": {"region": REGION}});
    write_cluster(&objects, &status, &stream(), (0..sets).map(set))?;
    let facts = folder.join("aws-facts.json");
    fs::write(&facts, described().to_string())?;
    Ok(Input {
        name: "AWS",
        objects,
        facts: Some(facts),
    })
}

fn stream() -> Value {
    let images = |architecture: &str| {
        json!({
            "artifacts": {"aws": {"release": "9.8.20260715-0"}},
            "images": {"aws": {"regions": {REGION: {
                "release": "9.8.20260715-0", "image": release_image(Age::Current, architecture)}}}},
        })
    };
    json!({"stream": "bench", "architectures":
        {"x86_64": images("x86_64"), "aarch64": images("aarch64")}})
}

/// An image that the release has, or had once.
fn release_image(age: Age, architecture: &str) -> &'static str {
    match (age, architecture) {
        (Age::Current, "x86_64") => "ami-0a1b2c3d4e5f60718",
        (Age::Current, _) => "ami-0a1b2c3d4e5f60719",
        (_, "x86_64") => "ami-0b2c3d4e5f6071829",
        (_, _) => "ami-0b2c3d4e5f607182a",
    }
}

/// An image that the marketplace has.
fn market_image(age: Age) -> &'static str {
    match age {
        Age::Current => "ami-0c4d5e6f708192a3b",
        Age::Outdated | Age::Custom => "ami-0c3d4e5f60718293a",
    }
}

fn custom_image(index: usize) -> String {
    format!("ami-0d{:015x}", index % CUSTOM_IMAGES)
}

/// What `aws ec2 describe-images` prints of all images but the stream's.
fn described() -> Value {
    let image = |id: &str, owner: &str, name: &str, version: &str| {
        json!({"Architecture": "x86_64", "CreationDate": "2026-06-05T08:00:00.000Z",
            "ImageId": id, "ImageType": "machine", "Public": true, "OwnerId": owner,
            "State": "available", "Description": format!("RHCOS {version} x86_64"), "Name": name,
            "RootDeviceType": "ebs", "VirtualizationType": "hvm"})
    };
    let released = ["x86_64", "aarch64"].map(|architecture| {
        let id = release_image(Age::Outdated, architecture);
        let name = format!("rhcos-418.94.202501221327-0-{architecture}");
        image(id, "531415883065", &name, "418.94.202501221327-0")
    });
    let sold = [
        (Age::Outdated, "9.6.20251015-1"),
        (Age::Current, "9.8.20260601-0"),
    ];
    let sold = sold.map(|(age, version)| {
        let name = format!("rhcos-x86_64-{version}-{OCP}");
        image(market_image(age), "679593333241", &name, version)
    });
    let own = (0..CUSTOM_IMAGES)
        .map(|index| image(&custom_image(index), "210987654321", "hardened", "1"));
    let images: Vec<_> = released.into_iter().chain(sold).chain(own).collect();
    json!({ "Images": images })
}

fn set(index: usize) -> Value {
    let architecture = if index.is_multiple_of(5) {
        "aarch64"
    } else {
        "x86_64"
    };
    let age = Age::of(index);
    let image = match age {
        Age::Custom => custom_image(index / 10),
        _ if index % 10 == 1 || index % 30 == 8 => market_image(age).to_owned(),
        _ => release_image(age, architecture).to_owned(),
    };
    let spec = json!({
        "ami": {"id": image},
        "apiVersion": "machine.openshift.io/v1beta1",
        "blockDevices": [{"ebs": {"encrypted": true, "iops": 0, "volumeSize": 120,
            "volumeType": "gp3"}}],
        "credentialsSecret": {"name": "aws-cloud-credentials"},
        "deviceIndex": 0,
        "iamInstanceProfile": {"id": "bench-7xk2p-worker-profile"},
        "instanceType": "m6i.xlarge",
        "kind": "AWSMachineProviderConfig",
        "metadata": {"creationTimestamp": null},
        "placement": {"availabilityZone": "us-east-1a", "region": REGION},
        "securityGroups": [{"filters": [{"name": "tag:Name", "values": ["bench-7xk2p-node"]}]}],
        "subnet": {"filters": [
            {"name": "tag:Name", "values": ["bench-7xk2p-subnet-private-us-east-1a"]}]},
        "tags": [{"name": "kubernetes.io/cluster/bench-7xk2p", "value": "owned"}],
        "userDataSecret": {"name": "worker-user-data"},
    });
    let annotated = if architecture == "aarch64" {
        "arm64"
    } else {
        "amd64"
    };
    machine_set(index, annotated, &spec)
}
